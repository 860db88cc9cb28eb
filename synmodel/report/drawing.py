"""A figure that a process of its own draws: it loads what figures need while the command is still at work.

Where there are two cores, that hides the time of loading, and the two files are drawn side by side. On one core, and
wherever the other process does not do what it should, the command draws the figure itself: the files are the same.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

from synmodel import library
from synmodel.core.cores import usable_cores

__all__ = ["Drawing", "begun", "drawing_of"]

_CHILD = "import sys; sys.path[:] = sys.argv[2:]; from synmodel.report.drawing_child import main; main(sys.argv[1])"
"""With the modules that the command has, wherever it found them, and no others."""
Process = subprocess.Popen[bytes]
_PATIENCE = 60.0
"""Seconds after which a process that does not answer is given up; a figure takes about one."""


class Drawing:
    """A figure that is drawn while the command goes on.

    Parameters
    ----------
    function : str
        ``module:function`` that makes the figure.
    process : Popen, optional
        That draws it; without one it is drawn where it is written.
    """

    def __init__(self, function: str, process: Process | None = None) -> None:
        self.function = function
        self._process = process
        self._threads = ThreadPoolExecutor(1)
        self._answer: Future[tuple[bytes, bytes]] | None = None
        self._given: tuple[tuple[Any, ...], Mapping[str, str]] = ((), {})

    def begin(self, *arguments: object, entries: Mapping[str, str]) -> None:
        """Hand over what the function takes, and the provenance of the files."""
        self._given = arguments, entries
        if self._process is None:
            return
        with suppress(Exception):  # what cannot be handed over is drawn here
            content = pickle.dumps((library.in_use(), arguments, dict(entries)), pickle.HIGHEST_PROTOCOL)
            self._answer = self._threads.submit(self._process.communicate, content, _PATIENCE)

    def write(self, stem: Path) -> None:
        """Write PNG and SVG; the path is without their endings."""
        files = self._drawn()
        if files is None:
            from synmodel.report import style  # imports matplotlib

            arguments, entries = self._given
            style.save_both(function_of(self.function)(*arguments), stem, entries)
            return
        for ending, content in files.items():
            stem.with_suffix(ending).write_bytes(content)

    def _drawn(self) -> dict[str, bytes] | None:
        """Content of the files by their endings; None where the other process has not drawn them."""
        if self._answer is None or self._process is None:
            return None
        with suppress(Exception):  # whatever it did in place of an answer
            content, _ = self._answer.result()
            files: dict[str, bytes] = pickle.loads(content)
            return files if self._process.returncode == 0 else None
        return None

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process is not None:
            self._process.kill()
        self._threads.shutdown()  # what waits for the answer of the process ends with it
        if self._process is not None:
            with suppress(OSError), self._process:  # closes its pipes, of which one may have no reader, and waits
                pass


def function_of(name: str) -> Any:
    """The function of ``module:function``."""
    module, function = name.split(":")
    return getattr(import_module(module), function)


_begun: ContextVar[Drawing | None] = ContextVar("drawing", default=None)


@contextmanager
def begun(function: str) -> Iterator[None]:
    """Within the block a process gets ready for the figure of a function, ``module:function``."""
    drawing = Drawing(function, _process(function))
    token = _begun.set(drawing)
    try:
        yield
    finally:
        _begun.reset(token)
        drawing.close()


def drawing_of(function: str) -> Drawing:
    """The drawing that was begun for a function; where none was, one without a process."""
    drawing = _begun.get()
    return Drawing(function) if drawing is None or drawing.function != function else drawing


def _process(function: str) -> Process | None:
    """A process that draws; None where there is no core for it, or none can be begun."""
    if _cores() < 2 or not sys.executable or getattr(sys, "frozen", False):
        return None
    command = [sys.executable, "-P", "-c", _CHILD, function, *sys.path]
    with suppress(OSError, ValueError), _interruptions_held():
        # One thread, so that it can split in two without leaving a thread of a library behind.
        alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=alone)
    return None


@contextmanager
def _interruptions_held() -> Iterator[None]:
    """A process that begins within the block never hears Ctrl-C, which a terminal sends to all: the command ends it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cores() -> int:
    """Cores that this process may use; one where somebody asks for one thread."""
    if os.environ.get("NUMBA_NUM_THREADS") == "1":
        return 1
    return usable_cores()
