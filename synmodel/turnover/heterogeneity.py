"""Gamma-distributed birth rates between animals and between the dendrites of an animal.

Multipliers have mean 1 and the given coefficient of variation; they are drawn by inversion of keyed uniforms,
so they change smoothly with it and are shared between scenarios.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from synmodel.randomness import uniform_array

__all__ = ["birth_scale", "gamma_quantile"]

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
