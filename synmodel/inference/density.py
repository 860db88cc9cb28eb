"""The posterior of a problem as a smooth density on all of space, with its gradient, for samplers that follow slopes.

Coordinates are whitened by the curvature at the mode, and the ends of supports are sent to infinity::

    x = low + (high - low) / (1 + exp(-y))        y = y_mode + L u,   L L' = inverse Gauss-Newton Hessian at the mode

so that u is close to standard normal; the logarithm of |dx / dy| belongs to the density.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from synmodel.inference.problem import SummaryProblem

__all__ = ["Density"]

Array = NDArray[np.float64]
_INSIDE = 1e-4


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
        self._width = problem.upper - problem.lower
        self._centre = logit(np.clip((mode - problem.lower) / self._width, _INSIDE, 1.0 - _INSIDE))
        inside = problem.lower + self._width * expit(self._centre)
        slopes = problem.jacobian(inside) * self._stretch(self._centre)
        # The curvature of the Jacobian's own logarithm, 2 p (1 - p) per coordinate, keeps what nothing informs finite.
        share = expit(self._centre)
        precision = slopes.T @ slopes + np.diag(2.0 * share * (1.0 - share))
        self._root = np.linalg.cholesky(np.linalg.inv(precision))

    @property
    def n_dim(self) -> int:
        """Number of coordinates."""
        return len(self._centre)

    def vector(self, u: Array) -> Array:
        """Point on the scales of the fit at coordinates (n_free,)."""
        return self.problem.lower + self._width * expit(self._centre + self._root @ u)

    def _stretch(self, y: Array) -> Array:
        share = expit(y)
        return self._width * share * (1.0 - share)

    def log_density(self, u: Array) -> float:
        """Logarithm of the density, up to a constant."""
        y = self._centre + self._root @ u
        residuals = self.problem.residuals(self.vector(u))
        return float(-0.5 * residuals @ residuals + np.log(self._stretch(y)).sum())

    def with_gradient(self, u: Array) -> tuple[float, Array]:
        """Logarithm of the density and its gradient (n_free,)."""
        y = self._centre + self._root @ u
        vector = self.vector(u)
        residuals = self.problem.residuals(vector)
        slopes = self.problem.jacobian(vector)
        stretch = self._stretch(y)
        of_y = -(residuals @ slopes) * stretch + 1.0 - 2.0 * expit(y)
        value = -0.5 * residuals @ residuals + np.log(stretch).sum()
        return float(value), self._root.T @ of_y
