"""The comparison of the main job, found in the library: scenarios, the arms that they repeat, panels and claims."""

from functools import cache
from typing import Literal

from pydantic import Field

from synmodel import library
from synmodel.core.documents import Document, Number
from synmodel.core.errors import LibraryError
from synmodel.data import load_study
from synmodel.scenario import Cohort, Scenario, load

__all__ = [
    "Claim",
    "EmbeddedArm",
    "EmbeddedComparison",
    "Panel",
    "embedded_arm",
    "embedded_arms",
    "embedded_comparison",
]


class EmbeddedArm(Document):
    """A scenario that repeats an arm of its baseline study, and what of its drug is drawn."""

    scenario: str = Field(description="name a scenario of the library")
    compound: str = Field(description="compound whose free concentration is drawn")
    engaged: str = Field(description="variable of the Exposure that is drawn: what the drug engages")

    @property
    def plan(self) -> Scenario:
        """The scenario."""
        return load(self.scenario)

    @property
    def study(self) -> str:
        """Name of the study that shows the drug."""
        return self.plan.baseline

    @property
    def arm(self) -> str:
        """Name of the arm with the doses of the scenario.

        Raises
        ------
        LibraryError
            If the study has none.
        """
        for arm in load_study(self.study).arms:
            if arm.doses == self.plan.regimen.doses:
                return arm.name
        message = f"study {self.study} has no arm with the doses of the scenario {self.scenario!r}"
        raise LibraryError(message)

    @property
    def cohort(self) -> Cohort:
        """Animals and dendrites of the scenario."""
        return self.plan.cohort


class Panel(Document):
    """A column of the figure: an arm of a study beside its control."""

    study: str
    arm: str
    control: str
    title: str
    paper: str


class Claim(Document):
    """One cell of the table of claims: what is said of a drug, and the rule that judges it.

    Attributes
    ----------
    rule : str
        ``taken for granted`` and ``by readings`` of a target; ``rises``, ``within`` (hours) and ``kept`` of contrasts.
    engaged : tuple of str
        Variables of the Exposure whose peak is shown.
    numbers, beside : tuple of str
        Names of contrasts that decide, and that are shown beside them.
    words : tuple of str
        What the numbers are, for the reason.
    """

    feature: str
    drug: str
    wording: str
    rule: Literal["taken for granted", "by readings", "rises", "within", "kept"]
    engaged: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    hours: Number = 0.0


class EmbeddedComparison(Document):
    """What the main job compares and draws, and the claims that it judges."""

    title: str
    arms: tuple[EmbeddedArm, ...] = Field(min_length=1)
    panels: tuple[Panel, ...] = Field(min_length=1)
    claims: tuple[Claim, ...] = ()


@cache
def embedded_comparison() -> EmbeddedComparison:
    """The entry of the library."""
    return library.read_entry("comparisons", "embedded", EmbeddedComparison)


@cache
def embedded_arms() -> dict[str, EmbeddedArm]:
    """The arms that are compared, by name."""
    return {each.arm: each for each in embedded_comparison().arms}


def embedded_arm(name: str) -> EmbeddedArm:
    """One of them.

    Raises
    ------
    LibraryError
        For an unknown name.
    """
    arms = embedded_arms()
    if name not in arms:
        message = f"the embedded comparison has no arm {name!r}; it has {', '.join(arms)}"
        raise LibraryError(message)
    return arms[name]
