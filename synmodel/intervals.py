"""What the model expects of a scenario, with the uncertainty of its parameters: exact means at draws of a posterior.

Simulated experiments differ by chance; these intervals are of what they have in common, and do not shrink with more
animals. Drug and vehicle share every draw.
"""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from synmodel.errors import SimulationError
from synmodel.inference.estimate import Estimate
from synmodel.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Scenario
from synmodel.simulation import expectation_function

__all__ = ["DRAWS", "QUANTITIES", "expected_statistics", "scenario_draws"]

DRAWS = 100
"""Number of draws behind an interval, by default."""
QUANTITIES = {
    "formation_fraction": "formation",
    "elimination_fraction": "elimination",
    "density_change": "density_change",
}
"""Published quantity -> field of :class:`synmodel.imaging.expectation.Expected`."""


def scenario_draws(posterior: Estimate, n: int, seed: int) -> list[ParameterSet]:
    """Parameters of the library at n draws of a posterior, in a laboratory that no study is of."""
    return list(posterior.scenarios(n, seed))


def expected_statistics(
    plan: Scenario,
    parameters: ParameterSet | None = None,
    *,
    draws: Sequence[ParameterSet] = (),
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Exact means of the published quantities of a scenario, and of the same animals without doses.

    Parameters
    ----------
    plan : Scenario
        With or without drugs.
    parameters : ParameterSet, optional
        The estimate; default: those of the library, with the scenario's replacements, which hold in all draws too.
    draws : sequence of ParameterSet
        See :func:`scenario_draws`.
    progress : callable, optional
        Called with (draws done, draws asked for).

    Returns
    -------
    Dataset
        ``formation_fraction``, ``elimination_fraction`` (of the spines at the earlier session) and ``density_change``
        (from the first session), dims (draw, interval), draw -1 the estimate; the same with ``_control`` where a drug
        is given; coordinates ``start_day``, ``end_day``. Draws of which no dendrite is possible are left out.
    """
    expected_of = {"": expectation_function(plan)}
    if drug_doses(plan.regimen.doses):
        alone = plan.regimen.model_copy(update={"doses": ()})
        expected_of["_control"] = expectation_function(plan.updated(regimen=alone.model_dump(exclude_none=True)))
    sets = [parameters, *draws]
    rows: dict[str, list[np.ndarray]] = {name + suffix: [] for suffix in expected_of for name in QUANTITIES}
    kept = []
    for number, each in enumerate(sets):
        try:
            expected = {suffix: function(each) for suffix, function in expected_of.items()}
        except SimulationError:
            if number == 0:
                raise
            continue  # more nascent spines than spines: not a possible dendrite
        kept.append(number - 1)
        for suffix, of_scenario in expected.items():
            for name, field in QUANTITIES.items():
                rows[name + suffix].append(getattr(of_scenario, field))
        if progress is not None and number:
            progress(number, len(draws))
    sessions = np.array(plan.schedule.sessions)
    dataset = xr.Dataset(
        {name: (("draw", "interval"), np.array(each)) for name, each in rows.items()},
        {
            "draw": kept,
            "start_day": ("interval", sessions[:-1]),
            "end_day": ("interval", sessions[1:]),
        },
    )
    for name in rows:
        which = "expected without doses" if name.endswith("_control") else "expected"
        words = name.removesuffix("_control").replace("_", " ")
        dataset[name].attrs.update(units="1", long_name=f"{words}, {which}")
    for name in ("start_day", "end_day"):
        dataset[name].attrs.update(units="day", long_name=name.replace("_", " ") + " of the interval")
    return dataset
