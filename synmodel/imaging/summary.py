"""From Observations to the group summaries that papers print: means with SEM over dendrites and over animals."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from synmodel.core.schema import OBSERVATIONS, conform
from synmodel.imaging import metrics

__all__ = ["between_arms", "summarise"]


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
    count = observations["spine_count"]
    sessions = observations["session"].to_numpy()
    previous = count.isel(session=slice(None, -1)).drop_vars("session").rename(session="interval")
    measured = metrics.density(count, observations["length_um"])
    pieces = [
        _points(metrics.formation_fraction(observations["gained"], previous), "formation_fraction", sessions),
        _points(metrics.elimination_fraction(observations["lost"], previous), "elimination_fraction", sessions),
        _points(_change(measured), "density_change", sessions),
    ]
    if "head_width" in observations:
        pieces.append(_points(_change(observations["head_width"]), "head_width_change", sessions))
    if "new_spines_followed" in observations:
        pieces += [
            _pooled(observations["new_spines_seen"], "new_spine_persistence_seen", sessions),
            _pooled(observations["new_spines_followed"], "new_spine_persistence_followed", sessions),
        ]
    return xr.concat(pieces, dim="point", data_vars="all", coords="different", compat="equals", join="outer")


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


def _change(values: xr.DataArray) -> xr.DataArray:
    first = values.isel(session=0, drop=True)
    later = values.isel(session=slice(1, None)).drop_vars("session").rename(session="interval")
    return metrics.relative_change(later, first)


def _coordinates(quantity: str, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> dict[str, object]:
    return {
        "quantity": ("point", [quantity] * len(ends)),
        "start_day": ("point", starts, {"units": "day", "long_name": "start of the interval"}),
        "end_day": ("point", ends, {"units": "day", "long_name": "end of the interval"}),
    }


def _points(values: xr.DataArray, quantity: str, sessions: NDArray[np.float64]) -> xr.Dataset:
    """Means and standard errors of one statistic per dendrite and interval."""
    is_change = quantity.endswith("_change")
    starts = np.full(len(sessions) - 1, sessions[0]) if is_change else sessions[:-1]
    values = values.rename(interval="point").drop_vars(["start_day", "end_day"], errors="ignore")
    units = ("animal", "dendrite")
    n = values.notnull().sum(units)
    by_animal = values.mean("dendrite")
    animals = by_animal.notnull().sum("animal")
    content = {
        "mean": values.mean(units),
        "sem_dendrite": _standard_error(values, units),
        "n_dendrites": n,
        "mouse_mean": by_animal.mean("animal"),
        "mouse_sem": _standard_error(by_animal, ("animal",)),
        "n_mice": animals,
    }
    return xr.Dataset(content).assign_coords(_coordinates(quantity, starts, sessions[1:]))


def _standard_error(values: xr.DataArray, dims: tuple[str, ...]) -> xr.DataArray:
    """Standard error of the mean over dims; NaN where fewer than two values are known."""
    n = values.notnull().sum(dims)
    squares = ((values - values.mean(dims)) ** 2).sum(dims)
    return (squares / (n * (n - 1)).where(n > 1)) ** 0.5


def _pooled(numbers: xr.DataArray, quantity: str, sessions: NDArray[np.float64]) -> xr.Dataset:
    """Persistence of new spines, pooled over all dendrites."""
    total = numbers.sum(("animal", "dendrite"), skipna=False)
    reference = int(np.argmax(total.notnull().to_numpy().reshape(-1, len(sessions)).all(axis=0)))
    new = total.isel(session=reference, drop=True)
    later = total.isel(session=slice(reference + 1, None)).drop_vars("session").rename(session="point")
    content = {"mean": metrics.persistence(later, new * xr.ones_like(later)), "n_present": later, "n_new": new}
    dataset = xr.Dataset(content)
    dataset["n_new"] = dataset["n_new"] * xr.ones_like(later)
    starts = np.full(later.sizes["point"], sessions[reference])
    return dataset.assign_coords(_coordinates(quantity, starts, sessions[reference + 1 :]))
