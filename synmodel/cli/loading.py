"""How libraries are loaded for a command: without what no command needs of them, and while compiled code runs."""

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib import import_module
from threading import Thread
from typing import Any

__all__ = ["all_loaded", "begin_to_load", "drawing_meanwhile", "drawn_apart", "without_units"]

_WHILE_LOADING, _OBJECTS = 1_000_000, 200_000
"""New objects between two collections of garbage, while libraries are loaded and later.

Python's own 700 cost a tenth of a short command.
"""


def begin_to_load() -> None:
    """Collect garbage seldom: of libraries come 300,000 objects that stay, and a collection takes 0.1 s."""
    gc.set_threshold(_WHILE_LOADING)


def all_loaded() -> None:
    """Libraries are loaded, and no collection of garbage need go through them."""
    gc.freeze()
    gc.set_threshold(_OBJECTS)


def without_units() -> None:
    """Keep xarray from loading pint, a tenth of a second, to see that no array of ours is one of pint's.

    It asks once, when it first makes an index, and is told that there is no pint. Loaded on its own pint is there.
    """
    if "pint" in sys.modules:
        return
    # Where xarray asks in another way, it loads pint, and nothing else is different.
    with suppress(ImportError, AttributeError):
        from xarray.namedarray.pycompat import array_type

        sys.modules["pint"] = None  # type: ignore[assignment]  # by which Python knows that it is not to be found
        try:
            array_type("pint")
        finally:
            del sys.modules["pint"]


@contextmanager
def drawing_meanwhile() -> Iterator[None]:
    """Within the block what figures need is loaded by a thread of its own, as compiled code lets it; then it is there.

    What goes wrong in it is told where figures are imported, which is after the block.
    """

    def load() -> None:
        with suppress(Exception):
            import_module("matplotlib.figure")

    thread = Thread(target=load, name="synmodel-drawing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def drawn_apart(
    figure_of: Callable[[Mapping[str, Any]], str | None],
) -> Callable[[Mapping[str, Any]], AbstractContextManager[None]]:
    """A context of a verb, see :func:`synmodel.cli.option.within`, in which a process of its own draws the figure.

    It begins before the verb loads its libraries, so that it has loaded those of figures by then.

    Parameters
    ----------
    figure_of : callable
        From the options of the verb to ``module:function``, or to None where there is nothing to draw apart.
    """

    def context(given: Mapping[str, Any]) -> AbstractContextManager[None]:
        function = figure_of(given)
        if function is None:
            return nullcontext()
        from synmodel.report.drawing import begun

        return begun(function)

    return context
