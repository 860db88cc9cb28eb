"""Slopes of what a drive is made from: factors of studies, pulses of an arm, and signals of receptors.

Signals come from many small pieces of pharmacology (binding, kinetics, targets of one's own), so their slopes are
taken by central differences of the signals alone; all that follows, through the cascade to the folds, is exact. With a
step of 1e-4 of the parameter their error is below 1e-7 of the largest slope of a fold (tested).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synmodel.inference.summaries.hierarchy import EFFECTS, effect_factor
from synmodel.signalling.signals import Signals
from synmodel.signalling.slopes import pulse_fold_slopes

__all__ = ["effect_factor_slopes", "pulse_slopes_of", "signal_slopes"]

Array = NDArray[np.float64]
_STEP = 1e-4


class _Sending(Protocol):
    def __call__(self, values: Mapping[str, float], moved: str, /) -> Signals: ...


def effect_factor_slopes(
    study: str, effect: str, values: Mapping[str, float], names: Sequence[str]
) -> Iterator[tuple[int, float]]:
    """Places among the names, and slopes of :func:`synmodel.inference.summaries.hierarchy.effect_factor` there."""
    own, spread = f"{study}.effect_on.{effect}", f"spread.{effect}"
    factor = effect_factor(study, effect, values)
    if own in names and spread in values:
        yield list(names).index(own), factor * values[spread]
    if spread in names:
        yield list(names).index(spread), factor * values.get(own, 0.0)


def pulse_slopes_of(
    study: str, events: Sequence[tuple[str, float]], grid: Array, values: Mapping[str, float], names: Sequence[str]
) -> dict[str, Array]:
    """Slopes of the pulses of an arm, effect -> (name, n_time).

    Parameters
    ----------
    study : str
        Of the arm.
    events : sequence of (compound, day)
    grid : (n_time,) ndarray
        [day].
    values, names
        Parameter values, and those whose slopes are wanted.
    """
    factors = {effect: effect_factor(study, effect, values) for effect in EFFECTS}
    found = pulse_fold_slopes(events, grid, values, factors)
    slopes: dict[str, Array] = {}

    def add(effect: str, at: int, change: Array) -> None:
        slopes.setdefault(effect, np.zeros((len(names), len(grid))))[at] += change

    for at, name in enumerate(names):
        for effect, change in found.get(name, {}).items():
            add(effect, at, change)
    for scaled in EFFECTS:
        for at, of_factor in effect_factor_slopes(study, scaled, values, names):
            for effect, change in found.get(scaled, {}).items():
                add(effect, at, of_factor * change)
    return slopes


def signal_slopes(signals: _Sending, values: Mapping[str, float], name: str) -> Signals:
    """Slopes of signals in one parameter, by central differences.

    Parameters
    ----------
    signals : callable
        From parameter values, and the name of the one that moved.
    values : mapping
        Where.
    name : str
        The parameter.
    """
    step = _STEP * (abs(values[name]) or 1.0)
    if values[name] == 0.0:  # the end of a support: from above
        there = [signals({**values, name: k * step}, name) for k in (0, 1, 2)]
        parts = ([getattr(each, f.name) for each in there] for f in fields(Signals))
        return Signals(*((4.0 * b - 3.0 * a - c) / (2.0 * step) for a, b, c in parts))
    up, down = (signals({**values, name: values[name] + sign * step}, name) for sign in (1.0, -1.0))
    return Signals(*((getattr(up, f.name) - getattr(down, f.name)) / (2.0 * step) for f in fields(Signals)))
