"""New, lost and stable spines between two sessions, as papers print them, as counts at both sessions.

::

    count at the first session = lost + stable        count at the second = new + stable
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.naming import plain
from synmodel.data.options import SessionDays
from synmodel.data.tables import numbers

__all__ = ["from_triples", "is_triples", "stable_column"]

_STABLE = {"stable", "ofstable", "nstable", "numstable", "stablespines", "spinesstable", "numberofstable", "persistent"}
_SESSIONS = 2


def stable_column(headings: list[str]) -> str | None:
    """The heading of the stable spines, if there is one."""
    found = [heading for heading in headings if plain(heading) in _STABLE]
    return found[0] if len(found) == 1 else None


def is_triples(table: pd.DataFrame) -> bool:
    """Whether a table has gained, lost and stable spines of one interval, and neither days nor counts."""
    there = {"gained", "lost"} <= set(table.columns) and not {"day", "spine_count", "spine"} & set(table.columns)
    return there and stable_column(list(map(str, table.columns))) is not None


def from_triples(table: pd.DataFrame, given: SessionDays, name: str, findings: Findings) -> pd.DataFrame:
    """Two rows per dendrite, at the first and at the second session.

    Raises
    ------
    DataError
        If days are given for other than two sessions.
    """
    days = given.in_order or (0.0, 1.0)
    if not given.in_order and not given.by_label:
        findings.note(
            "no days in the table: its two sessions are taken as days 0 and 1; give the true ones, such as "
            "--days=-1,1, before rates per day are fitted"
        )
    if given.by_label or len(days) != _SESSIONS:
        message = f"{name} has new, lost and stable spines between two sessions; give two days in order, as --days=-1,1"
        raise DataError(message)
    stable = stable_column(list(map(str, table.columns)))
    kept, new, lost = (numbers(table[str(column)], findings) for column in (stable, "gained", "lost"))
    rest = table.drop(columns=[str(stable)])
    before = rest.assign(day=f"{days[0]:.10g}", gained="", lost="", spine_count=_text(lost + kept))
    after = rest.assign(day=f"{days[1]:.10g}", spine_count=_text(new + kept))
    findings.note(
        "spine_count from new, lost and stable: lost + stable at the first session, new + stable at the second"
    )
    both = pd.concat([before, after], ignore_index=True)
    both.index = both.index.astype(str)  # two records of one row, so no rows of the file
    return both


def _text(values: NDArray[np.float64]) -> list[str]:
    return ["" if np.isnan(value) else f"{value:.10g}" for value in values]
