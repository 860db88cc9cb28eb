"""The library: compounds, conditions, targets, studies, evidence, scenarios, sweeps and parameters as files.

One TOML file per entry; nothing here is code but the look-up. Entries of one's own stand beside those of the package
while they are in use: :func:`using` for a block of code, :func:`use` for the whole process, ``synmodel --library DIR``
on the command line, or the environment variable ``SYNMODEL_LIBRARY`` for both (folders joined as in ``PATH``).
"""

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, Protocol, TypeVar, cast

from synmodel.core.errors import LibraryError, did_you_mean
from synmodel.core.module_names import on_first_use
from synmodel.core.plain import Json
from synmodel.library.own import KINDS, SUMMARIES, Entry, Own, Shelved, entry_of, read_folder

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "Entry",
    "Kind",
    "Own",
    "cached",
    "document_of",
    "experiments_path",
    "in_use",
    "kinds_of",
    "meant",
    "names",
    "own_summaries",
    "path_of",
    "place_of",
    "posterior_path",
    "read_entry",
    "shelve",
    "summaries_path",
    "text_of",
    "use",
    "using",
    "where",
]

Kind = Literal[
    "comparisons", "compounds", "conditions", "evidence", "head_twitches", "studies", "scenarios", "parameters",
    "planning", "summaries", "sweeps", "targets", "templates",
]  # fmt: skip
_KINDS: tuple[Kind, ...] = (
    "scenarios", "studies", "compounds", "conditions", "targets", "evidence", "head_twitches", "parameters", "sweeps"
)  # fmt: skip
_SINGULAR = {"studies": "study", "evidence": "evidence"}
_ROOT = Path(__file__).parent
_VARIABLE = "SYNMODEL_LIBRARY"

_of_block: ContextVar[Own | None] = ContextVar("library", default=None)
_of_process: dict[str, Own] = {}

P = ParamSpec("P")
R = TypeVar("R")
Model = TypeVar("Model", bound="BaseModel")


class Cached(Protocol[P, R]):
    """A function whose answers are remembered."""

    __wrapped__: Callable[P, R]

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """The answer, remembered or new."""
        ...


if not TYPE_CHECKING:  # which knows the modules by itself
    __getattr__, __dir__ = on_first_use(__name__)


# -- which library ---------------------------------------------------------------------------------------------


def in_use() -> Own:
    """The entries of one's own that are in use: those of the block, or else of the process."""
    own = _of_block.get()
    return _process() if own is None else own


@contextmanager
def using(*folders: str | Path, entries: Iterable[Shelved] = (), own: Own | None = None) -> Iterator[Own]:
    """Use entries of one's own, beside those that are in use already, until the block ends.

    Parameters
    ----------
    *folders : str or Path
        Library folders: ``compounds/NAME.toml``, ``conditions/NAME.toml``, ``targets/NAME.toml`` and so on.
    entries : iterable of documents
        A Compound, Condition, Target, Study, Scenario or Check made in Python.
    own : Own, optional
        In place of all else: what :func:`in_use` gave in another process.

    Raises
    ------
    LibraryError
        With one line, if a folder or an entry cannot be used, or a name is taken.

    Examples
    --------
    >>> from synmodel.pharmacology import load_compound
    >>> mine = load_compound("ketamine").model_copy(update={"name": "my ketamine"})
    >>> with using(entries=[mine]):
    ...     "my ketamine" in names("compounds")
    True
    >>> "my ketamine" in names("compounds")
    False
    """
    token = _of_block.set(_more(in_use(), folders, entries) if own is None else own)
    try:
        yield in_use()
    finally:
        _of_block.reset(token)


def use(*folders: str | Path, entries: Iterable[Shelved] = ()) -> Own:
    """Use entries of one's own in the whole process from now on; arguments and errors as in :func:`using`.

    They take the place of those of an earlier call, and stand beside those that the environment names.
    """
    _of_process["own"] = _more(_environment(), folders, entries)
    return _of_process["own"]


def shelve(entry: Shelved) -> str:
    """Put an entry made in Python beside those in use, until they go out of use; the name by which it is called.

    An entry of the package, as it was loaded, is there already.

    Raises
    ------
    LibraryError
        With one line, if the entry cannot be used, or its name is taken by another.
    """
    kind, name = cast(Kind, entry.shelf), entry.name
    shipped = name in names(kind) and place_of(kind, name) is None
    if shipped and type(entry).model_validate(document_of(kind, name)) == entry:
        return name
    more = _more(in_use(), (), (entry,))
    if _of_block.get() is None:
        _of_process["own"] = more
    else:
        _of_block.set(more)
    return name


def _process() -> Own:
    own = _of_process.get("own")
    return _environment() if own is None else own


def _environment() -> Own:
    return _of_variable(os.environ.get(_VARIABLE, ""))


@cache
def _of_variable(folders: str) -> Own:
    return _more(Own(), [folder for folder in folders.split(os.pathsep) if folder], ())


def _more(own: Own, folders: Iterable[str | Path], entries: Iterable[Shelved]) -> Own:
    found = [entry for folder in folders for entry in read_folder(folder)] + [entry_of(each) for each in entries]
    return own.joined(found, {kind: _shipped(kind) for kind in KINDS}) if found else own


def cached(function: Callable[P, R]) -> Cached[P, R]:
    """``functools.cache`` for answers that belong to the library in use."""

    @cache
    def kept(_: Own, *arguments: P.args, **named: P.kwargs) -> R:
        return function(*arguments, **named)

    known: Callable[..., R] = kept

    @wraps(function)
    def looked_up(*arguments: P.args, **named: P.kwargs) -> R:
        return known(in_use(), *arguments, **named)

    return cast(Cached[P, R], looked_up)


# -- what it holds ---------------------------------------------------------------------------------------------


def _shipped(kind: str) -> tuple[str, ...]:
    folder = _folder(_ROOT, kind)
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except FileNotFoundError:
        return ()


@cache
def _folder(root: Path, kind: str) -> Path:
    return root / kind


@cache
def _listed(folder: Path, _changed: int) -> tuple[str, ...]:
    """Names in a folder, listed once for each change of it."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def names(kind: Kind, *, own: bool = True) -> list[str]:
    """Names of all entries of a kind, sorted; without one's own if they are not wanted."""
    return sorted([*_shipped(kind), *(in_use().names(kind) if own else ())])


def place_of(kind: Kind, name: str) -> str | None:
    """Where an entry of one's own is from, a path or ``Python``; None for an entry of the package."""
    entry = in_use().get(kind, name)
    return None if entry is None else entry.place


def where(kind: Kind, name: str) -> str:
    """An entry in errors: ``compounds.x``, after its file where it is one's own."""
    place = place_of(kind, name)
    return f"{kind}.{name}" if place in (None, "Python") else f"{place}: {kind}.{name}"


def text_of(kind: Kind, name: str) -> str:
    """Text of an entry.

    Raises
    ------
    LibraryError
        If there is none; the message names the closest matches.
    """
    entry = in_use().get(kind, name)
    return path_of(kind, name).read_text(encoding="utf-8") if entry is None else entry.text


def document_of(kind: Kind, name: str) -> Json:
    """An entry as plain data, not validated yet.

    Raises
    ------
    LibraryError
        As :func:`text_of`.
    """
    try:
        return tomllib.loads(text_of(kind, name))
    except tomllib.TOMLDecodeError as fault:  # of the package: one's own are parsed when they are put to use
        message = f"{path_of(kind, name)} is not valid TOML: {fault}"
        raise LibraryError(message) from fault


def read_entry(kind: Kind, name: str, model: "type[Model]") -> "Model":
    """An entry, validated.

    Raises
    ------
    LibraryError
        As :func:`text_of`, or if the entry is broken; the message says where.
    """
    from synmodel.core.documents import read

    return read(model, document_of(kind, name), where(kind, name), LibraryError)


def path_of(kind: Kind, name: str) -> Path:
    """File of an entry.

    Raises
    ------
    LibraryError
        If there is none; the message names the closest matches.
    """
    place = place_of(kind, name)
    if place is not None:
        return Path(place)
    known = names(kind)
    if name not in known:
        message = f"the library has no {_SINGULAR.get(kind, kind[:-1])} {name!r}; {meant(name, known)}"
        raise LibraryError(message)
    return _ROOT / kind / f"{name}.toml"


def meant(name: str, known: Iterable[str]) -> str:
    """:func:`~synmodel.core.errors.did_you_mean`, and where one's own entries are from if none are in use."""
    return did_you_mean(name, known) + ("" if in_use() else " (your own: synmodel --library FOLDER ...)")


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
        message = f"the library has no entry {name!r}; {meant(name, everything)}"
        raise LibraryError(message)
    return found


def own_summaries(study: str) -> Entry | None:
    """The group summaries of a study of one's own (CSV); None where there are none."""
    return in_use().get(SUMMARIES, study)


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
