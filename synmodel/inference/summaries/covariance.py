r"""Correlation of published means that come from the same dendrites.

Formation, elimination and density of one arm come from the same spines: a spine missed once is a loss and then a gain,
and the density change is nearly the running sum of the two fractions. Their correlation C is exact for Poisson spines
(:func:`synmodel.imaging.expectation.statistics_correlation`). Changes of head width share their first session, and
each other's spines: correlation rho. A published mean also has an error of its own (dendrites that drop out, rounding,
mice that differ), a share epsilon of its variance::

    R = (1 - epsilon) C + epsilon I

Arms are independent; persistence counts are taken as independent of the means.
"""

import numpy as np
from numpy.typing import NDArray

from synmodel.data.summaries import FITTED
from synmodel.imaging.expectation import statistics_correlation
from synmodel.inference.summaries.targets import ArmTargets
from synmodel.simulation.tissue import Tissue
from synmodel.turnover import Propagation

__all__ = ["HEAD_CORRELATION", "OWN_SHARE", "arm_correlation"]

Array = NDArray[np.float64]

HEAD_CORRELATION = 0.53
"""Correlation of changes of head width between sessions (derived: mean over pairs of sessions, over the dendrites of
the deposits of Shao et al. 2021, 0.53, and Shao, Liao et al. 2025, 0.53)."""

OWN_SHARE = 0.1
"""Share of the variance of a published mean that it shares with no other (derived: of 0.02, 0.05, 0.1, 0.15, 0.2, 0.4,
0.7 and 1, the one with the highest likelihood of the embedded studies; 1, independent means, costs 88 units of
2 log L)."""


def arm_correlation(target: ArmTargets, tissue: Tissue, steps: Propagation) -> Array:
    """(n_mean, n_mean) correlation R of the published means of an arm, in the order of ``target.means``.

    Parameters
    ----------
    tissue : Tissue
        Of the arm.
    steps : Propagation
        Between its sessions.
    """
    of_spines = statistics_correlation(
        tissue.initial_means(target.density),
        steps.survival,
        steps.newborn,
        tissue.scoring,
        target.study.dendrite_length.to("um"),
    )
    n = len(target.sessions) - 1
    places = np.concatenate([FITTED.index(means.quantity) * n + means.at for means in target.turnover])
    size = len(places) + (0 if target.head_width is None else len(target.head_width.at))
    correlation = np.eye(size)
    correlation[: len(places), : len(places)] = of_spines[np.ix_(places, places)]
    if target.head_width is not None:
        heads = slice(len(places), size)
        correlation[heads, heads] += HEAD_CORRELATION * (1.0 - np.eye(size - len(places)))
    return (1.0 - OWN_SHARE) * correlation + OWN_SHARE * np.eye(size)
