"""How many dendrites of a file hold something that a likelihood can use."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.data.counts import resolution
from synmodel.data.explanations import Record, pieces_of

__all__ = ["dendrites_used"]

_NEW_SPINES = ("new_spines_seen", "new_spines_followed")
_FEWEST = 2


def dendrites_used(observations: xr.Dataset, presence: xr.Dataset | None = None) -> tuple[int, int]:
    """Number of dendrites, and of those that are used.

    A dendrite is used if numbers of spines explain an interval of it (:mod:`synmodel.data.explanations`), if one of its
    spines is known at two sessions, or if its new spines are followed.

    Parameters
    ----------
    observations : Dataset
        Observations.
    presence : Dataset, optional
        Presence of each spine.

    Returns
    -------
    tuple of int
        All dendrites, and those used.
    """
    there = (observations["dendrite_label"] != "").to_numpy()
    used = np.zeros(there.shape, bool)
    for name in _NEW_SPINES:
        used |= np.isfinite(_table(observations, name)).sum(axis=-1) >= _FEWEST
    if presence is not None:
        followed = ((presence["present"] >= 0).sum("session") >= _FEWEST).to_numpy()
        used[presence["animal"].to_numpy()[followed], presence["dendrite"].to_numpy()[followed]] = True
    tables = {name: _table(observations, name) for name in Record._fields[:3] + Record._fields[5:]}
    fractions = [_table(observations, f"{name}_fraction")[..., 1:] for name in ("formation", "elimination")]
    tolerance = (resolution(fractions[0]), resolution(fractions[1]))
    for at in zip(*np.nonzero(there & ~used), strict=True):
        own = {name: table[at] for name, table in tables.items()}
        record = Record(formation=fractions[0][at], elimination=fractions[1][at], **own)
        used[at] = bool(pieces_of(record, tolerance)[0])
    return int(there.sum()), int((there & used).sum())


def _table(observations: xr.Dataset, name: str) -> NDArray[np.float64]:
    """(animal, dendrite, session or interval) numbers; one that never changes stands for every session."""
    count = observations["spine_count"]
    if name not in observations:
        return np.full(count.shape, np.nan)
    values = observations[name].astype(float)
    if "interval" in values.dims:
        return values.transpose("animal", "dendrite", "interval").to_numpy()
    return values.broadcast_like(count).transpose(*count.dims).to_numpy()
