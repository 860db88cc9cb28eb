"""The audit of a file: what in it is inconsistent, where, and what was done with it.

Nothing is repaired. A number that cannot be (a negative count) and a number that cannot be placed (a gain over
a skipped session) are left out and listed; a number that only contradicts others (a count that is not previous
+ gained - lost) stays as it is in the file and is listed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["KINDS", "Audit", "Findings", "Kind", "Problem"]

Kind = Literal[
    "ambiguous-integers",
    "censored-session",
    "count-mismatch",
    "damaged-dendrite",
    "density-mismatch",
    "lost-more-than-there-were",
    "missing-value",
    "negative-count",
    "negative-length",
    "no-integers-explain",
    "not-an-integer",
    "reappearing-spine",
    "repeated-label",
    "repeated-row",
    "skipped-session",
    "unknown-status",
]

KINDS: Mapping[Kind, str] = {
    "ambiguous-integers": "several numbers of spines explain the fractions; a fit sums over them",
    "censored-session": "spines or dendrites that were censored, unsure or interpolated; their numbers left out",
    "count-mismatch": "count is not previous + gained - lost; kept as in the file",
    "damaged-dendrite": "the file flags the dendrite as damaged; kept as in the file",
    "density-mismatch": "density is not count / length; kept as in the file",
    "lost-more-than-there-were": "more spines lost than were there; kept as in the file",
    "missing-value": "a cell that is needed is empty or no number; left out",
    "negative-count": "a number of spines below 0, or a fraction below 0; left out",
    "negative-length": "a length that is not positive; left out",
    "no-integers-explain": "no chain of whole numbers explains the fractions; a fit does as told",
    "not-an-integer": "a number of spines with a fractional part, so averaged or interpolated; left out",
    "reappearing-spine": "a spine absent and then present again; kept as in the file",
    "repeated-label": "one label for two dendrites, spines or animals; the message says what became of them",
    "repeated-row": "the same row twice; taken once",
    "skipped-session": "gains and losses over sessions that the dendrite skipped; joined over them",
    "unknown-status": "a status that is none of the known words; taken as not known",
}
"""The vocabulary of problems."""


@dataclass(frozen=True)
class Problem:
    """One inconsistency.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    where : str
        Row in the file (1 is the heading), or study, arm, mouse, dendrite and day.
    message : str
        What was found.
    """

    kind: Kind
    where: str
    message: str


@dataclass(frozen=True)
class Audit:
    """What was read and what is inconsistent in it."""

    rows: int
    problems: tuple[Problem, ...]

    def tally(self) -> dict[Kind, int]:
        """Number of problems by kind, most frequent first."""
        return dict(Counter(problem.kind for problem in self.problems).most_common())

    def document(self) -> dict[str, Any]:
        """The audit as a plain document for JSON: ``rows`` and ``problems``."""
        return {"rows": self.rows, "problems": [asdict(problem) for problem in self.problems]}


class Findings:
    """Problems as they are found."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, kind: Kind, where: str, message: str) -> None:
        """Note one problem."""
        self._problems.append(Problem(kind, where, message))

    def audit(self, rows: int) -> Audit:
        """The audit of a file of so many rows."""
        return Audit(rows, tuple(self._problems))
