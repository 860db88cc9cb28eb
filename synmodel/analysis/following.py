"""Scenarios followed side by side at the estimate and at draws of the parameters, the same for all of them.

Draws at which one of the scenarios has no possible dendrite are left out for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.intervals import QUANTITIES
from synmodel.analysis.lineup import Entry, Lineup
from synmodel.core.errors import SimulationError
from synmodel.core.progress import Progress
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario, naming
from synmodel.simulation import Setup
from synmodel.simulation.cells import prepared_at
from synmodel.simulation.courses import Course, courses_of, shared_days
from synmodel.simulation.mechanism import parameters_of
from synmodel.turnover.hazards import Knots

__all__ = ["STATISTICS", "Followed", "Point", "Row", "Track", "follow", "follower", "less", "track_of"]

Array = NDArray[np.float64]
Point = tuple[str, float, float]
"""Quantity, first and last day of the interval."""
STATISTICS = (*QUANTITIES, "head_width_change")
"""Quantities by interval; changes are from the first session."""
Row = tuple[Array, Course]
"""One scenario at one parameter set: its statistics by interval, (n_point,), and its course."""
_ROUNDING = 1e-10
_AT_ONCE = 64  # draws between two reports of how far it is


class Track(NamedTuple):
    """One scenario at n draws: ``statistics`` (n, point) at ``points``, and ``courses`` by name (n, day)."""

    points: list[Point]
    statistics: Array
    courses: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Followed:
    """All scenarios of a lineup and their references.

    Attributes
    ----------
    lineup : Lineup
        Of which they are.
    days : (n_day,) ndarray
        On which courses are; they are NaN before a scenario's first session [day].
    draws : list of int
        Numbers of the draws that are possible; the first is -1, the estimate.
    tracks : dict of str to Track
        By :attr:`synmodel.analysis.lineup.Entry.content`.
    """

    lineup: Lineup
    days: Array
    draws: list[int]
    tracks: dict[str, Track]

    def of(self, entry: Entry) -> Track:
        """The track of a scenario."""
        return self.tracks[entry.content]

    def extra_spines(self, entry: Entry) -> Array:
        """(n_draw, n_day) spines of a scenario beyond those of its reference, per spine at the first session."""
        own, reference = (self.of(each).courses["density"] for each in (entry, self.lineup.reference(entry)))
        return less(own, reference)


def less(one: Array, other: Array) -> Array:
    """The difference; 0 where nothing but rounding is left, as of a dose without a receptor to act on."""
    difference = one - other
    return np.where(np.abs(difference) < _ROUNDING, 0.0, difference)


def follow(lineup: Lineup, sets: Sequence[ParameterSet | None], progress: Progress | None = None) -> Followed:
    """Follow scenarios and their references at parameter sets, the first of which is the estimate.

    A phenomenological scenario is followed at the estimate alone (NaN elsewhere): the posterior is of the mechanism.

    Raises
    ------
    SimulationError
        If no dendrite is possible at the estimate.
    """
    members = {each.content: each for entry in lineup.entries for each in (lineup.reference(entry), entry)}
    days = shared_days(each.plan for each in members.values())
    functions = {content: _rows_of(each, days) for content, each in members.items()}
    made: dict[str, list[Row]] = {content: [] for content in members}
    kept = []
    # The estimate comes alone, as a fault there is told before any draw is followed.
    for begin, end in [(0, 1), *((at, min(at + _AT_ONCE, len(sets))) for at in range(1, len(sets), _AT_ONCE))]:
        some = {content: function(sets[begin:end], begin > 0) for content, function in functions.items()}
        for number, rows in enumerate(zip(*some.values(), strict=True), begin):
            faults = [row for row in rows if isinstance(row, SimulationError)]
            if faults and number == 0:
                raise faults[0]
            if faults:
                continue  # more nascent spines than spines: not a possible dendrite
            kept.append(number - 1)
            for content, row in zip(some, rows, strict=True):
                made[content].append(cast(Row, row))
            if progress is not None and number:
                progress(number, len(sets) - 1)
    tracks = {content: track_of(each.plan, made[content], len(days)) for content, each in members.items()}
    return Followed(lineup, days, kept, tracks)


def follower(entry: Entry, days: Array) -> Callable[[ParameterSet | None, bool], Row]:
    """From parameters, and whether they are a draw, to the statistics of a scenario and its course."""
    rows_of = _rows_of(entry, days)

    def function(parameters: ParameterSet | None, is_draw: bool) -> Row:
        (row,) = rows_of([parameters], is_draw)
        if isinstance(row, SimulationError):
            raise row
        return row

    return function


def _rows_of(entry: Entry, days: Array) -> Callable[[Sequence[ParameterSet | None], bool], list[Row | SimulationError]]:
    """:func:`follower` for many parameter sets; an error in place of a row that is not possible."""
    plan = entry.plan
    sessions = np.array(plan.schedule.sessions)
    own = days[days >= sessions[0]]
    at = np.searchsorted(own, sessions[1:])
    with naming(entry.source):
        setup = Setup(plan)
        setup.demand_drive()
        plan.turnover.demand_exact()
        longer = setup.until(float(own[-1]))

    def function(sets: Sequence[ParameterSet | None], are_draws: bool) -> list[Row | SimulationError]:
        if are_draws and plan.drive != "mechanistic":
            unknown = np.full(len(STATISTICS) * len(at), np.nan), Course(*(np.full(len(own), np.nan),) * 4)
            return [unknown for _ in sets]
        complete = [parameters_of(plan, each) for each in sets]
        several = list(prepared_at(setup, complete))
        further = several if longer is setup else list(prepared_at(longer, complete))
        rows: dict[int, Row | SimulationError] = {}
        exact: dict[int, Array] = {}
        knots: dict[int, Knots] = {}
        for place, (ready, reaching) in enumerate(zip(several, further, strict=True)):
            try:
                expected, knots[place] = ready.expected, reaching.knots
            except SimulationError as fault:
                told = SimulationError(f"{' '.join(plan.name.split())}: {fault}")
                told.__cause__ = fault
                rows[place] = told
                continue
            exact[place] = np.concatenate([getattr(expected, field) for field in QUANTITIES.values()])
        courses = courses_of([several[place] for place in exact], own, [knots[place] for place in exact])
        for (place, statistics), course in zip(exact.items(), courses, strict=True):
            rows[place] = np.concatenate([statistics, course.mean_head_width[at]]), course
        return [rows[place] for place in range(len(sets))]

    return function


def track_of(plan: Scenario, rows: Sequence[Row], n_day: int) -> Track:
    """The track of a scenario from its rows, NaN on those of n days that come before its first session."""
    sessions = plan.schedule.sessions
    points = [
        (quantity, sessions[0] if quantity.endswith("_change") else start, end)
        for quantity in STATISTICS
        for start, end in pairwise(sessions)
    ]
    courses = {}
    for field in Course._fields:
        courses[field] = np.full((len(rows), n_day), np.nan)
        known = np.array([getattr(course, field) for _, course in rows])
        courses[field][:, n_day - known.shape[1] :] = known
    return Track(points, np.array([statistics for statistics, _ in rows]), courses)
