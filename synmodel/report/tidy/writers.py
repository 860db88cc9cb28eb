"""Tables as CSV, Parquet or Excel files.

Units and meanings of columns stand in one more table beside them, ``columns.csv``, whatever the format: a header with
units in it would make every reader of the tables cut it. Text that a spreadsheet would take for a formula, as it begins
with ``=``, ``+``, ``-``, ``@``, a tab or a line break, has ``'`` before it in CSV files and is marked as text in Excel
files. In Parquet files text stands as it is.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from synmodel.core.errors import DataError
from synmodel.report.tidy.frames import Table

__all__ = ["COLUMNS", "FORMATS", "demand", "no_formula", "write"]

COLUMNS = "columns.csv"
"""Name of the table of columns."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_ROWS_OF_SHEET, _LETTERS_OF_SHEET = 1_048_575, 31  # of Excel, without the row of names
_NEEDS = {"parquet": "pyarrow", "xlsx": "openpyxl"}


def demand(form: str) -> None:
    """Refuse a format that is not known, or whose library is not installed.

    Raises
    ------
    DataError
        One line.
    """
    if form not in FORMATS:
        message = f"--format is {form!r}; allowed are {', '.join(FORMATS)}"
        raise DataError(message)
    if form in _NEEDS:
        try:
            importlib.import_module(_NEEDS[form])
        except ImportError as fault:
            message = f"--format {form} needs {_NEEDS[form]}; install it with: pip install 'synmodel[tables]'"
            raise DataError(message) from fault


def write(sources: Sequence[Sequence[Table]], folder: Path, form: str) -> list[str]:
    """Write the tables of several files and the table of their columns; names of the files."""
    demand(form)
    written: list[str] = []
    columns: list[dict[str, str]] = []
    for tables in sources:
        files = FORMATS[form](tables, folder)
        written += dict.fromkeys(files)
        for file, table in zip(files, tables, strict=True):
            columns += [
                {"file": file, "table": table.name, "column": column, "unit": unit, "meaning": meaning}
                for column, (unit, meaning) in table.columns.items()
            ]
    if columns:
        _to_csv(pd.DataFrame(columns), folder / COLUMNS)
        written.append(COLUMNS)
    return written


def _as_csv(tables: Sequence[Table], folder: Path) -> list[str]:
    for table in tables:
        _to_csv(table.frame, folder / f"{table.name}.csv")
    return [f"{table.name}.csv" for table in tables]


def _to_csv(frame: pd.DataFrame, path: Path) -> None:
    safe = frame.rename(columns=no_formula)
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = safe[column].map(no_formula)
    safe.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def no_formula(value: object) -> object:
    """Text of a cell that no spreadsheet takes for a formula; anything else as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _as_parquet(tables: Sequence[Table], folder: Path) -> list[str]:
    for table in tables:
        _of_one_kind(table.frame).to_parquet(folder / f"{table.name}.parquet", engine="pyarrow", index=False)
    return [f"{table.name}.parquet" for table in tables]


def _of_one_kind(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with columns of text where numbers and text are mixed, which a Parquet column cannot hold."""
    frame = frame.copy()
    for column in frame.columns:
        if frame[column].dtype == object:
            kinds = {type(value) for value in frame[column] if value is not None and value == value}
            if len(kinds - {int, float}) and len(kinds) > 1:
                frame[column] = frame[column].map(lambda value: value if value is None else str(value))
    return frame


def _as_workbook(tables: Sequence[Table], folder: Path) -> list[str]:
    """One workbook of all tables of a file; a table longer than a sheet goes on in further ones."""
    from openpyxl import Workbook

    if not tables:
        return []
    book, stem = Workbook(write_only=True), tables[0].name.partition(".")[0]
    taken: set[str] = set()
    for table in tables:
        for start in range(0, max(len(table.frame), 1), _ROWS_OF_SHEET):
            sheet = book.create_sheet(_name_of_sheet(table.name.removeprefix(f"{stem}."), taken))
            part = table.frame.iloc[start : start + _ROWS_OF_SHEET]
            sheet.append([_cell(sheet, column) for column in part.columns])
            for row in part.itertuples(index=False, name=None):
                sheet.append([_cell(sheet, value) for value in row])
    book.save(folder / f"{stem}.xlsx")
    return [f"{stem}.xlsx"] * len(tables)


def _name_of_sheet(name: str, taken: set[str]) -> str:
    """A name that Excel allows and that is not taken."""
    plain = "".join("_" if each in "[]:*?/\\" else each for each in name)
    short, number = plain[:_LETTERS_OF_SHEET], 1
    while short.lower() in taken:
        number += 1
        end = f" ({number})"
        short = plain[: _LETTERS_OF_SHEET - len(end)] + end
    taken.add(short.lower())
    return short


def _cell(sheet: object, value: object) -> object:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type = "s"  # or it would be a formula where it begins with =
        return cell
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None  # a sheet has neither
    return value.item() if hasattr(value, "item") else value


FORMATS: dict[str, Callable[[Sequence[Table], Path], list[str]]] = {
    "csv": _as_csv,
    "parquet": _as_parquet,
    "xlsx": _as_workbook,
}
"""How tables of one file are written, by format; each gives the name of the file of every table."""
