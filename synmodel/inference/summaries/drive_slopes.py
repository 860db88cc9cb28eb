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
_CENTRAL = ((1.0, 1.0), (-1.0, -1.0))
_FROM_ABOVE = ((0.0, -3.0), (1.0, 4.0), (2.0, -1.0))
"""Steps, and what each weighs in the difference over twice a step."""


class _Sending(Protocol):
    def __call__(self, values: Mapping[str, float], moved: Sequence[str], /) -> Signals: ...


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


def signal_slopes(signals: _Sending, values: Mapping[str, float], names: Sequence[str], *, together: bool) -> Signals:
    """Slopes of signals in parameters by central differences, each (name, n_time) or 0 where none moves it.

    Parameters
    ----------
    signals : callable
        From parameter values, and the names of those that moved.
    values : mapping
        Where.
    names : sequence of str
        The parameters.
    together : bool
        Whether values may be (row, 1): then all steps are rows of one call.
    """
    if not names:
        return Signals(0.0, 0.0, 0.0, 0.0)  # type: ignore[arg-type]
    steps = np.array([_STEP * (abs(values[name]) or 1.0) for name in names])
    rows = [
        (at, share, weight)
        for at, name in enumerate(names)
        for share, weight in (_FROM_ABOVE if values[name] == 0.0 else _CENTRAL)  # 0 is the end of a support
    ]
    weights = np.array([[weight] for *_, weight in rows])
    begin = np.searchsorted([at for at, *_ in rows], np.arange(len(names)))
    if together:
        moved = {name: np.full((len(rows), 1), values[name]) for name in names}
        for row, (at, share, _) in enumerate(rows):
            moved[names[at]][row] += share * steps[at]
        there = signals({**values, **moved}, names)  # type: ignore[dict-item]
        each = [getattr(there, f.name) for f in fields(Signals)]
    else:
        found = [
            signals({**values, names[at]: values[names[at]] + share * steps[at]}, names[at : at + 1])
            for at, share, _ in rows
        ]
        each = [np.stack([getattr(one, f.name) for one in found]) for f in fields(Signals)]
    return Signals(*(
        np.add.reduceat(weights * part, begin) / (2.0 * steps[:, None]) if np.ndim(part) == 2 else 0.0  # type: ignore[arg-type]
        for part in each
    ))  # fmt: skip
