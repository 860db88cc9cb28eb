"""What the animals of an arm were given, where neither the library nor the arm's name says it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synmodel.core.documents import read
from synmodel.core.errors import DataError
from synmodel.core.plain import Json
from synmodel.data.audit import Findings
from synmodel.data.studies import Arm
from synmodel.data.tables import read_text, table_of

__all__ = ["read_regimens", "regimens_of"]

_FORM = 'NAME=compound:amount:route:day, such as "psilo 1=psilocybin:1:i.p.:0"'
_AMOUNT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(mg/kg|mg)?")
_COLUMNS = ("arm", "compound", "amount", "route")
_GENOTYPE = "genotype"


def regimens_of(texts: Sequence[str]) -> dict[str, Arm]:
    """Regimens from texts such as ``NAME=ketanserin:1:i.p.:-0.007+psilocybin:1:i.p.:0``, by the name of the arm.

    Parameters
    ----------
    texts : sequence of str
        Doses are joined by ``+``; the amount is in mg/kg, or as ``25 mg``; the day may be left out (0). A part
        ``genotype:NAME`` gives the genotype. Nothing after ``=`` is an arm without a drug.

    Raises
    ------
    DataError
        For a text of another form, an unknown compound or route, or a name that is given twice.

    Examples
    --------
    >>> regimens_of(["low=psilocybin:0.3:i.p."])["low"].doses[0].amount
    0.3
    """
    found: dict[str, Arm] = {}
    for text in texts:
        name, equals, parts = text.partition("=")
        if not equals or not name.strip():
            message = f"--arm is {text!r}; give {_FORM}"
            raise DataError(message)
        if name.strip() in found:
            message = f"--arm names {name.strip()!r} twice; give it once, with its doses joined by +"
            raise DataError(message)
        found[name.strip()] = _arm(name.strip(), [part for part in parts.split("+") if part.strip()], f"--arm {text!r}")
    return found


def _arm(name: str, parts: Sequence[str], where: str) -> Arm:
    document: Json = {"name": name, "doses": []}
    for part in parts:
        fields = [field.strip() for field in part.split(":")]
        if fields[0] == _GENOTYPE and len(fields) == 2:
            document[_GENOTYPE] = fields[1]
            continue
        if not 3 <= len(fields) <= 4:
            message = f"{where}: {part.strip()!r} is no dose; give {_FORM}"
            raise DataError(message)
        document["doses"].append(_dose([*fields, "0"][:4], where))
    return read(Arm, document, where, DataError)


def _dose(fields: Sequence[str], where: str) -> Json:
    compound, amount, route, day = fields
    number = _AMOUNT.fullmatch(amount)
    if number is None:
        message = f"{where}: amount is {amount!r}; give a number in mg/kg, or one with its unit, such as 25 mg"
        raise DataError(message)
    try:
        when = float(day)
    except ValueError as fault:
        message = f"{where}: day is {day!r}; give a number, 0 for the day of the first dose"
        raise DataError(message) from fault
    return {
        "compound": compound.lower(), "amount": float(number[1]), "unit": number[2] or "mg/kg", "route": route,
        "day": when,
    }  # fmt: skip


def read_regimens(path: Path) -> dict[str, Arm]:
    """Regimens from a table with one row per dose: arm, compound, amount, route, and day and genotype if needed.

    Parameters
    ----------
    path : Path
        Text file with a heading. A row without a compound is an arm without a drug.

    Raises
    ------
    DataError
        If a column is missing, or as :func:`regimens_of`.
    """
    table = table_of(read_text(path, Findings()), path.name)
    lacking = [name for name in _COLUMNS if name not in table]
    if lacking:
        message = f"{path} has no column {lacking[0]!r}; give {', '.join(_COLUMNS)}, and day and genotype if needed"
        raise DataError(message)
    parts: dict[str, list[str]] = {}
    rows: Sequence[Mapping[Any, str]] = table.to_dict("records")
    for row in rows:
        own = parts.setdefault(row["arm"], [])
        if row["compound"]:
            own.append(f"{row['compound']}:{row['amount']}:{row['route']}:{row.get('day') or 0}")
        if row.get(_GENOTYPE):
            own.append(f"{_GENOTYPE}:{row[_GENOTYPE]}")
    return {name: _arm(name, own, f"{path.name}, arm {name!r}") for name, own in parts.items()}
