"""What a plan takes for granted where nobody says otherwise: what a study costs, and how much mice differ.

Both are entries of the library (``library/planning/assumptions.toml``). Costs are assumed. The spread of births between
mice, and between dendrites of a mouse, is what the exact likelihood of the deposited dendrites says
(docs/dendrites.md); the study's own parameters assume more.
"""

from collections.abc import Mapping
from functools import cache

from synmodel import library
from synmodel.documents import Document, Evidence, Number, parse_toml, read
from synmodel.errors import LibraryError

__all__ = ["Spread", "cost_assumptions", "spreads_of"]


class Spread(Evidence):
    """A coefficient of variation with its 95 % interval."""

    low: Number
    high: Number


class _Assumptions(Document):
    error = LibraryError

    cost_per_mouse: Evidence
    cost_per_hour: Evidence
    hours_per_session: Evidence
    hours_per_dendrite: Evidence
    spread: Mapping[str, Mapping[str, Spread]]


@cache
def _assumptions() -> _Assumptions:
    document = parse_toml(library.path_of("planning", "assumptions"), LibraryError)
    return read(_Assumptions, document, "assumptions", LibraryError)


def cost_assumptions() -> dict[str, float]:
    """Name -> value of what a mouse costs, an hour, and how many hours a session and a dendrite take."""
    known = _assumptions()
    return {
        name: getattr(known, name).value
        for name in ("cost_per_mouse", "cost_per_hour", "hours_per_session", "hours_per_dendrite")
    }


def spreads_of(study: str) -> Mapping[str, Spread]:
    """``mouse`` and ``dendrite``: how much births differ in a study; empty where no dendrites of it were fitted."""
    return _assumptions().spread.get(study, {})
