"""Fractions that were written in percent: by their heading, by the sign, or by values that no fraction can have."""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.tables import numbers

__all__ = ["as_fractions"]

_FRACTIONS = ("formation_fraction", "elimination_fraction")
_MOST = 2.0
"""No dendrite gains more than twice its spines between two sessions; what is above is in percent."""


def as_fractions(table: pd.DataFrame, percent: tuple[str, ...], name: str, findings: Findings) -> pd.DataFrame:
    """The table with its fractions as fractions; what was in percent is told.

    Parameters
    ----------
    percent : tuple of str
        Columns whose heading says percent.

    Raises
    ------
    DataError
        If one column has both fractions and percent, or values that are neither.
    """
    for column in (column for column in _FRACTIONS if column in table):
        signed = table[column].str.endswith("%")
        cells = table[column].str.removesuffix("%").str.strip()
        values = pd.Series(numbers(cells.rename(column), Findings()), table.index)
        in_percent = signed | (column in percent) | _told_by_values(values[~signed], table, column, name)
        if not in_percent.any():
            continue
        text = (values / 100).map(lambda value: f"{value:.12g}")
        change = in_percent & values.notna()
        table = table.assign(**{column: cells.where(~change, text)})
        findings.note(f"{column} read as percent, divided by 100: {int(change.sum())} values up to {values.max():g}")
    return table


def _told_by_values(values: "pd.Series[float]", table: pd.DataFrame, column: str, name: str) -> bool:
    """Whether a whole column is in percent: it has values above any fraction, and none between 0 and 1."""
    large, small = values[values > _MOST], values[(values > 0) & (values < 1)]
    if large.empty:
        return False
    if not small.empty:
        message = (
            f"{name}: {column} is {large.iloc[0]:g} in {_at(table, large.index[0])} and {small.iloc[0]:g} in "
            f"{_at(table, small.index[0])}: percent and fractions in one column; write both alike, as fractions"
        )
        raise DataError(message)
    most = np.nanmax(values)
    if most > 100 and column == "elimination_fraction":
        message = (
            f"{name}: {column} is {most:g} in {_at(table, values.idxmax())}, more than 100 %; "
            "write the fraction of the spines before that were lost"
        )
        raise DataError(message)
    return True


def _at(table: pd.DataFrame, row: Hashable) -> str:
    """Row and arm, or mouse and arm where a row is of several rows or files."""
    record = table[table.index == row].iloc[0]
    arm = f" (arm {record['arm']})" if "arm" in table else ""
    if isinstance(row, int | np.integer):
        return f"row {row:d}{arm}"
    known = [f"{label} {record[label]}" for label in ("mouse", "dendrite") if label in table]
    return ", ".join(known or ["one row"]) + arm
