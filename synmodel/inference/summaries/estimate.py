"""What a fit of group summaries gives to everything after it: an estimate, and draws around it.

A :class:`~synmodel.inference.summaries.summary_fit.Fit` draws from the Gaussian approximation at its maximum, a
:class:`~synmodel.inference.summaries.joint.Posterior` from the posterior that was sampled; whatever reports a number of
a drug takes either.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel.core.randomness import generator_of
from synmodel.data.summaries import FITTED
from synmodel.inference.summaries.hierarchy import EFFECTS, SCALED, arm_factors, effect_factor
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.inference.summaries.targets import Unit
from synmodel.library.parameters import ParameterSet, default_parameters

__all__ = ["LEVEL", "Estimate"]

Array = NDArray[np.float64]
LEVEL = 0.95
"""Confidence level of all intervals."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A problem and one vector of its free parameters.

    Attributes
    ----------
    problem : SummaryProblem
        What was fitted.
    vector : (n_free,) ndarray
        Estimate on the scales of the fit.
    """

    problem: SummaryProblem
    vector: Array

    @property
    def values(self) -> dict[str, float]:
        """All parameter values at the estimate, by name."""
        return self.problem.values(self.vector)

    @property
    def parameters(self) -> ParameterSet:
        """The parameter set with the estimates in place."""
        return self.problem.parameters.replace(self.problem.parameters.unpack(self.vector, self.problem.free))

    def draws(self, n: int, seed: int) -> Array:
        """(n, n_free) draws on the scales of the fit."""
        raise NotImplementedError

    def in_library(self, study: str, arm: str, vector: Array | None = None) -> ParameterSet:
        """Parameters of the library with which a scenario repeats an arm.

        What the arm and its study have of their own is in the rates and gains.
        """
        target = next(t for t in self.problem.arms if (t.study.name, t.arm.name) == (study, arm))
        values = self.problem.values(self.vector if vector is None else vector)
        formation, elimination = arm_factors(target.study, arm, values)
        values[f"{study}.formation"] *= formation
        for key in ("loss_nascent", "loss_mature"):
            values[f"{study}.{key}"] *= elimination
        return _of_library(values, {effect: effect_factor(study, effect, values) for effect in EFFECTS})

    def typical(self) -> ParameterSet:
        """Parameters of the library at the estimate, with effects as in the typical study."""
        return _of_library(self.values, dict.fromkeys(EFFECTS, 1.0))

    def scenarios(self, n: int, seed: int) -> Iterator[ParameterSet]:
        """Parameters of the library at n draws, with the effects of a new laboratory (none of the fitted studies).

        Size and duration of each effect are multiplied by exp(s u), with the spread s of the draw and a new u, normal
        with spread 1: an interval over them is wider than one for a laboratory that was seen.
        """
        generator = generator_of(seed, "another laboratory")
        for vector in self.draws(n, seed):
            yield self.in_laboratory(generator.standard_normal(len(EFFECTS)), vector)

    def in_laboratory(self, u: Array, vector: Array | None = None) -> ParameterSet:
        """Parameters of the library in a laboratory that differs from the typical one by u, (n_effect,) spreads."""
        values = self.problem.values(self.vector if vector is None else vector)
        factors = {
            effect: math.exp(values[f"spread.{effect}"] * z) for effect, z in zip(EFFECTS, u.tolist(), strict=True)
        }
        return _of_library(values, factors)

    def chi2(self, study: str, quantities: Sequence[str] = FITTED, unit: Unit = "dendrite") -> tuple[float, int]:
        """Sum of squared residuals of a study's quantities at the estimate, and their number.

        Parameters
        ----------
        unit : {"dendrite", "mouse"}
            SEM by which residuals are measured; it need not be the one that was fitted.
        """
        total, number = 0.0, 0
        residuals = self.problem.all_standardised(self.vector)
        for target, quantity, where in self.problem.layout():
            if target.study.name != study or quantity not in quantities:
                continue
            scale = np.ones(where.stop - where.start)
            if quantity != "new_spine_persistence":
                means = next(m for m in target.means if m.quantity == quantity)
                scale = means.sem(self.problem.unit) / means.sem(unit)
            total += float(np.sum((residuals[where] * scale) ** 2))
            number += where.stop - where.start
        return total, number


def _of_library(values: dict[str, float], factors: Mapping[str, float]) -> ParameterSet:
    """The parameters of the library at values by name, what differs multiplied, within their supports."""
    base = default_parameters()  # with entries of one's own that the estimate may not know
    scaled = values | {name: values[name] * factors[effect] for effect, scaled in SCALED.items() for name in scaled}
    return base.replace(
        {name: min(max(scaled[name], base[name].lower), base[name].upper) for name in base if name in scaled}
    )
