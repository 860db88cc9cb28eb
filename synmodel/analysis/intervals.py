"""What the model expects of a scenario, with the uncertainty of its parameters: exact means at draws of a posterior.

Simulated experiments differ by chance; these intervals are of what they have in common, and do not shrink with more
animals. Drug and vehicle share every draw.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.progress import Progress
from synmodel.imaging.expectation import Expected
from synmodel.inference.summaries.estimate import LEVEL, Estimate
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario
from synmodel.simulation import Setup
from synmodel.simulation.cells import prepared_at
from synmodel.simulation.mechanism import parameters_of
from synmodel.simulation.setup import Preparation

__all__ = ["DRAWS", "QUANTITIES", "expected_statistics", "scenario_draws", "with_ends"]

DRAWS = 100
"""Number of draws behind an interval, by default."""
QUANTITIES = {
    "formation_fraction": "formation",
    "elimination_fraction": "elimination",
    "density_change": "density_change",
}
"""Published quantity -> field of :class:`synmodel.imaging.expectation.Expected`."""


def scenario_draws(posterior: Estimate, n: int, seed: int) -> list[ParameterSet]:
    """Parameters of the library at n draws of a posterior, in a new laboratory (none of the fitted studies)."""
    return list(posterior.scenarios(n, seed))


def expected_statistics(
    plan: Scenario,
    parameters: ParameterSet | None = None,
    *,
    control: Scenario | None = None,
    draws: Sequence[ParameterSet] = (),
    progress: Progress | None = None,
) -> xr.Dataset:
    """Exact means of the published quantities of a scenario, and their difference from those of a control.

    Parameters
    ----------
    plan : Scenario
        With or without drugs.
    parameters : ParameterSet, optional
        The estimate; default: those of the library, with the scenario's replacements, which hold in all draws too.
    control : Scenario, optional
        With the same sessions.
    draws : sequence of ParameterSet
        See :func:`scenario_draws`.
    progress : callable, optional
        Called with (draws done, draws asked for).

    Returns
    -------
    Dataset
        ``expected``, and with a control ``control`` and ``contrast``, dims (draw, point), draw -1 the estimate;
        coordinates ``quantity`` (fractions are of the spines at the earlier session, the change of density is from
        the first), ``start_day``, ``end_day``. Draws of which no dendrite is possible are left out.
    """
    setups = [Setup(each) for each in (plan, control) if each is not None]
    rows, kept = [], []
    for number, several in enumerate(zip(*(_prepared(setup, parameters, draws) for setup in setups), strict=True)):
        try:
            rows.append([_values(each.expected) for each in several])
        except SimulationError:
            if number == 0:
                raise
            continue  # more nascent spines than spines: not a possible dendrite
        kept.append(number - 1)
        if progress is not None and number:
            progress(number, len(draws))
    values = np.array(rows)
    arms = {"expected": values[:, 0]}
    if control is not None:
        arms |= {"control": values[:, 1], "contrast": values[:, 0] - values[:, 1]}
    sessions = np.array(plan.schedule.sessions)
    n = len(sessions) - 1
    first = [np.full(n, sessions[0]) if name == "density_change" else sessions[:-1] for name in QUANTITIES]
    dataset = xr.Dataset(
        {name: (("draw", "point"), each) for name, each in arms.items()},
        {
            "draw": kept,
            "quantity": ("point", np.repeat(list(QUANTITIES), n)),
            "start_day": ("point", np.concatenate(first)),
            "end_day": ("point", np.tile(sessions[1:], len(QUANTITIES))),
        },
    )
    for name, text in (("expected", "exact mean"), ("control", "of the control"), ("contrast", "less the control")):
        if name in dataset:
            dataset[name].attrs.update(units="1", long_name=text)
    for name in ("start_day", "end_day"):
        dataset[name].attrs.update(units="day", long_name=name.replace("_", " ") + " of the interval")
    return dataset


def _prepared(setup: Setup, parameters: ParameterSet | None, draws: Sequence[ParameterSet]) -> Iterator[Preparation]:
    """A scenario at the estimate, which comes alone, as a fault there is told, and at draws."""
    yield setup.at(parameters)
    yield from prepared_at(setup, [parameters_of(setup.plan, each) for each in draws])


def _values(expected: Expected) -> NDArray[np.float64]:
    """(n_point,) all quantities, one after the other."""
    return np.concatenate([getattr(expected, field) for field in QUANTITIES.values()])


def with_ends(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, ...) the estimate, which is the first of the draws, and the ends of 95 % of the others; NaN without any."""
    if len(values) < 2:
        return np.stack([values[0], *(np.full_like(values[0], np.nan),) * 2])
    return np.stack([values[0], *np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)])
