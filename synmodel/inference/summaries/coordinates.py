r"""Coordinates in which the posterior of a study's turnover is nearly normal.

What is scored determines sums and balances, not rates: gained spines are flips of scoring and new spines that are still
there, and a density that hardly changes says that as many spines mature as are lost. On the scale of the rates these
are curved ridges. Instead of the logarithms of formation lambda, miss m and elimination delta_1, a study has

::

    f = ln F                 F = m + lambda g / S        gained in two days, of the density S at the first session
    s = ln(m S / lambda g)   flips over formed spines
    b = ln(delta_1 S (delta_0 + alpha) / (lambda alpha)) lost spines over those that mature

    g = (1 - e^(-k D)) / k (1 - alpha / k) + alpha D / k        D = 2 days, k = delta_0 + alpha

beside ln delta_0, ln alpha and the rest as they are. This map preserves volume. A spread between arms or studies, whose
prior is highest at 0, has its logarithm for coordinate, and the density the factor that this takes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from synmodel.inference.summaries.hierarchy import SPREADS
from synmodel.inference.summaries.problem import SummaryProblem

__all__ = ["Coordinates"]

Array = NDArray[np.float64]
_DAYS = 2.0
_KEYS = ("formation", "miss", "loss_mature", "loss_nascent", "maturation")


class Coordinates:
    """The map between the scales of a fit and coordinates, for the studies of a problem that free all five rates."""

    def __init__(self, problem: SummaryProblem) -> None:
        self._n = len(problem.free)
        places = {name: at for at, name in enumerate(problem.free)}
        density = {}
        for target in problem.arms:
            if target.arm.name == target.study.control or target.study.name not in density:
                density[target.study.name] = target.density
        self._blocks = [
            (tuple(places[f"{study}.{key}"] for key in _KEYS), math.log(density[study]))
            for study in problem.studies
            if all(f"{study}.{key}" in places for key in _KEYS)
        ]
        self._spreads = [places[name] for name in SPREADS if name in places]

    def to_vector(self, phi: Array) -> Array:
        """Point on the scales of the fit, (n_free,), at coordinates (n_free,)."""
        vector = phi.copy()
        vector[self._spreads] = np.exp(phi[self._spreads])
        for (formation, miss, elimination, nascent, maturation), density in self._blocks:
            f, s, b = phi[formation], phi[miss], phi[elimination]
            log_g, log_share = _of_formation(phi[nascent], phi[maturation])
            vector[miss] = f - _log1pexp(-s)
            vector[formation] = f - _log1pexp(s) + density - log_g
            vector[elimination] = b + vector[formation] + log_share - density
        return vector

    def from_vector(self, vector: Array) -> Array:
        """Coordinates of a point on the scales of the fit."""
        phi = vector.copy()
        phi[self._spreads] = np.log(vector[self._spreads])
        for (formation, miss, elimination, nascent, maturation), density in self._blocks:
            log_g, log_share = _of_formation(vector[nascent], vector[maturation])
            formed = vector[formation] + log_g - density
            phi[formation] = np.logaddexp(vector[miss], formed)
            phi[miss] = vector[miss] - formed
            phi[elimination] = vector[elimination] - (vector[formation] + log_share - density)
        return phi

    def log_volume(self, phi: Array) -> float:
        """Logarithm of the volume on the scales of the fit over that in coordinates."""
        return float(phi[self._spreads].sum())

    def log_volume_slopes(self) -> Array:
        """(n_free,) derivatives of :meth:`log_volume`."""
        slopes = np.zeros(self._n)
        slopes[self._spreads] = 1.0
        return slopes

    def slopes(self, phi: Array) -> Array:
        """(n_free, n_free) derivatives of :meth:`to_vector`."""
        slopes = np.eye(len(phi))
        slopes[self._spreads, self._spreads] = np.exp(phi[self._spreads])
        for (formation, miss, elimination, nascent, maturation), _ in self._blocks:
            flips = 1.0 / (1.0 + math.exp(-phi[miss]))  # share of flips in what is gained
            of_g, of_share = _of_formation_slopes(phi[nascent], phi[maturation])
            slopes[miss, [formation, miss]] = 1.0, 1.0 - flips
            slopes[formation, [formation, miss]] = 1.0, -flips
            slopes[formation, [nascent, maturation]] = -of_g[0], -of_g[1]
            slopes[elimination, [formation, miss]] = 1.0, -flips
            slopes[elimination, [nascent, maturation]] = of_share[0] - of_g[0], of_share[1] - of_g[1]
        return slopes


def _of_formation(log_nascent: float, log_maturation: float) -> tuple[float, float]:
    """Ln g, and the logarithm of the share of newborns that mature."""
    delta, alpha = math.exp(log_nascent), math.exp(log_maturation)
    k = delta + alpha
    young = -math.expm1(-k * _DAYS) / k
    return math.log(young * delta / k + alpha * _DAYS / k), math.log(alpha / k)


def _of_formation_slopes(log_nascent: float, log_maturation: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Slopes of both of :func:`_of_formation` in both logarithms."""
    delta, alpha = math.exp(log_nascent), math.exp(log_maturation)
    k = delta + alpha
    young = -math.expm1(-k * _DAYS) / k
    in_k = (_DAYS * math.exp(-k * _DAYS) - young) / k
    g = young * delta / k + alpha * _DAYS / k
    both = in_k * delta / k - (young * delta + alpha * _DAYS) / k**2
    return (delta * (both + young / k) / g, alpha * (both + _DAYS / k) / g), (-delta / k, delta / k)


def _log1pexp(x: float) -> float:
    return float(np.logaddexp(0.0, x))
