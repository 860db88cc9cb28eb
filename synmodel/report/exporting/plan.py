"""What of a scenario goes into an export; a feature that no file can carry is refused by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from synmodel.core.errors import ScenarioError
from synmodel.library.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Dose, Scenario, Spell, Subject, load, naming
from synmodel.signalling.signals import all_modules
from synmodel.simulation import Setup
from synmodel.simulation.subjects import terms_of
from synmodel.simulation.tissue import Tissue, tissue_of

__all__ = ["Plan", "plan_of"]

_CARRIED = ("nmda", "serotonin", "target")
"""Prefixes of the signalling modules whose equations the exports have."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A scenario as an export needs it.

    Attributes
    ----------
    parameters : ParameterSet
        Those of the run.
    doses : tuple of Dose
        Of drugs; a vehicle does nothing.
    study : str
        Whose tissue and scoring it has.
    density_per_um, length_um : float
        Scored spines at the first session; length of a dendrite.
    drive : str
        ``mechanistic`` or ``phenomenological``.
    in_general : bool
        Whether doses, sessions, tissue and what arms and studies have of their own are quantities that a table of
        conditions sets, as in a PEtab problem; ``studies`` are those in it.
    """

    name: str
    title: str
    parameters: ParameterSet
    doses: tuple[Dose, ...]
    subject: Subject
    spells: tuple[Spell, ...]
    study: str
    sessions: tuple[float, ...]
    density_per_um: float
    length_um: float
    drive: str = "mechanistic"
    in_general: bool = False
    studies: tuple[str, ...] = ()

    @cached_property
    def tissue(self) -> Tissue:
        """Turnover and scoring of the study."""
        return tissue_of(self.study, self.parameters.as_floats())

    @property
    def first_day(self) -> float:
        """Day at time 0 of the files: the first session, dose or end of a spell, whichever is earliest."""
        days = [self.sessions[0], *(day for dose in self.doses for day in dose.days)]
        days += [day for spell in self.spells for day in spell.edges]
        return min(days)


def plan_of(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> Plan:
    """The plan of an export.

    Raises
    ------
    ScenarioError
        In one line, where the scenario has a feature that the files cannot carry, or cannot be run at all.
    """
    with naming(scenario):
        given = load(scenario)
        _refuse(given)
        setup = Setup(given)
        ready = setup.at(parameters)
        _ = ready.drive  # raises where a dose has no kinetics, or the pulse does not know it
        ready.refuse_impossible()
    return Plan(
        name=given.name,
        title=given.title,
        parameters=ready.parameters,
        doses=drug_doses(given.regimen.doses),
        subject=given.subject,
        spells=given.spells,
        study=given.baseline,
        sessions=given.schedule.sessions,
        density_per_um=setup.density_per_um,
        length_um=setup.length_um,
        drive=given.drive,
    )


def _refuse(given: Scenario) -> None:
    features: Sequence[tuple[str, bool, str]] = (
        *(
            (f"scenario.turnover.{name}", True, "rates that depend on the number of spines have no closed mean")
            for name in given.turnover.interactions
        ),
        (
            "scenario.turnover.elimination_by_size",
            given.turnover.selects,
            "elimination that depends on head width has no closed mean",
        ),
        ("scenario.variability", bool(terms_of(given)), "the files describe one subject, the median one"),
    )
    for place, there, why in features:
        if there:
            message = f"{place} cannot be exported: {why}; leave it out of the scenario"
            raise ScenarioError(message)
    unknown = [module.prefix for module in all_modules() if module.prefix not in _CARRIED]
    if unknown and given.drive == "mechanistic":
        message = f"this is a model with the signalling module {unknown[0]!r}, whose equations the exports do not have"
        raise ScenarioError(message)
