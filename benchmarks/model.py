"""The model of the benchmarks: three classes, constant (A) or time-varying (B) formation, read at eight sessions.

    0 -> F  kf(t);  F -> 0  1.5;  F -> T  0.5;  T -> 0  0.15;  T -> M  0.1;  M -> T  0.02;  M -> 0  0.005  per day

kf is 2 per day in A and 2 (1 + exp(-t / 2)) in B; F, T, M begin at 2, 10 and 35. On average 213 (A) or 223 (B) events
happen in a replicate.
"""

import numpy as np
import xarray as xr

from synmodel.turnover import TurnoverModel, moments

MODEL = TurnoverModel(("F", "T", "M"), 2.0, [[0, 0.5, 0], [0, 0, 0.1], [0, 0.02, 0]], [1.5, 0.15, 0.005])
START = (2, 10, 35)
TIMES = np.array([0.0, 1, 3, 5, 7, 10, 15, 34, 35])
EVENTS = {"A": 213.188, "B": 222.562}


def drive(formation: str, step: float = 0.25) -> xr.Dataset | None:
    """Formation of A or B as a Drive: B in cells with the mean of the curve."""
    if formation == "A":
        return None
    edges = np.arange(0.0, TIMES[-1] + step / 2, step)
    integral = edges - 2 * np.exp(-edges / 2)
    return xr.Dataset({"formation": ("time", np.diff(integral) / step)}, {"time": edges[:-1]})


def exact(formation: str) -> tuple[np.ndarray, np.ndarray]:
    """(time, class) exact means and variances after the start; for B of the curve, not of its cells."""
    law = moments(MODEL, initial=list(START), times=TIMES, drive=drive(formation, step=1 / 256))
    return law["count_mean"].to_numpy()[1:], law["count_variance"].to_numpy()[1:]


def disagreement(mean: np.ndarray, variance: np.ndarray, n: int, formation: str) -> tuple[float, float]:
    """Largest |Z| of the means and |Y| of the variances of n runs, over 3 classes and 8 sessions.

    At 24 comparisons chance reaches about 3.3 in Z; Y of small Poisson numbers has a standard deviation above 1.
    """
    true_mean, true_variance = exact(formation)
    z = (mean - true_mean) / np.sqrt(true_variance / n)
    y = np.sqrt(n / 2) * (variance / true_variance - 1)
    return float(np.abs(z).max()), float(np.abs(y).max())
