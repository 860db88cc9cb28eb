"""How libraries are loaded for a command: without what no command needs of them, and while compiled code runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread

__all__ = ["drawing_meanwhile", "without_units"]


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
