"""Target engagement: NMDA-receptor blockade and 5-HT2A occupancy.

* Channel block at equilibrium: b = x^h / (1 + x^h), x = sum_i C_i / IC50_i over the blockers present.
* Trapping: the blocked fraction relaxes to b with the rate k (1 + x^h), k = ln 2 / t_unblock, so block sets in
  fast and outlasts clearance (Ma et al. 2023, doi:10.1038/s41586-023-06624-1). t_unblock = 0 is equilibrium.
* Competitive agonism (Gaddum): o = A / (1 + A + B), A = sum C/EC50 of agonists, B = sum C/K_B of antagonists.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["channel_block", "gaddum", "trapped_block"]

Array = NDArray[np.float64]


def channel_block(relative: Array, hill: float) -> Array:
    """Blocked fraction at equilibrium for concentrations relative to their IC50, of any shape."""
    driven = relative**hill
    return driven / (1.0 + driven)


def trapped_block(times: Array, relative: Array, hill: float, unblock_half_life: float) -> Array:
    """Blocked fraction with slow unblock, exact for a concentration that is constant on each cell.

    Parameters
    ----------
    times : (n_time,) ndarray
        Rising [day].
    relative : (n_time,) ndarray
        Concentration over IC50; that of the left end holds on a cell.
    hill : float
        Slope.
    unblock_half_life : float
        Half-life of block after clearance [day]; 0 for block at equilibrium.
    """
    equilibrium = channel_block(relative, hill)
    if unblock_half_life <= 0:
        return equilibrium
    rate = np.log(2) / unblock_half_life * (1.0 + relative**hill)
    kept = np.exp(-rate[:-1] * np.diff(times))
    blocked = np.empty_like(equilibrium)
    blocked[0] = 0.0
    for i, keep in enumerate(kept):
        blocked[i + 1] = equilibrium[i] + (blocked[i] - equilibrium[i]) * keep
    return blocked


def gaddum(agonist: Array, antagonist: Array) -> Array:
    """Agonist-bound fraction for concentrations relative to EC50 and K_B, of any shape."""
    return agonist / (1.0 + agonist + antagonist)
