"""What a sweep varies: parameters by dotted name, and fields of the scenario by their path.

``shao2021.loss_nascent`` is a parameter; ``scenario.regimen.doses[0].amount`` is a field, counted from 0 as in the
errors of a scenario. A value is what could stand in the scenario's TOML file.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from synmodel.core.documents import read
from synmodel.core.errors import ScenarioError, SweepError, did_you_mean
from synmodel.core.plain import Json
from synmodel.core.renamed import present_word
from synmodel.library.parameters import default_parameters
from synmodel.scenario import Scenario
from synmodel.scenario.values import Replacements

__all__ = ["RESERVED", "Factor", "changed", "factors_of", "plain", "without_doses"]

_FIELD = "scenario."
_REPLACEMENTS: TypeAdapter[Mapping[str, float]] = TypeAdapter(Replacements)  # of which nothing else in a scenario asks
_STEP = re.compile(r"([A-Za-z_]\w*)((?:\[\d+\])*)")
_UNITS = {
    "day": "day",
    "every_days": "day",
    "duration_min": "min",
    "weight_kg": "kg",
    "length_um": "um",
    "initial_density_per_um": "1/um",
    "n_max_per_um": "1/um",
    "n_star_per_um": "1/um",
    "shares_per_um": "1/um",
}
RESERVED = {
    "cell", "draw", "end_day", "failed", "matrix", "point", "quantile", "quantity", "sample", "scenario", "start_day"
}  # fmt: skip
"""Names that a factor cannot have in the result, besides those of the summaries."""


@dataclass(frozen=True)
class Factor:
    """One thing that is varied.

    Attributes
    ----------
    path : str
        Dotted name of a parameter, or path of a scenario field.
    name : str
        Its name in the result: the shortest end of the path that is unique.
    levels : tuple
        Values of a grid, or the value of every cell of a sample.
    units, long_name : str
        For the coordinate of the result.
    """

    path: str
    name: str
    levels: tuple[Any, ...]
    units: str
    long_name: str

    @property
    def labels(self) -> list[Any]:
        """Levels as they stand in the result: numbers, or else text."""
        if all(isinstance(level, int | float) and not isinstance(level, bool) for level in self.levels):
            return [float(level) for level in self.levels]
        return [level if isinstance(level, str) else json.dumps(plain(level)) for level in self.levels]


def factors_of(levels: Mapping[str, Sequence[Any] | NDArray[Any]], scenarios: Sequence[Scenario]) -> tuple[Factor, ...]:
    """Factors from levels by path.

    Raises
    ------
    SweepError
        If a path leads nowhere or has no levels.
    """
    names = _short_names(list(levels))
    factors = []
    for path, listed in levels.items():
        given = _listed(listed)
        if isinstance(given, str | Mapping) or not isinstance(given, Sequence) or not len(given):
            key = f"{path}.{next(iter(given), 'NAME')}" if isinstance(given, Mapping) else path
            message = (
                f"sweep: {path} is {given!r}; give a list of at least one value, the name in quotes: "
                f'"{key}" = [1.0, 2.0]'
            )
            raise SweepError(message)
        if not path.startswith(_FIELD) and path not in default_parameters():
            known = [*default_parameters(), *_fields_of(scenarios[0])]
            message = f"sweep: {path} is neither a parameter nor a scenario field; {_meant(path, known)}"
            raise SweepError(message)
        for at, level in enumerate(given):
            if not _writable(plain(level)):
                message = f"sweep: {path}[{at}] is {level!r:.40}; give a number, text, or true or false"
                raise SweepError(message)
        factors.append(Factor(path, names[path], tuple(map(plain, given)), *_meaning(path, scenarios)))
    return tuple(factors)


def _writable(level: object) -> bool:
    """Whether a level can stand in a result: no date, and no number beyond those of the machine."""
    try:
        json.dumps(level, allow_nan=False)
        return not isinstance(level, int) or math.isfinite(float(level))
    except (OverflowError, TypeError, ValueError):
        return False


def _listed(given: object) -> object:
    """Numbers and lists of Python for those of NumPy, xarray and pandas; whatever else as it is."""
    return np.asarray(given).tolist() if hasattr(given, "__array__") else given


def changed(scenario: Scenario, settings: Mapping[str, Any]) -> Scenario:
    """The scenario with parameters and fields set to values by path.

    Parameters
    ----------
    scenario : Scenario
        What is changed; it stays as it is.
    settings : mapping
        Values by path, such as ``"scenario.regimen.doses[0].amount"`` or the dotted name of a parameter.

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        If a path leads nowhere or the scenario is not valid with its value.

    Examples
    --------
    >>> import synmodel
    >>> from synmodel.analysis.sweeps import changed
    >>> plan = changed(synmodel.load_scenario("psilocybin-mouse"), {"scenario.regimen.doses[0].amount": 3})
    >>> plan.regimen.doses[0].amount
    3.0
    """
    if not any(path.startswith(_FIELD) for path in settings):
        with suppress(ValidationError):  # which the whole document says better
            replaced = _REPLACEMENTS.validate_python({**scenario.parameters, **settings})
            return scenario.model_copy(update={"parameters": replaced})
    touched = {str(_steps_of(path)[0]) if path.startswith(_FIELD) else "parameters" for path in settings}
    document = {name: part for name, part in scenario if name not in touched}  # which are valid as they are
    document |= scenario.model_dump(mode="json", exclude_none=True, include=touched)
    places: dict[tuple[str | int, ...], str] = {}
    for path, value in settings.items():
        if path.startswith(_FIELD):
            steps = _steps_of(path)
            if steps in places:
                message = f"{places[steps]} and {path} are the same field; give one of them"
                raise ScenarioError(message)
            places[steps] = path
            _set(document, steps, plain(value))
        else:
            document["parameters"][path] = plain(value)
    return read(Scenario, document, "scenario", ScenarioError)


def without_doses(scenario: Scenario) -> Scenario:
    """The vehicle control: the same animals and sessions, no dose of anything."""
    return scenario.model_copy(update={"regimen": scenario.regimen.model_copy(update={"doses": ()})})


@cache
def _steps_of(path: str) -> tuple[str | int, ...]:
    """Names and numbers that lead to a field, in the words of today."""
    steps: list[str | int] = []
    for part in path.removeprefix(_FIELD).split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            message = f"{path} is not a path; write it as scenario.regimen.doses[0].amount"
            raise ScenarioError(message)
        steps += [present_word("table", match[1]), *map(int, re.findall(r"\d+", match[2]))]
    return tuple(steps)


def _set(document: Json, steps: tuple[str | int, ...], value: object) -> None:
    """Replace one entry of nested tables and lists."""
    place: Any = document
    where = "scenario"
    for step in steps[:-1]:
        if isinstance(step, str) and isinstance(place, dict):
            if step not in place:
                fields = Scenario.model_fields if place is document else place
                message = f"{where}.{step} is not known; {did_you_mean(step, fields)}"
                if step in fields:
                    message = f"{where}.{step} is not set, so nothing in it can be changed; give the whole of it"
                raise ScenarioError(message)
            where += f".{step}"
        else:
            where = _checked_index(place, step, where)
        place = place[step]
    if isinstance(steps[-1], int) or not isinstance(place, dict):
        _checked_index(place, steps[-1], where)
    place[steps[-1]] = value


def _checked_index(place: object, step: str | int, where: str) -> str:
    """The place of an entry of a list.

    Raises
    ------
    ScenarioError
        If there is no such entry.
    """
    if isinstance(step, str):
        message = f"{where}.{step} leads nowhere: {where} is no table"
        raise ScenarioError(message)
    if not isinstance(place, list) or step >= len(place):
        number = f"has {len(place)}, counted from 0" if isinstance(place, list) else "is no list"
        message = f"{where}[{step}] is not there: {where} {number}; name one that the scenario has"
        raise ScenarioError(message)
    return f"{where}[{step}]"


def plain(value: object) -> object:
    """Lists for tuples and arrays, as JSON has them."""
    value = _listed(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path its shortest end that no other path has."""

    def end(path: str, n: int) -> str:
        return ".".join(path.removeprefix(_FIELD).split(".")[-n:])

    names = {}
    for path in paths:
        others = [other for other in paths if other != path]
        depth = path.count(".") + 1
        fitting = (
            end(path, n)
            for n in range(1, depth + 1)
            if end(path, n) not in RESERVED and all(end(other, n) != end(path, n) for other in others)
        )
        names[path] = next(fitting, path)
    return names


def _meaning(path: str, scenarios: Sequence[Scenario]) -> tuple[str, str]:
    """Unit and meaning of a factor."""
    if not path.startswith(_FIELD):
        parameter = default_parameters()[path]
        return parameter.unit, parameter.long_name
    last = path.split(".")[-1]
    if last == "amount":
        doses = [dose for scenario in scenarios for dose in scenario.regimen.doses]
        units = {dose.unit for dose in doses}
        return (units.pop() if len(units) == 1 else "1"), "amount of a dose"
    return _UNITS.get(last, "1"), path


def _fields_of(scenario: Scenario) -> list[str]:
    """Paths of the fields that a scenario has."""
    found: list[str] = []

    def walk(place: object, where: str) -> None:
        if isinstance(place, dict):
            for key, entry in place.items():
                walk(entry, f"{where}.{key}")
        elif isinstance(place, list) and place and isinstance(place[0], dict):
            for number, entry in enumerate(place):
                walk(entry, f"{where}[{number}]")
        else:
            found.append(where)

    walk(scenario.model_dump(mode="json", exclude={"parameters", "name", "title"}), "scenario")
    return found


def _meant(path: str, known: Sequence[str]) -> str:
    """The closest names, or how to find one; all of them would fill a screen."""
    text = did_you_mean(path, known)
    if text.startswith("did"):
        return text
    return "parameters are listed by `synmodel show STUDY`, a field is written scenario.regimen.doses[0].amount"
