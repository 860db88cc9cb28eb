"""The log file of a command: ``--log FILE`` writes what happens, with times, beside what is shown on stderr."""

import logging
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from synmodel.core.errors import SynmodelError

__all__ = ["Log", "LogError", "ended", "is_open", "note_progress", "open_log"]

Log = Annotated[
    Path | None,
    typer.Option("--log", help="File to which lines with times are added: what was run, progress, how it ended."),
]

_LOG, _PROGRESS = logging.getLogger("synmodel"), logging.getLogger("synmodel.progress")
_PROGRESS.propagate = False  # stderr has its own lines of progress
_FORM = "%(asctime)s %(levelname)s %(message)s"


class _File(logging.FileHandler):
    """The handler of this module: other programs may have theirs on the same logs."""


class LogError(SynmodelError):
    """A log file that cannot be written."""


def open_log(path: Path) -> None:
    """Write lines of the log to a file from here on, after what stands in it.

    Raises
    ------
    LogError
        With one line, if it cannot be written.
    """
    from synmodel.library.provenance import version_of_synmodel

    ended(0)  # of a command before this one in the same process
    try:
        handler = _File(path, encoding="utf-8")
    except OSError as fault:
        message = f"--log is {path}, which cannot be written: {fault.strerror}; give the name of a file"
        raise LogError(message) from fault
    handler.setFormatter(logging.Formatter(_FORM))
    for log in (_LOG, _PROGRESS):
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    _LOG.info("synmodel %s: %s", version_of_synmodel(), shlex.join(sys.argv[1:]))


def is_open() -> bool:
    """Whether there is a log file."""
    return bool(_files())


def _files() -> list[_File]:
    return [each for each in _PROGRESS.handlers if isinstance(each, _File)]


def note_progress(line: str) -> None:
    """Write a line of progress into the log file."""
    _PROGRESS.info(line)


def ended(status: int, line: str = "") -> None:
    """Say in the log file how the command ended, and close it; nothing without one."""
    for handler in _files():
        _LOG.log(
            logging.ERROR if status else logging.INFO, "ended with status %d%s", status, f": {line}" if line else ""
        )
        for log in (_LOG, _PROGRESS):
            log.removeHandler(handler)
            log.setLevel(logging.NOTSET)
        handler.close()
