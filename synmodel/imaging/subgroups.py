r"""Post-hoc analyses of a trial: whether those with a low baseline rise, and whether it goes with improvement.

A trial looks for the finding in the subjects with the lowest baselines, by two one-sided tests at level a: Student's t
of the mean change against 0, and Pearson's correlation of change and improvement against 0. Each may be tried for
several subgroups, regions and outcomes; the finding is there if one such look shows both. Whether the baseline that
chooses the subgroup is the one from which the change is taken is what regression to the mean hangs on.

Exact for normal numbers: a correlation that truly is r is significant with probability E[P(T > t_a)], T noncentral t
with n - 2 degrees of freedom and noncentrality r / sqrt(1 - r^2) sqrt(S), where S is chi-squared with n - 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri, stdtr, stdtrit

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.schema import PET_SCANS, conform
from synmodel.core.settings import by_fields

__all__ = ["Posthoc", "analyse_trial", "correlation_power", "improvements", "mean_power", "posthoc_finding"]

Array = NDArray[np.float64]
_QUANTILES = 4000


def improvements(
    change: Array,
    *,
    coupling: float,
    outcomes: int,
    outcome_correlation: float,
    seed: int,
    arm: str = "",
) -> Array:
    """Improvements of symptoms, standardised, that go with the true change of a subject or with nothing.

    Parameters
    ----------
    change : (replicate, subject) ndarray
        True change; standardised within a replicate where it varies.
    coupling : float
        Correlation of each improvement with the true change, -1 to 1.
    outcomes : int
        Scales on which improvement is measured.
    outcome_correlation : float
        Between their parts that do not go with the change.
    seed : int
        Of all draws.

    Returns
    -------
    (replicate, subject, outcome) ndarray
    """
    spread = change.std(axis=1, keepdims=True)
    centred = change - change.mean(axis=1, keepdims=True)
    # What does not vary but by rounding is no change that anything could go with.
    real = spread > 1e-12 * np.abs(change).max()
    standard = np.divide(centred, spread, out=np.zeros_like(change), where=np.broadcast_to(real, change.shape))
    at = (np.arange(change.shape[0])[:, None, None], np.arange(change.shape[1])[:, None])
    key = stream_key(seed, f"improvement {arm}")
    common, own = (ndtri(uniform_array(key, *at, where)) for where in (np.zeros(1, int), 1 + np.arange(outcomes)))
    rest = np.sqrt(outcome_correlation) * common + np.sqrt(1.0 - outcome_correlation) * own
    share = np.where(real, coupling, 0.0)[..., None]
    improved: Array = share * standard[..., None] + np.sqrt(1.0 - share**2) * rest
    return improved


def posthoc_finding(
    baseline: Array, change: Array, improvement: Array, *, lowest: Sequence[int], level: float = 0.025
) -> xr.Dataset:
    """What a post-hoc analysis of each replicate of a trial finds.

    Parameters
    ----------
    baseline : (replicate, subject, region) ndarray
        By which the subgroup is chosen, region by region.
    change : (replicate, subject, region) ndarray
        Measured change.
    improvement : (replicate, subject, outcome) ndarray
        Improvement of symptoms.
    lowest : sequence of int
        Sizes of the subgroups that are tried, 3 or more.
    level : float
        One-sided level of each test; 0.025 is 5 % two-sided in the asked direction.

    Returns
    -------
    Dataset
        ``mean_change`` (replicate, size, region), ``rises`` (the same), ``correlates`` (replicate, size, region,
        outcome) and ``found`` (replicate): both in at least one look.
    """
    n_replicate, n_subject = change.shape[:2]
    if not lowest or min(lowest) < 3 or max(lowest) > n_subject:
        message = f"lowest is {list(lowest)}; give sizes of subgroups from 3 to the {n_subject} subjects"
        raise SimulationError(message)
    order = np.argsort(baseline, axis=1, kind="stable")
    means, rises, correlates = [], [], []
    for size in lowest:
        chosen = order[:, :size]
        changes = np.take_along_axis(change, chosen, axis=1)
        mean, sd = changes.mean(axis=1), changes.std(axis=1, ddof=1)
        means.append(mean)
        rises.append(mean / (sd / np.sqrt(size)) > stdtrit(size - 1, 1.0 - level))
        better = improvement[np.arange(n_replicate)[:, None, None], chosen]  # (replicate, size, region, outcome)
        a = (changes - mean[:, None])[..., None]
        b = better - better.mean(axis=1, keepdims=True)
        r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        correlates.append(r > _critical_correlation(size, level))
    rise, together = np.stack(rises, axis=1), np.stack(correlates, axis=1)
    found = (rise[..., None] & together).reshape(n_replicate, -1).any(axis=1)
    looks = ("replicate", "size", "region")
    return xr.Dataset(
        {
            "mean_change": (looks, np.stack(means, axis=1)),
            "rises": (looks, rise),
            "correlates": ((*looks, "outcome"), together),
            "found": ("replicate", found),
        },
        {"size": list(lowest)},
    )


@dataclass(frozen=True)
class Posthoc:
    """A post-hoc analysis of a trial.

    Parameters
    ----------
    choose, before, after : int
        The scan whose lowest volumes make the subgroup, and those between which the change is taken; ``choose`` equal
        to ``before`` is the analysis with one baseline, which regression to the mean biases.
    lowest : sequence of int
        Sizes of subgroups, as in :func:`posthoc_finding`.
    coupling, outcomes, outcome_correlation
        As in :func:`improvements`; improvement goes with the true change over all regions.
    """

    choose: int
    before: int
    after: int
    lowest: Sequence[int]
    coupling: float = 0.0
    outcomes: int = 1
    outcome_correlation: float = 0.5


@by_fields(analysis=Posthoc)
def analyse_trial(scans: xr.Dataset, *, analysis: Posthoc, seed: int) -> xr.Dataset:
    """The post-hoc analysis of simulated PET scans.

    Parameters
    ----------
    scans : Dataset
        PET scans of a trial.
    analysis : Posthoc
        Which scans and subgroups; its fields may be given by keywords of their own.
    seed : int
        Of the outcomes.

    Returns
    -------
    Dataset
        As of :func:`posthoc_finding`; ``mean_change`` in mL/cm3.
    """
    conform(scans, PET_SCANS)
    volume, true = (scans[name].to_numpy() for name in ("volume", "true_volume"))
    before, after = analysis.before, analysis.after
    better = improvements(
        (true[:, :, after] - true[:, :, before]).mean(axis=-1),
        coupling=analysis.coupling,
        outcomes=analysis.outcomes,
        outcome_correlation=analysis.outcome_correlation,
        seed=seed,
    )
    change = volume[:, :, after] - volume[:, :, before]
    return posthoc_finding(volume[:, :, analysis.choose], change, better, lowest=analysis.lowest)


def correlation_power(r: float, n: int, level: float = 0.025) -> float:
    """Probability that the correlation of n pairs of normal numbers is above its one-sided critical value."""
    from scipy.stats import nct  # on use: it takes a while to load

    ncp = r / np.sqrt(1.0 - r**2)
    u = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    scale = np.sqrt(2.0 * gammaincinv((n - 1) / 2, u))
    return float(nct.sf(stdtrit(n - 2, 1.0 - level), n - 2, ncp * scale).mean())


def mean_power(effect: float, n: int, level: float = 0.025) -> float:
    """Probability that Student's t of n normal numbers with mean ``effect`` standard deviations is significant."""
    from scipy.stats import nct

    critical = stdtrit(n - 1, 1.0 - level)
    if effect == 0:
        return float(stdtr(n - 1, -critical))
    return float(nct.sf(critical, n - 1, effect * np.sqrt(n)))


def _critical_correlation(n: int, level: float) -> float:
    t = stdtrit(n - 2, 1.0 - level)
    return float(t / np.sqrt(n - 2 + t**2))
