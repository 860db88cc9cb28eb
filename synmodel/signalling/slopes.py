r"""Exact slopes of a Drive's folds in the parameters that shape them.

Pulses: with I(t; tau) = tau (1 - e^(-t / tau)) the mean of a pulse over a cell is a difference of I over its largest
value, and dI/dtau = 1 - e^(-t / tau) - (t / tau) e^(-t / tau). At its largest value a pulse is flat in time, so that
value changes with the time constants alone.

Cascade: its states follow one another, so the chain rule goes forwards with them: each linear filter is solved for the
slope of its input, and each slow drive, exact on its cells, is differentiated there. Where BDNF release, or what drives
a slow state, is cut off at 0 its slope is 0; at 0 itself it is that from above, as is that of no delay.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synmodel.signalling.cascade import low_pass
from synmodel.signalling.phenomenology import (
    EFFECTS,
    LEAST,
    PRETREATMENT_DAY,
    SHARED_DECAY,
    effective_doses,
    pulse,
)
from synmodel.signalling.signals import Signals
from synmodel.signalling.slopes_kernel import follow_slopes, pool_slopes

__all__ = ["FAST", "fast_slopes", "pulse_fold_slopes", "pulse_slopes", "slow_fold_slopes"]

Array = NDArray[np.float64]

FAST = (
    "cascade.translation_gain", "cascade.tau_bdnf", "cascade.bdnf_basal", "cascade.bdnf_half", "cascade.tau_trkb",
    "cascade.tau_mtorc1", "blocker.bdnf", "blocker.trkb", "blocker.mtorc1",
)  # fmt: skip
"""Parameters of the cascade up to mTORC1."""

_SLOW = {
    "formation": "formation",
    "maturation": "maturation",
    "elimination": "stabilisation",
    "head_size": "head_size",
}
_DELAY = "cascade.delay"
_NO_DELAY = 1e-9  # [day], so that no delay has a slope


def pulse_slopes(edges: Array, onset: float, decay: float) -> tuple[Array, Array]:
    """(n,) slopes of :func:`synmodel.signalling.phenomenology.pulse` in onset and in decay [1/day]."""
    fast, slow = min(onset, decay), max(onset, decay)
    held = slow < fast * (1.0 + 1e-6)
    slow = max(slow, fast * (1.0 + 1e-6))
    peak_time = math.log(slow / fast) * slow * fast / (slow - fast)
    of_slow, of_fast = math.exp(-peak_time / slow), math.exp(-peak_time / fast)
    peak, since = of_slow - of_fast, np.maximum(edges, 0.0)
    mean = pulse(edges, onset, decay)

    def part(tau: float) -> Array:
        left = np.exp(-since / tau)
        return np.asarray(np.diff(1.0 - left - since / tau * left) / np.diff(edges))

    in_slow = (part(slow) - mean * peak_time / slow**2 * of_slow) / peak
    in_fast = (-part(fast) + mean * peak_time / fast**2 * of_fast) / peak
    if held:  # the larger follows the smaller
        in_slow, in_fast = np.zeros_like(in_slow), in_fast + in_slow
    return (in_fast, in_slow) if onset <= decay else (in_slow, in_fast)


def pulse_fold_slopes(
    doses: Sequence[tuple[str, float]],
    times: Array,
    values: Mapping[str, float],
    factors: Mapping[str, float],
) -> dict[str, dict[str, Array]]:
    """Slopes of :func:`synmodel.signalling.phenomenology.pulse_folds`: name -> effect -> (n_time,).

    Names are those of parameters of the drugs, and those of ``factors``, by effect, for the factors themselves.
    """
    edges = np.append(times, 2 * times[-1] - times[-2])
    folds = {effect: np.ones(len(times)) for effect in EFFECTS}
    slopes: dict[str, dict[str, Array]] = {}

    def add(name: str, effect: str, change: Array) -> None:
        of = slopes.setdefault(name, {})
        of[effect] = of.get(effect, 0.0) + change

    for drug, day, share in effective_doses(doses, values):
        shares = _share_slopes(drug, day, doses, values)
        for effect, (peak, own_decay) in EFFECTS.items():
            if f"{drug}.{peak}" not in values:
                continue
            key = own_decay if f"{drug}.{own_decay}" in values else SHARED_DECAY
            decay, longer = values[f"{drug}.{key}"], factors.get(f"{effect}_duration", 1.0)
            onset, factor, height = values[f"{drug}.onset"], factors.get(effect, 1.0), values[f"{drug}.{peak}"] - 1.0
            shape = pulse(edges - day, onset, decay * longer)
            in_onset, in_decay = pulse_slopes(edges - day, onset, decay * longer)
            size = height * factor * share
            folds[effect] += size * shape
            add(f"{drug}.{peak}", effect, factor * share * shape)
            add(f"{drug}.onset", effect, size * in_onset)
            add(f"{drug}.{key}", effect, size * longer * in_decay)
            add(effect, effect, height * share * shape)
            add(f"{effect}_duration", effect, size * decay * in_decay)
            for name, change in shares.items():
                add(name, effect, height * factor * change * shape)
    return {
        name: {effect: np.where(folds[effect] > LEAST[effect], change, 0.0) for effect, change in each.items()}
        for name, each in slopes.items()
    }


def _share_slopes(
    drug: str, day: float, doses: Sequence[tuple[str, float]], values: Mapping[str, float]
) -> dict[str, float]:
    """Slopes of the share of effects that antagonists leave, by name of the parameter."""
    met = [other for other, at in doses if other != drug and 0.0 <= day - at <= PRETREATMENT_DAY]
    slopes = {}
    for other in dict.fromkeys(met):
        name = f"{drug}.blocked_by_{other}"
        if name not in values:
            continue
        without = {**values, name: 0.0}
        rest = next(share for each, at, share in effective_doses(doses, without) if (each, at) == (drug, day))
        times = met.count(other)
        slopes[name] = -times * (1.0 - values[name]) ** (times - 1) * rest
    return slopes


def fast_slopes(
    times: Array, signals: Signals, values: Mapping[str, float], names: Sequence[str], changes: Signals
) -> Array:
    """(name, n_time) slopes of mTORC1, see :func:`synmodel.signalling.cascade.fast_states`.

    Parameters
    ----------
    times : (n_time,) ndarray
        Grid [day].
    signals : Signals
        At the values.
    values : mapping
        Parameter values by dotted name.
    names : sequence of str
        Parameters: those that change the signals, and then those of the cascade (:data:`FAST`).
    changes : Signals
        Slopes of the signals in the first names, each (n, n_time), or 0.
    """
    n = len(names)

    def stacked(field: str) -> Array:
        slopes, own = np.zeros((n, len(times))), getattr(changes, field)
        slopes[: len(own) if np.ndim(own) else 0] = own
        return slopes

    def of(name: str) -> Array:
        column = np.zeros((n, 1))
        if name in names:
            column[names.index(name)] = 1.0
        return column

    v = values
    block, basal, half = v["blocker.bdnf"], v["cascade.bdnf_basal"], v["cascade.bdnf_half"]
    released = signals.glutamate + v["cascade.translation_gain"] * signals.resting_block + signals.bdnf
    d_released = stacked("glutamate") + v["cascade.translation_gain"] * stacked("resting_block") + stacked("bdnf")
    d_released = d_released + of("cascade.translation_gain") * signals.resting_block
    open_ = np.maximum(0.0, released)
    bdnf, d_bdnf = _followed(
        times, block * open_, v["cascade.tau_bdnf"],
        block * np.where(released >= 0, d_released, 0.0) + of("blocker.bdnf") * open_, of("cascade.tau_bdnf"),
    )  # fmt: skip
    there, gain = basal + bdnf, 1.0 + signals.trkb_gain
    bound = there / (there + half)
    active = bound * gain - basal / (basal + half) + signals.trkb
    d_active = (
        half / (there + half) ** 2 * gain * (d_bdnf + of("cascade.bdnf_basal"))
        - there / (there + half) ** 2 * gain * of("cascade.bdnf_half")
        + bound * stacked("trkb_gain")
        - half / (basal + half) ** 2 * of("cascade.bdnf_basal")
        + basal / (basal + half) ** 2 * of("cascade.bdnf_half")
        + stacked("trkb")
    )
    trkb, d_trkb = _followed(
        times, v["blocker.trkb"] * active, v["cascade.tau_trkb"],
        v["blocker.trkb"] * d_active + of("blocker.trkb") * active, of("cascade.tau_trkb"),
    )  # fmt: skip
    into = trkb + signals.mtorc1
    return _followed(
        times, v["blocker.mtorc1"] * into, v["cascade.tau_mtorc1"],
        v["blocker.mtorc1"] * (d_trkb + stacked("mtorc1")) + of("blocker.mtorc1") * into, of("cascade.tau_mtorc1"),
    )[1]  # fmt: skip


def _followed(times: Array, target: Array, tau: float, d_target: Array, d_tau: Array) -> tuple[Array, Array]:
    """A low-passed input and its slopes."""
    slope = np.empty(d_target.shape)
    follow_slopes(times, target, tau, np.ascontiguousarray(d_target), d_tau[:, 0].copy(), slope)
    return low_pass(times, target, tau), slope


def slow_fold_slopes(
    times: Array,
    mtorc1: Array,
    elimination: Array,
    values: Mapping[str, float],
    d_mtorc1: Array,
    changes: Mapping[str, Array],
) -> dict[str, Array]:
    """Slopes of :func:`synmodel.signalling.cascade.slow_folds` but proteins: effect -> (direction, n_time).

    Parameters
    ----------
    times, mtorc1, values
        As there.
    elimination : (n_time,) ndarray
        Fold of elimination that it gives.
    d_mtorc1 : (direction, n_time) ndarray
        Changes of mTORC1.
    changes : mapping
        Name of a parameter of the slow drives, or of the delay -> (direction,) change of its value.
    """
    n = len(d_mtorc1)
    still = np.zeros(n)

    def of(name: str) -> Array:
        return changes.get(name, still)

    late, d_late, delay = mtorc1, d_mtorc1, values[_DELAY]
    if _DELAY in changes:
        delay = max(delay, _NO_DELAY)
    if delay > 0:
        for _ in range(2):
            late, d_late = _followed(times, late, 0.5 * delay, d_late, 0.5 * of(_DELAY)[:, None])
    slopes = {}
    for effect, state in _SLOW.items():
        gain, most, tau = (f"cascade.{key}" for key in (f"{state}_gain", f"{state}_max", f"tau_{state}"))
        slope = np.empty((n, len(times)))
        pool_slopes(
            times, late, values[gain], values[most], values[tau], np.ascontiguousarray(d_late),
            of(gain), of(most), of(tau), slope,
        )  # fmt: skip
        slopes[effect] = -slope * elimination**2 if effect == "elimination" else slope
    return slopes
