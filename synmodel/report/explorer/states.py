"""From what the page sends to two scenarios: each is the document of a scenario, edited field by field.

The page starts from the document of a library scenario and changes its fields, so whatever it has no control for
(cohort, turnover, variability, replaced parameters) stays as it is. The same reader as for TOML files says what is
wrong, with the place of the fault, by which the page finds its control.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synmodel import library
from synmodel.core.documents import read
from synmodel.core.errors import ScenarioError, SynmodelError
from synmodel.core.plain import Json
from synmodel.data import load_study
from synmodel.pharmacology import dose_text, drug_doses, load_compound
from synmodel.scenario import Scenario, load
from synmodel.scenario.conditions import load_condition

__all__ = ["LETTERS", "MOST_DRAWS", "State", "StateError", "catalogue", "state_of"]

LETTERS = ("A", "B")
"""Under which the two scenarios stand in the page."""
MOST_DRAWS = 100
_MOST_SESSIONS = 200  # of an explorer: more are a simulation, and seconds for each move of a slider
_MOST_DOSES = 100
_START = ("psilocybin-mouse", "ketamine-mouse-single")


class StateError(SynmodelError):
    """What the page sent is no state of it."""


@dataclass(frozen=True)
class State:
    """What is shown.

    Attributes
    ----------
    plans : tuple of two Scenario
        A and B.
    starts : tuple of two str
        Library scenarios from which they were made.
    draws : int
        Of the posterior; 0 for the estimate alone.
    """

    plans: tuple[Scenario, Scenario]
    starts: tuple[str, str]
    draws: int

    def is_of_library(self, number: int) -> bool:
        """Whether a scenario is the one of the library from which it started, unchanged."""
        return self.plans[number] == load(self.starts[number])


def state_of(given: object) -> State:
    """Read a state.

    Parameters
    ----------
    given : dict
        ``scenarios``, a list of two ``{start, document}``, and ``draws``.

    Raises
    ------
    SynmodelError
        With one line; that of a fault in a scenario begins with ``A:`` or ``B:``.
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("scenarios"), Sequence):
        message = "the state has no scenarios; load the page again"
        raise StateError(message)
    scenarios, draws = given["scenarios"], given.get("draws", 0)
    if len(scenarios) != len(LETTERS) or not all(isinstance(each, Mapping) for each in scenarios):
        message = f"the state has {len(scenarios)} scenarios; the explorer shows two"
        raise StateError(message)
    if isinstance(draws, bool) or not isinstance(draws, int) or not 0 <= draws <= MOST_DRAWS:
        message = f"draws is {draws!r:.40}; give a whole number from 0 to {MOST_DRAWS}"
        raise StateError(message)
    read_ones = [_plan_of(each, letter) for each, letter in zip(scenarios, LETTERS, strict=True)]
    (one, first), (other, second) = read_ones
    return State((one, other), (first, second), draws)


def _plan_of(given: Json, letter: str) -> tuple[Scenario, str]:
    """One scenario, under the library's name as long as it is the library's, and the name of its start."""
    start, document = given.get("start"), given.get("document")
    if not isinstance(start, str) or not isinstance(document, Mapping):
        message = f"{letter}: the state has no scenario; load the page again"
        raise StateError(message)
    try:
        library.path_of("scenarios", start)  # a name of the library, and never a path: raises with the closest ones
        base = load(start)
        plan = read(Scenario, {**document, "name": base.name, "title": base.title}, "scenario", ScenarioError)
        _refuse_too_much(plan)
    except SynmodelError as fault:
        message = f"{letter}: {fault}"
        raise type(fault)(message) from fault
    if plan == base:
        return base, start
    return plan.updated(name=f"{start}-{letter}"[:100], title=title_of(plan)), start


def _refuse_too_much(plan: Scenario) -> None:
    if len(plan.schedule.sessions) > _MOST_SESSIONS:
        message = (
            f"scenario.schedule.sessions has {len(plan.schedule.sessions)} days; the explorer takes up to "
            f"{_MOST_SESSIONS}: leave some out, or use `synmodel simulate`"
        )
        raise ScenarioError(message)
    number = sum(dose.repeat for dose in plan.regimen.doses)
    if number > _MOST_DOSES:
        message = (
            f"scenario.regimen.doses are {number} doses in all; the explorer takes up to {_MOST_DOSES}: lower the "
            "number of doses, or use `synmodel simulate`"
        )
        raise ScenarioError(message)
    plan.turnover.demand_exact()


def title_of(plan: Scenario) -> str:
    """Doses, subject and conditions in words."""
    doses = [
        dose_text(dose) + (f" {dose.repeat} times every {dose.every_days:g} d" if dose.repeat > 1 else "")
        for dose in drug_doses(plan.regimen.doses)
    ]
    subject = plan.subject.species if plan.subject.genotype == "wild-type" else plan.subject.genotype
    said = [" + ".join(doses) or "no drug", subject, *(spell.name for spell in plan.spells)]
    return ", ".join(said)[:500]


def catalogue() -> Json:
    """What the controls of the page offer, from the library in use.

    Returns
    -------
    dict
        ``scenarios`` (title and document by name), ``start`` (the two that the page begins with), ``compounds`` (kind,
        routes by species, and a usual dose of each), ``genotypes``, ``stress``, ``treatments`` and ``studies`` (titles
        by name).
    """
    scenarios = {name: load(name) for name in library.names("scenarios")}
    shown = {name: plan for name, plan in scenarios.items() if not plan.turnover.why_not_exact}
    conditions = {name: load_condition(name) for name in library.names("conditions")}

    def of_kind(kind: str) -> dict[str, str]:
        return {name: each.title for name, each in conditions.items() if each.kind == kind}

    return {
        "scenarios": {
            name: {"title": plan.title, "document": json.loads(plan.model_dump_json(exclude_none=True))}
            for name, plan in shown.items()
        },
        "start": list(_START),
        "compounds": {name: _compound(name, list(shown.values())) for name in library.names("compounds")},
        "genotypes": {"wild-type": "no change"} | of_kind("genotype"),
        "stress": of_kind("stress"),
        "treatments": of_kind("treatment"),
        "studies": {
            name: f"{study.citation.split('(')[0].strip(' .')}: {study.area}"
            for name in library.names("studies")
            for study in [load_study(name)]
        },
        "most_draws": MOST_DRAWS,
    }


def _compound(name: str, plans: Sequence[Scenario]) -> Json:
    """Kind of a compound, its routes by species, and by species a dose that a scenario of the library gives."""
    entry = load_compound(name)
    usual: dict[str, Json] = {}
    for plan in plans:
        for dose in plan.regimen.doses:
            if dose.compound == name:
                usual.setdefault(plan.subject.species, {"amount": dose.amount, "unit": dose.unit, "route": dose.route})
    return {
        "kind": entry.kind,
        "is_antagonist": "antagonist" in entry.kind,
        "is_vehicle": not entry.kinetics,
        "routes": {species: ["i.v.", *kinetics.absorption] for species, kinetics in entry.kinetics.items()},
        "usual": usual,
    }
