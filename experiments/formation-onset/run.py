"""Onset and duration of the rise of spine formation after ketamine: one dose and five daily doses, hour by hour."""

from pathlib import Path

import numpy as np

import synmodel
from synmodel.comparison import contrasts, with_interval
from synmodel.experiments import Finding, Outcome, stage
from synmodel.inference.joint import load_posterior
from synmodel.inference.readings import Reading, joint_problem
from synmodel.inference.summary_fit import fit_problem
from synmodel.inference.verdicts import hold
from synmodel.repeats import repeats_that_find
from synmodel.report.experiments import mark_window
from synmodel.report.figures import COLOURS, draw_band, panels
from synmodel.signalling.folds import mean_folds
from synmodel.simulation import drive_function

EDGES = np.geomspace(0.5, 132, 121)  # hours
MIDDLES, ONSETS = np.sqrt(EDGES[:-1] * EDGES[1:]), np.array([0.25, 0.5, 1, 2, 4, 8, 16, 24, 48])
MODA, PRYAZHNIKOV = "Zhang et al. 2019 on Moda-Sava et al. 2019", "Pryazhnikov et al. 2018, 10.1038/s41598-018-24933-8"
NOTHING = (None, "", "derived")
WINDOWS = {  # hours after the first dose -> what is published of spine formation there
    "single": {(0, 2): NOTHING, (3, 6): ("no", MODA, "secondary"), (12, 24): ("rise", MODA, "secondary")},
    "daily5": {(6, 24): ("no", PRYAZHNIKOV, "measured"), (72, 132): ("rise", PRYAZHNIKOV, "measured")},
}
TITLES, TICKS = {"single": "one dose", "daily5": "five daily doses"}, (1, 2, 6, 24, 72, 132)
STUDY, COLOUR = "phoumthipphavong2016", (COLOURS["ketamine"], "#0072B2")
ASSUMED = (
    "by pulses births follow one pulse per dose, and those of daily doses add; its rise has a prior (6 h, twofold)",
    "the mechanism has no delay between mTORC1 and births; its slow drives end at levels that are assumed",
    "frontal cortex of 2016 stands for somatosensory cortex; mice and dendrites of the study of 2018 were not seen",
)


def run(*, short, seed, progress=None):
    """Births hour by hour under both drives, the profile of the onset, and what studies of daily doses would find."""
    draws, posterior, findings = 64 if short else 400, load_posterior(), []
    fit = fit_problem(joint_problem([STUDY], reading=Reading("pulse")), seed=seed, starts=1)
    drives = {"phenomenological": fit, "mechanistic": posterior}
    figure, ((*tops,), (left, right)) = panels(2, 2, size=(10.0, 6.6), height_ratios=(1.2, 1))
    for axes, (name, windows) in zip(tops, WINDOWS.items(), strict=True):
        plan = synmodel.load_scenario(Path(__file__).with_name(f"scenario-{name}.toml"))
        ends = np.concatenate([np.stack([EDGES[:-1], EDGES[1:]], axis=1), list(windows)]) / 24
        for place, (drive, source) in enumerate(drives.items()):
            course, told = drive_function(plan.updated(drive=drive)), stage(progress, f"{name}, {drive}")
            births = lambda p, course=course, ends=ends: mean_folds(course(p), "formation", ends)  # noqa: E731
            bands = with_interval(source, births, draws=draws, seed=seed, progress=told)
            draw_band(axes, MIDDLES, bands[:, : len(MIDDLES)], COLOUR[place], f"{drive} drive")
            for ((start, end), words), band in zip(windows.items(), bands[:, len(MIDDLES) :].T, strict=True):
                findings.append(Finding(f"{TITLES[name]}: births {start}–{end} h, {drive}", *band, "fold", *words))
            if name == "daily5":
                arms = (plan.updated(drive=drive), plan.updated(drive=drive, regimen={}))
                own = source.in_library(STUDY, "ketamine")
                found = repeats_that_find(*arms, own, replicates=draws, seed=seed)
                found = found.isel(point=[2, 4])  # formation fraction from 6 to 24 h and from 72 to 132 h
                right.bar(np.arange(2) + 0.36 * place - 0.18, 100 * found["more"], 0.34, color=COLOUR[place])
                percent = [100 * float(found[end][0]) for end in ("more", "more_low", "more_high")]
                findings.append(Finding(f"studies that would see a rise 6–24 h, {drive}", *percent, "%", *NOTHING))
        for (start, end), (word, _, status) in windows.items():
            text = f"published:\n{word or 'nothing'}\n{'' if status != 'secondary' else '(secondary)'}"
            mark_window(axes, max(start, EDGES[0]), end, text, strong=word is not None)
        axes.set(xscale="log", xlabel="hours after the first dose", ylim=(0, axes.get_ylim()[1] * 1.2), xticks=TICKS)
        axes.set(title=TITLES[name], ylabel="births, fold over baseline", xticklabels=TICKS)
    axes.legend(loc="upper left")
    right.set(title="Studies that would find more formation", ylabel="% of repeats")
    right.set_xticks((0, 1), ("6–24 h (published: no)", "72–132 h (published: rise)"))
    _, rise, bound = hold(fit, "ketamine.onset", ONSETS / 24, seed=seed)
    left.plot(ONSETS, rise, "C1o-", ONSETS, np.full(len(ONSETS), bound), "k:")
    left.set(xscale="log", xlabel="time constant of the rise after one dose (h)", ylim=(-0.2, bound + 1), xticks=ONSETS)
    left.set(xticklabels=map("{:g}".format, ONSETS), ylabel="rise of −2 log posterior", title="Onset held, rest fitted")
    late = Finding.of(contrasts(posterior, "ketamine", draws=draws, seed=seed)[0]["formation_gain_day_3_to_5"])
    early, kept = findings[0], "reproduced" if late.low > 0 else ("not identifiable", "contradicted")[late.high < 0]
    reason = f"""the profile of the onset rises by {rise.max():.1f} of {bound:.1f} from 15 min to {ONSETS[-1]:g} h:
        births within 2 h ({early.model:.1f}-fold, {early.low:.1f} to {early.high:.1f}) are the prior's, and what is
        published of 3 to 24 h after one dose is secondary. The duration is {kept}: formation 72 to 120 h after
        one dose is {late.model:.1f} points ({late.low:.1f} to {late.high:.1f}) above the control's"""
    verdict = "not identifiable" if rise.max() < bound else kept if early.low > 1 else "contradicted"
    return Outcome(verdict, " ".join(reason.split()), (*findings, late), ASSUMED, figure)
