"""Counts per dendrite and session: checks of each number, of fractions against counts, and of the balance.

The balance of an interval is::

    count = previous + gained - lost        lost <= previous
"""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from synmodel.data.audit import Findings, Kind
from synmodel.data.layout import MEASURED, place, with_labels, with_previous, without_repeats
from synmodel.data.tables import numbers

__all__ = ["audited_counts", "balanced", "flagged", "records_of", "resolution"]

_COUNTS = ("spine_count", "gained", "lost")
_FRACTIONS = ("formation_fraction", "elimination_fraction")
_NUMBERS = (*_COUNTS, "length_um", "density_per_um", *_FRACTIONS, "head_width_um", "protrusion_length_um")
_FLAGS = ("damaged", "censored", "interpolated")
_YES = {"1", "true", "yes", "y", "x"}
_MOST_DECIMALS = 3
_SLACK = 1e-6


_LARGEST = {"length_um": 1e5, "density_per_um": 1e3, "head_width_um": 1e2, "protrusion_length_um": 1e3}
"""Beyond any dendrite and any spine: a slip of the pen or of the unit."""
_MOST_SPINES = 1e6


def records_of(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Records of a table of numbers per dendrite and session: labels, numbers, flags and other columns.

    Impossible numbers are left out, as are those of sessions flagged as censored or interpolated.
    """
    table = with_labels(table, findings)
    table = table.assign(day=numbers(table["day"], findings))
    for name in _NUMBERS:
        if name in table:
            table = table.assign(**{name: _possible(table[name], numbers(table[name], findings), findings)})
        elif name in (*_COUNTS, "length_um"):
            table = table.assign(**{name: np.nan})
    table = table.assign(**{name: _plain(table[name]) for name in table.columns if name not in _known(table)})
    table = without_repeats(table, findings)
    table = flagged(table, findings)
    measured = [name for name in MEASURED if name in table]
    return table.assign(imaged=table[measured].notna().any(axis=1))


def _known(table: pd.DataFrame) -> set[str]:
    return {"study", "arm", "mouse", "dendrite", "fov", "day", *_NUMBERS, *_FLAGS} & set(table.columns)


def _plain(column: "pd.Series[str]") -> "pd.Series[float] | pd.Series[str]":
    """Another column as numbers if it holds nothing else."""
    values = numbers(column, Findings())
    return pd.Series(values, column.index) if not (np.isnan(values) & (column != "")).any() else column


def _possible(cells: "pd.Series[str]", values: NDArray[np.float64], findings: Findings) -> NDArray[np.float64]:
    """Values without those that cannot be: negative, or a number of spines that is not whole."""
    name = str(cells.name)
    spines = name in _COUNTS
    lengths = name in ("length_um", "head_width_um", "protrusion_length_um")
    kind: Kind = "negative-length" if lengths else "negative-count"
    wrong = (values <= 0) if lengths else (values < 0)
    broken = spines & ~wrong & np.isfinite(values) & (values != np.round(values))
    for row, cell in cells[wrong].items():
        findings.add(kind, f"row {row}", f"{name} is {cell}; it is {'positive' if lengths else '0 or more'}; left out")
    most = _LARGEST.get(name, _MOST_SPINES if spines else np.inf)
    large = values > most
    for row, cell in cells[large].items():
        findings.add(kind, f"row {row}", f"{name} is {cell}; allowed is up to {most:g}; left out")
    broken &= ~large
    for row, cell in cells[broken].items():
        message = f"{name} is {cell}, no whole number of spines, so averaged or interpolated; left out"
        findings.add("not-an-integer", f"row {row}", message)
    return np.where(wrong | large | broken, np.nan, values)


def flagged(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """The table with its flags as 0 and 1, without numbers of sessions that are censored or interpolated."""
    for name in (flag for flag in _FLAGS if flag in table):
        flag = table[name].str.lower().isin(_YES)
        table = table.assign(**{name: flag.astype(float)})
        for _, record in table[flag].iterrows():
            if name == "damaged":
                findings.add("damaged-dendrite", place(record), "flagged as damaged; kept as in the file")
            else:
                findings.add("censored-session", place(record), f"flagged as {name}; its numbers are left out")
        if name != "damaged":
            present = [column for column in _NUMBERS if column in table]
            table = table.assign(**{column: table[column].mask(flag) for column in present})
    return table


def audited_counts(records: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Records of counts with ``gained`` and ``lost`` from fractions where only these are given, and their audit."""
    imaged = with_previous(records)
    for name, fraction in zip(("gained", "lost"), _FRACTIONS, strict=True):
        if fraction in imaged:
            imaged = imaged.assign(**{name: _from_fraction(imaged, name, fraction, findings)})
    _check_missing(imaged, findings)
    _check_balance(imaged, findings)
    _check_density(imaged, findings)
    records = records.copy()
    for name in ("gained", "lost"):
        records.loc[imaged.index, name] = imaged[name]
    return records


def resolution(values: NDArray[np.float64]) -> float:
    """Half a unit of the last decimal to which values are rounded; a small slack if they are not.

    Values that all end within three decimals are taken as rounded to three, which 0.125 may be without being so.
    """
    scaled = values[np.isfinite(values)] * 10**_MOST_DECIMALS
    rounded = bool(np.all(np.abs(scaled - np.round(scaled)) < _SLACK))
    return 0.5 * 10.0**-_MOST_DECIMALS + _SLACK if rounded else _SLACK


def _from_fraction(imaged: pd.DataFrame, name: str, fraction: str, findings: Findings) -> "pd.Series[float]":
    """A number of spines from a fraction of the count before, where one explains it; otherwise as given."""
    given, share, previous = imaged[name], imaged[fraction], imaged["previous_count"]
    implied = (share * previous).round()
    with np.errstate(divide="ignore", invalid="ignore"):
        off = (implied / previous - share).abs() > resolution(share.to_numpy(float))
        off_given = (given / previous - share).abs() > resolution(share.to_numpy(float))
    wrong = off.where(given.isna(), off_given) & share.notna() & (previous > 0)
    for _, record in imaged[wrong].iterrows():
        kept = f"{name} is left out" if np.isnan(record[name]) else f"{name} {record[name]:g} is kept as in the file"
        before = record["previous_count"]
        message = f"{fraction} {record[fraction]:.6g} is no number of the {before:g} spines before; {kept}"
        findings.add("no-integers-explain", place(record), message)
    return given.where(given.notna(), implied.where(~off))


def _check_missing(imaged: pd.DataFrame, findings: Findings) -> None:
    later = imaged["previous_day"].notna()
    for name, needed, fraction in (
        ("spine_count", later | ~later, ""),
        ("gained", later, "formation_fraction"),
        ("lost", later, "elimination_fraction"),
    ):
        empty = needed & imaged[name].isna()
        if fraction in imaged:
            empty &= imaged[fraction].isna() | imaged["previous_count"].isna()
        if imaged[name].isna().all() and not (fraction in imaged and imaged[fraction].notna().any()):
            message = f"{name} is in no row; only likelihoods of counts alone can use this table"
            findings.add("missing-value", "all rows", message)
            continue
        for _, record in imaged[empty].iterrows():
            findings.add("missing-value", place(record), f"{name} is not known although the dendrite was imaged")


def _check_balance(imaged: pd.DataFrame, findings: Findings) -> None:
    expected = imaged["previous_count"] + imaged["gained"] - imaged["lost"]
    for _, record in imaged[imaged["lost"] > imaged["previous_count"]].iterrows():
        message = f"{record['lost']:g} lost of {record['previous_count']:g}; kept as in the file"
        findings.add("lost-more-than-there-were", place(record), message)
    off = expected.notna() & imaged["spine_count"].notna() & (expected != imaged["spine_count"])
    for _, record in imaged.assign(expected=expected)[off].iterrows():
        message = (
            f"{record['spine_count']:g} spines, but {record['previous_count']:g} + {record['gained']:g} - "
            f"{record['lost']:g} is {record['expected']:g}; kept as in the file"
        )
        findings.add("count-mismatch", place(record), message)


def _check_density(imaged: pd.DataFrame, findings: Findings) -> None:
    """Density against count and length, as far as two decimals of the density tell."""
    if "density_per_um" not in imaged:
        return
    implied = imaged["spine_count"] / imaged["length_um"]
    off = (implied - imaged["density_per_um"]).abs() > 0.01
    for _, record in imaged.assign(implied=implied)[off].iterrows():
        message = (
            f"density {record['density_per_um']:.4g}, but {record['spine_count']:g} spines on "
            f"{record['length_um']:g} um are {record['implied']:.4g} per um; kept as in the file"
        )
        findings.add("density-mismatch", place(record), message)


def balanced(observations: xr.Dataset) -> xr.DataArray:
    """Intervals over which count = previous + gained - lost, and no more were lost than there were.

    Parameters
    ----------
    observations : Dataset
        Observations.

    Returns
    -------
    DataArray
        Booleans on the dims of ``gained``; False where a number is not known.
    """
    count = observations["spine_count"].drop_vars("session").rename(session="interval")
    before, after = count.isel(interval=slice(None, -1)), count.isel(interval=slice(1, None))
    gained, lost = observations["gained"], observations["lost"]
    return (before + gained - lost == after) & (lost <= before)
