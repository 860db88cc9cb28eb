"""From a parsed TOML document to a validated value, with errors that name the place of the fault.

Documents are frozen pydantic models that refuse unknown keys. :func:`read` turns the first fault into one
line: path into the document, what was given, what is allowed, and the field's own advice (its description). So does
a document that is made in Python: its name in small letters is then the root of the path.
"""

import re
import tomllib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from synmodel.core.errors import SynmodelError, close_names, did_you_mean
from synmodel.core.intake import DOCUMENT_BYTES, content_of
from synmodel.core.plain import Json

__all__ = [
    "Document",
    "Evidence",
    "FrozenMapping",
    "Number",
    "Whole",
    "entry_fault",
    "in_plain_words",
    "parse_toml",
    "read",
]

Number = Annotated[float, Strict()]
"""A float or an int; pydantic would else read true as 1.0 and "7" as 7.0."""
Whole = Annotated[int, Strict()]
"""An int; neither true nor 2.0."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Hashable)


class FrozenMapping(Mapping[Key, Value]):
    """A mapping that does not change, so that the document that holds it can be hashed.

    Examples
    --------
    >>> one = FrozenMapping({"a": 1.0, "b": 2.0})
    >>> one == {"b": 2.0, "a": 1.0}, hash(one) == hash(FrozenMapping({"b": 2.0, "a": 1.0}))
    (True, True)
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Key, Value]) -> None:
        self._entries = tuple(entries.items())

    def __getitem__(self, key: Key) -> Value:
        return dict(self._entries)[key]

    def __iter__(self) -> Iterator[Key]:
        return (key for key, _ in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries))

    def __repr__(self) -> str:
        return f"FrozenMapping({dict(self._entries)!r})"


class OtherKind(NamedTuple):
    """How to know a document of another kind: it ``lacks`` a key of this one and ``has`` one of its own."""

    lacks: str
    has: str
    line: str


class Document(BaseModel):
    """Base of all documents: frozen, no unknown keys, finite numbers.

    Attributes
    ----------
    error : type
        What a fault raises when the document is made in Python; :func:`read` is told its own.
    also : tuple of str
        Keys that a validator turns into fields before they are looked at.
    other_kind : OtherKind or None
        What is easily given in place of this document, and what to say then.
    shelf : str
        Kind of the entries of the library that it is the form of; empty if it is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    error: ClassVar[type[SynmodelError]] = SynmodelError
    also: ClassVar[tuple[str, ...]] = ()
    other_kind: ClassVar[OtherKind | None] = None
    shelf: ClassVar[str] = ""

    def __init__(self, /, **content: object) -> None:
        try:
            super().__init__(**content)
        except ValidationError as faults:
            raise self.error(_first_line(type(self), faults, content, _small(type(self).__name__))) from faults

    # Told that this is its own, pydantic does not call it for documents within documents: their faults stay with the
    # outermost, which knows the whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Evidence(Document):
    """A number with its unit and where it comes from."""

    value: Number
    unit: str
    status: Literal["measured", "derived", "assumed"]
    source: str
    why: str = Field(default="", description="an assumed number says why")
    seen: Annotated[
        Literal["verified", "secondary", "recalled", ""],
        Field(description="how the number was seen: in the source, quoted by another, or from memory"),
    ] = ""
    spread: Annotated[Number | None, Field(gt=0, description="log standard deviation of the prior, above 0")] = None
    centre: Annotated[
        Number | None, Field(gt=0, description="median of the prior, in the number's unit, where it is not the value")
    ] = None

    @model_validator(mode="after")
    def _assumed_says_why(self) -> "Evidence":
        if self.status == "assumed" and not self.why:
            message = "an assumed number says why; add `why`"
            raise ValueError(message)
        return self

    def to(self, unit: str) -> float:
        """Value in another unit of the same dimension."""
        value = self.converted(unit)
        if value is None:
            message = f"unit is {self.unit!r}; it must measure what {unit} measures"
            raise ValueError(message)
        return value

    def converted(self, unit: str) -> float | None:
        """Value in another unit; None if the one that is given is unknown, or of another dimension."""
        if unit == self.unit:
            return self.value
        from pint import PintError, UnitRegistry  # import on use: building the registry takes a while

        global _REGISTRY
        if _REGISTRY is None:
            _REGISTRY = UnitRegistry()
        try:
            return float(_REGISTRY.Quantity(self.value, self.unit).to(unit).magnitude)
        except (PintError, AssertionError, TypeError, ValueError, AttributeError):
            return None


_REGISTRY: Any = None
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
Model = TypeVar("Model", bound=BaseModel)


def parse_toml(path: Path, error: type[SynmodelError]) -> Json:
    """Parse a TOML file; a syntax fault becomes ``error`` with file, line and column."""
    try:
        return tomllib.loads(content_of(path, DOCUMENT_BYTES).decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as fault:
        message = f"cannot read {path}: {fault.strerror}; give the path of a TOML file"
        raise error(message) from fault
    except UnicodeDecodeError as fault:
        message = f"{path} is not valid TOML: it is no text in UTF-8 (from byte {fault.start + 1} on); save it in UTF-8"
        raise error(message) from fault
    except ValueError as fault:  # of TOML, of its text, or of a number of thousands of digits
        message = f"{path} is not valid TOML: {fault}"
        raise error(message) from fault
    except RecursionError as fault:
        message = f"{path} is nested too deep"
        raise error(message) from fault


def read(model: type[Model], document: Json, where: str, error: type[SynmodelError]) -> Model:
    """Validate ``document`` as ``model``.

    Parameters
    ----------
    where : str
        Name of the root in messages, for instance ``"scenario"``.
    error : type
        Raised with one line for the first fault.
    """
    place = _unprintable(document)
    if place is not None:
        message = f"{where}{place} has a character that cannot be printed; take it out"
        raise error(message)
    try:
        return model.model_validate(document)
    except ValidationError as faults:
        raise error(_first_line(model, faults, document, where)) from faults


def _unprintable(value: object) -> str | None:
    """Place of the first text that no file of results could hold, from here on; None if there is none."""
    if isinstance(value, str):
        return "" if _UNPRINTABLE.search(value) else None
    if isinstance(value, int | float | BaseModel) or value is None:  # most of what there is; Mapping is slow to tell
        return None
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if _unprintable(key) is not None:
                return ""
            if (place := _unprintable(inner)) is not None:
                return f".{key}{place}"
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            if (place := _unprintable(inner)) is not None:
                return f"[{at}]{place}"
    return None


def entry_fault(key: str, text: str) -> Exception:
    """What a validator of a mapping raises for one entry; ``text`` follows its place, as in ``is 3; give 4``."""
    return PydanticCustomError("entry", "{text}", {"key": key, "text": text})


def _first_line(model: type[BaseModel], faults: ValidationError, document: Mapping[str, Any], where: str) -> str:
    """The line of the first fault that counts."""
    other = getattr(model, "other_kind", None)
    if other is not None and other.lacks not in document and other.has in document:
        return str(other.line)
    listed = faults.errors()
    return _one_line(model, _misspelt(model, listed) or listed[0], where)


def _misspelt(model: type[BaseModel], faults: list[ErrorDetails]) -> ErrorDetails | None:
    """The unknown key that was meant for a missing one, if that is the first fault: it is what was written."""
    first = faults[0]
    if first["type"] != "missing":
        return None
    *level, missing = first["loc"]
    for fault in faults:
        if fault["type"] == "extra_forbidden" and list(fault["loc"][:-1]) == level:
            meant = _meant(str(fault["loc"][-1]), _field_at(model, fault["loc"])[1])
            if missing in {re.split(r"\W", name)[0] for name in meant}:
                return fault
    return None


def _meant(key: str, document: object) -> list[str]:
    """What an unknown key may stand for: where it belongs if tables further in have it, else names that are close."""
    places = list(_places_within(document, key))
    return places if 0 < len(places) <= 3 else close_names(key, _keys_of(document))


def _keys_of(document: Any) -> list[str]:
    return [*document.model_fields, *getattr(document, "also", ())]


def _places_within(document: Any, key: str) -> Iterator[str]:
    """Paths to a key in the tables of a document, ``doses[0].amount`` in those of a list."""
    for name, field in document.model_fields.items():
        inner = _model_within(field.annotation)
        # What a mapping holds stands under names of the writer's own.
        if inner is None or _held_in(field.annotation, Mapping):
            continue
        place = f"{name}[0]" if _held_in(field.annotation, Sequence) else name
        if key in _keys_of(inner):
            yield f"{place}.{key}"
        yield from (f"{place}.{further}" for further in _places_within(inner, key))


def _one_line(model: type[BaseModel], fault: ErrorDetails, where: str) -> str:
    place = where
    for step in fault["loc"]:
        # A dotted name is one key, not a path.
        place += f"[{step!r}]" if isinstance(step, int) or "." in step else f".{step}"
    if fault["type"] == "entry":
        return f"{place}[{fault['ctx']['key']!r}] {fault['ctx']['text']}"
    field, parent = _field_at(model, fault["loc"])
    if fault["type"] == "extra_forbidden":
        key = str(fault["loc"][-1])
        return f"{place} is not known; {did_you_mean(key, _keys_of(parent), meant=_meant(key, parent))}"
    if fault["type"] == "missing":
        return f"{place} is missing; {_advice(field) or 'add it'}"
    line = f"{place} is {_shown(fault['input'])}: {in_plain_words(fault)}"
    advice = _advice(field)
    # A question for the name that was meant is advice enough.
    return f"{line}; {advice}" if advice and "did you mean" not in line else line


_PLAIN = (
    (r"^Value error, ", ""),
    (r"^Input should be", "it must be"),
    (r"it must be a valid (list|tuple)", "it must be a list"),
    (r"it must be a valid dictionary( or .*)?", "it must be a table"),
    (r"it must be a valid integer", "it must be an integer"),
    (r"it must be a valid ", "it must be a "),
    (r", unable to parse string as an? \w+$", ""),
    (r"^'.*' is not one of ", "it must be one of "),
)
"""What pydantic says in words of Python, and what a writer of TOML understands."""


def in_plain_words(fault: ErrorDetails) -> str:
    """What is allowed, of one of the faults that pydantic lists."""
    if fault["type"] in ("too_short", "string_too_short"):
        return "too few entries" if fault["type"] == "too_short" else "give at least one character"
    text = str(fault["msg"])
    for pattern, words in _PLAIN:
        text = re.sub(pattern, words, text)
    return text


def _shown(given: object) -> str:
    text = repr(given) if not isinstance(given, dict) else "a table"
    return text if len(text) <= 60 else text[:57] + "..."


def _small(name: str) -> str:
    """``range_sample`` for ``RangeSample``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _advice(field: Any) -> str:
    return (field.description or "") if field is not None else ""


def _field_at(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[Any, type[BaseModel]]:
    """Field at a location and the document that it belongs to."""
    field = None
    parent: Any = model
    current: Any = model
    for step in location:
        if isinstance(step, int) or current is None:
            continue
        parent = current
        field = current.model_fields.get(step)
        current = _model_within(field.annotation if field is not None else _of_extra(current))
    return field, parent


def _of_extra(model: type[BaseModel]) -> object:
    """What the keys of a document hold that are names of the writer's own."""
    return model.__annotations__.get("__pydantic_extra__")


def _model_within(annotation: object) -> object:
    """The document type inside an annotation such as ``tuple[Dose, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        found = _model_within(part)
        if found is not None:
            return found
    return None


def _held_in(annotation: object, kind: type) -> bool:
    """Whether an annotation such as ``tuple[Dose, ...] | None`` has a container of some kind."""
    origin = get_origin(annotation)
    return (isinstance(origin, type) and issubclass(origin, kind)) or any(
        _held_in(part, kind) for part in get_args(annotation)
    )
