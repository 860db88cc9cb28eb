r"""The course of a scenario between and after its sessions: the spines that are there, and what makes and takes them.

With n_0 the means of the classes at the first session, P_0t and gamma_0t the propagation from it to day t, spines
there are N(t) = sum(n_0 P_0t + gamma_0t), exact and before any scoring::

    density      N(t) / N(first session) - 1
    head width   e^(s(t) - s(first session)) - 1       s from synmodel.turnover.size

What a microscope reports of them is :func:`synmodel.simulation.expectation`: there spines are missed, and a mean of
ratios over short dendrites is larger than the ratio of means.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.library.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Scenario
from synmodel.simulation.setup import Preparation, Setup
from synmodel.turnover import Propagation
from synmodel.turnover.hazards import Knots
from synmodel.turnover.moments import newborn_means
from synmodel.turnover.size import log_width_shifts

__all__ = ["Course", "Peak", "course_function", "course_of", "courses_of", "half_peak", "peak_of", "shared_days"]

Array = NDArray[np.float64]
_FEW_HOURS, _FINE, _COARSE = 1 / 12, 0.25, 0.5  # steps within a day of a dose, within a week of it, and elsewhere
_MOST_DAYS = 2000
_MOST_DOSES = 30  # around which days are fine


class Course(NamedTuple):
    """Of one scenario at n days.

    Attributes
    ----------
    density : (n,) ndarray
        Change of the number of spines since the first session [1].
    formation_fold, elimination_fold : (n,) ndarray
        Formation and elimination hazards, fold over the drug-free state.
    mean_head_width : (n,) ndarray
        Change of mean head width since the first session [1].
    """

    density: Array
    formation_fold: Array
    elimination_fold: Array
    mean_head_width: Array


class Peak(NamedTuple):
    """What there is to say of a curve of extra spines.

    Attributes
    ----------
    peak, day : float
        The largest value by size, with its sign, and when; the day is NaN for a curve that is zero throughout.
    onset, last : float
        First and last day at which the curve exceeds half its peak, linear between points; NaN as ``day``.
    area : float
        Under the curve, spine-days per spine at the first session [day].
    """

    peak: float
    day: float
    onset: float
    last: float
    area: float


def shared_days(plans: Iterable[Scenario]) -> Array:
    """Days on which scenarios are followed together: all sessions, and finer after doses, up to the last session.

    Steps are two hours within a day of a dose, six within a week, and half a day elsewhere (longer where the whole
    is longer than 1000 days).
    """
    plans = list(plans)
    sessions = np.unique(np.concatenate([plan.schedule.sessions for plan in plans]))
    first, last = sessions[0], sessions[-1]
    pieces = [sessions, np.arange(first, last, max(_COARSE, (last - first) / _MOST_DAYS))]
    doses = sorted({day for plan in plans for dose in drug_doses(plan.regimen.doses) for day in dose.days})
    for day in doses[:_MOST_DOSES]:
        pieces += [day + np.arange(0.0, 1.0, _FEW_HOURS), day + np.arange(1.0, 7.0, _FINE)]
    days = np.unique(np.concatenate(pieces).round(6))  # two doses make no two points of one time
    days = days[(days > first) & (days < last) & ~np.isin(days, sessions.round(6))]
    together: Array = np.sort(np.concatenate([sessions, days]))
    return together


def course_function(plan: Scenario, days: Array) -> Callable[[ParameterSet | None], Course]:
    """The course of a scenario for many parameter sets: what does not depend on them is computed once.

    Parameters
    ----------
    plan : Scenario
        Its doses take effect beyond its own last session too.
    days : (n,) ndarray
        Rising, the first of them the first session [day].
    """
    setup = Setup(plan).until(float(days[-1]))
    setup.demand_drive()
    return lambda parameters: course_of(setup.at(parameters), days)


def course_of(ready: Preparation, days: Array) -> Course:
    """The course of a scenario on days, none of which is beyond the last session.

    Parameters
    ----------
    ready : Preparation
        The scenario at its parameters.
    days : (n,) ndarray
        Rising, the first of them the first session [day].
    """
    return courses_of([ready], days, [ready.knots])[0]


def courses_of(several: Sequence[Preparation], days: Array, knots: Sequence[Knots]) -> list[Course]:
    """:func:`course_of` at many parameters, as arrays where these are faster.

    Parameters
    ----------
    several : sequence of Preparation
        One scenario at its parameters.
    days : (n,) ndarray
        As in :func:`course_of`, but drives reach over them.
    knots : sequence of Knots
        A drive for each, all on the same days.
    """
    if not several:
        return []
    steps = [ready.steps(days, each) for ready, each in zip(several, knots, strict=True)]
    there = np.empty((len(several), len(days)))
    sizes = np.array([ready.tissue.model.n_class for ready in several])
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size).tolist()
        propagation = Propagation.together([steps[row] for row in alike])
        first = np.stack([several[row].first_means for row in alike])[:, None, None, :]
        old = (first @ propagation.cumulative())[..., 0, :]
        there[alike] = (old + newborn_means(propagation)).sum(axis=-1)
    on = knots[0].days
    cell = np.searchsorted(on, days, side="right") - 1
    sized = "head_size" in knots[0].folds
    shifts = log_width_shifts(
        days,
        on if sized else np.empty(0),
        np.stack([each.folds["head_size"] for each in knots]) if sized else np.empty((len(several), 0)),
        [ready.tissue.head_width.response for ready in several],
    )

    def fold(name: str, folds: Mapping[str, Array]) -> Array:
        return np.where(cell < 0, 1.0, folds[name][cell]) if name in folds else np.ones(len(days))

    return [
        Course(
            spines / spines[0] - 1.0,
            fold("formation", each.folds),
            fold("elimination", each.folds),
            np.expm1(shift - shift[0]),
        )
        for spines, shift, each in zip(there, shifts, knots, strict=True)
    ]


def half_peak(day: Array, curve: Array) -> tuple[float, float]:
    """First and last time at which a curve exceeds half its peak (by size), linear between points; NaN for zeros."""
    size = np.abs(curve)
    if size.max() == 0:
        return np.nan, np.nan
    above = np.flatnonzero(size >= size.max() / 2)
    level = size.max() / 2

    def crossing(inside: int, outside: int) -> float:
        if not 0 <= outside < len(day):
            return float(day[inside])
        share = (size[inside] - level) / (size[inside] - size[outside])
        return float(day[inside] + share * (day[outside] - day[inside]))

    return crossing(above[0], above[0] - 1), crossing(above[-1], above[-1] + 1)


def peak_of(day: Array, curve: Array) -> Peak:
    """Peak, its day, onset, end and area of a curve; see :class:`Peak`."""
    highest = int(np.argmax(np.abs(curve)))
    at = float(day[highest]) if curve[highest] else np.nan
    return Peak(float(curve[highest]), at, *half_peak(day, curve), float(np.trapezoid(curve, day)))
