"""
Does the fitted model describe a table of dendrites?
====================================================

A simulated laboratory is fitted by the exact likelihood of its dendrites. Points are the means that it saw, bars hold
95 % of what the fitted model would have seen on the same dendrites: one point in twenty lies outside of its bar by
chance, and more are a misfit.
"""

import synmodel
from synmodel import inference
from synmodel.report.style import colours_of, panels, style

lab = {"cohort": {"animals": 5, "dendrites_per_animal": 8}, "schedule": {"sessions": [-3, -1, 1, 3, 5, 7]}}
tables = []
for arm, name in {"saline": "saline-mouse", "psilocybin": "psilocybin-mouse"}.items():
    table = synmodel.simulate(synmodel.load_scenario(name).updated(**lab), replicates=1, seed=3).isel(replicate=0)
    labels = {"study": ["lab"] * 5, "arm": [arm] * 5, "mouse": [f"{arm} {k}" for k in range(5)]}
    tables.append(table.assign_coords({key: ("animal", values) for key, values in labels.items()}))
tree = inference.fit(tables, model="formation+elimination", engine="importance", seed=1, size=2048)
seen = 100 * tree["observed_data"]["statistic"]
low, high = 100 * tree["posterior_predictive"]["statistic"].quantile([0.025, 0.975], ("chain", "draw"))
with style():
    figure, axes = panels(1, 2, size=(7.4, 2.9), sharey=True)
    for each, quantity in zip(axes[0], ("formation_fraction", "elimination_fraction"), strict=True):
        for arm, colour, shift in zip(
            ("saline", "psilocybin"), colours_of(["", "psilocybin"]), (-0.2, 0.2), strict=True
        ):
            own = (seen["quantity"] == quantity) & (seen["arm"] == arm)
            each.vlines(seen["end_day"][own] + shift, low[own], high[own], color=colour, alpha=0.3, linewidth=6)
            each.plot(seen["end_day"][own] + shift, seen[own], "o", color=colour, label=arm)
        each.set(title=quantity.replace("_", " "), xlabel="interval up to day", ylabel="% of the spines before", ylim=0)
    axes[0, 0].legend()
