r"""Power of a planned comparison without simulation.

The mean of a mouse has variance b + w / dendrites (:mod:`synmodel.planning.moments`), the two arms differ by the exact
difference of their means, and T is noncentral t with Satterthwaite's degrees of freedom: exact but for the normality of
the means of mice, which are means over many dendrites.

========== ===========================================================================================
analysis   rejects where |T| exceeds
========== ===========================================================================================
welch      the quantile of Student's t: the mouse is the unit
mixed      1.96: a mixed model's Wald test is the same contrast against the normal law (an approximation)
likelihood 1.96, for the estimate of the effect with the smallest variance that the fractions allow
           (:mod:`synmodel.planning.information`; an approximation to the likelihood of counts)
========== ===========================================================================================

Where the effect is not stated but that of the model, power is averaged over draws of the posterior.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synmodel.imaging.power import welch_powers
from synmodel.planning.arms import Arms
from synmodel.planning.outcome import Outcome

__all__ = ["ANALYSES", "Analysis", "Contrast", "contrast_of", "fewest_mice"]

Array = NDArray[np.float64]
Analysis = Literal["welch", "mixed", "likelihood"]
ANALYSES: tuple[Analysis, ...] = ("welch", "mixed", "likelihood")
FEWEST_MICE = 2


@dataclass(frozen=True, eq=False)
class Contrast:
    """Difference of two arms in one outcome, over draws.

    Attributes
    ----------
    difference : (n_draw,) ndarray
        Treated minus control.
    between, within : (2, n_draw) ndarray
        Variances between mice and between dendrites of a mouse, of the treated arm and of its control.
    """

    difference: Array
    between: Array
    within: Array

    def variances(self, dendrites: int) -> tuple[Array, Array]:
        """Variance of the mean of a mouse in each arm, each (n_draw,)."""
        first, second = self.between + self.within / dendrites
        return first, second

    def strength(self, dendrites: int) -> float:
        """Difference over its standard error with one mouse per arm, at the first draw."""
        first, second = self.variances(dendrites)
        return abs(float(self.difference[0])) / math.sqrt(first[0] + second[0])

    def power(self, mice: int, dendrites: int, *, analysis: Analysis = "welch") -> float:
        """Mean power over the draws, at the level of 5 %."""
        normal = analysis != "welch"
        return float(np.mean(welch_powers(self.difference, self.variances(dendrites), mice, normal=normal)))


def contrast_of(arms: Sequence[Arms], days: Sequence[float], sessions: Sequence[float], outcome: Outcome) -> Contrast:
    """The contrast of an outcome between some of the candidate days.

    Parameters
    ----------
    arms : sequence of Arms
        One for each draw.
    days : sequence of float
        All candidate days, over which courses are kept.
    sessions : sequence of float
        Those that are imaged.
    """
    weights = outcome.weights(sessions)
    rows = []
    for each in arms:
        both = [course.moments(sessions) for course in each.courses(days)]
        spread = [[weights @ of @ weights for of in (m.between, m.within)] for m in both]
        rows.append([weights @ (both[0].mean - both[1].mean), *np.transpose(spread).ravel()])
    table = np.array(rows).T
    return Contrast(table[0], table[1:3], table[3:5])


def fewest_mice(power: Callable[[int], float], target: float, most: int) -> int | None:
    """Fewest mice per arm whose power, which rises with them, reaches the target; None if ``most`` do not."""
    if power(most) < target:
        return None
    low, high = FEWEST_MICE - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= target else (middle, high)
    return high
