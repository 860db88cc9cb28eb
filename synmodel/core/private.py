"""Folders for what is kept between runs and must be the user's own: compiled code, and states of samplers.

Both are read as code or as pickles, which can do anything. So a folder is used only if it belongs to the user and
nobody else can write to it. What has not been used for a month is removed. ``SYNMODEL_CACHE_DIR`` moves the folders.
"""

import logging
import os
import shutil
import sys
import time
from pathlib import Path

__all__ = ["private_folder"]

_UNUSED_AFTER_S = 30 * 86_400.0
_BY_OTHERS = 0o022


def private_folder(kind: str, name: str | None = None) -> Path | None:
    """A folder that only the user can write to, made if it is not there.

    Parameters
    ----------
    kind : str
        What is kept; entries of a kind that have not been used for a month are removed.
    name : str, optional
        Of a folder within that of the kind.

    Returns
    -------
    Path or None
        None if it cannot be made or written, or others could write to it; a line of the log says the latter.
    """
    root = _root() / kind
    here = root if name is None else root / name
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        for each in (root, here):
            each.mkdir(mode=0o700, exist_ok=True)
            if not _of_this_user_alone(each):
                logging.getLogger("synmodel").warning(
                    "%s is not used: it belongs to another user or can be written by others; remove it, or set "
                    "SYNMODEL_CACHE_DIR to a folder of your own",
                    each,
                )
                return None
        os.utime(here)  # says that it is in use
        if not os.access(here, os.W_OK):
            return None
        _forget_unused(root)
    except OSError:
        return None
    return here


def _of_this_user_alone(path: Path) -> bool:
    """Whether a folder, itself and not by a link, belongs to the user and nobody else can write to it."""
    if not hasattr(os, "geteuid"):
        return True  # the user's own folder on Windows
    state = path.lstat()
    return path.is_dir() and not path.is_symlink() and state.st_uid == os.geteuid() and not state.st_mode & _BY_OTHERS


def _root() -> Path:
    """The user's cache folder, by the custom of the platform."""
    given = os.environ.get("SYNMODEL_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "synmodel"


def _forget_unused(root: Path) -> None:
    now = time.time()
    for old in root.iterdir():
        try:
            if now - old.stat().st_mtime <= _UNUSED_AFTER_S:
                continue
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.unlink()
        except OSError:
            continue  # another process was faster
