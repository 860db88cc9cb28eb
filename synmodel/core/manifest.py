"""The manifest of a folder of results: digests of its files, by which readers know that they are as they were written.

It is a hidden file of the folder. A folder without one, such as one that was made by hand, is read as it is.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from synmodel.core.errors import SynmodelError
from synmodel.core.plain import Json

__all__ = ["NAME", "ManifestError", "check", "entries", "note", "write"]

NAME = ".manifest.json"
_AT_ONCE_BYTES = 1 << 20


class ManifestError(SynmodelError):
    """Files of a folder are not those that were written there together."""


def write(folder: Path, *, beside: Path | None = None) -> None:
    """Note all files of a folder.

    Parameters
    ----------
    folder : Path
    beside : Path, optional
        A folder into which they will move: what it holds under other names stays noted.
    """
    names = sorted(path.name for path in folder.iterdir() if path.name != NAME)
    kept = {} if beside is None else {n: e for n, e in entries(beside).items() if n not in names}
    _save(folder, {**kept, **{name: _entry(folder / name) for name in names}})


def note(folder: Path, names: Iterable[str]) -> None:
    """Note some files of a folder, or folders in it, as they are now; forget those that are gone."""
    changed = {name: _entry(folder / name) for name in names if (folder / name).exists()}
    kept = {name: entry for name, entry in entries(folder).items() if (folder / name).exists()}
    _save(folder, {**kept, **changed})


def check(folder: Path, names: Iterable[str] | None = None) -> None:
    """Refuse a folder whose files, or some of them, are not as they were written.

    Parameters
    ----------
    folder : Path
    names : iterable of str, optional
        Default: all that are noted.

    Raises
    ------
    ManifestError
        With the first file that is gone or was changed.
    """
    noted = entries(folder)
    for name in noted if names is None else names:
        if name not in noted:
            continue
        try:
            same = _entry(folder / name) == noted[name]
        except OSError:
            same = False
        if not same:
            message = (
                f"{folder / name} is not as it was written: it was damaged, changed by hand, or another run was killed "
                f"while it wrote; run the command again, or delete {folder / NAME} to read it all the same"
            )
            raise ManifestError(message)


def entries(folder: Path) -> Json:
    """What is noted of the files of a folder by name; empty without a manifest."""
    try:
        document = json.loads((folder / NAME).read_text(encoding="utf-8"))
        files = document["files"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError):
        files = None
    if not isinstance(files, dict):
        message = f"{folder / NAME} cannot be read; run the command again, or delete it"
        raise ManifestError(message)
    return files


def _save(folder: Path, files: Json) -> None:
    part = folder / f"{NAME}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump({"files": files}, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / NAME)


def _entry(path: Path) -> Json:
    """Bytes and SHA-256 of a file; of a folder those of all files in it with their names."""
    digest, size = hashlib.sha256(), 0
    paths = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for each in paths:
        if each != path:
            digest.update(f"{each.relative_to(path).as_posix()} {each.stat().st_size}\n".encode())
        with each.open("rb") as file:
            while block := file.read(_AT_ONCE_BYTES):
                digest.update(block)
                size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}
