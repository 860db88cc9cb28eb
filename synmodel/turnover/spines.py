"""Full histories: one row per spine with birth, loss, class at sessions and head width (:mod:`.size`)."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from synmodel.randomness import stream_key, uniform_array
from synmodel.schema import SPINES, stamped
from synmodel.turnover.clockwork import hazards_of
from synmodel.turnover.hazards import checked_times, folds_between
from synmodel.turnover.kernels.histories import fill_spines
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.simulator import Start
from synmodel.turnover.size import HeadWidth, SizeLoss, head_size_of, log_width_shift

__all__ = ["trace"]


def trace(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    drive: xr.Dataset | None = None,
    head_width: HeadWidth | None = None,
    size_loss: SizeLoss | None = None,
    first_replicate: int = 0,
) -> xr.Dataset:
    """Simulate every spine of a block of replicates by the events engine.

    Parameters
    ----------
    model : TurnoverModel
        Rates.
    start : Start
        Initial numbers and birth multipliers, from :func:`synmodel.turnover.simulator.start_of`.
    times : (n_time,) array_like
        Sessions [day].
    seed : int
        Same seed, same spines as :func:`synmodel.turnover.simulate` with ``engine="events"``.
    drive : Dataset, optional
        A Drive; ``head_size`` moves the mean width.
    head_width : HeadWidth, optional
        Law of head widths; without it there are none.
    size_loss : SizeLoss, optional
        Losses that fall with head width, whose law of widths takes the place of ``head_width``.
    first_replicate : int
        Number of the first replicate of the block.

    Returns
    -------
    Dataset
        One row per spine (:data:`synmodel.schema.SPINES`), ordered by replicate and dendrite. ``spine_class`` is the
        number of the class at each session, -1 when the spine is not there: not yet born, or lost.

    Raises
    ------
    SimulationError
        If the start is not one of this model, or the times do not rise.
    """
    start.check(model)
    times = checked_times(times)
    hazards = hazards_of(model, folds_between(model, times, drive), times, size_loss, head_size_of(drive))
    key = stream_key(seed, "turnover")
    n_spine = np.zeros(start.scale.shape, np.int64)
    for _ in range(2):  # first to count, then to fill
        offset = (np.cumsum(n_spine) - n_spine.ravel()).reshape(n_spine.shape)
        n = int(n_spine.sum())
        words, births, deaths = np.empty(n, np.int64), np.empty(n), np.empty(n)
        paths = np.empty((n, len(times)), np.int8)
        deviation = np.full((n, len(times) if size_loss else 0), np.nan)
        rows = (offset, n_spine, words, births, deaths, paths, deviation)
        fill_spines(key, first_replicate, start.initial, start.scale, *hazards, *rows)
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
    law = size_loss.head_width if size_loss else head_width
    if law is not None:
        if size_loss is None:
            keys = (stream_key(seed, "head width"), replicate, d, words)
            deviation = _deviations(paths >= 0, times, law, *keys)
        shift = log_width_shift(times, *head_size_of(drive), law.response)
        content["head_width"] = (("spine", "time"), law.median_um * np.exp(shift + deviation))
    return stamped(xr.Dataset(content, {"time": times}), SPINES)


def _deviations(
    present: NDArray[np.bool_],
    times: NDArray[np.float64],
    law: HeadWidth,
    key: NDArray[np.uint64],
    replicate: NDArray[np.int64],
    dendrite: NDArray[np.int64],
    words: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(spine, time) deviations of ln w from its mean, NaN when absent."""
    deviations = np.full(present.shape, np.nan)
    for k in range(len(times)):
        here = np.flatnonzero(present[:, k])
        noise = ndtri(uniform_array(key, replicate[here], dendrite[here], words[here], k))
        if k == 0:
            deviations[here, k] = law.log_sd * noise
            continue
        # A spine seen for the first time starts from the stationary law, so nothing is remembered.
        known = present[here, k - 1]
        kept = np.where(known, np.exp(-law.reversion * (times[k] - times[k - 1])), 0.0)
        before = np.where(known, deviations[here, k - 1], 0.0)
        deviations[here, k] = kept * before + np.sqrt(1.0 - kept**2) * law.log_sd * noise
    return deviations
