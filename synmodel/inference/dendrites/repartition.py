r"""Nested sampling that starts near the answer: posterior repartitioning around the mode.

Evidence and posterior depend on likelihood L and prior pi through their product alone, so nested sampling may
just as well use

    pi'(z) = any density,    L'(z) = L(z) pi(z) / pi'(z),

and compresses from pi' instead of pi (Chen et al. 2018). The number of its steps is proportional to the information
of the posterior over pi', which for data that say much is several times less than over the prior.

Here z are coordinates in which the prior is a standard normal for every parameter (z = Phi^-1(u), u the unit
cube of the prior), and pi' is a product of t densities with few degrees of freedom along the principal axes of an
approximate posterior, somewhat wider than it. The approximation is the normal one at the mode at first, and then has
the mean and covariance of the posterior as a few thousand weighted points have them. The heavy tails reach what
it does not know of. It decides how long a run takes, not what the run finds; a mode so far off that no point falls near
it would be missed, as with any sampler.

References
----------
Chen, Hobson, Das and Gelderblom 2019, Stat Comput 29:835, doi:10.1007/s11222-018-9841-3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, ndtr, stdtrit

from synmodel.core.errors import FitError
from synmodel.core.randomness import generator_of, stream_key, uniform_array
from synmodel.inference.sampling import sobol_points

__all__ = ["Repartition", "cube_of", "repartition"]

Array = NDArray[np.float64]
_DEGREES = 5.0  # of freedom of the t densities
_WIDER, _WIDER_MATCHED = 1.5, 1.15  # scale of the t densities over the standard deviation of the approximation
_STEP = 0.05  # of the finite differences, in standard deviations of the prior
_LARGEST = 2.0  # standard deviation of the normal approximation; the prior's is 1
_SMALLEST = 1e-4
_FLOOR = -1e15  # stands for minus infinity where an optimiser needs a number


@dataclass(frozen=True, eq=False)
class Repartition:
    """Likelihood and prior transform of the repartitioned problem, for vectors z.

    Attributes
    ----------
    log_likelihood_at : callable
        The log-likelihood of the problem, from the unit cube of its prior.
    centre : (n_dim,) ndarray
        Mode, or mean, of the posterior density of z.
    axes : (n_dim, n_dim) ndarray
        Columns are principal axes, each as long as the scale of its t density.
    """

    log_likelihood_at: Callable[[Array], float]
    centre: Array
    axes: Array

    def prior_transform(self, cube: Array) -> Array:
        """From the unit cube to z distributed as pi'."""
        return self.centre + self.axes @ stdtrit(_DEGREES, cube)

    def log_likelihood(self, z: Array) -> float:
        """Logarithm of L'."""
        value = self.log_likelihood_at(cube_of(z)) - 0.5 * float(z @ z) - 0.5 * len(z) * np.log(2 * np.pi)
        return float(value - self.log_density(z))

    def log_density(self, z: Array) -> float:
        """Logarithm of pi'."""
        t = np.linalg.solve(self.axes, z - self.centre)
        constant = gammaln((_DEGREES + 1) / 2) - gammaln(_DEGREES / 2) - 0.5 * np.log(_DEGREES * np.pi)
        kernel = -(_DEGREES + 1) / 2 * np.log1p(t**2 / _DEGREES)
        return float((constant + kernel).sum() - np.linalg.slogdet(self.axes)[1])


def cube_of(z: Array) -> Array:
    """The unit cube of the prior, without its faces: a prior without bounds is infinite there."""
    return np.clip(ndtr(z), np.finfo(float).tiny, 1.0 - np.finfo(float).epsneg)


def repartition(
    log_likelihood_at: Callable[[Array], float], n_dim: int, *, seed: int, starts: int = 2, points: int = 2048
) -> Repartition:
    """Find the mode, approximate the posterior around it, and repartition the problem.

    Parameters
    ----------
    log_likelihood_at : callable
        From the unit cube of the prior, (n_dim,), to the log-likelihood.
    n_dim : int
        Number of parameters.
    seed : int
        Of the starts but the first, which is the middle of the prior.
    starts : int
        Number of starts of the search for the mode.
    points : int
        Number of weighted points, rounded up to a power of two.

    Raises
    ------
    FitError
        If no start has a finite likelihood.
    """

    def objective(z: Array) -> float:
        value = log_likelihood_at(cube_of(z)) - 0.5 * float(z @ z)
        return -max(value, _FLOOR) if np.isfinite(value) else -_FLOOR

    key = stream_key(seed, "starts of the mode")
    best = None
    for number in range(starts):
        first = np.zeros(n_dim) if number == 0 else 2.0 * uniform_array(key, number, np.arange(n_dim)) - 1.0
        found = minimize(objective, first, method="L-BFGS-B", bounds=[(-6.0, 6.0)] * n_dim)
        if found.fun < -_FLOOR and (best is None or found.fun < best.fun):
            best = found
    if best is None:
        message = f"none of {starts} starts gave a finite likelihood; look at the audit of the data"
        raise FitError(message)
    mode = np.asarray(best.x, float)
    value, axes = np.linalg.eigh(_hessian(objective, mode))
    spread = np.clip(1.0 / np.sqrt(np.maximum(value, 1e-12)), _SMALLEST, _LARGEST)
    normal = Repartition(log_likelihood_at, mode, axes * (_WIDER * spread))
    return _matched(normal, (axes * spread**2) @ axes.T, seed, points)


def _matched(normal: Repartition, covariance: Array, seed: int, n: int) -> Repartition:
    """Repartition with mean and covariance of weighted points; the fewer they are worth, the nearer the normal one."""
    n_dim = len(normal.centre)
    cube = sobol_points(n_dim, int(np.ceil(np.log2(n))), generator_of(seed, "points around the mode"))
    points = np.array([normal.prior_transform(u) for u in cube])
    log_weight = np.array([normal.log_likelihood(z) for z in points])
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    worth = 1.0 / float((weight**2).sum())
    mean = weight @ points
    spread = (points - mean).T @ ((points - mean) * weight[:, None])
    share = worth / (worth + 2 * n_dim)
    value, axes = np.linalg.eigh(share * spread + (1 - share) * covariance)
    centre = share * mean + (1 - share) * normal.centre
    return Repartition(normal.log_likelihood_at, centre, axes * (_WIDER_MATCHED * np.sqrt(np.maximum(value, 1e-12))))


def _hessian(objective: Callable[[Array], float], at: Array) -> Array:
    """Second derivatives by central differences, with steps that change the objective by about a unit."""
    n = len(at)
    centre, step = objective(at), np.full(n, _STEP)
    curvature = np.empty(n)
    for _ in range(2):  # the first curvature chooses the step of the second
        for i in range(n):
            shift = np.zeros(n)
            shift[i] = step[i]
            curvature[i] = (objective(at + shift) - 2 * centre + objective(at - shift)) / step[i] ** 2
        step = 0.5 / np.sqrt(np.maximum(curvature, 0.25))
    hessian = np.diag(curvature)
    for i in range(n):
        for j in range(i):
            one, other = np.zeros(n), np.zeros(n)
            one[i], other[j] = step[i], step[j]
            mixed = (
                objective(at + one + other)
                - objective(at + one - other)
                - objective(at - one + other)
                + objective(at - one - other)
            )
            hessian[i, j] = hessian[j, i] = mixed / (4 * step[i] * step[j])
    return hessian
