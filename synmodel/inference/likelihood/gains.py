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

from synmodel.inference.likelihood.births import add_unrecorded, log_gains
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.prepared import Prepared
from synmodel.inference.likelihood.steps import meet

__all__ = ["Gains", "Points", "Unrecorded", "gains_of", "log_mixed"]

Array = NDArray[np.float64]


def log_mixed(number: ArrayLike, exposure: ArrayLike, shape: ArrayLike, rate: ArrayLike) -> Array:
    """Logarithm of E[z^number exp(-z exposure)] for z ~ Gamma(shape, rate), broadcast."""
    n, x, a, b = (np.asarray(each, float) for each in (number, exposure, shape, rate))
    # The logarithm of a (a + 1) ... (a + n - 1), by the beta function: log-gammas of a large shape cancel.
    at_least_one = np.maximum(n, 1.0)
    rising = np.where(n > 0, gammaln(at_least_one) - betaln(a, at_least_one), 0.0)
    mixed: Array = (rising - n * np.log(b)) - (a + n) * np.log1p(x / b)
    return mixed


class Points(NamedTuple):
    """Known multipliers of births at which runs are asked about.

    Attributes
    ----------
    row : (run,) ndarray of int
        Row of each run.
    log_z, z : (row, point) ndarray
        Logarithms of the multipliers, and these.
    """

    row: NDArray[np.int64]
    log_z: Array
    z: Array

    @classmethod
    def of(cls, log_z: Array, row: NDArray[np.int64]) -> "Points":
        """At ``log_z`` (row, 1, point); where that is one row, it is that of all runs."""
        rows = np.ascontiguousarray(log_z[:, 0])
        return cls(row if len(rows) > 1 else np.zeros(len(row), np.int64), rows, np.exp(rows))


class Unrecorded(NamedTuple):
    """Unrecorded gains of the runs that have some.

    Attributes
    ----------
    run : (open,) ndarray of int
    log_a : (open, node, m) ndarray
        Logarithms of the coefficients, -inf where so many gains cannot be.
    """

    run: NDArray[np.int64]
    log_a: Array


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

    def log_probability(
        self,
        points: Points,
        cv: float,
        *,
        lasting: bool,
        more: Unrecorded | None = None,
        losses: Array | float = 0.0,
    ) -> Array:
        """(run, node, point) logarithm of the probability of the gains given the start.

        Parameters
        ----------
        points : Points
            Multipliers of the births that are known.
        cv : float
            Coefficient of variation of an unknown one.
        lasting : bool
            Whether the unknown one has shaped the start.
        more : Unrecorded, optional
            Gains that were not recorded, to be summed over.
        losses : (run, node) ndarray, optional
            Log-probabilities of the losses, which are added.
        """
        law = (cv**-2 if cv > 0 else np.inf), lasting
        of, out = self._arrays(), np.empty((*self.poisson.shape[:2], points.z.shape[1]))
        if cv == 0 and more is None:
            log_gains(self.poisson[:, :, 0] + losses, of, law, points, out)
            return out
        first = (self.start if lasting else np.zeros_like(self.start)).astype(np.int64)
        last = first + self.number.astype(np.int64)
        rising = _rising(law[0], int(last.max(initial=0)) + (0 if more is None else more.log_a.shape[2]))
        base = (self.poisson + (rising[last] - rising[first]))[:, :, 0] + losses
        log_gains(base, of, law, points, out)
        if more is not None:
            add_unrecorded(more.log_a, more.run, rising, of, law, points, out)
        return out

    def _arrays(self) -> tuple[Array, Array, Array, Array]:
        """Numbers (run,), exposures (run, node), starts and means as compiled functions take them."""
        of_runs, of_nodes = (self.number[:, 0, 0], self.start[:, 0, 0]), (self.exposure[:, :, 0], self.mean[:, :, 0])
        number, start = (np.ascontiguousarray(each) for each in of_runs)
        exposure, mean = (np.ascontiguousarray(each) for each in of_nodes)
        return number, exposure, start, mean

    def log_start(self, log_z: Array, cv: float) -> Array:
        """(run, node, ...) logarithm of the probability of the number at the start, a mixed Poisson number."""
        mean = np.exp(log_z) * self.mean
        log_p = xlogy(self.start, mean) - gammaln(self.start + 1)
        if cv == 0:
            return log_p - mean
        return log_p + log_mixed(self.start, mean, cv**-2, cv**-2)


def _rising(kappa: float, most: int) -> Array:
    """(most + 1,) logarithms of 1, 1, 1 (1 + 1 / kappa), 1 (1 + 1 / kappa) (1 + 2 / kappa) and so on."""
    return np.append(0.0, np.cumsum(np.log1p(np.arange(most) / kappa)))


def gains_of(prepared: Prepared, courses: Courses) -> Gains:
    """Gains of runs."""
    births = courses.newborn.sum(axis=2)  # (node, interval) at a scale of 1
    with np.errstate(divide="ignore"):
        log_births = np.log(births)
    # No product of matrices, in which the last digit of a run depends on how many there are.
    poisson = np.repeat(prepared.log_weight, len(births), axis=1)
    exposure = np.zeros_like(poisson)
    runs = prepared.runs
    meet(runs.gained, runs.first, runs.stop, births, log_births, poisson, exposure)
    scale = prepared.scale[:, None]
    with np.errstate(invalid="ignore"):
        mean = courses.total[:, runs.first].T * scale
    return Gains(
        prepared.number, prepared.start, poisson[:, :, None], (exposure * scale)[:, :, None], mean[:, :, None]
    )  # fmt: skip
