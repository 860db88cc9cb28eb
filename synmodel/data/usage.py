"""How many dendrites of a file hold something that a likelihood can use."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.data.counts import balanced

__all__ = ["dendrites_used"]

_AT_SESSIONS = ("spine_count", "density_per_um", "new_spines_seen", "new_spines_followed")
_FRACTIONS = ("formation_fraction", "elimination_fraction")
_FEWEST = 2


def dendrites_used(observations: xr.Dataset, presence: xr.Dataset | None = None) -> tuple[int, int]:
    """Number of dendrites, and of those that are used.

    A dendrite is used if it has an interval that balances, an interval with both fractions, a count or density at
    two sessions, or a spine that is known at two sessions.

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
    used = balanced(observations).any("interval").to_numpy()
    for name in _AT_SESSIONS:
        used |= _known(observations, name).sum(axis=-1) >= _FEWEST
    used |= (_known(observations, _FRACTIONS[0]) & _known(observations, _FRACTIONS[1])).any(axis=-1)
    if presence is not None:
        followed = ((presence["present"] >= 0).sum("session") >= _FEWEST).to_numpy()
        used[presence["animal"].to_numpy()[followed], presence["dendrite"].to_numpy()[followed]] = True
    return int(there.sum()), int((there & used).sum())


def _known(observations: xr.Dataset, name: str) -> NDArray[np.bool_]:
    """(animal, dendrite, session) whether a number is known; one that never changes stands for every session."""
    count = observations["spine_count"]
    if name not in observations:
        return np.zeros(count.shape, dtype=bool)
    values = observations[name].astype(float).broadcast_like(count).transpose(*count.dims)
    return np.isfinite(values.to_numpy())
