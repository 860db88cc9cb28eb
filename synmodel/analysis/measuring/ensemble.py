r"""Everything that is uncertain at once: draws of the joint posterior, and the numbers that it holds fixed.

Most numbers of compounds are fixed in the joint fit, with a prior. If such a number theta were another, the data would
be fitted again, and the free parameters v would move with it. With residuals r whose squares are -2 log posterior, J =
dr/dv at the estimate and K = dr/dtheta in units of the prior's spread::

    dv = -J^+ K theta, then twice dv <- dv - J^+ (r(v + dv, theta) - r(v, 0))
    Cov(theta | data) = (1 + K' (1 - J J^+) K)^-1

The first is a line, the second Gauss and Newton's steps on the data themselves. A draw of the ensemble is theta ~
N(0, Cov(theta | data)) around the library's values, and v = a draw of the posterior + dv. How far that is from a fit
made anew is checked in ``tests/unit/analysis/test_measuring.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.measuring.conclusions import Measurable
from synmodel.core.randomness import generator_of
from synmodel.inference.summaries.joint import Posterior
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.library.drug_numbers import SPREADS
from synmodel.library.parameters import Parameter, ParameterSet
from synmodel.pharmacology import exposure_parameters

__all__ = ["Ensemble", "Fixed", "fixed_numbers"]

Array = NDArray[np.float64]
_STEP = 0.05  # of a spread
_REFIT_STEPS = 2
_MECHANISM = ("nmda", "serotonin", "cascade")
_CONVENTIONS = ("nmda.disinhibition_gain", "nmda.d1_gain")
"""Numbers that fix a unit: only their products with others have an effect."""


@dataclass(frozen=True)
class Fixed:
    """A number that the joint fit holds fixed, and the spread of its logarithm."""

    parameter: Parameter
    spread: float

    def at(self, z: float) -> float:
        """Value z spreads from that of the library, within its support."""
        value = self.parameter.value * float(np.exp(self.spread * z))
        return min(max(value, self.parameter.lower), self.parameter.upper)


def fixed_numbers(posterior: Posterior, quantities: Sequence[Measurable]) -> list[Fixed]:
    """Numbers of compounds and of the mechanism on which quantities may depend, and which the posterior holds fixed.

    The spread is that of the prior, or by status where a number has none
    (:data:`synmodel.library.drug_numbers.SPREADS`). Numbers at 0 switch a part of the mechanism off and are left out,
    as are blockers, of which there are none, and numbers that fix a unit.
    """
    base, free = posterior.problem.parameters, posterior.problem.free
    read = {name for q in quantities for name in exposure_parameters(q.scenario.regimen.doses, q.scenario.subject)}
    read |= {name for name in base if name.partition(".")[0] in _MECHANISM}
    left_out = {*free, *_CONVENTIONS}
    chosen = [base[name] for name in base if name in read and name not in left_out and base.value(name) > 0]
    return [Fixed(each, each.prior.spread if each.prior is not None else SPREADS[each.status]) for each in chosen]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A posterior and the numbers that it holds fixed.

    Attributes
    ----------
    posterior : Posterior
    fixed : tuple of Fixed
    """

    posterior: Posterior
    fixed: tuple[Fixed, ...]

    @cached_property
    def _whole(self) -> SummaryProblem:
        """The problem of the posterior in which the fixed numbers are free too."""
        problem = self.posterior.problem
        return problem.altered(problem.parameters, [*problem.free, *(each.parameter.name for each in self.fixed)])

    def _residuals(self, vector: Array, z: Array) -> Array:
        """Residuals of data, and of the priors of free parameters, where fixed numbers are z spreads away."""
        problem = self.posterior.problem
        inside = np.clip(vector, problem.lower, problem.upper)
        numbers = [f.parameter.to_coordinate(f.at(float(at))) for f, at in zip(self.fixed, z, strict=True)]
        of_data = self._whole.residuals(np.concatenate([inside, numbers]), with_prior=False)
        return np.concatenate([of_data, problem.prior_residuals(inside)])

    @cached_property
    def _at_estimate(self) -> Array:
        return self._residuals(self.posterior.vector, np.zeros(len(self.fixed)))

    @cached_property
    def _slopes(self) -> tuple[Array, Array]:
        """J (n_residual, n_free) and K (n_residual, n_fixed) at the estimate."""
        vector, columns = self.posterior.vector, []
        for step in _STEP * np.eye(len(self.fixed)):
            columns.append((self._residuals(vector, step) - self._residuals(vector, -step)) / (2 * _STEP))
        return self.posterior.problem.jacobian(vector), np.stack(columns, axis=1)

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(np.linalg.pinv(self._slopes[0]), float)

    @cached_property
    def refit(self) -> Array:
        """(n_free, n_fixed) by how much the free parameters move with each fixed number, per spread, to first order."""
        slopes: Array = -self._inverse @ self._slopes[1]
        return slopes

    def moved(self, z: Array) -> Array:
        """(n_free,) by how much the free parameters move if fixed numbers are z spreads from the library's values.

        A step that makes the fit worse is not taken.
        """
        vector = self.posterior.vector
        shift = self.refit @ z
        beyond = self._residuals(vector + shift, z) - self._at_estimate
        for _ in range(_REFIT_STEPS):
            further = shift - self._inverse @ beyond
            residuals = self._residuals(vector + further, z)
            if np.sum(residuals**2) >= np.sum((beyond + self._at_estimate) ** 2):
                break
            shift, beyond = further, residuals - self._at_estimate
        return shift

    @cached_property
    def covariance(self) -> Array:
        """(n_fixed, n_fixed) of the fixed numbers after the data, in units of their prior spreads."""
        free, fixed = self._slopes
        left = fixed + free @ self.refit
        return np.asarray(np.linalg.inv(np.eye(len(self.fixed)) + left.T @ left), float)

    @property
    def spreads(self) -> Array:
        """(n_fixed,) what the data leave of each prior's spread, as a share of it."""
        return np.sqrt(np.diag(self.covariance))

    def draws(self, n: int, seed: int) -> tuple[Array, Array]:
        """(n, n_free) vectors of the posterior, to which :meth:`moved` is added, and (n, n_fixed) spreads."""
        root = np.linalg.cholesky(self.covariance)
        z = generator_of(seed, "fixed numbers").standard_normal((n, len(self.fixed))) @ root.T
        return self.posterior.draws(n, seed), z

    def parameters(self, vector: Array, z: Array, lab: Array | None = None) -> ParameterSet:
        """Parameters of the library at a draw.

        Parameters
        ----------
        vector : (n_free,) ndarray
        z : (n_fixed,) ndarray
            Fixed numbers, in spreads.
        lab : (n_effect,) ndarray, optional
            By how many spreads the laboratory differs from the typical one; default: the typical one.
        """
        problem = self.posterior.problem
        inside = np.clip(vector, problem.lower, problem.upper)
        here = replace(self.posterior, vector=inside)
        values = {each.parameter.name: each.at(float(at)) for each, at in zip(self.fixed, z, strict=True)}
        chosen = here.typical() if lab is None else here.in_laboratory(lab)
        return chosen.replace(values)
