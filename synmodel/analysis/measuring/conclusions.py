"""The main conclusions as numbers that follow exactly from the parameters, and anything else a laboratory may measure.

Mice are those of the study that shows the drug, its effects those of the typical laboratory; people have their own
kinetics and the tissue of mice. A contrast is the drug less the same animals without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.comparison import study_scenario
from synmodel.analysis.embedded import embedded_arms
from synmodel.analysis.intervals import QUANTITIES
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario, load
from synmodel.simulation import Setup, exposure_of

__all__ = ["Measurable", "conclusions", "evaluate", "mouse"]

Array = NDArray[np.float64]
Kind = Literal[
    "formation_fraction", "elimination_fraction", "density_change", "lowest_elimination", "log_free_concentration"
]
_PEOPLE = {"ketamine": "ketamine-human-infusion", "psilocybin": "psilocybin-human-oral"}
_PERCENT, _POINTS = 100.0, "percentage points"


@dataclass(frozen=True)
class Measurable:
    """One number that follows from the parameters.

    Attributes
    ----------
    name : str
        In words.
    unit : str
    scenario : Scenario
        With the dose.
    kind : str
        A published statistic, as a contrast in percent; ``lowest_elimination``, the least fold of elimination hazards;
        or the logarithm of the free concentration [nM] in brain of ``compound``.
    end_day : float
        Session at the end of the interval, or time of the concentration.
    compound : str
    """

    name: str
    unit: str
    scenario: Scenario
    kind: Kind
    end_day: float = 0.0
    compound: str = ""


def mouse(drug: str, sessions: Sequence[float], amount: float | None = None) -> Scenario:
    """The drug's study with other sessions, and perhaps another amount [mg/kg]."""
    plan = study_scenario(drug, treated=True)
    doses = (
        plan.regimen.doses
        if amount is None
        else tuple(d.model_copy(update={"amount": amount}) for d in plan.regimen.doses)
    )
    return plan.updated(schedule={"sessions": tuple(sessions)}, regimen={"doses": [d.model_dump() for d in doses]})


@cache
def conclusions() -> tuple[Measurable, ...]:
    """The main conclusions: of each drug in mice, and in people."""
    found = []
    for drug in embedded_arms():
        plan = mouse(drug, (-3.0, -1.0, 1.0, 7.0, 35.0))
        found += [
            Measurable(f"{drug}, mouse: extra spines on day 7", "%", plan, "density_change", 7.0),
            Measurable(f"{drug}, mouse: extra spines on day 35", "%", plan, "density_change", 35.0),
            Measurable(f"{drug}, mouse: formation gain, day -1 to 1", _POINTS, plan, "formation_fraction", 1.0),
            Measurable(f"{drug}, mouse: elimination at its lowest", "1", plan, "lowest_elimination"),
        ]
    for drug, name in _PEOPLE.items():
        plan = load(name).updated(schedule={"sessions": (-1.0, 1.0, 7.0)})
        found += [
            Measurable(f"{drug}, man: extra spines after 24 h", "%", plan, "density_change", 1.0),
            Measurable(f"{drug}, man: extra spines after a week", "%", plan, "density_change", 7.0),
        ]
    return tuple(found)


def evaluate(quantities: Sequence[Measurable], parameters: ParameterSet) -> Array:
    """(n,) values of quantities at one parameter set, exact.

    Raises
    ------
    SimulationError
        If no dendrite is possible there.
    """
    values = np.empty(len(quantities))
    gains: dict[Scenario, dict[str, Array]] = {}
    for at, quantity in enumerate(quantities):
        plan = quantity.scenario
        if quantity.kind == "lowest_elimination":
            values[at] = float(Setup(plan).at(parameters).drive["elimination"].min())
        elif quantity.kind == "log_free_concentration":
            times = (*plan.schedule.sessions, quantity.end_day)
            exposure = exposure_of(plan.regimen.doses, plan.subject, sorted(times), parameters.as_floats())
            free = exposure["free_concentration"].sel(compound=quantity.compound)
            values[at] = float(np.log(free.interp(time=quantity.end_day)))
        else:
            if plan not in gains:
                gains[plan] = _gains(plan, parameters)
            interval = plan.schedule.sessions.index(quantity.end_day) - 1
            values[at] = _PERCENT * gains[plan][quantity.kind][interval]
    return values


def _gains(plan: Scenario, parameters: ParameterSet) -> dict[str, Array]:
    """Published statistics of a scenario less those without doses, by interval."""
    drug, vehicle = (Setup(each).at(parameters).expected for each in (plan, _vehicle(plan)))
    return {name: getattr(drug, field) - getattr(vehicle, field) for name, field in QUANTITIES.items()}


@cache
def _vehicle(plan: Scenario) -> Scenario:
    return without_doses(plan)
