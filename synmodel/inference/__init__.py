"""Inference: from published summaries to parameters, with what they can and cannot tell."""

from synmodel.inference.fit import Fit, fit_summaries
from synmodel.inference.problem import SummaryProblem, free_parameters
from synmodel.inference.verdicts import Verdict, judge

__all__ = ["Fit", "SummaryProblem", "Verdict", "fit_summaries", "free_parameters", "judge"]
