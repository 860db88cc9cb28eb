"""What head twitches say of one parameter, such as the K_B of ketanserin: the profile of -2 log L over it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from synmodel.core.errors import FitError
from synmodel.inference.summaries.twitches import TwitchData
from synmodel.library.parameters import ParameterSet

__all__ = ["TwitchProfile", "fit_twitches", "twitch_profile"]

Array = NDArray[np.float64]


class TwitchProfile(NamedTuple):
    """Excess of -2 log L with priors over its least, with all other parameters at their best; both are (n,)."""

    name: str
    grid: Array
    excess: Array

    def interval(self, excess: float = 3.841) -> tuple[float, float]:
        """Values between which the excess stays below a bound, by default that of 95 %.

        An end that is an end of the grid was not reached: the data bound the parameter from the other side only.
        """
        fine = np.geomspace(self.grid[0], self.grid[-1], 10_001)
        inside = fine[np.interp(np.log(fine), np.log(self.grid), self.excess) <= excess]
        return float(inside[0]), float(inside[-1])


def fit_twitches(
    data: TwitchData, parameters: ParameterSet, free: Sequence[str], start: Array | None = None
) -> tuple[ParameterSet, float]:
    """Parameters at which head twitches and the priors of the free ones are most probable, and -2 log L with priors.

    Parameters
    ----------
    data : TwitchData
        Head twitches.
    parameters : ParameterSet
        Values of all others, and the start.
    free : sequence of str
        Names of the free parameters.
    start : (n_free,) ndarray, optional
        Another start, on the scales of the fit.
    """
    free = list(free)
    values = parameters.as_floats()
    believed = [(at, parameters[name]) for at, name in enumerate(free)]
    lower, upper = parameters.bounds(free)
    if not free:
        return parameters, float((data.residuals(values) ** 2).sum())

    def residuals(vector: Array) -> Array:
        distances = [
            (vector[at] - each.to_coordinate(each.prior.centre)) / each.prior.spread
            for at, each in believed
            if each.prior is not None
        ]
        return np.concatenate([data.residuals({**values, **parameters.unpack(vector, free)}), distances])

    given = parameters.pack(free) if start is None else start
    inside = np.clip(given, lower + 1e-9, upper - 1e-9)
    found = least_squares(residuals, inside, bounds=(lower, upper), x_scale="jac")
    return parameters.replace(parameters.unpack(found.x, free)), 2.0 * float(found.cost)


def twitch_profile(
    data: TwitchData, parameters: ParameterSet, name: str, grid: Sequence[float], free: Sequence[str] | None = None
) -> TwitchProfile:
    """Profile of a parameter without its own prior; the priors of the others count.

    Parameters
    ----------
    data : TwitchData
        Head twitches.
    parameters : ParameterSet
        Values of what is not free.
    name : str
        Of the parameter.
    grid : sequence of float
        Rising values above 0.
    free : sequence of str, optional
        Names that are fitted at each of them; default: all others on which the data depend.

    Raises
    ------
    FitError
        If the grid does not rise, or the data do not depend on the parameter.
    """
    values = np.asarray(grid, float)
    if len(values) < 2 or values[0] <= 0 or np.any(np.diff(values) <= 0):
        message = f"the grid of {name} is {values.tolist()}; give two or more rising values above 0"
        raise FitError(message)
    if name not in data.free_names:
        message = f"head twitches do not depend on {name}; they depend on {', '.join(data.free_names)}"
        raise FitError(message)
    others = [each for each in (data.free_names if free is None else free) if each != name]
    costs = []
    starts: list[Array | None] = [None]
    for value in values.tolist():
        there = parameters.replace({name: value})
        tries = [fit_twitches(data, there, others, start) for start in starts]
        best, cost = min(tries, key=lambda each: each[1])
        starts = [None, best.pack(others)]
        costs.append(cost)
    return TwitchProfile(name, values, np.array(costs) - min(costs))
