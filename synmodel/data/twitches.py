"""Published counts of head twitches as documents of the library."""

from functools import cache
from typing import Annotated

from pydantic import Field

from synmodel import library
from synmodel.documents import Document, Evidence, Number, Whole, parse_toml, read
from synmodel.errors import LibraryError
from synmodel.scenario import Dose

__all__ = ["TwitchGroup", "TwitchStudy", "load_twitches"]


class TwitchGroup(Document):
    """Mice with the same doses, and the number of twitches of each."""

    name: str
    doses: tuple[Dose, ...]
    counts: tuple[Annotated[Whole, Field(ge=0)], ...] = Field(min_length=1)


class TwitchStudy(Document):
    """One entry of the library of head twitches."""

    name: str
    title: str
    doi: str
    source: str
    window_min: Number = Field(gt=0, description="length of the recording from the dose on, in minutes")
    window_why: str
    groups: tuple[TwitchGroup, ...] = Field(min_length=1)
    half_dose: Evidence


@cache
def load_twitches(name: str) -> TwitchStudy:
    """Head twitches of a study by name.

    Raises
    ------
    LibraryError
        For an unknown name (with the closest matches) or a broken entry.
    """
    path = library.path_of("head_twitches", name)
    return read(TwitchStudy, parse_toml(path, LibraryError), f"head_twitches.{name}", LibraryError)
