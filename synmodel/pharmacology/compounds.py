"""Compounds as documents: kinetics by species, metabolites, receptor targets, each number with its source."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from synmodel import library
from synmodel.core.documents import Document, Evidence, entry_fault
from synmodel.core.errors import LibraryError, close_names, did_you_mean
from synmodel.library.drug_numbers import canonical, chain_fault, entries_of, route_key
from synmodel.library.targets import BUILT_IN
from synmodel.scenario import Dose

__all__ = [
    "Absorption",
    "Compound",
    "Kinetics",
    "Metabolite",
    "OpenTarget",
    "Targets",
    "acting_doses",
    "dose_text",
    "drug_doses",
    "load_compound",
]


_ROUNDING = 1e-9
_PASSIVE = ("vehicle", "antagonist")


def _positive(given: object) -> object:
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


class OpenTarget(Document):
    """What a compound does at a target of the library, see :func:`synmodel.pharmacology.binding.open_target`.

    Attributes
    ----------
    mode : {"agonist", "antagonist", "block", "positive modulator"}
        Agonists and antagonists compete for one site; a blocker does not compete; a modulator raises the affinity of
        agonists.
    affinity : Evidence
        Free concentration at which the site is half engaged: EC50, IC50, K_d, K_i or K_B.
    measure : str
        Which of these it is.
    efficacy : Evidence, optional
        Largest activation by an agonist, or largest block by a blocker, above 0 to 1; default 1.
    hill : Evidence, optional
        Slope; default 1.
    cooperativity : Evidence, optional
        How many times a positive modulator raises the affinity of agonists at most; above 1.
    """

    mode: Literal["agonist", "antagonist", "block", "positive modulator"]
    affinity: PositiveEvidence
    measure: Literal["EC50", "IC50", "Kd", "Ki", "KB"] = "Kd"
    efficacy: PositiveEvidence | None = None
    hill: PositiveEvidence | None = None
    cooperativity: PositiveEvidence | None = None

    @model_validator(mode="after")
    def _fits_the_mode(self) -> "OpenTarget":
        if (self.cooperativity is not None) != (self.mode == "positive modulator"):
            message = (
                "a positive modulator, and no other mode, has a cooperativity: the factor on the affinity of agonists"
            )
            raise ValueError(message)
        if self.cooperativity is not None and self.cooperativity.value <= 1:
            message = f"cooperativity is {self.cooperativity.value:g}; a positive modulator has one above 1"
            raise ValueError(message)
        if self.efficacy is not None and self.mode not in ("agonist", "block"):
            message = f"a compound of mode {self.mode!r} has no efficacy; leave it out"
            raise ValueError(message)
        return self


class Targets(Document):
    """Free concentrations at which receptors are half engaged, and open targets under their names."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OpenTarget]

    nmda_ic50_interneuron: PositiveEvidence | None = None
    nmda_ic50_pyramidal: PositiveEvidence | None = None
    agonist_5ht2a_ec50: PositiveEvidence | None = None
    agonist_5ht2a_maximum: PositiveEvidence | None = None
    antagonist_5ht2a_kb: PositiveEvidence | None = None
    trkb_kd: PositiveEvidence | None = None

    @model_validator(mode="before")
    @classmethod
    def _misspelt(cls, document: object) -> object:
        """A key that is nearly one of these, or holds one number, is no open target."""
        for key, entry in document.items() if isinstance(document, dict) else ():
            one_number = isinstance(entry, dict) and "value" in entry
            if key not in cls.model_fields and (one_number or close_names(key, cls.model_fields)):
                raise entry_fault(key, f"is not known; {did_you_mean(key, cls.model_fields)}")
        return document

    @classmethod
    def well_named(cls, document: Any) -> object:
        """A document without the keys that are no targets, which its fields say better."""
        return {key: entry for key, entry in document.items() if key in cls.model_fields or "mode" in entry}

    @property
    def open(self) -> dict[str, OpenTarget]:
        """Open targets by name."""
        return dict(self.__pydantic_extra__ or {})


class Compound(Document):
    """One entry of the compound library."""

    shelf = "compounds"

    name: str
    title: str
    kind: str
    molar_mass: PositiveEvidence | None = None
    notes: str = ""
    kinetics: dict[str, Kinetics] = Field(default={})
    targets: Targets = Field(default_factory=lambda: Targets.model_validate({}))

    @model_validator(mode="before")
    @classmethod
    def _possible_numbers(cls, document: object) -> object:
        """Dimension and range of every number, so that a slip of the pen in a unit is one line and no wrong curve."""
        if not isinstance(document, dict):
            return document
        try:
            mass = document.get("molar_mass")
            molar_mass = None if mass is None else Evidence.model_validate(mass).to("g/mol")
            known = document | {"targets": Targets.well_named(document.get("targets", {}))}
            numbers = [(key, kind, Evidence.model_validate(entry)) for key, kind, entry in entries_of(known)]
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
            routes = list(kinetics.get("absorption", ()))
            if "i.v." in routes:
                message = f"absorption in {species} has i.v., which needs none: it goes straight into the blood"
                raise ValueError(message)
            if len(set(map(route_key, routes))) < len(routes):
                message = f"absorption in {species} has routes that differ by dots or spaces alone: {', '.join(routes)}"
                raise ValueError(message)
        if document.get("kinetics") and molar_mass is None:
            message = "it has kinetics and no molar_mass; add it: doses are masses, receptors see amounts"
            raise ValueError(message)
        return document


@library.cached
def load_compound(name: str) -> Compound:
    """A compound of the library by name; errors as of :func:`synmodel.library.read_entry`.

    Examples
    --------
    >>> from synmodel.pharmacology import load_compound
    >>> half_life = load_compound("ketamine").kinetics["mouse"].half_life
    >>> half_life.value, half_life.unit
    (13.0, 'min')
    """
    compound = library.read_entry("compounds", name, Compound)
    fault = chain_fault(name) or _target_fault(compound)
    if fault is not None:
        message = f"{library.where('compounds', name)}: {fault}"
        raise LibraryError(message)
    return compound


def _target_fault(compound: Compound) -> str | None:
    """What is wrong with the names of open targets; None where nothing is."""
    known = library.names("targets")
    for name in compound.targets.open:
        if name in BUILT_IN:
            return f"targets[{name!r}] is a receptor of the package; {BUILT_IN[name]}"
        if name not in known:
            meant = did_you_mean(name, known) if known else "there is none yet"
            return (
                f"targets[{name!r}] is not in the library; {meant}: a target is a file targets/NAME.toml, see "
                "`synmodel new target`"
            )
    return None


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


def dose_text(dose: Dose) -> str:
    """Compound, amount, unit and route of one dose in words, with the length of an infusion."""
    infusion = f" over {dose.duration_min:g} min" if dose.duration_min else ""
    return f"{dose.compound} {dose.amount:g} {dose.unit} {dose.route}{infusion}"
