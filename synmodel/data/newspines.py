"""New spines followed: how many of the spines first seen at one session are present later.

Two forms: by dendrite, with the number present at each later session (a spine may be absent and present again), and
by spine, with the last session to which it was followed and whether it was gone by then (1) or still there (0).
"""

import numpy as np
import pandas as pd

from synmodel.data.audit import Findings
from synmodel.data.layout import DENDRITE, note_animals, place, with_labels, without_repeats
from synmodel.data.tables import numbers

__all__ = ["followed", "note_reappearing", "records_of_new_spines", "records_of_survival"]


def records_of_new_spines(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Records with ``new_spines_seen``: ``n_new`` at the session ``new_on_day``, ``n_present`` later."""
    table = with_labels(table, findings)
    names = ("day", "new_on_day", "n_new", "n_present")
    table = without_repeats(table.assign(**{name: numbers(table[name], findings) for name in names}), findings)
    more = table["n_present"] > table["n_new"]
    for _, record in table[more].iterrows():
        message = f"{record['n_present']:g} present of {record['n_new']:g} new spines; kept as in the file"
        findings.add("count-mismatch", place(record), message)
    first = table.drop_duplicates(DENDRITE)
    first = first.assign(day=first["new_on_day"], new_spines_seen=first["n_new"])
    later = table.assign(new_spines_seen=table["n_present"])
    records = pd.concat([first[first["day"].notna()], later]).drop(columns=list(names[1:]))
    note_reappearing(records, findings)
    return _without_counts(records, "new_spines_seen")


def records_of_survival(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Records with ``new_spines_followed`` from one row per new spine."""
    return _without_counts(followed(table, findings, None), "new_spines_followed")


def _without_counts(records: pd.DataFrame, name: str) -> pd.DataFrame:
    blank = dict.fromkeys(("spine_count", "gained", "lost", "length_um"), np.nan)
    return records.assign(imaged=records[name].notna(), **blank).reset_index(drop=True)


def note_reappearing(records: pd.DataFrame, findings: Findings) -> None:
    """Note dendrites with more of their new spines present at a session than at an earlier one."""
    for _, own in records[records["new_spines_seen"].notna()].groupby(DENDRITE, sort=False):
        ordered = own.sort_values("day", kind="stable")
        seen, days = ordered["new_spines_seen"].to_numpy(float), ordered["day"].to_numpy(float)
        for i in np.flatnonzero(np.diff(seen) > 0) + 1:
            message = (
                f"{seen[i]:g} of the new spines are present, of which {seen[i - 1]:g} were on day {days[i - 1]:g}; "
                "kept as in the file"
            )
            findings.add("reappearing-spine", place(ordered.iloc[i]), message)


def followed(table: pd.DataFrame, findings: Findings, reference_day: float | None) -> pd.DataFrame:
    """``new_spines_followed`` by dendrite and session, from the last day and the end of every new spine.

    A dendrite is left out from the session on at which one of its spines is no longer followed.

    Parameters
    ----------
    table : DataFrame
        Columns mouse, spine (FOV-dendrite-spine), last_day, disappeared.
    reference_day : float, optional
        Session at which all spines were new; without it, the table begins at the first later session.
    """
    spines = _spines(with_labels(table, findings), findings)
    if spines.empty:
        return pd.DataFrame(columns=[*DENDRITE, "day", "new_spines_followed"])
    total = spines.groupby(DENDRITE, sort=False)["spine"].transform("size")
    pieces = []
    if reference_day is not None:
        pieces.append(spines[DENDRITE].assign(day=reference_day, here=1.0, total=total))
    for day in np.unique(spines["last"]):
        known = spines[(spines["last"] >= day) | (spines["gone"] == 1)]
        here = (known["last"] > day) | ((known["last"] == day) & (known["gone"] == 0))
        pieces.append(known[DENDRITE].assign(day=day, here=here.astype(float), total=total))
    sums = (
        pd.concat(pieces)
        .groupby([*DENDRITE, "day"], sort=False)
        .agg(n=("here", "size"), here=("here", "sum"), total=("total", "first"))
    )
    sums = sums.assign(new_spines_followed=sums["here"].where(sums["n"] == sums["total"])).reset_index()
    return sums[[*DENDRITE, "day", "new_spines_followed"]]


def _spines(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """New spines with their dendrite, last day and end; labels that read otherwise, or stand twice, are noted."""
    parts = table["spine"].str.extract(r"^(?P<field>[A-Za-z]*)(?P<label>\d+-\d+)-\d+$")
    table = table.assign(dendrite=parts["label"].fillna(table["spine"]))
    note_animals(table, findings)
    for _, record in table[parts["field"] != "FOV"].iterrows():
        message = f"spine label {record['spine']!r} does not read FOV-dendrite-spine; kept as in the file"
        findings.add("repeated-label", place(record, day=False), message)
    for _, record in table[table.duplicated([*DENDRITE, "spine"])].iterrows():
        message = f"spine {record['spine']} stands above already; both are kept"
        findings.add("repeated-label", place(record, day=False), message)
    last, gone = numbers(table["last_day"], findings), numbers(table["disappeared"], findings)
    empty = np.isnan(last) | np.isnan(gone)
    for _, record in table[empty].iterrows():
        findings.add("missing-value", place(record, day=False), "last_day or disappeared is empty; spine left out")
    return table.assign(last=last, gone=gone)[~empty]
