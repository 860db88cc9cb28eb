"""What the command line says: tables on stdout; bars with the time left, and lines of the log, on stderr."""

import logging
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synmodel.cli import log as cli_log
from synmodel.cli.interruption import heed_interruption
from synmodel.cli.loading import all_loaded
from synmodel.core.plain import Json
from synmodel.core.progress import Steps

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["print_json", "print_result", "print_tables", "progress"]


_SECONDS_BETWEEN_LINES, _SECONDS_IN_LOG = 30.0, 5.0


@contextmanager
def progress(quiet: bool) -> Iterator[Steps]:
    """A callable (what, done, of) that tells on stderr how far work is and what time is left; nothing when quiet.

    On a terminal it draws bars; in the log file of a cluster it writes a line now and then. Each call, and the end of
    the work, ends the command where it was interrupted and the interruption was lost.
    """
    all_loaded()
    logged = [_Lines(cli_log.note_progress, _SECONDS_IN_LOG)] if cli_log.is_open() else []
    with _shown(quiet) as shown:
        yield _all([_heed, *shown, *logged])
        heed_interruption()


def _heed(_what: str, _done: int, _of: int) -> None:
    heed_interruption()


@contextmanager
def _shown(quiet: bool) -> Iterator[list[Steps]]:
    if quiet:
        yield []
        return
    with _log_shown():
        if sys.stderr.isatty():
            with _bars() as report:
                yield [report]
        else:
            yield [_Lines(_to_stderr, _SECONDS_BETWEEN_LINES)]


def _all(reports: Sequence[Steps]) -> Steps:
    """One callable that tells all of them."""

    def report(what: str, done: int, of: int) -> None:
        for each in reports:
            each(what, done, of)

    return report


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"synmodel: {line}\n")
    sys.stderr.flush()


@contextmanager
def _log_shown() -> Iterator[None]:
    """Lines of the log on stderr: that kernels are being compiled, or that workers are waited for."""
    log, level = logging.getLogger("synmodel"), logging.getLogger("synmodel").level
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("synmodel: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


@contextmanager
def _bars() -> Iterator[Steps]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True))
    tasks: dict[str, Any] = {}

    def report(what: str, done: int, of: int) -> None:
        bars.start()  # not before there is something to draw: an empty bar leaves a blank line before an error
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=of or None)  # 0: not known
        bars.update(tasks[what], completed=done)

    try:
        yield report
    finally:
        if tasks:
            bars.stop()


class _Lines:
    """Progress as lines: the first report, the last, and one now and then between them."""

    def __init__(self, write: Callable[[str], None], seconds_between: float) -> None:
        self._write, self._seconds_between = write, seconds_between
        self._began: dict[str, tuple[float, int]] = {}
        self._last: dict[str, float] = {}

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        began, at = self._began.setdefault(what, (now, done))
        if done < of and now - self._last.get(what, -math.inf) < self._seconds_between:
            return
        self._last[what] = now
        left = ""
        if at < done < of:
            left = f", {_clock((now - began) / (done - at) * (of - done))} left"
        elif done == of:
            left = f", took {_clock(now - began)}"
        self._write(f"{what}: {done}{f' of {of}' if of else ''}{left}")


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def print_result(
    document: Json,
    tables_of: "Callable[[Json], list[Table]]",
    out: Path,
    written: Iterable[str],
    *,
    as_json: bool,
    last: str = "",
) -> None:
    """What a verb says of the results that it has written: all as JSON, or tables and the names of the files.

    Before all else, and each in one line however long, stand what contradicts a result and potencies that are assumed.

    Parameters
    ----------
    document : dict
        The result.
    tables_of : callable
        From the document to its tables.
    out, written
        Folder, and names of the files in it.
    as_json : bool
        Whether to print the document alone.
    last : str
        A line behind the tables.
    """
    if as_json:
        print_json(document)
        return
    for entry in document.get("contradictions", ()):
        sys.stdout.write(entry["line"] + "\n")
    for line in document.get("assumed_potencies", ()):
        sys.stdout.write(line + "\n")
    print_tables(tables_of(document))
    sys.stdout.write(f"{last}\n" if last else "")
    sys.stdout.write(f"Written to {out}: {', '.join(written)}\n")


def print_json(document: object) -> None:
    """Print a document as JSON."""
    from synmodel.report.files import to_json

    sys.stdout.write(to_json(document))


def print_tables(tables: "list[Table]") -> None:
    """Print tables, as wide as the terminal or 120 columns."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables:
        # Rich would break a title to the width of its table, which may be narrow; a line of its own has all the room.
        title, table.title = table.title, None
        console.print(title)
        console.print(table)
