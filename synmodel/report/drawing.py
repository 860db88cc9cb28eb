"""matplotlib loaded for a command, in which nobody reads the help of its classes."""

from importlib import import_module
from typing import Any

__all__ = ["without_help"]


def without_help() -> None:
    """Load what figures need of matplotlib, without the tables of properties in its docstrings.

    It writes them for each of its classes when that is loaded, which takes a third of the time. A class that is loaded
    later, or was before, has its table. Call it before a module is imported that imports matplotlib.
    """
    artist: Any = import_module("matplotlib.artist")
    table = artist.kwdoc
    artist.kwdoc = lambda _: ""
    try:
        import_module("matplotlib.figure")
    finally:
        artist.kwdoc = table
