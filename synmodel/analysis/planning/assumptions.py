"""What a plan takes for granted where nobody says otherwise: what a study costs, and how much mice differ.

Both are entries of the library (``library/planning/assumptions.toml``). Costs are assumed. The spread of formation
between mice, and between dendrites of a mouse, is what the exact likelihood of the deposited dendrites says
(docs/dendrites.md); the study's own parameters assume more.
"""

from collections.abc import Mapping
from functools import cache

from synmodel import library
from synmodel.core.documents import Document, Evidence, Number
from synmodel.core.errors import LibraryError

__all__ = ["Spread", "cost_assumptions", "spread_parameters", "spreads_of"]


_PARAMETER = {"mouse": "formation_cv_animal", "dendrite": "formation_cv_dendrite"}


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
    return library.read_entry("planning", "assumptions", _Assumptions)


def cost_assumptions() -> dict[str, float]:
    """Name -> value of what a mouse costs, an hour, and how many hours a session and a dendrite take."""
    known = _assumptions()
    return {
        name: getattr(known, name).value
        for name in ("cost_per_mouse", "cost_per_hour", "hours_per_session", "hours_per_dendrite")
    }


def spreads_of(study: str) -> Mapping[str, Spread]:
    """``mouse`` and ``dendrite``: how much formation differs in a study; empty where no dendrites of it were fitted."""
    return _assumptions().spread.get(study, {})


def spread_parameters(study: str) -> dict[str, float]:
    """The same as values of the study's parameters, by dotted name."""
    return {f"{study}.{_PARAMETER[level]}": each.value for level, each in spreads_of(study).items()}
