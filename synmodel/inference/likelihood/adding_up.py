"""Compiled sums over the intervals of runs: numbers of spines, and whether what was recorded adds up."""

from synmodel.core.compiled import allocating_nothing

__all__ = ["add_up", "find_open", "gains_at_all"]


@allocating_nothing
def add_up(n, gained, lost, first, stop, at_end):  # type: ignore[no-untyped-def]
    """Fill ``at_end`` (run, interval) where all is recorded, until more spines are lost than were there."""
    for r in range(len(n)):
        now = n[r]
        for k in range(first[r], stop[r]):
            now += gained[r, k] - lost[r, k]
            if now < 0:
                break
            at_end[r, k] = now


@allocating_nothing
def gains_at_all(gained, log_factorials, number, log_factorial):  # type: ignore[no-untyped-def]
    """Fill ``number`` (run,) with all gains that were recorded, ``log_factorial`` with the sum of log G!."""
    for r in range(len(gained)):
        number[r], log_factorial[r] = 0.0, 0.0
        for k in range(gained.shape[1]):
            if gained[r, k] > 0:
                number[r] += gained[r, k]
                log_factorial[r] += log_factorials[gained[r, k]]


@allocating_nothing
def find_open(n, gained, lost, first, stop, at_end, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (run,) with whether a gain or loss was not recorded, or a number at the end is another."""
    for r in range(len(n)):
        now, out[r] = n[r], False
        for k in range(first[r], stop[r]):
            now += gained[r, k] - lost[r, k]
            if gained[r, k] < 0 or lost[r, k] < 0 or (at_end[r, k] >= 0 and at_end[r, k] != now):
                out[r] = True
