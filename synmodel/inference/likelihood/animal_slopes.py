r"""Slopes of the log-probability of animals, whose births differ, in what terms, gains and their spreads say.

With W the posterior of u = log z of an animal on the points of its integral, and within a record the share of each of the
terms that explain it, every slope is an expectation (Fisher's identity)::

    d ln P = sum over points and terms of  W * share * d(losses + gains + ln prior of u)

A gamma law of births, kappa = 1 / c^2, gives n gains of exposure x at multiplier z the slopes::

    d/dx = -z (kappa + n) / (kappa + z x)
    d/dkappa = psi(kappa + n) - psi(kappa) + ln(kappa / (kappa + z x)) + (z x - n) / (kappa + z x)

and the prior of u that of kappa: ln kappa + 1 - psi(kappa) + u - e^u.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import psi

from synmodel.inference.likelihood.animals import integral_points, log_prior, sums
from synmodel.inference.likelihood.evidence import Evidence
from synmodel.turnover.model import TurnoverModel

__all__ = ["AnimalSlopes", "animal_slopes"]

Array = NDArray[np.float64]


class AnimalSlopes(NamedTuple):
    """What the log-probability of an animal changes with.

    Attributes
    ----------
    weight : (term,) ndarray
        Slope in the log-probability of the term.
    exposure : (term,) ndarray
        In the mean number of gains of the term.
    cv_dendrite, cv_animal : (animal,) ndarray
        In the coefficients of variation of births.
    """

    weight: Array
    exposure: Array
    cv_dendrite: Array
    cv_animal: Array


def animal_slopes(evidence: Evidence, model: TurnoverModel, which: NDArray[np.int64], n: int) -> AnimalSlopes:
    """Slopes of :func:`synmodel.inference.likelihood.animals.animals_log_probability` for a response of births.

    Parameters
    ----------
    evidence : Evidence
        At one node; no frailty.
    model : TurnoverModel
        Its coefficients of variation.
    which : (record,) ndarray of int
        Animal of each record.
    n : int
        Number of animals.
    """
    cv, cv_animal = model.formation_cv_dendrite, model.formation_cv_animal

    def terms(u: Array) -> Array:
        """(term, point) log-probabilities at multipliers (animal, point)."""
        log_z = u[which][evidence.record]
        return evidence.gains.log_probability(log_z[:, None], cv, lasting=False)[:, 0] + evidence.losses

    u, weight = np.zeros((n, 1)), np.ones((n, 1))
    if cv_animal > 0:
        prior = log_prior(cv_animal)
        possible = np.isfinite(evidence.given_start(np.zeros((1, 1, 1)), cv)[:, 0])

        def log_density(at: Array) -> Array:
            each = evidence.given_start(at[which][:, None, :], cv)
            return prior(at) + sums(which, np.where(possible[:, None], each, 0.0), n)

        u, y, _ = integral_points(log_density, n)
        weight = np.exp(y - y.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
    log_p = terms(u)
    total = evidence.given_start(u[which][:, None, :], cv)[evidence.record]
    with np.errstate(invalid="ignore"):
        share = np.where(np.isfinite(total), np.exp(log_p - total), 0.0) * weight[which][evidence.record]
    z = np.exp(u)[which][evidence.record]
    number, exposure = evidence.gains.number[:, 0], evidence.gains.exposure[:, 0]
    of_cv, of_animal = np.zeros(n), np.zeros(n)
    if cv == 0:
        in_exposure = -z
    else:
        kappa = cv**-2
        rate = kappa + z * exposure
        in_exposure = -z * (kappa + number) / rate
        in_kappa = psi(kappa + number) - psi(kappa) - np.log1p(z * exposure / kappa) + (z * exposure - number) / rate
        of_cv = sums(which[evidence.record], (share * in_kappa).sum(axis=1), n) * -2.0 * cv**-3
    if cv_animal > 0:
        kappa = cv_animal**-2
        of_prior = np.log(kappa) + 1.0 - psi(kappa) + u - np.exp(u)
        of_animal = (weight * of_prior).sum(axis=1) * -2.0 * cv_animal**-3
    return AnimalSlopes(share.sum(axis=1), (share * in_exposure).sum(axis=1), of_cv, of_animal)
