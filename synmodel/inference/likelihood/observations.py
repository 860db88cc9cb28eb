"""Likelihood of Observations, real or simulated: the labelled layer over the class filter."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.errors import FitError
from synmodel.inference.likelihood.counts import one_level, refuse_animals
from synmodel.inference.likelihood.courses import LossFrailty, courses_of
from synmodel.inference.likelihood.evidence import evidence_of
from synmodel.inference.likelihood.runs import Runs, whole_numbers
from synmodel.schema import OBSERVATIONS, conform
from synmodel.turnover.hazards import checked_times
from synmodel.turnover.model import TurnoverModel

__all__ = ["consistent_runs", "log_likelihood"]

Array = NDArray[np.float64]


def log_likelihood(
    model: TurnoverModel,
    observations: xr.Dataset,
    *,
    drive: xr.Dataset | None = None,
    composition: str | ArrayLike = "stationary",
    per_um: bool = True,
    birth_effect: str = "lasting",
    frailty: LossFrailty | None = None,
) -> xr.DataArray:
    """Log-probability of the gains and losses of every dendrite given its counts at the start of each run.

    A dendrite's chain is cut where an interval is not known (NaN) or does not add up (count, gained and lost
    disagree). Each longest piece without a cut, a *run*, is a factor of its own: it starts from its own count, with
    the composition and mean number that the model expects at that session of a dendrite that has not been looked
    at. With a cut this is a partial likelihood: what earlier runs tell of later ones is not used, and nothing is
    lost without one.

    Parameters
    ----------
    model : TurnoverModel
        Rates, with up to three classes.
    observations : Dataset
        Observations (:data:`synmodel.schema.OBSERVATIONS`), with or without replicates.
    drive : Dataset, optional
        A Drive.
    composition : "stationary" or (K,) array_like
        Probabilities of the classes of a spine at the first session.
    per_um : bool
        Whether the model's births are per um of dendrite (each dendrite then has its mean length over
        sessions) or per dendrite.
    birth_effect, frailty
        As in :func:`counts_log_likelihood`.

    Returns
    -------
    DataArray
        ``log_likelihood`` on (animal, dendrite), after ``replicate`` if there is one; 0 for a dendrite of which
        no interval is known.

    Raises
    ------
    FitError
        For numbers that are no counts, a dendrite without a length, or what
        :func:`counts_log_likelihood` refuses.
    """
    conform(observations, OBSERVATIONS)
    refuse_animals(model)
    sessions = checked_times(observations["session"].to_numpy())
    count = observations["spine_count"]
    shape = count.shape[:-1]
    leading = {dim: size for dim, size in count.sizes.items() if dim != "session"}
    tables = {}
    for name, last in (
        ("spine_count", "session"),
        ("gained", "interval"),
        ("lost", "interval"),
        ("length_um", "session"),
    ):
        table = observations[name].expand_dims({d: n for d, n in leading.items() if d not in observations[name].dims})
        tables[name] = table.transpose(*leading, last).to_numpy().reshape(-1, table.sizes[last]).astype(float)
    runs, dendrite = consistent_runs(tables["spine_count"], tables["gained"], tables["lost"])
    scale = _scales(tables["length_um"], dendrite) if per_um else np.ones(len(dendrite))
    evidence = evidence_of(runs, courses_of(model, sessions, drive, composition, frailty), scale)
    log_p = one_level(evidence, model, birth_effect)
    total = np.bincount(dendrite, weights=log_p, minlength=len(tables["gained"]))
    return xr.DataArray(
        total.reshape(shape),
        dims=tuple(leading),
        coords={name: values for name, values in count.coords.items() if "session" not in values.dims},
        name="log_likelihood",
        attrs={"units": "1", "long_name": "log-probability of gains and losses given the first count"},
    )


def consistent_runs(count: Array, gained: Array, lost: Array) -> tuple[Runs, NDArray[np.int64]]:
    """The longest runs of intervals that are known and add up.

    Parameters
    ----------
    count : (dendrite, session) ndarray
        NaN where not known.
    gained, lost : (dendrite, interval) ndarray
        NaN where not known.

    Returns
    -------
    Runs
        In the order of dendrites and sessions.
    (run,) ndarray of int
        Dendrite of each run.
    """
    for name, table in (("spine_count", count), ("gained", gained), ("lost", lost)):
        whole_numbers(name, np.where(np.isnan(table), 0.0, table))
    whole = count[:, 1:] == count[:, :-1] + gained - lost  # False with NaN
    edge = np.zeros((len(whole), 1), bool)
    change = np.diff(np.concatenate([edge, whole, edge], axis=1).astype(np.int8), axis=1)
    dendrite, first = np.nonzero(change == 1)
    _, stop = np.nonzero(change == -1)
    interval = np.arange(whole.shape[1])
    inside = (interval >= first[:, None]) & (interval < stop[:, None])
    number = [np.where(inside, table[dendrite], 0.0).astype(np.int64) for table in (gained, lost)]
    return Runs(count[dendrite, first].astype(np.int64), number[0], number[1], first, stop), dendrite


def _scales(length_um: Array, dendrite: NDArray[np.int64]) -> Array:
    """(run,) mean length of the dendrite of each run [um]."""
    known = np.isfinite(length_um)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, length_um, 0.0).sum(axis=1) / known.sum(axis=1)
    scale = mean[dendrite]
    wrong = dendrite[~(scale > 0)]
    if len(wrong):
        message = (
            f"length_um of dendrite {wrong[0]} (in the order of the table) is {length_um[wrong[0]].tolist()}; "
            "births are per um, so give its length [um], or per_um=False for births per dendrite"
        )
        raise FitError(message)
    return np.asarray(scale, float)
