"""
Head widths before and after a dose
===================================

Head widths are log-normal. The same spines before and after psilocybin: their heads are wider on day 3 (left), and
their mean returns over weeks (right).
"""

import numpy as np

import synmodel
from synmodel.report.style import COLOURS, GREY, panels, style
from synmodel.simulation import histories

days = [-3, -1, 1, 3, 5, 7, 14, 21, 34, 65]
drug = synmodel.load_scenario("psilocybin-mouse").updated(schedule={"sessions": days}, cohort={"animals": 40})
arms = {"vehicle": (drug.updated(regimen={"doses": []}), GREY), "psilocybin 1 mg/kg": (drug, COLOURS["psilocybin"])}
with style():
    figure, axes = panels(1, 2, size=(7.4, 2.9))
    for name, (plan, colour) in arms.items():
        width = histories(plan, seed=1)["head_width"]
        kept = width[np.isfinite(width).all("time")]
        axes[0, 0].hist(
            kept.sel(time=3), np.linspace(0.2, 2, 37), histtype="step", color=colour, label=name, density=True
        )
        axes[0, 1].plot(
            days, 100 * (kept.mean("spine") / kept.sel(time=-3).mean() - 1), "o-", color=colour, markersize=4
        )
    axes[0, 0].set(title="Day 3", xlabel="head width (µm)", ylabel="density of spines")
    axes[0, 1].set(title="Mean", xlabel="day", ylabel="change of head width (%)")
    axes[0, 0].legend()
