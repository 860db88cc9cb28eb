"""Linear mixed models of single dendrites, by statsmodels: arm by session, mice and their dendrites as random effects.

::

    value = mean of the session + difference of the arms at that session + mouse + dendrite + residual

by restricted maximum likelihood. One optimiser may stop below the maximum and say that it converged, most of all where
a variance goes to 0; so three are tried, the highest likelihood is taken, and it is told where no two agree on it.
Intervals and p are statsmodels' own (Wald, normal), which are too narrow for a handful of mice.
"""

import importlib.util
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["INSTALL", "NOT_INSTALLED", "ArmDifferences", "arm_differences", "available"]

Array = NDArray[np.float64]

INSTALL = "mixed models and Hedges' g need statsmodels; install it with: pip install 'synmodel[data]'"
NOT_INSTALLED = "statsmodels is not installed"
"""Note of every row where the mixed model is left out."""

_OPTIMISERS = ("nm", "powell", "cg")
_SAME = 0.01  # of the logarithm of the likelihood
_NOTHING = 1e-3  # of a variance, as a share of the residual's
_LEVEL = 0.95


class ArmDifferences(NamedTuple):
    """Differences of two arms by session, or ``note`` says why there are none.

    Attributes
    ----------
    difference, se, low, high, p : (session,) ndarray
        Drug arm minus control, standard error, 95 % interval [unit of the value], two-sided p.
    mouse_sd, dendrite_sd, residual_sd : float
        Standard deviations of the random effects; that of dendrites is NaN with one session.
    note : str
        What to read with care; empty where nothing is.
    """

    difference: Array
    se: Array
    low: Array
    high: Array
    p: Array
    mouse_sd: float
    dendrite_sd: float
    residual_sd: float
    note: str


def available() -> bool:
    """Whether statsmodels is installed."""
    return importlib.util.find_spec("statsmodels") is not None


def arm_differences(table: pd.DataFrame) -> ArmDifferences:
    """Difference of two arms at each session.

    Parameters
    ----------
    table : DataFrame
        Columns ``value``, ``session``, ``treated`` (0 or 1), ``mouse`` and ``dendrite`` (labels that are unique over
        mice); both arms stand at every session.
    """
    sessions = np.unique(table["session"])
    if not available():
        return _none(len(sessions), NOT_INSTALLED)
    levels = table["value"].groupby(table["treated"]).nunique()
    if (levels <= 1).all():
        return _none(len(sessions), "no fit: the values of each arm are all alike")
    at = np.searchsorted(sessions, table["session"])
    means = np.eye(len(sessions))[at]
    fixed = np.concatenate([means, means * table["treated"].to_numpy(float)[:, None]], axis=1)
    found = _fits(table, fixed, with_dendrites=len(sessions) > 1)
    if not found:
        return _none(len(sessions), "no fit: the mixed model is singular")
    best = max(found, key=lambda result: float(result.llf))
    return _read(best, found, len(sessions))


def _none(n: int, note: str) -> ArmDifferences:
    nothing = np.full(n, np.nan)
    return ArmDifferences(nothing, nothing, nothing, nothing, nothing, np.nan, np.nan, np.nan, note)


def _fits(table: pd.DataFrame, fixed: Array, *, with_dendrites: bool) -> list[Any]:
    """Results of all optimisers that ended with a finite likelihood and finite errors."""
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    spec = None
    if with_dendrites:
        columns, designs = [], []
        for _, own in table.groupby("mouse", sort=True)["dendrite"]:
            labels, code = np.unique(own.to_numpy(str), return_inverse=True)
            designs.append(np.eye(len(labels))[code])
            columns.append(labels.tolist())
        spec = VCSpec(["dendrite"], [columns], [designs])
    done = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they say of the optimiser, the results are asked for
        value, mouse = table["value"].to_numpy(float), table["mouse"].to_numpy(str)
        model = MixedLM(value, fixed, mouse, exog_re=np.ones((len(value), 1)), exog_vc=spec)
        for optimiser in _OPTIMISERS:
            try:
                result = model.fit(reml=True, method=[optimiser])
                errors = np.asarray(result.bse_fe, float)
            except (np.linalg.LinAlgError, ValueError, ZeroDivisionError):
                continue
            if np.isfinite(result.llf) and result.scale > 0 and np.isfinite(errors).all():
                done.append(result)
    return done


def _read(best: Any, found: list[Any], n: int) -> ArmDifferences:
    same = sum(abs(float(each.llf) - float(best.llf)) < _SAME for each in found)
    residual = float(best.scale)
    mouse = float(np.asarray(best.cov_re)[0, 0])
    dendrite = float(best.vcomp[0]) if len(best.vcomp) else np.nan
    notes = []
    if same < min(2, len(_OPTIMISERS)):
        notes.append("only one optimiser found this maximum")
    gone = [name for name, each in (("mice", mouse), ("dendrites", dendrite)) if each < _NOTHING * residual]
    if gone:
        notes.append(f"variance between {' and '.join(gone)} estimated as 0")
    ends = np.asarray(best.conf_int(alpha=1 - _LEVEL), float)[n : 2 * n]
    return ArmDifferences(
        difference=np.asarray(best.fe_params, float)[n:],
        se=np.asarray(best.bse_fe, float)[n:],
        low=ends[:, 0],
        high=ends[:, 1],
        p=np.asarray(best.pvalues, float)[n : 2 * n],
        mouse_sd=float(np.sqrt(mouse)),
        dendrite_sd=float(np.sqrt(dendrite)),
        residual_sd=float(np.sqrt(residual)),
        note="; ".join(notes),
    )
