"""Sentences from numbers: an estimate with its interval, and whether the interval holds the value of no effect."""

from collections.abc import Iterable, Mapping
from typing import Any

from synmodel.report.tables import number_text

__all__ = ["MECHANISM", "care_of", "excludes", "listed", "percent", "phrase", "settings", "with_interval"]


MECHANISM = ("nmda", "serotonin", "cascade", "blocker", "spread")
"""Groups of parameters of the mechanism, on which whatever follows from a dose rests."""


def with_interval(entry: Mapping[str, Any], *, scale: float = 1.0, unit: str = "", key: str = "estimate") -> str:
    """``13 % (95 % interval 5 to 24)``; without ends the estimate alone."""
    values = [entry.get(key), entry.get("low"), entry.get("high")]
    middle, low, high = (number_text(None if value is None else scale * value) for value in values)
    unit = f" {unit}" if unit else ""
    if "-" in (low, high):
        return f"{middle}{unit} (without an interval)"
    return f"{middle}{unit} (95 % interval {low} to {high})"


def percent(entry: Mapping[str, Any], key: str = "estimate") -> str:
    """A fraction with its interval, in per cent."""
    return with_interval(entry, scale=100.0, unit="%", key=key)


def excludes(entry: Mapping[str, Any], value: float) -> bool | None:
    """Whether the interval leaves a value out; None where there is no interval."""
    low, high = entry.get("low"), entry.get("high")
    if low is None or high is None:
        return None
    return not low <= value <= high


def phrase(entry: Mapping[str, Any], neutral: float, up: str, down: str, *, open_: str) -> str:
    """``up`` or ``down`` where the interval says so, else ``open_``."""
    sure = excludes(entry, neutral)
    if not sure or entry.get("estimate") is None:
        return open_
    return up if entry["estimate"] > neutral else down


def listed(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    every = list(names)
    return " and ".join([", ".join(every[:-1]), every[-1]] if len(every) > 1 else every)


def settings(provenance: Mapping[str, Any]) -> str:
    """``--seed N`` of a result, where it has one."""
    return f" --seed {provenance['seed']}" if "seed" in provenance else ""


def care_of(notes: Iterable[str], first: Iterable[str] = ()) -> tuple[str, ...]:
    """Notes without those that stand above all else already, each once."""
    said = set(first)
    return tuple(note for note in dict.fromkeys(notes) if note not in said)
