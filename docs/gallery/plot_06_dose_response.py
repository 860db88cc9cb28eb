"""
Dose and response
=================

Formation, elimination and extra spines of psilocybin over its dose, with 95 % of the joint posterior. The dotted line
is the only dose that the studies gave: the rest is what the mechanism implies.
"""

import synmodel
from synmodel.analysis.responses import dose_response
from synmodel.report.dose_figure import dose_figure

week = synmodel.load_scenario("psilocybin-mouse").updated(schedule={"sessions": [-1, 1, 7]})
figure = dose_figure(dose_response(week, draws=60, seed=1))
