"""Sessions between which the spines of a dendrite are set anew: ablated, erased, or put where an experiment wants them.

A reset replaces all spines, so the course after it begins afresh, with draws of its own, and what happened between the
last session before a reset and the reset is seen by nobody.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError

__all__ = ["Stretch", "assembled", "stretches", "told_resets"]

_DAYS = "a mapping from days after the first session, up to the last one, to spines as in initial"


class Stretch(NamedTuple):
    """A run of days without a reset.

    ``days`` (n,) begin with the first session or the day of a reset, ``initial`` are the spines on that day as they
    were given, ``first`` is the number of its first session, and ``unseen`` (0 or 1) of its days are no session.
    ``name`` tells its draws from those of the others.
    """

    days: NDArray[np.float64]
    initial: object
    first: int
    unseen: int
    name: str

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Say in errors which reset the spines are of."""
        try:
            yield
        except SimulationError as fault:
            if not self.name:
                raise
            message = f"resets, day {self.days[0]:g}: {fault}"
            raise SimulationError(message) from fault


def stretches(times: NDArray[np.float64], initial: object, resets: Mapping[float, object] | None) -> list[Stretch]:
    """The stretches, in order; each holds a session.

    Parameters
    ----------
    times : (n_time,) ndarray
        Sessions [day], rising.
    initial : mapping, sequence, str or array
        Spines at the first session.
    resets : mapping of float to the same, optional
        Spines on each day on which they are set; a session on that day sees the new ones.

    Raises
    ------
    SimulationError
        If a day is no number, not within the sessions, or no session lies between it and the next.
    """
    if not resets:
        return [Stretch(times, initial, 0, 0, "")]
    if not isinstance(resets, Mapping):
        message = f"resets is of type {type(resets).__name__}; give {_DAYS}"
        raise SimulationError(message)
    for day in resets:
        number = isinstance(day, int | float | np.integer | np.floating) and not isinstance(day, bool)
        number = number and math.isfinite(day)
        if not (number and times[0] < day <= times[-1]):
            message = f"resets has day {day!r}; sessions are on days {times[0]:g} to {times[-1]:g}: give {_DAYS}"
            raise SimulationError(message)
    begins = [float(times[0]), *sorted(map(float, resets))]
    ends = [*begins[1:], math.inf]
    numbers = [initial, *(resets[day] for day in sorted(resets))]
    found = []
    for turn, (begin, end, given) in enumerate(zip(begins, ends, numbers, strict=True)):
        seen = np.flatnonzero((times >= begin) & (times < end))
        if not len(seen):
            message = (
                f"resets has days {begin:g} and {end:g} between two sessions, which see the later one alone; give one "
                "reset between two sessions"
            )
            raise SimulationError(message)
        unseen = int(times[seen[0]] > begin)
        days = np.concatenate([[begin] * unseen, times[seen]])
        found.append(Stretch(days, given, int(seen[0]), unseen, f" after reset {turn}" if turn else ""))
    return found


def told_resets(resets: Mapping[float, object]) -> str:
    """Resets in one line; arrays by the sum of their numbers and a digest."""

    def told(given: object) -> str:
        if not isinstance(given, np.ndarray):
            return " ".join(repr(given).split())
        digest = hashlib.sha256(np.ascontiguousarray(given, "<f8").tobytes()).hexdigest()[:16]
        return f"array {given.shape}, {given.sum():g} spines, SHA-256 {digest}"

    return "; ".join(f"{day:g}: {told(given)}" for day, given in sorted(resets.items()))


def assembled(parts: Sequence[tuple[Stretch, xr.Dataset]], times: NDArray[np.float64]) -> xr.Dataset:
    """Counts, gains and losses over all sessions from those of the stretches.

    Over a reset all spines of the earlier session are lost and all of the later one gained.
    """
    counts = [part["count"].to_numpy()[:, :, stretch.unseen :] for stretch, part in parts]
    count = np.concatenate(counts, axis=2)
    there = count.sum(axis=3)
    gained, lost = there[:, :, 1:].copy(), there[:, :, :-1].copy()
    for stretch, part in parts:
        within = slice(stretch.first, stretch.first + part.sizes["time"] - stretch.unseen - 1)
        gained[:, :, within] = part["gained"].to_numpy()[:, :, stretch.unseen :]
        lost[:, :, within] = part["lost"].to_numpy()[:, :, stretch.unseen :]
    first = parts[0][1]
    dims = {name: first[name].dims for name in ("count", "gained", "lost")}
    coords = {"spine_class": first["spine_class"], "animal": first["animal"]}
    days = {"time": times, "start_day": ("interval", times[:-1]), "end_day": ("interval", times[1:])}
    content = {"count": count, "gained": gained.astype(np.int32), "lost": lost.astype(np.int32)}
    return xr.Dataset({name: (dims[name], content[name]) for name in dims}, {**coords, **days}, first.attrs)
