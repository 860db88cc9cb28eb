"""How many trials of uncaging show a difference: for independent trials, and for neurons within mice.

Independent trials are compared by Fisher's test, whose power is exact; mice, the unit of replication where they
differ, by Welch's t on their shares of success. Beside each power stands that of simulated experiments.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.settings import by_fields
from synmodel.imaging.power import fisher_power, fisher_rejects, welch_power, welch_rejects
from synmodel.imaging.uncaging import Slices, Uncaging, expected_success, success_variance, uncage

__all__ = ["folds_for", "independent_power", "nested_power", "pooled_rejections", "two_arms"]

Array = NDArray[np.float64]


def folds_for(assay: Uncaging, success: Sequence[float]) -> Array:
    """Folds of the evoked hazard at which the mean success is as given."""
    grid = np.geomspace(1e-3, 1e3, 20_001)
    folds: Array = np.interp(success, expected_success(assay, grid), grid)
    return folds


@by_fields(size=Slices)
def two_arms(
    assay: Uncaging,
    success: Sequence[float],
    *,
    size: Slices,
    seed: int,
) -> NDArray[np.int8]:
    """(replicate, 2, animal, neuron, trial) trials of two arms whose mean success is as given."""
    drive = xr.Dataset({"evoked": ("time", folds_for(assay, success))}, {"time": [0.0, 1.0]})
    seen = uncage(drive, assay, np.array([0.0, 1.0]), size=size, seed=seed)
    success_of_each: NDArray[np.int8] = seen["success"].to_numpy()
    return success_of_each


def independent_power(success: Sequence[float], trials: Sequence[int], *, replicates: int, seed: int) -> xr.Dataset:
    """Power of Fisher's test of two arms of independent trials.

    Parameters
    ----------
    success : (2,) sequence of float
        Of both arms.
    trials : sequence of int
        Trials per arm.
    replicates : int
        Simulated experiments for each number.
    seed : int
        Of all draws.

    Returns
    -------
    Dataset
        ``exact`` and ``simulated`` on ``trials``.
    """
    assay = Uncaging(success[0])
    simulated = []
    for n in trials:
        seen = two_arms(assay, success, size=Slices(1, 1, n, replicates), seed=seed)
        simulated.append(_fisher(seen).mean())
    exact = [fisher_power(success[0], success[1], n) for n in trials]
    return xr.Dataset({"exact": ("trials", exact), "simulated": ("trials", simulated)}, {"trials": list(trials)})


def nested_power(
    assay: Uncaging,
    success: Sequence[float],
    animals: Sequence[int],
    *,
    neurons: int,
    trials: int,
    replicates: int,
    seed: int,
) -> xr.Dataset:
    """Power of Welch's t over mice of two arms, with neurons and trials of each.

    Returns
    -------
    Dataset
        ``exact`` (but for the normality of a mouse's share of success) and ``simulated`` on ``trials``, the trials
        per arm, with ``animals`` beside them.
    """
    size = Slices(max(animals), neurons, trials, replicates)
    seen = two_arms(assay, success, size=size, seed=seed).mean(axis=(3, 4))
    first, second = (success_variance(assay, float(fold), neurons, trials) for fold in folds_for(assay, success))
    simulated = [welch_rejects(seen[:, 0, :n], seen[:, 1, :n]).mean() for n in animals]
    exact = [welch_power(success[1] - success[0], (first, second), n) for n in animals]
    return xr.Dataset(
        {"exact": ("trials", exact), "simulated": ("trials", simulated)},
        {"trials": [n * neurons * trials for n in animals], "animals": ("trials", list(animals))},
    )


@by_fields(size=Slices)
def pooled_rejections(
    assay: Uncaging,
    success: Sequence[float],
    *,
    size: Slices,
    seed: int,
) -> float:
    """Share of experiments in which Fisher's test of all trials together, as if independent, finds a difference."""
    seen = two_arms(assay, success, size=size, seed=seed)
    return float(_fisher(seen).mean())


def _fisher(seen: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(replicate,) whether Fisher's test of the pooled trials of both arms rejects."""
    counts = seen.sum(axis=(2, 3, 4), dtype=np.int64)
    rejects: NDArray[np.bool_] = fisher_rejects(int(np.prod(seen.shape[2:])))[counts[:, 0], counts[:, 1]]
    return rejects
