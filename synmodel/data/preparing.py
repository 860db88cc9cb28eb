"""From the rows of a file to a table of a known form: names, mouse, percent, days, and forms of other programs."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data import exports
from synmodel.data.audit import Findings
from synmodel.data.forms import Form, day_of, recognise, renamed
from synmodel.data.naming import Named, named
from synmodel.data.options import ReadingOptions, SessionDays
from synmodel.data.percent import as_fractions
from synmodel.data.programs import is_piece, joined, program_table
from synmodel.data.sessions import days_of_headings, is_session, with_days
from synmodel.data.sheets import laid_out
from synmodel.data.tables import Rows
from synmodel.data.triples import from_triples, is_triples
from synmodel.data.wide import QUANTITIES, long_of, wide_table

__all__ = ["prepared"]

_FEWEST_DAYS = 2


def prepared(
    files: Sequence[tuple[str, Rows]], options: ReadingOptions, findings: Findings
) -> tuple[pd.DataFrame, Form, int]:
    """The table of one file, or of several wide ones, under canonical names, its form, and the rows read.

    Parameters
    ----------
    files : sequence of (str, list of lists of str)
        Name and rows of each file.

    Raises
    ------
    DataError
        If the columns make no known form, days or names are missing, or several files are no wide tables.
    """
    given = options.session_days()
    name = ", ".join(each for each, _ in files)
    read = [(each, *_named(rows, each, options, findings)) for each, rows in files]
    rows_read = sum(len(table) for _, table, _ in read)
    wide = [wide_table(table, each, given) for each, table, _ in read]
    if all(each is not None for each in wide):
        together = long_of([each for each in wide if each is not None], given, findings)
        _refuse_without_mouse(together, name, options)
        table = as_fractions(together, (), name, findings)
        _refuse_alone(table, name, options)
        return table, recognise(table.columns, name, options.form), rows_read
    tables = [(table, each) for each, table, _ in read]
    if not options.column_names() and all(is_piece(rows) for _, rows in files):
        tables = joined(tables, findings)
    table = _stacked(tables, findings)
    if is_triples(table):
        table = from_triples(table, given, name, findings)
        given = replace(given, in_order=())  # these days are in the table now
    exports.refuse_untracked(table, name)
    habits = next((habits for _, _, habits in read if habits.counted), read[0][2])
    table = _with_days(_as_form(table, findings), given, name, findings, habits)
    _refuse_without_mouse(table, name, options)
    return table, recognise(table.columns, name, options.form), rows_read


def _with_days(table: pd.DataFrame, given: SessionDays, name: str, findings: Findings, habits: Named) -> pd.DataFrame:
    """The table with days as numbers, in their column or in headings."""
    if "day" in table or "last_day" in table:
        return with_days(table, given, name, findings, habits)
    return _with_day_headings(table, given, name, findings)


def is_one_quantity(rows: Rows, name: str, options: ReadingOptions) -> bool:
    """Whether rows are a wide table of a quantity that needs other tables to be of use."""
    try:
        table, _ = _named(rows, name, options, Findings())
        wide = wide_table(table, name, options.session_days())
    except DataError:
        return False  # whoever reads it says why
    return wide is not None and len({quantity for quantity, _ in wide.cells.values()}) == 1


def _stacked(tables: Sequence[tuple[pd.DataFrame, str]], findings: Findings) -> pd.DataFrame:
    """One table of several with the same columns, such as one file per mouse."""
    first, name = tables[0]
    if len(tables) == 1:
        return first
    for table, other in tables[1:]:
        if set(table.columns) != set(first.columns):
            message = (
                f"{name} and {other} have other columns; only deposited workbooks of one study, tables with the same "
                "columns, and tables of one quantity each with a column per session are read together"
            )
            raise DataError(message)
    findings.note(f"{len(tables)} files with the same columns read as one table")
    return pd.concat([table.set_axis([f"{row} of {each}" for row in table.index]) for table, each in tables])


def _named(rows: Rows, name: str, options: ReadingOptions, findings: Findings) -> tuple[pd.DataFrame, Named]:
    """A table under canonical names with its fractions as fractions, and how its columns were called."""
    given = options.column_names()
    table = None if given else program_table(rows, name, options.session_days(), findings)
    if table is None:
        table = laid_out(rows, name, findings, given.values())
    habits = named([str(column) for column in table.columns], given, name)
    table = renamed(table, given, name, habits.names)
    told = [f"{theirs} -> {canonical}" for theirs, canonical in habits.names.items()]
    told += [f"{theirs} -> {canonical}" for canonical, theirs in given.items() if canonical != theirs]
    if told:
        findings.note(f"columns read as: {', '.join(told)}")
    for theirs, canonical in habits.other_units.items():
        findings.note(f"column {theirs!r} is in another unit, so not read as {canonical}; convert it to have it used")
    table = _with_mouse(table, name, options, findings)
    if "dendrite" not in table and "fov" in table and "last_day" not in table:
        findings.note("no column for the dendrite: the field of view is taken as the dendrite")
        table = table.rename(columns={"fov": "dendrite"})
    return as_fractions(table, habits.percent, name, findings), habits


def _with_mouse(table: pd.DataFrame, name: str, options: ReadingOptions, findings: Findings) -> pd.DataFrame:
    if options.mouse is None:
        return table
    if "mouse" in table:
        message = f"--mouse is {options.mouse!r}, but {name} has a column for the mouse; leave --mouse out"
        raise DataError(message)
    findings.note(f"all rows taken as of mouse {options.mouse}")
    return table.assign(mouse=options.mouse)


def _refuse_without_mouse(table: pd.DataFrame, name: str, options: ReadingOptions) -> None:
    """Ask for the mouse where it is all that is missing."""
    there = set(table.columns)
    rest = {"dendrite", "day"} <= there and there & {"spine_count", "status", "formation_fraction"}
    if "mouse" not in there and options.form is None and (rest or {"dendrite", "spine"} <= there):
        message = f"{name} has no column for the mouse; give its name, such as --mouse m1, or add a column mouse"
        raise DataError(message)


def _refuse_alone(table: pd.DataFrame, name: str, options: ReadingOptions) -> None:
    """Ask for the other wide tables where one quantity alone makes no form."""
    there = set(table.columns)
    if (
        options.form is None
        and "spine_count" not in there
        and not {"formation_fraction", "elimination_fraction"} <= there
    ):
        held = ", ".join(name for name in table.columns if name in QUANTITIES)
        message = (
            f"{name} holds {held} alone; give it together with the tables of the same dendrites, such as formation.csv "
            "elimination.csv density.csv, or with spine_count"
        )
        raise DataError(message)


def _as_form(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Tables that other programs lay out otherwise, in a form of our own."""
    if exports.is_registry(table):
        return exports.from_registry(table, findings)
    if exports.is_points(table):
        return exports.from_points(table, findings)
    return table


def _with_day_headings(table: pd.DataFrame, given: SessionDays, name: str, findings: Findings) -> pd.DataFrame:
    """A table of presence with headings that name days as numbers."""
    headings = [column for column in map(str, table.columns) if is_session(column, given)]
    if "spine" not in table or len(headings) < _FEWEST_DAYS:
        return table
    days = days_of_headings(headings, given, name, findings)
    names = {heading: heading if day_of(heading) == day else f"day_{day:.10g}" for heading, day in days.items()}
    twice = [heading for i, heading in enumerate(days) if days[heading] in list(days.values())[:i]]
    if twice:
        message = f"{name} has two columns for day {days[twice[0]]:g}; rename or remove {twice[0]!r}"
        raise DataError(message)
    return table.rename(columns=names)
