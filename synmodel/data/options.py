"""How a file is to be read, where the file itself does not say it: form, names, days of sessions, sheet, mouse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from synmodel.core.errors import DataError
from synmodel.data.tables import column_map

__all__ = ["MOST_SPINES", "ReadingOptions", "SessionDays"]

MOST_SPINES = 40
"""Default bound on the number of spines of one dendrite."""

_ISO = "2024-03-10"


@dataclass(frozen=True)
class SessionDays:
    """Days of sessions as they were given: by label, or in the order of the file, and the date of the dose.

    Attributes
    ----------
    by_label : mapping
        Label in the file, in lower case, to day.
    in_order : tuple of float
        Days of all sessions in the order in which they stand in the file.
    dose_date : date or None
        Date of the first dose, day 0.
    """

    by_label: Mapping[str, float]
    in_order: tuple[float, ...]
    dose_date: date | None


@dataclass(frozen=True)
class ReadingOptions:
    """How to read a file of a laboratory.

    Attributes
    ----------
    form : str, optional
        Form of the table; by default told from its columns.
    columns : mapping or path, optional
        Canonical names of columns to names in the file, or a TOML file with them under ``[columns]``.
    most_spines : int
        Most spines that one dendrite can have; where only fractions are given, it bounds their denominators.
    days : mapping, sequence of numbers or str, optional
        Days of sessions: ``{"T0": -3, "T1": 1}``, ``"T0=-3,T1=1"``, or all of them in order as ``"-3,1"``.
    dose_date : date or str, optional
        Date of the first dose (ISO), from which dates of sessions are counted.
    sheet : str, optional
        Sheet of a workbook.
    mouse : str, optional
        Name of the animal of a file that has no column for it.

    Examples
    --------
    >>> ReadingOptions(days="T0=-3,T1=1").session_days().by_label
    {'t0': -3.0, 't1': 1.0}
    """

    form: str | None = None
    columns: Mapping[str, str] | Path | str | None = None
    most_spines: int = MOST_SPINES
    days: Mapping[str, float] | Sequence[float] | str | None = None
    dose_date: date | str | None = None
    sheet: str | None = None
    mouse: str | None = None

    def __post_init__(self) -> None:
        if self.most_spines < 1:
            message = f"most_spines is {self.most_spines}; it is 1 or more"
            raise DataError(message)
        self.session_days()

    def column_names(self) -> dict[str, str]:
        """Canonical names of columns to names in the file."""
        if isinstance(self.columns, Path | str):
            return column_map(Path(self.columns))
        return dict(self.columns or {})

    def session_days(self) -> SessionDays:
        """Days of sessions as they were given.

        Raises
        ------
        DataError
            If a day is no number, a label stands twice, or the date of the dose is no date.
        """
        by_label: dict[str, float] = {}
        in_order: list[float] = []
        for label, day in _pairs(self.days):
            if label is None:
                in_order.append(_day(day))
            elif label.strip().lower() in by_label:
                message = f"days gives {label.strip()!r} twice; give each session one day"
                raise DataError(message)
            else:
                by_label[label.strip().lower()] = _day(day)
        if (by_label and in_order) or len(set(in_order)) < len(in_order):
            message = f"days is {self.days!r}; write label=day for every session, or all days in order, each once"
            raise DataError(message)
        return SessionDays(by_label, tuple(in_order), _date(self.dose_date))


def _pairs(days: Mapping[str, float] | Sequence[float] | str | None) -> list[tuple[str | None, str | float]]:
    """Label and day of each session as given; the label is None where days stand in order."""
    if days is None:
        return []
    if isinstance(days, Mapping):
        return [(str(label), day) for label, day in days.items()]
    if not isinstance(days, str):
        return [(None, day) for day in days]
    pairs: list[tuple[str | None, str | float]] = []
    for part in filter(None, (part.strip() for part in re.split("[,;]", days))):
        label, found, day = part.rpartition("=")
        pairs.append((label, day) if found else (None, part))
    if not pairs:
        message = "days is empty; write it as T0=-3,T1=1 or as -3,1"
        raise DataError(message)
    return pairs


def _day(given: str | float) -> float:
    try:
        day = float(str(given).strip().replace("\u2212", "-"))
    except ValueError:
        day = float("nan")
    if not abs(day) < float("inf"):
        message = f"days has {given!r}, which is no number of days; write it as T0=-3,T1=1 or as -3,1"
        raise DataError(message)
    return day


def _date(given: date | str | None) -> date | None:
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given.strip())
    except ValueError as fault:
        message = f"the date of the dose is {given!r}; write year, month and day, such as {_ISO}"
        raise DataError(message) from fault
