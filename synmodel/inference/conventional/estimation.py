"""The difference between two arms with its interval, over means of mice: what an estimation plot shows.

Of every mouse the mean over its dendrites, of both arms the mean over mice. The interval is bootstrapped over mice,
within each arm (bias-corrected and accelerated; Efron 1987, doi:10.1080/01621459.1987.10478410), as estimation plots
have it (Ho et al. 2019, doi:10.1038/s41592-019-0470-3). With a handful of mice it is narrower than it should be, so
Welch's interval stands beside it.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from synmodel.core.errors import DataError
from synmodel.core.randomness import stream_key
from synmodel.inference.conventional import pairs_of, welch
from synmodel.inference.conventional.measured import QUANTITIES

__all__ = ["RESAMPLES", "Difference", "Groups", "differences_of", "groups_of"]

Array = NDArray[np.float64]
RESAMPLES = 5000
"""Bootstrap samples, by default."""
_FEWEST = 3  # mice of an arm: of two there are three different bootstrap means


class Groups(NamedTuple):
    """Means of mice by arm, of one quantity over one interval.

    Attributes
    ----------
    study, quantity : str
        What was measured where; quantity is one of :data:`synmodel.inference.conventional.measured.QUANTITIES`.
    start_day, end_day : float
        Interval [day].
    control : str
        Arm that the others are compared with.
    means : dict of str to (n,) ndarray
        Arm -> means of mice, the control first [1].
    dendrites : dict of str to int
        Arm -> number of dendrites behind them.
    """

    study: str
    quantity: str
    start_day: float
    end_day: float
    control: str
    means: dict[str, Array]
    dendrites: dict[str, int]


class Difference(NamedTuple):
    """An arm minus its control.

    Attributes
    ----------
    arm : str
        Name of the arm.
    estimate : float
        Difference of the means over mice [1].
    bootstrap_low, bootstrap_high : float
        Ends of its 95 % bootstrap interval [1]; NaN where an arm has fewer than three mice, or all are alike.
    welch_low, welch_high : float
        Ends of Welch's 95 % interval [1].
    draws : (n,) ndarray
        Differences of bootstrap samples [1].
    """

    arm: str
    estimate: float
    bootstrap_low: float
    bootstrap_high: float
    welch_low: float
    welch_high: float
    draws: Array


def groups_of(
    table: pd.DataFrame,
    *,
    quantity: str = "formation_fraction",
    control: str | None = None,
    interval: tuple[float, float] | None = None,
) -> Groups:
    """Means of mice of one quantity and interval.

    Parameters
    ----------
    table : DataFrame
        Of :func:`synmodel.inference.conventional.measured.dendrite_table`, of one study.
    quantity : str
        One of its quantities.
    control : str, optional
        Arm to compare with; by default the one without an active compound.
    interval : (float, float), optional
        First and last day; by default the first interval that ends after the first dose, day 0.

    Raises
    ------
    DataError
        With one line that says what is there, if the table has not what is asked for.
    """
    if quantity not in QUANTITIES:
        message = f"quantity is {quantity!r}; allowed is {', '.join(QUANTITIES)}"
        raise DataError(message)
    studies = table["study"].unique().tolist()
    if not studies:
        message = "no row of the tables can be used; `synmodel data check FILE` says what is wrong in which row"
        raise DataError(message)
    if len(studies) != 1:
        message = f"the data are of {len(studies)} studies ({', '.join(map(str, studies))}); give the tables of one"
        raise DataError(message)
    chosen = table[table["quantity"] == quantity]
    days = sorted({*zip(chosen["start_day"].tolist(), chosen["end_day"].tolist(), strict=True)})
    told = ", ".join(f"{first:g} to {last:g}" for first, last in days)
    if interval is None:
        interval = next((each for each in days if each[1] > 0), None)
    if interval not in days:
        what = "no interval ends after day 0" if interval is None else f"interval is {interval[0]:g} to {interval[1]:g}"
        advice = "give one of them, or another quantity" if told else "give another quantity, or a table that has it"
        message = f"{what}; of {quantity} there are: {told or 'none'}; {advice}"
        raise DataError(message)
    rows = chosen[(chosen["start_day"] == interval[0]) & (chosen["end_day"] == interval[1])]
    arms = sorted(map(str, rows["arm"].unique()))
    if control is None:
        pairs, _ = pairs_of(rows)
        control = min((pair.control for pair in pairs), key=lambda name: (name.count("+"), name), default=None)
    if control not in arms or len(arms) < 2:
        message = f"control is {control!r}; the arms with {quantity} on these days are: {', '.join(arms)}"
        raise DataError(message)
    order = [control, *(arm for arm in arms if arm != control)]
    by_mouse = rows.groupby(["arm", "mouse"], sort=True)["value"].mean()
    means = {arm: by_mouse[arm].to_numpy(float) for arm in order}
    dendrites = {arm: int((rows["arm"] == arm).sum()) for arm in order}
    return Groups(str(studies[0]), quantity, *interval, control, means, dendrites)


def differences_of(groups: Groups, *, seed: int = 1, resamples: int = RESAMPLES) -> list[Difference]:
    """Every arm minus the control.

    Parameters
    ----------
    groups : Groups
        Means of mice.
    seed : int
        Of the bootstrap.
    resamples : int
        Bootstrap samples.
    """
    reference = groups.means[groups.control]
    return [
        _difference(arm, values, reference, seed, resamples)
        for arm, values in groups.means.items()
        if arm != groups.control
    ]


def _difference(arm: str, values: Array, reference: Array, seed: int, resamples: int) -> Difference:
    usual = welch(values, reference)
    estimate, ends = usual["welch_difference"], (usual.get("welch_low", np.nan), usual.get("welch_high", np.nan))
    if min(len(values), len(reference)) < _FEWEST or (np.ptp(values) == 0 and np.ptp(reference) == 0):
        return Difference(arm, estimate, np.nan, np.nan, *ends, np.empty(0))
    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, f"bootstrap of {arm}")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a degenerate sample gives NaN, which is said
        found = stats.bootstrap(
            (values, reference), _mean_difference, n_resamples=resamples, method="BCa", vectorized=True, rng=generator
        )
    low, high = found.confidence_interval
    return Difference(arm, estimate, float(low), float(high), *ends, np.asarray(found.bootstrap_distribution))


def _mean_difference(x: Array, y: Array, axis: int = -1) -> Array:
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)
