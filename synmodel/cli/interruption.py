"""Ctrl-C: it ends a command wherever that is, in compiled code too, and where another library has lost it."""

import os
import signal
import socket
import sys
import threading
import time
from typing import NoReturn

from synmodel.cli import log as cli_log

__all__ = ["INTERRUPTED", "NOTHING_WRITTEN", "hear_interruptions", "heed_interruption"]

INTERRUPTED = 130
NOTHING_WRITTEN = "interrupted; no result was written"
_AGAIN = "interrupted again; ended at once"
_PATIENCE_SECONDS = 2.0
_APART_SECONDS = 0.5
"""What comes sooner is the same interruption: `timeout` sends it to the process, then to its group."""
_interrupted = threading.Event()


def hear_interruptions() -> threading.Event:
    """Let Ctrl-C end the command, in a compiled loop too; the event is set by an interruption.

    Python acts on a signal between two of its own instructions, so not before a compiled loop has ended. The system
    notes the signal at once, and a thread that waits for the note ends the process where Python has not acted on it in
    two seconds, or where a second Ctrl-C comes. What such a process had begun to write is removed by the next command
    that writes there.

    An interruption may also be lost: compiled code of other libraries prints what is raised in it and goes on with
    what it has. Hence the event, which :func:`heed_interruption` looks at.
    """
    _interrupted.clear()
    acted = threading.Event()  # stays, whoever clears the other

    def interrupt(*_: object) -> None:
        acted.set()
        _interrupted.set()
        raise KeyboardInterrupt

    def wait(notes: socket.socket) -> None:
        first: float | None = None
        patience: float | None = None
        while True:
            notes.settimeout(patience)
            try:
                note = notes.recv(1)
            except TimeoutError:
                if not acted.is_set():
                    _end_at_once(NOTHING_WRITTEN)
                patience = None
                continue
            if not note:
                return
            if note[0] != signal.SIGINT or signal.getsignal(signal.SIGINT) is not interrupt:  # that of a server
                continue
            now = time.monotonic()
            first = now if first is None else first
            if now - first > _APART_SECONDS:
                _end_at_once(_AGAIN)
            patience = _PATIENCE_SECONDS

    signal.signal(signal.SIGINT, interrupt)
    notes, noted = socket.socketpair()
    noted.setblocking(False)
    signal.set_wakeup_fd(noted.detach(), warn_on_full_buffer=False)
    threading.Thread(target=wait, args=(notes,), daemon=True).start()
    return _interrupted


def _end_at_once(line: str) -> NoReturn:
    sys.stderr.write(f"synmodel: {line}\n")
    sys.stderr.flush()
    cli_log.ended(INTERRUPTED, line)
    os._exit(INTERRUPTED)


def heed_interruption() -> None:
    """End where an interruption has come, and been lost.

    Raises
    ------
    KeyboardInterrupt
        If there was one since :func:`hear_interruptions`.
    """
    if _interrupted.is_set():
        raise KeyboardInterrupt
