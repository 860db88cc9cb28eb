"""From a file of a laboratory to Observations and an audit: the door of all readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from synmodel.data import presence
from synmodel.data.audit import Audit, Findings
from synmodel.data.counts import audited_counts, records_of
from synmodel.data.forms import Form, recognise, renamed
from synmodel.data.fractions import MOST_SPINES, reconstructed
from synmodel.data.layout import to_observations
from synmodel.data.newspines import records_of_new_spines, records_of_survival
from synmodel.data.tables import column_map, read_sheets, read_text, table_of
from synmodel.data.workbooks import is_deposit, records_of_workbook
from synmodel.errors import DataError, did_you_mean

__all__ = ["Reading", "read_each", "read_observations", "select"]

_WORKBOOKS = {".xlsx", ".xlsm"}


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
        What is inconsistent in the file.
    """

    form: Form
    observations: xr.Dataset
    presence: xr.Dataset | None
    audit: Audit


def read_observations(
    path: Path | str | Sequence[Path | str],
    *,
    form: str | None = None,
    columns: Mapping[str, str] | Path | str | None = None,
    most_spines: int = MOST_SPINES,
) -> Reading:
    """Read observations of spines in any of the known forms, with an audit.

    Parameters
    ----------
    path : Path or str, or several
        Table (.csv, .tsv, .xlsx) with a heading in its first row; or one or more deposited workbooks of one study.
    form : str, optional
        ``spines``, ``presence``, ``new-spines``, ``survival``, ``counts``, ``fractions`` or ``workbook``; by default
        recognised from the columns.
    columns : mapping or path, optional
        Canonical names of columns to names in the file, or a TOML file with them under ``[columns]``.
    most_spines : int
        Most spines that one dendrite can have; where only fractions are given, it bounds their denominators.

    Raises
    ------
    DataError
        If the file cannot be read, its columns make no known form, or no dendrite in it is usable.
    """
    if most_spines < 1:
        message = f"most_spines is {most_spines}; it is 1 or more"
        raise DataError(message)
    names = column_map(Path(columns)) if isinstance(columns, Path | str) else dict(columns or {})
    files = [Path(path)] if isinstance(path, Path | str) else [Path(each) for each in path]
    findings = Findings()
    sheets = _sheets(files)
    title = ", ".join(file.name for file in files)
    if is_deposit(sheets) and form in (None, "workbook"):
        return _from_workbook(sheets, title, findings, most_spines)
    if len(files) != 1:
        message = f"{title} are {len(files)} files; only deposited workbooks of one study are read together"
        raise DataError(message)
    rows = next(iter(sheets.values())) if sheets else read_text(files[0])
    table = renamed(table_of(rows, title), names, title)
    found = recognise(table.columns, title, form)
    if found in ("spines", "presence"):
        return _from_spines(table, found, title, findings)
    return _from_dendrites(table, found, title, findings, most_spines)


def read_each(
    paths: Sequence[Path], *, form: str | None = None, columns: Mapping[str, str] | Path | str | None = None
) -> list[Reading]:
    """Read several files, each on its own but for workbooks, which are read together as one deposit.

    Parameters
    ----------
    paths : sequence of Path
        Tables and workbooks.
    form, columns
        As in :func:`read_observations`.

    Raises
    ------
    DataError
        As :func:`read_observations`.
    """
    workbooks = [path for path in paths if path.suffix.lower() in _WORKBOOKS]
    groups = [[path] for path in paths if path not in workbooks] + ([workbooks] if workbooks else [])
    return [read_observations(group, form=form, columns=columns) for group in groups]


def _sheets(files: list[Path]) -> dict[str, list[list[str]]]:
    """Sheets of those files that are workbooks; the name of the file leads where there are several."""
    sheets = {}
    for file in files:
        if file.suffix.lower() in _WORKBOOKS:
            lead = f"{file.name}: " if len(files) > 1 else ""
            sheets.update({lead + title: rows for title, rows in read_sheets(file).items()})
    return sheets


def _from_spines(table: pd.DataFrame, form: Form, name: str, findings: Findings) -> Reading:
    read = presence.from_long if form == "spines" else presence.from_wide
    records = read(table, findings)
    if records.empty or not (records["present"] >= 0).any():
        raise _unusable(name, "no spine is known to be present or absent at any session", findings, len(table))
    spines = presence.presence_dataset(records, findings)
    counts = presence.with_extras(presence.counts_of(spines), table, findings)
    observations = to_observations(counts, findings)
    return Reading(form, observations, spines, findings.audit(len(table)))


def _from_dendrites(table: pd.DataFrame, form: Form, name: str, findings: Findings, most_spines: int) -> Reading:
    if form == "new-spines":
        records = records_of_new_spines(table, findings)
    elif form == "survival":
        records = records_of_survival(table, findings)
    elif form == "counts":
        records = audited_counts(records_of(table, findings), findings)
    else:
        records = reconstructed(records_of(table, findings), findings, most_spines)
    return _laid_out(records, form, name, findings, len(table))


def _from_workbook(sheets: dict[str, list[list[str]]], name: str, findings: Findings, most_spines: int) -> Reading:
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


def select(
    observations: xr.Dataset, *, arm: str | None = None, study: str | None = None, without: Sequence[str] = ()
) -> xr.Dataset:
    """The animals of one arm or study, without flagged dendrites; sessions and intervals stay those of the file.

    Parameters
    ----------
    observations : Dataset
        Observations with coordinates ``arm`` and ``study`` on animal.
    without : sequence of str
        Coordinates (such as ``damaged``): a dendrite for which one is not 0 at some session becomes unknown.

    Raises
    ------
    DataError
        If there is no such arm or study, or no animal of both.
    """
    keep = np.ones(observations.sizes["animal"], dtype=bool)
    for name, wanted in (("study", study), ("arm", arm)):
        if wanted is not None:
            labels = observations[name].to_numpy().astype(str)
            if wanted not in labels:
                message = f"{name} is {wanted!r}; {did_you_mean(wanted, set(labels.tolist()))}"
                raise DataError(message)
            keep &= labels == wanted
    if not keep.any():
        message = f"no animal is of arm {arm!r} in study {study!r}; see observations.arm and observations.study"
        raise DataError(message)
    return _without(observations.isel(animal=np.flatnonzero(keep)), without)


def _without(observations: xr.Dataset, flags: Sequence[str]) -> xr.Dataset:
    """Observations with NaN for every dendrite that carries one of the flags."""
    kept = observations.copy()
    for flag in flags:
        if flag not in observations.coords:
            known = [str(name) for name in observations.coords]
            message = f"without is {flag!r}, which is no coordinate of the observations; {did_you_mean(flag, known)}"
            raise DataError(message)
        marked = observations[flag].fillna(0) != 0
        marked = marked.any([dim for dim in marked.dims if dim not in ("animal", "dendrite")])
        for name, values in kept.data_vars.items():
            if {"animal", "dendrite"} <= set(values.dims):
                kept[name] = values.where(~marked).assign_attrs(values.attrs)
    return kept
