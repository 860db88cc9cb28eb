"""Stress, what ketamine restores of it, what prevents and prolongs that, and the inverted U of dose."""

from pathlib import Path

import numpy as np

import synmodel
from synmodel import assays
from synmodel.experiments import Finding, Outcome
from synmodel.report.figures import COLOURS, GREY, panels

HERE, DOSES, DAYS = Path(__file__).parent, (1, 3, 10, 20, 30, 50, 100, 200), np.array([1, 3, 7, 14, 28])
NG, CHIU = "Ng et al. 2018, doi:10.1038/s41398-018-0321-5", "Chiu et al. 2015 (PMC4438544)"
RAT = "Moghaddam et al. 1997, J Neurosci 17:2921, rat"
ARMS = {  # label, colour, published in words about what is restored, source
    "scenario": ("ketamine", COLOURS["ketamine"], "restored", "Moda-Sava et al. 2019, doi:10.1126/science.aat8078"),
    "val66met": ("ketamine, Val66Met", "#CC79A7", "impaired", "Liu et al. 2012, doi:10.1016/j.biopsych.2011.09.030"),
    "rapamycin": ("ketamine, rapamycin", "#56B4E9", "blocked", "Li et al. 2011 (PMC3068225)"),
    "lithium": ("ketamine, then lithium", "#009E73", "two weeks or more", CHIU),
}
VARIANTS = {"scenario": "stress ends", "goes-on": "stress goes on", "short-drive": "drive decays in 3 days"}


def run(*, short: bool, seed: int, progress=None) -> Outcome:
    """Ask what is restored, how long it stays, and what the dose does."""
    plans = {path.stem: synmodel.load_scenario(path) for path in HERE.glob("*.toml")}
    findings, share, hours = [], {}, np.arange(-21, 29) * 24.0
    figure, ((left, middle, right),) = panels(1, 3, size=(12.5, 3.8))

    def add(label, value, unit, words=None, source="", ends=(None, None), note=""):
        status = "measured" if words else "assumed"
        findings.append(Finding(label, float(value), *ends, unit, words, source, status, note))

    draws = {"replicates": 100 if short else 1000, "seed": seed}
    for words, what in (("falls", "gained"), ("rises", "lost")):
        studies = 100 * assays.studies_that_find(plans["stress"], plans["control"], what, **draws)
        change, note = studies["difference"].to_numpy(), f"found by {float(studies['found'].mean()):.0f} % of studies"
        ends = np.quantile(change, (0.025, 0.975))
        add(f"spines {what} in 2 days of stress, change", change.mean(), "points", words, NG, ends, note)
    for arm in (*ARMS, *VARIANTS):
        reference = plans["stress-goes-on" if arm == "goes-on" else "stress"]
        share[arm] = np.round(100 * assays.restoration(plans[arm], reference, plans["control"], 24 * DAYS), 6) + 0.0
    left.plot(hours / 24, 100 * assays.density_folds(plans["stress"], hours), "k", label="stress")
    for step, (name, (label, colour, words, source)) in enumerate(ARMS.items()):
        style = {"color": colour, "label": label, "linestyle": "--" if name == "rapamycin" else "-"}
        left.plot(hours / 24, 100 * assays.density_folds(plans[name], hours), **style)
        middle.plot([0, *DAYS], [0, *share[name]], marker="o", **style)
        note = f"{share[name][3]:.0f} % on day 14"
        add(f"deficit restored on day 1, {label}", share[name][0], "%", words, source, note=note)
        if progress:
            progress("arms", step + 1, len(ARMS))
    middle.plot(1, 48, "k*", markerfacecolor="white", markersize=9, label="recalled, not used")
    kept = {label: 100 * share[arm][3] / share[arm][1] for arm, label in VARIANTS.items()}
    for label, value in kept.items():
        add(f"ketamine alone, day 14 of day 3, {label}", value, "%", "only with lithium", CHIU)
    doses = [assays.at_dose(plans["dose"], amount) for amount in DOSES]
    glutamate = np.array([assays.mean_signal(plan, "glutamate", (0, 2 / 3)) for plan in doses])
    births = np.array([synmodel.drive_of(plan)["formation"].to_numpy().max() - 1 for plan in doses])
    for k, words in ((2, "up"), (3, "up"), (4, "up"), (5, "none"), (7, "down")):
        add(f"glutamate over 40 min, {DOSES[k]} mg/kg of 10", 100 * glutamate[k] / glutamate[2], "%", words, RAT)
    add("excess births, 200 mg/kg of 10", 100 * births[7] / births[2], "%")
    right.plot(DOSES, glutamate / glutamate[2], "ko-", label="glutamate over 40 min")
    right.plot(DOSES, births / births[2], "s-", color=GREY, label="births: excess at peak")
    left.set(xlabel="day after ketamine", ylabel="% of control", title="density; stress until day 0")
    middle.set(xlabel="day after ketamine", ylabel="% of the deficit", title="restored")
    right.set(xlabel="ketamine (mg/kg)", ylabel="relative to 10 mg/kg", title="dose", xscale="log")
    right.set_xticks(DOSES, map(str, DOSES))
    _ = [axes.legend(fontsize=7) for axes in (left, middle, right)]
    (day_1, *_), (impaired, *_), (blocked, *_) = (share[arm] for arm in ("scenario", "val66met", "rapamycin"))
    directions = findings[0].model < 0 < findings[1].model and day_1 > 2 * impaired and day_1 > 5 > blocked
    prolonged, lasting = share["lithium"][3] > 1.2 * share["scenario"][3], min(kept.values())
    hold = directions and prolonged and glutamate[7] < 0 < glutamate[5] < min(glutamate[2:5])
    reason = (
        f"stress, rescue, what prevents and prolongs it, the inverted U of glutamate {'hold' if hold else 'fail'} at "
        f"assumed sizes: {day_1:.0f} % of the deficit restored in a day (the recalled 48 % is not used), {impaired:.0f}"
        f" % in Val66Met. But without lithium {lasting:.0f} % or more of what is restored on day 3 is there on day 14"
    )
    verdict = "reproduced" if hold and lasting < 50 else "contradicted"
    assumptions = ("sizes of stress, Val66Met and lithium", "restraint for three weeks", "mouse for rat")
    return Outcome(verdict, reason, tuple(findings), assumptions, figure)
