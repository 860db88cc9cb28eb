"""Published head twitches as documents: one file per recording, with single counts, group summaries and landmarks.

A group has either the counts of its mice or their number, mean and standard deviation. A landmark is a number of the
time course or of the dose response that does not depend on how twitches were scored.
"""

from functools import cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from synmodel import library
from synmodel.core.documents import Document, Number, Whole, parse_toml, read
from synmodel.core.errors import LibraryError
from synmodel.scenario import Dose

__all__ = ["OverMice", "TwitchGroup", "TwitchLandmark", "TwitchRecording", "load_twitches"]

Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Whole, Field(ge=0)]


class OverMice(Document):
    """Mean and standard deviation over the mice of a group."""

    mean: Number
    sd: Number


class TwitchGroup(Document):
    """Head twitches of mice with the same doses in one session that begins with the last dose, on day 0."""

    name: str
    doses: tuple[Dose, ...] = ()
    counts: tuple[NotNegative, ...] = Field(default=(), description="one number per mouse; or give mice, mean and sd")
    mice: Whole | None = Field(default=None, ge=2)
    mean: Positive | None = None
    sd: Positive | None = None
    fitted: bool = True
    status: Literal["measured", "derived", "assumed"]
    source: str
    peak_time_min: OverMice | None = None
    half_width_min: OverMice | None = None

    @model_validator(mode="after")
    def _counts_or_summary(self) -> "TwitchGroup":
        summary = [self.mice, self.mean, self.sd]
        if bool(self.counts) != all(each is None for each in summary) or (not self.counts and None in summary):
            message = "give either counts, or mice, mean and sd"
            raise ValueError(message)
        return self


class TwitchLandmark(Document):
    """A published number of a time course or dose response, and its standard deviation.

    ``half_time`` and ``ninety_time`` are when half and 90 % of all twitches of the drug have come, ``peak_time`` when
    they are most frequent, ``median_effective_dose`` the dose that gives half as many as the group's.
    """

    quantity: Literal["half_time", "ninety_time", "peak_time", "median_effective_dose"]
    value: Positive
    unit: Literal["min", "mg/kg"]
    sd: Positive = Field(description="in the unit, or of the natural logarithm where scale is log")
    scale: Literal["linear", "log"]
    doses: tuple[Dose, ...] = Field(min_length=1)
    status: Literal["measured", "derived", "assumed"]
    source: str


class TwitchRecording(Document):
    """Head twitches that one laboratory published."""

    name: str
    citation: str
    doi: str = ""
    recording: str = Field(description="how twitches were recorded, in words")
    caveats: tuple[str, ...] = ()
    groups: tuple[TwitchGroup, ...] = ()
    landmarks: tuple[TwitchLandmark, ...] = ()


@cache
def load_twitches(name: str) -> TwitchRecording:
    """Head twitches of the library by name.

    Raises
    ------
    LibraryError
        For an unknown name (with the closest matches) or a broken entry.
    """
    path = library.path_of("head_twitches", name)
    return read(TwitchRecording, parse_toml(path, LibraryError), f"head_twitches.{name}", LibraryError)
