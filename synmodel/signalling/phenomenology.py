"""The phenomenological Drive: one pulse per dose and effect, with onset, peak and decay.

::

    fold(t) = 1 + (peak - 1) sum_doses s(t - t_dose)         each effect with a peak and a decay of its own

    s(t) = (exp(-t/decay) - exp(-t/onset)) / max  for t > 0,  0 before;  its maximum is 1

This is what spine counts alone can identify; fits use it first. It knows a drug only at the dose and route at
which it was fitted. Values on the grid are exact averages over cells.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import ScenarioError
from synmodel.signalling.arrows import NEUTRAL, Arrows
from synmodel.signalling.folds import drive_of_folds

__all__ = [
    "EFFECTS",
    "LEAST",
    "PRETREATMENT_DAY",
    "SHARED_DECAY",
    "effective_doses",
    "phenomenological_drive",
    "phenomenological_folds",
    "pulse",
    "pulse_folds",
    "pulse_names",
]

Array = NDArray[np.float64]

PRETREATMENT_DAY = 1.0
"""Longest time before a dose at which an antagonist still blocks it [day]; assumed: studies gave it minutes before."""

EFFECTS = {
    "formation": ("formation_fold", "formation_decay"),
    "maturation": ("maturation_fold", "maturation_decay"),
    "elimination": ("elimination_fold", "elimination_decay"),
    "head_size": ("head_fold", "head_decay"),
}
"""Drive variable -> names of the parameters of its peak fold and of its decay, for every drug."""

SHARED_DECAY = "decay"
"""Decay of an effect that has none of its own."""

_SCALED = {"formation_rate": "formation", "maturation_hazard": "maturation", "elimination_hazard": "elimination"}

LEAST = {"formation": 0.0, "maturation": 0.0, "elimination": 0.0, "head_size": 0.1}
"""Least fold: pulses that lower it add up; hazards may end at 0, a width of 0 is no width."""


def pulse(edges: Array, onset: float, decay: float) -> Array:
    """Average of s over the cells between edges (time since the dose).

    Parameters
    ----------
    edges : (n + 1,) ndarray
        Rising [day].
    onset, decay : float
        Time constants [day]; their order does not matter.

    Returns
    -------
    (n,) ndarray
    """
    fast, slow = min(onset, decay), max(onset, decay)
    slow = max(slow, fast * (1.0 + 1e-6))  # equal constants: a limit, taken a millionth away
    peak_time = math.log(slow / fast) * slow * fast / (slow - fast)
    peak = math.exp(-peak_time / slow) - math.exp(-peak_time / fast)
    since = np.maximum(edges, 0.0)
    integral = -slow * np.expm1(-since / slow) + fast * np.expm1(-since / fast)
    return np.diff(integral) / np.diff(edges) / peak


def phenomenological_drive(
    doses: Sequence[tuple[str, float]], times: Array, values: Mapping[str, float], arrows: Arrows = NEUTRAL
) -> xr.Dataset:
    """Drive of a series of doses.

    Equation and evidence: :doc:`/model/signalling`.

    Parameters
    ----------
    doses : sequence of (compound, day)
        Compounds without effects of their own (vehicle, antagonists) may be among them.
    times : (n_time,) ndarray
        Grid [day].
    values : mapping
        Parameter values: ``<drug>.formation_fold`` and so on. ``<drug>.blocked_by_<compound>`` in [0, 1]
        removes that share of the drug's effects when the other compound is given up to a day before it.
    arrows : Arrows
        Of stress and treatments, at ``times``; of formation, maturation and elimination alone, as there is no cascade.

    Returns
    -------
    Dataset
        A Drive: ``formation``, ``maturation``, ``elimination``, ``head_size``.

    Raises
    ------
    ScenarioError
        If a compound has neither effects nor the role of an antagonist in ``values``, or a condition acts on an
        arrow of the cascade.

    Examples
    --------
    >>> from synmodel.signalling import phenomenological_drive
    >>> effect = {"drug.formation_fold": 3.0, "drug.onset": 0.25, "drug.decay": 5.0}
    >>> drive = phenomenological_drive([("drug", 0.0)], np.array([-1.0, 0.0, 1.0, 2.0, 7.0]), effect)
    >>> drive["formation"].values.round(2).tolist()
    [1.0, 2.63, 2.82, 2.04, 1.38]
    """
    return drive_of_folds(times, phenomenological_folds(doses, times, values, arrows))


def phenomenological_folds(
    doses: Sequence[tuple[str, float]], times: Array, values: Mapping[str, float], arrows: Arrows = NEUTRAL
) -> dict[str, Array]:
    """The array layer of :func:`phenomenological_drive`: folds by effect, each (n_time,)."""
    folds = pulse_folds(doses, times, values)
    for name in (*arrows.factors, *arrows.adds):
        if name not in _SCALED:
            message = (
                f"the phenomenological drive has no arrow {name!r} for a genotype, stress or treatment to act on, only "
                f'{", ".join(_SCALED)}; set drive = "mechanistic"'
            )
            raise ScenarioError(message)
        folds[_SCALED[name]] = arrows.factors[name] * folds[_SCALED[name]]
    return folds


def pulse_folds(
    doses: Sequence[tuple[str, float]],
    times: Array,
    values: Mapping[str, float],
    factors: Mapping[str, float] | None = None,
) -> dict[str, Array]:
    """Folds of :func:`phenomenological_drive` where nothing else acts, by effect, each (n_time,).

    ``factors`` multiply an effect, that is the distance of its fold from 1; those of ``EFFECT_duration`` its decay.
    """
    edges = np.append(times, 2 * times[-1] - times[-2])
    folds = {effect: np.ones(len(times)) for effect in EFFECTS}
    given = factors or {}
    for drug, day, share in effective_doses(doses, values):
        shapes: dict[tuple[str, float], Array] = {}
        for effect, (peak, own_decay) in EFFECTS.items():
            if f"{drug}.{peak}" not in values:
                continue
            decay = own_decay if f"{drug}.{own_decay}" in values else SHARED_DECAY
            factor, longer = given.get(effect, 1.0), given.get(f"{effect}_duration", 1.0)
            if (decay, longer) not in shapes:
                shapes[decay, longer] = pulse(edges - day, values[f"{drug}.onset"], values[f"{drug}.{decay}"] * longer)
            folds[effect] += (values[f"{drug}.{peak}"] - 1.0) * factor * share * shapes[decay, longer]
    return {effect: np.maximum(fold, LEAST[effect]) for effect, fold in folds.items()}


def pulse_names(doses: Sequence[tuple[str, float]], names: Iterable[str]) -> list[str]:
    """Those of the names on which :func:`pulse_folds` of the doses may depend."""
    keys = {"onset", SHARED_DECAY, *(key for pair in EFFECTS.values() for key in pair)}
    drugs = {drug for drug, _ in doses}

    def read(name: str) -> bool:
        drug, _, key = name.partition(".")
        return drug in drugs and (key in keys or key.startswith("blocked_by_"))

    return [name for name in names if read(name)]


def effective_doses(doses: Sequence[tuple[str, float]], values: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Doses of compounds with effects, each with the share of its effects that antagonists leave.

    Raises
    ------
    ScenarioError
        For a compound that is neither a vehicle, nor an antagonist, nor has effects.
    """
    effective = []
    for drug, day in doses:
        if f"{drug}.formation_fold" not in values:
            _refuse_unknown(drug, values)
            continue
        share = 1.0
        for other, other_day in doses:
            if other != drug and 0.0 <= day - other_day <= PRETREATMENT_DAY:
                share *= 1.0 - values.get(f"{drug}.blocked_by_{other}", 0.0)
        effective.append((drug, day, share))
    return effective


def _refuse_unknown(compound: str, values: Mapping[str, float]) -> None:
    """Raise unless a compound is a vehicle or a known antagonist."""
    if compound == "saline" or any(name.endswith(f".blocked_by_{compound}") for name in values):
        return
    known = sorted(name.partition(".")[0] for name in values if name.endswith(".formation_fold"))
    message = (
        f"the phenomenological drive has no effect sizes for {compound!r}; it knows: {', '.join(known)}; "
        'use drive = "mechanistic"'
    )
    raise ScenarioError(message)
