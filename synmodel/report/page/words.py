"""Sentences from numbers: an estimate with its interval, and whether the interval holds the value of no effect."""

import math
import re
from collections.abc import Iterable

from synmodel import library
from synmodel.core.plain import Json

__all__ = [
    "MECHANISM",
    "begun",
    "care_of",
    "excludes",
    "in_its_unit",
    "listed",
    "named",
    "once",
    "percent",
    "phrase",
    "rounded",
    "settings",
    "with_interval",
]

_ROUNDING, _WHOLE = 1e-9, 9.95
MECHANISM = ("nmda", "serotonin", "cascade", "blocker", "spread")
"""Groups of parameters of the mechanism, on which whatever follows from a dose rests."""


def with_interval(entry: Json, *, scale: float = 1.0, unit: str = "", key: str = "estimate") -> str:
    """``13 % (95 % interval 5 to 24)``; without ends the estimate alone."""
    values = [entry.get(key), entry.get("low"), entry.get("high")]
    middle, low, high = (rounded(None if value is None else scale * value) for value in values)
    unit = f" {unit}" if unit else ""
    if "-" in (low, high):
        return f"{middle}{unit} (without an interval)"
    return f"{middle}{unit} (95 % interval {low} to {high})"


def in_its_unit(entry: Json) -> str:
    """An estimate with its interval and the unit that stands beside it, if it has one."""
    return with_interval(entry, unit="" if entry.get("unit") in ("1", None) else str(entry["unit"]))


def rounded(value: float | None) -> str:
    """Two digits as prose has them, whole numbers from ten on, and a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) < _ROUNDING:
        return "0"
    text = f"{value:.0f}" if abs(value) >= _WHOLE else f"{value:#.2g}"
    return text.rstrip(".").replace("-", "\N{MINUS SIGN}") if value < 0 else text.rstrip(".")


def begun(text: str) -> str:
    """A text that begins a sentence; names within it keep their letters."""
    return text[:1].upper() + text[1:]


def once(sentence: str) -> str:
    """A sentence in which the share of intervals is named with the first of them alone."""
    head, mark, rest = sentence.partition("(95 % interval ")
    return head + mark + rest.replace("(95 % interval ", "(")


def named(studies: Iterable[str]) -> str:
    """Studies as they are cited, with their names in the library."""
    told = []
    for name in studies:
        known = name in library.names("studies")
        who = re.match(r".+? (?:19|20)\d\d", library.document_of("studies", name)["citation"]) if known else None
        told.append(f"{who[0]} ({name})" if who else name)
    return listed(told)


def percent(entry: Json, key: str = "estimate") -> str:
    """A fraction with its interval, in per cent."""
    return with_interval(entry, scale=100.0, unit="%", key=key)


def excludes(entry: Json, value: float) -> bool | None:
    """Whether the interval leaves a value out; None where there is no interval."""
    low, high = entry.get("low"), entry.get("high")
    if low is None or high is None:
        return None
    return not low <= value <= high


def phrase(entry: Json, neutral: float, up: str, down: str, *, open_: str) -> str:
    """``up`` or ``down`` where the interval says so, else ``open_``."""
    sure = excludes(entry, neutral)
    if not sure or entry.get("estimate") is None:
        return open_
    return up if entry["estimate"] > neutral else down


def listed(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    every = list(names)
    return " and ".join([", ".join(every[:-1]), every[-1]] if len(every) > 1 else every)


def settings(provenance: Json) -> str:
    """``--seed N`` of a result, where it has one."""
    return f" --seed {provenance['seed']}" if "seed" in provenance else ""


def care_of(notes: Iterable[str], first: Iterable[str] = ()) -> tuple[str, ...]:
    """Notes without those that stand above all else already, each once."""
    said = set(first)
    return tuple(note for note in dict.fromkeys(notes) if note not in said)
