r"""Tracked counts where spines are overlooked or imagined: a composite likelihood of intervals.

Let S be the mean number of spines scored at a session, per um, P and gamma the propagation to the next, nu the mean
numbers of the classes, D = diag(1 - miss), U = diag(miss) and phi the false spines. If numbers are Poisson, those
scored at a session and all others are independent, so given N scored spines

    lost ~ Binomial(N, q),  q = (nu D (1 - P D 1) + phi) / S,       gained ~ Poisson(l (nu U P D 1 + gamma D 1 + phi)),

*exactly*, for each interval by itself, with l the length. The product over intervals is a composite likelihood: a spine
that is overlooked once is a loss in one interval and a gain in the next, and the product takes them as two events. Its
maximum is consistent, but its curvature is no standard error: that comes from the spread of the slopes between mice, or
from a bootstrap over mice. Where the history of each spine is known,
:func:`synmodel.inference.histories_log_likelihood` is exact and tells more.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, xlog1py, xlogy

from synmodel.core.errors import FitError
from synmodel.core.settings import by_fields
from synmodel.inference.likelihood.courses import courses_of
from synmodel.inference.likelihood.records import checked_miss
from synmodel.inference.likelihood.runs import checked_lengths
from synmodel.turnover.hazards import checked_times
from synmodel.turnover.model import TurnoverModel

__all__ = ["Detection", "detected_counts_log_likelihood"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Detection:
    """What a session makes of the spines that are there.

    Parameters
    ----------
    miss : float or (K,) array_like
        Probability that a spine of each class is overlooked at a session.
    false_positive_per_um : float
        Mean number of false spines per um (per dendrite where no length is given) and session.
    """

    miss: ArrayLike = 0.0
    false_positive_per_um: float = 0.0


@by_fields(detection=Detection)
def detected_counts_log_likelihood(
    model: TurnoverModel,
    *,
    scored: ArrayLike,
    gained: ArrayLike,
    lost: ArrayLike,
    times: ArrayLike,
    detection: Detection,
    drive: xr.Dataset | None = None,
    length_um: ArrayLike | None = None,
) -> Array:
    """Composite log-likelihood of gains and losses among scored spines, interval by interval.

    Parameters
    ----------
    model : TurnoverModel
        Rates, with up to three classes, in balance before the first session; formation alike in all dendrites, per um
        where ``length_um`` is given, else per dendrite.
    scored : (dendrite, interval) array_like
        Spines scored at the start of each interval.
    gained, lost : (dendrite, interval) array_like
        Spines scored at its end and not at its start, and the other way round; negative or NaN in any of the three
        leaves the interval out.
    times : (interval + 1,) array_like
        Sessions [day].
    detection : Detection
        ``miss`` (0), the probability that a spine is overlooked at a session, one or (K,) of each class, and
        ``false_positive_per_um`` (0), the mean number of false spines per um (per dendrite without ``length_um``) and
        session. Its fields are given by keywords of their own.
    drive : Dataset, optional
        A Drive.
    length_um : float or (dendrite,) array_like, optional
        Length of each dendrite [um].

    Returns
    -------
    (dendrite,) ndarray
        Natural logarithms.

    Raises
    ------
    FitError
        For tables of other shapes, formation that differs between dendrites, or a model without balance.

    Examples
    --------
    >>> one = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    >>> data = {"scored": [[10]], "gained": [[2]], "lost": [[1]], "times": [0, 2]}
    >>> detected_counts_log_likelihood(one, **data, miss=0.1).round(3).tolist()
    [-3.118]
    """
    if model.formation_cv_dendrite > 0 or model.formation_cv_animal > 0:
        message = "births differ between dendrites, for which the law of detected counts is not known; set the cv to 0"
        raise FitError(message)
    sessions = checked_times(times)
    tables = [np.asarray(each, float) for each in (scored, gained, lost)]
    for name, table in zip(("scored", "gained", "lost"), tables, strict=True):
        if table.ndim != 2 or table.shape != (len(tables[0]), len(sessions) - 1):
            message = f"{name} has shape {table.shape}; expected (dendrite, {len(sessions) - 1})"
            raise FitError(message)
    length = checked_lengths(length_um, len(tables[0]))
    hit = 1.0 - checked_miss(detection.miss, model.n_class)
    courses = courses_of(model, sessions, drive, "stationary")
    if not np.all(courses.total[0] > 0):
        message = "detected counts need births and losses in balance: give births, and losses from every class"
        raise FitError(message)
    loss, gain = _per_interval(
        courses.composition[0] * courses.total[0][:, None], courses.survival[0], courses.newborn[0], hit,
        float(detection.false_positive_per_um),
    )  # fmt: skip
    n, g, d = tables
    known = np.isfinite(n) & np.isfinite(g) & np.isfinite(d) & (n >= 0) & (g >= 0) & (d >= 0)
    n, g, d = (np.where(known, each, 0.0) for each in (n, g, d))
    mean = gain * length[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        chosen = gammaln(n + 1) - gammaln(d + 1) - gammaln(np.maximum(n - d, 0) + 1)
        log_p = chosen + xlogy(d, loss) + xlog1py(n - d, -loss) + xlogy(g, mean) - mean - gammaln(g + 1)
    return np.where(known, np.where(d > n, -np.inf, log_p), 0.0).sum(axis=1)


def _per_interval(number: Array, survival: Array, newborn: Array, hit: Array, false: float) -> tuple[Array, Array]:
    """(interval,) probability that a scored spine is lost, and mean number of gained spines per um."""
    seen_later = survival @ hit
    scored = number[:-1] @ hit + false
    lost = ((number[:-1] * hit) * (1.0 - seen_later)).sum(axis=1) + false
    gained = ((number[:-1] * (1.0 - hit)) * seen_later).sum(axis=1) + newborn @ hit + false
    return lost / scored, gained
