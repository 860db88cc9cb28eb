"""The spines that are there at the first session: fixed numbers or Poisson numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError, did_you_mean
from synmodel.turnover.arguments import LARGEST_NUMBER, number_array
from synmodel.turnover.model import TurnoverModel

__all__ = ["Initial", "read_initial"]


@dataclass(frozen=True)
class Initial:
    """Numbers by class; ``poisson`` says whether they are the means of Poisson numbers."""

    numbers: tuple[float, ...]
    poisson: bool

    @property
    def array(self) -> NDArray[np.float64]:
        """(n_class,) numbers or means."""
        return np.array(self.numbers)


def read_initial(model: TurnoverModel, initial: object) -> Initial:
    """Initial numbers from what a user gives.

    Parameters
    ----------
    model : TurnoverModel
        Whose classes they are.
    initial : mapping, sequence or str
        ``{"nascent": 2, "mature": 35}`` or ``[2, 35]``: fixed numbers, classes left out are 0.
        ``{"poisson": {...}}`` or ``{"poisson": [...]}``: means of independent Poisson numbers;
        ``{"poisson": 37}``: their total, in the stationary proportions of the classes.
        ``"stationary"``: Poisson numbers at the balance of formation and elimination.

    Raises
    ------
    SimulationError
        For unknown classes or numbers that are negative, not finite or (if fixed) not whole.
    """
    if isinstance(initial, Initial):
        return initial
    if isinstance(initial, str):
        if initial != "stationary":
            message = f"initial is {initial!r}; the only word allowed is 'stationary'"
            raise SimulationError(message)
        return Initial(tuple(model.stationary().tolist()), poisson=True)
    if isinstance(initial, Mapping) and "poisson" in initial and "poisson" not in model.classes:
        if len(initial) > 1:
            message = f"initial has keys {sorted(map(str, initial))}; give either 'poisson' or class names"
            raise SimulationError(message)
        means = initial["poisson"]
        if isinstance(means, int | float | np.number):
            stationary = model.stationary()
            if not stationary.any():
                message = (
                    f"initial['poisson'] is {means!r} in stationary proportions, but a model without formation keeps "
                    f"no spines; give a mean for each of the classes {', '.join(model.classes)}"
                )
                raise SimulationError(message)
            means = stationary / stationary.sum() * float(means)
        return Initial(_numbers(model, means, "initial['poisson']"), poisson=True)
    numbers = _numbers(model, initial, "initial")
    if any(number != int(number) for number in numbers):
        message = f"initial is {list(numbers)}; fixed numbers of spines are whole, for means use {{'poisson': ...}}"
        raise SimulationError(message)
    return Initial(numbers, poisson=False)


def _numbers(model: TurnoverModel, given: object, where: str) -> tuple[float, ...]:
    if isinstance(given, Mapping):
        for name in given:
            if name not in model.classes:
                message = f"{where}[{name!r}] is not a class; {did_you_mean(str(name), model.classes)}"
                raise SimulationError(message)
        given = [given.get(name, 0.0) for name in model.classes]
    if not isinstance(given, Sequence | np.ndarray) or len(given) != model.n_class:
        message = f"{where} is {given!r}; give a number for each of the classes {', '.join(model.classes)}"
        raise SimulationError(message)
    array = number_array(where, given, "a number for each class")
    numbers = tuple(array.ravel().tolist())
    if len(numbers) != model.n_class or any(not 0 <= number <= LARGEST_NUMBER for number in numbers):
        message = f"{where} is {list(numbers)}; numbers of spines are from 0 to {LARGEST_NUMBER}"
        raise SimulationError(message)
    return numbers
