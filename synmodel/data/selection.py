"""Parts of Observations: one arm or study, without dendrites that carry a flag."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from synmodel.core.errors import DataError, did_you_mean

__all__ = ["select"]


def select(
    observations: xr.Dataset, *, arm: str | None = None, study: str | None = None, without: Sequence[str] = ()
) -> xr.Dataset:
    """The animals of one arm or study, without flagged dendrites; sessions and intervals stay those of the file.

    Parameters
    ----------
    observations : Dataset
        Observations with coordinates ``arm`` and ``study`` on animal.
    without : sequence of str
        Coordinates (such as ``damaged``): a dendrite for which one is not 0 at some session becomes unknown.

    Raises
    ------
    DataError
        If there is no such arm or study, or no animal of both.
    """
    keep = np.ones(observations.sizes["animal"], dtype=bool)
    for name, wanted in (("study", study), ("arm", arm)):
        if wanted is not None:
            labels = observations[name].to_numpy().astype(str)
            if wanted not in labels:
                message = f"{name} is {wanted!r}; {did_you_mean(wanted, set(labels.tolist()))}"
                raise DataError(message)
            keep &= labels == wanted
    if not keep.any():
        message = f"no animal is of arm {arm!r} in study {study!r}; see observations.arm and observations.study"
        raise DataError(message)
    return _without(observations.isel(animal=np.flatnonzero(keep)), without)


def _without(observations: xr.Dataset, flags: Sequence[str]) -> xr.Dataset:
    """Observations with NaN for every dendrite that carries one of the flags."""
    kept = observations.copy()
    for flag in flags:
        if flag not in observations.coords:
            known = [str(name) for name in observations.coords]
            message = f"without is {flag!r}, which is no coordinate of the observations; {did_you_mean(flag, known)}"
            raise DataError(message)
        marked = observations[flag].fillna(0) != 0
        marked = marked.any([dim for dim in marked.dims if dim not in ("animal", "dendrite")])
        for name, values in kept.data_vars.items():
            if {"animal", "dendrite"} <= set(values.dims):
                kept[name] = values.where(~marked).assign_attrs(values.attrs)
    return kept
