"""The studies among which a plan chooses, and the cheapest of them that reaches its power.

Sets of days times measures times dendrites per mouse; each with the fewest mice that reach the power, by
:mod:`synmodel.analysis.planning.power`. Sets of days are those of the scenario and, for every number of sessions, the
days that tell most of the effects (:mod:`synmodel.analysis.planning.information`) and those with the highest power at
the scenario's cohort, both searched (:mod:`synmodel.analysis.planning.days`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from scipy.special import ndtr, ndtri

from synmodel.analysis.planning.aim import FEWEST_SESSIONS, Aim, Limits
from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.cost import Bill
from synmodel.analysis.planning.days import Days, best_days
from synmodel.analysis.planning.information import Information
from synmodel.analysis.planning.moments import MOST_SESSIONS
from synmodel.analysis.planning.outcome import Measure
from synmodel.analysis.planning.power import Power, contrast_of, fewest_mice, least_power
from synmodel.core.errors import DesignError
from synmodel.core.progress import Progress

__all__ = ["DaySet", "Grid", "Option", "day_sets", "grid_of"]

_CRITICAL = float(ndtri(0.975))


@dataclass(frozen=True)
class DaySet:
    """Sessions, and why they are among the choices."""

    sessions: Days
    origin: str


@dataclass(frozen=True)
class Option:
    """A study that reaches the power, or comes closest to it (``mice`` is then the most that are allowed)."""

    days: DaySet
    measure: Measure
    dendrites: int
    mice: int
    power: float
    bill: Bill


@dataclass(frozen=True, eq=False)
class Grid:
    """All options, and the power at any number of mice of each."""

    reached: list[Option]
    missed: list[Option]
    powers: dict[tuple[Days, Measure, int], Power]

    def cheapest(self, budget: float | None, target: float) -> Option:
        """The cheapest option; of equal ones that with fewer mice, then fewer dendrites.

        Raises
        ------
        DesignError
            If none reaches the power, or the budget does not pay for any.
        """
        if not self.reached:
            best = max(self.missed, key=lambda each: each.power)
            message = (
                f"power {target:g} is not reached with up to {best.mice} mice per arm; the most is {best.power:.2g}, "
                f"with {best.dendrites} dendrites per mouse on days {_text(best.days.sessions)}; allow more "
                "(--most-mice, --dendrites), another --candidate-days or --until, or ask for less"
            )
            raise DesignError(message)
        order = sorted(self.reached, key=lambda each: (each.bill.cost, each.mice, each.dendrites))
        if budget is not None and order[0].bill.cost > budget:
            message = (
                f"--budget is {budget:g}; the cheapest study that reaches power {target:g} costs "
                f"{order[0].bill.cost:.0f} ({order[0].mice} mice per arm, {order[0].dendrites} dendrites per mouse)"
            )
            raise DesignError(message)
        return order[0]


def _text(days: Sequence[float]) -> str:
    return ", ".join(f"{day:g}" for day in days)


def day_sets(
    arms: Arms, aim: Aim, limits: Limits, information: Information, progress: Progress | None = None
) -> list[DaySet]:
    """Sets of days to choose among; see the module."""
    dose_day, pool = arms.dose_day, limits.pool(arms.dose_day)
    if limits.days is not None:
        return [DaySet(pool, "as given")]
    own = arms.treated.schedule.sessions
    allowed = partial(limits.allows, dose_day=dose_day)
    most = min(len(own), len(pool), MOST_SESSIONS)
    numbers = [limits.sessions] if limits.sessions else list(range(max(FEWEST_SESSIONS, limits.before + 1), most + 1))
    if not numbers:
        message = (
            f"{arms.treated.name} has {len(own)} sessions, too few for {limits.before} before the dose; give --sessions"
        )
        raise DesignError(message)
    found = []
    if len(own) in numbers and allowed(own) and _tells(aim, arms, own):
        found.append(DaySet(own, "as in the scenario"))
    searches = (("most information", information.criterion), ("highest power", _weakness(arms, aim, pool)))
    for at, (n, (origin, criterion)) in enumerate(product(numbers, searches)):
        days, _ = best_days(
            criterion, pool, n, allowed=lambda each: allowed(each) and _tells(aim, arms, each), starts=[own]
        )
        if days not in [each.sessions for each in found]:
            found.append(DaySet(days, f"{origin} of {n} sessions"))
        if progress is not None:
            progress(at + 1, len(numbers) * len(searches))
    return found


def _tells(aim: Aim, arms: Arms, days: Sequence[float]) -> bool:
    """Whether some measure can be taken at these days."""
    return bool(list(_measures(aim, arms.dose_day, days)))


def _measures(aim: Aim, dose_day: float, days: Sequence[float]) -> Iterator[Measure]:
    for measure in aim.measures:
        try:
            for outcome in aim.outcomes(dose_day, measure):
                outcome.weights(days)
        except DesignError:
            continue
        yield measure


def _weakness(arms: Arms, aim: Aim, pool: Days) -> Callable[[Days], float]:
    """Minus the number of standard errors by which the arms differ: of the weakest quantity, by the best measure."""
    dendrites = arms.treated.cohort.dendrites_per_animal

    def weakness(days: Days) -> float:
        strengths = []
        for measure in _measures(aim, arms.dose_day, days):
            contrasts = (contrast_of([arms], pool, days, each) for each in aim.outcomes(arms.dose_day, measure))
            strengths.append(min(each.strength(dendrites) for each in contrasts))
        return -max(strengths)

    return weakness


def grid_of(
    draws: Sequence[Arms], aim: Aim, limits: Limits, sets: Sequence[DaySet], information: Information,
    progress: Progress | None = None,
) -> Grid:  # fmt: skip
    """Power of every option.

    Parameters
    ----------
    draws : sequence of Arms
        One for each draw of the posterior, or one alone for stated effects.
    aim, limits, sets
        What is wanted, what may be done, and on which days.
    information : Information
        About the effects, for the power of the likelihood.

    Raises
    ------
    DesignError
        If nothing can be measured on any of the days.
    """
    arms, days = draws[0], _all_days(sets)
    reached: list[Option] = []
    missed: list[Option] = []
    powers: dict[tuple[Days, Measure, int], Power] = {}
    for number, each in enumerate(sets):
        for measure in _measures(aim, arms.dose_day, each.sessions):
            contrasts = [contrast_of(draws, days, each.sessions, of) for of in aim.outcomes(arms.dose_day, measure)]
            for dendrites in sorted(set(limits.dendrites)):
                power = least_power(contrasts, dendrites, aim.analysis)
                if aim.analysis == "likelihood":
                    power = _of_likelihood(information, each.sessions, dendrites)
                powers[each.sessions, measure, dendrites] = power
                mice = fewest_mice(power, aim.power, limits.most_mice)
                size = limits.most_mice if mice is None else mice
                bill = limits.costs.bill(size, dendrites, len(each.sessions))
                option = Option(each, measure, dendrites, size, power(size), bill)
                (missed if mice is None else reached).append(option)
        if progress is not None:
            progress(number + 1, len(sets))
    if not powers:
        aim.outcomes(arms.dose_day, aim.measures[0])[0].weights(sets[0].sessions)  # says what is missing
    return Grid(reached, missed, powers)


def _all_days(sets: Sequence[DaySet]) -> Days:
    return tuple(sorted({day for each in sets for day in each.sessions}))


def _of_likelihood(information: Information, sessions: Days, dendrites: int) -> Power:
    """Power of the estimate with the smallest variance, against the normal law."""

    def power(mice: int) -> float:
        strength = float(information.strengths(sessions, mice, dendrites).min())
        return float(ndtr(strength - _CRITICAL) + ndtr(-strength - _CRITICAL))

    return power
