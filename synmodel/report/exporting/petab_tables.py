"""Tables of a PEtab problem: conditions, observables, measurements and parameters of published group summaries.

A condition is an arm of a study. Doses, sessions, tissue, and what arms and studies have of their own are quantities of
the model that the table of conditions sets, to numbers or to parameters that are estimated.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synmodel.core.plain import Json
from synmodel.inference.summaries.hierarchy import EFFECTS
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.inference.summaries.targets import ArmTargets
from synmodel.library.parameters import Parameter
from synmodel.pharmacology import drug_doses
from synmodel.report.exporting.description import Description, identifier
from synmodel.report.exporting.microscope import formation_nodes
from synmodel.report.exporting.plan import Plan
from synmodel.scenario import Dose, Subject

__all__ = ["OBSERVED", "carried", "conditions", "measurements", "observables", "parameters", "plan_of_problem"]

OBSERVED = ("formation_fraction", "elimination_fraction", "density_change", "head_width_change")
"""Quantities that are carried, with the noise of each of their means."""

_NEVER_DAY = 1e6  # a session that an arm does not have
_GENOTYPE = "genotype_5ht2a"
_TISSUE = "tissue_"


def plan_of_problem(problem: SummaryProblem, name: str, title: str) -> Plan:
    """The plan of a model that serves all arms: all their doses, and as many sessions as the longest has."""
    first = problem.arms[0]
    longest = max(len(target.sessions) for target in problem.arms)
    start = min(float(target.sessions[0]) for target in problem.arms)
    return Plan(
        name=name,
        title=title,
        parameters=problem.parameters,
        doses=tuple(_given(problem).values()),
        subject=Subject(species="mouse"),
        spells=(),
        study=first.study.name,
        sessions=tuple(start + place for place in range(longest)),
        density_per_um=first.density,
        length_um=first.study.dendrite_length.to("um"),
        in_general=True,
        studies=tuple(problem.studies),
    )


def _key(dose: Dose) -> str:
    """All of a dose but its amount."""
    return dose.model_copy(update={"amount": 1.0}).model_dump_json()


def _given(problem: SummaryProblem) -> dict[str, Dose]:
    """Doses of all arms, each once whatever its amount."""
    found: dict[str, Dose] = {}
    for target in problem.arms:
        for dose in drug_doses(target.arm.doses):
            found.setdefault(_key(dose), dose)
    return found


def condition_of(target: ArmTargets) -> str:
    """Identifier of the condition of an arm."""
    return identifier(f"{target.study.name}_{target.arm.name}")


def conditions(problem: SummaryProblem, plan: Plan, model: Description) -> pd.DataFrame:
    """One row for each arm."""
    given, free = _given(problem), set(problem.free)
    rows = []
    for target in problem.arms:
        study = target.study.name

        def own(name: str, otherwise: float) -> str | float:
            """A parameter that is estimated, by its identifier, or a number."""
            if name in free:
                return identifier(name)
            return problem.parameters.value(name) if name in problem.parameters else otherwise

        row: Json = {
            "conditionId": condition_of(target),
            "conditionName": f"{study}, {target.arm.name}",
            "scored_density": target.density,
            "dendrite_length": target.study.dendrite_length.to("um"),
            _GENOTYPE: Subject(species="mouse", genotype=target.arm.genotype).factor("5ht2a"),
        }
        amounts = {_key(dose): dose.amount for dose in drug_doses(target.arm.doses)}
        row |= {f"dose_{place}_amount": amounts.get(key, 0.0) for place, key in enumerate(given, start=1)}
        for place in range(1, len(plan.sessions) + 1):
            there = place <= len(target.sessions)
            row[f"session_{place}"] = float(target.sessions[place - 1]) if there else _NEVER_DAY
        for name in model.quantities:
            if name.startswith(_TISSUE):
                key = name.removeprefix(_TISSUE)
                row[name] = own(f"{study}.{key}", 0.0)
        for what in ("formation", "elimination"):
            row[f"{what}_of_arm"] = own(f"{study}.{what}_of.{target.arm.name}", 0.0)
        for effect in EFFECTS:
            row[f"effect_on_{effect}"] = own(f"{study}.effect_on.{effect}", 0.0)
        cv = [problem.parameters.value(f"{study}.formation_cv_{level}") for level in ("animal", "dendrite")]
        for place, (node, weight) in enumerate(zip(*formation_nodes(*cv), strict=True), start=1):
            row |= {f"births_node_{place}": node, f"births_weight_{place}": weight}
        rows.append(row)
    return pd.DataFrame(rows).set_index("conditionId")


def observables(problem: SummaryProblem) -> pd.DataFrame:
    """One row for each quantity; its noise is the SEM of every mean."""
    published = {means.quantity for target in problem.arms for means in target.means}
    quantities = [quantity for quantity in OBSERVED if quantity in published]
    rows = []
    for quantity in quantities:
        of = f"{quantity}_mean"
        formula = quantity
        if quantity == "head_width_change":
            # The bias of a mean of ratios, from the published SEM of the mean.
            formula = f"(1 + {quantity}) * (1 + observableParameter1_{of}) - 1"
        rows.append(
            {
                "observableId": of,
                "observableName": quantity.replace("_", " "),
                "observableFormula": formula,
                "observableTransformation": "lin",
                "noiseFormula": f"noiseParameter1_{of}",
                "noiseDistribution": "normal",
            }
        )
    return pd.DataFrame(rows).set_index("observableId")


def measurements(problem: SummaryProblem, plan: Plan) -> pd.DataFrame:
    """One row for each published mean, at the end of its interval."""
    rows = []
    for target in problem.arms:
        for means in target.means:
            bias = np.zeros(len(means.end))
            if means.quantity == "head_width_change":
                bias = np.nan_to_num(means.n_dendrites * means.sem_dendrite**2 / 2)
            for place, end in enumerate(means.end.tolist()):
                rows.append(
                    {
                        "observableId": f"{means.quantity}_mean",
                        "simulationConditionId": condition_of(target),
                        "measurement": float(means.mean[place]),
                        "time": end - plan.first_day,
                        "observableParameters": float(bias[place]) if means.quantity == "head_width_change" else "",
                        "noiseParameters": float(means.sem(problem.unit)[place]),
                    }
                )
    return pd.DataFrame(rows)


def carried(problem: SummaryProblem, plan: Plan, model: Description) -> list[str]:
    """Names of the free parameters on which the model of the problem depends, in the order of the problem."""
    used = set(model.quantities) | set(conditions(problem, plan, model).astype(str).to_numpy().ravel())
    return [name for name in problem.free if identifier(name) in used]


def parameters(problem: SummaryProblem, names: list[str]) -> pd.DataFrame:
    """One row for each free parameter, with its support and prior."""
    return pd.DataFrame([_row(problem.parameters[name]) for name in names]).set_index("parameterId")


def _row(parameter: Parameter) -> Mapping[str, Any]:
    row: Json = {
        "parameterId": identifier(parameter.name),
        "parameterName": parameter.name,
        "parameterScale": "log" if parameter.scale == "log" else "lin",
        "lowerBound": parameter.lower,
        "upperBound": parameter.upper,
        "nominalValue": parameter.value,
        "estimate": 1,
        "objectivePriorType": "",
        "objectivePriorParameters": "",
    }
    if parameter.prior is not None:
        centre = parameter.to_coordinate(parameter.prior.centre)
        row["objectivePriorType"] = "parameterScaleNormal"
        row["objectivePriorParameters"] = f"{centre!r};{parameter.prior.spread!r}"
    return row
