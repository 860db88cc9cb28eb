"""Inference: from published summaries and tracked spines to parameters, with what they can and cannot tell.

Examples
--------
>>> import synmodel
>>> from synmodel import inference, turnover
>>> one = turnover.TurnoverModel(("spine",), 0.02, [[0]], [0.05])  # births per um and day
>>> seen = synmodel.simulate("saline-mouse", replicates=1, seed=1).isel(replicate=0)
>>> by_dendrite = inference.log_likelihood(one, seen)
>>> by_dendrite.dims, round(float(by_dendrite.sum()), 1)
(('animal', 'dendrite'), -1922.0)
"""

from synmodel.inference.arms import DendriteData
from synmodel.inference.calibration import Design, calibrate, centring, coverage, uniformity
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.likelihood import (
    LossFrailty,
    animals_log_likelihood,
    counts_log_likelihood,
    counts_log_likelihood_of,
    detected_counts_log_likelihood,
    histories_log_likelihood,
    log_likelihood,
)
from synmodel.inference.posterior import fit
from synmodel.inference.problem import SummaryProblem
from synmodel.inference.readings import READINGS, Reading, joint_problem
from synmodel.inference.selection import compare_models
from synmodel.inference.summary_fit import Fit, fit_summaries
from synmodel.inference.verdicts import Verdict, judge

__all__ = [
    "READINGS",
    "DendriteData",
    "DendriteProblem",
    "Design",
    "Fit",
    "LossFrailty",
    "Reading",
    "SummaryProblem",
    "Verdict",
    "animals_log_likelihood",
    "calibrate",
    "centring",
    "compare_models",
    "counts_log_likelihood",
    "counts_log_likelihood_of",
    "coverage",
    "detected_counts_log_likelihood",
    "fit",
    "fit_summaries",
    "histories_log_likelihood",
    "joint_problem",
    "judge",
    "log_likelihood",
    "uniformity",
]
