"""
Ketamine against psilocybin
===========================

Both drugs at the doses of their studies, at the same draws of the joint posterior. Points are estimates, bars hold 95
%. Both raise formation and lower elimination. The estimates of psilocybin are the larger effects; the intervals
overlap.
"""

import synmodel
from synmodel.report.style import colours_of, panels, style

names = {"ketamine-mouse-single": "ketamine 10 mg/kg", "psilocybin-mouse": "psilocybin 1 mg/kg"}
found = synmodel.compare(list(names), control="vehicle", draws=200, seed=1).dataset
quantities = {
    "Formation, highest fold": found["formation_fold"].max("day"),
    "Elimination, lowest fold": found["elimination_fold"].min("day"),
    "Extra spines, day 7 (%)": 100 * found["extra_spines"].sel(day=7, method="nearest"),
}
with style():
    figure, axes = panels(1, 3, size=(7.4, 1.9), sharey=True)
    for each, (title, values) in zip(axes[0], quantities.items(), strict=True):
        each.axvline(0 if "spines" in title else 1, color="#999999", linestyle=":", linewidth=1)
        for row, (name, colour) in enumerate(zip(names, colours_of(["ketamine", "psilocybin"]), strict=True)):
            low, high = values.sel(scenario=name, draw=slice(0, None)).quantile([0.025, 0.975])
            each.plot([low, high], [row, row], color=colour, linewidth=2)
            each.plot(values.sel(scenario=name, draw=-1), row, "o", color=colour)
        each.set(title=title, ylim=(1.5, -0.5), xlim=0, yticks=[0, 1], yticklabels=names.values())
