"""
Which number matters: Sobol indices of a sweep
==============================================

The share of the variance of extra spines that each number explains over its range: alone (filled), and with its
interactions (open). Bars are bootstrap intervals. Over these ranges the dose matters most.
"""

import synmodel
from synmodel.report.style import COLOURS, panels, style

factors = {
    "scenario.regimen.doses[0].amount": ("dose", 0.1, 3.0),
    "shao2021.maturation": ("maturation", 0.12, 0.48),
    "shao2021.loss_nascent": ("elimination of nascent spines", 0.25, 1.0),
    "cascade.tau_stabilisation": ("duration of protection", 10, 40),
    "shao2021.miss": ("spines missed", 0.01, 0.05),
}
ranges = {path: {"low": low, "high": high, "scale": "log"} for path, (_, low, high) in factors.items()}
mouse = synmodel.load_scenario("psilocybin-mouse").updated(schedule={"sessions": [-1, 1, 7]})
sample = {"method": "saltelli", "points": 128, "ranges": ranges}
swept = synmodel.sweep(mouse, sample=sample, observe="expected", seed=1, quantities="density_change")
found = synmodel.sobol_indices(swept, seed=1).isel(scenario=0, point=-1)
with style():
    figure, ((axes,),) = panels(1, 1, size=(5.4, 2.6))
    blue, keys = COLOURS["psilocybin"], {"first_order": "alone", "total_order": "with interactions"}
    for (name, key), shift, face in zip(keys.items(), (-0.15, 0.15), (blue, "white"), strict=True):
        places = [k + shift for k in range(len(factors))]
        axes.hlines(places, found[f"{name}_low"], found[f"{name}_high"], color=blue)
        axes.plot(found[name], places, "o", mfc=face, color=blue, label=key)
    axes.set(yticks=range(len(factors)), yticklabels=[words for words, *_ in factors.values()], xlim=0)
    axes.set_xlabel("share of the variance of extra spines, day 7")
    axes.invert_yaxis()
    axes.legend(loc="lower right")
