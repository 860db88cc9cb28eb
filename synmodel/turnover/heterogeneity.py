"""What differs between dendrites: gamma-distributed formation, of animals and of dendrites, and first densities.

Multipliers have mean 1 and the given coefficient of variation (formation) or standard deviation of the logarithm
(densities). They are drawn by inversion of keyed uniforms, so they change smoothly with it and are shared between
scenarios; expectations average over a few nodes instead.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_hermitenorm

from synmodel.core.gamma import gamma_nodes, gamma_quantile
from synmodel.core.randomness import uniform_array

__all__ = ["ALIKE", "DendriteNodes", "dendrite_nodes", "formation_scale", "gamma_quantile"]

_NODES = 6
_DENSITY_NODES = 5

_ANIMAL, _DENDRITE = 0, 1


def formation_scale(
    key: NDArray[np.uint64],
    replicates: NDArray[np.int64],
    animals: int,
    dendrites: int,
    cv_animal: float,
    cv_dendrite: float,
) -> NDArray[np.float64]:
    """(replicate, animal * dendrite) multipliers of the rate of formation."""
    if cv_animal == cv_dendrite == 0:
        return np.ones((len(replicates), animals * dendrites))
    r = replicates[:, None]
    of_animal = gamma_quantile(uniform_array(key, r, np.arange(animals), 0, _ANIMAL), cv_animal)
    of_dendrite = gamma_quantile(uniform_array(key, r, np.arange(animals * dendrites), 0, _DENDRITE), cv_dendrite)
    return np.repeat(of_animal, dendrites, axis=1) * of_dendrite


class DendriteNodes(NamedTuple):
    """Nodes (n_node,) of the mixture over dendrites: multipliers of density and of formation, and their weights."""

    density: NDArray[np.float64]
    formation: NDArray[np.float64]
    weight: NDArray[np.float64]


ALIKE = DendriteNodes(np.ones(1), np.ones(1), np.ones(1))
"""One node: all dendrites are alike."""


@cache
def dendrite_nodes(density_log_sd: float, cv_animal: float, cv_dendrite: float) -> DendriteNodes:
    """Gauss quadrature over log-normal densities and gamma formation at both levels, as one product of nodes."""
    density, formation, weight = ALIKE
    if density_log_sd > 0:
        x, w = roots_hermitenorm(_DENSITY_NODES)
        density, weight = np.exp(density_log_sd * x - density_log_sd**2 / 2), w / w.sum()
        formation = np.ones_like(density)
    for cv in (cv_animal, cv_dendrite):
        if cv > 0:
            z, w = gamma_nodes(cv, _NODES)
            formation = np.outer(formation, z).ravel()
            density = np.repeat(density, len(z))
            weight = np.outer(weight, w).ravel()
    return DendriteNodes(density, formation, weight)
