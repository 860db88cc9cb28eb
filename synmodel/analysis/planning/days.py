"""Search for days on which to image: exchange one day for another as long as that helps.

The search starts from days spread evenly over the candidates, and from any that are given, and in every round makes the
one exchange of a chosen day for a candidate that lowers the criterion most. It ends where no exchange does: at a best
set among all that differ in one day, which need not be the best of all (tests compare with all sets of small problems).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product

from synmodel.core.errors import DesignError

__all__ = ["Days", "best_days", "checked_candidates"]

Days = tuple[float, ...]
Criterion = Callable[[Days], float]
_GAIN = 1e-9
_ROUNDS = 100


def best_days(
    criterion: Criterion,
    candidates: Sequence[float],
    n: int,
    *,
    allowed: Callable[[Days], bool] = lambda _: True,
    starts: Iterable[Days] = (),
) -> tuple[Days, float]:
    """The n days of the candidates with the lowest criterion, by exchange.

    Parameters
    ----------
    criterion : callable
        From rising days to a number; lower is better, infinite is impossible.
    candidates : sequence of float
        Days that may be chosen.
    n : int
        Number of days.
    allowed : callable
        Whether a set of days may be chosen.
    starts : iterable of tuple
        Sets of n candidates from which to search as well.

    Returns
    -------
    days : tuple of float
    value : float
        Its criterion.

    Raises
    ------
    DesignError
        If no start is allowed.

    Examples
    --------
    >>> best_days(lambda days: sum(abs(day - 4) for day in days), [0, 1, 2, 3, 4, 5, 6], 3)[0]
    (3, 4, 5)
    """
    known: dict[Days, float] = {}

    def value(days: Days) -> float:
        if days not in known:
            known[days] = criterion(days) if allowed(days) else math.inf
        return known[days]

    pool = tuple(sorted(set(candidates)))
    begun = [tuple(sorted(each)) for each in starts if len(each) == n and set(each) <= set(pool)]
    if n <= len(pool):
        begun += [days for days in _spread(pool, n) if allowed(days)][:1]
    ends = [_exchanged(value, pool, days) for days in begun if math.isfinite(value(days))]
    if not ends:
        message = f"no {n} of the {len(pool)} candidate days can be imaged as asked; give more --candidate-days"
        raise DesignError(message)
    return min(ends, key=lambda end: (end[1], end[0]))


def _exchanged(value: Callable[[Days], float], pool: Days, days: Days) -> tuple[Days, float]:
    """The end of the search from one set of days."""
    best = value(days)
    for _ in range(_ROUNDS):
        others = [day for day in pool if day not in days]
        near = [tuple(sorted({*days, new} - {old})) for old, new in product(days, others)]
        if not near:
            break
        found = min(near, key=lambda each: (value(each), each))
        if not value(found) < best - _GAIN:
            break
        days, best = found, value(found)
    return days, best


def _spread(pool: Days, n: int) -> Iterable[Days]:
    """Sets of n days spread evenly over the pool, and ever more of them among its first days."""
    for last in range(len(pool) - 1, n - 2, -1):
        places = {round(k * last / max(n - 1, 1)) for k in range(n)}
        if len(places) == n:
            yield tuple(pool[place] for place in sorted(places))


def checked_candidates(days: Sequence[float], dose_day: float, fewest_before: int) -> Days:
    """Candidate days in rising order.

    Raises
    ------
    DesignError
        If one is not finite or lies beyond a year of the dose, or too few are before or after the dose.
    """
    chosen = tuple(sorted({float(day) for day in days}))
    if bad := [day for day in chosen if not abs(day - dose_day) <= _FURTHEST]:
        message = f"day {bad[0]:g} is among the days; allowed is up to {_FURTHEST:g} days from the dose"
        raise DesignError(message)
    before, after = sum(day <= dose_day for day in chosen), sum(day > dose_day for day in chosen)
    if before < fewest_before or after < 1:
        message = (
            f"of the days {before} are before the dose (day {dose_day:g}) and {after} after it; give at least "
            f"{fewest_before} before it and 1 after it"
        )
        raise DesignError(message)
    return chosen


_FURTHEST = 365.0
