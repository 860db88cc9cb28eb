"""
What a microscope makes of spines
=================================

A spine that is missed once is scored as lost and then as gained. Even a small probability of a miss adds this
*flicker* to the turnover of control mice, and it does so at every session.
"""

import synmodel
from synmodel.imaging import summarise
from synmodel.report.style import panels, style

plan = synmodel.load_scenario("saline-mouse").updated(schedule={"sessions": [-3, -1, 1, 3, 5, 7]})
with style():
    figure, axes = panels(1, 1, size=(5.0, 3.0))
    for miss, colour in {0.001: "#9ecae1", 0.02: "#4292c6", 0.04: "#0072B2", 0.08: "#08306b"}.items():
        one = plan.updated(parameters={"shao2021.miss": miss})
        seen = summarise(synmodel.simulate(one, replicates=200, seed=1))
        gained = 100 * seen["mean"][:, (seen["quantity"] == "formation_fraction").values].mean("replicate")
        axes[0, 0].plot(gained["end_day"], gained, "o-", color=colour)
        axes[0, 0].text(7.3, gained[-1], f"{100 * miss:g} % missed", color=colour, va="center")
    axes[0, 0].set(
        title="Spines scored as gained, saline",
        xlabel="interval up to day",
        ylabel="% of the spines before",
        ylim=0,
        xlim=(-1.5, 10),
    )
