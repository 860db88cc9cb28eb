"""Exact likelihoods of spine turnover: tracked counts, tracked histories, and Observations.

Spines are independent given the rates, so the hidden classes can be summed out exactly. Functions return one
number per dendrite (or animal); their sum is the log-likelihood of the data.
"""

from synmodel.inference.likelihood.animals import animals_log_likelihood
from synmodel.inference.likelihood.counts import counts_log_likelihood, counts_log_likelihood_of
from synmodel.inference.likelihood.courses import Assumed, LossFrailty
from synmodel.inference.likelihood.detected import Detection, detected_counts_log_likelihood
from synmodel.inference.likelihood.histories import histories_log_likelihood
from synmodel.inference.likelihood.observations import log_likelihood
from synmodel.inference.likelihood.runs import Seen

__all__ = [
    "Assumed",
    "Detection",
    "LossFrailty",
    "Seen",
    "animals_log_likelihood",
    "counts_log_likelihood",
    "counts_log_likelihood_of",
    "detected_counts_log_likelihood",
    "histories_log_likelihood",
    "log_likelihood",
]
