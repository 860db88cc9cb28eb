"""Files of a result: all of them or none.

Everything is written to a hidden folder beside (or inside) its destination and moved there at the end, so an
interrupted or failed run leaves nothing half-written. Before the first file moves, the hidden folder has a manifest,
and that moves last: of a process that was killed in between, the next one that writes to the destination finishes the
move, and until then readers find that the files do not belong together (:mod:`synmodel.core.manifest`). The destination
itself is never replaced: it may be a volume, or the folder in which somebody works.
"""

import errno
import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from synmodel.core import manifest, netcdf
from synmodel.core.errors import SynmodelError

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "OutputError",
    "check",
    "check_file",
    "commented",
    "comparison_title",
    "completed",
    "folder",
    "held_by",
    "plan_title",
    "refuse_other_results",
    "save_dataset",
    "save_figure",
    "to_json",
    "write_text",
]


_TELLING = ("summary.json", "comparison.json", "design.json")
"""Files that tell what a folder holds."""

_COMPLETE: ContextVar[Callable[[Path, Path], None] | None] = ContextVar("complete", default=None)


class OutputError(SynmodelError):
    """The results cannot be written where they should go."""


def check(destination: Path, names: Iterable[str]) -> None:
    """Refuse a destination that cannot take files of these names; nothing is made or changed.

    Raises
    ------
    OutputError
        If it is a file or a link to nothing, cannot be made or written, or holds a folder with one of the names.
    """
    try:
        if destination.is_symlink() and not destination.exists():
            message = f"--out is {destination}, which is a link to nothing; give a folder"
            raise OutputError(message)
        if destination.exists() and not destination.is_dir():
            message = f"--out is {destination}, which is a file; give a folder"
            raise OutputError(message)
        ground = next(path for path in (destination, *destination.absolute().parents) if path.exists())
        if not ground.is_dir():
            raise _cannot_be_made(destination, os.strerror(errno.ENOTDIR))
        if not os.access(ground, os.W_OK | os.X_OK):
            raise _cannot_be_made(destination, os.strerror(errno.EACCES))
        for name in names:
            if (destination / name).is_dir():
                message = f"--out is {destination}, in which {name} is a folder; remove it or give another folder"
                raise OutputError(message)
    except OSError as fault:
        raise _cannot_be_made(destination, fault.strerror) from fault


def check_file(path: Path) -> None:
    """Refuse a path at which no file can be written; nothing is made or changed.

    Raises
    ------
    OutputError
        If it is a folder, or lies in one that cannot be made or written.
    """
    if path.is_dir():
        message = f"--out is {path}, which is a folder; give the name of a file"
        raise OutputError(message)
    check(path.parent, [])


def write_text(path: Path, text: str) -> None:
    """Write a file of text, all of it or none.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    check_file(path)
    with folder(path.parent, noted=False) as part:
        (part / path.name).write_text(text, encoding="utf-8")


def _cannot_be_made(destination: Path, reason: str | None) -> OutputError:
    return OutputError(f"--out is {destination}, which cannot be made or written: {reason}; give another folder")


def refuse_other_results(out: Path, mine: str, name: str = "summary.json") -> None:
    """Refuse a folder whose summary is of another scenario, sweep or comparison than ``mine``.

    Parameters
    ----------
    mine : str
        What is to be written, in the words of :func:`held_by`.
    name : str
        File that tells what the folder holds.

    Raises
    ------
    OutputError
        With one line that says what the folder holds.
    """
    for path in (out / name, *(out / other for other in _TELLING if other != name)):
        if path.exists() and ((held := held_by(path)) != mine or path.name != name):
            message = f"--out is {out}, which holds results of {held}; give another folder, or delete it"
            raise OutputError(message)


def held_by(path: Path) -> str:
    """What a ``summary.json`` or ``comparison.json`` is of."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if "sweep" in document:
            return f"the sweep {document['sweep']!r}"
        if "recommended" in document:
            return plan_title(document["scenario"], document["control"])
        if "drugs" in document:
            return comparison_title([], None)
        if "contrasts" in document:
            return comparison_title([entry["name"] for entry in document["scenarios"]], document["control"])
        return f"the scenario {document['provenance']['scenario']!r}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another program"


def plan_title(scenario: str, control: str) -> str:
    """What a plan of a study is of, in words."""
    return f"a plan for {scenario} against {control}"


def comparison_title(names: Sequence[str], control: str | None) -> str:
    """What a comparison is of, in words; without names that of the embedded studies."""
    if not names:
        return "the comparison of the embedded studies"
    against = "" if control is None else f" against {control}"
    return f"the comparison of {', '.join(name for name in names if name != control)}{against}"


@contextmanager
def completed(complete: Callable[[Path, Path], None]) -> Iterator[None]:
    """While it lasts, a function (folder, destination) adds to what is written by :func:`folder`, before it moves."""
    token = _COMPLETE.set(complete)
    try:
        yield
    finally:
        _COMPLETE.reset(token)


@contextmanager
def folder(destination: Path, *, noted: bool = True) -> Iterator[Path]:
    """A folder to write into, whose files move to ``destination`` when the block ends without an error.

    Parameters
    ----------
    destination : Path
    noted : bool
        Whether the destination gets a manifest if it has none.

    Raises
    ------
    OutputError
        If the destination is a file, or cannot be made or written.
    """
    check(destination, [])
    _finish_others(destination)
    try:
        # Inside a destination that is there already: it may be a volume of its own, into which no file can be moved.
        beside = destination if destination.exists() else destination.parent
        beside.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=beside))
    except OSError as fault:
        raise _cannot_be_made(destination, fault.strerror) from fault
    with _held(part):
        try:
            yield part
            complete = _COMPLETE.get()
            if complete is not None:
                complete(part, destination)
            check(destination, [path.name for path in part.iterdir()])
            if noted or (destination / manifest.NAME).exists():
                manifest.write(part, beside=destination)
            _move(part, destination)
        except OSError as fault:
            raise _cannot_be_made(destination, fault.strerror or str(fault)) from fault
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _move(part: Path, destination: Path) -> None:
    """Move all files, and the manifest, which says that they belong together, last."""
    destination.mkdir(exist_ok=True)
    for path in sorted(part.iterdir(), key=lambda each: (each.name == manifest.NAME, each.name)):
        path.replace(destination / path.name)


def _finish_others(destination: Path) -> None:
    """Finish what a process that was killed had begun to move here; remove what it had not finished to write."""
    ours = re.compile(re.escape(f".{destination.name}-") + "[a-z0-9_]{8}")  # as tempfile names folders
    for ground in (destination, destination.parent):
        parts: list[Path] = []
        with suppress(OSError):  # of a folder that may not be listed
            parts = sorted(ground.iterdir())
        for part in parts:
            if not ours.fullmatch(part.name) or part.is_symlink() or not part.is_dir():
                continue
            with suppress(OSError), _held(part):
                if (part / manifest.NAME).is_file():
                    _move(part, destination)
                shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """The lock of a folder; BlockingIOError if another process that is alive has it."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def commented(text: str, entries: Mapping[str, str]) -> str:
    """TOML text under one comment line with its provenance."""
    return "# " + "; ".join(f"{name}: {value}" for name, value in entries.items()) + "\n" + text


def to_json(document: object) -> str:
    """JSON text; NaN and infinities, which JSON has not, become null."""
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def save_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Write netCDF-4."""
    netcdf.write(dataset, path)


def save_figure(figure: "Figure", stem: Path, entries: Mapping[str, str]) -> None:
    """PNG and SVG, each with its provenance, without a time stamp and with the same bytes every time."""
    from synmodel.report import style  # imports matplotlib

    style.save_both(figure, stem, entries)
