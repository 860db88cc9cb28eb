"""
Survival of new spines
======================

Most new spines are lost within days; those that mature stay. After psilocybin elimination is lower, so more of the
spines that are formed on the day of the dose are still there weeks later.
"""

import numpy as np

import synmodel
from synmodel.report.style import COLOURS, GREY, panels, style
from synmodel.simulation import parameters_of, tissue_of
from synmodel.turnover import survival

plan = synmodel.load_scenario("psilocybin-mouse")
tissue = tissue_of(plan.baseline, parameters_of(plan).as_floats())
days = np.linspace(0, 34, 69)
arms = {"vehicle": (None, GREY), "psilocybin 1 mg/kg": (synmodel.drive_of(plan), COLOURS["psilocybin"])}
with style():
    figure, axes = panels(1, 1, size=(4.6, 3.1))
    for name, (drive, colour) in arms.items():
        alive = survival(tissue.model, times=days, drive=drive).sel(spine_class="nascent")
        axes[0, 0].plot(days, 100 * alive, color=colour, label=name)
        axes[0, 0].annotate(
            f"{100 * float(alive[-1]):.0f} %", (34, 100 * alive[-1]), (3, 0), textcoords="offset points", color=colour
        )
    axes[0, 0].set(title="Spines formed on day 0", xlabel="day", ylabel="still there (%)", ylim=(0, 100), xlim=(0, 36))
    axes[0, 0].legend()
