r"""What a laboratory takes of a dendrite: one number per quantity, a weighted sum of its fractions.

``level``: the mean fraction over the intervals that end after the dose and no later than ``until``. ``change``: the
same less the mean fraction over the intervals that end before the dose, so that mice that differ all along do not blur
the difference. Intervals that hold the dose count as after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.planning.effects import QUANTITIES
from synmodel.core.errors import DesignError

__all__ = ["DendriteOutcome", "Measure", "outcome_weights"]

Array = NDArray[np.float64]
Measure = Literal["change", "level"]


@dataclass(frozen=True)
class DendriteOutcome:
    """One number per dendrite.

    Parameters
    ----------
    quantity : {"formation", "elimination"}
    measure : {"change", "level"}
    dose_day, until : float
        Day of the dose, and last day of what counts as its effect.
    """

    quantity: str
    measure: Measure
    dose_day: float
    until: float

    def weights(self, sessions: Sequence[float]) -> Array:
        """(2 n,) weights of the fractions of formation and then of elimination; see :func:`outcome_weights`."""
        own = outcome_weights(sessions, self.dose_day, self.until, self.measure)
        none = np.zeros_like(own)
        return np.concatenate([own, none] if self.quantity == QUANTITIES[0] else [none, own])


def outcome_weights(sessions: Sequence[float], dose_day: float, until: float, measure: Measure) -> Array:
    """(n,) weights of the intervals between sessions.

    Raises
    ------
    DesignError
        If no interval ends after the dose and by ``until``, or a change has no interval before the dose.
    """
    ends = np.asarray(sessions, float)[1:]
    after, before = (ends > dose_day) & (ends <= until), ends <= dose_day
    days = ", ".join(f"{day:g}" for day in sessions)
    if not after.any():
        message = f"no interval of the sessions {days} ends after day {dose_day:g} and by day {until:g}; change --until"
        raise DesignError(message)
    if measure == "change" and not before.any():
        message = (
            f"the sessions {days} have no interval before the dose, from which a change could be taken; give two "
            "sessions before it, or --measure level"
        )
        raise DesignError(message)
    weights = after / after.sum()
    return weights - before / before.sum() if measure == "change" else weights
