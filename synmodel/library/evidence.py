"""Evidence: what was measured after a drug that no fit has seen, against which a scenario is checked.

One file of the library (``evidence/NAME.toml``) is one check: who got which doses, what was observed when, the number
with its uncertainty, and where it is from. A number that is not in the sources is said to be not found, and nothing is
put in its place. :mod:`synmodel.simulation.checking` compares.
"""

from math import sqrt
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from synmodel import library
from synmodel.core.documents import Document, Evidence, Number, Whole
from synmodel.core.errors import did_you_mean

__all__ = ["Check", "Conditions", "all_checks", "load_check"]

Positive = Annotated[Number, Field(gt=0)]
_TWO_SIDED_95 = 1.959964


class Conditions(Document):
    """Who got what: a scenario meets a check only if all of this holds, with no other drug before the observation.

    What is not given is not asked for: a check whose dose is not in the sources is met by any dose of its compound.
    """

    species: Literal["mouse", "human"]
    compound: str
    amount: Positive | None = Field(default=None, description="of one dose; without it any amount will do")
    unit: Literal["mg/kg", "mg"] = "mg/kg"
    route: str | None = None
    duration_min: Positive | None = Field(default=None, description="length of an infusion")
    doses: Whole = Field(default=1, ge=1, description="number of doses before the observation")
    every_days: Positive = 1.0
    tolerance: Annotated[Number, Field(ge=0, lt=1)] = Field(
        default=0.25, description="relative, of amount, duration and time between doses"
    )
    state: str | None = Field(default=None, description="name a condition of the library that the subjects are in")

    @field_validator("compound")
    @classmethod
    def _known_compound(cls, name: str) -> str:
        known = library.names("compounds")
        if name not in known:
            raise ValueError(did_you_mean(name, known))
        return name

    @field_validator("state")
    @classmethod
    def _known_state(cls, name: str | None) -> str | None:
        known = library.names("conditions")
        if name is not None and name not in known:
            raise ValueError(did_you_mean(name, known))
        return name


class Window(Document):
    """When it was observed [h after the first dose], and between which times a scenario may stand for it."""

    at: Positive
    earliest: Positive
    latest: Positive

    @model_validator(mode="after")
    def _in_order(self) -> "Window":
        if not self.earliest <= self.at <= self.latest:
            message = f"it runs from {self.earliest:g} to {self.latest:g} h, and {self.at:g} h does not lie within"
            raise ValueError(message)
        return self


class Check(Document):
    """One entry of the library of evidence.

    Attributes
    ----------
    quantity : {"sv2a_pet", "spine_density"}
        Change of the PET signal of SV2A against the subject's own baseline, or of scored spines against the control.
    observed : str
        What the source says, in words.
    seen : {"verified", "secondary", "recalled"}
        How: in the source, quoted by another, or from memory.
    change : Evidence, optional
        Mean change in %.
    subject_sd, subjects : Evidence, optional
        Standard deviation of the change of one subject without any effect [%], and how many were observed.
    sem : Evidence, optional
        Standard error of the mean change [%], in place of the two.
    not_found : str
        What is missing where there is no number.
    """

    shelf = "evidence"

    name: str
    title: str
    quantity: Literal["sv2a_pet", "spine_density"]
    observed: str
    source: str
    seen: Literal["verified", "secondary", "recalled"]
    notes: str = ""
    conditions: Conditions
    hours: Window
    change: Evidence | None = None
    subject_sd: Evidence | None = None
    subjects: Evidence | None = None
    sem: Evidence | None = None
    not_found: str = Field(default="", description="say what is missing where there is no number")

    @model_validator(mode="after")
    def _has_a_number_or_says_why_not(self) -> "Check":
        if (self.change is None) != bool(self.not_found):
            message = "give either [change] or not_found: a number, or what of it is missing"
            raise ValueError(message)
        spread = self.subject_sd is not None and self.subjects is not None
        if self.change is not None and spread == (self.sem is not None):
            message = "a change has an uncertainty; give either [sem], or [subject_sd] and [subjects]"
            raise ValueError(message)
        for each in (self.change, self.subject_sd, self.sem):
            if each is not None and each.unit != "%":
                message = f"a change and its uncertainty are in %, not in {each.unit}"
                raise ValueError(message)
        for name, each in (("subject_sd", self.subject_sd), ("subjects", self.subjects), ("sem", self.sem)):
            if each is not None and each.value <= 0:
                message = f"{name} is {each.value:g}; it is above 0"
                raise ValueError(message)
        return self

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the observed mean [%]; infinite without a number."""
        if self.sem is not None:
            return _TWO_SIDED_95 * self.sem.value
        if self.subject_sd is None or self.subjects is None:
            return float("inf")
        return _TWO_SIDED_95 * self.subject_sd.value / sqrt(self.subjects.value)


@library.cached
def load_check(name: str) -> Check:
    """A check of the library by name; errors as of :func:`synmodel.library.read_entry`."""
    return library.read_entry("evidence", name, Check)


def all_checks() -> tuple[Check, ...]:
    """Every check of the library."""
    return tuple(map(load_check, library.names("evidence")))
