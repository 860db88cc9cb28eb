"""Every error that synmodel raises on purpose.

::

    SynmodelError (ValueError)
    ├── LibraryError      a compound, study or scenario that the library does not know, or a broken entry
    ├── ParameterError    a parameter that does not exist, or a value outside its support
    ├── ScenarioError     a scenario document that is not valid
    ├── SchemaError       a Dataset that lacks a variable or a dimension, or is in another unit
    ├── DataError         a file that cannot be read as observations
    ├── SimulationError   arguments that no simulator can run
    ├── SweepError        a sweep that cannot be planned, resumed or run
    ├── DesignError       a study that cannot be planned, or a power that no allowed study reaches
    └── FitError          a fit that cannot start or did not end

A message says what was given and where, what is allowed, and what to do.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "DataError",
    "DesignError",
    "FitError",
    "LibraryError",
    "ParameterError",
    "ScenarioError",
    "SchemaError",
    "SimulationError",
    "SweepError",
    "SynmodelError",
    "close_names",
    "did_you_mean",
]


class SynmodelError(ValueError):
    """Root of all errors that synmodel raises on purpose."""


class LibraryError(SynmodelError):
    """The library does not hold what was asked for, or an entry of it is not valid."""


class ParameterError(SynmodelError):
    """A parameter does not exist, or its value lies outside its support."""


class ScenarioError(SynmodelError):
    """A scenario is not valid."""


class SchemaError(SynmodelError):
    """A Dataset does not carry the variables or dimensions of its kind, or carries other units."""


class DataError(SynmodelError):
    """A file cannot be read, or holds no form of observations that is known."""


class SimulationError(SynmodelError):
    """The arguments of a simulation cannot be run."""


class SweepError(SynmodelError):
    """A sweep cannot be planned, resumed or run."""


class DesignError(SynmodelError):
    """A study cannot be planned, or none that is allowed reaches what was asked for."""


class FitError(SynmodelError):
    """A fit cannot start, or did not end in a minimum."""


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Known names that may be meant, up to three."""
    return get_close_matches(name, sorted(known), n=3, cutoff=0.6)


def did_you_mean(name: str, known: Iterable[str], *, meant: Sequence[str] = ()) -> str:
    """Half a sentence that names those that are ``meant`` or else the closest known names, or all of them.

    Examples
    --------
    >>> did_you_mean("ketamin", ["ketamine", "esketamine", "saline"])
    "did you mean 'ketamine' or 'esketamine'?"
    >>> did_you_mean("zzz", ["b", "a"])
    "known names are 'a', 'b'"
    """
    names = sorted(known)
    if close := meant or close_names(name, names):
        return "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return "known names are " + ", ".join(f"'{each}'" for each in names)
