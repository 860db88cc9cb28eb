r"""Head twitches: counts of a behaviour that 5-HT2A agonism at the membrane causes.

::

    rate(t) = b + r o(t)                 o: agonist-bound share of 5-HT2A receptors that the antagonist leaves
    mu = int_0^T rate dt                 expected number in a recording of length T after the dose
    n ~ negative binomial, mean mu, variance mu + mu^2 / k           mice differ

The number per minute follows occupancy without delay: twitches peak within minutes of a dose (Shao et al. 2021).

References
----------
Glatfelter et al. 2022 (PMC9667540). Shao et al. 2021, doi:10.1016/j.neuron.2021.06.008.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, nbdtrik

from synmodel.errors import SimulationError
from synmodel.randomness import stream_key, uniform_array

__all__ = ["draw_twitches", "expected_twitches", "log_probability"]

Array = NDArray[np.float64]
_MINUTES_PER_DAY = 1440.0


def expected_twitches(times: Array, agonism: Array, window_min: float, *, rate: float, baseline: float) -> float:
    """Expected number in a recording that starts at day 0.

    Parameters
    ----------
    times, agonism : (n_time,) ndarray
        Rising days, and the agonist-bound share of 5-HT2A receptors there.
    window_min : float
        Length of the recording [min].
    rate, baseline : float
        Twitches per minute at full agonism, and without drug.
    """
    end = window_min / _MINUTES_PER_DAY
    inside = np.concatenate([[0.0], times[(times > 0) & (times < end)], [end]])
    bound = np.interp(inside, times, agonism)
    return float(baseline * window_min + rate * np.trapezoid(bound, inside) * _MINUTES_PER_DAY)


def log_probability(counts: Array, mean: float, dispersion: float) -> Array:
    """Logarithm of the negative-binomial probability of counts, of any shape."""
    n = np.asarray(counts, float)
    share = dispersion / (dispersion + mean)
    return np.asarray(
        gammaln(n + dispersion) - gammaln(dispersion) - gammaln(n + 1)
        + dispersion * np.log(share) + n * np.log1p(-share)
    )  # fmt: skip


def draw_twitches(mean: float, dispersion: float, *, animals: int, replicates: int, seed: int) -> NDArray[np.int64]:
    """(replicate, animal) counts, by inversion of keyed uniforms: scenarios with one seed share their mice.

    Raises
    ------
    SimulationError
        For a mean that is not positive.
    """
    if not mean > 0:
        message = f"mean is {mean:g}; an expected number of twitches is above 0"
        raise SimulationError(message)
    u = uniform_array(stream_key(seed, "head twitches"), np.arange(replicates)[:, None], np.arange(animals))
    quantile = nbdtrik(u, dispersion, dispersion / (dispersion + mean))
    # The distribution function is reached at the next whole number; below its first value the count is 0.
    return np.ceil(np.maximum(np.nan_to_num(quantile, nan=0.0), 0.0)).astype(np.int64)
