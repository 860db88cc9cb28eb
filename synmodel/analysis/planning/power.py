r"""Power of a planned comparison without simulation.

The mean of a mouse has variance v = b + w / dendrites (:mod:`synmodel.analysis.planning.moments`), and the arms differ
by the exact difference d of their means. With means of mice that are normal, as means over many dendrites nearly are,
and n mice per arm, the sample variances s are gamma distributed and independent of the difference, so that the power is

::

    E [ P(|d + sqrt((v1 + v2) / n) Z| > c(s1, s2) sqrt((s1 + s2) / n)) ]

over s1 and s2 (Gauss quadrature), with the critical value c that the analysis takes. This is exact for normal means,
for Welch's t as well, whose degrees of freedom are themselves estimated: the usual noncentral t with Satterthwaite's
degrees of freedom is 3 percentage points too high for four mice. Three mice are the fewest, as two say nothing of how
much they differ.

========== ===========================================================================================
analysis   c
========== ===========================================================================================
welch      the quantile of Student's t with Welch's degrees of freedom: the mouse is the unit
mixed      1.96: a mixed model's Wald test is the same contrast against the normal law (an approximation)
likelihood 1.96, for the estimate of ln fold with the smallest variance that the fractions allow, turnover and scoring
           unknown (:mod:`synmodel.analysis.planning.information`; an approximation, too low for elimination)
========== ===========================================================================================

Where the effect is not stated but that of the model, power is averaged over draws of the posterior.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.outcome import DendriteOutcome
from synmodel.core.gamma import gamma_nodes

__all__ = [
    "ANALYSES",
    "FEWEST_MICE",
    "Analysis",
    "ArmContrast",
    "Power",
    "contrast_of",
    "fewest_mice",
    "least_power",
    "welch_power",
]

Array = NDArray[np.float64]
Analysis = Literal["welch", "mixed", "likelihood"]
Power = Callable[[int], float]
"""Of a number of mice per arm."""
ANALYSES: tuple[Analysis, ...] = ("welch", "mixed", "likelihood")
FEWEST_MICE = 3
_NORMAL = float(ndtri(0.975))
_NODES, _TABLE = 24, 4001


@dataclass(frozen=True, eq=False)
class ArmContrast:
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
        return float(np.mean(welch_power(self.difference, self.variances(dendrites), mice, wald=analysis != "welch")))


def welch_power(difference: Array, variances: tuple[Array, Array], mice: int, *, wald: bool = False) -> Array:
    """Power of Welch's two-sided t at 5 % with equal numbers of mice whose means are normal.

    Parameters
    ----------
    difference : (n,) ndarray
    variances : two (n,) ndarray
        Of the mean of a mouse in each arm.
    mice : int
        Per arm, at least 3.
    wald : bool
        Compare with the normal law instead.
    """
    nodes, weights = gamma_nodes(math.sqrt(2.0 / (mice - 1)), _NODES)
    first, second = variances[0][:, None] * nodes, variances[1][:, None] * nodes
    first, second = first[:, :, None], second[:, None, :]
    critical = np.full((1, 1, 1), _NORMAL)
    if not wald:
        inverse_freedom = (first**2 + second**2) / (first + second) ** 2 / (mice - 1)
        critical = np.interp(inverse_freedom, *_critical_values())
    reach = critical * np.sqrt((first + second) / mice)
    error = np.sqrt((variances[0] + variances[1]) / mice)[:, None, None]
    away = np.abs(difference)[:, None, None]
    found = ndtr((away - reach) / error) + ndtr((-away - reach) / error)
    return np.einsum("nij,i,j->n", found, weights, weights)


@cache
def _critical_values() -> tuple[Array, Array]:
    """Quantiles of Student's t over the inverse of its degrees of freedom, from infinitely many to one."""
    inverse = np.linspace(0.0, 1.0, _TABLE)
    return inverse, np.concatenate([[_NORMAL], stdtrit(1.0 / inverse[1:], 0.975)])


def contrast_of(
    arms: Sequence[Arms], days: Sequence[float], sessions: Sequence[float], outcome: DendriteOutcome
) -> ArmContrast:
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
    return ArmContrast(table[0], table[1:3], table[3:5])


def least_power(contrasts: Sequence[ArmContrast], dendrites: int, analysis: Analysis) -> Power:
    """Power at a number of mice per arm: that of the quantity that is found least often."""

    def power(mice: int) -> float:
        return min(each.power(mice, dendrites, analysis=analysis) for each in contrasts)

    return power


def fewest_mice(power: Power, target: float, most: int) -> int | None:
    """Fewest mice per arm whose power, which rises with them, reaches the target; None if ``most`` do not."""
    if power(most) < target:
        return None
    low, high = FEWEST_MICE - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= target else (middle, high)
    return high
