"""The published group summaries, in the same form as :func:`synmodel.imaging.summarise` gives simulated ones.

Means and SEM over dendrites are as published or computed from the deposited per-dendrite values; SEM over mice
rests on 1 to 8 mice and is pooled: for each quantity of a study the design effect::

    D = sum (n - 1) (SEM_mouse / SEM_dendrite)^2 / sum (n - 1)        n mice, over arms and intervals

says how many times the variance of a mean exceeds that of independent dendrites; ``sem_mouse`` is
sqrt(D) SEM_dendrite.
"""

from collections.abc import Iterable
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from synmodel import library
from synmodel.core.errors import DataError, did_you_mean
from synmodel.core.intake import Received
from synmodel.data.studies import load_study

__all__ = [
    "COLUMNS",
    "FITTED",
    "QUANTITIES",
    "arms_seen",
    "baseline_density",
    "density_of",
    "design_effect",
    "load_summaries",
    "read_summaries",
    "summaries_of",
]

FITTED = ("formation_fraction", "elimination_fraction", "density_change")
"""Quantities that every study reports and every fit describes."""

BASELINE = "baseline_density_per_um"


_NUMBERS = ("mean", "sem_dendrite", "n_dendrites", "mouse_mean", "mouse_sem", "n_mice", "n_present", "n_new")
COLUMNS = ("arm", "quantity", "start_day", "end_day", *_NUMBERS)
"""Columns of a table of group summaries; ``study`` and ``source_doi`` may stand beside them."""

QUANTITIES = (*FITTED, "head_width_change", "new_spine_persistence", "protrusion_length_change", BASELINE)
"""Quantities that a table may hold."""


@cache
def _table() -> pd.DataFrame:
    return pd.read_csv(library.summaries_path())


@library.cached
def _of_study(study: str) -> pd.DataFrame:
    own = library.own_summaries(study)
    if own is not None:
        table = _checked(StringIO(own.text), Path(own.place))
        for arm in dict.fromkeys(table["arm"].astype(str)):
            load_study(study).arm(arm)  # raises with the closest names
        return table
    table = _table()
    return table[table["study"] == study]


def read_summaries(path: str | Path | Received) -> pd.DataFrame:
    """Group summaries of one study from a CSV file with the columns of :data:`COLUMNS`.

    ``mean`` may be empty where a session is planned and not yet seen; all other numbers may be empty where the study
    has none.

    Raises
    ------
    DataError
        With one line that names the row, if the table cannot be used.
    """
    if isinstance(path, Received):
        return _checked(BytesIO(path.content), Path(path.name))
    return _checked(Path(path), Path(path))


def _checked(source: Path | StringIO | BytesIO, where: Path) -> pd.DataFrame:
    """Group summaries from a file, or from the text of one."""
    try:
        table = pd.read_csv(source, dtype={"arm": str, "quantity": str})
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as fault:
        message = f"cannot read {where}: {' '.join(str(fault).split())}; give a CSV file of group summaries"
        raise DataError(message) from fault
    for column in ("arm", "quantity", "end_day", "mean", "sem_dendrite"):
        if column not in table:
            message = f"{where.name} has no column {column}; its columns are {', '.join(COLUMNS)}"
            raise DataError(message)
    for column in COLUMNS:
        if column not in table:
            table[column] = np.nan
    for column in ("start_day", "end_day", *_NUMBERS):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & table[column].notna())
        if len(wrong):
            value = table[column].iloc[wrong[0]]
            message = f"{where.name}, line {wrong[0] + 2}: {column} is {value!r}; give a number, or nothing"
            raise DataError(message)
        table[column] = numbers
    rows: Iterable[Any] = table.itertuples(index=False)
    for line, row in enumerate(rows, start=2):
        wrong_here = _fault_of(row)
        if wrong_here:
            message = f"{where.name}, line {line}: {wrong_here}"
            raise DataError(message)
    return table


def _fault_of(row: Any) -> str:
    """What is wrong with a row, and what to give; empty where nothing is."""
    if not isinstance(row.arm, str):
        return "arm is empty; give the name of the arm"
    if row.quantity not in QUANTITIES:
        return f"quantity is {row.quantity!r}; {did_you_mean(str(row.quantity), QUANTITIES)}"
    if not np.isfinite(row.end_day):
        return "end_day is empty; give the day of the session"
    if float(row.sem_dendrite) <= 0:
        return f"sem_dendrite is {row.sem_dendrite:g}; a SEM is above 0"
    return ""


def summaries_of(table: pd.DataFrame, study: str, arm: str) -> xr.Dataset:
    """Group summaries of one arm from a table of its study, as :func:`load_summaries` gives them.

    Raises
    ------
    DataError
        If the arm has no density at its first session.
    """
    baseline = _baseline(table, study, arm)
    # As arrays: every command that reads the posterior asks for all arms, and a filtered table takes milliseconds.
    first = table["end_day"].to_numpy(float)[baseline]
    own = table["arm"].to_numpy(object) == arm
    every = table["quantity"].to_numpy(object)
    chosen = own & (every != BASELINE)
    quantity = every[chosen]
    effect = {each: _design_effect(table, each) for each in dict.fromkeys(quantity)}
    numbers = {name: table[name].to_numpy(float)[chosen] for name in (*_NUMBERS, "start_day", "end_day")}
    start, end = numbers.pop("start_day"), numbers.pop("end_day")
    numbers["sem_mouse"] = numbers["sem_dendrite"] * np.sqrt(np.array([effect[each] for each in quantity]))
    doi = str(table["source_doi"].to_numpy(object)[own][0]) if "source_doi" in table else ""
    return xr.Dataset(
        {name: ("point", values) for name, values in numbers.items()},
        coords={
            "quantity": ("point", quantity.astype(str)),
            "start_day": ("point", np.where(np.isnan(start), first, start), {"units": "day"}),
            "end_day": ("point", end, {"units": "day"}),
        },
        attrs={"study": study, "arm": arm, "source_doi": doi},
    )


def density_of(table: pd.DataFrame, study: str, arm: str) -> float:
    """Mean density of an arm at its first session [1/um], from a table of its study."""
    return float(table["mean"].to_numpy(float)[_baseline(table, study, arm)])


def _baseline(table: pd.DataFrame, study: str, arm: str) -> int:
    """The row with the mean density of an arm at its first session."""
    rows = np.flatnonzero(
        (table["arm"].to_numpy(object) == arm) & (table["quantity"].to_numpy(object) == BASELINE)
    )  # fmt: skip
    if len(rows) == 0 or not table["mean"].to_numpy(float)[rows[0]] > 0:
        message = f"{study}, arm {arm}: there is no {BASELINE}; give the mean density at the first session" + (
            ", or cohort.initial_density_per_um in the scenario" if study in library.in_use().names("studies") else ""
        )
        raise DataError(message)
    return int(rows[0])


def _design_effect(table: pd.DataFrame, quantity: str) -> float:
    # As arrays: the main job asks this dozens of times, and a filtered table costs as much as all the arithmetic.
    n_mice, of_mice, of_dendrites = (table[name].to_numpy(float) for name in ("n_mice", "mouse_sem", "sem_dendrite"))
    with np.errstate(divide="ignore", invalid="ignore"):  # an embedded table is not checked line by line
        ratio = (of_mice / of_dendrites) ** 2
    known = (table["quantity"].to_numpy(object) == quantity) & (n_mice > 1) & ~np.isnan(ratio)
    if not known.any():
        return 1.0
    weight = n_mice[known] - 1
    return float((weight * ratio[known]).sum() / weight.sum())


@library.cached
def baseline_density(study: str, arm: str) -> float:
    """Published mean density of an arm at the first session [1/um]."""
    load_study(study).arm(arm)  # raises with the closest names
    return density_of(_of_study(study), study, arm)


@library.cached
def design_effect(study: str, quantity: str) -> float:
    """Variance of a mean over mice, over that of independent dendrites; 1 for a quantity without mouse SEM."""
    return _design_effect(_of_study(study), quantity)


def arms_seen(study: str) -> list[str]:
    """Arms of a study of the library that have group summaries; none of a study of one's own without any."""
    return list(dict.fromkeys(_of_study(study)["arm"].astype(str)))


def load_summaries(study: str, arm: str) -> xr.Dataset:
    """Group summaries of one arm.

    Parameters
    ----------
    study, arm : str
        Names in the library.

    Returns
    -------
    Dataset
        On dim ``point`` with coordinates ``quantity``, ``start_day``, ``end_day``: ``mean``, ``sem_dendrite``,
        ``sem_mouse`` (pooled), ``n_dendrites``, ``mouse_mean``, ``mouse_sem``, ``n_mice``, ``n_present``,
        ``n_new``; NaN where the paper has none. Changes start at the first session.

    Examples
    --------
    >>> from synmodel.data import load_summaries
    >>> summary = load_summaries("shao2021", "psilocybin")
    >>> one = summary.sel(point=(summary["quantity"] == "formation_fraction") & (summary["end_day"] == 1)).isel(point=0)
    >>> round(float(one["mean"]), 3), int(one["n_mice"])
    (0.128, 6)
    """
    return _summaries(study, arm).copy(deep=True)


@library.cached
def _summaries(study: str, arm: str) -> xr.Dataset:
    load_study(study).arm(arm)  # raises with the closest names
    return summaries_of(_of_study(study), study, arm)
