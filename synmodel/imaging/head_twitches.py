r"""Head twitches: the behaviour by which agonism at 5-HT2A receptors of a mouse is seen from outside.

A mouse twitches its head at the rate::

    rate(t) = z [ b + m o(t)^n exp(-k int_t0^t o(s) ds) ]                 z gamma-distributed with mean 1

b is the baseline, m the rate at full agonism, o the agonism at the membrane (competed by an antagonist), n the
exponent, k the fading: twitches fade with use, as if the receptors that answer were used up; t0 starts the recording.
Numbers in bins are Poisson given z, the factor of the mouse, hence over mice negative binomial with variance
mu + cv^2 mu^2. With n = 1 the number by time t is b (t - t0) + m (1 - exp(-k A)) / k, A the integral of o.

Why fading: without it (k = 0) half of the twitches of psilocybin 1 mg/kg within 27 min and a median effective dose of
0.18 mg/kg contradict each other for every n, as a dose at which receptors are saturated lasts for longer. The fading
is a description of one session; sessions days apart are taken to start afresh.

Assumptions: an antagonist leaves the baseline as it is; no fall of twitches at high doses. The wrong tool for rats, and
for agonists that act on other receptors too.

References
----------
Shao et al. 2021, doi:10.1016/j.neuron.2021.06.008. Glatfelter et al. 2022 (PMC9667540).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import pdtrik

from synmodel.core.errors import SimulationError
from synmodel.core.gamma import gamma_quantile
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import EXPOSURE, HEAD_TWITCHES, conform, stamped

__all__ = ["HeadTwitches", "count_twitches", "cumulated", "expected_twitches", "relative_rate", "twitch_rate"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HeadTwitches:
    """How often mice twitch their heads.

    Parameters
    ----------
    baseline, maximum : float
        Rates without drug (b), and at full agonism above it (m) [1/day].
    exponent : float
        n, of the agonism.
    fading : float
        k, per day of full agonism [1/day].
    cv_animal : float
        Variation between mice.

    Raises
    ------
    SimulationError
        For a negative number, or an exponent of 0.
    """

    baseline: float
    maximum: float
    exponent: float = 1.0
    fading: float = 0.0
    cv_animal: float = 0.0

    def __post_init__(self) -> None:
        if not (min(self.baseline, self.maximum, self.fading, self.cv_animal) >= 0 and self.exponent > 0):
            message = f"{self} has a negative number or an exponent of 0; rates, fading and variation are 0 or more"
            raise SimulationError(message)

    def variance(self, mean: Array | float) -> Array:
        """Variance between mice of a number with some mean: mu + cv^2 mu^2."""
        mean = np.asarray(mean, float)
        return mean + (self.cv_animal * mean) ** 2


def cumulated(times: Array, course: Array) -> Array:
    """Integral from the first time to each, of what is linear between times; time is the last axis."""
    areas = (course[..., 1:] + course[..., :-1]) * (0.5 * (times[1:] - times[:-1]))
    total = np.zeros(course.shape)
    areas.cumsum(axis=-1, out=total[..., 1:])
    return total


def relative_rate(times: Array, agonism: Array, exponent: float, fading: float) -> Array:
    """o^n exp(-k int o): rate above baseline over that at full agonism, before anything has faded.

    Parameters
    ----------
    times : (n_time,) ndarray
        From the start of the recording [day].
    agonism : (..., n_time) ndarray
        Agonist-bound fraction of receptors.
    exponent, fading : float
        n and k [1/day].

    Returns
    -------
    (..., n_time) ndarray
    """
    bound = agonism if exponent == 1.0 else agonism**exponent
    faded: Array = bound * np.exp(-fading * cumulated(times, agonism))
    return faded


def twitch_rate(assay: HeadTwitches, times: Array, agonism: Array) -> Array:
    """(..., n_time) mean rate [1/day] in a recording that starts at the first of the times, see `relative_rate`.

    Equation and evidence: :doc:`/model/head_twitches`.
    """
    rate: Array = assay.baseline + assay.maximum * relative_rate(times, agonism, assay.exponent, assay.fading)
    return rate


def expected_twitches(assay: HeadTwitches, exposure: xr.Dataset, edges: Array) -> Array:
    """Mean number of twitches in bins of a recording.

    Equation and evidence: :doc:`/model/head_twitches`.

    Parameters
    ----------
    assay : HeadTwitches
        Rates.
    exposure : Dataset
        An Exposure with ``agonism_5ht2a``, which is taken as linear between its times.
    edges : (n_bin + 1,) array_like
        Rising, within the Exposure; the recording starts at the first and stops at the last [day].

    Returns
    -------
    (n_bin,) ndarray
        Baseline exactly where there is no agonism.

    Raises
    ------
    SimulationError
        If the edges do not rise or lie outside the Exposure.
    """
    conform(exposure, EXPOSURE)
    all_times, edges = exposure["time"].to_numpy(), np.asarray(edges, float)
    if edges.size < 2 or not (np.all(np.diff(edges) > 0) and edges[0] >= all_times[0] and edges[-1] <= all_times[-1]):
        message = (
            f"bins of head twitches have edges {edges.tolist()}; give two or more, rising, within the exposure of day "
            f"{all_times[0]:g} to {all_times[-1]:g}"
        )
        raise SimulationError(message)
    times = np.union1d(all_times[(all_times > edges[0]) & (all_times < edges[-1])], edges)
    agonism = np.interp(times, all_times, exposure["agonism_5ht2a"].to_numpy())
    total = cumulated(times, relative_rate(times, agonism, assay.exponent, assay.fading))
    of_drug = np.diff(total[np.searchsorted(times, edges)])
    expected: Array = assay.baseline * np.diff(edges) + assay.maximum * of_drug
    return expected


def count_twitches(
    exposure: xr.Dataset,
    assay: HeadTwitches,
    edges: Array,
    *,
    animals: int,
    replicates: int,
    seed: int,
    arm: str = "",
) -> xr.Dataset:
    """Head twitches of mice in the bins of a recording.

    Equation and evidence: :doc:`/model/head_twitches`.

    Parameters
    ----------
    exposure : Dataset
        An Exposure with ``agonism_5ht2a``.
    assay : HeadTwitches
        Rates and variation between mice.
    edges : (n_bin + 1,) array_like
        Of the bins [day]; the recording starts at the first.
    animals, replicates : int
        Mice, and number of times that the whole experiment is repeated.
    seed : int
        Of all draws.
    arm : str
        Arms of the same name share their draws; those of an experiment have names of their own.

    Returns
    -------
    Dataset
        HeadTwitches (:data:`synmodel.core.schema.HEAD_TWITCHES`): ``count`` (replicate, time, animal), of which a mouse
        is the same in all bins, and ``expected`` (time).
    """
    if min(animals, replicates) < 1:
        message = f"head twitches got {animals} animals, {replicates} replicates; each is 1 or more"
        raise SimulationError(message)
    edges = np.asarray(edges, float)
    mean = expected_twitches(assay, exposure, edges)
    replicate = np.arange(replicates)[:, None, None]
    time = np.arange(len(mean))[None, :, None]
    mouse = np.arange(animals)[None, None, :]
    factor = gamma_quantile(
        uniform_array(stream_key(seed, f"head twitches animal {arm}"), replicate, mouse), assay.cv_animal
    )
    u = uniform_array(stream_key(seed, f"head twitches {arm}"), replicate, time, mouse)
    given = np.broadcast_to(mean[None, :, None] * factor, u.shape)
    count = np.ceil(np.maximum(pdtrik(u, given), 0.0)).astype(np.int64)
    dataset = xr.Dataset(
        {"count": (("replicate", "time", "animal"), count), "expected": ("time", mean)},
        {"replicate": np.arange(replicates), "time": edges[:-1], "end_day": ("time", edges[1:])},
    )
    return stamped(dataset, HEAD_TWITCHES)
