"""Provenance: what a result was made with and from."""

import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["provenance", "version_of_synmodel"]

_LIBRARIES = ("numpy", "scipy", "numba", "xarray")


def version_of_synmodel() -> str:
    """Version of the installed package; ``unknown`` in a tree that was never installed."""
    try:
        return version("synmodel")
    except PackageNotFoundError:
        return "unknown"


def provenance(*, seed: int, scenario: str = "", parameters: str = "") -> dict[str, str]:
    """Version, seed, digests and libraries as flat text, fit for attributes of netCDF and for JSON.

    There is no time stamp: the same run gives the same bytes.
    """
    entries = {
        "synmodel_version": version_of_synmodel(),
        "seed": str(seed),
        "scenario_digest": scenario,
        "parameters_digest": parameters,
        "python_version": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }
    return {name: text for name, text in entries.items() if text}
