"""Inference: from published summaries and tracked spines to parameters, with what they can and cannot tell.

Examples
--------
>>> import synmodel
>>> from synmodel import inference, turnover
>>> one = turnover.TurnoverModel(("spine",), 0.02, [[0]], [0.05])  # formation per um and day
>>> seen = synmodel.simulate("saline-mouse", replicates=1, seed=1).isel(replicate=0)
>>> by_dendrite = inference.log_likelihood(one, seen)
>>> by_dendrite.dims, round(float(by_dendrite.sum()), 1)
(('animal', 'dendrite'), -1922.0)
"""

from typing import TYPE_CHECKING

from synmodel.core.module_names import on_first_use

if TYPE_CHECKING:
    from synmodel.inference.dendrites import DendriteProblem
    from synmodel.inference.dendrites.arms import DendriteData
    from synmodel.inference.dendrites.calibration import Design, calibrate, centring, coverage, uniformity
    from synmodel.inference.dendrites.posterior import Searching, fit
    from synmodel.inference.dendrites.selection import compare_models
    from synmodel.inference.likelihood import (
        Assumed,
        Detection,
        LossFrailty,
        Seen,
        animals_log_likelihood,
        counts_log_likelihood,
        counts_log_likelihood_of,
        detected_counts_log_likelihood,
        histories_log_likelihood,
        log_likelihood,
    )
    from synmodel.inference.summaries.problem import SummaryProblem
    from synmodel.inference.summaries.readings import READINGS, Reading, joint_problem
    from synmodel.inference.summaries.summary_fit import Fit, fit_summaries
    from synmodel.inference.summaries.verdicts import Verdict, judge

__all__ = [
    "READINGS",
    "Assumed",
    "DendriteData",
    "DendriteProblem",
    "Design",
    "Detection",
    "Fit",
    "LossFrailty",
    "Reading",
    "Searching",
    "Seen",
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


if not TYPE_CHECKING:  # which knows the modules by itself
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "dendrites": "DendriteProblem",
            "dendrites.arms": "DendriteData",
            "dendrites.calibration": "Design calibrate centring coverage uniformity",
            "dendrites.posterior": "Searching fit",
            "dendrites.selection": "compare_models",
            "likelihood": "Assumed Detection LossFrailty Seen animals_log_likelihood counts_log_likelihood "
            "counts_log_likelihood_of detected_counts_log_likelihood histories_log_likelihood log_likelihood",
            "summaries.problem": "SummaryProblem",
            "summaries.readings": "READINGS Reading joint_problem",
            "summaries.summary_fit": "Fit fit_summaries",
            "summaries.verdicts": "Verdict judge",
        },
    )
