"""Hazards as the clocks of the events kernel: folds with their integrals, rulers for quick search, and strips."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import SimulationError
from synmodel.turnover.hazards import Folds
from synmodel.turnover.kernels.births import LARGEST_FOLD
from synmodel.turnover.kernels.clocks import Fold, Ruler
from synmodel.turnover.kernels.moves import HEADER, Hazards, Sizes
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.size import EliminationBySize, log_width_shift

__all__ = ["hazards_of"]

Array = NDArray[np.float64]

_MOST_BINS = 4096
_HAIR = 0.01
_NO_KNOTS = (np.empty(0), np.empty(0))


def hazards_of(
    model: TurnoverModel,
    folds: Folds,
    times: Array,
    elimination_by_size: EliminationBySize | None = None,
    head_size: tuple[Array, Array] = _NO_KNOTS,
) -> tuple[Array, NDArray[np.int64], Array | None]:
    """The flat arrays of the events kernel, ``real``, ``whole`` and ``sizes``, built here and nowhere else.

    ``sizes`` is None where elimination does not depend on head width.
    ``head_size`` are knots and folds of the drive of head size from before the first session on, which only elimination
    that depends on it needs.

    Raises
    ------
    SimulationError
        If formation rises to more than 128 times its baseline, or elimination depends on head widths that shrink to 0.
    """
    highest = float(folds.formation.max())
    if highest > LARGEST_FOLD:
        message = (
            f"drive.formation reaches {highest:g}; the events engine takes folds up to {LARGEST_FOLD}: "
            "raise model.formation and lower the fold, or use engine='sessions'"
        )
        raise SimulationError(message)
    strip_end, strip_full = [], []
    for strip in range(max(1, int(np.ceil(highest)))):
        reached = np.flatnonzero(folds.formation > strip)
        cells = int(reached[-1]) + 1 if len(reached) else 0
        strip_end.append(folds.edges[cells])
        strip_full.append(bool((folds.formation[:cells] >= strip + 1).all()))
    transitions = np.asarray(model.transition, float)
    forward, backward = np.triu(transitions, 1), np.tril(transitions, -1)
    lost = np.full(model.n_class, -1)
    if elimination_by_size is not None and (head_size[1] <= 0).any():
        message = "drive.head_size has a value of 0; elimination that falls with head width needs folds above 0"
        raise SimulationError(message)
    elimination = np.asarray(model.elimination, float) * (elimination_by_size.most if elimination_by_size else 1.0)
    pack = _Pack()
    hazards = Hazards(
        elimination=pack.fold(folds.edges, folds.elimination),
        maturation=pack.fold(folds.edges, folds.maturation),
        formation=pack.fold(folds.edges, folds.formation),
        session=pack.ruler(times, len(times)),
        n_strip=len(strip_end),
        strip_end=pack.real(strip_end),
        strip_full=pack.real(strip_full),
        n_class=model.n_class,
        births=pack.real(np.cumsum(model.formation_rates)),
        loss=pack.real(_stay(elimination)),
        stay_forward=pack.real(_stay(forward.sum(axis=1))),
        stay_backward=pack.real(_stay(backward.sum(axis=1))),
        forward=pack.real(np.cumsum(forward, axis=1)),
        backward=pack.real(np.cumsum(backward, axis=1)),
        target=pack.real(
            np.stack([lost, forward.argmax(axis=1), backward.argmax(axis=1), np.arange(len(lost))], axis=1)
        ),
        second=int(((np.asarray(model.transition) > 0).sum(axis=1) > 1).any()),
        birth_rate=float(model.formation_rates.sum()),
    )
    sizes = None if elimination_by_size is None else _sizes(pack, folds, elimination_by_size, head_size)
    return (*pack.arrays(hazards), sizes)


def _sizes(
    pack: "_Pack", folds: Folds, elimination_by_size: EliminationBySize, head_size: tuple[Array, Array]
) -> Array:
    law = elimination_by_size.head_width
    begins = folds.edges[_changes(folds.head_size)]
    sizes = Sizes(
        head_size=pack.fold(folds.edges, folds.head_size),
        shift=pack.real(log_width_shift(begins, *head_size, law.response)),
        most=elimination_by_size.most,
        steepness=elimination_by_size.steepness,
        log_sd=law.log_sd,
        reversion=law.reversion,
        response=law.response,
    )
    return np.array(list(_numbers(sizes)), float)


def _changes(value: Array) -> NDArray[np.int64]:
    """Cells with another value than the one before."""
    return np.flatnonzero(np.concatenate([[True], value[1:] != value[:-1]]))


def _stay(hazard: Array) -> Array:
    """Mean time to an ending; infinite where it never comes."""
    with np.errstate(over="ignore"):  # a denormal hazard never ends anything either
        return np.divide(1.0, hazard, out=np.full(hazard.shape, np.inf), where=hazard > 0)


class _Pack:
    """Numbers one after another; the places of what is added count from behind a header, the Hazards themselves."""

    def __init__(self) -> None:
        self._real: list[Array] = []
        self._whole: list[NDArray[np.int64]] = []
        self._place = [HEADER, 0]

    def real(self, values: ArrayLike) -> int:
        flat = np.asarray(values, float).ravel()
        self._real.append(flat)
        self._place[0] += len(flat)
        return self._place[0] - len(flat)

    def whole(self, values: NDArray[np.int64]) -> int:
        self._whole.append(values)
        self._place[1] += len(values)
        return self._place[1] - len(values)

    def fold(self, edges: Array, value: Array) -> Fold:
        """A fold on as few cells as say the same."""
        begins = _changes(value)
        day = np.append(edges[begins], edges[-1])
        value = value[begins]
        integral = np.concatenate([[0.0], np.cumsum(value * np.diff(day))])
        return Fold(self.real(value), self.ruler(day, len(value)), self.ruler(integral, len(value)))

    def ruler(self, marks: Array, n_cell: int) -> Ruler:
        """A ruler along rising marks, the first ``n_cell`` of which may be answers.

        A bin reaches a hair beyond its ends, so that rounding never leads past the right cell.
        """
        first, span = float(marks[0]), float(marks[-1] - marks[0])
        n_bin = min(4 * n_cell, _MOST_BINS)
        ends = np.arange(n_bin + 1) * (span / n_bin)
        hair = _HAIR * span / n_bin
        low = np.searchsorted(marks, first + ends[:-1] - hair, side="right") - 1
        high = np.searchsorted(marks, first + ends[1:] + hair, side="right") - 1
        return Ruler(
            marks=self.real(marks),
            size=len(marks),
            low=self.whole(np.minimum(np.maximum(low, 0), n_cell - 1)),
            high=self.whole(np.minimum(np.maximum(high, 0), n_cell - 1)),
            bins=n_bin,
            first=first,
            per_unit=n_bin / span if span > 0 else 0.0,
        )

    def arrays(self, hazards: Hazards) -> tuple[Array, NDArray[np.int64]]:
        header = np.array(list(_numbers(hazards)), float)
        return np.concatenate([header, *self._real]), np.concatenate(self._whole).astype(np.int64)


def _numbers(nested: Iterable[Any]) -> Iterator[float]:
    """All numbers of a tuple of tuples, in order."""
    for each in nested:
        if isinstance(each, tuple):
            yield from _numbers(each)
        else:
            yield each
