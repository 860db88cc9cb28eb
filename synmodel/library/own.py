"""Entries of one's own: what folders of a user, and objects made in Python, put beside the library of the package.

They are read once, as text, when a library is put to use: a :class:`Own` never changes, can be hashed, pickled and sent
to workers on other machines, which need not see the folders. A number that is looked up by name belongs to the texts,
so a file that was edited is a new library and no answer of the old one is remembered for it.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

from synmodel.core.errors import LibraryError, close_names
from synmodel.core.intake import DOCUMENT_BYTES, content_of
from synmodel.core.plain import Json

__all__ = ["KINDS", "Entry", "Own", "Shelved", "checked_name", "entry_of", "read_folder"]

KINDS = ("compounds", "conditions", "evidence", "parameters", "scenarios", "studies", "sweeps", "targets")
"""Folders of a library of one's own, each for one kind of entry."""

SUMMARIES = "summaries"
"""Kind of the group summaries of a study, which stand beside it as CSV."""

_NAME = re.compile(r"[\w(][\w ()+,'-]*")
_IN_FOLDER = {"study.toml": "studies", "parameters.toml": "parameters", "summaries.csv": SUMMARIES}


@dataclass(frozen=True)
class Entry:
    """One entry: its kind, name and text, and where it is from (a path, or ``Python``)."""

    kind: str
    name: str
    text: str
    place: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Shelved(Protocol):
    """A document that can be an entry: a Compound, Condition, Target, Study, Scenario or Check made in Python."""

    shelf: ClassVar[str]

    @property
    def name(self) -> str:
        """Name of the entry."""
        ...

    @classmethod
    def model_validate(cls, obj: object) -> "Shelved":
        """A document of plain data."""
        ...

    def model_dump(self, **options: object) -> Json:
        """Plain data."""
        ...


@dataclass(frozen=True, eq=False)
class Own:
    """All entries of one's own that are in use.

    Examples
    --------
    >>> Own().names("compounds"), bool(Own())
    ([], False)
    """

    entries: tuple[Entry, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of kinds, names and texts; it does not depend on where they are from."""
        content = sorted(f"{entry.kind}/{entry.name} {entry.digest}" for entry in self.entries)
        return hashlib.sha256("\n".join(content).encode()).hexdigest()

    @property
    def told(self) -> str:
        """All entries with their digests as text, for provenance."""
        return ", ".join(f"{entry.kind}/{entry.name} {entry.digest}" for entry in self.entries)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Own) and self.digest == other.digest)

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Entry]:
        return {(entry.kind, entry.name): entry for entry in self.entries}

    def get(self, kind: str, name: str) -> Entry | None:
        """An entry; None if there is none."""
        return self._by_name.get((kind, name))

    def names(self, kind: str) -> list[str]:
        """Names of a kind, sorted."""
        return sorted(entry.name for entry in self.entries if entry.kind == kind)

    def joined(self, more: Iterable[Entry], shipped: Mapping[str, Iterable[str]]) -> "Own":
        """These and more.

        Parameters
        ----------
        shipped : mapping
            Names that the package has, by kind.

        Raises
        ------
        LibraryError
            For a name that is taken, by the package or by an entry of another text.
        """
        found = dict(self._by_name)
        for entry in more:
            of = f"{entry.place}: {entry.kind}/{entry.name}"
            if entry.name in shipped.get(entry.kind, ()):
                message = f"{of} is an entry of the package; give yours another name, in the file and of it"
                raise LibraryError(message)
            other = found.setdefault((entry.kind, entry.name), entry)
            if other.digest != entry.digest:
                message = f"{of} is there already, from {other.place}; give one of them another name, or leave it out"
                raise LibraryError(message)
        return Own(tuple(found.values()))


def entry_of(document: Shelved) -> Entry:
    """The entry that a document made in Python is.

    Raises
    ------
    LibraryError
        If it is no document of the library.
    """
    import tomli_w

    if not getattr(document, "shelf", ""):
        message = (
            f"a library takes a Compound, Condition, Target, Study, Scenario or Check, not a {type(document).__name__}"
        )
        raise LibraryError(message)
    checked_name(document.name, "Python")
    text = tomli_w.dumps(document.model_dump(mode="json", exclude_none=True))
    return Entry(document.shelf, document.name, text, "Python")


def read_folder(folder: str | Path) -> list[Entry]:
    """All entries of a library folder: ``KIND/NAME.toml``, and ``studies/NAME/`` with the files of a study.

    Raises
    ------
    LibraryError
        With one line, if the folder is none, has no folder of a kind, or a file of it cannot be read.
    """
    root = Path(folder)
    kinds = ", ".join(KINDS)
    if not root.is_dir():
        reason = "is a file" if root.exists() else "is not there"
        message = f"library folder {root} {reason}; give a folder with one or more of {kinds}"
        raise LibraryError(message)
    try:
        inside = [path.name for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    except OSError as fault:
        message = f"cannot read library folder {root}: {fault.strerror}"
        raise LibraryError(message) from fault
    for name in inside:
        if name not in KINDS and (meant := close_names(name, KINDS)):
            message = f"library folder {root} has a folder {name!r}; did you mean {meant[0]!r}? kinds are {kinds}"
            raise LibraryError(message)
    if not set(inside) & set(KINDS):
        message = f"library folder {root} has none of the folders {kinds}; put entries there, see `synmodel new --help`"
        raise LibraryError(message)
    found = [
        _entry(kind, path.stem, path)
        for kind in KINDS
        for path in sorted((root / kind).glob("*.toml"))
        if not path.name.startswith(".")
    ]
    studies = sorted(path for path in (root / "studies").glob("*") if path.is_dir() and path.name[:1] not in "._")
    return [*found, *(entry for study in studies for entry in _of_study(study))]


def _of_study(folder: Path) -> list[Entry]:
    if not (folder / "study.toml").is_file():
        message = f"{folder} has no study.toml; a study is a folder with study.toml and summaries.csv"
        raise LibraryError(message)
    return [_entry(kind, folder.name, folder / file) for file, kind in _IN_FOLDER.items() if (folder / file).is_file()]


def _entry(kind: str, name: str, path: Path) -> Entry:
    try:
        text = content_of(path, DOCUMENT_BYTES).decode("utf-8-sig")
        document = {"name": name} if kind == SUMMARIES else tomllib.loads(text)
    except OSError as fault:
        message = f"cannot read {path}: {fault.strerror}; give the path of a TOML file"
        raise LibraryError(message) from fault
    except ValueError as fault:
        message = f"{path} is not valid {'text' if kind == SUMMARIES else 'TOML'}: {fault}"
        raise LibraryError(message) from fault
    checked_name(name, str(path))
    given = document.get("name", name)
    if kind != "parameters" and given != name:
        what = "folder" if path.name == "study.toml" else "file"
        message = f"{path}: name is {given!r} and the {what} is {name!r}; give both the same name"
        raise LibraryError(message)
    return Entry(kind, name, text, str(path))


def checked_name(name: str, place: str) -> str:
    """The name of an entry, if it can be one.

    Raises
    ------
    LibraryError
        If it has a dot, a slash or other signs that parameters and files cannot carry.
    """
    if not _NAME.fullmatch(name):
        message = f"{place}: {name!r} is no name; it is of letters, digits, spaces and - _ + ( ) , ' without dots"
        raise LibraryError(message)
    return name
