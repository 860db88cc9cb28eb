"""Runs of tracked counts: what was seen on a dendrite between two sessions, checked at the door."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.errors import FitError

__all__ = ["Runs", "checked_lengths", "checked_runs", "whole_numbers"]


class Runs(NamedTuple):
    """Counts that add up from session to session.

    Attributes
    ----------
    n : (run,) ndarray of int
        Spines at the first session of the run.
    gained, lost : (run, interval) ndarray of int
        0 outside of the run.
    first, stop : (run,) ndarray of int
        The run covers intervals ``first`` to, not including, ``stop``.
    """

    n: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]
    first: NDArray[np.int64]
    stop: NDArray[np.int64]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(run, interval) whether an interval belongs to the run."""
        interval = np.arange(self.gained.shape[1])
        return (interval >= self.first[:, None]) & (interval < self.stop[:, None])


def checked_runs(n0: ArrayLike, gained: ArrayLike, lost: ArrayLike, n_interval: int) -> Runs:
    """One run per dendrite, over all intervals.

    Raises
    ------
    FitError
        For shapes that do not fit, or numbers that are no counts.
    """
    start = whole_numbers("n0", n0)
    if start.ndim != 1:
        message = f"n0 has shape {start.shape}; give one number of spines per dendrite, (dendrite,)"
        raise FitError(message)
    shape = (len(start), n_interval)
    tables = []
    for name, given in (("gained", gained), ("lost", lost)):
        table = whole_numbers(name, given)
        if table.shape != shape:
            message = (
                f"{name} has shape {table.shape}; expected {shape}: a row for each number in n0 and a column for "
                f"each interval between the {n_interval + 1} times"
            )
            raise FitError(message)
        tables.append(table)
    whole = np.full(len(start), n_interval, np.int64)
    return Runs(start, tables[0], tables[1], np.zeros_like(whole), whole)


def whole_numbers(name: str, given: ArrayLike) -> NDArray[np.int64]:
    """Counts as integers.

    Raises
    ------
    FitError
        At the first number that is negative, not whole or not finite.
    """
    numbers = np.asarray(given, float)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers)))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        where = f"[{', '.join(map(str, place))}]" if place else ""
        message = (
            f"{name}{where} is {numbers[place]:g}; a count is a whole number of 0 or more: take a dendrite with an "
            "interval that was not scored out, or use log_likelihood, which cuts there"
        )
        raise FitError(message)
    return np.ascontiguousarray(numbers, np.int64)


def checked_lengths(length_um: ArrayLike | None, n_dendrite: int) -> NDArray[np.float64]:
    """(dendrite,) factors of the births: lengths [um], or 1 where none are given.

    Raises
    ------
    FitError
        If there is not one positive length, or one for each dendrite.
    """
    if length_um is None:
        return np.ones(n_dendrite)
    lengths = np.asarray(length_um, float)
    if lengths.shape not in ((), (n_dendrite,)) or not np.all(np.isfinite(lengths)) or np.any(lengths <= 0):
        message = (
            f"length_um is {lengths.tolist()}; give one positive length [um] or one for each of the {n_dendrite} "
            "dendrites"
        )
        raise FitError(message)
    return np.ascontiguousarray(np.broadcast_to(lengths, (n_dendrite,)))
