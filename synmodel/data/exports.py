"""Tables as programs for tracking spines write them, as one row per spine and session with a status.

=================  ==========================================================================================
registry           one row per spine, ``id_<session>`` and ``status_<session>`` (matched, manual, new, lost, ...)
list of points     one row per spine and session at which it was seen (MapManager: spineID, t, segmentID, accept)
=================  ==========================================================================================

A spine without a row at a session is absent if its dendrite has rows there: the program would have listed it. A
dendrite without rows at a session was not imaged.
"""

import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.forms import day_of
from synmodel.data.naming import plain

__all__ = ["from_points", "from_registry", "is_points", "is_registry", "refuse_untracked"]

_STATUS = "status_"
_WORDS = {
    **dict.fromkeys(("matched", "manual", "new"), "present"),
    **dict.fromkeys(("lost", "absent"), "absent"),
    **dict.fromkeys(("censored", "artifact", "ignored", "ignore", "single_tp_only"), "censored"),
}
_FEWEST = 2
_DETECTED = {"spinevol", "headvol", "geodesicdisttosoma", "spinesurfarea"}
"""Columns of RESPAN, which numbers the spines of every image anew."""

_NO = {"false", "0", "no"}
_LABELS = ("study", "arm", "mouse", "fov", "dendrite", "spine")


def is_registry(table: pd.DataFrame) -> bool:
    """Whether a table has one row per spine and its status at each time point."""
    times = sum(str(column).lower().startswith(_STATUS) for column in table.columns)
    return times >= _FEWEST and not {"day", "status"} & set(table.columns)


def from_registry(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """One row per spine and time point; ``day`` holds the label of the time point.

    Parameters
    ----------
    table : DataFrame
        Table with canonical names for its labels.
    """
    columns = {str(name): str(name)[len(_STATUS) :] for name in table.columns if str(name).lower().startswith(_STATUS)}
    keep = [name for name in _LABELS if name in table]
    long = table.melt(keep, list(columns), var_name="day", value_name="status", ignore_index=False)
    words = long["status"].str.lower()
    read = sorted({word for word in words if word in _WORDS and word != _WORDS[word]})
    findings.note("status of each time point read as: " + ", ".join(f"{word} -> {_WORDS[word]}" for word in read))
    return long.assign(day=long["day"].map(columns), status=words.map(_WORDS).fillna(long["status"]))


def refuse_untracked(table: pd.DataFrame, name: str) -> None:
    """Refuse a list of spines that were detected anew in every image.

    Raises
    ------
    DataError
        If the columns are those of such a list.
    """
    if "spine" in table and "status" not in table and len(_DETECTED & {plain(str(each)) for each in table}) >= _FEWEST:
        message = (
            f"{name} lists spines as RESPAN detects them in one image, whose numbers name other spines in the next; "
            "give a table in which a spine keeps its label, such as RESPAN's Detected_spines_4D.csv or a registry made "
            "by matching them over sessions"
        )
        raise DataError(message)


def is_points(table: pd.DataFrame) -> bool:
    """Whether a table lists the spines seen at each session, without a status."""
    there = set(table.columns)
    return {"dendrite", "spine", "day"} <= there and not {"status", "spine_count", "last_day"} & there


def from_points(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """One row per spine and session at which its dendrite has rows, with its status.

    A point that the program's user did not accept is not known.
    """
    keep = [name for name in _LABELS if name in table]
    dendrite = [name for name in keep if name != "spine"]
    seen = table[[*keep, "day"]].assign(status="present")
    if "accept" in table:
        seen = seen.assign(status=seen["status"].mask(table["accept"].str.lower().isin(_NO), "unsure"))
    placed = table[(table["day"] != "") & (table["spine"] != "")]
    sessions = placed[[*dendrite, "day"]].drop_duplicates()
    every = placed[keep].drop_duplicates().merge(sessions, on=dendrite)
    missing = every.merge(seen[[*keep, "day"]].drop_duplicates(), on=[*keep, "day"], how="left", indicator=True)
    absent = missing.loc[missing["_merge"] == "left_only", [*keep, "day"]].assign(status="absent")
    absent.index = pd.Index([f"{i}" for i in range(len(absent))])  # these are no rows of the file
    refused = int((seen["status"] == "unsure").sum())
    findings.note(
        f"no column for the status: a spine is present where it has a row ({len(seen) - refused}), absent where only "
        f"others of its dendrite have one ({len(absent)})"
        + (f", not known where it was not accepted ({refused})" if refused else "")
    )
    others = [name for name in table.columns if name not in (*keep, "day", "accept") and day_of(str(name)) is None]
    constant = [name for name in others if name == "length_um"]
    return pd.concat([seen.assign(**{name: table[name] for name in constant}), absent]).fillna("")
