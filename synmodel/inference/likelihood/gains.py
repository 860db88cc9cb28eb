r"""The law of gains, given the number of spines at the start, and that of the start itself.

Given a multiplier z of the births, gains are independent Poisson numbers with means z Gamma_k, and the number at
the start is a Poisson number with mean z m. For z ~ Gamma(a, b) everything follows from one integral,

    E[z^n exp(-z x)] = G(a + n) / G(a) * b^a / (b + x)^(a + n)        (G: the gamma function),

so the gains are jointly negative multinomial. With a coefficient of variation c between dendrites and
kappa = 1 / c^2, a *lasting* multiplier has shaped the start as well: given n spines there,
z ~ Gamma(kappa + n, kappa + m); a *response* begins with the first session: z ~ Gamma(kappa, kappa).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln, xlogy

from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.prepared import Prepared
from synmodel.inference.likelihood.steps import meet

__all__ = ["Gains", "births_law", "gains_of", "log_mixed", "log_rising"]

Array = NDArray[np.float64]


def log_rising(number: Array, shape: ArrayLike) -> Array:
    """Logarithm of shape (shape + 1) ... (shape + number - 1)."""
    # By the beta function, because log-gammas of a large shape (small variation) cancel.
    at_least_one = np.maximum(number, 1.0)
    return np.where(number > 0, gammaln(at_least_one) - betaln(shape, at_least_one), 0.0)


def log_mixed(
    number: ArrayLike, exposure: ArrayLike, shape: ArrayLike, rate: ArrayLike, rising: Array | None = None
) -> Array:
    """Logarithm of E[z^number exp(-z exposure)] for z ~ Gamma(shape, rate), broadcast.

    ``rising`` is :func:`log_rising` of number and shape, if known.
    """
    n, x, a, b = (np.asarray(each, float) for each in (number, exposure, shape, rate))
    if rising is None:
        rising = log_rising(n, a)
    mixed: Array = (rising - n * np.log(b)) - (a + n) * np.log1p(x / b)
    return mixed


class Gains(NamedTuple):
    """Gains of runs at the nodes of the loss multiplier.

    Attributes
    ----------
    number, start : (run, 1, 1) ndarray
        All gains of the run, and spines at its start.
    poisson : (run, node, 1) ndarray
        sum_k (G_k log Gamma_k - log G_k!).
    exposure, mean : (run, node, 1) ndarray
        Sum of Gamma_k, and mean number of spines at the start.
    """

    number: Array
    start: Array
    poisson: Array
    exposure: Array
    mean: Array

    def take(self, rows: NDArray[np.int64]) -> "Gains":
        """Some of the runs, or some of them several times."""
        return Gains(*(each[rows] for each in self))

    def at_nodes(self, n: int) -> "Gains":
        """The gains with a number for each of n nodes."""
        return self if n == 1 else Gains(*(np.broadcast_to(each, (len(each), n, 1)) for each in self))

    def log_rising(self, cv: float, *, lasting: bool) -> Array:
        """(run, node, 1) part of :meth:`log_probability` that no multiplier changes; cv is above 0."""
        kappa = cv**-2
        return log_rising(self.number, kappa + self.start if lasting else kappa)

    def log_probability(self, log_z: Array, cv: float, *, lasting: bool, rising: Array | None = None) -> Array:
        """(run, node, ...) logarithm of the probability of the gains given the start.

        Parameters
        ----------
        log_z : (run, 1, ...) ndarray
            Logarithm of a known multiplier of the births.
        cv : float
            Coefficient of variation of an unknown one.
        lasting : bool
            Whether the unknown one has shaped the start.
        rising : ndarray, optional
            :meth:`log_rising`, if known.
        """
        z = np.exp(log_z)
        log_p = self.poisson + self.number * log_z
        if cv == 0:
            return log_p - z * self.exposure
        return log_p + log_mixed(self.number, z * self.exposure, *births_law(self, z, cv, lasting=lasting), rising)

    def log_start(self, log_z: Array, cv: float) -> Array:
        """(run, node, ...) logarithm of the probability of the number at the start, a mixed Poisson number."""
        mean = np.exp(log_z) * self.mean
        log_p = xlogy(self.start, mean) - gammaln(self.start + 1)
        if cv == 0:
            return log_p - mean
        return log_p + log_mixed(self.start, mean, cv**-2, cv**-2)


def births_law(gains: Gains, z: Array, cv: float, *, lasting: bool) -> tuple[Array | float, Array | float]:
    """Shape and rate of the gamma law of an unknown multiplier of births beside a known one z (run, 1, ...)."""
    kappa = cv**-2
    return (kappa + gains.start, kappa + z * gains.mean) if lasting else (kappa, kappa)


def gains_of(prepared: Prepared, courses: Courses) -> Gains:
    """Gains of runs."""
    births = courses.newborn.sum(axis=2)  # (node, interval) at a scale of 1
    with np.errstate(divide="ignore"):
        log_births = np.log(births)
    # No product of matrices, in which the last digit of a run depends on how many there are.
    poisson = np.repeat(prepared.log_weight, len(births), axis=1)
    exposure = np.zeros_like(poisson)
    meet(prepared.gained, prepared.inside, births, log_births, poisson, exposure)
    scale = prepared.scale[:, None]
    with np.errstate(invalid="ignore"):
        mean = courses.total[:, prepared.runs.first].T * scale
    return Gains(
        prepared.number, prepared.start, poisson[:, :, None], (exposure * scale)[:, :, None], mean[:, :, None]
    )  # fmt: skip
