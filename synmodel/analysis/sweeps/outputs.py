"""What is reported of a cell: the published statistics, of simulated experiments or as exact expectations.

Exact expectations need no replicates.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.errors import SimulationError
from synmodel.scenario import Cohort, Scenario, Schedule
from synmodel.simulation import Preparation, Setup, means_of
from synmodel.turnover.simulator import thread_count

__all__ = ["Point", "exact_points_of", "exact_values_of", "points_of", "values_of"]


class Point(NamedTuple):
    """One statistic of a simulated experiment: what, over which interval [day]."""

    quantity: str
    start_day: float
    end_day: float


def points_of(baseline: str, sessions: Sequence[float]) -> list[Point]:
    """All statistics that an experiment with these sessions reports, told by the smallest one."""
    # A study of one's own may have no density; which statistics are reported does not depend on it.
    density = 1.0 if baseline in library.in_use().names("studies") else None
    smallest = Cohort(animals=1, dendrites_per_animal=1, initial_density_per_um=density)
    schedule = Schedule(sessions=tuple(sessions))
    scenario = Scenario(name="smallest", baseline=baseline, schedule=schedule, cohort=smallest)
    with thread_count(1):  # others would take longer to wake up
        return [Point(*point) for point in means_of(Setup(scenario).at(), 0, 1, 0)[0]]


def values_of(ready: Preparation, seed: int, first: int, count: int, points: Sequence[Point]) -> NDArray[np.float64]:
    """(replicate, point) statistics of simulated experiments.

    Parameters
    ----------
    ready : Preparation
        A scenario at its parameters.
    seed, first, count : int
        Of the draws; number of the first replicate, and how many.
    points : sequence of Point
        Columns of the result; NaN where the scenario does not report one, or a replicate does not know it.
    """
    reported, mean = means_of(ready, first, count, seed)
    place = {point: column for column, point in enumerate(reported)}
    values = np.full((count, len(points)), np.nan)
    for column, point in enumerate(points):
        if point in place:
            values[:, column] = mean[:, place[point]]
    return values


# -- exact expectations --------------------------------------------------------------------------------------------


def exact_points_of(sessions: Sequence[float]) -> list[Point]:
    """All statistics with an exact expectation, in the order of :func:`points_of`."""
    after = [day for day in sessions if day > 0]
    followed = after if len(after) < len(sessions) else []  # new spines need a session before the dose
    pairs = list(pairwise(sessions))
    return [
        *(Point("formation_fraction", *pair) for pair in pairs),
        *(Point("elimination_fraction", *pair) for pair in pairs),
        *(Point("density_change", sessions[0], end) for end in sessions[1:]),
        *(Point("new_spine_persistence_seen", followed[0], end) for end in followed[1:]),
        *(Point("new_spine_persistence_followed", followed[0], end) for end in followed[1:]),
    ]


def exact_values_of(cells: Sequence[Preparation], points: Sequence[Point]) -> NDArray[np.float64]:
    """(cell, point) exact expectations, as of :func:`synmodel.simulation.expectation`.

    Parameters
    ----------
    cells : sequence of Preparation
        A scenario at parameter sets; what it sets, it sets in all of them.
    points : sequence of Point
        Columns of the result; NaN where the scenario does not report one.

    Raises
    ------
    SimulationError
        If a dendrite is possible at none of the sets; where it is not at some, their rows are NaN.
    """
    columns, places = _columns(cells[0].setup.plan.schedule.sessions, tuple(points))
    values = np.full((len(cells), len(points)), np.nan)
    impossible: list[SimulationError] = []
    for row, ready in enumerate(cells):
        try:
            expected = ready.expected
        except SimulationError as error:  # more young spines than spines
            impossible.append(error)
            continue
        values[row, columns] = np.concatenate(expected)[places]
    if len(impossible) == len(cells):
        raise impossible[0]
    return values


@lru_cache(maxsize=4)
def _columns(sessions: tuple[float, ...], points: tuple[Point, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns of the points that a scenario reports, and their places among all that it does."""
    place = {point: at for at, point in enumerate(exact_points_of(sessions))}
    known = [(column, place[point]) for column, point in enumerate(points) if point in place]
    columns, places = np.array(known, np.int64).reshape(-1, 2).T
    return columns, places
