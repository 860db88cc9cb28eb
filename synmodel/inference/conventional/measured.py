"""Single dendrites as a long table: one row for each dendrite, quantity and session, as laboratories analyse them.

Fractions are gained / N and lost / N of the spines at the session before, from counts where they are known, else as the
file gives them. ``density_change`` is relative to the dendrite's own first session. A dendrite that was not imaged at
its study's session before has no fraction: it would be over a longer interval than that of the others.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import FitError
from synmodel.core.schema import OBSERVATIONS, conform
from synmodel.inference.dendrites.arms import Several, labels_of

__all__ = ["LABELS", "QUANTITIES", "dendrite_table"]

Array = NDArray[np.float64]

QUANTITIES = ("formation_fraction", "elimination_fraction", "density_change")
"""What is measured on a dendrite between two sessions."""

LABELS = ("study", "arm", "mouse", "dendrite", "quantity", "start_day", "end_day")
_COLUMNS = (*LABELS, "value")
_DIMS = ("animal", "dendrite", "session")
_UNKNOWN = {"study": "study", "arm": "control"}


def dendrite_table(observations: Several, *, without: Sequence[str] = ()) -> pd.DataFrame:
    """Every dendrite's fractions and change of density.

    Parameters
    ----------
    observations : Dataset, or several
        Observations with ``study``, ``arm`` and ``mouse`` on ``animal``; of those with counts alone, and with the
        coordinates ``formation_fraction``, ``elimination_fraction`` or ``density_per_um`` where the file has them.
    without : sequence of str
        Flags (such as ``damaged``): a dendrite for which one is not 0 at some session is left out.

    Returns
    -------
    DataFrame
        Columns ``study``, ``arm``, ``mouse`` (``study/arm/mouse``), ``dendrite``, ``quantity``, ``start_day`` [day],
        ``end_day`` [day], ``value`` [1].

    Raises
    ------
    FitError
        For observations of several experiments.
    """
    several = [observations] if isinstance(observations, xr.Dataset) else list(observations)
    rows = [row for each in several for row in _rows(each, without)]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _rows(observations: xr.Dataset, without: Sequence[str]) -> Iterator[tuple[object, ...]]:
    conform(observations, OBSERVATIONS)
    if "replicate" in observations.dims:
        message = "observations has a dim replicate; analyse one experiment at a time: observations.isel(replicate=0)"
        raise FitError(message)
    kept = _unflagged(observations, without)
    n = observations.sizes["animal"]
    study, arm, mouse = (labels_of(observations, name, _UNKNOWN.get(name), n) for name in ("study", "arm", "mouse"))
    sessions = observations["session"].to_numpy().astype(float)
    for name in dict.fromkeys(study.tolist()):
        animals = np.flatnonzero(study == name)
        own = observations.isel(animal=animals)
        tables = {each: _table(own, each) for each in ("spine_count", "length_um", "density_per_um", *QUANTITIES[:2])}
        imaged = np.any([np.isfinite(tables[each]) for each in tables if each != "length_um"], axis=0)
        imaged &= kept[animals][:, :, None]
        at = np.flatnonzero(imaged.any(axis=(0, 1)))
        measured = {
            "formation_fraction": _fractions(own, tables, "gained", imaged, at),
            "elimination_fraction": _fractions(own, tables, "lost", imaged, at),
            "density_change": _changes(tables, sessions),
        }
        for quantity, (start, value) in measured.items():
            for place in np.argwhere(np.isfinite(value) & imaged):
                animal, dendrite, session = place.tolist()
                mouse_label = f"{name}/{arm[animals[animal]]}/{mouse[animals[animal]]}"
                days = (float(start[animal, dendrite, session]), float(sessions[session]))
                label = f"{mouse_label}/{dendrite}"
                yield name, arm[animals[animal]], mouse_label, label, quantity, *days, float(value[tuple(place)])


def _table(own: xr.Dataset, name: str) -> Array:
    """(animal, dendrite, session) values; NaN where the file has none."""
    frame = own["spine_count"]
    if name not in own:
        return np.full(frame.shape, np.nan)
    return own[name].broadcast_like(frame).transpose(*_DIMS).to_numpy().astype(float)


def _unflagged(observations: xr.Dataset, without: Sequence[str]) -> NDArray[np.bool_]:
    """(animal, dendrite) whether a dendrite carries none of the flags."""
    kept = np.ones((observations.sizes["animal"], observations.sizes["dendrite"]), bool)
    for flag in without:
        if flag in observations.coords:
            kept &= ~(np.nan_to_num(_table(observations, flag)) != 0).any(axis=2)
    return kept


def _fractions(
    own: xr.Dataset, tables: dict[str, Array], change: str, imaged: NDArray[np.bool_], at: NDArray[np.int64]
) -> tuple[Array, Array]:
    """First day and value of a fraction at every session, over the study's sessions ``at``."""
    sessions = own["session"].to_numpy().astype(float)
    changes = own[change].transpose("animal", "dendrite", "interval").to_numpy().astype(float)
    given = tables["formation_fraction" if change == "gained" else "elimination_fraction"]
    start, value = np.full_like(given, np.nan), np.full_like(given, np.nan)
    for before, here in pairwise(at.tolist()):
        n = tables["spine_count"][:, :, before]
        if here == before + 1:
            value[:, :, here] = np.where(n > 0, changes[:, :, before] / np.where(n > 0, n, 1.0), np.nan)
        # The first fractions of a dendrite are of spines at the session before, whether that has a number or not.
        comparable = imaged[:, :, before] | ~imaged[:, :, :here].any(axis=2)
        missing = np.isnan(value[:, :, here]) & comparable
        value[:, :, here] = np.where(missing, given[:, :, here], value[:, :, here])
        start[:, :, here] = sessions[before]
    return start, value


def _changes(tables: dict[str, Array], sessions: Array) -> tuple[Array, Array]:
    """First day and value of the change of density at every session but a dendrite's first."""
    given = tables["density_per_um"]
    length = np.where(tables["length_um"] > 0, tables["length_um"], np.nan)
    counted = tables["spine_count"] / np.where(np.isfinite(length).any(axis=2, keepdims=True), length, 1.0)
    enough = np.isfinite(given).sum(axis=2, keepdims=True) > 1
    density = np.where(enough, given, counted)
    known = np.isfinite(density)
    first = known.argmax(axis=2)[:, :, None]
    reference = np.take_along_axis(density, first, axis=2)
    later = known & (np.arange(len(sessions)) > first) & (reference > 0)
    value = np.where(later, density / np.where(reference > 0, reference, 1.0) - 1.0, np.nan)
    return np.broadcast_to(sessions[first], value.shape), value
