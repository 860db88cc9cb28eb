r"""The cascade that all drugs share: BDNF, TrkB, mTORC1, proteins and the slow drives of spines.

All states are excess over the drug-free steady state; with no drug every one is exactly 0 and every drive 1::

    tau_B dB/dt = [g + kappa r + u_B]_+ - B                    BDNF
    tau_T dT/dt = phi(B) (1 + q) - phi(0) + u_T - T            TrkB,  phi(B) = (B_0 + B) / (B_0 + B + K_T)
    tau_m dm/dt = T + u_m - m                                  mTORC1
          dX_j/dt = k_j m(t - Delta) (1 - X_j / M_j) - X_j / tau_j      formation, maturation, stabilisation, head,
                                                                        proteins
    tau_e dX_e/dt = k_d d + k_T T - X_e                        evoked spinogenesis

    formation = 1 + X_f   maturation = 1 + X_m   elimination = 1 / (1 + X_s)   head_size = 1 + X_h   evoked = 1 + X_e
    protein = 1 + X_P

Every slow drive has a gain k_j, a time constant tau_j and a level M_j beyond which it cannot rise, so that many doses
or
a long one do not add up without end. The delay Delta is a chain of two filters of Delta / 2 each; 0 is none.

Signals u act directly on a state; only open targets (:mod:`synmodel.library.targets`) send them. The basal BDNF B_0
lets a direct potentiator of TrkB act without a glutamate burst; B_0 = 0 makes TrkB respond to the burst alone. Every
fast equation is a low-pass filter of the one before, solved exactly for an input that is linear between grid times; a
slow drive is solved exactly for an m that is constant within a cell, the mean of its ends. The only error is that of
the grid (second order in its cells).
Factors on single arrows are parameters (``blocker.mtorc1 = 0`` is full rapamycin from beginning to end) or come
with a genotype, a stress state or a treatment that lasts for a while (:mod:`synmodel.signalling.arrows`). Those of the
latter kind may also scale the folds themselves: stress lowers formation and raises elimination with no drug at all.

References
----------
Li et al. 2010, doi:10.1126/science.1190287. Moda-Sava et al. 2019, doi:10.1126/science.aat8078.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.schema import EXPOSURE, conform
from synmodel.signalling.arrows import NEUTRAL, Arrows
from synmodel.signalling.folds import drive_of_folds
from synmodel.signalling.kernel import follow_rows, pool_rows
from synmodel.signalling.signals import Signals, collect

__all__ = [
    "SLOW",
    "cascade_folds",
    "fast_states",
    "low_pass",
    "mechanistic_drive",
    "signalling_states",
    "slow_folds",
    "solve_cascade",
]

Array = NDArray[np.float64]
Value = float | Array
"""A parameter: a number, or (..., 1) where rows of an array have one each."""
SLOW = ("protein", "formation", "maturation", "stabilisation", "head_size")
"""States that outlast the drug: each has a gain, a time constant and a most."""


def low_pass(times: Array, target: Array, tau: float | Array) -> Array:
    """Solve tau dy/dt = target - y from y = 0, exactly for a target linear between times and a tau constant there.

    Parameters
    ----------
    times : (n_time,) ndarray
        Rising [day].
    target : (..., n_time) ndarray
        The input there.
    tau : float or (..., n_time - 1 or 1) ndarray
        Time constant [day].
    """
    slow = np.asarray(tau, float)
    shape = np.broadcast_shapes(np.shape(target), (*slow.shape[:-1], len(times)))
    state = np.empty(shape)
    width = slow.shape[-1] if slow.ndim else 1
    of_rows = _rows(slow, (*shape[:-1], width) if slow.ndim > 1 else (width,))
    follow_rows(times, _rows(target, shape), of_rows, _rows(state, shape))
    return state


def _rows(values: Array | float, shape: tuple[int, ...]) -> Array:
    """Values of a shape as (row, n); a copy only where they are not so already."""
    whole = np.asarray(values, float)
    if whole.shape != shape:
        whole = np.full(shape, whole)  # rows in one piece, or the kernels are compiled for two layouts
    return whole.reshape(-1, shape[-1])


def signalling_states(exposure: xr.Dataset, values: Mapping[str, float], arrows: Arrows = NEUTRAL) -> xr.Dataset:
    """All states of the cascade at the grid times.

    Parameters
    ----------
    exposure : Dataset
        An Exposure.
    values : mapping
        Parameter values by dotted name (``nmda.*``, ``serotonin.*``, ``cascade.*``, ``blocker.*``).
    arrows : Arrows
        Of genotype, stress and treatments, on the times of the Exposure.

    Returns
    -------
    Dataset
        ``glutamate``, ``bdnf``, ``trkb``, ``mtorc1``, ``evoked`` and the slow states, each on ``time``, as
        excess over the drug-free steady state.

    Examples
    --------
    >>> import synmodel
    >>> plan, values = synmodel.load_scenario("psilocybin-mouse"), synmodel.default_parameters().as_floats()
    >>> given = synmodel.simulation.exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, values)
    >>> states = signalling_states(given, values)
    >>> [round(float(24 * states[name].idxmax()), 1) for name in ("bdnf", "mtorc1")]  # hours at which they peak
    [0.2, 0.4]
    """
    conform(exposure, EXPOSURE)
    times = _times_of(exposure)
    states = solve_cascade(times, collect(exposure, values), values, arrows)
    dataset = xr.Dataset({name: ("time", state) for name, state in states.items()}, {"time": times})
    for name in dataset.data_vars:
        dataset[name].attrs.update(units="1", long_name=f"{name}, excess over the drug-free state")
    return dataset


def solve_cascade(
    times: Array, signals: Signals, values: Mapping[str, float], arrows: Arrows = NEUTRAL
) -> dict[str, Array]:
    """The array layer of :func:`signalling_states`: states by name, each (n_time,).

    Equation and evidence: :doc:`/model/signalling`.
    """
    states = fast_states(times, signals, values, arrows)
    return states | slow_states(times, states["mtorc1"], values, arrows)[0]


def fast_states(
    times: Array, signals: Signals, values: Mapping[str, float], arrows: Arrows = NEUTRAL
) -> dict[str, Array]:
    """States from glutamate to mTORC1, and evoked spinogenesis, each (n_time,).

    Equation and evidence: :doc:`/model/signalling`.
    """
    v, left = values, arrows.factor
    glutamate = left("glutamate") * (signals.glutamate + arrows.added("glutamate"))
    resting = signals.resting_block + arrows.added("resting_block")
    released = glutamate + v["cascade.translation_gain"] * resting + signals.bdnf
    bdnf = low_pass(times, left("bdnf") * v["blocker.bdnf"] * np.maximum(0.0, released), v["cascade.tau_bdnf"])
    basal, half = v["cascade.bdnf_basal"], v["cascade.bdnf_half"]
    gain = 1.0 + (signals.trkb_gain + arrows.added("trkb_gain"))
    active = (basal + bdnf) / (basal + bdnf + half) * gain - basal / (basal + half) + signals.trkb
    trkb = low_pass(times, left("trkb") * v["blocker.trkb"] * active, v["cascade.tau_trkb"])
    mtorc1 = low_pass(times, left("mtorc1") * v["blocker.mtorc1"] * (trkb + signals.mtorc1), v["cascade.tau_mtorc1"])
    tone = signals.d1_tone + arrows.added("d1_tone")
    evoked = low_pass(
        times,
        left("d1") * v["blocker.d1"] * v["cascade.evoked_d1_gain"] * tone + v["cascade.evoked_trkb_gain"] * trkb,
        v["cascade.tau_evoked"],
    )
    return {"glutamate": glutamate, "bdnf": bdnf, "trkb": trkb, "mtorc1": mtorc1, "evoked": evoked}


def slow_states(
    times: Array, mtorc1: Array, values: Mapping[str, float], arrows: Arrows = NEUTRAL
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Slow drives at grid times, and their means over the cells that begin there, each (n_time,)."""
    v, left = values, arrows.factor
    late, delay = mtorc1, v["cascade.delay"]
    if delay > 0:
        late = low_pass(times, low_pass(times, mtorc1, 0.5 * delay), 0.5 * delay)
    states: dict[str, Array] = {}
    means: dict[str, Array] = {}
    for name in SLOW:
        decay = left(f"{name}_decay")
        tau = np.atleast_1d(v[f"cascade.tau_{name}"] / (decay[:-1] if isinstance(decay, np.ndarray) else decay))
        numbers = (v[f"cascade.{name}_gain"], v[f"cascade.{name}_max"])
        states[name], means[name] = _pooled(times, left(name) * late, *numbers, tau)
    return states, means


def _pooled(times: Array, drive: Array, gain: Value, most: Value, tau: Array) -> tuple[Array, Array]:
    """A slow drive at grid times, and its means over cells, (..., n_time); numbers are floats or (..., 1)."""
    shape = np.broadcast_shapes(drive.shape, (*tau.shape[:-1], 1), np.shape(gain), np.shape(most))
    state, mean = np.empty(shape), np.empty(shape)
    one = (*shape[:-1], 1)
    pool_rows(
        times,
        _rows(drive, shape),
        _rows(gain, one).ravel(),
        _rows(most, one).ravel(),
        _rows(tau, (*shape[:-1], tau.shape[-1])),
        _rows(state, shape),
        _rows(mean, shape),
    )
    return state, mean


def mechanistic_drive(exposure: xr.Dataset, values: Mapping[str, float], arrows: Arrows = NEUTRAL) -> xr.Dataset:
    """The Drive of spines that an Exposure causes, with the arrows that conditions leave.

    Equation and evidence: :doc:`/model/signalling`.

    Returns
    -------
    Dataset
        A Drive: folds on ``time``, each the mean over the cell that starts there.
    """
    conform(exposure, EXPOSURE)
    times = _times_of(exposure)
    return drive_of_folds(times, cascade_folds(times, exposure, values, arrows))


def _times_of(exposure: xr.Dataset) -> Array:
    """Times that may be written to, as all other arrays of kernels: for others they would be compiled once more."""
    return exposure["time"].to_numpy().copy()


def cascade_folds(
    times: Array, engaged: xr.Dataset | Mapping[str, Array], values: Mapping[str, float], arrows: Arrows = NEUTRAL
) -> dict[str, Array]:
    """The array layer of :func:`mechanistic_drive`: folds by effect, each the mean over a cell (n_time,).

    ``engaged`` are shares of receptors by name, each (n_time,), such as an Exposure has.

    Rows are integrated together where shares are (row, n_time), values (row, 1), or both; each row has the bits that it
    has alone. All have one delay.
    """
    states = fast_states(times, collect(engaged, values), values, arrows)
    evoked = states["evoked"]
    means = np.concatenate([0.5 * (evoked[..., 1:] + evoked[..., :-1]), evoked[..., -1:]], axis=-1)
    return slow_folds(times, states["mtorc1"], values, arrows) | {
        "evoked": arrows.factor("evoked") * (1.0 + means),
    }


def slow_folds(times: Array, mtorc1: Array, values: Mapping[str, float], arrows: Arrows = NEUTRAL) -> dict[str, Array]:
    """Folds of turnover, head size and proteins for a course of mTORC1, each the mean over a cell (n_time,)."""
    _, mean = slow_states(times, mtorc1, values, arrows)
    return {
        "formation": arrows.factor("formation_rate") * (1.0 + mean["formation"]),
        "maturation": arrows.factor("maturation_hazard") * (1.0 + mean["maturation"]),
        "elimination": arrows.factor("elimination_hazard") / (1.0 + mean["stabilisation"]),
        "head_size": 1.0 + mean["head_size"],
        "protein": 1.0 + mean["protein"],
    }
