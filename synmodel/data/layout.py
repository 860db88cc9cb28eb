"""From one record per dendrite and session to Observations.

A record carries the numbers of one dendrite at one session; ``gained`` and ``lost`` compare it with the session
before at which this dendrite was imaged. Sessions of a file are the union of those of its dendrites; numbers over a
longer stretch than between two neighbours of that union stand at the interval that ends it, and a fit joins the others.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.schema import OBSERVATIONS, stamped
from synmodel.data.audit import Findings

__all__ = [
    "ANIMAL",
    "DENDRITE",
    "MEASURED",
    "note_animals",
    "place",
    "to_observations",
    "with_labels",
    "with_previous",
    "without_repeats",
]

ANIMAL = ["study", "arm", "mouse"]
DENDRITE = [*ANIMAL, "dendrite"]
MEASURED = ("spine_count", "gained", "lost", "density_per_um", "formation_fraction", "elimination_fraction")
"""A dendrite was imaged at a session if any of these is known."""

_OWN = {"spine_count", "gained", "lost", "length_um", "head_width_um", "new_spines_seen", "new_spines_followed"}
_RENUMBERED = r"(.+)\.\d+"


def with_labels(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """The table with ``study``, ``arm`` and ``mouse`` filled, and the field of view within the dendrite's label.

    Columns that are not there are ``unknown``; so are empty cells, which are noted.
    """
    for name in (name for name in ANIMAL if name in table):
        for row in table.index[table[name] == ""]:
            findings.add("missing-value", f"row {row}", f"{name} is empty; taken as unknown")
    given = {name: table[name].replace("", "unknown") if name in table else "unknown" for name in ANIMAL}
    labelled = table.assign(**given)
    if "fov" in labelled:
        field = labelled["fov"].str.removeprefix("FOV")
        labelled = labelled.assign(dendrite=field + "-" + labelled["dendrite"])
    return labelled


def place(record: "pd.Series[Any]", *, day: bool = True) -> str:
    """Where in words: row, study, arm, mouse, dendrite and day.

    The name of a record is its row in the file, a text such as ``sheet 2B, row 7`` or ``7 of second.csv``, or a text
    of digits where the record is derived from several rows.
    """
    text = f"{record['study']}, {record['arm']}, mouse {record['mouse']}, dendrite {record['dendrite']}"
    if day:
        text += f", day {record['day']:g}"
    if isinstance(record.name, int | np.integer):
        return f"row {record.name}: {text}"
    if " of " in str(record.name):
        return f"row {record.name}: {text}"
    return f"{record.name}: {text}" if str(record.name).startswith("sheet") else text


def without_repeats(records: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """The records, one per dendrite and session, and a note of every label that stands for two things.

    Equal records are taken once. Records that differ cannot be told apart, so that session of the dendrite is
    left out.
    """
    unplaced = records["day"].isna() | (records["dendrite"] == "")
    for row in records.index[unplaced]:
        findings.add("missing-value", f"row {row}", "the day or the dendrite is empty; the row is left out")
    records = records[~unplaced]
    key = [*DENDRITE, "day"]
    same = records.duplicated(keep="first")
    for _, record in records[same].iterrows():
        findings.add("repeated-row", place(record), "the row stands above already; taken once")
    records = records[~same]
    clash = records.duplicated(key, keep=False)
    for _, group in records[clash].groupby(key, sort=False):
        rows = ", ".join(str(row) for row in group.index)
        message = f"rows {rows} differ but share study, arm, mouse, dendrite and day; left out: give one another label"
        findings.add("repeated-label", place(group.iloc[0]), message)
    records = records[~clash]
    _note_renumbered(records, findings)
    note_animals(records, findings)
    return records


def _note_renumbered(records: pd.DataFrame, findings: Findings) -> None:
    dendrites = records.drop_duplicates(DENDRITE)
    labels = set(map(tuple, dendrites[DENDRITE].to_numpy()))
    original = dendrites["dendrite"].str.extract(_RENUMBERED, expand=False)
    for _, record in dendrites.assign(original=original)[original.notna()].iterrows():
        if (*record[ANIMAL], record["original"]) in labels:
            first = record["original"]
            message = f"stands beside dendrite {first}: a repeated label that was renumbered; kept as its own"
            findings.add("repeated-label", place(record, day=False), message)


def note_animals(records: pd.DataFrame, findings: Findings) -> None:
    """Note mice that stand in several arms."""
    animals = records.drop_duplicates(ANIMAL)
    for (study, mouse), group in animals.groupby(["study", "mouse"], sort=False):
        if len(group) > 1 and mouse != "unknown":
            arms = " and ".join(group["arm"])
            message = f"mouse {mouse} of {study} stands in the arms {arms}; taken as {len(group)} animals"
            at = group.index[-1]
            findings.add("repeated-label", f"row {at}" if isinstance(at, int | np.integer) else str(at), message)


def with_previous(records: pd.DataFrame) -> pd.DataFrame:
    """Records of imaged sessions by dendrite and day, with ``previous_day`` and ``previous_count``."""
    imaged = records[records["imaged"]].sort_values("day", kind="stable")
    before = imaged.groupby(DENDRITE, sort=False)[["day", "spine_count"]].shift()
    return imaged.assign(previous_day=before["day"], previous_count=before["spine_count"]).sort_index(kind="stable")


def to_observations(records: pd.DataFrame, findings: Findings) -> xr.Dataset:
    """Observations on animal x dendrite x session, from one record per dendrite and session.

    Parameters
    ----------
    records : DataFrame
        Columns ``study``, ``arm``, ``mouse``, ``dendrite``, ``day``, ``imaged`` and numbers; other columns become
        coordinates on the fewest dims on which they are constant.
    """
    grid = _Grid(records)
    numbers = records.assign(**_placed(records, findings))
    sessions = grid.sessions
    at = ("animal", "dendrite", "session")
    between = ("animal", "dendrite", "interval")
    content: dict[str, object] = {}
    for name in ("spine_count", "length_um", "new_spines_seen", "new_spines_followed"):
        if name in numbers or name in ("spine_count", "length_um"):
            content[name] = (at, grid.fill(numbers, name))
    if "head_width_um" in numbers:
        content["head_width"] = (at, grid.fill(numbers, "head_width_um"))
    for name in ("gained", "lost"):
        content[name] = (between, grid.fill(numbers, name)[..., 1:])
    coordinates = {
        "session": sessions,
        "start_day": ("interval", sessions[:-1]),
        "end_day": ("interval", sessions[1:]),
        **{name: ("animal", grid.animals[name].to_numpy(str)) for name in ANIMAL},
        "dendrite_label": (("animal", "dendrite"), grid.labels()),
        **dict(_extras(numbers, grid)),
    }
    return stamped(xr.Dataset(content, coordinates), OBSERVATIONS)


def _placed(records: pd.DataFrame, findings: Findings) -> dict[str, "pd.Series[float]"]:
    """``gained`` and ``lost`` where the dendrite has a session before; they compare with the last one."""
    sessions = np.unique(records["day"].to_numpy(float))
    imaged = with_previous(records)
    before = sessions[np.maximum(np.searchsorted(sessions, imaged["day"]) - 1, 0)]
    known = imaged[["gained", "lost"]].notna().any(axis=1)
    for _, record in imaged[known & (imaged["previous_day"] != before)].iterrows():
        if np.isnan(record["previous_day"]):
            if not record[["gained", "lost"]].any():
                continue  # zeros at the first session are a habit, no finding
            message = "gained or lost is given, but the dendrite has no session before; left out"
        else:
            message = (
                f"gained and lost compare with day {record['previous_day']:g}, the last session of this dendrite; "
                "joined over the sessions that it skipped"
            )
        findings.add("skipped-session", place(record), message)
    keep = imaged["previous_day"].notna().reindex(records.index, fill_value=False)
    return {name: records[name].where(keep) for name in ("gained", "lost")}


class _Grid:
    """Positions of records among animals, dendrites and sessions, in the order of the file."""

    def __init__(self, records: pd.DataFrame) -> None:
        self.animals = records[ANIMAL].drop_duplicates().reset_index(drop=True)
        self.sessions: NDArray[np.float64] = np.unique(records["day"].to_numpy(float))
        self.dendrites = records[DENDRITE].drop_duplicates().reset_index(drop=True)
        self.dendrites["animal_at"] = self._animal_of(self.dendrites)
        self.dendrites["dendrite_at"] = self.dendrites.groupby("animal_at").cumcount()
        self.shape = (len(self.animals), int(self.dendrites["dendrite_at"].max()) + 1, len(self.sessions))

    def _animal_of(self, table: pd.DataFrame) -> NDArray[np.int64]:
        number = {tuple(row): i for i, row in enumerate(self.animals.to_numpy())}
        return np.array([number[tuple(row)] for row in table[ANIMAL].to_numpy()], dtype=np.int64)

    def positions(self, records: pd.DataFrame) -> tuple[NDArray[np.int64], ...]:
        """Animal, dendrite and session of each record."""
        at = records[DENDRITE].merge(self.dendrites, on=DENDRITE, how="left")
        session = np.searchsorted(self.sessions, records["day"].to_numpy(float))
        return at["animal_at"].to_numpy(), at["dendrite_at"].to_numpy(), session

    def fill(self, records: pd.DataFrame, name: str) -> NDArray[np.float64]:
        """(animal, dendrite, session) values of a column of numbers, NaN where there is none."""
        values = np.full(self.shape, np.nan)
        if name in records:
            values[self.positions(records)] = records[name].to_numpy(float)
        return values

    def labels(self) -> NDArray[np.str_]:
        """(animal, dendrite) labels, empty where an animal has fewer dendrites."""
        labels = np.full(self.shape[:2], "", dtype=object)
        labels[self.dendrites["animal_at"], self.dendrites["dendrite_at"]] = self.dendrites["dendrite"]
        return labels.astype(str)


def _extras(records: pd.DataFrame, grid: _Grid) -> Iterator[tuple[str, tuple[tuple[str, ...], NDArray[np.generic]]]]:
    """Other columns as coordinates, on animal, on dendrite or on session: the first on which they are constant."""
    taken = {*DENDRITE, "day", "fov", "imaged", "row", "previous_day", "previous_count", *_OWN}
    animal, dendrite, session = grid.positions(records)
    for name in (str(column) for column in records.columns if column not in taken):
        column = records[name]
        empty: object = np.nan if pd.api.types.is_numeric_dtype(column) else ""
        for dims, places, keys in (
            (("animal",), (animal,), ANIMAL),
            (("animal", "dendrite"), (animal, dendrite), DENDRITE),
            (("animal", "dendrite", "session"), (animal, dendrite, session), [*DENDRITE, "day"]),
        ):
            if len(dims) == len(grid.shape) or (records.groupby(keys)[name].nunique(dropna=False) == 1).all():
                values = np.full(grid.shape[: len(dims)], empty, dtype=float if empty != "" else object)
                values[places] = column.to_numpy()
                # netCDF keeps coordinates whose names are single words
                yield re.sub(r"\W+", "_", name), (dims, values if empty != "" else values.astype(str))
                break
