r"""Glutamate uncaging: one trial asks one place of a dendrite for a new spine.

A trial is a Bernoulli draw, of neurons within mice::

    p(t) = 1 - exp(-h f_evoked(t) z_mouse z_neuron)

h is the hazard without drug, f_evoked the fold of the Drive, z gamma-distributed with mean 1. Over mice and neurons
E p = 1 - E[(1 + h f z c^2)^(-1/c^2)] with c the variation between neurons (the Laplace transform of the gamma law) and
the outer mean over mice by Gauss-Laguerre quadrature; h is set so that this is the success without drug. Slices end an
experiment, so each time has mice of its own.

References
----------
Wu et al. 2021, Biol Psychiatry (PMC8740507). Kwon and Sabatini 2011, Nature (PMC3107907).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.gamma import gamma_nodes, gamma_quantile
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import UNCAGING, stamped
from synmodel.core.settings import by_fields
from synmodel.imaging.course import fold_at

__all__ = ["Slices", "Uncaging", "expected_success", "success_variance", "uncage"]

Array = NDArray[np.float64]
_NODES = 24
_MOST_NEURONS = 1 << 16


@dataclass(frozen=True)
class Uncaging:
    """What an uncaging experiment is like without drug.

    Parameters
    ----------
    probability : float
        Success of a trial, mean over mice and neurons.
    cv_animal, cv_neuron : float
        Variation of the hazard between mice, and between neurons of a mouse.

    Raises
    ------
    SimulationError
        For a probability outside (0, 1) or a negative variation.
    """

    probability: float
    cv_animal: float = 0.0
    cv_neuron: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.probability < 1 and self.cv_animal >= 0 and self.cv_neuron >= 0):
            message = (
                f"uncaging has probability {self.probability:g}, cv_animal {self.cv_animal:g}, cv_neuron "
                f"{self.cv_neuron:g}; a probability is above 0 and below 1, a variation 0 or more"
            )
            raise SimulationError(message)

    @cached_property
    def hazard(self) -> float:
        """h, per trial."""
        from scipy.optimize import brentq  # on use: it takes a while to load

        def excess(log_hazard: float) -> float:
            return float(self._success(np.exp(log_hazard))) - self.probability

        return float(np.exp(brentq(excess, -30.0, 60.0, xtol=1e-13)))

    def _success(self, hazard: Array | float) -> Array:
        """Mean success for a mean hazard of any shape."""
        z, weight = _gamma_rule(self.cv_animal)
        given = np.asarray(hazard, float)[..., None] * z
        success: Array = (weight * -np.expm1(-_laplace_exponent(given, self.cv_neuron))).sum(axis=-1)
        return success


def expected_success(assay: Uncaging, fold: Array | float) -> Array:
    """Exact mean success of a trial at a fold of the evoked hazard, of any shape.

    Equation and evidence: :doc:`/model/imaging`.
    """
    return assay._success(assay.hazard * np.asarray(fold, float))


def success_variance(assay: Uncaging, fold: float, neurons: int, trials: int) -> float:
    """Exact variance between mice of the share of successes, with equal neurons and trials in each.

    Equation and evidence: :doc:`/model/imaging`.
    """
    z, weight = _gamma_rule(assay.cv_animal)
    hazard = assay.hazard * fold * z
    fail = np.exp(-_laplace_exponent(hazard, assay.cv_neuron))  # E q given the mouse, q the chance of failure
    fail_twice = np.exp(-_laplace_exponent(2.0 * hazard, assay.cv_neuron))  # E q^2
    within_neuron = (fail - fail_twice) / trials
    between_neurons = fail_twice - fail**2
    mean = (weight * fail).sum()
    return float((weight * ((within_neuron + between_neurons) / neurons + (fail - mean) ** 2)).sum())


@dataclass(frozen=True)
class Slices:
    """How many trials there are.

    Parameters
    ----------
    animals, neurons, trials : int
        Mice per time, neurons per mouse, trials per neuron.
    replicates : int
        Number of times that the whole experiment is repeated.

    Raises
    ------
    SimulationError
        For less than one of them, or more neurons than draws are kept apart for.
    """

    animals: int
    neurons: int
    trials: int
    replicates: int

    def __post_init__(self) -> None:
        if self.neurons > _MOST_NEURONS or min(self.animals, self.neurons, self.trials, self.replicates) < 1:
            message = (
                f"uncage got {self.animals} animals, {self.neurons} neurons, {self.trials} trials, {self.replicates} "
                f"replicates; each is 1 or more, neurons at most {_MOST_NEURONS}"
            )
            raise SimulationError(message)


@by_fields(size=Slices)
def uncage(drive: xr.Dataset, assay: Uncaging, days: Array, *, size: Slices, seed: int, arm: str = "") -> xr.Dataset:
    """Trials of an uncaging experiment.

    Equation and evidence: :doc:`/model/imaging`.

    Parameters
    ----------
    drive : Dataset
        A Drive with ``evoked``.
    assay : Uncaging
        Success without drug and its variation.
    days : (n_time,) array_like
        Times of the slices [day].
    size : Slices
        Mice, neurons and trials; its fields may be given by keywords of their own.
    seed : int
        Of all draws.
    arm : str
        Arms of the same name share their draws, as if the same mice had got both drugs; those of an experiment have
        names of their own.

    Returns
    -------
    Dataset
        ``success`` (replicate, time, animal, neuron, trial), 0 or 1.
    """
    days = np.atleast_1d(np.asarray(days, float))
    mean = assay.hazard * fold_at(drive, "evoked", days)
    replicate = np.arange(size.replicates)[:, None, None, None, None]
    time = np.arange(len(days))[None, :, None, None, None]
    mouse = np.arange(size.animals)[None, None, :, None, None]
    neuron = mouse * _MOST_NEURONS + np.arange(size.neurons)[None, None, None, :, None]

    def factor(level: str, cv: float, unit: NDArray[np.int64]) -> Array | float:
        if cv == 0:
            return 1.0
        return gamma_quantile(uniform_array(stream_key(seed, f"uncaging {level} {arm}"), replicate, time, unit), cv)

    hazard = (
        mean[None, :, None, None, None]
        * factor("animal", assay.cv_animal, mouse)
        * factor("neuron", assay.cv_neuron, neuron)
    )
    u = uniform_array(stream_key(seed, f"uncaging trial {arm}"), replicate, time, neuron, np.arange(size.trials))
    success = (u < -np.expm1(-hazard)).astype(np.int8)
    dataset = xr.Dataset(
        {"success": (("replicate", "time", "animal", "neuron", "trial"), success)},
        {"replicate": np.arange(size.replicates), "time": days},
    )
    return stamped(dataset, UNCAGING)


def _laplace_exponent(hazard: Array, cv: float) -> Array:
    """-ln E exp(-hazard z) for gamma-distributed z of mean 1."""
    if cv == 0:
        return hazard
    exponent: Array = np.log1p(hazard * cv**2) / cv**2
    return exponent


def _gamma_rule(cv: float) -> tuple[Array, Array]:
    """Nodes and weights of the gamma law with mean 1 and variation cv."""
    return gamma_nodes(cv, _NODES) if cv > 0 else (np.ones(1), np.ones(1))
