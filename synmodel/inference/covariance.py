r"""Covariance of the estimates when the published means are not independent.

Formation, elimination and density of one arm come from the same dendrites: a spine missed once is a loss and
then a gain, and the density change is nearly the running sum of the two fractions. With X the Jacobian of the
standardised residuals, R their correlation (exact for Poisson spines,
:func:`synmodel.imaging.expectation.statistics_correlation`) and H = X'X (with the priors),::

    Cov = H^-1 (X' R X) H^-1,

the sandwich of a composite likelihood; with R = 1 it is the naive H^-1. Arms are independent; persistence counts
and priors are taken as independent of the means.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synmodel.data.summaries import FITTED
from synmodel.imaging.expectation import statistics_correlation
from synmodel.simulation import tissue_of

if TYPE_CHECKING:
    from synmodel.inference.problem import SummaryProblem

__all__ = ["residual_correlation", "sandwich"]

Array = NDArray[np.float64]
_RIDGE = 1e-9


def residual_correlation(problem: "SummaryProblem", vector: Array) -> Array:
    """(n_residual, n_residual) correlation of all residuals at a vector, priors included."""
    values = problem.values(vector)
    size = len(problem.residuals(vector))
    correlation = np.eye(size)
    tissues = {study: tissue_of(study, values) for study in problem.studies}
    places: dict[tuple[str, str], list[int]] = {}
    for target, quantity, where in problem.layout():
        if quantity in FITTED:
            places.setdefault((target.study.name, target.arm.name), []).extend(range(where.start, where.stop))
    for target in problem.arms:
        tissue = tissues[target.study.name]
        steps = problem.course(target, values).steps
        block = statistics_correlation(
            tissue.initial_means(target.density),
            steps.survival,
            steps.newborn,
            tissue.scoring,
            target.study.dendrite_length.to("um"),
        )
        index = places[target.study.name, target.arm.name]
        correlation[np.ix_(index, index)] = block
    return correlation


def sandwich(problem: "SummaryProblem", vector: Array, jacobian: Array) -> tuple[Array, Array]:
    """Sandwich and naive covariance of the free parameters at an estimate.

    Parameters
    ----------
    problem : SummaryProblem
        What was fitted.
    vector : (n_free,) ndarray
        Estimate.
    jacobian : (n_residual, n_free) ndarray
        Of the residuals there.
    """
    information = jacobian.T @ jacobian
    scale = np.trace(information) / len(information)
    bread = np.linalg.inv(information + _RIDGE * scale * np.eye(len(information)))
    meat = jacobian.T @ residual_correlation(problem, vector) @ jacobian
    return bread @ meat @ bread, bread
