r"""Power of comparisons of two arms: exact for independent trials, by Welch's t for trials within animals.

* Fisher's exact test of two binomial numbers: the power is the sum over all pairs of numbers that the test rejects.
* Welch's t on the animals' shares: T is noncentral t with Satterthwaite's degrees of freedom, exact but for the
  normality of the shares; with the exact variance between animals it needs no simulation.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri, stdtrit

__all__ = [
    "fisher_power",
    "fisher_rejects",
    "fisher_trials",
    "mean_interval",
    "share_interval",
    "welch_power",
    "welch_rejects",
]

Array = NDArray[np.float64]
_STAYS = 10


def fisher_rejects(trials: int, level: float = 0.05) -> NDArray[np.bool_]:
    """(trials + 1, trials + 1) whether Fisher's two-sided test rejects each pair of numbers of successes."""
    k = np.arange(trials + 1)
    log_choose = gammaln(trials + 1) - gammaln(k + 1) - gammaln(trials - k + 1)
    rejects = np.zeros((trials + 1, trials + 1), bool)
    for total in range(2 * trials + 1):
        a = np.arange(max(0, total - trials), min(trials, total) + 1)
        log_pmf = log_choose[a] + log_choose[total - a]
        pmf = np.exp(log_pmf - log_pmf.max())
        pmf /= pmf.sum()
        order = np.argsort(pmf, kind="stable")
        # As likely or less, with ties (up to rounding) counted together.
        upto = np.searchsorted(pmf[order], pmf * (1 + 1e-7), side="right")
        rejects[a, total - a] = np.cumsum(pmf[order])[upto - 1] <= level
    return rejects


def fisher_power(first: float, second: float, trials: int, level: float = 0.05) -> float:
    """Exact power of Fisher's two-sided test of two probabilities with ``trials`` independent trials in each arm."""
    from scipy.stats import binom  # on use: it takes a while to load

    k = np.arange(trials + 1)
    weight = np.outer(binom.pmf(k, trials, first), binom.pmf(k, trials, second))
    return float(weight[fisher_rejects(trials, level)].sum())


def fisher_trials(first: float, second: float, power: float = 0.9, level: float = 0.05) -> int:
    """Smallest number of trials per arm from which on the exact power of Fisher's test stays at ``power``.

    The power is a saw: it is asked of this number and the ten that follow.
    """
    z = 1.2815515655446004 + 1.959963984540054  # where to start: the normal approximation for 90 % at 5 %
    spread = first * (1 - first) + second * (1 - second)
    n = max(2, int(0.6 * z**2 * spread / (first - second) ** 2))
    run = 0
    while run <= _STAYS:
        run = run + 1 if fisher_power(first, second, n, level) >= power else 0
        n += 1
    return n - 1 - _STAYS


def welch_power(difference: float, variances: tuple[float, float], animals: int, level: float = 0.05) -> float:
    """Power of Welch's two-sided t with equal numbers of animals whose means vary as ``variances`` say."""
    from scipy.stats import nct

    first, second = variances
    freedom = (animals - 1) * (first + second) ** 2 / (first**2 + second**2)
    ncp = difference / np.sqrt((first + second) / animals)
    critical = stdtrit(freedom, 1 - level / 2)
    return float(nct.sf(critical, freedom, ncp) + nct.cdf(-critical, freedom, ncp))


def welch_rejects(first: Array, second: Array, level: float = 0.05) -> NDArray[np.bool_]:
    """Whether Welch's two-sided t finds a difference between samples (..., n_animal); equal constants do not differ."""
    parts = [each.var(axis=-1, ddof=1) / each.shape[-1] for each in (first, second)]
    degrees = [each.shape[-1] - 1 for each in (first, second)]
    difference = np.abs(first.mean(axis=-1) - second.mean(axis=-1))
    variance = parts[0] + parts[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variance**2 / (parts[0] ** 2 / degrees[0] + parts[1] ** 2 / degrees[1])
        t = difference / np.sqrt(variance)
        rejects = t > stdtrit(freedom, 1 - level / 2)
    return np.where(variance > 0, rejects, difference > 0)


def share_interval(hits: NDArray[np.bool_], level: float = 0.95) -> tuple[float, float, float]:
    """Share of simulated experiments that hit, and its Monte Carlo interval (Wilson's, which knows 0 and 1)."""
    n, share, z2 = hits.size, float(hits.mean()), float(ndtri(0.5 + level / 2)) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = float(np.sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n)) / (1 + z2 / n)
    return share, max(0.0, centre - half), min(1.0, centre + half)


def mean_interval(values: Array, level: float = 0.95) -> tuple[float, float, float]:
    """Mean over simulated experiments, and its Monte Carlo interval."""
    mean, half = float(values.mean()), float(ndtri(0.5 + level / 2) * values.std(ddof=1) / np.sqrt(values.size))
    return mean, mean - half, mean + half
