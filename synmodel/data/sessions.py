"""Labels of sessions as days since the dose: day names, dates, and time points whose days must be given.

Numbers and day names (``Day -3``, ``D7``, ``day_neg3``) are days. Dates need the date of the dose. Time points
(``T0``, ``session 2``, ``baseline``) need their days. A number of days that cannot be, such as a date in disguise
(44997 as Excel counts, 20260107), is never taken as a day.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from synmodel.core.errors import DataError
from synmodel.data.audit import Findings
from synmodel.data.naming import Named
from synmodel.data.options import SessionDays

__all__ = ["LONGEST", "days_of_headings", "is_session", "with_days"]

LONGEST = 3650.0
"""Days from the dose beyond which a number is no day of a study: ten years."""

_NAMED = re.compile(
    r"(?:days?|d)[ _.]*(?P<sign>\+|-|neg|minus|pos|plus)?[ _]*(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<back>[+-]?\d+(?:\.\d+)?) *(?:days?|d)"
)
_SESSION = re.compile(
    r"(?:t|tp|s|ses|sess|session|scan|time[ _]?point|imaging|week|wk|w|visit)[ _#]*[+-]?\d+"
    r"|(?:baseline|pre|post|before|after)(?:[ _-]*(?:\d+|dose|drug|injection|treatment))?"
)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]\d{1,2}:\d{2}.*)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL = (20000, 80000)
_SHOWN = 6
_ASK_DATE = "give the date of the first dose, such as --dose-date 2024-03-10"


@dataclass(frozen=True)
class _Label:
    """What a label says: a number of days, a date, or neither; ``told`` where it is no plain number."""

    day: float | None = None
    on: date | None = None
    told: bool = True


def is_session(label: str, given: SessionDays | None = None) -> bool:
    """Whether a label names a session: a day, a date, a time point, or one whose day was given.

    Examples
    --------
    >>> [is_session(label) for label in ("day_-3", "T0", "2024-03-10", "length")]
    [True, True, True, False]
    """
    if given is not None and _key(label, given.by_label) is not None:
        return True
    read = _read(label, day_first=True)
    return read.day is not None or read.on is not None or bool(_SESSION.fullmatch(label.strip().lower()))


def with_days(table: pd.DataFrame, given: SessionDays, name: str, findings: Findings, named: Named) -> pd.DataFrame:
    """The table with numbers of days in the columns ``day``, ``new_on_day`` and ``last_day``.

    Parameters
    ----------
    given : SessionDays
        Days of labels and the date of the dose; a column ``dose_date`` of the table goes before it.
    name : str
        Name of the file.
    named : Named
        How the file calls its column of days, and whether that counts sessions, so that a plain number is no day.

    Raises
    ------
    DataError
        If labels are time points without days, dates without the date of the dose, or no days at all.
    """
    columns = [column for column in ("day", "new_on_day", "last_day") if column in table]
    every = pd.concat([table[column] for column in columns])
    labels = list(dict.fromkeys(cell for cell in every if cell))
    often = {cell for cell in every[every.duplicated()] if any(map(str.isalpha, cell))}
    doses = _doses(table, given.dose_date, name, findings)
    where = f"{name}: {named.day or columns[0]}" if named.day or columns[0] != "day" else name
    dated = bool(doses.notna().all())
    read = _interpreted(labels, given, where, counted=named.counted, dated=dated, often=often)
    for column in columns:
        cells = table[column]
        found = [_days(read.get(cell), dose) for cell, dose in zip(cells, doses, strict=True)]
        days = pd.Series(found, table.index, dtype=float)
        far = days.abs() > LONGEST
        _refuse_far(days, far, cells, where)
        for row, cell in cells[far].items():
            message = f"{column} is {cell}, more than {LONGEST:g} days from the dose{_disguise(cell)}; row left out"
            findings.add("implausible-day", f"row {row}", message)
        _note(read, dict(zip(cells, days.mask(far), strict=True)), findings)
        text = [cell if pd.isna(day) else f"{day:.10g}" for cell, day in zip(cells, days, strict=True)]
        table, doses = table.assign(**{column: text})[~far], doses[~far]
    return table


def days_of_headings(headings: Sequence[str], given: SessionDays, name: str, findings: Findings) -> dict[str, float]:
    """Days that headings of a wide table name.

    Raises
    ------
    DataError
        As :func:`with_days`; a day that cannot be is refused, as a column holds too much to leave out.
    """
    read = _interpreted(list(headings), given, f"{name}: the heading", counted=False, dated=given.dose_date is not None)
    days = {label: _days(each, given.dose_date) for label, each in read.items()}
    for label, day in days.items():
        if day is not None and abs(day) > LONGEST:
            message = (
                f"{name}: the heading {label!r} is more than {LONGEST:g} days from the dose{_disguise(label)}; "
                f"{_ASK_DATE}, or correct the heading"
            )
            raise DataError(message)
    known = {label: day for label, day in days.items() if day is not None}
    _note(read, known, findings)
    return known


def _doses(table: pd.DataFrame, dose: date | None, name: str, findings: Findings) -> "pd.Series[date]":
    """Date of the dose of every row: its own, or that of the file."""
    if "dose_date" not in table:
        return pd.Series([dose] * len(table), table.index, dtype=object)
    day_first = _day_first(list(table["dose_date"]), f"{name}: dose_date")
    own = [_read(cell, day_first=day_first).on or dose for cell in table["dose_date"]]
    findings.note("dates of sessions are counted from the column dose_date")
    return pd.Series(own, table.index, dtype=object)


def _interpreted(
    labels: list[str], given: SessionDays, where: str, *, counted: bool, dated: bool, often: Collection[str] = ()
) -> dict[str, _Label]:
    """What each label says, after every check that does not need the row; ``often`` are those of several rows."""
    if given.by_label or given.in_order:
        return _as_given(labels, given, where)
    read = {label: _read(label, day_first=_day_first(labels, where)) for label in labels}
    silent = [label for label, each in read.items() if each.day is None and each.on is None]
    named = [label for label in silent if _SESSION.fullmatch(label.strip().lower())]
    if counted:
        named = [label for label, each in read.items() if each.on is None and (each.day is None or not each.told)]
    if not named:
        # A word in several rows is the name of a session; one in a single row is a slip, left to the audit.
        named = silent if len(silent) == len(labels) else [label for label in silent if label in often]
    if named:
        example = ",".join(f"{label}={day}" for label, day in zip(named, (-3, 1, 4, 7, 10, 14), strict=False))
        more = "" if len(named) <= _SHOWN else f" and {len(named) - _SHOWN} more"
        message = (
            f"{where} has {', '.join(map(repr, named[:_SHOWN]))}{more}, which name sessions but not their days since "
            f'the dose; give them all, such as --days "{example}"'
        )
        raise DataError(message)
    dates = [label for label, each in read.items() if each.on is not None]
    if dates and not dated:
        message = f"{where} has dates ({dates[0]}, ...), from which no days since the dose follow; {_ASK_DATE}"
        raise DataError(message)
    return read


def _as_given(labels: list[str], given: SessionDays, where: str) -> dict[str, _Label]:
    """Labels under the days that were given for them; every label and every given day finds its partner."""
    if given.in_order:
        if len(given.in_order) != len(labels):
            message = (
                f"{where} has {len(labels)} sessions ({_list(labels)}), but --days gives {len(given.in_order)}; "
                "give one day for each"
            )
            raise DataError(message)
        ordered = sorted(labels, key=float) if all(map(_is_number, labels)) else labels
        return {label: _Label(day) for label, day in zip(ordered, given.in_order, strict=True)}
    keys = {label: _key(label, given.by_label) for label in labels}
    unused = [label for label in given.by_label if label not in keys.values()]
    if unused:
        message = f"--days gives {_list(unused)}, but {where} has only the sessions {_list(labels)}; correct --days"
        raise DataError(message)
    numbered = any(map(_is_number, given.by_label))
    read = {}
    for label, key in keys.items():
        own = _Label(given.by_label[key]) if key is not None else _read(label, day_first=True)
        if key is None and (own.day is None or (numbered and not own.told)):
            message = f"{where} has the session {label!r}, for which --days gives no day; add {label}=DAY to it"
            raise DataError(message)
        read[label] = own
    return read


def _key(label: str, known: Mapping[str, float]) -> str | None:
    """The given label that a label of the file is: equal but for case, or equal as a number."""
    plain = label.strip().lower()
    if plain in known:
        return plain
    equal = [key for key in known if _is_number(key) and _is_number(plain) and float(key) == float(plain)]
    return equal[0] if equal else None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", text.strip()) is not None


def _read(label: str, *, day_first: bool) -> _Label:
    plain = label.strip().replace("\u2212", "-")
    if re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", plain):
        return _Label(float(plain.replace(",", ".")), told=False)
    if found := _NAMED.fullmatch(plain.lower()):
        if found["back"]:
            return _Label(float(found["back"]))
        return _Label(float(found["number"]) * (-1 if found["sign"] in ("-", "neg", "minus") else 1))
    return _Label(on=_date(plain, day_first=day_first))


def _date(text: str, *, day_first: bool) -> date | None:
    try:
        if found := _ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DOTTED.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := _SLASHED.fullmatch(text):
            first, second = int(found[1]), int(found[2])
            return date(int(found[3]), second, first) if day_first else date(int(found[3]), first, second)
    except ValueError:
        return None
    return None


def _day_first(labels: list[str], where: str) -> bool:
    """Whether dates with slashes give the day first, which only a number above 12 tells."""
    slashed = [found for label in labels if (found := _SLASHED.fullmatch(label.strip()))]
    first, second = any(int(found[1]) > 12 for found in slashed), any(int(found[2]) > 12 for found in slashed)
    if slashed and first == second:
        why = "both day/month and month/day" if first else "day/month or month/day"
        message = f"{where} is {slashed[0][0]!r}, and its dates may be {why}; write them as year-month-day (2024-03-10)"
        raise DataError(message)
    return first


def _disguised(value: float) -> date | None:
    """The date that a number too large for a day may be: yyyymmdd, or a date as Excel counts."""
    if value != int(value):
        return None
    number = int(value)
    if 19000101 <= number <= 21001231:
        try:
            return date(number // 10000, number // 100 % 100, number % 100)
        except ValueError:
            return None
    return _EXCEL_EPOCH + timedelta(number) if _EXCEL[0] <= number <= _EXCEL[1] else None


def _disguise(label: str) -> str:
    day = _read(label, day_first=True).day
    hidden = None if day is None else _disguised(day)
    if day is None or hidden is None:
        return ""
    return f" ({hidden.isoformat()} as {'Excel counts' if day <= _EXCEL[1] else 'yyyymmdd'})"


def _days(read: _Label | None, dose: date | None) -> float | None:
    """Days since the dose; a number that is a date in disguise counts from the dose where that is known."""
    if read is None:
        return None
    seen = read.on
    if read.day is not None and abs(read.day) > LONGEST and dose is not None:
        seen = _disguised(read.day)
    if seen is not None and dose is not None:
        return float((seen - dose).days)
    return read.day


def _refuse_far(days: "pd.Series[float]", far: "pd.Series[bool]", cells: "pd.Series[str]", where: str) -> None:
    """Refuse a column whose days mostly cannot be: that is no slip of one cell."""
    if not far.any() or far.sum() < 0.5 * days.notna().sum():
        return
    first = cells[far].iloc[0]
    hidden = _disguise(first)
    if hidden:
        message = f"{where} is {first} (row {cells[far].index[0]}), which is no day but a date{hidden}; {_ASK_DATE}"
    else:
        message = (
            f"{where} is {first} (row {cells[far].index[0]}), more than {LONGEST:g} days from the dose, as are most "
            "rows; give days since the first dose, and check --dose-date where days are dates"
        )
    raise DataError(message)


def _note(read: Mapping[str, _Label], days: Mapping[str, float], findings: Findings) -> None:
    """Tell every label that is no plain number of days, with the day that it was read as."""
    told = [
        f"{label!r} -> {days[label]:.10g}"
        for label, each in read.items()
        if label in days and not pd.isna(days[label]) and (each.told or each.day != days[label])
    ]
    if told:
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        findings.note(f"days read from labels: {', '.join(told[:_SHOWN])}{more}")


def _list(labels: Sequence[str]) -> str:
    shown = ", ".join(map(repr, labels[:_SHOWN]))
    return shown if len(labels) <= _SHOWN else f"{shown} and {len(labels) - _SHOWN} more"
