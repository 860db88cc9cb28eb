"""Studies as documents: one file per paper, with its arms, doses, sessions, area and scoring."""

from typing import Literal

from pydantic import Field, field_validator

from synmodel import library
from synmodel.core.documents import Document, Evidence
from synmodel.core.errors import LibraryError, did_you_mean
from synmodel.scenario import Dose
from synmodel.scenario.conditions import condition_names

__all__ = ["Arm", "Study", "load_study"]


class Arm(Document):
    """One group of animals."""

    name: str
    doses: tuple[Dose, ...] = ()
    cell_type: str = Field(default="", description="which neurons were imaged, in words; empty if they are mixed")
    genotype: str = Field(default="wild-type", description="wild-type, or a genotype of the library's conditions")
    note: str = ""

    @field_validator("genotype")
    @classmethod
    def _known_genotype(cls, name: str) -> str:
        known = ("wild-type", *condition_names("genotype"))
        if name not in known:
            raise ValueError(did_you_mean(name, known))
        return name


class Study(Document):
    """One entry of the study library."""

    shelf = "studies"

    name: str
    title: str
    citation: str
    doi: str
    species: Literal["mouse"] = "mouse"
    area: str
    preparation: str
    scoring: str = Field(description="how spines were scored, in words")
    control: str = Field(description="name of the arm whose density is the default of scenarios")
    dendrite_length: Evidence
    persistence: Literal["seen", "followed"] = Field(
        description="seen: new spines present at a session; followed: present at every session up to it"
    )
    caveats: tuple[str, ...] = ()
    arms: tuple[Arm, ...] = Field(min_length=1)

    def arm(self, name: str) -> Arm:
        """An arm by name.

        Raises
        ------
        LibraryError
            For an unknown name, with the closest matches.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        message = f"study {self.name} has no arm {name!r}; {did_you_mean(name, [arm.name for arm in self.arms])}"
        raise LibraryError(message)


@library.cached
def load_study(name: str) -> Study:
    """A study of the library by name; errors as of :func:`synmodel.library.read_entry`.

    Examples
    --------
    >>> from synmodel.data import load_study
    >>> study = load_study("shao2021")
    >>> study.control, study.dendrite_length.value
    ('saline', 23.0)
    """
    return library.read_entry("studies", name, Study)
