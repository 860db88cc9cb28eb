"""Provenance: what a result was made with and from."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from synmodel import library

__all__ = ["libraries", "provenance", "version_of_synmodel"]

_LIBRARIES = ("numpy", "scipy", "numba", "xarray")


@cache
def version_of_synmodel() -> str:
    """Version of the installed package; ``unknown`` in a tree that was never installed."""
    try:
        return version("synmodel")
    except PackageNotFoundError:
        return "unknown"


@cache
def libraries() -> str:
    """Versions of the libraries that numbers depend on."""
    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)


def provenance(*, seed: int, scenario: str = "", parameters: str = "", own: str | None = None) -> dict[str, str]:
    """Version, seed, digests and libraries as flat text, fit for attributes of netCDF and for JSON.

    ``own`` are the entries of one's own on which the result rests, with their digests; by default all that are in use.

    There is no time stamp: the same run gives the same bytes.
    """
    entries = {
        "synmodel_version": version_of_synmodel(),
        "seed": str(seed),
        "scenario_digest": scenario,
        "parameters_digest": parameters,
        "library_entries": library.in_use().told if own is None else own,
        "python_version": platform.python_version(),
        "libraries": libraries(),
    }
    return {name: text for name, text in entries.items() if text}
