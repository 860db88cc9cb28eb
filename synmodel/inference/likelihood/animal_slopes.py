r"""Slopes of the log-probability of animals, whose births differ, in what terms, gains and their spreads say.

With W the posterior of u = log z of an animal on the points of its integral, and within a record the share of each of
the terms that explain it, every slope is an expectation (Fisher's identity)::

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

__all__ = ["TermSlopes", "animal_points", "prior_slopes", "term_slopes"]

Array = NDArray[np.float64]


class TermSlopes(NamedTuple):
    """What the log-probabilities of animals change with.

    Attributes
    ----------
    weight : (term,) ndarray
        Slope in the log-probability of the term.
    exposure : (term,) ndarray
        In the mean number of gains of the term.
    cv_dendrite : (animal,) ndarray
        In the coefficient of variation between dendrites.
    """

    weight: Array
    exposure: Array
    cv_dendrite: Array


def animal_points(evidence: Evidence, model: TurnoverModel, which: NDArray[np.int64], n: int) -> tuple[Array, Array]:
    """Points u of the integrals over animals, and their posterior weights, (animal, point) each.

    Parameters
    ----------
    evidence : Evidence
        Of all records, at one node; no frailty.
    model : TurnoverModel
        Its coefficients of variation.
    which : (record,) ndarray of int
        Animal of each record.
    n : int
        Number of animals.
    """
    cv, cv_animal = model.formation_cv_dendrite, model.formation_cv_animal
    if cv_animal == 0:
        return np.zeros((n, 1)), np.ones((n, 1))
    prior = log_prior(cv_animal)
    possible = ~evidence.impossible()

    def log_density(at: Array) -> Array:
        each = evidence.given_start(at[which][:, None, :], cv)
        return prior(at) + sums(which, np.where(possible[:, None], each, 0.0), n)

    u, y, _ = integral_points(log_density, n)
    weight = np.exp(y - y.max(axis=1, keepdims=True))
    return u, weight / weight.sum(axis=1, keepdims=True)


def prior_slopes(model: TurnoverModel, u: Array, weight: Array) -> Array:
    """(animal,) slopes in the coefficient of variation between animals."""
    if model.formation_cv_animal == 0:
        return np.zeros(len(u))
    kappa = model.formation_cv_animal**-2
    of_prior = np.log(kappa) + 1.0 - psi(kappa) + u - np.exp(u)
    return np.asarray((weight * of_prior).sum(axis=1) * -2.0 * model.formation_cv_animal**-3)


def term_slopes(
    evidence: Evidence, model: TurnoverModel, which: NDArray[np.int64], u: Array, weight: Array
) -> TermSlopes:
    """Slopes of the log-probabilities of animals in what some of their records say.

    Parameters
    ----------
    evidence : Evidence
        Of these records.
    model, which
        As in :func:`animal_points`.
    u, weight : (animal, point) ndarray
        From there, of all records.
    """
    cv, of = model.formation_cv_dendrite, which[evidence.record]
    log_p = evidence.by_run(u[which][:, None, :], cv, lasting=False)[:, 0]
    total = evidence.over_runs(log_p)[evidence.record]
    with np.errstate(invalid="ignore"):
        share = np.where(np.isfinite(total), np.exp(log_p - total), 0.0) * weight[of]
    z = np.exp(u)[of]
    if cv == 0:
        return TermSlopes(share.sum(axis=1), -(share * z).sum(axis=1), np.zeros(len(u)))
    number, exposure, kappa = evidence.gains.number[:, 0], evidence.gains.exposure[:, 0], cv**-2
    rate = kappa + z * exposure
    in_kappa = psi(kappa + number) - psi(kappa) - np.log1p(z * exposure / kappa) + (z * exposure - number) / rate
    of_cv = sums(of, (share * in_kappa).sum(axis=1), len(u)) * -2.0 * cv**-3
    return TermSlopes(share.sum(axis=1), -(share * z * (kappa + number) / rate).sum(axis=1), of_cv)
