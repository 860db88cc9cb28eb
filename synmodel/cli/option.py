"""An option that several verbs share, added from outside: what it does is written once and not in each of them."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["with_option"]


def with_option(
    verb: Callable[..., None], run: Callable[..., None], name: str, default: Any, annotation: Any
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
    made: Any = wraps(verb)(run)
    made.__signature__ = signature.replace(parameters=parameters)
    made.__annotations__ = {each.name: each.annotation for each in parameters}
    del made.__wrapped__  # typer would read the signature of what it wraps
    return made
