"""Which form a table has, recognised from its columns.

=============  =============================================================================================
``spines``     one row per spine and session: mouse, dendrite, spine, day, status
``presence``   one row per spine, one column per session: mouse, dendrite, spine, and days (``-1``, ``day_3``)
``new-spines`` new spines followed by dendrite: dendrite, new_on_day, n_new, day, n_present
``survival``   new spines followed one by one: mouse, spine, last_day, disappeared
``counts``     one row per dendrite and session: mouse, dendrite, day, spine_count (and gained, lost, length_um)
``fractions``  the same without counts: mouse, dendrite, day, formation_fraction, elimination_fraction
``workbook``   the deposited workbooks of Shao 2021, recognised by their headings
=============  =============================================================================================

Columns ``study``, ``arm`` and ``fov`` are taken where they exist; other columns are kept.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import pandas as pd

from synmodel.core.errors import DataError, did_you_mean

__all__ = ["CANONICAL", "REQUIRED", "Form", "day_of", "recognise", "renamed"]

Form = Literal["spines", "presence", "new-spines", "survival", "counts", "fractions", "workbook"]

REQUIRED: Mapping[Form, tuple[str, ...]] = {
    "spines": ("mouse", "dendrite", "spine", "day", "status"),
    "presence": ("mouse", "dendrite", "spine"),
    "new-spines": ("dendrite", "new_on_day", "n_new", "day", "n_present"),
    "survival": ("mouse", "spine", "last_day", "disappeared"),
    "counts": ("mouse", "dendrite", "day", "spine_count"),
    "fractions": ("mouse", "dendrite", "day", "formation_fraction", "elimination_fraction"),
}
"""Columns that a form needs, in the order in which forms are tried; ``presence`` needs two days besides."""

CANONICAL = (
    *dict.fromkeys(name for names in REQUIRED.values() for name in names),
    *("study", "arm", "fov", "gained", "lost", "length_um", "density_per_um", "head_width_um"),
    *("protrusion_length_um", "damaged", "censored", "interpolated", "dose_date"),
)
"""Columns that have a meaning of their own."""

_RESERVED = {
    *("animal", "session", "interval", "start_day", "end_day", "replicate", "imaged", "present", "head_width"),
    *("dendrite_label", "spine_label", "previous_day", "previous_count", "new_spines_seen", "new_spines_followed"),
}
_DAY = re.compile(r"(?:day|d)?[ _]*([+\-\u2212]?\d+(?:\.\d+)?)", re.IGNORECASE)
_FEWEST_DAYS = 2


def day_of(heading: str) -> float | None:
    """Day that a heading such as ``-1``, ``day_+3`` or ``D7`` names; None for another heading.

    Examples
    --------
    >>> day_of("day_+3"), day_of("-1"), day_of("day")
    (3.0, -1.0, None)
    """
    found = _DAY.fullmatch(heading.strip())
    return float(found[1].replace("\u2212", "-")) if found else None


def renamed(
    table: pd.DataFrame, columns: Mapping[str, str], name: str, habits: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The table with canonical names for its columns.

    Parameters
    ----------
    columns : mapping
        Canonical name to the name in the file, as it was asked for.
    habits : mapping, optional
        Name in the file to canonical name, for names that are other words for it (:mod:`synmodel.data.naming`).

    A column whose name means something else in Observations becomes ``..._in_file``.

    Raises
    ------
    DataError
        If a canonical name is not known, a name is not in the file, or two columns get one name.
    """
    known = [str(column) for column in table.columns]
    for canonical, theirs in columns.items():
        if canonical not in CANONICAL:
            message = f"columns.{canonical} is not known; {did_you_mean(canonical, CANONICAL)}"
            raise DataError(message)
        if theirs not in known:
            message = f"columns.{canonical} is {theirs!r}, which {name} does not have; {did_you_mean(theirs, known)}"
            raise DataError(message)
    given = {theirs: canonical for canonical, theirs in columns.items()}
    final = table.rename(columns={**(habits or {}), **given})
    final.columns = [f"{name}_in_file" if name in _RESERVED else name for name in final.columns]
    twice = final.columns[final.columns.duplicated()]
    if len(twice):
        message = f"{name} has two columns for {twice[0]!r}; rename one of them in the file"
        raise DataError(message)
    return final


def recognise(columns: Iterable[str], name: str, form: str | None = None) -> Form:
    """The form of a table with these columns, or the one that is asked for.

    Raises
    ------
    DataError
        If the columns make no form, or not the one that is asked for; says what is needed and the closest names.
    """
    found = list(columns)
    if form is not None:
        return _checked(found, name, form)
    for candidate in REQUIRED:
        if not _missing(candidate, found):
            return candidate
    needs = "; ".join(f"{each} needs {_needs(each)}" for each in REQUIRED)
    shown = ", ".join(repr(column) for column in found[:20]) or "no columns"
    nearest = min(REQUIRED, key=lambda each: len(_missing(each, found)) / len(REQUIRED[each]))
    message = (
        f"{name} has {shown}, which make no known form: {needs}. Nearest is {nearest}, without "
        f"{_advice(_missing(nearest, found), found)}; map names with --columns MAP.toml"
    )
    raise DataError(message)


def _checked(found: list[str], name: str, form: str) -> Form:
    for candidate in get_args(Form):
        if candidate == form and candidate in REQUIRED:
            lacking = _missing(candidate, found)
            if lacking:
                message = (
                    f"{name} is no table of form {form}, which needs {_needs(candidate)}: without "
                    f"{_advice(lacking, found)}; map names with --columns MAP.toml"
                )
                raise DataError(message)
            return candidate
    if form == "workbook":
        message = f"{name} is no deposited workbook: its sheets have none of the known headings; give another form"
        raise DataError(message)
    message = f"form is {form!r}; {did_you_mean(form, get_args(Form))}"
    raise DataError(message)


def _needs(form: Form) -> str:
    return ", ".join(REQUIRED[form]) + (" and a column for each of two or more days" if form == "presence" else "")


def _missing(form: Form, found: list[str]) -> list[str]:
    lacking = [name for name in REQUIRED[form] if name not in found]
    if form == "presence" and sum(day_of(name) is not None for name in found) < _FEWEST_DAYS:
        lacking.append("columns for days")
    return lacking


def _advice(lacking: list[str], found: list[str]) -> str:
    parts = []
    for name in lacking:
        hint = did_you_mean(name, found) if found else ""
        close = hint.startswith("did you mean")
        parts.append(f"{name} ({hint.removesuffix('?').replace('did you mean', 'perhaps')})" if close else name)
    return ", ".join(parts)
