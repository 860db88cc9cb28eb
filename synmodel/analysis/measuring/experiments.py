"""Measurements that a laboratory may make, with the error with which it would make them.

Imaging: the difference between a drug and a vehicle arm of eight mice each, in a new laboratory (none of the fitted
studies). Its error is the standard deviation between simulated experiments, so it holds chance, detection and
differences between dendrites and mice. Errors of concentrations, potencies and PET are assumed and say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.measuring.conclusions import Kind, Measurable, conclusions, mouse
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.imaging import summarise
from synmodel.scenario import Scenario
from synmodel.simulation import simulate

__all__ = ["MICE", "Measurement", "measurements"]

Array = NDArray[np.float64]
MICE = 8
"""Mice of each arm of an imaging experiment."""
_EXPERIMENTS = 200
_PERCENT = 100.0


@dataclass(frozen=True)
class Measurement:
    """An experiment that nobody has to have made.

    Attributes
    ----------
    name : str
    quantities : tuple of Measurable
        What it measures; none for a number of a compound that is measured itself.
    error_sd : tuple of float
        Standard deviations of its errors, one per quantity, in its unit; of logarithms for concentrations and numbers.
    why : str
        Where the error comes from.
    numbers : tuple of str
        Names of the parameters that it measures.
    """

    name: str
    quantities: tuple[Measurable, ...]
    error_sd: tuple[float, ...]
    why: str
    numbers: tuple[str, ...] = field(default=())


_IMAGING = f"{MICE} mice an arm: standard deviation between {_EXPERIMENTS} simulated experiments"
_CONCENTRATION = "assumed: 6 mice, coefficient of variation 30 % between mice"
_POTENCY = "assumed: repeated assays agree within a factor of 1.1"
_PET = "assumed: 20 people, 10 % between repeated scans of one person"


def measurements(seed: int) -> list[Measurement]:
    """Candidate measurements; ``seed`` is of the simulated experiments behind their errors."""
    found = []
    for drug, others in {"psilocybin": (0.25, 4.0), "ketamine": (3.0, 30.0)}.items():
        sessions: dict[str, tuple[tuple[Kind, ...], tuple[float, ...]]] = {
            "formation within 6 h": (("formation_fraction",), (-1.0, 0.25)),
            "formation on days 1, 2 and 3": (("formation_fraction",), (-1.0, 1.0, 2.0, 3.0)),
            "formation, day 7 to 14": (("formation_fraction",), (-1.0, 7.0, 14.0)),
            "elimination, day 7 to 14": (("elimination_fraction",), (-1.0, 7.0, 14.0)),
            "density on day 7": (("density_change",), (-1.0, 7.0)),
            "density on day 35": (("density_change",), (-1.0, 35.0)),
        }
        for name, (kinds, days) in sessions.items():
            found.append(
                _imaged(
                    f"{drug}, mouse: {name}", mouse(drug, days), kinds, seed, name.startswith(("formation, d", "elim"))
                )
            )
        for amount in others:
            plan = mouse(drug, (-1.0, 1.0), amount)
            found.append(
                _imaged(
                    f"{drug} {amount:g} mg/kg, mouse: formation up to day 1", plan, ("formation_fraction",), seed, False
                )
            )
    return [*found, *_of_drugs()]


def _imaged(name: str, plan: Scenario, kinds: Sequence[Kind], seed: int, last_only: bool) -> Measurement:
    plan = plan.updated(cohort={**plan.cohort.model_dump(exclude_none=True), "animals": MICE})
    days = plan.schedule.sessions[-1:] if last_only else plan.schedule.sessions[1:]
    spread = _spread_between_experiments(plan, seed)
    wanted = [Measurable(name, "percentage points", plan, kind, day) for kind in kinds for day in days]
    return Measurement(name, tuple(wanted), tuple(spread[q.kind, q.end_day] for q in wanted), _IMAGING)


@cache
def _spread_between_experiments(plan: Scenario, seed: int) -> dict[tuple[str, float], float]:
    """Standard deviation of drug less vehicle [percent] between experiments, by quantity and last day."""
    variance: dict[tuple[str, float], float] = {}
    for arm, its_seed in ((plan, seed), (without_doses(plan), seed + 1)):  # separate mice
        summary = summarise(simulate(arm, replicates=_EXPERIMENTS, seed=its_seed))
        each = summary["mean"].var("replicate", ddof=1).to_numpy().tolist()
        keys = zip(summary["quantity"].to_numpy().tolist(), summary["end_day"].to_numpy().tolist(), strict=True)
        for key, value in zip(keys, each, strict=True):
            variance[key] = variance.get(key, 0.0) + _PERCENT**2 * value
    return {key: float(np.sqrt(value)) for key, value in variance.items()}


def _of_drugs() -> list[Measurement]:
    """Concentrations, potencies and PET."""
    half_hour = 0.5 / 24
    free = 0.3 / np.sqrt(6)
    of_people = [q for q in conclusions() if ", man:" in q.name]
    found = [
        Measurement(
            f"{compound} free in brain 30 min after {drug}, mouse",
            (Measurable(compound, "ln nM", mouse(drug, (-1.0, 1.0)), "log_free_concentration", half_hour, compound),),
            (float(free),),
            _CONCENTRATION,
        )
        for drug, compound in (("psilocybin", "psilocin"), ("ketamine", "ketamine"))
    ]
    for name, title in (
        ("psilocin.agonist_5ht2a_ec50", "EC50 of psilocin at 5-HT2A receptors of cortex"),
        ("ketamine.nmda_ic50_interneuron", "IC50 of ketamine at NMDA receptors of interneurons"),
        ("ketamine.nmda_ic50_pyramidal", "IC50 of ketamine at NMDA receptors of pyramidal cells"),
    ):
        found.append(Measurement(title, (), (float(np.log(1.1)),), _POTENCY, (name,)))
    for quantity in of_people:
        title = quantity.name.replace("extra spines", "synaptic density by PET")
        found.append(Measurement(title, (quantity,), (_PERCENT * 0.1 / float(np.sqrt(20)),), _PET))
    return found
