"""Wide tables of numbers: one row per dendrite, one column per session, one quantity per file or in each heading.

The quantity is told by the heading (``formation_day_1``) or by the name of the file (``wide_formation.csv``).
Several such files of the same dendrites are one table.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.naming import meaning
from synmodel.data.options import SessionDays
from synmodel.data.sessions import days_of_headings, is_session

__all__ = ["QUANTITIES", "WideTable", "long_of", "quantity_of", "wide_table"]

_LABELS = ("study", "arm", "mouse", "fov", "dendrite")
QUANTITIES = (
    *("spine_count", "gained", "lost", "length_um", "density_per_um", "formation_fraction", "elimination_fraction"),
    *("head_width_um", "protrusion_length_um"),
)
_FEWEST = 2


@dataclass(frozen=True)
class WideTable:
    """One wide table.

    Attributes
    ----------
    table : DataFrame
        Labels under their canonical names, and columns for sessions.
    name : str
        Name of the file.
    cells : mapping
        Column to its quantity and the label of its session.
    """

    table: pd.DataFrame
    name: str
    cells: Mapping[str, tuple[str, str]]


def wide_table(table: pd.DataFrame, name: str, given: SessionDays) -> WideTable | None:
    """The table as a wide one of numbers; None where it is none.

    Parameters
    ----------
    table : DataFrame
        Table with canonical names for its labels.
    name : str
        Name of the file, which may name the quantity.
    given : SessionDays
        Days of sessions, whose labels may be headings.

    Raises
    ------
    DataError
        If columns for sessions hold a quantity that nothing names.
    """
    if {"day", "spine", "last_day"} & set(table.columns):
        return None
    cells = {column: found for column in map(str, table.columns) if (found := _cell(column, given)) is not None}
    if len(cells) < _FEWEST:
        return None
    quantity = quantity_of(name)
    if quantity is None and any(each is None for each, _ in cells.values()):
        column = next(column for column, (each, _) in cells.items() if each is None)
        message = (
            f"{name} has columns for sessions ({column!r}, ...) but nothing says which quantity they hold; name it in "
            "the file's name or in the headings, such as formation.csv or formation_day_1 (or elimination, density, "
            "spine_count, gained, lost, length); presence of spines needs a column spine"
        )
        raise DataError(message)
    named = {column: (each or str(quantity), label) for column, (each, label) in cells.items()}
    twice = [each for each, _ in named.values() if each in table]
    if twice:
        message = f"{name} has {twice[0]} in a column of its own and by session; remove one of them"
        raise DataError(message)
    return WideTable(table, name, named)


def long_of(tables: Sequence[WideTable], given: SessionDays, findings: Findings) -> pd.DataFrame:
    """One row per dendrite and session from wide tables of the same dendrites.

    Raises
    ------
    DataError
        If the tables have other labels, one quantity twice, or two rows of one dendrite.
    """
    name = ", ".join(each.name for each in tables)
    labels = list(dict.fromkeys(label for each in tables for _, label in each.cells.values()))
    days = days_of_headings(labels, given, name, findings)
    keys = [[label for label in _LABELS if label in each.table] for each in tables]
    if any(own != keys[0] for own in keys):
        other = next(i for i, own in enumerate(keys) if own != keys[0])
        message = (
            f"{tables[0].name} has the labels {', '.join(keys[0])}, but {tables[other].name} has "
            f"{', '.join(keys[other])}; give both the same, so that their dendrites can be matched"
        )
        raise DataError(message)
    merged: pd.DataFrame | None = None
    told = []
    for each in tables:
        _refuse_repeated(each, keys[0])
        for quantity in dict.fromkeys(found for found, _ in each.cells.values()):
            block = _block(each, quantity, keys[0], days)
            if merged is not None and quantity in merged:
                message = f"{each.name}: {quantity} is in two of the tables; give each quantity once"
                raise DataError(message)
            merged = block if merged is None else merged.merge(block, on=[*keys[0], "day"], how="outer", sort=False)
        told.append(f"{each.name} as {' and '.join(dict.fromkeys(found for found, _ in each.cells.values()))}")
    if merged is None:
        message = f"{name} has no column for a session; give one column per day"
        raise DataError(message)
    findings.note(f"wide tables, one column per session: {', '.join(told)}")
    _note_unmatched(merged, keys[0], findings)
    merged = merged.fillna("")
    merged.index = merged.index.astype(str)  # a row is of several cells, so no row of the file
    return merged


def _cell(heading: str, given: SessionDays) -> tuple[str | None, str] | None:
    """Quantity (None where the heading does not say) and session that a heading names."""
    if heading in (*_LABELS, *QUANTITIES):
        return None
    if is_session(heading, given):
        return None, heading
    for cut in re.finditer(r"[ _.:]+", heading):
        before, after = heading[: cut.start()], heading[cut.end() :]
        for word, label in ((before, after), (after, before)):
            quantity = meaning(word)
            if quantity in QUANTITIES and is_session(label, given):
                return quantity, label
    return None


def quantity_of(name: str) -> str | None:
    """The one quantity that words in the name of a file or sheet name.

    Examples
    --------
    >>> quantity_of("wide_formation.csv"), quantity_of("Fig. 2b spine density"), quantity_of("table.csv")
    ('formation_fraction', 'density_per_um', None)
    """
    stem = re.sub(r"\.(csv|tsv|txt|xlsx|xlsm)$", "", name, flags=re.IGNORECASE)
    words = [word for word in re.split(r"[^A-Za-z\u00b5]+", stem) if word]
    pairs = [" ".join(pair) for pair in pairwise(words)]
    for candidates in (pairs, words):
        found = {quantity for word in candidates if (quantity := meaning(word)) in QUANTITIES}
        if len(found) == 1:
            return found.pop()
    return None


def _refuse_repeated(each: WideTable, keys: list[str]) -> None:
    again = each.table.duplicated(keys, keep=False)
    if again.any():
        rows = each.table.index[again]
        message = (
            f"{each.name}: rows {rows[0]} and {rows[1]} share {', '.join(keys)}; give every dendrite a label of its own"
        )
        raise DataError(message)


def _block(each: WideTable, quantity: str, keys: list[str], days: Mapping[str, float]) -> pd.DataFrame:
    """One row per dendrite and session with a value of the quantity."""
    columns = {column: days[label] for column, (own, label) in each.cells.items() if own == quantity}
    twice = [column for i, column in enumerate(columns) if columns[column] in list(columns.values())[:i]]
    if twice:
        message = f"{each.name} has two columns for day {columns[twice[0]]:g}; rename or remove {twice[0]!r}"
        raise DataError(message)
    long = each.table.melt(keys, list(columns), var_name="day", value_name=quantity)
    long = long.assign(day=long["day"].map(lambda column: f"{columns[str(column)]:.10g}"))
    return long[long[quantity] != ""]


def _note_unmatched(merged: pd.DataFrame, keys: list[str], findings: Findings) -> None:
    """Note dendrites that have no value of some quantity: often a label written in two ways."""
    for quantity in (column for column in merged.columns if column in QUANTITIES):
        none = merged[quantity].isna().groupby([merged[key] for key in keys], sort=False).all()
        for labels in none.index[none]:
            where = ", ".join(map(str, labels if isinstance(labels, tuple) else (labels,)))
            message = f"no {quantity} at any session; does it stand under another label in the other file?"
            findings.add("missing-value", where, message)
