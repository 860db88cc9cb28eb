"""Compounds as documents: kinetics by species, metabolites, receptor targets, each number with its source."""

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from synmodel import library
from synmodel.documents import Document, Evidence, parse_toml, read
from synmodel.drug_numbers import canonical, chain_fault, entries_of
from synmodel.errors import LibraryError
from synmodel.scenario import Dose

__all__ = ["Absorption", "Compound", "Kinetics", "Metabolite", "Targets", "acting_doses", "drug_doses", "load_compound"]


_ROUNDING = 1e-9
_PASSIVE = ("vehicle", "antagonist")


def _positive(given: Any) -> Any:
    if isinstance(given, dict) and isinstance(given.get("value"), int | float) and given["value"] <= 0:
        message = f"value {given['value']} is not positive"
        raise ValueError(message)
    return given


PositiveEvidence = Annotated[Evidence, BeforeValidator(_positive)]


class Absorption(Document):
    """First-order uptake from the place of administration."""

    half_life: PositiveEvidence
    bioavailability: PositiveEvidence


class Metabolite(Document):
    """A compound into which this one is converted, with the molar fraction of the elimination."""

    compound: str
    fraction: PositiveEvidence


class Kinetics(Document):
    """Linear kinetics in one species: one compartment, or two where a peripheral one is given.

    Elimination is a clearance, or for one compartment a half-life.
    """

    volume: PositiveEvidence
    clearance: PositiveEvidence | None = None
    half_life: PositiveEvidence | None = None
    peripheral_volume: PositiveEvidence | None = None
    exchange_clearance: PositiveEvidence | None = None
    fraction_unbound: PositiveEvidence
    kp_uu: PositiveEvidence
    absorption: dict[str, Absorption] = Field(default={})
    metabolites: tuple[Metabolite, ...] = ()

    @model_validator(mode="after")
    def _one_elimination(self) -> "Kinetics":
        if (self.clearance is None) == (self.half_life is None):
            message = "give either clearance or half_life"
            raise ValueError(message)
        if (self.peripheral_volume is None) != (self.exchange_clearance is None):
            message = "a second compartment needs both peripheral_volume and exchange_clearance"
            raise ValueError(message)
        if self.peripheral_volume is not None and self.clearance is None:
            message = "two compartments need a clearance, not a half_life"
            raise ValueError(message)
        return self


class Targets(Document):
    """Free concentrations at which receptors are half engaged."""

    nmda_ic50_interneuron: PositiveEvidence | None = None
    nmda_ic50_pyramidal: PositiveEvidence | None = None
    agonist_5ht2a_ec50: PositiveEvidence | None = None
    agonist_5ht2a_maximum: PositiveEvidence | None = None
    antagonist_5ht2a_kb: PositiveEvidence | None = None
    trkb_kd: PositiveEvidence | None = None


class Compound(Document):
    """One entry of the compound library."""

    name: str
    title: str
    kind: str
    molar_mass: PositiveEvidence | None = None
    notes: str = ""
    kinetics: dict[str, Kinetics] = Field(default={})
    targets: Targets = Targets()

    @model_validator(mode="before")
    @classmethod
    def _possible_numbers(cls, document: Any) -> Any:
        """Dimension and range of every number, so that a slip of the pen in a unit is one line and no wrong curve."""
        if not isinstance(document, dict):
            return document
        try:
            mass = document.get("molar_mass")
            molar_mass = None if mass is None else Evidence.model_validate(mass).to("g/mol")
            numbers = [(key, kind, Evidence.model_validate(entry)) for key, kind, entry in entries_of(document)]
        except (ValidationError, AttributeError, KeyError, TypeError):
            return document  # not of the right form, which the fields say better
        for key, kind, evidence in numbers:
            try:
                canonical(kind, evidence, molar_mass)
            except ValueError as fault:
                message = f"{key}: {fault}"
                raise ValueError(message) from fault
        for species, kinetics in document.get("kinetics", {}).items():
            total = sum(each["fraction"]["value"] for each in kinetics.get("metabolites", ()))
            if total > 1 + _ROUNDING:
                message = (
                    f"metabolites in {species} take {total:g} of the elimination; all fractions together are at most 1"
                )
                raise ValueError(message)
        if document.get("kinetics") and molar_mass is None:
            message = "it has kinetics and no molar_mass; add it: doses are masses, receptors see amounts"
            raise ValueError(message)
        return document


@cache
def load_compound(name: str) -> Compound:
    """A compound of the library by name.

    Raises
    ------
    LibraryError
        For an unknown name (with the closest matches) or a broken entry.
    """
    path = library.path_of("compounds", name)
    fault = chain_fault(name)
    if fault is not None:
        message = f"compounds.{name}: {fault}"
        raise LibraryError(message)
    return read(Compound, parse_toml(path, LibraryError), f"compounds.{name}", LibraryError)


def drug_doses(doses: Iterable[Dose]) -> tuple[Dose, ...]:
    """The doses that are not of a vehicle.

    Examples
    --------
    >>> from synmodel.scenario import load
    >>> [dose.compound for dose in drug_doses(load("saline-mouse-ketanserin").regimen.doses)]
    ['ketanserin']
    """
    return tuple(dose for dose in doses if load_compound(dose.compound).kind != "vehicle")


def acting_doses(doses: Iterable[Dose]) -> tuple[Dose, ...]:
    """The doses that do something on their own: neither a vehicle's nor an antagonist's."""
    return tuple(dose for dose in doses if not any(word in load_compound(dose.compound).kind for word in _PASSIVE))
