"""Files as tables of text: separators, empty cells, row numbers, numbers.

Cells stay text until a reader asks for numbers, so that nothing is guessed: a dendrite called 2.20 keeps its
name. The index of a table is the row in the file, 1 for the heading, so that an audit can point at it.
"""

import codecs
import csv
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synmodel.core.documents import parse_toml
from synmodel.core.errors import DataError, did_you_mean
from synmodel.core.intake import TABLE_BYTES, Received, content_of
from synmodel.data.audit import Findings

__all__ = ["EMPTY", "Rows", "as_text", "column_map", "numbers", "read_sheets", "read_text", "table_of"]

EMPTY = frozenset({"", "na", "n/a", "nan", "none", "null", "-", ".", "#n/a", "#value!", "#div/0!"})
"""Cells that hold nothing, in lower case."""

Rows = list[list[str]]
_SEPARATORS = "\t;,"
_TOP = 20
_MOST_COLUMNS = 16_384


def read_text(path: Path | Received, findings: Findings | None = None) -> Rows:
    """Rows of a text file separated by commas, semicolons or tabs.

    Text that is no UTF-8 is read as spreadsheets save it: UTF-16 with a mark at its start, or Windows-1252.

    Raises
    ------
    DataError
        If the file cannot be read as text.
    """
    try:
        content = content_of(path, TABLE_BYTES)
    except OSError as fault:
        message = f"cannot read {path}: {fault.strerror}; give the path of a table (.csv, .tsv or .xlsx)"
        raise DataError(message) from fault
    text = _decoded(content, path, findings)
    lines = text.splitlines()
    # The first line is the heading, or a title without separators above it.
    first = next((line for line in lines[:_TOP] if any(map(line.count, _SEPARATORS))), "")
    separator = max(_SEPARATORS, key=first.count)
    widest = 1 + max((line.count(separator) for line in lines), default=0)
    if widest > _MOST_COLUMNS:
        message = f"cannot read {path}: a row has {widest} columns; a table has up to {_MOST_COLUMNS}, as a spreadsheet"
        raise DataError(message)
    try:
        return list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as fault:
        message = f"cannot read {path}: it is no table ({fault}); give a table (.csv, .tsv or .xlsx)"
        raise DataError(message) from fault


def _decoded(content: bytes, path: Path | Received, findings: Findings | None) -> str:
    encodings = ("utf-16",) if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "utf-8-sig" and ("\0" in text or "\n" not in text.replace("\r", "\n")):
            continue  # no table of text, whatever its bytes may spell
        if findings is not None and encoding != "utf-8-sig":
            findings.note(f"{path.name} is text in {encoding}, not in UTF-8")
        return text
    message = f"cannot read {path}: it is no text in UTF-8; save it as CSV in UTF-8 or give the .xlsx"
    raise DataError(message)


def read_sheets(path: Path | Received) -> dict[str, Rows]:
    """Sheets of an Excel workbook, as text.

    Raises
    ------
    DataError
        If openpyxl is not installed, or the file is no workbook.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as fault:
        message = f"reading {path.name} needs openpyxl; install it with: pip install 'synmodel[data]'"
        raise DataError(message) from fault
    try:
        source = BytesIO(path.content) if isinstance(path, Received) else path
        workbook = load_workbook(source, data_only=True, read_only=True)
        return {
            sheet.title: [[as_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
            for sheet in workbook.worksheets
        }
    except OSError as fault:
        message = f"cannot read {path}: {fault.strerror}; give the path of a table (.csv, .tsv or .xlsx)"
        raise DataError(message) from fault
    except Exception as fault:  # openpyxl lets zip, XML and key errors of broken files through
        message = f"cannot read {path}: it is no Excel workbook ({fault}); save it again as .xlsx or as CSV"
        raise DataError(message) from fault


def as_text(cell: object) -> str:
    """A cell as text, a whole number without its decimal point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def table_of(rows: Rows, name: str, heading_at: int = 1) -> pd.DataFrame:
    """The table whose first row is its heading; empty rows are passed over but counted.

    Parameters
    ----------
    rows : list of lists of str
        Rows from the heading on.
    name : str
        Name of the file.
    heading_at : int
        Row of the heading in the file.

    Raises
    ------
    DataError
        If there is no heading or no row below it, or a row is longer than the heading.
    """
    if not rows or not any(cell.strip() for cell in rows[0]):
        message = f"{name} is empty or has no heading in its first row; give a table with named columns"
        raise DataError(message)
    heading = [" ".join(cell.split()) for cell in rows[0]]  # headings of spreadsheets hold line ends
    width = max(i for i, cell in enumerate(heading) if cell) + 1
    body = {}
    for number, row in enumerate(rows[1:], start=heading_at + 1):
        cells = [cell.strip() for cell in row]
        if any(cells[width:]):
            message = f"{name}, row {number}, has {len(cells)} cells under {width} headings; name or remove the others"
            raise DataError(message)
        if any(cells):
            body[number] = [*cells[:width], *[""] * (width - len(cells))]
    if not body:
        message = f"{name} has a heading and no rows; give a table with rows"
        raise DataError(message)
    table = pd.DataFrame.from_dict(body, orient="index", columns=heading[:width])
    return table.map(lambda cell: "" if cell.lower() in EMPTY else cell)


def column_map(path: Path) -> dict[str, str]:
    """Names of columns from a TOML file with one table ``[columns]``, canonical = "name in the file".

    Raises
    ------
    DataError
        If the file is not valid TOML or holds anything else.
    """
    document = parse_toml(path, DataError)
    for key in document:
        if key != "columns":
            message = f"{path}: {key} is not known; {did_you_mean(key, ['columns'])}"
            raise DataError(message)
    columns = document.get("columns", {})
    if not isinstance(columns, Mapping) or not all(isinstance(theirs, str) for theirs in columns.values()):
        message = f'{path}: columns is a table of names; write it as [columns] and lines like mouse = "animal id"'
        raise DataError(message)
    return dict(columns)


def numbers(cells: "pd.Series[str]", findings: Findings) -> NDArray[np.float64]:
    """Numbers of a column, NaN where a cell is empty; other text is noted as ``missing-value``."""
    found = np.array([_number(cell) for cell in cells], dtype=float)
    for row, cell in cells[np.isnan(found) & (cells != "").to_numpy()].items():
        findings.add("missing-value", f"row {row}", f"{cells.name} is {cell!r}, which is no number; left out")
    return found


def _number(cell: str) -> float:
    """Number in a cell, NaN if there is none; a comma can only be a decimal one, as it did not separate cells."""
    try:
        value = float(cell.replace("\u2212", "-").replace(",", "."))
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan
