"""Settings that travel together: small frozen types, whose fields may be given by keywords of their own as well."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["by_fields"]

Result = TypeVar("Result")


def by_fields(**kinds: "type | DataclassInstance") -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Let a function be called with the fields of its settings, as before they had a type of their own.

    Parameters
    ----------
    **kinds : type or instance
        Frozen dataclass by the name of the keyword that takes an instance of it. An instance says what this function
        takes for fields that are not given.

    Raises
    ------
    TypeError
        From the function: if both settings and one of their fields are given, or a field without a default is missing.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Size:
    ...     animals: int
    ...     trials: int = 1
    >>> @by_fields(size=Size)
    ... def number(*, size):
    ...     return size.animals * size.trials
    >>> number(size=Size(2, 3)) == number(animals=2, trials=3) == 6
    True
    >>> @by_fields(size=Size(5, trials=2))
    ... def usual(*, size):
    ...     return size.animals * size.trials
    >>> usual(), usual(trials=3)
    (10, 15)
    """
    names = {name: [each.name for each in fields(kind)] for name, kind in kinds.items()}

    def decorated(function: Callable[..., Result]) -> Callable[..., Result]:
        @wraps(function)
        def call(*args: object, **given: object) -> Result:
            for name, kind in kinds.items():
                loose = {field: given.pop(field) for field in names[name] if field in given}
                if loose and given.get(name) is not None:
                    message = (
                        f"{function.__name__}() got {name} and {', '.join(loose)}, which it holds; give one of them"
                    )
                    raise TypeError(message)
                if given.get(name) is None:
                    given[name] = kind(**loose) if isinstance(kind, type) else replace(kind, **loose)
            return function(*args, **given)

        return call

    return decorated
