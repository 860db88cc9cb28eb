"""Runs of tracked counts: what was seen on a dendrite between two sessions, checked at the door."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import FitError
from synmodel.inference.likelihood.adding_up import add_up, find_open
from synmodel.turnover.hazards import checked_times

__all__ = ["NOT_RECORDED", "Runs", "Seen", "checked_lengths", "completed", "whole_numbers"]

NOT_RECORDED = -1
"""In place of a number of spines."""


class Runs(NamedTuple):
    """Spines at a session, and what was recorded of gains, losses and numbers from there on.

    Attributes
    ----------
    n : (run,) ndarray of int
        Spines at the first session of the run.
    gained, lost : (run, interval) ndarray of int
        -1 where not recorded, 0 outside of the run.
    first, stop : (run,) ndarray of int
        The run covers intervals ``first`` to, not including, ``stop``.
    at_end : (run, interval) ndarray of int, optional
        Spines at the end of each interval, -1 where not known; None where gains and losses say them all.
    density : (run, session) ndarray, optional
        [1/um], NaN where not known; it tells of numbers that are not known.
    """

    n: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    at_end: NDArray[np.int64] | None = None
    density: NDArray[np.float64] | None = None

    @classmethod
    def recorded(cls, n: NDArray[np.int64], gained: NDArray[np.int64], lost: NDArray[np.int64]) -> "Runs":
        """One run per dendrite, over all intervals."""
        stop = np.full(len(n), gained.shape[1], np.int64)
        return cls(n, gained, lost, np.zeros_like(stop), stop)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(run, interval) whether an interval belongs to the run."""
        interval = np.arange(self.gained.shape[1])
        return (interval >= self.first[:, None]) & (interval < self.stop[:, None])

    @property
    def partial(self) -> NDArray[np.bool_]:
        """(run,) whether something was not recorded, or contradicts the number at the end of an interval."""
        out = np.empty(len(self.n), bool)
        at_end = np.full_like(self.gained, NOT_RECORDED) if self.at_end is None else self.at_end
        find_open(self.n, self.gained, self.lost, self.first, self.stop, at_end, out)
        return out

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Runs":
        """Some of the runs."""
        count = None if self.at_end is None else self.at_end[rows]
        density = None if self.density is None else self.density[rows]
        return Runs(self.n[rows], self.gained[rows], self.lost[rows], self.first[rows], self.stop[rows], count, density)


def completed(runs: Runs) -> Runs:
    """The runs with each gain, loss and number that follows from the others."""
    if runs.at_end is None and min(runs.gained.min(initial=0), runs.lost.min(initial=0)) >= 0:
        # Nothing is missing, as in most tables: the numbers are sums, until more are lost than were there.
        at_end = np.full_like(runs.gained, NOT_RECORDED)
        add_up(runs.n, runs.gained, runs.lost, runs.first, runs.stop, at_end)
        return runs._replace(at_end=at_end)
    gained, lost = runs.gained.copy(), runs.lost.copy()
    count = np.full_like(gained, NOT_RECORDED) if runs.at_end is None else runs.at_end.copy()
    now = runs.n.copy()
    for i, inside in enumerate(runs.inside.T):
        g, d, end = gained[:, i], lost[:, i], count[:, i]
        known = inside & (now >= 0)
        end[:] = np.where(known & (end < 0) & (g >= 0) & (d >= 0), np.maximum(now - d + g, NOT_RECORDED), end)
        both = known & (end >= 0)
        g_implied, d_implied = end - now + d, now + g - end
        g[:] = np.where(both & (g < 0) & (d >= 0) & (g_implied >= 0), g_implied, g)
        d[:] = np.where(both & (d < 0) & (g >= 0) & (d_implied >= 0), d_implied, d)
        now = np.where(inside, end, now)
    return runs._replace(gained=gained, lost=lost, at_end=count)


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of tracked dendrites.

    Parameters
    ----------
    n0 : (dendrite,) array_like of int
        Spines at the first session.
    gained, lost : (dendrite, interval) array_like of int
        Spines that are new, and that are gone, at the end of each interval; negative where that was not recorded.
    times : (interval + 1,) array_like
        Sessions [day].
    """

    n0: ArrayLike
    gained: ArrayLike
    lost: ArrayLike
    times: ArrayLike

    def checked(self, count: ArrayLike | None = None) -> tuple[NDArray[np.float64], Runs]:
        """(interval + 1,) sessions, and one run per dendrite, over all intervals.

        Parameters
        ----------
        count : (dendrite, interval) array_like of int, optional
            Spines at the end of each interval; negative where not recorded.

        Raises
        ------
        FitError
            For shapes that do not fit, or numbers that are no counts.
        """
        sessions, start = checked_times(self.times), whole_numbers("n0", self.n0)
        if start.ndim != 1:
            message = f"n0 has shape {start.shape}; give one number of spines per dendrite, (dendrite,)"
            raise FitError(message)
        shape = (len(start), len(sessions) - 1)
        tables = []
        for name, given in (("gained", self.gained), ("lost", self.lost), ("count", count)):
            if given is None:
                continue
            numbers = _as_numbers(given)
            if numbers.shape != shape:
                message = (
                    f"{name} has shape {numbers.shape}; expected {shape}: a row for each number in n0 and a column for "
                    f"each interval between the {len(sessions)} times"
                )
                raise FitError(message)
            if numbers.dtype == np.int64:
                tables.append(np.maximum(numbers, NOT_RECORDED, order="C"))
            else:
                recorded = whole_numbers(name, np.maximum(numbers, 0))
                tables.append(np.where(numbers < 0, NOT_RECORDED, recorded))
        runs = Runs.recorded(start, tables[0], tables[1])
        return sessions, completed(runs if count is None else runs._replace(at_end=tables[2]))


def whole_numbers(name: str, given: ArrayLike) -> NDArray[np.int64]:
    """Counts as integers.

    Raises
    ------
    FitError
        At the first number that is negative, not whole or not finite.
    """
    try:
        numbers = _as_numbers(given)
    except (TypeError, ValueError):
        message = f"{name} is {given!r:.60}; give whole numbers of 0 or more"
        raise FitError(message) from None
    if numbers.dtype == np.int64 and numbers.min(initial=0) >= 0:
        return np.array(numbers, np.int64, order="C")  # a copy, which can be written to
    wrong = ~(np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers)))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        where = f"[{', '.join(map(str, place))}]" if place else ""
        message = (
            f"{name}{where} is {numbers[place]:g}; a count is a whole number of 0 or more (gained, lost and count: "
            "negative where not recorded)"
        )
        raise FitError(message)
    return np.ascontiguousarray(numbers, np.int64)


def _as_numbers(given: ArrayLike) -> NDArray[np.int64] | NDArray[np.float64]:
    """Whole numbers as they are, anything else as floating-point numbers."""
    array = np.asarray(given)
    return array if array.dtype == np.int64 else np.asarray(given, float)


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
    return np.full(n_dendrite, lengths)
