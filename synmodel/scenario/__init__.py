"""A scenario: who gets which doses when, where and how often spines are imaged.

A scenario is a document that never changes: it can be written as TOML, read back, hashed and compared. Day 0 is the
first dose of the study drug; a pretreatment has a negative day. Times given in hours (``hours``) are kept in days.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from synmodel import library
from synmodel.core.documents import Document, FrozenMapping, Number, OtherKind, Whole, entry_fault, parse_toml, read
from synmodel.core.errors import ScenarioError, SynmodelError
from synmodel.core.plain import Json
from synmodel.library.drug_numbers import routes_of
from synmodel.library.own_entries import digests_behind
from synmodel.scenario.conditions import condition_names, load_condition
from synmodel.scenario.turnover import Turnover, digestible
from synmodel.scenario.values import Replacements
from synmodel.scenario.variability import GENERAL, Variability

__all__ = ["Cohort", "Dose", "Regimen", "Scenario", "Schedule", "Spell", "Subject", "load", "loads", "naming"]

Positive = Annotated[Number, Field(gt=0)]
_MINUTES_PER_DAY = 1440.0
_LAST_DAY = 36_500.0  # a century: further days are typing errors, and the grid of time would not fit into memory
_MOST_SHARING = 1000  # dendrites that share a pool: every event looks at all of them
_LARGEST_DOSE = {"mg/kg": 1e4, "mg": 1e6}  # beyond any dose of any drug
# Body weights where a scenario gives none; they only turn a dose in mg into mg/kg. Both assumed: an adult mouse of
# 20 to 30 g, and the 70 kg to which clinical doses are conventionally scaled; neither was looked up in a source.
_WEIGHT_KG = {"mouse": 0.025, "human": 70.0}


def _within_a_century(day: float) -> float:
    if not -_LAST_DAY <= day <= _LAST_DAY:
        message = f"allowed is {-_LAST_DAY:.0f} to {_LAST_DAY:.0f} days"
        raise ValueError(message)
    return day


Day = Annotated[Number, AfterValidator(_within_a_century)]
_HOURS_PER_DAY = 24.0


def _name_of(given: Any) -> object:
    """The name of an entry made in Python, which is put into the library in use; anything else as it is."""
    return library.shelve(given) if hasattr(given, "shelf") else given


EntryName = Annotated[str, BeforeValidator(_name_of)]


def _in_days(document: object, hours: str, days: str) -> object:
    """A document in which times given in hours stand in days."""
    if not isinstance(document, Mapping) or hours not in document:
        return document
    if days in document:
        raise entry_fault(hours, f"stands beside {days}; give one of the two")
    given = document[hours]
    several = isinstance(given, list | tuple)
    for value in given if several else [given]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise entry_fault(hours, f"is {given!r}; give {'numbers' if several else 'a number'} of hours")
    converted = [value / _HOURS_PER_DAY for value in given] if several else given / _HOURS_PER_DAY
    return {**{key: value for key, value in document.items() if key != hours}, days: converted}


class _Part(Document):
    """A scenario, or a part of one."""

    error = ScenarioError


class Dose(_Part):
    """One administration, or a series of equal ones."""

    also = ("hours",)

    compound: EntryName = Field(description="name a compound of the library, see `synmodel compounds`")
    amount: Positive = Field(description="a dose is positive; for vehicle leave regimen.doses empty")
    unit: Literal["mg/kg", "mg"] = "mg/kg"
    route: str
    day: Day = Field(default=0.0, description="time of the (first) dose; 0 is the first dose of the study drug")
    duration_min: Number = Field(default=0.0, ge=0, description="length of an i.v. infusion; 0 is a bolus")
    repeat: Whole = Field(default=1, ge=1, le=1000, description="number of equal doses")
    every_days: Positive = Field(default=1.0, description="time between equal doses")

    @model_validator(mode="before")
    @classmethod
    def _hours(cls, document: object) -> object:
        return _in_days(document, "hours", "day")

    @field_validator("compound")
    @classmethod
    def _known_compound(cls, name: str) -> str:
        known = library.names("compounds")
        if name not in known:
            raise ValueError(library.meant(name, known))
        return name

    @field_validator("route")
    @classmethod
    def _known_route(cls, route: str, info: ValidationInfo) -> str:
        compound = info.data.get("compound", "")
        known = routes_of(compound) if compound else ()
        if known and route not in known:
            message = f"{compound} has kinetics for {', '.join(known)}"
            raise ValueError(message)
        return route

    @model_validator(mode="after")
    def _only_infusions_last(self) -> "Dose":
        if self.duration_min > 0 and self.route != "i.v.":
            message = f"duration_min is {self.duration_min:g} for route {self.route}; only i.v. doses can be infused"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _possible(self) -> "Dose":
        largest = _LARGEST_DOSE[self.unit]
        if self.amount > largest:
            message = f"amount is {self.amount:g} {self.unit}; allowed is above 0 to {largest:.0f} {self.unit}"
            raise ValueError(message)
        end = self.days[-1] + self.duration_day
        if end > _LAST_DAY:
            message = f"it ends on day {end:g}, allowed is {_LAST_DAY:.0f}; lower repeat, every_days or duration_min"
            raise ValueError(message)
        return self

    @property
    def days(self) -> tuple[float, ...]:
        """Start of each dose of the series [day]."""
        return tuple(self.day + k * self.every_days for k in range(self.repeat))

    @property
    def duration_day(self) -> float:
        """Length of the infusion [day]."""
        return self.duration_min / _MINUTES_PER_DAY

    def mg_per_kg(self, weight_kg: float) -> float:
        """Amount per body weight [mg/kg]."""
        return self.amount if self.unit == "mg/kg" else self.amount / weight_kg


class Spell(_Part):
    """A condition of the library while it lasts: by default all the time and in full."""

    also = ("from_hours", "to_hours")

    name: EntryName = Field(description="name a condition of the library")
    strength: Number = Field(default=1.0, ge=0, le=1, description="0 is no condition, 1 the one of the library")
    from_day: Day | None = None
    to_day: Day | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, document: object) -> object:
        """A name alone will do."""
        if isinstance(document, str) or hasattr(document, "shelf"):
            return {"name": document}
        return _in_days(_in_days(document, "from_hours", "from_day"), "to_hours", "to_day")

    @field_validator("name")
    @classmethod
    def _known_condition(cls, name: str) -> str:
        known = condition_names("stress", "treatment")
        if name not in known:
            raise ValueError(library.meant(name, known))
        return name

    @model_validator(mode="after")
    def _lasts(self) -> "Spell":
        if self.from_day is not None and self.to_day is not None and self.to_day <= self.from_day:
            message = f"{self.name} ends on day {self.to_day:g}, not after day {self.from_day:g} on which it starts"
            raise ValueError(message)
        return self

    @property
    def edges(self) -> tuple[float, ...]:
        """Days on which it starts and ends, as far as it does."""
        return tuple(day for day in (self.from_day, self.to_day) if day is not None)


def _without(content: Json, key: str) -> Json:
    """The content without a field that holds nothing: documents from before the field keep their digests."""
    return content if content.get(key) else {name: value for name, value in content.items() if name != key}


class Regimen(_Part):
    """All doses, empty for a vehicle control; and treatments that act on arrows of the cascade."""

    doses: tuple[Dose, ...] = ()
    treatments: tuple[Spell, ...] = ()

    @model_serializer(mode="wrap")
    def _digestible(self, serialise: SerializerFunctionWrapHandler) -> Json:
        return _without(serialise(self), "treatments")


class Subject(_Part):
    """Whose brain it is."""

    species: Literal["mouse", "human"] = "mouse"
    genotype: EntryName = "wild-type"
    weight_kg: Positive | None = None
    stress: Spell | None = Field(default=None, description="name a condition of the library, or give a table")

    @field_validator("genotype")
    @classmethod
    def _known_genotype(cls, name: str) -> str:
        known = ["wild-type", *condition_names("genotype")]
        if name not in known:
            raise ValueError(library.meant(name, known))
        return name

    @field_validator("stress")
    @classmethod
    def _is_stress(cls, spell: Spell | None) -> Spell | None:
        if spell is not None and load_condition(spell.name).kind != "stress":
            message = f"{spell.name} is a treatment; it stands under regimen.treatments"
            raise ValueError(message)
        return spell

    @model_serializer(mode="wrap")
    def _digestible(self, serialise: SerializerFunctionWrapHandler) -> Json:
        return _without(serialise(self), "stress")

    def factor(self, arrow: str) -> float:
        """Factor of the genotype on an arrow."""
        return 1.0 if self.genotype == "wild-type" else load_condition(self.genotype).factor(arrow)

    @property
    def body_weight_kg(self) -> float:
        """Given body weight, or the usual one of the species [kg]."""
        return self.weight_kg if self.weight_kg is not None else _WEIGHT_KG[self.species]


class Schedule(_Part):
    """Imaging sessions."""

    also = ("sessions_hours",)

    sessions: tuple[Day, ...] = Field(
        min_length=2, max_length=2000, description="at least two days in rising order, for instance [-3, -1, 1, 3]"
    )

    @model_validator(mode="before")
    @classmethod
    def _hours(cls, document: object) -> object:
        return _in_days(document, "sessions_hours", "sessions")

    @field_validator("sessions")
    @classmethod
    def _rising(cls, sessions: tuple[float, ...]) -> tuple[float, ...]:
        for earlier, later in pairwise(sessions):
            if later <= earlier:
                message = f"session {later:g} does not come after {earlier:g}"
                raise ValueError(message)
        return sessions


class Cohort(_Part):
    """How many animals and dendrites are imaged."""

    animals: Whole = Field(default=6, ge=1, le=10_000)
    dendrites_per_animal: Whole = Field(default=13, ge=1, le=10_000)
    length_um: Positive | None = Field(
        default=None, le=10_000, description="mean length of a dendrite; default: that of the study"
    )
    initial_density_per_um: Positive | None = Field(
        default=None, le=100, description="density at the first session; default: that of the study's control arm"
    )


class Scenario(_Part):
    """Doses, subject, schedule and the study whose tissue and scoring are taken as baseline.

    Examples
    --------
    >>> load("psilocybin-mouse").updated(schedule={"sessions": [-1, 7]}).schedule.sessions
    (-1.0, 7.0)
    """

    other_kind = OtherKind("baseline", "scenarios", "this is a sweep; run it with `synmodel sweep FILE`")

    shelf = "scenarios"

    name: str = Field(min_length=1, max_length=100, description="up to 100 characters")
    title: str = Field(default="", max_length=500, description="up to 500 characters")
    baseline: EntryName = Field(description="name a study of the library, see `synmodel studies`")
    drive: Literal["mechanistic", "phenomenological"] = Field(
        default="mechanistic",
        description="mechanistic: from dose through signalling; phenomenological: as fitted to spine counts",
    )
    subject: Subject = Subject()
    regimen: Regimen = Regimen()
    schedule: Schedule
    cohort: Cohort = Cohort()
    turnover: Turnover = Turnover()
    variability: Variability = Field(
        default=FrozenMapping({}),
        description="standard deviation of the logarithm between subjects, of `clearance`, `volume`, `potency` or a "
        "quoted dotted name: a number, or a table as in Spread",
    )
    parameters: Replacements = Field(
        default=FrozenMapping({}), description="values that replace the default parameters, by quoted dotted name"
    )

    @field_validator("baseline")
    @classmethod
    def _known_study(cls, name: str) -> str:
        known = library.names("studies")
        if name not in known:
            raise ValueError(library.meant(name, known))
        return name

    @model_validator(mode="after")
    def _can_share(self) -> "Scenario":
        if self.turnover.pool is not None and self.cohort.dendrites_per_animal > _MOST_SHARING:
            message = (
                f"turnover.pool is shared by {self.cohort.dendrites_per_animal} dendrites of an animal; "
                f"allowed are {_MOST_SHARING}: lower cohort.dendrites_per_animal"
            )
            raise ValueError(message)
        return self

    @model_serializer(mode="wrap")
    def _digestible(self, serialise: SerializerFunctionWrapHandler) -> Json:
        return _without(_without(serialise(self), "turnover"), "variability")

    @model_validator(mode="after")
    def _can_vary(self) -> "Scenario":
        for name in GENERAL if self.drive == "phenomenological" else ():
            if name in self.variability:
                message = f'variability.{name} needs concentrations; the drive that has them is "mechanistic"'
                raise ValueError(message)
        return self

    @property
    def unseen_doses(self) -> tuple[tuple[str, float], ...]:
        """Compound and day of every dose after the last session: no session can show what it does."""
        last = self.schedule.sessions[-1]
        return tuple((dose.compound, day) for dose in self.regimen.doses for day in dose.days if day >= last)

    @property
    def spells(self) -> tuple[Spell, ...]:
        """Stress and treatments of some strength; the genotype is the subject's."""
        stress = () if self.subject.stress is None else (self.subject.stress,)
        return tuple(spell for spell in (*stress, *self.regimen.treatments) if spell.strength > 0)

    def to_toml(self) -> str:
        """The scenario as a TOML document; :func:`loads` gives an equal scenario back."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def own_entries(self) -> dict[str, str]:
        """SHA-256 of the entries of one's own that the scenario rests on, by ``KIND/NAME``."""
        return digests_behind(
            compounds=[dose.compound for dose in self.regimen.doses],
            conditions=[self.subject.genotype, *(spell.name for spell in self.spells)],
            study=self.baseline,
        )

    def digest(self) -> str:
        """SHA-256 of the content, and of the entries of one's own behind it."""
        content = digestible(self.model_dump(mode="json"))
        if own := self.own_entries():
            content["library"] = own
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def updated(self, **changes: object) -> "Scenario":
        """A validated copy with some top-level fields changed."""
        document = self.model_dump(mode="python", exclude_none=True) | changes
        return read(Scenario, document, "scenario", ScenarioError)


def loads(text: str) -> Scenario:
    """Read a scenario from TOML text.

    Raises
    ------
    ScenarioError
        One line with the path into the document, what was given and what is allowed.
    """
    try:
        document = tomllib.loads(text)
    except ValueError as fault:
        message = f"the scenario is not valid TOML: {fault}"
        raise ScenarioError(message) from fault
    return read(Scenario, document, "scenario", ScenarioError)


@contextmanager
def naming(source: "str | Path | Scenario") -> Iterator[None]:
    """Put the file, where ``source`` is one, before errors that give a place in the scenario or say what it is."""
    try:
        yield
    except SynmodelError as error:
        if _is_file(source) and str(error).startswith(("scenario.", "this is ")):
            message = f"{source}: {error}"
            raise type(error)(message) from error
        raise


def _is_file(source: "str | Path | Scenario") -> bool:
    return isinstance(source, Path) or (isinstance(source, str) and (source.endswith(".toml") or "/" in source))


def load(source: "str | Path | Scenario") -> Scenario:
    """A scenario from the library by name, from a TOML file by path, or the object itself.

    A string is a path if it ends in ``.toml`` or contains a path separator.

    Raises
    ------
    ScenarioError
        One line; that of a file begins with its path.

    Examples
    --------
    >>> import synmodel
    >>> synmodel.load_scenario("psilocybin-mouse").regimen.doses[0].amount
    1.0
    """
    if isinstance(source, Scenario):
        return source
    if not _is_file(source):
        name = str(source)
        document, where = library.document_of("scenarios", name), library.where("scenarios", name)
        own = library.place_of("scenarios", name) is not None
        return read(Scenario, document, where if own else "scenario", ScenarioError)
    with naming(source):
        return read(Scenario, parse_toml(Path(source), ScenarioError), "scenario", ScenarioError)
