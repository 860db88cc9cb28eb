"""Target engagement: NMDA-receptor blockade and 5-HT2A occupancy.

* Channel block at equilibrium: b = x^h / (1 + x^h), x = sum_i C_i / IC50_i over the blockers present.
* Trapping: the blocked fraction relaxes to b with the rate k (1 + x^h), k = ln 2 / t_unblock, so block sets in
  fast and outlasts clearance (Ma et al. 2023, doi:10.1038/s41586-023-06624-1). t_unblock = 0 is equilibrium.
* Competitive agonism (Gaddum): o = A / (1 + A + B), A = sum C/EC50 of agonists, B = sum C/K_B of antagonists.
* An open target, with x = (C / K)^h of each ligand, agonists a (efficacy e_a), antagonists b, blockers c (largest block
  e_c) and positive modulators m of cooperativity alpha_m, each of which has a site of its own (allosteric ternary
  complex)::

      x_a' = x_a prod_m (1 + alpha_m x_m) / (1 + x_m)      modulators raise the affinity of agonists, up to alpha-fold
      S = 1 + sum x_a' + sum x_b
      occupancy  = (sum x_a' + sum x_b) / S
      blocked_c  = sum e_c x_c / (1 + sum x_c)             blockers do not compete
      activation = (1 - blocked_c) sum e_a x_a' / S
      block      = 1 - (1 - blocked_c) (1 - sum x_b / S)

  A modulator alone activates nothing: all is excess over the drug-free state, and the tone of a transmitter is not in
  the model (Ehlert 1988, Mol Pharmacol 33:187; Christopoulos and Kenakin 2002, doi:10.1124/pr.54.2.323).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bound", "Engaged", "channel_block", "gaddum", "open_target", "trapped_block"]

Array = NDArray[np.float64]


def channel_block(relative: Array, hill: float) -> Array:
    """Blocked fraction at equilibrium for concentrations relative to their IC50, of any shape.

    Equation and evidence: :doc:`/model/pharmacology`.
    """
    driven = relative**hill
    return driven / (1.0 + driven)


def trapped_block(times: Array, relative: Array, hill: float, unblock_half_life: float) -> Array:
    """Blocked fraction with slow unblock, exact for a concentration that is constant on each cell.

    Equation and evidence: :doc:`/model/pharmacology`.

    Parameters
    ----------
    times : (n_time,) ndarray
        Rising [day].
    relative : (..., n_time) ndarray
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
    kept = np.exp(-rate[..., :-1] * np.diff(times))
    # Time comes first, so that a step is one operation for all rows.
    goal, keep = np.moveaxis(equilibrium, -1, 0), np.moveaxis(kept, -1, 0)
    blocked = np.empty(goal.shape)
    blocked[0] = 0.0
    for i in range(len(keep)):
        blocked[i + 1] = goal[i] + (blocked[i] - goal[i]) * keep[i]
    return np.ascontiguousarray(np.moveaxis(blocked, 0, -1))


def gaddum(agonist: Array, antagonist: Array) -> Array:
    """Agonist-bound fraction for concentrations relative to EC50 and K_B, of any shape.

    Equation and evidence: :doc:`/model/pharmacology`.
    """
    return agonist / (1.0 + agonist + antagonist)


class Bound(NamedTuple):
    """A ligand at an open target: x = (C / K)^h of any shape, its mode, and its efficacy or cooperativity."""

    relative: Array
    mode: str
    strength: float = 1.0


class Engaged(NamedTuple):
    """Shares of an open target in [0, 1]: with agonist or antagonist bound, activated, and unable to signal."""

    occupancy: Array
    activation: Array
    block: Array


def open_target(ligands: Sequence[Bound]) -> Engaged:
    """Engagement of an open target by all ligands that are present, at least one."""
    nothing = np.zeros_like(ligands[0].relative)
    raised = np.ones_like(nothing)
    agonists, effect, antagonists, blockers, blocked = (nothing.copy() for _ in range(5))
    for ligand in ligands:
        if ligand.mode == "positive modulator":
            raised *= (1.0 + ligand.strength * ligand.relative) / (1.0 + ligand.relative)
        elif ligand.mode == "agonist":
            agonists += ligand.relative
            effect += ligand.strength * ligand.relative
        elif ligand.mode == "antagonist":
            antagonists += ligand.relative
        else:
            blockers += ligand.relative
            blocked += ligand.strength * ligand.relative
    bound = raised * agonists + antagonists
    shut, held = blocked / (1.0 + blockers), antagonists / (1.0 + bound)
    return Engaged(
        occupancy=bound / (1.0 + bound),
        activation=(1.0 - shut) * raised * effect / (1.0 + bound),
        block=shut + held - shut * held,  # no difference of numbers near 1: shares may be small
    )
