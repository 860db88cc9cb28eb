"""The library: compounds, conditions, studies, evidence, scenarios, sweeps, parameters and group summaries as files.

One TOML file per entry; nothing here is code but the look-up.
"""

from pathlib import Path
from typing import Literal

from synmodel.errors import LibraryError, did_you_mean

__all__ = ["Kind", "experiments_path", "kinds_of", "names", "path_of", "posterior_path", "summaries_path"]

Kind = Literal[
    "compounds", "conditions", "evidence", "head_twitches", "studies", "scenarios", "parameters", "templates", "sweeps",
    "planning",
]  # fmt: skip
_KINDS: tuple[Kind, ...] = (
    "scenarios", "studies", "compounds", "conditions", "evidence", "head_twitches", "parameters", "sweeps"
)  # fmt: skip
_SINGULAR = {"studies": "study", "evidence": "evidence"}
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
        message = f"the library has no {_SINGULAR.get(kind, kind[:-1])} {name!r}; {did_you_mean(name, known)}"
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


def posterior_path() -> Path:
    """The draws of the joint posterior (netCDF)."""
    return _ROOT / "posterior" / "joint.nc"


def experiments_path() -> Path:
    """Folder of the experiments: that of the checkout, or the one that an installed package carries.

    Raises
    ------
    LibraryError
        If neither is there.
    """
    checkout = _ROOT.parents[1]
    # site-packages may hold an unrelated `experiments`; a checkout is told by the project file beside it.
    for folder in (_ROOT / "experiments", checkout / "experiments"):
        if folder.is_dir() and (folder.parent == _ROOT or (checkout / "pyproject.toml").is_file()):
            return folder
    message = f"neither {_ROOT} nor {checkout} holds the folder experiments; install synmodel again"
    raise LibraryError(message)
