"""The workbooks deposited with Shao et al. 2021 as they are: sheets, blocks, labels.

A sheet holds one or more blocks side by side: a title in its first row, a heading in its second, then one row per
dendrite (or spine). The first block of a sheet holds measured values; those whose title says FOLD_CHANGE or
DIFFERENCE are derived from it and are not read. Arms are written in lower case, as the sheets differ in that alone.

References
----------
Shao et al. 2021, Neuron 109:2535, doi:10.1016/j.neuron.2021.06.008.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.counts import records_of
from synmodel.data.forms import day_of
from synmodel.data.fractions import reconstructed
from synmodel.data.layout import DENDRITE, place, with_labels
from synmodel.data.newspines import followed, note_reappearing
from synmodel.data.tables import EMPTY, numbers

__all__ = ["deposited_tables", "is_deposit", "records_of_workbook"]

STUDY = "shao2021"
REFERENCE_DAY = 1.0
"""Session at which the new spines of both sheets of new spines were first seen."""

_QUANTITIES = {
    "SPINE_DENSITY_SEXES_COMBINED": "density_per_um",
    "SPINE_HEAD_WIDTH_SEXES_COMBINED": "head_width_um",
    "SPINE_PROTRUSION_LENGTH_SEXES_COMBINED": "protrusion_length_um",
    "SPINE_FORMATION_RATE_SEXES_COMBINED": "formation_fraction",
    "SPINE_ELIMINATION_RATE_SEXES_COMBINED": "elimination_fraction",
}
_PERSISTENCE = "NEW_SPINES_PERSISTS_SEXES_COMBINED"
_SURVIVAL = "NEW_SPINES_SURVIVAL_CURVES"
_LABELS = {"mouse_id": "mouse", "sex": "sex", "condition": "arm", "fov": "fov", "dendrite": "dendrite"}
_PERSISTENCE_COLUMNS = ("mouse", "sex", "arm", "fov", "dendrite", "n_new", "present_day_7", "present_day_34")
_SURVIVAL_COLUMNS = ("mouse", "sex", "arm", "spine", "last_day", "disappeared")
_KEY = ["mouse", "sex", "arm", "fov", "dendrite"]

Sheets = Mapping[str, list[list[str]]]


def is_deposit(sheets: Sheets) -> bool:
    """Whether a workbook has at least one of the known titles."""
    return any(_title(rows) in (*_QUANTITIES, _PERSISTENCE, _SURVIVAL) for rows in sheets.values())


def deposited_tables(sheets: Sheets, findings: Findings) -> dict[str, pd.DataFrame]:
    """Every value of the workbook with its labels.

    Returns
    -------
    dict
        Those of ``dendrites`` (one row per dendrite and day, one column per quantity), ``persistence`` (one row per
        dendrite: new spines, and fractions present later) and ``survival`` (one row per new spine) that it holds.
        The index of the last two names the row in the sheet; all cells are text.
    """
    tables: dict[str, pd.DataFrame] = {}
    blocks = [_dendrites(rows, title, findings) for title, rows in sheets.items() if _title(rows) in _QUANTITIES]
    if blocks:
        merged = blocks[0]
        for block in blocks[1:]:
            merged = merged.merge(block, on=[*_KEY, "day"], how="outer", sort=False)
        tables["dendrites"] = merged.fillna("")
    for name, title, columns in (
        ("persistence", _PERSISTENCE, _PERSISTENCE_COLUMNS),
        ("survival", _SURVIVAL, _SURVIVAL_COLUMNS),
    ):
        for sheet, rows in sheets.items():
            if _title(rows) == title:
                table = _block(rows, list(columns))
                tables[name] = table.set_axis([f"sheet {sheet}, row {row}" for row in table.index])
    return tables


def _title(rows: list[list[str]]) -> str:
    return rows[0][0].strip() if rows and rows[0] else ""


def _block(rows: list[list[str]], columns: list[str]) -> pd.DataFrame:
    """The first block of a sheet under other names for its columns; the index is the row in the sheet."""
    body = {i: [cell.strip() for cell in row[: len(columns)]] for i, row in enumerate(rows[2:], start=3) if row[0]}
    table = pd.DataFrame.from_dict(body, orient="index", columns=columns)
    table = table.map(lambda cell: "" if cell.lower() in EMPTY else cell)
    return table.assign(arm=table["arm"].str.lower())


def _dendrites(rows: list[list[str]], sheet: str, findings: Findings) -> pd.DataFrame:
    """One quantity as one row per dendrite and day; a repeated label is renumbered and noted."""
    heading = [cell.strip() for cell in rows[1]]
    end = heading.index("") if "" in heading else len(heading)
    columns = [_LABELS.get(name, name) for name in heading[:end]]
    days = {name: day for name in columns if (day := day_of(name)) is not None}
    if not set(_KEY) <= set(columns) or not days:
        message = f"sheet {sheet!r} has the headings {heading[:end]}; expected {list(_LABELS)} and days such as day_+1"
        raise DataError(message)
    table = _block(rows, columns)
    number = table.groupby(_KEY, sort=False).cumcount()
    for row, record in table.assign(again=number + 1)[number > 0].iterrows():
        message = (
            f"{record['mouse']}, fov {record['fov']}, dendrite {record['dendrite']} stands above already; "
            f"kept as dendrite {record['dendrite']}.{record['again']}"
        )
        findings.add("repeated-label", f"sheet {sheet}, row {row}", message)
    label = table["dendrite"].where(number == 0, table["dendrite"] + "." + (number + 1).astype(str))
    long = table.assign(dendrite=label).melt(_KEY, list(days), var_name="day", value_name=_QUANTITIES[_title(rows)])
    return long.assign(day=long["day"].map(lambda name: f"{days[name]:g}"))


def records_of_workbook(sheets: Sheets, findings: Findings, most_spines: int) -> tuple[pd.DataFrame, int]:
    """Records per dendrite and session of a deposited workbook, and the number of rows read.

    ``spine_count``, ``gained`` and ``lost`` are reconstructed from the fractions; ``new_spines_seen`` are those of
    the sheet of persistence, ``new_spines_followed`` those of the sheet of survival.
    """
    tables = deposited_tables(sheets, findings)
    blank = pd.DataFrame(columns=[*_KEY, "day"], dtype=str)
    records = tables.get("dendrites", blank).assign(study=STUDY)
    records.index = records.index.astype(str)  # rows of the merged sheets are no rows of the file
    records = records_of(records, findings)
    if {"formation_fraction", "elimination_fraction"} <= set(records.columns):
        records = reconstructed(records, findings, most_spines)
    for name, read in (("persistence", _seen), ("survival", _followed)):
        if name in tables:
            new = read(tables[name].assign(study=STUDY), findings)
            records = records.merge(new, on=[*DENDRITE, "day"], how="outer", sort=False)
    if len(tables.keys() & {"persistence", "survival"}) == 2:
        _compare_new(records, findings)
    records = records.assign(imaged=records["imaged"].eq(True) | _any_new(records))
    rows = sum(len(table) for name, table in tables.items() if name != "dendrites")
    return records, rows + len(tables.get("dendrites", blank))


def _any_new(records: pd.DataFrame) -> "pd.Series[bool]":
    names = [name for name in ("new_spines_seen", "new_spines_followed") if name in records]
    return records[names].notna().any(axis=1)


def _seen(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """``new_spines_seen`` at the reference session and later, from numbers and fractions."""
    table = with_labels(table, findings)
    new = numbers(table["n_new"], findings)
    pieces = [table[DENDRITE].assign(day=REFERENCE_DAY, new_spines_seen=new)]
    for column in (name for name in table.columns if name.startswith("present_")):
        present = new * numbers(table[column], findings)
        off = np.abs(present - np.round(present)) > 1e-6
        for row in table.index[off]:
            message = f"{column} is no number of the {table['n_new'][row]} new spines; left out"
            findings.add("no-integers-explain", str(row), message)
        values = np.where(off, np.nan, np.round(present))
        day = day_of(column.removeprefix("present_"))
        pieces.append(table[DENDRITE].assign(day=day, new_spines_seen=values))
    records = pd.concat(pieces).dropna(subset="new_spines_seen")
    note_reappearing(records, findings)
    return records


def _followed(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    return followed(table, findings, REFERENCE_DAY)


def _compare_new(records: pd.DataFrame, findings: Findings) -> None:
    """Numbers of new spines in both sheets of new spines."""
    at = records[(records["day"] == REFERENCE_DAY) & _any_new(records)]
    at = at.fillna({"new_spines_seen": 0.0, "new_spines_followed": 0.0})
    for _, record in at[at["new_spines_seen"] != at["new_spines_followed"]].iterrows():
        message = (
            f"{record['new_spines_seen']:g} new spines in the sheet of persistence, "
            f"{record['new_spines_followed']:g} in that of survival; both kept"
        )
        findings.add("count-mismatch", place(record.rename(None)), message)
