"""Presence of every spine at every session, and the counts that follow from it.

A spine is present (1), absent (0) or not known (-1). A count is known when every spine of the dendrite is known at
that session; gains and losses when every spine is known at both ends of the interval. What is known of the
others stays in the presence records, which a likelihood per spine can use.
"""

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter

from synmodel.core.documents import Document
from synmodel.core.plain import Json
from synmodel.core.schema import PRESENCE, stamped
from synmodel.data.audit import Findings
from synmodel.data.forms import day_of
from synmodel.data.layout import ANIMAL, DENDRITE, note_animals, place, with_labels
from synmodel.data.tables import numbers

__all__ = ["SpineRow", "counts_of", "from_long", "from_wide", "long_table_schema", "presence_dataset", "with_extras"]

NOT_KNOWN = -1
_STATUS = {"present": 1, "absent": 0, "censored": NOT_KNOWN, "unsure": NOT_KNOWN}
_CELLS = {"1": 1, "0": 0, "": NOT_KNOWN}
_WORDS = {**_STATUS, **dict.fromkeys(("true", "yes"), 1), **dict.fromkeys(("false", "no"), 0)}
_NO_ROW = -2
_SPINE = [*DENDRITE, "spine"]


class SpineRow(Document):
    """One row of the canonical table per spine and session."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, title="Spine at a session")

    study: str = Field(default="unknown", description="name of the study")
    arm: str = Field(default="unknown", description="group of animals")
    mouse: str = Field(description="name of the animal within its study")
    dendrite: str = Field(description="name of the dendrite within its animal")
    spine: str = Field(description="name of the spine within its dendrite, the same at every session")
    day: float = Field(description="time of the session since the first dose [day]; negative before it")
    status: Literal["present", "absent", "censored", "unsure"] = Field(
        description="what was scored; a spine has a row for every session at which its dendrite was imaged"
    )


def long_table_schema() -> Json:
    """JSON schema of the canonical table per spine: an array of rows."""
    schema = TypeAdapter(list[SpineRow]).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Spines by session", **schema}


def from_long(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Records study, arm, mouse, dendrite, spine, day, present from one row per spine and session."""
    table = with_labels(table, findings)
    words = table["status"].str.lower()
    unknown = ~words.isin(_STATUS)
    for row, word in table["status"][unknown].items():
        allowed = ", ".join(_STATUS)
        message = f"status is {word!r}; it is one of {allowed}; taken as not known"
        findings.add("missing-value" if word == "" else "unknown-status", f"row {row}", message)
    present = words.map(_STATUS).fillna(NOT_KNOWN).astype(int)
    records = table.assign(day=numbers(table["day"], findings), present=present)
    unplaced = records["day"].isna() | (records["spine"] == "")
    for row in records.index[unplaced]:
        findings.add("missing-value", f"row {row}", "the day or the spine is empty; the row is left out")
    return _one_each(records.loc[~unplaced, [*_SPINE, "day", "present"]], findings)


def from_wide(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """The same records from one row per spine and one column per session."""
    table = with_labels(table, findings)
    days = {column: day for column in map(str, table.columns) if (day := day_of(column)) is not None}
    table = _spines_apart(table, list(days), findings)
    table = _with_digits(table, list(days), findings)
    pieces = []
    for column, day in days.items():
        cells = table[column].str.removesuffix(".0")
        for row, cell in cells[~cells.isin(_CELLS)].items():
            message = f"day {day:g} is {cell!r}; it is 1, 0 or empty; taken as not known"
            findings.add("unknown-status", f"row {row}", message)
        present = cells.map(_CELLS).fillna(NOT_KNOWN).astype(int)
        # A session at which every cell of a dendrite is empty was not imaged: it has no records.
        imaged = (cells != "").groupby([table[name] for name in DENDRITE]).transform("any")
        pieces.append(table[_SPINE].assign(day=day, present=present)[imaged])
    return pd.concat(pieces)


def _with_digits(table: pd.DataFrame, days: list[str], findings: Findings) -> pd.DataFrame:
    """Wide rows with 1, 0 or nothing where a word such as present or TRUE says the same; this is told."""
    words = sorted({word for day in days for word in table[day].str.lower() if word in _WORDS})
    if not words:
        return table
    digits = {word: "" if _WORDS[word] == NOT_KNOWN else str(_WORDS[word]) for word in words}
    findings.note("cells read as: " + ", ".join(f"{word} -> {digits[word] or 'not known'}" for word in words))
    return table.assign(**{day: table[day].str.lower().replace(digits) for day in days})


def _spines_apart(table: pd.DataFrame, days: list[str], findings: Findings) -> pd.DataFrame:
    """Wide rows, one per spine: an equal row is taken once, another spine of the same label gets one of its own."""
    same = table.duplicated([*_SPINE, *days])
    for _, record in table[same].iterrows():
        findings.add("repeated-row", place(record, day=False), "the row stands above already; taken once")
    table = table[~same]
    number = table.groupby(_SPINE, sort=False).cumcount()
    renamed = table["spine"].where(number == 0, table["spine"] + "." + (number + 1).astype(str))
    for _, record in table.assign(renamed=renamed)[number > 0].iterrows():
        message = f"spine {record['spine']} stands above with another record; kept as spine {record['renamed']}"
        findings.add("repeated-label", place(record, day=False), message)
    return table.assign(spine=renamed)


def _one_each(records: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Long records, one per spine and day: where two differ, the status is not known."""
    same = records.duplicated(keep="first")
    for _, record in records[same].iterrows():
        message = f"spine {record['spine']} stands above already; taken once"
        findings.add("repeated-row", place(record), message)
    records = records[~same]
    key = [*_SPINE, "day"]
    clash = records.duplicated(key, keep=False)
    first = ~records.duplicated(key)
    for _, record in records[clash & first].iterrows():
        message = f"spine {record['spine']} has rows of different status; taken as not known: give one another label"
        findings.add("repeated-label", place(record), message)
    return records.assign(present=records["present"].mask(clash, NOT_KNOWN))[first]


def presence_dataset(records: pd.DataFrame, findings: Findings) -> xr.Dataset:
    """Presence records on spine x session, and their audit.

    ``animal`` and ``dendrite`` are positions in the Observations that :func:`counts_of` leads to.
    """
    note_animals(records, findings)
    spines = records[_SPINE].drop_duplicates().reset_index(drop=True)
    sessions = np.unique(records["day"].to_numpy(float))
    number = {tuple(row): i for i, row in enumerate(spines.to_numpy())}
    at = [number[tuple(row)] for row in records[_SPINE].to_numpy()]
    present = np.full((len(spines), len(sessions)), _NO_ROW, dtype=np.int8)
    present[at, np.searchsorted(sessions, records["day"].to_numpy(float))] = records["present"].to_numpy()
    for labels, members in spines.groupby(DENDRITE, sort=False):
        _note_unknown(dict(zip(DENDRITE, map(str, labels), strict=True)), present[members.index], sessions, findings)
    _note_reappearing(spines, present, sessions, findings)
    animal = spines.groupby(ANIMAL, sort=False).ngroup()
    dendrites = spines.drop_duplicates(DENDRITE)
    position = dendrites.groupby(ANIMAL, sort=False).cumcount()
    within = spines[DENDRITE].merge(dendrites[DENDRITE].assign(position=position), on=DENDRITE, how="left")
    coordinates = {
        "session": sessions,
        "animal": ("spine", animal.to_numpy()),
        "dendrite": ("spine", within["position"].to_numpy()),
        "spine_label": ("spine", spines["spine"].to_numpy(str)),
        "dendrite_label": ("spine", spines["dendrite"].to_numpy(str)),
        **{name: ("spine", spines[name].to_numpy(str)) for name in ANIMAL},
    }
    known = np.maximum(present, NOT_KNOWN)
    return stamped(xr.Dataset({"present": (("spine", "session"), known)}, coordinates), PRESENCE)


def _note_unknown(
    labels: dict[str, str], present: NDArray[np.int8], sessions: NDArray[np.float64], findings: Findings
) -> None:
    """Note the spines of one dendrite that are not known at a session at which others are."""
    n = len(present)
    for k, day in enumerate(sessions):
        where = place(pd.Series({**labels, "day": day}))
        without, unsure = int((present[:, k] == _NO_ROW).sum()), int((present[:, k] == NOT_KNOWN).sum())
        if without == n:
            continue
        if without:
            message = f"{without} of {n} spines have no row; taken as not known: write absent where it was seen"
            findings.add("missing-value", where, message)
        if unsure:
            message = f"{unsure} of {n} spines are censored, unsure or empty; counts are left out, histories go on"
            findings.add("censored-session", where, message)


def _note_reappearing(
    spines: pd.DataFrame, present: NDArray[np.int8], sessions: NDArray[np.float64], findings: Findings
) -> None:
    for i, (_, record) in enumerate(spines.iterrows()):
        seen = np.flatnonzero(present[i] >= 0)
        steps = np.diff(present[i][seen])
        for step in np.flatnonzero(steps == 1):
            if present[i][seen[: step + 1]].any():
                at = place(record.rename(None), day=False)
                message = f"spine {record['spine']} is absent and then present again; kept as in the file"
                findings.add("reappearing-spine", f"{at}, day {sessions[seen[step + 1]]:g}", message)


def counts_of(presence: xr.Dataset) -> pd.DataFrame:
    """Records per dendrite and session from presence: count, gained and lost since its last imaged session."""
    table = presence["present"].to_numpy()
    labels = pd.DataFrame({name: presence[name].to_numpy() for name in ANIMAL})
    labels["dendrite"] = presence["dendrite_label"].to_numpy()
    sessions = presence["session"].to_numpy()
    records = []
    for names, members in labels.groupby(DENDRITE, sort=False):
        own = table[members.index]
        previous = None
        for k in range(len(sessions)):
            imaged = bool((own[:, k] >= 0).any())
            numbers_here = _numbers(own, previous, k) if imaged else dict.fromkeys(("spine_count", "gained", "lost"))
            records.append({**dict(zip(DENDRITE, names, strict=True)), "day": sessions[k], "imaged": imaged})
            records[-1].update(numbers_here)
            previous = k if imaged else previous
    frame = pd.DataFrame(records)
    frame.index = frame.index.astype(str)  # these are no rows of the file
    return frame.astype(dict.fromkeys(("spine_count", "gained", "lost"), float)).assign(length_um=np.nan)


def _numbers(own: NDArray[np.int8], previous: int | None, k: int) -> dict[str, float]:
    """Count, gains and losses of one dendrite at session k, NaN where a spine is not known."""
    now = own[:, k]
    known = bool((now >= 0).all())
    count = float((now == 1).sum()) if known else np.nan
    if previous is None or not known or (own[:, previous] < 0).any():
        return {"spine_count": count, "gained": np.nan, "lost": np.nan}
    before = own[:, previous]
    gained, lost = float(((now == 1) & (before == 0)).sum()), float(((now == 0) & (before == 1)).sum())
    return {"spine_count": count, "gained": gained, "lost": lost}


def with_extras(counts: pd.DataFrame, table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Records of counts with the other columns of their table: those that are constant on every dendrite.

    ``length_um`` may also change from session to session in a table with days; where rows disagree it is left out.
    """
    table = with_labels(table, Findings())
    own = {*_SPINE, "fov", "day", "status", *counts.columns}
    names = [str(name) for name in table.columns if name not in own and day_of(str(name)) is None]
    by_dendrite = table.groupby(DENDRITE, sort=False)
    constant = [name for name in names if (by_dendrite[name].nunique() == 1).all()]
    merged = counts.merge(by_dendrite[constant].first().reset_index(), on=DENDRITE, how="left") if constant else counts
    if "length_um" in table:
        table = table.assign(length_um=numbers(table["length_um"], findings))
        keys = [*DENDRITE, "day"] if "day" in table else DENDRITE
        if "day" in table:
            table = table.assign(day=numbers(table["day"], Findings()))
        lengths = table.groupby(keys, sort=False)["length_um"].agg(_agreed).reset_index()
        merged = merged.drop(columns="length_um").merge(lengths, on=keys, how="left")
    return merged.set_axis(counts.index)


def _agreed(values: "pd.Series[float]") -> float:
    """The one positive value of a group; NaN where there is none, or several."""
    known = values[values > 0].unique()
    return float(known[0]) if len(known) == 1 else np.nan
