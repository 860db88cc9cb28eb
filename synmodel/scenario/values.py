"""Values by name in a scenario: parameters that it replaces, and what its other tables of names need."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from synmodel.core.documents import FrozenMapping, Number, entry_fault
from synmodel.core.errors import did_you_mean
from synmodel.library.parameters import default_parameters

__all__ = ["Replacements", "as_dict", "quoted"]


def quoted(given: object) -> object:
    """Refuse the table that TOML makes of a dotted name without quotes."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if isinstance(value, Mapping):
                inner = next(iter(value), "NAME")
                text = f'is a table; a dotted name stands in quotes: "{key}.{inner}" = {value.get(inner, "VALUE")}'
                raise entry_fault(key, text)
    return given


def _possible(values: Mapping[str, float]) -> FrozenMapping[str, float]:
    """Refuse names and values that the default parameters do not allow."""
    known = default_parameters() if values else {}
    for name, value in values.items():
        if name not in known:
            raise entry_fault(name, f"is not known; {did_you_mean(name, known)}")
        lower, upper, unit = known[name].lower, known[name].upper, known[name].unit
        if not lower <= value <= upper:
            raise entry_fault(name, f"is {value:g}; allowed is {lower:g} to {upper:g} {unit}")
    return FrozenMapping(values)


def as_dict(values: Mapping[str, float]) -> dict[str, float]:
    """``dict`` itself has no signature, which pydantic 2.7 asks for."""
    return dict(values)


Replacements = Annotated[
    Mapping[str, Number], BeforeValidator(quoted), AfterValidator(_possible), PlainSerializer(as_dict)
]
