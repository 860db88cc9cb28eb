"""An option that several verbs share, added from outside: what it does is written once and not in each of them."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

from synmodel.core.errors import FitError

__all__ = ["in_place_of", "refuse", "with_option", "within"]


def refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would do nothing.

    Raises
    ------
    FitError
        If one of them, by its name, has a value.
    """
    for name, value in given.items():
        if value:
            message = f"{name} {why}"
            raise FitError(message)


def with_option(
    verb: Callable[..., None], run: Callable[..., None], name: str, default: object, annotation: object
) -> Callable[..., None]:
    """``run``, which takes keywords, under the name and with the help and options of ``verb``, and one option more.

    Parameters
    ----------
    verb, run : callable
        The verb, and what is called in its place.
    name : str
        Keyword of the option.
    default, annotation : object
        As typer takes them.
    """
    signature = inspect.signature(verb, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    option = inspect.Parameter(name, keyword, default=default, annotation=annotation)
    parameters = [*(each.replace(kind=keyword) for each in signature.parameters.values()), option]
    return _shown_as(verb, run, signature.replace(parameters=parameters))


def in_place_of(
    name: str, options: Mapping[str, Any], read: Callable[..., Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Options that several verbs share stand in the place of one keyword, which takes what is made of them.

    Parameters
    ----------
    name : str
        Keyword of the verb.
    options : mapping of str to object
        Annotations by keyword, as typer takes them; all have None as default.
    read : callable
        From the options, by keyword, to what the verb takes.
    """
    keyword = inspect.Parameter.KEYWORD_ONLY
    shown = [inspect.Parameter(each, keyword, default=None, annotation=kind) for each, kind in options.items()]

    def decorated(verb: Callable[..., None]) -> Callable[..., None]:
        def run(**given: object) -> None:
            made = read(**{each: given.pop(each) for each in options})
            verb(**{name: made}, **given)

        parameters: list[inspect.Parameter] = []
        signature = inspect.signature(verb)
        for each in signature.parameters.values():
            parameters += shown if each.name == name else [each.replace(kind=keyword)]
        return _shown_as(verb, run, signature.replace(parameters=parameters))

    return decorated


def within(
    verb: Callable[..., None], context: Callable[[Mapping[str, Any]], AbstractContextManager[object]]
) -> Callable[..., None]:
    """The verb, run within a context that is made from its options before it loads anything."""

    def run(**given: object) -> None:
        with context(given):
            verb(**given)

    return _shown_as(verb, run, inspect.signature(verb))


def _shown_as(verb: Callable[..., None], run: Callable[..., None], signature: inspect.Signature) -> Callable[..., None]:
    """``run`` under the name and with the help of a verb, and with a signature for typer to read."""
    made: Any = wraps(verb)(run)
    made.__signature__ = signature
    made.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    del made.__wrapped__  # typer would read the signature of what it wraps
    shown: Callable[..., None] = made
    return shown
