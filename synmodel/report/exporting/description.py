"""A model as named quantities with formulas and units, before it is written in any format.

Formulas are text in the infix notation of SBML level 3 (libSBML's ``parseL3Formula``); a bare number in one says its
unit, as in ``1 dimensionless``. Names of quantities are those of a run's files (``bdnf``, ``formation_fold``); names of
parameters are their dotted names with ``_`` for all that is no letter or digit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from synmodel.library.parameters import Parameter
from synmodel.report.exporting.units import unit_id

__all__ = ["Description", "Event", "Quantity", "Reaction", "identifier", "joined", "positive_part"]

NOTHING = "0 dimensionless"
TRACE = 1e-12
"""Amount of a drug in the whole body that is nothing [nmol]: less than a millionth of a billionth of a dose."""


@dataclass(frozen=True)
class Quantity:
    """Something with a value.

    Attributes
    ----------
    id, name : str
        Identifier; what it is, in words.
    unit : str
        One of :mod:`synmodel.report.exporting.units`.
    value : float or None
        Of a constant, or at the start.
    start : str
        Formula of the value at the start, in place of a number.
    rule : str
        Formula of the value at any time.
    rate : str
        Formula of the change per day.
    compartment : str
        Where an amount of substance is; empty for what is none.
    notes : str
        How it is known, and its source.
    """

    id: str
    name: str
    unit: str
    value: float | None = None
    start: str = ""
    rule: str = ""
    rate: str = ""
    compartment: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Reaction:
    """A change of amounts: one of each of ``reactants`` becomes one of each of ``products``."""

    id: str
    name: str
    reactants: tuple[str, ...]
    products: tuple[str, ...]
    rate: str
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """What jumps when a condition begins to hold: new values by identifier, as formulas.

    ``turn`` is the place of an event among those that a coarse simulator finds at once; 0 where none can be.
    """

    id: str
    name: str
    when: str
    then: Mapping[str, str]
    turn: int = 0


@dataclass
class Description:
    """A model that is being put together.

    Attributes
    ----------
    id, name, notes : str
        Of the model; notes are paragraphs.
    sources : dict
        Identifier of a quantity (or of the model) -> texts in which the library cites its sources.
    functions : dict
        Identifier -> arguments and formula.
    """

    id: str
    name: str
    notes: tuple[str, ...] = ()
    quantities: dict[str, Quantity] = field(default_factory=dict)
    compartments: dict[str, Quantity] = field(default_factory=dict)
    reactions: list[Reaction] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    functions: dict[str, tuple[Sequence[str], str]] = field(default_factory=dict)

    def add(self, quantity: Quantity) -> str:
        """Take in a quantity; its identifier.

        Raises
        ------
        ValueError
            If another one has it.
        """
        known = self.quantities.setdefault(quantity.id, quantity)
        if known != quantity:
            message = f"two quantities of the model are named {quantity.id}"
            raise ValueError(message)
        return quantity.id

    def constant(self, identity: str, value: float, unit: str, name: str, notes: str = "") -> str:
        """A number that stays as it is."""
        return self.add(Quantity(identity, name, unit, value=float(value), notes=notes))

    def parameter(self, parameter: Parameter, identity: str = "") -> str:
        """A parameter of the run, with its source."""
        made = identity or identifier(parameter.name)
        if made not in self.quantities:
            known = f"{parameter.name}; {parameter.status}: {parameter.source}"
            self.constant(made, parameter.value, parameter.unit, parameter.long_name,
                          f"{known}; {parameter.why}" if parameter.why else known)  # fmt: skip
            self.sources[made] = parameter.source
        return made

    def rule(self, identity: str, formula: str, unit: str, name: str) -> str:
        """A value that follows from others at any time."""
        return self.add(Quantity(identity, name, unit, rule=formula))

    def state(self, identity: str, rate: str, unit: str, name: str, start: str = "") -> str:
        """A value that changes at a rate, from 0 or from a formula."""
        return self.add(Quantity(identity, name, unit, value=None if start else 0.0, start=start, rate=rate))

    def excess(self, identity: str, rate: str, name: str) -> str:
        """An excess that changes at a rate from 0, kept as a level from 1.

        Some solvers take their absolute tolerance from the size of a state at the last event; that of an excess, which
        decays to nothing, would go to 0 with it.
        """
        level = self.state(f"{identity}_level", rate, "1", f"1 + {name}", start="1 dimensionless")
        return self.rule(identity, f"{level} - 1 dimensionless", "1", name)

    def cleared_at_events(self) -> None:
        """At every event, amounts below a trace are set to nothing, for the same reason as :meth:`excess`."""
        amounts = [each.id for each in self.quantities.values() if each.compartment]
        if not amounts or not self.events:
            return
        unit = self.quantities[amounts[0]].unit
        trace = self.constant("trace", TRACE, unit, "amount below which an event clears what is left of a drug")
        for place, event in enumerate(self.events):
            others = {
                name: f"piecewise({name}, {name} > {trace}, 0 {unit_id(unit)})"
                for name in amounts if name not in event.then
            }  # fmt: skip
            self.events[place] = replace(event, then={**event.then, **others})

    def held(self, identity: str, start: str, unit: str, name: str) -> str:
        """A value that only events change."""
        return self.add(Quantity(identity, name, unit, value=None if start else 0.0, start=start, rate="held"))

    def amount(self, identity: str, compartment: str, unit: str, name: str, value: float = 0.0) -> str:
        """An amount that reactions and events change."""
        return self.add(Quantity(identity, name, unit, value=value, compartment=compartment))


def identifier(name: str) -> str:
    """A name as an identifier: letters, digits and ``_``, not beginning with a digit.

    Examples
    --------
    >>> identifier("5-MeO-DMT.mouse_volume")
    '_5_MeO_DMT_mouse_volume'
    """
    made = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"_{made}" if made[:1].isdigit() else made


def joined(terms: Sequence[str], by: str = " + ", nothing: str = NOTHING) -> str:
    """Terms of a sum or product as one formula in brackets."""
    return f"({by.join(terms)})" if terms else nothing


def positive_part(formula: str) -> str:
    """The formula where it is above 0, and else 0.

    By its absolute value: solvers take a condition in a formula for an event, and stop again and again where rounding
    crosses 0.
    """
    return f"(0.5 dimensionless * ({formula} + abs({formula})))"
