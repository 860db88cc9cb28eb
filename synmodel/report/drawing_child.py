"""The process that draws a figure for a command, see :mod:`synmodel.report.drawing`.

It loads what the figure needs and then waits. It is told on standard input what to draw, and answers on standard output
with the content of the files. Where the input ends without a word, the command has ended, and so does it. What goes
wrong it leaves to the command, which draws the figure itself and tells of it.
"""

import gc
import os
import pickle
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import BinaryIO

from matplotlib.figure import Figure

from synmodel import library
from synmodel.report import style
from synmodel.report.drawing import function_of

__all__ = ["main"]


def main(function: str) -> None:
    """Draw one figure, of a function ``module:function``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be kept from hearing it
    gc.disable()  # it ends before that would pay
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    status = 1
    try:
        with suppress(Exception):  # the command meets it again
            sys.modules["pint"] = None  # type: ignore[assignment]  # xarray would load it for a tenth of a second
            draw = function_of(function)
            content = sys.stdin.buffer.read()
            if content:
                own, arguments, entries = pickle.loads(content)
                with library.using(own=own):
                    figure = draw(*arguments)
                pickle.dump(_both(figure, entries, answers), answers)
                answers.close()
                status = 0
    finally:
        os._exit(status)


def _both(figure: Figure, entries: Mapping[str, str], answers: BinaryIO) -> dict[str, bytes]:
    """PNG and SVG; where processes can be split in two, each draws one of them."""
    if sys.platform != "linux":  # elsewhere libraries of the system do not bear it
        return {ending: style.drawn(figure, ending, entries) for ending in (".png", ".svg")}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            answers.close()
            os.close(reading)
            with suppress(Exception):
                with os.fdopen(writing, "wb") as file:
                    file.write(style.drawn(figure, ".svg", entries))
                status = 0
        finally:
            os._exit(status)
    os.close(writing)
    png = style.drawn(figure, ".png", entries)
    with os.fdopen(reading, "rb") as file:
        svg = file.read()
    if os.waitpid(child, 0)[1]:
        message = "the SVG was not drawn"
        raise RuntimeError(message)
    return {".png": png, ".svg": svg}
