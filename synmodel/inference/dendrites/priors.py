"""Priors of a fit: normal in the coordinate of a parameter, cut off at its support, or uniform over it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synmodel.library.parameters import ParameterSet

__all__ = ["Priors"]

Array = NDArray[np.float64]


class Priors:
    """Priors of the free parameters, as a transform of the unit cube and as a density.

    Parameters
    ----------
    parameters : ParameterSet
        Supports and priors.
    free : sequence of str
        Names of the free parameters, in the order of a vector of their coordinates.
    """

    def __init__(self, parameters: ParameterSet, free: Sequence[str]) -> None:
        self.lower, self.upper = parameters.bounds(list(free))
        priors = [(parameters[name], parameters[name].prior) for name in free]
        self._with_prior = np.array([prior is not None for _, prior in priors], bool)
        self._centre = np.array([p.to_coordinate(prior.centre) for p, prior in priors if prior is not None])
        self._spread = np.array([prior.spread for _, prior in priors if prior is not None])

    def transform(self, cube: Array) -> Array:
        """From the unit cube to a vector: truncated normal where there is a prior, else uniform over the support."""
        vector = self.lower + cube * (self.upper - self.lower)
        at = self._with_prior
        low, high = (ndtr((end[at] - self._centre) / self._spread) for end in (self.lower, self.upper))
        vector[at] = self._centre + self._spread * ndtri(low + cube[at] * (high - low))
        return np.clip(vector, self.lower, self.upper)

    def log_volume(self) -> float:
        """Logarithm of what the density of :meth:`log_density` is to be divided by, so that it integrates to 1."""
        at = self._with_prior
        low, high = (ndtr((end[at] - self._centre) / self._spread) for end in (self.lower, self.upper))
        told = np.log(np.sqrt(2.0 * np.pi) * self._spread * (high - low)).sum()
        return float(told + np.log((self.upper - self.lower)[~at]).sum())

    def information(self) -> Array:
        """Curvature of the density; that of a uniform one of the same width where there is no prior."""
        found = 12.0 / (self.upper - self.lower) ** 2
        found[self._with_prior] = self._spread**-2
        return found

    def slopes(self, vector: Array) -> Array:
        """Slopes of :meth:`log_density`."""
        slopes = np.zeros(len(vector))
        slopes[self._with_prior] = (self._centre - vector[self._with_prior]) / self._spread**2
        return slopes

    def log_density(self, vector: Array) -> float:
        """Logarithm of the prior density, up to a constant."""
        return float(-0.5 * (((vector[self._with_prior] - self._centre) / self._spread) ** 2).sum())
