"""The table that SpineMiner converts its database to (``SpineMiner -c:FILE`` writes ``FILE.dendrites.csv``).

Summaries stand first. Then every dendrite has two blocks: its numbers at each day (``dendrite_id;day;length;...``), and
its spines, one per row below ``spine/day->``, each with a letter per day: ``s`` stable, ``g`` gained, ``l`` lost. Days
count from 1 at the first session, so they are no days since a dose.
"""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.tables import Rows

__all__ = ["from_spineminer", "is_spineminer"]

_HEADING = "spine/day->"
_DENDRITE = re.compile(r'Spines of dendrite "(.*)":')
_LETTERS = {"s": "present", "g": "present", "l": "absent"}


def is_spineminer(rows: Rows) -> bool:
    """Whether rows are a table of SpineMiner."""
    return any(_first(row) == _HEADING for row in rows)


def from_spineminer(rows: Rows, name: str, findings: Findings) -> pd.DataFrame:
    """One row per spine and session with its status and the length of its dendrite; the index is the row of the file.

    Parameters
    ----------
    rows : list of lists of str
        Rows of the file.
    name : str
        Name of the file.

    Raises
    ------
    DataError
        If no dendrite has spines.
    """
    lengths = _lengths(rows)
    lines, records = [], []
    filled = unknown = 0
    for line, dendrite, spine, marks in _spines(rows):
        told = _statuses(list(marks.values()))
        for (day, mark), status in zip(marks.items(), told, strict=True):
            lines.append(line)
            records.append((dendrite, spine, day, status, lengths.get((dendrite, day), "")))
            filled += not mark and status == "absent"
            unknown += not mark and status == "unsure"
    if not records:
        message = f"{name} is a table of SpineMiner without spines; convert its database again with SpineMiner -c:FILE"
        raise DataError(message)
    findings.note(
        "table of SpineMiner: stable and gained -> present, lost -> absent; without a letter absent before a spine is "
        f"gained and after it is lost ({filled}), not known elsewhere ({unknown}); lengths taken as um"
    )
    return pd.DataFrame(records, pd.Index(lines), ["dendrite", "spine", "session", "status", "length_um"])


def _first(row: Sequence[str]) -> str:
    return row[0].strip() if row else ""


def _lengths(rows: Rows) -> dict[tuple[str, str], str]:
    """Length by dendrite and day, from the blocks of numbers of dendrites."""
    lengths: dict[tuple[str, str], str] = {}
    at: dict[str, int] | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if _first(row) == "dendrite_id":
            at = {cell: i for i, cell in enumerate(cells)} if {"day", "length"} <= set(cells) else None
        elif at is not None and (not _first(row) or _DENDRITE.fullmatch(_first(row))):
            at = None
        elif at is not None and len(cells) > max(at["day"], at["length"]):
            lengths[cells[at["dendrite_id"]], cells[at["day"]]] = cells[at["length"]]
    return lengths


def _spines(rows: Rows) -> Iterator[tuple[int, str, str, dict[str, str]]]:
    """Row in the file, dendrite, spine, and its letter at each day."""
    dendrite, days = "unknown", list[str]()
    for line, row in enumerate(rows, start=1):
        first = _first(row)
        if found := _DENDRITE.fullmatch(first):
            dendrite, days = found[1], []
        elif first == _HEADING:
            days = [cell.strip() for cell in row[1:]]
            while days and not days[-1]:
                days.pop()
        elif not first:
            days = []
        elif days:
            letters = [cell.strip().lower() for cell in row[1 : 1 + len(days)]]
            pairs = zip(days, letters + [""] * (len(days) - len(letters)), strict=True)
            yield line, dendrite, first, {day: letter for day, letter in pairs if day}


def _statuses(letters: list[str]) -> list[str]:
    """Status of a spine at each day from its letters.

    A day without a letter is absent if the letters beside it say so: none before and gained after, or lost before.

    Examples
    --------
    >>> _statuses(["", "g", "s", "l", ""]), _statuses(["", "s", "", "s"])
    (['absent', 'present', 'present', 'absent', 'absent'], ['unsure', 'present', 'unsure', 'present'])
    """
    told = []
    for i, letter in enumerate(letters):
        before = next((each for each in reversed(letters[:i]) if each), "")
        after = next((each for each in letters[i + 1 :] if each), "")
        absent = (before == "" and after == "g") or (before == "l" and after != "s")
        told.append(_LETTERS.get(letter, letter) if letter else "absent" if absent else "unsure")
    return told
