"""Steps between sessions as the sessions kernel reads them: conditional probabilities, and tables that draws look up.

A table pays only if it is used often, and changes no bit; so few dendrites, very many spines and formation that differs
between replicates go without, and so do several hundred intervals that all differ. Intervals with equal probabilities
share their rows: sessions at regular times without a drug need few. Rows end where less than about one draw in a
million goes beyond.
"""

import numpy as np
from numpy.typing import NDArray

from synmodel.turnover.kernels.sessions import Steps, fill_binomials, fill_poissons
from synmodel.turnover.propagation import Propagation, kinds_of

__all__ = ["conditional_of", "tabulated"]

_FEW = 500
_MOST_ENTRIES = 1_000_000
_LARGEST_MEAN = 60.0


def conditional_of(steps: Propagation) -> NDArray[np.float64]:
    """(interval, class, class): P(lost), then P(class j | neither lost nor in an earlier class)."""
    outcomes = np.concatenate([steps.lost[:, :, None], steps.survival[:, :, :-1]], axis=2)
    before = np.cumsum(outcomes, axis=2) - outcomes
    left = 1.0 - before
    conditional = np.divide(outcomes, left, out=np.zeros_like(outcomes), where=left > 0)
    return np.clip(conditional, 0.0, 1.0)


def tabulated(steps: Propagation, initial: NDArray[np.int64], scale: NDArray[np.float64]) -> Steps:
    """Steps with their tables.

    Parameters
    ----------
    steps : Propagation
        P and gamma.
    initial : (replicate, dendrite, class) ndarray of int
        Numbers at the first session, whose means tell how many spines to expect.
    scale : (replicate, dendrite) ndarray
        Multipliers of formation.
    """
    n_dendrite = scale.shape[1]
    expected = _expected(steps, initial, scale)
    most = np.ceil(expected.max(axis=0) + 6.0 * np.sqrt(expected.max(axis=0)) + 4.0).astype(np.int64)
    conditional = conditional_of(steps)
    different, of_interval = kinds_of(conditional)
    rare = np.minimum(different, 1.0 - different)
    means = most[:, None] * rare
    width = np.where((rare > 0) & (means < _LARGEST_MEAN), _width(means), 0)
    entries = width * (most[:, None] + 1)
    if len(scale) * n_dendrite < _FEW or entries.sum() > _MOST_ENTRIES:
        width, entries = np.zeros_like(width), np.zeros_like(entries)
    start = (np.cumsum(entries) - entries.ravel()).reshape(entries.shape)
    binomials = np.empty(int(entries.sum()))
    fill_binomials(different, most, width, start, binomials)
    newborn, newborn_of_interval = kinds_of(steps.newborn)
    poisson_means = newborn * scale.max()
    poisson_width = np.where((poisson_means > 0) & (poisson_means < _LARGEST_MEAN), _width(poisson_means), 0)
    same = bool((scale == scale[:1]).all())
    if not same or len(scale) < _FEW or n_dendrite * poisson_width.sum() > _MOST_ENTRIES:
        poisson_width = np.zeros_like(poisson_width)
    every = np.broadcast_to(poisson_width, (n_dendrite, *poisson_width.shape))
    poisson_start = (np.cumsum(every) - every.ravel()).reshape(every.shape)
    poissons = np.empty(int(every.sum()))
    fill_poissons(newborn, np.ascontiguousarray(scale[0]), poisson_width, poisson_start, poissons)
    return Steps(
        conditional=conditional,
        newborn=np.ascontiguousarray(steps.newborn),
        most=most,
        width=width[of_interval],
        start=start[of_interval],
        binomials=binomials,
        poisson_width=poisson_width[newborn_of_interval],
        poisson_start=np.ascontiguousarray(poisson_start[:, newborn_of_interval]),
        poissons=poissons,
    )


def _expected(steps: Propagation, initial: NDArray[np.int64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_time, class) expected numbers on the richest dendrite."""
    numbers = [initial.max(axis=(0, 1)).astype(float)]
    for p, gamma in zip(steps.survival, steps.newborn, strict=True):
        numbers.append(numbers[-1] @ p + gamma * scale.max())
    return np.array(numbers)


def _width(mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Entries up to about five standard deviations above a mean, in multiples of eight."""
    return 8 * np.ceil((mean + 5.0 * np.sqrt(mean) + 3.0) / 8.0).astype(np.int64)
