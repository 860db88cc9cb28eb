"""
How many mice does the next study need?
=======================================

Power of a study that should find a doubled formation, by mice and dendrites; the recommended study as simulated
studies find it; and the days on which to image.
"""

from synmodel.analysis.planning import Aim, Limits, design
from synmodel.report.design_figure import design_figure

plan = design(
    "psilocybin-mouse",
    "saline-mouse",
    aim=Aim("formation=2", power=0.8, studies=200),
    limits=Limits(days=(-3, -1, 1, 3, 7), dendrites=(8, 13, 20)),
    seed=1,
)
figure = design_figure(plan)
