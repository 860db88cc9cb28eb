"""What a fit of group summaries gives to everything after it: an estimate, and draws around it.

A :class:`~synmodel.inference.summary_fit.Fit` draws from the Gaussian approximation at its maximum, a
:class:`~synmodel.inference.joint.Posterior` from the posterior that was sampled; whatever reports a number of a drug
takes either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel.data.summaries import FITTED
from synmodel.inference.hierarchy import EFFECTS, GAIN_OF_EFFECT
from synmodel.inference.problem import SummaryProblem
from synmodel.inference.targets import Unit
from synmodel.parameters import ParameterSet, default_parameters
from synmodel.randomness import generator_of

__all__ = ["Estimate"]

Array = NDArray[np.float64]


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

    def scenarios(self, n: int, seed: int) -> Iterator[ParameterSet]:
        """Parameters of the library at n draws, with the effects of a laboratory that no study is of.

        The gain of each effect is multiplied by exp(s u), with the spread s of the draw and a new u, normal with spread 1:
        an interval over them is wider than one for a laboratory that was seen.
        """
        generator = generator_of(seed, "another laboratory")
        base = default_parameters()
        for vector in self.draws(n, seed):
            values = self.problem.values(vector)
            for effect, u in zip(EFFECTS, generator.standard_normal(len(EFFECTS)).tolist(), strict=True):
                gain = GAIN_OF_EFFECT[effect]
                parameter = base[gain]
                scaled = values[gain] * np.exp(values[f"spread.{effect}"] * u)
                values[gain] = float(np.clip(scaled, parameter.lower, parameter.upper))
            yield base.replace({name: values[name] for name in base})

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
