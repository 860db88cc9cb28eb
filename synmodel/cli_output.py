"""What the command line says: tables on stdout; bars with the time left, and lines of the log, on stderr."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["print_tables", "progress"]


def _show_log() -> None:
    """Lines of the log on stderr: that kernels are being compiled, or that workers are waited for."""
    log = logging.getLogger("synmodel")
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("synmodel: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A callable (what, done, of) that draws progress bars on stderr; None when quiet."""
    if quiet:
        yield None
        return
    _show_log()
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


def print_tables(tables: "list[Table]") -> None:
    """Print tables, as wide as the terminal or 120 columns."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables:
        # Rich would break a title to the width of its table, which may be narrow; a line of its own has all the room.
        title, table.title = table.title, None
        console.print(title)
        console.print(table)
