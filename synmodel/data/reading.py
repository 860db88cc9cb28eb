"""From a file of a laboratory to Observations and an audit: the door of all readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd
import xarray as xr

from synmodel.core.errors import DataError
from synmodel.core.intake import Received
from synmodel.core.plain import Json
from synmodel.data import presence
from synmodel.data.audit import Audit, Findings
from synmodel.data.counts import audited_counts, records_of
from synmodel.data.forms import Form
from synmodel.data.fractions import reconstructed
from synmodel.data.layout import to_observations
from synmodel.data.matlab import read_matrix
from synmodel.data.newspines import records_of_new_spines, records_of_survival
from synmodel.data.options import MOST_SPINES, ReadingOptions
from synmodel.data.preparing import is_one_quantity, prepared
from synmodel.data.programs import is_piece, name_of
from synmodel.data.sheets import chosen_sheet
from synmodel.data.tables import Rows, read_sheets, read_text
from synmodel.data.usage import dendrites_used
from synmodel.data.wide import quantity_of
from synmodel.data.workbooks import is_deposit, records_of_workbook

__all__ = ["Reading", "read_each", "read_observations"]

_WORKBOOKS = {".xlsx", ".xlsm"}
_MATLAB = ".mat"


@dataclass(frozen=True)
class Reading:
    """What a file holds.

    Attributes
    ----------
    form : str
        Form that the file was read as.
    observations : Dataset
        Observations on animal, dendrite, session; NaN where a dendrite was not imaged or a number is not known.
    presence : Dataset or None
        Presence of each spine, from forms that have spines.
    audit : Audit
        What is inconsistent in the file, and how it was read.
    """

    form: Form
    observations: xr.Dataset
    presence: xr.Dataset | None
    audit: Audit

    def document(self) -> Json:
        """The audit as a plain document for JSON, with the number of ``dendrites``, in total and used."""
        total, used = dendrites_used(self.observations, self.presence)
        return {**self.audit.document(), "dendrites": {"total": total, "used": used}}


def read_observations(
    path: Path | str | Received | Sequence[Path | str],
    *,
    form: str | None = None,
    columns: Mapping[str, str] | Path | str | None = None,
    most_spines: int = MOST_SPINES,
    options: ReadingOptions | None = None,
) -> Reading:
    """Read observations of spines in any of the known forms, with an audit.

    Parameters
    ----------
    path : Path or str, or several, or Received
        Table (.csv, .tsv, .xlsx) with a heading, or matrix of presence (.mat); or several that belong together:
        deposited workbooks of one study, wide tables of one quantity each, tables of RESPAN or SpyDen of single
        images, or tables with the same columns.
    form : str, optional
        ``spines``, ``presence``, ``new-spines``, ``survival``, ``counts``, ``fractions`` or ``workbook``; by default
        recognised from the columns.
    columns : mapping or path, optional
        Canonical names of columns to names in the file, or a TOML file with them under ``[columns]``.
    most_spines : int
        Most spines that one dendrite can have; where only fractions are given, it bounds their denominators.
    options : ReadingOptions, optional
        These three and the rest: days of sessions, date of the dose, sheet, mouse. ``form``, ``columns`` and
        ``most_spines`` go before it where they are given.

    Raises
    ------
    DataError
        If the file cannot be read, its columns make no known form, or no dendrite in it is usable.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from synmodel.data import read_observations
    >>> table = pd.DataFrame({"mouse": "m1", "dendrite": "d1", "day": [-1, 1], "spine_count": [20, 21],
    ...                       "gained": [None, 3], "lost": [None, 2], "length_um": 50.0})
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "counts.csv")
    ...     table.to_csv(path, index=False)
    ...     reading = read_observations(path)
    >>> reading.form, reading.observations["gained"].values.ravel().tolist(), dict(reading.audit.tally())
    ('counts', [3.0], {})
    """
    options = _together(options or ReadingOptions(), form, columns, most_spines)
    files: list[Path | Received]
    if isinstance(path, Received):
        files = [path]
    else:
        files = [Path(path)] if isinstance(path, Path | str) else [Path(each) for each in path]
    findings = Findings()
    sheets = {file: read_sheets(file) for file in files if file.suffix.lower() in _WORKBOOKS}
    title = ", ".join(file.name for file in files)
    together = _all_sheets(sheets)
    if is_deposit(together) and options.form in (None, "workbook") and options.sheet is None:
        return _from_workbook(together, title, findings, options.most_spines)
    rows = [each for file in files for each in _rows(file, sheets.get(file), options, findings)]
    table, found, read = prepared(rows, options, findings)
    if found in ("spines", "presence"):
        return _from_spines(table, found, title, findings, read)
    return _from_dendrites(table, found, title, findings, options.most_spines, read)


def read_each(
    paths: Sequence[Path],
    *,
    form: str | None = None,
    columns: Mapping[str, str] | Path | str | None = None,
    options: ReadingOptions | None = None,
) -> list[Reading]:
    """Read several files, each on its own but for workbooks, wide tables and tables of images.

    Workbooks are read together as one deposit, and so are wide tables of one quantity each, and tables that a program
    writes one per image or timepoint.

    Parameters
    ----------
    paths : sequence of Path
        Tables and workbooks.
    form, columns, options
        As in :func:`read_observations`.

    Raises
    ------
    DataError
        As :func:`read_observations`.
    """
    every = _together(options or ReadingOptions(), form, columns, MOST_SPINES)
    workbooks = [path for path in paths if path.suffix.lower() in _WORKBOOKS]
    texts = [path for path in paths if path.suffix.lower() not in (*_WORKBOOKS, _MATLAB)]
    shared = {path: _shared(path, every) for path in texts} if len(texts) > 1 else {}
    wide, pieces = ([path for path in texts if shared.get(path) == kind] for kind in ("wide", "piece"))
    groups = [[path] for path in paths if path not in (*workbooks, *wide, *pieces)]
    groups += [group for group in (wide, pieces, workbooks) if group]
    return [read_observations(group, options=every) for group in groups]


def _shared(path: Path, options: ReadingOptions) -> Literal["wide", "piece"] | None:
    """How a table is one of several: wide, of one quantity, or one of a program that writes one per image."""
    rows = read_text(path)
    if is_piece(rows):
        return "piece"
    return "wide" if is_one_quantity(rows, path.name, options) else None


def _together(
    options: ReadingOptions,
    form: str | None,
    columns: Mapping[str, str] | Path | str | None,
    most_spines: int,
) -> ReadingOptions:
    """Options with the single ones that were given besides."""
    if form is not None:
        options = replace(options, form=form)
    if columns is not None:
        options = replace(options, columns=columns)
    return options if most_spines == MOST_SPINES else replace(options, most_spines=most_spines)


def _all_sheets(sheets: Mapping[Path | Received, Mapping[str, Rows]]) -> dict[str, Rows]:
    """Sheets of all workbooks; the name of the file leads where there are several."""
    several = len(sheets) > 1
    return {
        f"{file.name}: {title}" if several else title: rows
        for file, own in sheets.items()
        for title, rows in own.items()
    }


def _rows(
    file: Path | Received, sheets: Mapping[str, Rows] | None, options: ReadingOptions, findings: Findings
) -> list[tuple[str, Rows]]:
    """Name and rows of one file, or of each of its sheets where these are wide tables of one quantity each."""
    if sheets is not None:
        return _rows_of_sheets(file.name, sheets, options, findings)
    if file.suffix.lower() == _MATLAB and isinstance(file, Path):
        return [(file.name, read_matrix(file, options.session_days(), findings))]
    if options.sheet is not None:
        message = f"--sheet is {options.sheet!r}, but {file.name} is no workbook; leave --sheet out"
        raise DataError(message)
    return [(name_of(file), read_text(file, findings))]


def _rows_of_sheets(
    name: str, sheets: Mapping[str, Rows], options: ReadingOptions, findings: Findings
) -> list[tuple[str, Rows]]:
    wide = [(title, rows) for title, rows in sheets.items() if is_one_quantity(rows, title, options)]
    if options.sheet is None and len(wide) > 1:
        left = ", ".join(repr(title) for title in sheets if title not in dict(wide)) or "none"
        findings.note(
            f"sheets of {name} read together: {', '.join(repr(title) for title, _ in wide)}; left out: {left}"
        )
        return wide
    title, rows = chosen_sheet(sheets, name, options.sheet, findings)
    return [(title if quantity_of(title) is not None else name, rows)]


def _from_spines(table: pd.DataFrame, form: Form, name: str, findings: Findings, rows: int) -> Reading:
    read = presence.from_long if form == "spines" else presence.from_wide
    records = read(table, findings)
    if records.empty or not (records["present"] >= 0).any():
        raise _unusable(name, "no spine is known to be present or absent at any session", findings, rows)
    spines = presence.presence_dataset(records, findings)
    counts = presence.with_extras(presence.counts_of(spines), table, findings)
    observations = to_observations(counts, findings)
    return Reading(form, observations, spines, findings.audit(rows))


def _from_dendrites(
    table: pd.DataFrame, form: Form, name: str, findings: Findings, most_spines: int, rows: int
) -> Reading:
    if form == "new-spines":
        records = records_of_new_spines(table, findings)
    elif form == "survival":
        records = records_of_survival(table, findings)
    elif form == "counts":
        records = audited_counts(records_of(table, findings), findings)
    else:
        records = reconstructed(records_of(table, findings), findings, most_spines)
    return _laid_out(records, form, name, findings, rows)


def _from_workbook(sheets: dict[str, Rows], name: str, findings: Findings, most_spines: int) -> Reading:
    records, n_rows = records_of_workbook(sheets, findings, most_spines)
    return _laid_out(records, "workbook", name, findings, n_rows)


def _laid_out(records: pd.DataFrame, form: Form, name: str, findings: Findings, rows: int) -> Reading:
    if not records["imaged"].any():
        raise _unusable(name, "no dendrite has a number at any session", findings, rows)
    return Reading(form, to_observations(records, findings), None, findings.audit(rows))


def _unusable(name: str, why: str, findings: Findings, rows: int) -> DataError:
    audit = findings.audit(rows)
    kinds = ", ".join(f"{count} {kind}" for kind, count in audit.tally().items()) or "none noted"
    message = f"{name} has no usable dendrite: {why} (problems: {kinds})"
    return DataError(message)
