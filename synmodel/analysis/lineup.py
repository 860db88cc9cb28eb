"""Which scenarios are compared with which: names, the control, the vehicle of each, and pairs.

A scenario stands under its name. The same scenario twice is numbered; two that differ under one name are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

from synmodel.analysis.sweeps.factors import without_doses
from synmodel.core.errors import ScenarioError, close_names
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Scenario, load

__all__ = ["VEHICLE", "Entry", "Lineup", "lineup_of"]

VEHICLE = "vehicle"
"""Name of the reference that is each scenario's own animals without doses."""
Source = str | Path | Scenario
_MOST = 20  # scenarios: 190 pairs


@dataclass(frozen=True)
class Entry:
    """One scenario of a comparison.

    Attributes
    ----------
    label : str
        Under which it stands.
    plan : Scenario
        What is done.
    source : str, Path or Scenario
        As it was given, for messages.
    """

    label: str
    plan: Scenario
    source: Source

    @property
    def gives_drugs(self) -> bool:
        """Whether any dose is not of a vehicle."""
        return bool(drug_doses(self.plan.regimen.doses))

    @cached_property
    def vehicle(self) -> "Entry":
        """The same animals without doses."""
        return Entry(VEHICLE, without_doses(self.plan), self.source)

    @cached_property
    def content(self) -> str:
        """Digest of all but name and title: scenarios with the same content are the same for a simulation."""
        return self.plan.model_copy(update={"name": "-", "title": ""}).digest()


@dataclass(frozen=True)
class Lineup:
    """Scenarios side by side.

    Attributes
    ----------
    entries : tuple of Entry
        As given; a control that is not among them stands last.
    control : str or None
        Label of the control, ``vehicle``, or None: all pairs, and each against its vehicle.
    """

    entries: tuple[Entry, ...]
    control: str | None

    def reference(self, entry: Entry) -> Entry:
        """What the extra spines of a scenario are counted against: the control, or its vehicle."""
        if self.control is None or self.control == VEHICLE:
            return entry.vehicle
        return next(each for each in self.entries if each.label == self.control)

    @property
    def pairs(self) -> list[tuple[Entry, Entry]]:
        """Pairs (a, b): scenario and control; without a named one all pairs in order and each with its vehicle."""
        against_vehicle = [(each, each.vehicle) for each in self.entries if each.gives_drugs]
        if self.control == VEHICLE:
            return against_vehicle
        if self.control is None:
            return [*combinations(self.entries, 2), *against_vehicle]
        return [(each, self.reference(each)) for each in self.entries if each.label != self.control]


def lineup_of(scenarios: Sequence[Source] | Source, control: Source | None = None) -> Lineup:
    """Read scenarios and what they are compared with.

    Parameters
    ----------
    scenarios : sequence of str, Path or Scenario
        Names in the library, TOML files or objects, in order; one alone is compared with its vehicle.
    control : str, Path or Scenario, optional
        Reference of all, may be one of them; ``vehicle`` for each one's own animals without doses.

    Raises
    ------
    SynmodelError
        With one line, if a scenario is not known or not valid, two of one name differ, or there is nothing to compare.
    """
    given = [scenarios] if isinstance(scenarios, str | Path | Scenario) else list(scenarios)
    if not 1 <= len(given) <= _MOST:
        message = f"{len(given)} scenarios are given; compare 1 to {_MOST}"
        raise ScenarioError(message)
    entries: list[Entry] = []
    for source in given:
        entries.append(_entry(source, entries))
    name = None
    if control is not None:
        name = VEHICLE
        if control != VEHICLE:
            entry, same = _control(control, entries)
            entries += [] if same else [entry]
            name = entry.label
    lineup = Lineup(tuple(entries), name)
    if not lineup.pairs:
        message = f"there is nothing to compare {entries[0].label} with: " + (
            "it is the control itself; give another scenario"
            if name not in (None, VEHICLE)
            else "it gives no drug; give a second scenario, or one that does"
        )
        raise ScenarioError(message)
    return lineup


def _entry(source: Source, before: Sequence[Entry]) -> Entry:
    """The next scenario, under a label of its own."""
    plan = load(source)
    if plan.name == VEHICLE:
        message = f"{_shown(source)}: the name {VEHICLE!r} means the same animals without doses; give it another"
        raise ScenarioError(message)
    entry = Entry(" ".join(plan.name.split()), plan, source)  # a line break in a name would be one in every message
    alike = [each for each in before if each.plan.name == plan.name]
    for other in alike:
        if other.content != entry.content:
            message = (
                f"two different scenarios have the name {plan.name!r} ({_shown(other.source)} and {_shown(source)}); "
                "change `name` in one of them"
            )
            raise ScenarioError(message)
    return Entry(f"{entry.label} ({len(alike) + 1})", plan, source) if alike else entry


def _control(control: Source, entries: Sequence[Entry]) -> tuple[Entry, bool]:
    """The control, and whether it is one of the scenarios, which may be told by its name."""
    for each in entries:
        if control in (each.label, each.source):
            return each, True
    try:
        entry = _entry(control, [])
    except ScenarioError:
        raise
    except ValueError as fault:
        near = close_names(str(control), [VEHICLE])
        said = f"did you mean {VEHICLE!r}?" if near else f"it is none of the scenarios given, and {fault}"
        message = f"control is {str(control)!r}; {said}"
        raise type(fault)(message) from fault
    for each in entries:
        if each.plan.name == entry.plan.name and each.content == entry.content:
            return each, True
    return _entry(control, entries), False


def _shown(source: Source) -> str:
    return "an object" if isinstance(source, Scenario) else str(source)
