"""The library: compounds, conditions, studies, scenarios, parameters and group summaries as data files.

One TOML file per entry; nothing here is code but the look-up.
"""

from pathlib import Path
from typing import Literal

from synmodel.errors import LibraryError, did_you_mean

__all__ = ["Kind", "kinds_of", "names", "path_of", "summaries_path"]

Kind = Literal["compounds", "conditions", "studies", "scenarios", "parameters", "templates"]
_KINDS: tuple[Kind, ...] = ("scenarios", "studies", "compounds", "conditions", "parameters")
_ROOT = Path(__file__).parent


def names(kind: Kind) -> list[str]:
    """Names of all entries of a kind, sorted."""
    return sorted(path.stem for path in (_ROOT / kind).glob("*.toml"))


def path_of(kind: Kind, name: str) -> Path:
    """File of an entry.

    Raises
    ------
    LibraryError
        If there is none; the message names the closest matches.
    """
    known = names(kind)
    if name not in known:
        message = (
            f"the library has no {kind[:-1] if kind != 'studies' else 'study'} {name!r}; {did_you_mean(name, known)}"
        )
        raise LibraryError(message)
    return _ROOT / kind / f"{name}.toml"


def kinds_of(name: str) -> list[Kind]:
    """Kinds that have an entry with this name; the parameters of a study have the name of the study.

    Raises
    ------
    LibraryError
        If no kind has it.
    """
    found = [kind for kind in _KINDS if name in names(kind)]
    if not found:
        everything = {entry for kind in _KINDS for entry in names(kind)}
        message = f"the library has no entry {name!r}; {did_you_mean(name, everything)}"
        raise LibraryError(message)
    return found


def summaries_path() -> Path:
    """The published group summaries (CSV)."""
    return _ROOT / "summaries" / "group_summaries.csv"
