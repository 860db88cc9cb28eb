r"""Mean and covariance of the fractions that one arm of a study reports: of dendrites, of mice, and of both.

A spine has a history of "scored" and "not scored" over the sessions. The numbers of spines with each history are
independent Poisson numbers, given the dendrite's factor y of first densities and z of formation::

    mean of history w = length (y old_w + z new_w) + false_w

G_k gained in interval k, L_k lost and N_k scored at its start are sums of them. G_k is independent of N_k, and L_k is
binomial given N_k, so that, with q = E L_k / E N_k and dendrites that have spines::

    E[G/N] = E G E[1/N]      E[(G/N)^2] = (E G + (E G)^2) E[1/N^2]
    E[L/N] = q               E[(L/N)^2] = q^2 + q (1 - q) E[1/N]

are exact. Correlations between different fractions of one dendrite are those of linearised ratios (an approximation:
first order in 1/N). Mice differ by z, dendrites of a mouse by a further factor and by y; sums over them are Gauss
quadratures (:mod:`synmodel.turnover.heterogeneity`)::

    Cov(mean of a mouse) = between mice + within a mouse / dendrites
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from synmodel.core.errors import DesignError
from synmodel.core.gamma import gamma_nodes
from synmodel.imaging.words import MOST_SESSIONS, words_of
from synmodel.simulation.tissue import Tissue
from synmodel.turnover import Propagation
from synmodel.turnover.heterogeneity import dendrite_nodes

__all__ = ["MOST_SESSIONS", "ArmMoments", "arm_moments"]

Array = NDArray[np.float64]
_NODES = 6
_TAIL = 12.0


class ArmMoments(NamedTuple):
    """Of formation fractions and, after them, elimination fractions, each over the n intervals.

    Attributes
    ----------
    mean : (2 n,) ndarray
        Over dendrites.
    between, within : (2 n, 2 n) ndarray
        Covariance of the means of mice with very many dendrites, and of the dendrites of a mouse.
    """

    mean: Array
    between: Array
    within: Array

    def of_mouse(self, dendrites: int) -> Array:
        """(2 n, 2 n) covariance of the mean over a mouse's dendrites."""
        return self.between + self.within / dendrites


def arm_moments(tissue: Tissue, steps: Propagation, density: float, length_um: float) -> ArmMoments:
    """Moments of one arm.

    Parameters
    ----------
    tissue : Tissue
        Turnover and scoring.
    steps : Propagation
        Between the sessions, at most 12 of them.
    density : float
        Scored spines per um at the first session.
    length_um : float
        Of every dendrite [um].

    Raises
    ------
    DesignError
        For more sessions.
    """
    if len(steps.newborn) >= MOST_SESSIONS:
        message = f"there are {len(steps.newborn) + 1} sessions; plans take up to {MOST_SESSIONS}"
        raise DesignError(message)
    words, old, new, false = words_of(tissue.initial_means(density), steps.survival, steps.newborn, tissue.scoring)
    later, earlier = words[:, 1:], words[:, :-1]
    events = np.concatenate([(1 - earlier) * later, earlier * (1 - later), earlier], axis=1)  # G, L, N
    by_source = [length_um * (events * each[:, None]).T @ events for each in (old, new, false)]
    weights, formation, densities = _nodes(tissue)
    first, formed, wrong = (each[None, None] for each in by_source)
    mean, scatter = _fractions(densities[..., None, None] * first + formation[..., None, None] * formed + wrong)
    return _levels(weights, mean, scatter)


def _nodes(tissue: Tissue) -> tuple[Array, Array, Array]:
    """Weights, factors of formation and factors of densities, each (mouse, dendrite)."""
    model = tissue.model
    of_mouse = gamma_nodes(model.formation_cv_animal, _NODES) if model.formation_cv_animal > 0 else _ONE
    own = dendrite_nodes(tissue.density_log_sd, 0.0, model.formation_cv_dendrite)
    return (
        np.outer(of_mouse[1], own.weight),
        np.outer(of_mouse[0], own.formation),
        np.broadcast_to(own.density, (len(of_mouse[0]), len(own.density))),
    )


_ONE = (np.ones(1), np.ones(1))


def _levels(weights: Array, mean: Array, scatter: Array) -> ArmMoments:
    """From nodes (mouse, dendrite) to the two levels."""
    of_mouse = weights.sum(axis=1)
    share = weights / of_mouse[:, None]
    by_mouse = np.einsum("md,mdi->mi", share, mean)
    total = of_mouse @ by_mouse
    off = by_mouse - total
    inner = mean - by_mouse[:, None, :]
    within = np.einsum("md,mdij->ij", weights, scatter) + np.einsum("md,mdi,mdj->ij", weights, inner, inner)
    return ArmMoments(total, np.einsum("m,mi,mj->ij", of_mouse, off, off), within)


def _fractions(numbers: Array) -> tuple[Array, Array]:
    """Mean (..., 2 n) and covariance (..., 2 n, 2 n) of the fractions of each kind of dendrite.

    ``numbers`` (..., 3 n, 3 n) are mean numbers of spines that are in each two of G, L and N; on the diagonal, in each.
    """
    each = np.diagonal(numbers, axis1=-2, axis2=-1)
    n = each.shape[-1] // 3
    gained, lost, before = each[..., :n], each[..., n : 2 * n], each[..., 2 * n :]
    once, twice = _inverse_moments(before)
    q = lost / before
    mean = np.concatenate([gained * once, q], axis=-1)
    square = np.concatenate([(gained + gained**2) * twice, q**2 + q * (1 - q) * once], axis=-1)
    sd = np.sqrt(square - mean**2)
    ratio = np.concatenate([gained / before, q], axis=-1)
    number = np.concatenate([before, before], axis=-1)
    slope = np.zeros((*ratio.shape, 3 * n))
    at = np.arange(2 * n)
    slope[..., at, at] = 1.0 / number
    slope[..., at, 2 * n + at % n] = -ratio / number
    linear = slope @ numbers @ np.swapaxes(slope, -1, -2)
    scale = sd / np.sqrt(np.diagonal(linear, axis1=-2, axis2=-1))
    return mean, linear * scale[..., :, None] * scale[..., None, :]


def _inverse_moments(mean: Array) -> tuple[Array, Array]:
    """E[1/N | N > 0] and E[1/N^2 | N > 0] of Poisson numbers, by their sums."""
    most = int(mean.max() + _TAIL * np.sqrt(mean.max()) + _TAIL)
    numbers = np.arange(1, most + 1)
    weight = np.exp(numbers * np.log(mean)[..., None] - mean[..., None] - gammaln(numbers + 1.0))
    weight /= weight.sum(axis=-1, keepdims=True)
    return weight @ (1.0 / numbers), weight @ (1.0 / numbers**2)
