"""Arrows: what genotype, stress and treatments leave of each arrow of the cascade, on the time grid.

Each condition holds from a day to a day (left end included); its factors multiply those of the others and its
additions add up. A spell jumps on and off, so its ends must stand on the grid (:func:`corners`); an arrow that no
condition names is the number 1, which changes no bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synmodel.scenario import Scenario, Spell
from synmodel.scenario.conditions import load_condition

__all__ = ["NEUTRAL", "Arrows", "arrows_of", "corners"]

Array = NDArray[np.float64]
_JUMP_DAY = 1e-6  # a tenth of a second, before which a spell is off


@dataclass(frozen=True)
class Arrows:
    """Factors by arrow and additions by signal, each (n_time,)."""

    factors: Mapping[str, Array] = field(default_factory=dict)
    adds: Mapping[str, Array] = field(default_factory=dict)

    def factor(self, arrow: str) -> Array | float:
        """Factor on an arrow; 1 if no condition names it."""
        return self.factors.get(arrow, 1.0)

    def added(self, signal: str) -> Array | float:
        """What is added to a signal; 0 if no condition names it."""
        return self.adds.get(signal, 0.0)


NEUTRAL = Arrows()
"""No condition at all."""


def arrows_of(scenario: Scenario, times: Array) -> Arrows:
    """Arrows of a scenario at grid times (n_time,) [day]."""
    spells = list(scenario.spells)
    conditions = [(load_condition(spell.name), spell.strength, _lasting(spell, times)) for spell in spells]
    if scenario.subject.genotype != "wild-type":
        conditions.insert(0, (load_condition(scenario.subject.genotype), 1.0, np.ones(len(times), bool)))
    factors: dict[str, Array] = {}
    adds: dict[str, Array] = {}
    for condition, strength, on in conditions:
        for arrow in condition.factors:
            if arrow == "5ht2a":
                continue  # the Exposure has it already
            factors[arrow] = factors.get(arrow, np.ones(len(times))) * np.where(
                on, condition.factor(arrow, strength), 1.0
            )
        for signal in condition.adds:
            adds[signal] = adds.get(signal, np.zeros(len(times))) + np.where(on, condition.added(signal, strength), 0.0)
    return Arrows(factors, adds)


def corners(spells: Sequence[Spell]) -> tuple[list[float], list[float]]:
    """Days at which spells jump, and these with the days just before: what the grid must hold."""
    jumps = [day for spell in spells for day in spell.edges]
    return jumps, [day for jump in jumps for day in (jump - _JUMP_DAY, jump)]


def _lasting(spell: Spell, times: Array) -> NDArray[np.bool_]:
    first = -np.inf if spell.from_day is None else spell.from_day
    last = np.inf if spell.to_day is None else spell.to_day
    return (times >= first) & (times < last)
