"""Numbers as users give them: whole numbers and arrays, or one line that says what is wrong."""

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError

__all__ = ["LARGEST_NUMBER", "number_array", "one_number", "whole_number"]

LARGEST_NUMBER = 2**31 - 1
"""Of spines: numbers are kept as 32-bit integers."""


def whole_number(name: str, given: Any, most: int | None = None, least: int = 1) -> int:
    """``given`` as an int of at least ``least``; 3.0 and True are no whole numbers, though Python counts with them.

    Raises
    ------
    SimulationError
        For anything else.
    """
    try:
        number = least - 1 if isinstance(given, bool | np.bool_) else operator.index(given)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        message = f"{name} is {given!r}; it must be a whole number {allowed}"
        raise SimulationError(message)
    return number


def number_array(name: str, given: object, meaning: str) -> NDArray[np.float64]:
    """``given`` as an array of float; text, dates and rows of different lengths are refused.

    Raises
    ------
    SimulationError
        With ``meaning``, which says what to give.
    """
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        message = f"{name} is {_shown(given)}; give {meaning}"
        raise SimulationError(message)
    return array.astype(float)


def one_number(name: str, given: object, meaning: str) -> float:
    """``given`` as a finite float.

    Raises
    ------
    SimulationError
        With ``meaning``, which says what to give.
    """
    array = number_array(name, given, meaning)
    if array.shape != () or not math.isfinite(array):
        message = f"{name} is {_shown(given)}; give {meaning}"
        raise SimulationError(message)
    return float(array)


def _shown(given: object) -> str:
    text = " ".join(repr(given).split())
    return text if len(text) <= 60 else text[:57] + "..."
