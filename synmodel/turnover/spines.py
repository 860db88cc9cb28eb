"""Full histories: one row per spine with birth, loss, class at sessions and head width.

Head width w is log-normal; ln w is an Ornstein-Uhlenbeck process whose mean follows the drive::

    d ln w = theta (mu + s(t) - ln w) dt + ds + sqrt(2 theta) sigma dW,   ds/dt = theta_s (ln f_size(t) - s)

so that at any time ln w ~ Normal(mu + s(t), sigma^2) for old and newborn spines alike, and the deviation of a
spine from the mean decays with correlation exp(-theta dt).

References
----------
Loewenstein, Kuras and Rumpel 2011, J Neurosci 31:9481 (log-normal sizes, multiplicative change).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from synmodel.randomness import stream_key, uniform_array
from synmodel.schema import SPINES, stamped
from synmodel.turnover.clockwork import hazards_of
from synmodel.turnover.hazards import folds_between
from synmodel.turnover.kernels import events
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.simulator import Start

__all__ = ["HeadWidth", "log_width_shift", "trace"]


@dataclass(frozen=True)
class HeadWidth:
    """Law of spine head width.

    Parameters
    ----------
    median_um : float
        Median width without drug [um].
    log_sd : float
        Standard deviation of ln w between spines.
    reversion : float
        theta, rate at which a spine forgets its deviation [1/day].
    response : float
        theta_s, rate at which the mean follows the drive [1/day].
    """

    median_um: float
    log_sd: float
    reversion: float
    response: float


def log_width_shift(
    times: NDArray[np.float64], knots: NDArray[np.float64], fold: NDArray[np.float64], response: float
) -> NDArray[np.float64]:
    """(n_time,) shift s of the mean of ln w at sessions, exact for a fold that is constant between knots."""
    if len(knots) == 0:
        return np.zeros(len(times))
    target = np.log(fold)
    edges = np.unique(np.concatenate([knots, times]))
    cell = np.searchsorted(knots, edges[:-1], side="right") - 1
    held = np.where(cell >= 0, target[np.maximum(cell, 0)], 0.0)
    kept = np.exp(-response * np.diff(edges))
    shift = np.zeros(len(edges))
    value = 0.0
    for i, (towards, keep) in enumerate(zip(held.tolist(), kept.tolist(), strict=True)):
        value = towards + (value - towards) * keep
        shift[i + 1] = value
    return shift[np.searchsorted(edges, times)]


def trace(
    model: TurnoverModel,
    start: Start,
    times: NDArray[np.float64],
    *,
    seed: int,
    drive: xr.Dataset | None = None,
    head_width: HeadWidth | None = None,
    first_replicate: int = 0,
) -> xr.Dataset:
    """Simulate every spine of a block of replicates by the events engine.

    Parameters
    ----------
    model : TurnoverModel
        Rates.
    start : Start
        Initial numbers and birth multipliers, from :func:`synmodel.turnover.simulator.start_of`.
    times : (n_time,) ndarray
        Sessions [day].
    seed : int
        Same seed, same spines as :func:`synmodel.turnover.simulate` with ``engine="events"``.
    drive : Dataset, optional
        A Drive; ``head_size`` moves the mean width.
    head_width : HeadWidth, optional
        Law of head widths; without it there are none.
    first_replicate : int
        Number of the first replicate of the block.

    Returns
    -------
    Dataset
        One row per spine (:data:`synmodel.schema.SPINES`), ordered by replicate and dendrite.
    """
    hazards = hazards_of(model, folds_between(model, times, drive), times)
    key = stream_key(seed, "turnover")
    n_spine = np.zeros(start.scale.shape, np.int64)
    events.count_spines(key, first_replicate, start.initial, start.scale, *hazards, n_spine)
    offset = (np.cumsum(n_spine) - n_spine.ravel()).reshape(n_spine.shape)
    total = int(n_spine.sum())
    words = np.empty(total, np.int64)
    births, deaths = np.empty(total), np.empty(total)
    paths = np.empty((total, len(times)), np.int8)
    events.fill_spines(key, first_replicate, start.initial, start.scale, *hazards, offset, words, births, deaths, paths)
    row = np.repeat(np.arange(n_spine.size), n_spine.ravel())
    r, d = row // start.scale.shape[1], row % start.scale.shape[1]
    replicate = r + first_replicate
    content = {
        "replicate": ("spine", replicate),
        "dendrite": ("spine", d),
        "spine_key": ("spine", words),
        "birth_day": ("spine", births),
        "death_day": ("spine", deaths),
        "spine_class": (("spine", "time"), paths),
    }
    if head_width is not None:
        shift = np.zeros(len(times))
        if drive is not None and "head_size" in drive.data_vars:
            knots, fold = drive["time"].to_numpy(), drive["head_size"].to_numpy()
            shift = log_width_shift(times, knots, fold, head_width.response)
        keys = (stream_key(seed, "head width"), replicate, d, words)
        widths = _widths(paths >= 0, times, shift, head_width, *keys)
        content["head_width"] = (("spine", "time"), widths)
    return stamped(xr.Dataset(content, {"time": times}), SPINES)


def _widths(
    present: NDArray[np.bool_],
    times: NDArray[np.float64],
    shift: NDArray[np.float64],
    law: HeadWidth,
    key: NDArray[np.uint64],
    replicate: NDArray[np.int64],
    dendrite: NDArray[np.int64],
    words: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(spine, time) head widths [um], NaN when absent."""
    widths = np.full(present.shape, np.nan)
    deviation = np.zeros(len(words))
    for k in range(len(times)):
        noise = ndtri(uniform_array(key, replicate, dendrite, words, k))
        # A spine seen for the first time starts from the stationary law, so nothing is remembered.
        known = present[:, k - 1] if k > 0 else np.zeros(len(words), bool)
        kept = np.where(known, np.exp(-law.reversion * (times[k] - times[k - 1])) if k > 0 else 0.0, 0.0)
        deviation = kept * deviation + np.sqrt(1.0 - kept**2) * law.log_sd * noise
        widths[:, k] = np.where(present[:, k], law.median_um * np.exp(shift[k] + deviation), np.nan)
    return widths
