"""Named parameters: value, unit, support, prior, source; and the vector that an optimiser sees.

A :class:`ParameterSet` is a frozen, ordered collection of :class:`Parameter`. Positive parameters are fitted on
the log scale, others as they are; :meth:`ParameterSet.pack` and :meth:`ParameterSet.unpack` go between names
and vector. Names are dotted: the part before the first dot says what the parameter belongs to, a study
(``shao2021.formation``), a drug (``psilocybin.formation_fold``) or a module (``cascade.tau_bdnf``).
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.documents import parse_toml
from synmodel.core.errors import LibraryError, ParameterError, did_you_mean
from synmodel.core.plain import Json
from synmodel.library.drug_numbers import parameter_tables
from synmodel.library.targets import PREFIX, gain_tables

__all__ = ["LIKE", "Parameter", "ParameterSet", "Prior", "borrowed_parameters", "default_parameters", "like_parameters"]

Status = Literal["measured", "derived", "assumed"]
_STATUSES = ("measured", "derived", "assumed")


@dataclass(frozen=True)
class Prior:
    """A weak Gaussian belief about a parameter, on the scale on which it is fitted.

    Parameters
    ----------
    centre : float
        Median of the parameter, in its own unit.
    spread : float
        Standard deviation: of the natural logarithm for a ``log`` parameter, else in the parameter's unit.

    Raises
    ------
    ParameterError
        If one of both is not a number, or the spread is not positive.
    """

    centre: float
    spread: float

    def __post_init__(self) -> None:
        for name in ("centre", "spread"):
            object.__setattr__(self, name, _number(f"prior.{name}", getattr(self, name)))
        if not (math.isfinite(self.centre) and math.isfinite(self.spread) and self.spread > 0):
            message = (
                f"prior has centre {self.centre:g} and spread {self.spread:g}; give finite numbers, spread above 0"
            )
            raise ParameterError(message)


@dataclass(frozen=True)
class Parameter:
    """One number of the model and where it comes from.

    Parameters
    ----------
    name : str
        Dotted name.
    value : float
        In ``unit``.
    unit : str
        Canonical: day, um, nM, mg/kg, 1/day; ``1`` for a pure number.
    lower, upper : float
        Support; a value outside is an error.
    scale : {"log", "linear"}
        Scale on which it is fitted.
    long_name : str
        What it is, in words.
    status : {"measured", "derived", "assumed"}
        ``assumed`` needs ``why``.
    source : str
        Paper (DOI, table or figure) or the computation that gave it.
    why : str
        Reason for an assumed value.
    prior : Prior or None
        Belief used by a fit that frees the parameter.

    Raises
    ------
    ParameterError
        If the value lies outside the support, or an assumed value has no reason.
    """

    name: str
    value: float
    unit: str
    lower: float
    upper: float
    scale: Literal["log", "linear"]
    long_name: str
    status: Status
    source: str
    why: str = ""
    prior: Prior | None = None

    def __post_init__(self) -> None:
        for name in ("value", "lower", "upper"):
            object.__setattr__(self, name, _number(f"{self.name}.{name}", getattr(self, name)))
        if self.status not in _STATUSES:
            message = f"{self.name}.status is {self.status!r}; allowed are {', '.join(_STATUSES)}"
            raise ParameterError(message)
        if self.status == "assumed" and not self.why:
            message = f"{self.name} is assumed but says no why; add one sentence"
            raise ParameterError(message)
        if self.scale not in ("log", "linear") or (self.scale == "log" and self.lower <= 0):
            message = (
                f"{self.name}.scale is {self.scale!r} with lower end {self.lower:g}; log needs a positive lower end"
            )
            raise ParameterError(message)
        if not (math.isfinite(self.value) and self.lower <= self.value <= self.upper):
            message = (
                f"{self.name} is {self.value:g} {self.unit}; allowed is {self.lower:g} to {self.upper:g} {self.unit}"
            )
            raise ParameterError(message)

    def with_value(self, value: float) -> "Parameter":
        """The same with another value, which alone is checked.

        Raises
        ------
        ParameterError
            If it is no number, or lies outside the support.
        """
        if not (type(value) is float and self.lower <= value <= self.upper and math.isfinite(value)):
            return replace(self, value=value)
        made = object.__new__(Parameter)  # draws change a hundred values each, and all else was checked before
        made.__dict__.update(self.__dict__, value=value)
        return made

    def to_coordinate(self, value: float) -> float:
        """Place of ``value`` on the scale of the fit."""
        return math.log(value) if self.scale == "log" else value

    def from_coordinate(self, coordinate: float) -> float:
        """Value at a place on the scale of the fit."""
        return math.exp(coordinate) if self.scale == "log" else coordinate


def _number(name: str, given: Any) -> float:
    """A float, as TOML writes 0 for 0.0; text and true are not numbers, though float() takes them."""
    try:
        number = None if isinstance(given, str | bytes | bool) else float(given)
    except (TypeError, ValueError):
        number = None
    if number is None:
        message = f"{name} is {given!r}; give a number"
        raise ParameterError(message)
    return number


class _Values(dict[str, float]):
    """Values by name; a name that is not there is an error that says which are."""

    def __missing__(self, name: str) -> float:
        message = f"there is no parameter {name!r}; {did_you_mean(name, self)}"
        raise ParameterError(message)


class ParameterSet(Mapping[str, Parameter]):
    """A frozen, ordered collection of parameters, looked up by dotted name.

    Examples
    --------
    >>> loss = Parameter("a.loss", 0.5, "1/day", 0.01, 9, "log", "elimination hazard", "derived", "doc")
    >>> one = ParameterSet([loss])
    >>> two = one.replace({"a.loss": 1.0})
    >>> one.value("a.loss"), two.value("a.loss"), bool(two.pack(["a.loss"])[0] == 0)
    (0.5, 1.0, True)
    """

    __slots__ = ("_floats", "_parameters")

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._floats: dict[str, float] | None = None  # when they are first asked for
        for parameter in parameters:
            if parameter.name in self._parameters:
                message = f"parameter {parameter.name} is given twice; names must be unique"
                raise ParameterError(message)
            self._parameters[parameter.name] = parameter

    def __setstate__(self, state: tuple[None, dict[str, dict[str, Parameter]]]) -> None:
        # Pickles of before know of parameters alone; numbers are asked for anew.
        self._parameters, self._floats = state[1]["_parameters"], None

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self._parameters[name]
        except KeyError:
            message = f"there is no parameter {name!r}; {did_you_mean(name, self._parameters)}"
            raise ParameterError(message) from None

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return f"ParameterSet({len(self)} parameters, digest {self.digest()[:12]})"

    def value(self, name: str) -> float:
        """Value of one parameter, in its unit."""
        return self[name].value

    def as_floats(self) -> dict[str, float]:
        """All values by name; looking up an unknown one raises ParameterError."""
        if self._floats is None:
            self._floats = {name: parameter.value for name, parameter in self._parameters.items()}
        return _Values(self._floats)

    def replace(self, values: Mapping[str, float]) -> "ParameterSet":
        """A new set with some values changed; supports are checked."""
        changed = dict(self._parameters)
        for name, value in values.items():
            old = self[name]  # raises with the closest names
            if not (type(value) is float and value == old.value):  # a value that is there was checked before
                changed[name] = old.with_value(value)
        made = ParameterSet(())
        made._parameters = changed
        made._floats = self.as_floats() | {name: changed[name].value for name in values}
        return made

    def with_parameter(self, parameter: Parameter) -> "ParameterSet":
        """A new set in which a parameter takes the place of the one with its name."""
        self[parameter.name]  # raises with the closest names
        return ParameterSet(parameter if name == parameter.name else each for name, each in self._parameters.items())

    def joined(self, other: "ParameterSet") -> "ParameterSet":
        """A new set with the parameters of both; a name may stand in one only."""
        return ParameterSet([*self._parameters.values(), *other._parameters.values()])

    def pack(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Vector of the named parameters on the scales of the fit."""
        return np.array([self[name].to_coordinate(self[name].value) for name in names])

    def unpack(self, vector: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
        """Values by name of a vector made by :meth:`pack`, kept inside the support against rounding."""
        return {
            name: min(max(each.from_coordinate(x), each.lower), each.upper)
            for name, each, x in zip(names, map(self.__getitem__, names), vector.tolist(), strict=True)
        }

    def bounds(self, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends of the named supports on the scales of the fit."""
        lower = np.array([self[name].to_coordinate(self[name].lower) for name in names])
        upper = np.array([self[name].to_coordinate(self[name].upper) for name in names])
        return lower, upper

    def digest(self) -> str:
        """SHA-256 of all that counts: equal digests give equal simulations and equal fits."""
        content = [
            [p.name, p.value.hex(), p.unit, p.lower.hex(), p.upper.hex(), p.scale]
            + ([p.prior.centre.hex(), p.prior.spread.hex()] if p.prior is not None else [])
            for p in sorted(self._parameters.values(), key=lambda parameter: parameter.name)
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def to_document(self) -> dict[str, Json]:
        """Nested plain data (for TOML or JSON) from which :meth:`from_document` makes the same set."""
        document: dict[str, Json] = {}
        for parameter in self._parameters.values():
            group, _, key = parameter.name.partition(".")
            entry = {k: v for k, v in asdict(parameter).items() if k != "name" and v not in (None, "")}
            document.setdefault(group, {})[key] = entry
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any], where: str) -> "ParameterSet":
        """Read plain data; ``where`` names the document in errors."""
        parameters = []
        for group, entries in document.items():
            for key, entry in _table(f"{where}: {group}", entries, "[group.parameter]").items():
                parameters.append(_parameter(f"{group}.{key}", entry, where))
        return cls(parameters)

    @classmethod
    def from_toml(cls, path: str | Path) -> "ParameterSet":
        """Read a TOML file of tables ``[group.parameter]``.

        Raises
        ------
        ParameterError
            With one line, if the file cannot be read or an entry of it is not valid.
        """
        return cls.from_document(parse_toml(Path(path), ParameterError), Path(path).name)


def _table(where: str, given: object, example: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        message = f"{where} is {given!r}; it must be a table, as in {example}"
        raise ParameterError(message)
    return given


def _parameter(name: str, given: object, where: str) -> Parameter:
    """One entry of a document of parameters."""
    place = f"{where}: {name}"
    content = dict(_table(place, given, f"[{name}] with value, unit and source"))
    _fitting(content, Parameter, place, given_elsewhere="name")
    if "prior" in content:
        prior = _table(f"{place}.prior", content["prior"], "prior = { centre = 1.0, spread = 0.5 }")
        _fitting(prior, Prior, f"{place}.prior")
    try:
        if "prior" in content:
            content["prior"] = Prior(**content["prior"])
        return Parameter(name=name, **content)
    except ParameterError as error:
        message = f"{place}: {str(error).removeprefix(f'{name}.')}"
        raise ParameterError(message) from error


def _fitting(content: Mapping[str, Any], kind: type[Parameter | Prior], place: str, given_elsewhere: str = "") -> None:
    """Raise unless the keys are those of a dataclass and its text fields hold text."""
    known = {field.name: field for field in fields(kind) if field.name != given_elsewhere}
    for key, value in content.items():
        if key not in known:
            message = f"{place}.{key} is not known; {did_you_mean(key, known)}"
            raise ParameterError(message)
        if key in ("unit", "long_name", "source", "why", "status", "scale") and not isinstance(value, str):
            message = f"{place}.{key} is {value!r}; give text"
            raise ParameterError(message)
    for key, field in known.items():
        if field.default is MISSING and key not in content:
            message = f"{place}.{key} is missing; add it"
            raise ParameterError(message)


_TABLES = {"compounds": parameter_tables, "targets": gain_tables}
LIKE = "shao2021"
"""Study whose turnover and scoring a study of one's own starts from where it has none."""


@library.cached
def default_parameters() -> ParameterSet:
    """All parameters of the library: studies, drug effects, mechanism, and the numbers of compounds.

    Raises
    ------
    SynmodelError
        If an entry of one's own has no valid parameters, or the name of one that is there.

    Examples
    --------
    >>> import synmodel
    >>> given = synmodel.default_parameters()
    >>> given.value("shao2021.loss_mature"), given["shao2021.loss_mature"].unit
    (0.006978257, '1/day')
    """
    sets = [
        ParameterSet.from_document(library.document_of("parameters", name), f"{name}.toml")
        for name in library.names("parameters", own=False)
    ]
    taken = {name: "" for each in sets for name in each}
    groups = {PREFIX, *(name.partition(".")[0] for name in taken)}
    for kind in ("compounds", "studies"):
        for name in library.in_use().names(kind):
            if name in groups:
                message = (
                    f"{library.where(kind, name)}: parameters of the package are named {name!r}; give another name"
                )
                raise LibraryError(message)
    sets += [_own_parameters(name, taken) for name in library.in_use().names("parameters")]
    sets += [like_parameters(study, sets) for study in library.in_use().names("studies")]
    sets += [ParameterSet.from_document(tables(), of) for of, tables in _TABLES.items()]
    return ParameterSet(parameter for each in sets for parameter in each.values())


def like_parameters(study: str, sets: Iterable[Mapping[str, Parameter]]) -> ParameterSet:
    """Parameters of turnover and scoring that a study has not in the sets, with values and priors of one that has.

    Those of :data:`LIKE` are taken.
    """
    known = {name: parameter for each in sets for name, parameter in each.items()}
    group = f"{LIKE}."
    names = {f"{study}.{name.removeprefix(group)}": known[name] for name in known if name.startswith(group)}
    return ParameterSet(replace(parameter, name=name) for name, parameter in names.items() if name not in known)


def borrowed_parameters(study: str) -> bool:
    """Whether a study of one's own has no parameters of its own, so that those of :data:`LIKE` stand in."""
    own = library.in_use()
    return not any(study in library.document_of("parameters", name) for name in own.names("parameters"))


def _own_parameters(name: str, taken: dict[str, str]) -> ParameterSet:
    """Parameters of one's own; of the file of a study, its turnover and scoring alone, as a fit writes all parameters.

    ``taken`` are names, with the place of each that is one's own; these are added.
    """
    place = str(library.place_of("parameters", name))
    document = library.document_of("parameters", name)
    if name in library.in_use().names("studies") and isinstance(document.get(name), Mapping):
        document = {name: {key: each for key, each in document[name].items() if "." not in key}}
    found = ParameterSet.from_document(document, place)
    for each in found:
        if each in taken:
            message = f"{place}: {each} is a parameter of {taken[each] or 'the package'}; give it another name"
            raise LibraryError(message)
        taken[each] = place
    return found
