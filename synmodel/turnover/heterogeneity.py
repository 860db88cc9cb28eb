"""Gamma-distributed birth rates between animals and between the dendrites of an animal.

Multipliers have mean 1 and the given coefficient of variation; they are drawn by inversion of keyed uniforms,
so they change smoothly with it and are shared between scenarios.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, roots_genlaguerre

from synmodel.randomness import uniform_array

__all__ = ["birth_nodes", "birth_scale", "gamma_quantile"]

_NODES = 6

_ANIMAL, _DENDRITE = 0, 1


def gamma_quantile(u: NDArray[np.float64], cv: float) -> NDArray[np.float64]:
    """Quantiles of the gamma distribution with mean 1 and coefficient of variation ``cv``."""
    if cv == 0:
        return np.ones_like(u)
    shape = cv**-2
    quantile: NDArray[np.float64] = gammaincinv(shape, u) / shape
    return quantile


def birth_scale(
    key: NDArray[np.uint64],
    replicates: NDArray[np.int64],
    animals: int,
    dendrites: int,
    cv_animal: float,
    cv_dendrite: float,
) -> NDArray[np.float64]:
    """(replicate, animal * dendrite) multipliers of the birth rate."""
    r = replicates[:, None]
    of_animal = gamma_quantile(uniform_array(key, r, np.arange(animals), 0, _ANIMAL), cv_animal)
    of_dendrite = gamma_quantile(uniform_array(key, r, np.arange(animals * dendrites), 0, _DENDRITE), cv_dendrite)
    return np.repeat(of_animal, dendrites, axis=1) * of_dendrite


@cache
def birth_nodes(cv_animal: float, cv_dendrite: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and weights of the multiplier over all dendrites, by Gauss-Laguerre quadrature at both levels."""
    z, weight = np.ones(1), np.ones(1)
    for cv in (cv_animal, cv_dendrite):
        if cv > 0:
            shape = cv**-2
            nodes, weights = roots_genlaguerre(_NODES, shape - 1.0)
            z = np.outer(z, nodes / shape).ravel()
            weight = np.outer(weight, weights / weights.sum()).ravel()
    return z, weight
