"""How the command line ends when something is wrong: one line on stderr, and an exit status.

====== ==========================================================================
status what happened
====== ==========================================================================
0      all is well, or who reads the output has gone
2      something that the user can mend: input, a full disk, too little memory
3      what nobody expected; please report it
130    interrupted
====== ==========================================================================
"""

import os
import sys
from typing import Any, NoReturn

import typer

from synmodel.cli import log as cli_log
from synmodel.cli.interruption import INTERRUPTED, NOTHING_WRITTEN
from synmodel.core.errors import SynmodelError

__all__ = ["BAD_INPUT", "UNEXPECTED", "end", "told"]

BAD_INPUT, UNEXPECTED = 2, 3
_LONGEST_LINE = 1000
# Typer brings click along from some version on, so the class is found through Typer, not imported from click.
_UsageError: type[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def told(error: BaseException, *, interrupted: bool) -> tuple[str, int]:
    """One line of an error, and the exit status."""
    if isinstance(error, typer.Abort) and not interrupted and isinstance(error.__context__, EOFError):
        error = error.__context__  # typer takes the end of a file for an interruption
    if interrupted or isinstance(error, typer.Abort | KeyboardInterrupt):
        return NOTHING_WRITTEN, INTERRUPTED
    if isinstance(error, SynmodelError):
        return str(error), BAD_INPUT
    if isinstance(error, _UsageError):
        return _usage_fault(error), BAD_INPUT
    if isinstance(error, BrokenPipeError):
        # Python would complain of the pipe once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return "", 0
    if isinstance(error, OSError):
        of_system = error.filename is not None and error.strerror
        return (f"{error.filename}: {error.strerror}" if of_system else str(error)), BAD_INPUT
    if isinstance(error, MemoryError):
        return "there is not enough memory; ask for fewer replicates, animals, dendrites or sessions", BAD_INPUT
    if isinstance(error, RecursionError):
        return "the input is nested too deep", BAD_INPUT
    kind = type(error).__name__
    return f"unexpected {kind}: {error}; SYNMODEL_DEBUG=1 shows where it comes from, please report it", UNEXPECTED


def end(line: str, status: int) -> NoReturn:
    """Say one line, without breaks and short enough to be read, in the log file too, and end."""
    cli_log.ended(status, line)
    line = " ".join("".join(each if each.isprintable() else " " for each in line).split())
    if len(line) > _LONGEST_LINE:
        half = _LONGEST_LINE // 2
        line = f"{line[:half]} ... {line[-half:]}"
    if line:
        sys.stderr.write(f"synmodel: {line}\n")
    sys.exit(status)


def _usage_fault(error: Any) -> str:
    """One line of what click says in a box: the fault, then where to look."""
    fault = " ".join(error.format_message().split()).rstrip(".")
    listed = getattr(error.__cause__, "errors", None)  # some versions of typer have values checked by pydantic
    if listed is not None and error.param is not None:
        from synmodel.core.documents import in_plain_words

        first = listed()[0]
        name = next((each for each in error.param.opts if each.startswith("--")), error.param.name.upper())
        fault = f"{name} is {first['input'] or repr(first['input'])}: {in_plain_words(first)}".rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "synmodel"
    return f"{fault[:1].lower() if listed is None else fault[:1]}{fault[1:]}; see `{command} --help`"
