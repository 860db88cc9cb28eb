"""Exports: a scenario for the tools of others, as SBML, SED-ML, COMBINE archive and PEtab problem.

The equations are collected once (:mod:`synmodel.report.exporting.equations`), as named quantities with formulas and
units in which every number is a parameter of the run; writers turn them into files.
"""

from synmodel.report.exporting.equations import model_of
from synmodel.report.exporting.plan import Plan, plan_of

__all__ = ["Plan", "model_of", "plan_of"]
