"""The posterior of a problem as a density over whitened coordinates, with its gradient, for samplers that need one.

::

    phi = phi_mode + L u        L L' = inverse Gauss-Newton Hessian at the mode

with the coordinates phi of :mod:`synmodel.inference.summaries.coordinates`, so that u is close to standard normal.
Beyond the support of a parameter the density is 0.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtrit

from synmodel.inference.sampling import Progress, Sample, importance
from synmodel.inference.summaries.coordinates import Coordinates
from synmodel.inference.summaries.problem import SummaryProblem

__all__ = ["Density", "weighted"]

Array = NDArray[np.float64]
_FLOOR = 1e-2  # least curvature per coordinate: what neither data nor a prior inform stays finite
_EDGE = 1e-9
_DEGREES = 10.0  # of freedom of the t densities of importance sampling
_WIDER = 1.1  # their scale over that of the normal approximation


class Density:
    """Log posterior of a problem over whitened coordinates.

    Parameters
    ----------
    problem : SummaryProblem
        Its residuals are what is summed.
    mode : (n_free,) ndarray
        Where the coordinates are centred, on the scales of the fit.
    """

    def __init__(self, problem: SummaryProblem, mode: Array) -> None:
        self.problem = problem
        self.coordinates = Coordinates(problem)
        inside = np.clip(mode, problem.lower + _EDGE, problem.upper - _EDGE)
        self.centre = self.coordinates.from_vector(inside)
        slopes = problem.jacobian(inside) @ self.coordinates.slopes(self.centre)
        # The prior of a spread hardly bends the density of its logarithm at the mode: the least curvature is 1 there.
        least = np.where(self.coordinates.log_volume_slopes() > 0, 1.0, _FLOOR)
        covariance = np.linalg.inv(slopes.T @ slopes + np.diag(least))
        self.blocks = _blocks(problem)
        # Shared parameters first: then a coordinate of a study moves nothing but that study.
        order = np.concatenate(self.blocks)
        self.root = np.zeros_like(covariance)
        self.root[np.ix_(order, order)] = np.linalg.cholesky(covariance[np.ix_(order, order)])

    @property
    def n_dim(self) -> int:
        """Number of coordinates."""
        return len(self.centre)

    def vector(self, u: Array) -> Array:
        """Point on the scales of the fit at coordinates (n_free,)."""
        return self.coordinates.to_vector(self.centre + self.root @ u)

    def possible(self, vector: Array) -> bool:
        """Whether a point lies within the supports."""
        return bool(np.all(vector >= self.problem.lower) and np.all(vector <= self.problem.upper))

    def log_density(self, u: Array) -> float:
        """Logarithm of the density, up to a constant."""
        phi = self.centre + self.root @ u
        vector = self.coordinates.to_vector(phi)
        if not self.possible(vector):
            return -np.inf
        return self._logarithm(self.problem.residuals(vector), phi)

    def _logarithm(self, residuals: Array, phi: Array) -> float:
        return float(-0.5 * residuals @ residuals + self.coordinates.log_volume(phi))

    def with_gradient(self, u: Array) -> tuple[float, Array]:
        """Logarithm of the density and its gradient (n_free,); beyond a support, the gradient at its end."""
        phi = self.centre + self.root @ u
        vector = self.coordinates.to_vector(phi)
        inside = np.clip(vector, self.problem.lower + _EDGE, self.problem.upper - _EDGE)
        residuals = self.problem.residuals(inside)
        value = self._logarithm(residuals, phi) if np.array_equal(inside, vector) else self.log_density(u)
        slopes = self.problem.jacobian(inside) @ self.coordinates.slopes(phi)
        return value, self.root.T @ (self.coordinates.log_volume_slopes() - slopes.T @ residuals)


def _blocks(problem: SummaryProblem) -> list[NDArray[np.int64]]:
    """Places of the shared parameters, and of those of each study."""
    group = [name.partition(".")[0] for name in problem.free]
    places = [[at for at, each in enumerate(group) if each == study] for study in problem.studies]
    shared = [at for at, each in enumerate(group) if each not in problem.studies]
    return [np.array(block, int) for block in (shared, *places) if block]


def weighted(density: Density, *, seed: int, size: int, progress: Progress | None = None) -> Sample:
    """Weighted draws of a density by importance sampling from t densities around its mode; points are vectors.

    Parameters
    ----------
    density : Density
        Whose whitened coordinates are close to standard normal.
    seed : int
        Of the scrambled Sobol points.
    size : int
        Number of points.

    Raises
    ------
    FitError
        If no point is possible.
    """
    scale = gammaln((_DEGREES + 1) / 2) - gammaln(_DEGREES / 2) - 0.5 * np.log(_DEGREES * np.pi) - np.log(_WIDER)

    def log_weight(u: Array) -> float:
        of_t = scale - (_DEGREES + 1) / 2 * np.log1p((u / _WIDER) ** 2 / _DEGREES)
        return density.log_density(u) - float(of_t.sum())

    sample = importance(
        log_weight,
        lambda cube: _WIDER * stdtrit(_DEGREES, cube),
        density.n_dim,
        seed=seed,
        size=size,
        progress=progress,
    )
    return sample._replace(points=np.array([density.vector(u) for u in sample.points]))
