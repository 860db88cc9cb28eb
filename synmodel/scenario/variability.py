"""The table ``[variability]`` of a scenario: how much subjects differ in what a drug does to them.

A spread is the standard deviation of the natural logarithm between subjects; the value of a parameter is the median
subject. ``clearance``, ``volume`` and ``potency`` stand for all compounds, a dotted name for one parameter, in place of
the general spread. What they do is said in :mod:`synmodel.simulation.subjects`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    model_validator,
)

from synmodel import library
from synmodel.core.documents import Document, FrozenMapping, Number, entry_fault
from synmodel.core.errors import ScenarioError, did_you_mean
from synmodel.core.plain import Json
from synmodel.library.parameters import default_parameters
from synmodel.scenario.values import quoted

__all__ = ["GENERAL", "Spread", "Variability"]

GENERAL = ("clearance", "volume", "potency")
"""Quantities in which subjects may differ for every compound."""
_WIDEST = 1.5  # the middle two thirds then span a factor of 20: wider is a slip, of per cent for instance


class Spread(Document):
    """How much subjects differ in one quantity, and how that is known; a number alone stands for an assumed one."""

    error = ScenarioError

    log_sd: Number = Field(ge=0, le=_WIDEST, description="0 to 1.5: standard deviation of the natural logarithm")
    status: Literal["measured", "derived", "assumed"] = "assumed"
    source: str = Field(default="", description="paper (DOI, table or figure); needed unless assumed")
    why: str = Field(default="", description="reason for an assumed spread")
    seen: Literal["verified", "secondary", "recalled", ""] = Field(
        default="", description="how the number was seen: in the source, quoted by another, or from memory"
    )

    @model_validator(mode="before")
    @classmethod
    def _number_alone(cls, given: object) -> object:
        return given if isinstance(given, Mapping | Spread) else {"log_sd": given}

    @model_validator(mode="after")
    def _has_a_source(self) -> "Spread":
        if self.status != "assumed" and not self.source:
            message = f"status is {self.status!r} without source; say where it is from"
            raise ValueError(message)
        return self

    def plain(self) -> object:
        """As a writer of TOML would give it."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return given if len(given) > 1 else self.log_sd


def _dotted_quoted(given: object) -> object:
    """As for all names, but that a table may stand for the number of a spread."""
    if isinstance(given, Mapping):
        quoted({key: value for key, value in given.items() if key not in GENERAL and "." not in key})
    return given


def _known(spreads: Mapping[str, Spread]) -> FrozenMapping[str, Spread]:
    parameters = default_parameters() if any(name not in GENERAL for name in spreads) else {}
    studies = library.names("studies")
    for name in spreads:
        if name in GENERAL:
            continue
        if name not in parameters:
            raise entry_fault(name, f"is not known; {did_you_mean(name, [*GENERAL, *parameters])}")
        group = name.partition(".")[0]
        if group in studies:
            text = "belongs to the tissue of a study"
            raise entry_fault(name, f"{text}; between animals only formation differs, by {group}.formation_cv_animal")
        if parameters[name].scale != "log":
            raise entry_fault(name, "may be 0 or negative; a spread of the logarithm needs a positive quantity")
    return FrozenMapping(spreads)


def _plain(spreads: Mapping[str, Spread]) -> Json:
    return {name: spread.plain() for name, spread in spreads.items()}


Variability = Annotated[
    Mapping[str, Spread], BeforeValidator(_dotted_quoted), AfterValidator(_known), PlainSerializer(_plain)
]
"""Spreads by quantity."""
