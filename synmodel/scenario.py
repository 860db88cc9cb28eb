"""A scenario: who gets which doses when, where and how often spines are imaged.

A scenario is a frozen document that can be written as TOML, read back, hashed and compared. Day 0 is the first
dose of the study drug; a pretreatment has a negative day.
"""

import hashlib
import json
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from synmodel import library
from synmodel.documents import Document, parse_toml, read
from synmodel.errors import ScenarioError, did_you_mean

__all__ = ["Cohort", "Dose", "Regimen", "Scenario", "Schedule", "Subject", "load", "loads"]

Positive = Annotated[float, Field(gt=0)]
_MINUTES_PER_DAY = 1440.0
_WEIGHT_KG = {"mouse": 0.025, "human": 70.0}


class Dose(Document):
    """One administration, or a series of equal ones."""

    compound: str = Field(description="name a compound of the library, see `synmodel compounds`")
    amount: Positive = Field(description="a dose is positive; for vehicle leave regimen.doses empty")
    unit: Literal["mg/kg", "mg"] = "mg/kg"
    route: Literal["i.p.", "i.v.", "oral"]
    day: float = Field(default=0.0, description="time of the (first) dose; 0 is the first dose of the study drug")
    duration_min: float = Field(default=0.0, ge=0, description="length of an i.v. infusion; 0 is a bolus")
    repeat: int = Field(default=1, ge=1, le=1000, description="number of equal doses")
    every_days: Positive = Field(default=1.0, description="time between equal doses")

    @field_validator("compound")
    @classmethod
    def _known_compound(cls, name: str) -> str:
        known = library.names("compounds")
        if name not in known:
            raise ValueError(did_you_mean(name, known))
        return name

    @model_validator(mode="after")
    def _only_infusions_last(self) -> "Dose":
        if self.duration_min > 0 and self.route != "i.v.":
            message = f"duration_min is {self.duration_min:g} for route {self.route}; only i.v. doses can be infused"
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


class Regimen(Document):
    """All doses; empty for a vehicle control."""

    doses: tuple[Dose, ...] = ()


class Subject(Document):
    """Whose brain it is."""

    species: Literal["mouse", "human"] = "mouse"
    genotype: Literal["wild-type", "5-HT2A knock-out"] = "wild-type"
    weight_kg: Positive | None = None

    @property
    def body_weight_kg(self) -> float:
        """Given body weight, or the usual one of the species [kg]."""
        return self.weight_kg if self.weight_kg is not None else _WEIGHT_KG[self.species]


class Schedule(Document):
    """Imaging sessions."""

    sessions: tuple[float, ...] = Field(
        min_length=2, description="at least two days in rising order, for instance [-3, -1, 1, 3]"
    )

    @field_validator("sessions")
    @classmethod
    def _rising(cls, sessions: tuple[float, ...]) -> tuple[float, ...]:
        for earlier, later in pairwise(sessions):
            if later <= earlier:
                message = f"session {later:g} does not come after {earlier:g}"
                raise ValueError(message)
        return sessions


class Cohort(Document):
    """How many animals and dendrites are imaged."""

    animals: int = Field(default=6, ge=1, le=10_000)
    dendrites_per_animal: int = Field(default=13, ge=1, le=10_000)
    length_um: Positive | None = Field(
        default=None, description="mean length of a dendrite; default: that of the study"
    )
    initial_density_per_um: Positive | None = Field(
        default=None, description="density at the first session; default: that of the study's control arm"
    )


class Scenario(Document):
    """Doses, subject, schedule and the study whose tissue and scoring are taken as baseline."""

    name: str = Field(min_length=1)
    title: str = ""
    baseline: str = Field(description="name a study of the library, see `synmodel studies`")
    drive: Literal["mechanistic", "phenomenological"] = Field(
        default="mechanistic",
        description="mechanistic: from dose through signalling; phenomenological: as fitted to spine counts",
    )
    subject: Subject = Subject()
    regimen: Regimen = Regimen()
    schedule: Schedule
    cohort: Cohort = Cohort()
    parameters: dict[str, float] = Field(default={}, description="values that replace the default parameters")

    @field_validator("baseline")
    @classmethod
    def _known_study(cls, name: str) -> str:
        known = library.names("studies")
        if name not in known:
            raise ValueError(did_you_mean(name, known))
        return name

    def to_toml(self) -> str:
        """The scenario as a TOML document; :func:`loads` gives an equal scenario back."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def digest(self) -> str:
        """SHA-256 of the content."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def updated(self, **changes: Any) -> "Scenario":
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
    except tomllib.TOMLDecodeError as fault:
        message = f"the scenario is not valid TOML: {fault}"
        raise ScenarioError(message) from fault
    return read(Scenario, document, "scenario", ScenarioError)


def load(source: "str | Path | Scenario") -> Scenario:
    """A scenario from the library by name, from a TOML file by path, or the object itself.

    A string is a path if it ends in ``.toml`` or contains a path separator.
    """
    if isinstance(source, Scenario):
        return source
    text = str(source)
    if isinstance(source, Path) or text.endswith(".toml") or "/" in text:
        return read(Scenario, parse_toml(Path(source), ScenarioError), "scenario", ScenarioError)
    return read(Scenario, parse_toml(library.path_of("scenarios", text), ScenarioError), "scenario", ScenarioError)
