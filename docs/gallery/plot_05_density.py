"""
Spine density over weeks, by dose
=================================

Extra spines are those beyond the same mice without a dose. Formation makes the first of them within days;
elimination, which stays low for weeks, adds more, and then they fade. The band holds 95 % of the joint posterior at 1
mg/kg, the dose of the studies; none of them imaged later than day 65.
"""

import synmodel
from synmodel.report.style import panels, style

plan = synmodel.load_scenario("psilocybin-mouse").updated(schedule={"sessions": [-3, -1, 1, 3, 7, 34, 65, 120]})
dose = plan.regimen.doses[0].model_dump()
colours = {0.1: "#9ecae1", 0.3: "#4292c6", 1.0: "#0072B2", 3.0: "#08306b"}
doses = [plan.updated(name=f"{each:g} mg/kg", regimen={"doses": [dose | {"amount": each}]}) for each in colours]
extra = 100 * synmodel.compare(doses, control="vehicle", draws=60, seed=1).dataset["extra_spines"]
with style():
    figure, axes = panels(1, 1, size=(5.4, 3.3))
    for amount, colour in colours.items():
        one = extra.sel(scenario=f"{amount:g} mg/kg")
        axes[0, 0].plot(one["day"], one.sel(draw=-1), color=colour, label=f"{amount:g} mg/kg")
        if amount == 1:
            low, high = one.sel(draw=slice(0, None)).quantile([0.025, 0.975], "draw")
            told = {"color": colour, "alpha": 0.15, "linewidth": 0, "label": "95 %, 1 mg/kg"}
            axes[0, 0].fill_between(one["day"], low, high, **told)
    axes[0, 0].set(
        title="Extra spines after psilocybin",
        xlabel="day after the dose",
        ylabel="% of the first session",
        xlim=(-3, 120),
        ylim=0,
    )
    axes[0, 0].legend()
