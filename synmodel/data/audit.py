"""The audit of a file: what in it is inconsistent, where, and what was done with it.

Nothing is repaired. A number that cannot be (a negative count) and a number that cannot be placed (a gain over
a skipped session) are left out and listed; a number that only contradicts others (a count that is not previous
+ gained - lost) stays as it is in the file and is listed.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from synmodel.core.plain import Json

__all__ = ["ADVICE", "KINDS", "Audit", "Findings", "Kind", "Problem"]

Kind = Literal[
    "ambiguous-integers",
    "censored-session",
    "count-mismatch",
    "damaged-dendrite",
    "density-mismatch",
    "implausible-day",
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
    "implausible-day": "a day that cannot be, years from the dose; the row is left out",
    "lost-more-than-there-were": "more spines lost than were there; kept as in the file",
    "missing-value": "a cell that is needed is empty or no number; left out",
    "negative-count": "a number of spines below 0 or beyond any dendrite, or a fraction below 0; left out",
    "negative-length": "a length that is not positive, or beyond any dendrite or spine; left out",
    "no-integers-explain": "no chain of whole numbers explains the fractions; a fit does as told",
    "not-an-integer": "a number of spines with a fractional part, so averaged or interpolated; left out",
    "reappearing-spine": "a spine absent and then present again; kept as in the file",
    "repeated-label": "one label for two dendrites, spines or animals; the message says what became of them",
    "repeated-row": "the same row twice; taken once",
    "skipped-session": "gains and losses over sessions that the dendrite skipped; joined over them",
    "unknown-status": "a status that is none of the known words; taken as not known",
}
"""The vocabulary of problems."""

ADVICE: Mapping[Kind, str] = {
    "ambiguous-integers": "add length_um, or a lower bound with --most-spines, where the numbers matter",
    "censored-session": "nothing, if the censoring is meant",
    "count-mismatch": "compare count, gained and lost with the images; intervals that do not balance are cut",
    "damaged-dendrite": "leave them out of the fit with --without damaged, if they shall not count",
    "density-mismatch": "check the length and the unit of the density (spines per um)",
    "implausible-day": "correct the cell, or give --dose-date where days are dates",
    "lost-more-than-there-were": "check the count of the session before",
    "missing-value": "fill the cell in, if the number is known",
    "negative-count": "correct the cell",
    "negative-length": "correct the cell",
    "no-integers-explain": "give counts of single dendrites; fractions averaged over dendrites have no counts",
    "not-an-integer": "give counts of single dendrites, not averages over them",
    "reappearing-spine": "check the tracking of these spines; a spine that was overlooked once is a loss and a gain",
    "repeated-label": "give every dendrite, spine and animal a label of its own",
    "repeated-row": "remove the second row",
    "skipped-session": "give gained and lost since the session before, or leave them empty",
    "unknown-status": "write present, absent, censored or unsure",
}
"""What to do about each kind of problem."""

_SHOWN = 3


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
    """What was read, what is inconsistent in it, and what of it had to be interpreted.

    Attributes
    ----------
    rows : int
        Rows of the file.
    problems : tuple of Problem
        What is inconsistent.
    notes : tuple of str
        What was read otherwise than it is written: names of columns, labels of sessions, percent.
    """

    rows: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    def tally(self) -> dict[Kind, int]:
        """Number of problems by kind, most frequent first."""
        return dict(Counter(problem.kind for problem in self.problems).most_common())

    def document(self) -> Json:
        """The audit as a plain document for JSON: ``rows``, ``problems`` and ``notes``."""
        problems = [asdict(problem) for problem in self.problems]
        return {"rows": self.rows, "problems": problems, "notes": list(self.notes)}

    def lines(self) -> list[str]:
        """The problems in lines: those that say the same of several places are one, with the first three.

        Examples
        --------
        >>> twice = (Problem("repeated-row", "row 3", "taken once"), Problem("repeated-row", "row 9", "taken once"))
        >>> Audit(9, twice).lines()
        ['repeated-row, 2 times: taken once: row 3; row 9']
        """
        alike: dict[tuple[Kind, str], list[Problem]] = {}
        for problem in self.problems:
            alike.setdefault((problem.kind, _NUMBER.sub("#", problem.message)), []).append(problem)
        return [_line(group) for group in alike.values()]


_NUMBER = re.compile(r"(?<![A-Za-z])[+-]?\d+(?:\.\d+)?")


def _line(group: list[Problem]) -> str:
    first = group[0]
    if len(group) == 1:
        return f"{first.kind}: {first.where}: {first.message}"
    same = all(problem.message == first.message for problem in group)
    places = "; ".join(problem.where for problem in group[:_SHOWN])
    more = f" and {len(group) - _SHOWN} more" if len(group) > _SHOWN else ""
    message = first.message if same else f"{first.message} (the first of them)"
    return f"{first.kind}, {len(group)} times: {message}: {places}{more}"


class Findings:
    """Problems and notes as they are found."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._notes: list[str] = []

    def add(self, kind: Kind, where: str, message: str) -> None:
        """Note one problem."""
        self._problems.append(Problem(kind, where, message))

    def note(self, text: str) -> None:
        """Tell how something was read, once."""
        if text not in self._notes:
            self._notes.append(text)

    def audit(self, rows: int) -> Audit:
        """The audit of a file of so many rows."""
        return Audit(rows, tuple(self._problems), tuple(self._notes))
