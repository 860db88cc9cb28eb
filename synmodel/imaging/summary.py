"""From Observations to the group summaries that papers print: means with SEM over dendrites and over animals."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from synmodel.core.schema import OBSERVATIONS, arrays_of, conform
from synmodel.imaging import metrics

__all__ = ["between_arms", "means", "means_of", "summarise"]

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]
_ANIMAL, _DENDRITE = -2, -2  # of values by animal, and of values by animal and dendrite; intervals are the last axis
_UNITS = (-3, -2)


def summarise(observations: xr.Dataset) -> xr.Dataset:
    """Published statistics of one arm.

    Parameters
    ----------
    observations : Dataset
        Observations of one arm, with or without replicates.

    Returns
    -------
    Dataset
        On dim ``point`` (after ``replicate`` if there are any) with coordinates ``quantity``, ``start_day`` and
        ``end_day``: ``mean``, ``sem_dendrite``, ``n_dendrites``, ``mouse_mean``, ``mouse_sem``, ``n_mice``; for
        ``new_spine_persistence`` also ``n_present`` and ``n_new``.

    Examples
    --------
    >>> import synmodel
    >>> from synmodel.imaging import summarise
    >>> summary = summarise(synmodel.simulate("psilocybin-mouse", replicates=5, seed=1))
    >>> sorted(set(summary["quantity"].values.tolist()))[:3]
    ['density_change', 'elimination_fraction', 'formation_fraction']
    """
    conform(observations, OBSERVATIONS)
    arrays = arrays_of(observations, OBSERVATIONS)
    pieces: list[tuple[str, Array, Array, dict[str, Array]]] = []
    for quantity, starts, ends, values in _measured(arrays):
        by_animal = _mean(values, _DENDRITE)
        content = {
            "mean": _mean(values, _UNITS),
            "sem_dendrite": _standard_error(values, _UNITS),
            "n_dendrites": (~np.isnan(values)).sum(_UNITS),
            "mouse_mean": _mean(by_animal, _ANIMAL),
            "mouse_sem": _standard_error(by_animal, _ANIMAL),
            "n_mice": (~np.isnan(by_animal)).sum(_ANIMAL),
        }
        pieces.append((quantity, starts, ends, content))
    for quantity, starts, ends, later, new in _followed(arrays):
        pieces.append(
            (quantity, starts, ends, {"mean": metrics.persistence(later, new), "n_present": later, "n_new": new})
        )
    leading = observations["spine_count"].dims[:-3]
    names = dict.fromkeys(name for *_, content in pieces for name in content)
    variables = {
        name: ((*leading, "point"), _joined([content.get(name) for *_, content in pieces], pieces), {"units": "1"})
        for name in names
    }
    days = {"start_day": "start of the interval", "end_day": "end of the interval"}
    coordinates: dict[str, Any] = {
        "quantity": ("point", [quantity for quantity, _, ends, _ in pieces for _ in ends]),
        **{
            name: ("point", np.concatenate([piece[at] for piece in pieces]), {"units": "day", "long_name": what})
            for at, (name, what) in enumerate(days.items(), 1)
        },
    }
    of_dendrites = {"animal", "dendrite", "session", "interval"}
    for name, each in observations.coords.items():
        if not of_dendrites.intersection(each.dims):
            coordinates[str(name)] = each
    return xr.Dataset(variables, coordinates)


def means(observations: xr.Dataset) -> tuple[list[tuple[str, float, float]], Array]:
    """Quantity, start and end of every point of :func:`summarise`, and its ``mean`` there alone, (..., point)."""
    conform(observations, OBSERVATIONS)
    return means_of(arrays_of(observations, OBSERVATIONS))


def means_of(observations: Arrays) -> tuple[list[tuple[str, float, float]], Array]:
    """The array layer of :func:`means`, of arrays by the names of OBSERVATIONS."""
    points: list[tuple[str, float, float]] = []
    found: list[Array] = []
    for quantity, starts, ends, values in _measured(observations):
        points += _points(quantity, starts, ends)
        found.append(_mean(values, _UNITS))
    for quantity, starts, ends, later, new in _followed(observations):
        points += _points(quantity, starts, ends)
        found.append(metrics.persistence(later, new))
    return points, np.concatenate(found, axis=-1)


def _points(quantity: str, starts: Array, ends: Array) -> list[tuple[str, float, float]]:
    return [(quantity, start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _measured(observations: Arrays) -> list[tuple[str, Array, Array, Array]]:
    """Statistics of each dendrite: name, start and end of each interval, values (..., animal, dendrite, interval)."""
    sessions = observations["session"]
    count, gained, lost = (observations[name] for name in ("spine_count", "gained", "lost"))
    starts, ends, first = sessions[:-1], sessions[1:], np.full(len(sessions) - 1, sessions[0])
    density = metrics.density(count, observations["length_um"])
    found = [
        ("formation_fraction", starts, ends, metrics.formation_fraction(gained, count[..., :-1])),
        ("elimination_fraction", starts, ends, metrics.elimination_fraction(lost, count[..., :-1])),
        ("density_change", first, ends, metrics.relative_change(density[..., 1:], density[..., :1])),
    ]
    if "head_width" in observations:
        width = observations["head_width"]
        found.append(("head_width_change", first, ends, metrics.relative_change(width[..., 1:], width[..., :1])))
    return found


def _followed(observations: Arrays) -> list[tuple[str, Array, Array, Array, Array]]:
    """Persistence of new spines, pooled over all dendrites: name, start, end, later and new numbers (..., interval)."""
    if "new_spines_followed" not in observations:
        return []
    sessions, found = observations["session"], []
    for way in ("seen", "followed"):
        total = observations[f"new_spines_{way}"].sum(_UNITS)
        reference = int(np.argmax(~np.isnan(total).reshape(-1, len(sessions)).any(axis=0)))
        later = total[..., reference + 1 :]
        new = np.broadcast_to(total[..., reference, None], later.shape)
        ends = sessions[reference + 1 :]
        found.append((f"new_spine_persistence_{way}", np.full(len(ends), sessions[reference]), ends, later, new))
    return found


def _joined(each: list[Array | None], pieces: list[Any]) -> Array:
    """Values of all points; those of a statistic that has none are NaN."""
    shape = pieces[0][3]["mean"].shape[:-1]
    filled = [
        np.full((*shape, len(piece[1])), np.nan) if values is None else values
        for values, piece in zip(each, pieces, strict=True)
    ]
    return np.concatenate(filled, axis=-1)


def _mean(values: Array, axes: int | tuple[int, ...]) -> Array:
    """Mean over axes of what is known; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axes))


def _standard_error(values: Array, axes: int | tuple[int, ...]) -> Array:
    """Standard error of the mean over axes; NaN where fewer than two values are known."""
    known = ~np.isnan(values)
    n = known.sum(axes)
    deviations = values - np.expand_dims(_mean(values, axes), axes)
    squares = np.where(known, deviations**2, 0.0).sum(axes)
    return np.sqrt(squares / np.where(n > 1, n * (n - 1), np.nan))


def between_arms(treated: xr.Dataset, control: xr.Dataset, *, level: float = 0.95) -> xr.Dataset:
    """Difference between two arms over mice, with Welch's interval.

    Parameters
    ----------
    treated, control : Dataset
        Summaries of two arms, published (:func:`synmodel.data.load_summaries`) or simulated (:func:`summarise`).
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Dataset
        On the points (``quantity``, ``start_day``, ``end_day``) that both arms have: ``difference``, ``error`` (its
        standard error), ``low`` and ``high``; NaN where an arm has fewer than two mice.

    References
    ----------
    Welch 1947, Biometrika 34:28, doi:10.1093/biomet/34.1-2.28.

    Examples
    --------
    >>> from synmodel.data import load_summaries
    >>> from synmodel.imaging import between_arms
    >>> both = between_arms(load_summaries("shao2021", "psilocybin"), load_summaries("shao2021", "saline"))
    >>> first = both.sel(point=(both["quantity"] == "formation_fraction") & (both["end_day"] == 1)).isel(point=0)
    >>> [round(100 * float(first[name]), 1) for name in ("difference", "low", "high")]  # percentage points
    [5.0, 0.2, 9.8]
    """
    places = {key: i for i, key in enumerate(_keys(control))}
    shared = [(i, places[key]) for i, key in enumerate(_keys(treated)) if key in places]
    a, b = (arm.isel(point=[pair[k] for pair in shared]) for k, arm in enumerate((treated, control)))
    variances = [arm["mouse_sem"].to_numpy() ** 2 for arm in (a, b)]
    freedoms = [np.where(arm["n_mice"].to_numpy() > 1, arm["n_mice"].to_numpy() - 1.0, np.nan) for arm in (a, b)]
    variance = sum(variances)
    freedom = variance**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    reach = stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance)
    difference = a["mouse_mean"].to_numpy() - b["mouse_mean"].to_numpy()
    dims = a["mouse_mean"].dims
    content = {
        "difference": difference, "error": np.sqrt(variance), "low": difference - reach, "high": difference + reach
    }  # fmt: skip
    coords = {name: a[name] for name in ("quantity", "start_day", "end_day")}
    return xr.Dataset({name: (dims, values) for name, values in content.items()}, coords)


def _keys(summary: xr.Dataset) -> list[tuple[object, ...]]:
    return list(zip(*(summary[name].to_numpy().tolist() for name in ("quantity", "start_day", "end_day")), strict=True))
