"""Does ketamine double glutamate-evoked spinogenesis within two hours, through D1, and before density moves."""

from pathlib import Path

import numpy as np

from synmodel import assays
from synmodel.experiments import Finding, Outcome
from synmodel.imaging import power, uncaging_design
from synmodel.report.figures import COLOURS, GREY, panels

HERE, HOURS = Path(__file__).parent, (1, 2, 4, 8, 12, 24, 48, 72)
GUIDE, WU = "the guide, quoting Wu et al. 2021 (PMC8740507)", "Wu et al. 2021 (PMC8740507), abstract"
SIZE, QUOTED = {"neurons": 4, "trials": 5}, (0.25, 0.50)  # sizes of a mouse's assay are not in the sources
ARMS = {  # file, published, source, status, colour
    "vehicle": ("saline.toml", QUOTED[0], GUIDE, "secondary", GREY),
    "ketamine": ("scenario.toml", QUOTED[1], GUIDE, "secondary", COLOURS["ketamine"]),
    "ketamine, D1 antagonist": ("ketamine-sch23390.toml", "needs Drd1", WU, "measured", "#009E73"),
    "D1 activation, no ketamine": ("d1-activation.toml", "raised", WU, "measured", "#CC79A7"),
    "helpless": ("helplessness.toml", "blunted", WU, "measured", "#56B4E9"),
    "helpless, ketamine": ("helplessness-ketamine.toml", "compensated", WU, "measured", "#0072B2"),
}


def run(*, short: bool, seed: int, progress=None) -> Outcome:
    """Simulate the assay of every arm, then ask how many trials show the difference."""
    draws, course_of = {"replicates": 4000, "seed": seed}, {"replicates": 400 if short else 4000, "seed": seed}
    figure, ((left, right),) = panels(1, 2, size=(10, 3.8))
    at_2h, findings, add = {}, [], lambda *parts: findings.append(Finding(*parts))
    for step, (arm, (file, data, source, status, colour)) in enumerate(ARMS.items()):
        course = assays.success_course(HERE / file, hours=HOURS, animals=6, **SIZE, **course_of)
        at_2h[arm] = [float(course[name].sel(hour=2)) for name in ("exact", "low", "high")]
        add(f"success at 2 h, {arm}", *at_2h[arm], "1", data, source, status)
        left.plot(HOURS, course["exact"], "--" if "antagonist" in arm else "-", color=colour, label=arm)
        if arm in ("vehicle", "ketamine"):
            left.fill_between(HOURS, course["low"], course["high"], color=colour, alpha=0.15, linewidth=0)
        if progress:
            progress("arms", step + 1, len(ARMS))
    rise = 100 * float(assays.density_folds(HERE / "scenario.toml", [2])[0] - 1)
    add("density at 2 h, over no drug", rise, None, None, "%", "changes later", WU, "measured")
    left.plot([2, 2], QUOTED, "k*", markersize=10, label="quoted (secondary)", zorder=5)
    left.set(xscale="log", xlabel="hours after ketamine", ylabel="success of a trial", ylim=(0, 0.95))
    left.set_title("bands: 95 % of assays of 120 trials")
    left.set_xticks(HOURS, map(str, HOURS))
    left.set_xticks([], minor=True)
    left.legend(fontsize=7.5, ncols=2, loc="upper right")
    needed, nested = power.fisher_trials(*QUOTED), assays.uncaging_of(HERE / "saline.toml")
    alone = uncaging_design.independent_power(QUOTED, [20, 40, 60, needed, 120, 160, 200, 240], **draws)
    over_mice = uncaging_design.nested_power(nested, QUOTED, range(2, 13), **SIZE, **draws)
    for name, design, colour in (("independent trials", alone, "k"), ("over mice that differ", over_mice, "#0072B2")):
        right.plot(design["trials"], design["exact"], color=colour, label=f"{name}, closed form")
        right.plot(design["trials"], design["simulated"], "o", color=colour, mfc="white", label=f"{name}, simulated")
    right.axhline(0.9, color=GREY, linewidth=0.8, linestyle=":")
    right.set(xlabel="trials per arm", ylabel="power", ylim=(0, 1.02), title="to see 0.25 against 0.50")
    right.legend(fontsize=7, loc="lower right")
    found = float(alone["simulated"].sel(trials=needed))
    half = 1.96 * np.sqrt(found * (1 - found) / draws["replicates"])
    many = int(over_mice["trials"][np.flatnonzero(over_mice["simulated"] >= 0.9)[0]])
    false = uncaging_design.pooled_rejections(nested, (0.25, 0.25), animals=6, **SIZE, **draws)
    add("trials per arm for 90 % power, independent", needed, None, None, "1", None, "", "derived")
    add("power there, simulated", found, found - half, found + half, "1", None, "", "derived")
    add("trials per arm for 90 % power, over mice that differ", many, None, None, "1", None, "", "assumed")
    add("false alarms at 5 % when trials of such mice are pooled", false, None, None, "1", None, "", "assumed")
    (_, v_low, v_high), (_, k_low, k_high) = at_2h["vehicle"], at_2h["ketamine"]
    inside = v_low <= QUOTED[0] <= v_high and k_low <= QUOTED[1] <= k_high
    blocked, alone_d1 = at_2h["ketamine, D1 antagonist"][0], at_2h["D1 activation, no ketamine"][0]
    restored = at_2h["helpless"][0] < at_2h["vehicle"][0] <= at_2h["helpless, ketamine"][2]
    reason = (
        f"0.25 and 0.50 lie in the assay's intervals ({v_low:.2f} to {v_high:.2f}, {k_low:.2f} to {k_high:.2f}), but "
        "are secondary and set the hazard and its gain: their size is no test. A D1 antagonist leaves "
        f"{blocked:.2f}, D1 activation alone gives {alone_d1:.2f}; density has moved by {rise:.1f} %"
    )
    verdict = (
        "reproduced" if inside and blocked < k_low and alone_d1 > v_high and restored and rise < 2 else "contradicted"
    )
    assumptions = (
        "0.25 and 0.50 are quoted, not seen in the paper, and set the hazard and the gain of D1 tone",
        "variation of mice (0.2) and neurons (0.4); sizes of groups, helplessness, D1 activation; decay over 6 h",
    )
    return Outcome(verdict, reason, tuple(findings), assumptions, figure)
