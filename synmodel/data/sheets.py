"""Tables as papers lay them out: titles above the heading, labels in the first row of each block, columns unnamed.

Everything that is found in this way is told in the audit.
"""

from collections.abc import Collection, Mapping

import pandas as pd

from synmodel.core.errors import DataError, did_you_mean
from synmodel.data.audit import Findings
from synmodel.data.naming import meaning, plain
from synmodel.data.tables import Rows, table_of
from synmodel.data.triples import stable_column

__all__ = ["chosen_sheet", "heading_row", "laid_out"]

_FEWEST = 2
_TOP = 20
_FILLED = ("study", "arm", "mouse", "fov", "dendrite")


def chosen_sheet(sheets: Mapping[str, Rows], name: str, wanted: str | None, findings: Findings) -> tuple[str, Rows]:
    """Title and rows of the sheet to read: the one that is wanted, or the only one.

    Raises
    ------
    DataError
        If there is no such sheet, or several and none is wanted.
    """
    filled = {title: rows for title, rows in sheets.items() if any(cell.strip() for row in rows for cell in row)}
    if wanted is not None:
        if wanted not in sheets:
            message = f"{name} has no sheet {wanted!r}; {did_you_mean(wanted, sheets)}"
            raise DataError(message)
        return wanted, sheets[wanted]
    if not filled:
        message = f"{name} is empty; give a workbook with a table"
        raise DataError(message)
    tables = [title for title, rows in filled.items() if heading_row(rows) == 0]
    if len(filled) == 1 or len(tables) == 1:
        title = next(iter(tables or filled))
        others = [other for other in filled if other != title]
        if others:
            findings.note(f"sheet {title!r} read; the others have no table: {', '.join(map(repr, others))}")
        return title, filled[title]
    titles = ", ".join(map(repr, filled))
    likely = next((title for title, rows in filled.items() if heading_row(rows) is not None), next(iter(filled)))
    message = f'{name} has the sheets {titles}; say which to read, such as --sheet "{likely}"'
    raise DataError(message)


def heading_row(rows: Rows, given: Collection[str] = ()) -> int | None:
    """Position of the heading: the first row, or else the first with the most known names; None if none has two.

    Parameters
    ----------
    rows : list of lists of str
        Rows of a file or sheet.
    given : collection of str
        Names of columns that were asked for.
    """
    known = [_names(row, given) for row in rows[:_TOP]]
    if not known or known[0] >= _FEWEST:
        return 0 if known else None
    most = max(known)
    return known.index(most) if most >= _FEWEST else None


def _names(row: list[str], given: Collection[str]) -> int:
    """How many names of columns a row has."""
    asked = sum(cell.strip() in given for cell in row)
    found = {meaning(cell) for cell in row if cell.strip() not in given} - {None}
    return asked + len(found) + (stable_column(row) is not None)


def laid_out(rows: Rows, name: str, findings: Findings, given: Collection[str] = ()) -> pd.DataFrame:
    """The table of a sheet or file, its heading found and its labels filled down.

    Parameters
    ----------
    rows : list of lists of str
        Rows of a file or sheet.
    name : str
        Name of the file.
    given : collection of str
        Names of columns that were asked for.

    Raises
    ------
    DataError
        If there is no table, or a column without heading holds what is no label.
    """
    at = heading_row(rows, given) or 0
    if at == 0:
        return _filled(_without_unnamed(table_of(rows, name), findings), findings, least=0.5)
    above = [" ".join(cell.split()) for row in rows[:at] for cell in row if cell.strip()]
    findings.note(f"heading found in row {at + 1}" + (f"; left out above it: {', '.join(above[:3])}" if above else ""))
    table = _with_labels(rows[at:], name, at + 1, findings)
    return _filled(_without_unnamed(table, findings), findings, least=0)


def _with_labels(rows: Rows, name: str, heading_at: int, findings: Findings) -> pd.DataFrame:
    """The table with names for columns of labels that have none, told from what stands in them."""
    width = max(len(row) for row in rows)
    heading = [" ".join(cell.split()) for cell in rows[0]] + [""] * (width - len(rows[0]))
    body = [row + [""] * (width - len(row)) for row in rows[1:]]
    numbers = [i for i, title in enumerate(heading) if title and (meaning(title) or title) not in _FILLED]
    named = {meaning(title) for title in heading if title}
    found: dict[int, str] = {}
    silent = []
    for i in (i for i in range(min(numbers, default=0)) if not heading[i]):
        cells = [row[i].strip() for row in body if row[i].strip()]
        label = _label(cells)
        if label is not None and label not in (*found.values(), *named):
            found[i] = label
        elif cells and not any(cell.replace(".", "").isdigit() for cell in cells):
            silent.append(i)
    if len(silent) == 1 and "arm" not in (*found.values(), *named):
        found[silent[0]] = "arm"
    if found:
        told = ", ".join(f"column {_letter(i)} -> {label}" for i, label in sorted(found.items()))
        findings.note(f"columns without heading named from their cells: {told}")
    return table_of([[found.get(i, title) for i, title in enumerate(heading)], *body], name, heading_at)


def _label(cells: list[str]) -> str | None:
    """The label that all cells name, such as mouse for mouse1 and mouse2."""
    words = {plain(cell).rstrip("0123456789") for cell in cells}
    if len(words) != 1:
        return None
    word = words.pop()
    if word in ("experiment", "exp", "cohort", "batch"):
        return "study"
    label = meaning(word) if word else None
    return label if label in _FILLED else None


def _letter(position: int) -> str:
    """Letter of a column as spreadsheets show it."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(65 + rest) + text
    return text


def _without_unnamed(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """The table without columns that have no heading; those that hold something are told."""
    unnamed = [i for i, column in enumerate(table.columns) if column == ""]
    holding = [_letter(i) for i in unnamed if (table.iloc[:, i] != "").any()]
    if holding:
        findings.note(f"columns without heading left out: {', '.join(holding)}")
    return table.iloc[:, [i for i in range(table.shape[1]) if i not in unnamed]] if unnamed else table


def _filled(table: pd.DataFrame, findings: Findings, least: float) -> pd.DataFrame:
    """The table with labels that stand only in the first row of their block in every row of it.

    ``least`` is the share of empty cells from which on a column is one of blocks, and not one that lacks a label.
    """
    done = []
    for column in table.columns:
        label = column if column in _FILLED else meaning(str(column))
        cells = table[column]
        if label not in _FILLED or not isinstance(cells, pd.Series) or cells.iloc[0] == "":
            continue
        if not (cells == "").any() or (cells == "").mean() < least:
            continue
        done.append(f"{column} ({int((cells == '').sum())} cells)")
        table = table.assign(**{str(column): cells.where(cells != "").ffill()})
    if done:
        findings.note(f"labels filled down from the first row of each block: {', '.join(done)}")
    return table
