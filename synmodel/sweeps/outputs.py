"""What is reported of a simulated experiment: the published statistics, means over its dendrites."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.imaging import summarise
from synmodel.parameters import ParameterSet
from synmodel.scenario import Cohort, Scenario, Schedule
from synmodel.simulation import simulate

__all__ = ["Point", "points_of", "values_of"]


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
    return _points(summarise(simulate(scenario, replicates=1, seed=0)))


def values_of(
    scenario: Scenario, base: ParameterSet | None, seed: int, first: int, count: int, points: Sequence[Point]
) -> NDArray[np.float64]:
    """(replicate, point) statistics of simulated experiments.

    Parameters
    ----------
    scenario : Scenario
    base : ParameterSet or None
        Parameters that the scenario replaces some of; None: those of the library.
    seed, first, count : int
        Of the draws; number of the first replicate, and how many.
    points : sequence of Point
        Columns of the result; NaN where the scenario does not report one, or a replicate does not know it.
    """
    observations = simulate(scenario, base, replicates=count, seed=seed, first_replicate=first)
    summary = summarise(observations)
    means = summary["mean"].transpose("replicate", "point").to_numpy()
    place = {point: column for column, point in enumerate(_points(summary))}
    values = np.full((count, len(points)), np.nan)
    for column, point in enumerate(points):
        if point in place:
            values[:, column] = means[:, place[point]]
    return values


def _points(summary: xr.Dataset) -> list[Point]:
    starts, ends = summary["start_day"].to_numpy().tolist(), summary["end_day"].to_numpy().tolist()
    return [Point(*each) for each in zip(map(str, summary["quantity"].to_numpy()), starts, ends, strict=True)]
