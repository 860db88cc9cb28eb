"""Provenance: what a result was made with and from."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["libraries", "provenance", "version_of_synmodel"]

_LIBRARIES = ("numpy", "scipy", "numba", "xarray")


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


def provenance(*, seed: int, scenario: str = "", parameters: str = "", library: str = "") -> dict[str, str]:
    """Version, seed, digests and libraries as flat text, fit for attributes of netCDF and for JSON.

    ``library`` names the entries of the user's own library, with their digests.

    There is no time stamp: the same run gives the same bytes.
    """
    entries = {
        "synmodel_version": version_of_synmodel(),
        "seed": str(seed),
        "scenario_digest": scenario,
        "parameters_digest": parameters,
        "library_entries": library,
        "python_version": platform.python_version(),
        "libraries": libraries(),
    }
    return {name: text for name, text in entries.items() if text}
