"""Does the cost of a likelihood, and of exact expectations, grow in proportion to what goes in?

Dendrites, spines, intervals, knots of the drive, classes and arms are raised one at a time with all else fixed. The
slope of the logarithms is 1 where the cost is proportional; whatever is above 1.1 has its reason beside it.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr
from timing import shortest

from synmodel.inference import DendriteProblem, counts_log_likelihood
from synmodel.inference.dendrites import parameters_for, template
from synmodel.inference.dendrites.calibration import Design, simulated_observations
from synmodel.inference.dendrites.effects import pulse_parameters
from synmodel.parameters import ParameterSet
from synmodel.turnover import TurnoverModel, propagate, simulate

_LOSS = (0.4, 0.1, 0.01)
BASE = {"classes": 2, "dendrites": 60, "spines": 16, "intervals": 6, "knots": 8}
SIZES = {
    "dendrites": (60, 200, 600, 2000, 6000),
    "spines": (16, 32, 64, 128, 256),
    "intervals": (6, 20, 60, 200, 600),
    "knots": (8, 30, 100, 300, 1000),
}
ARMS = (2, 4, 8, 16, 32)
REASONS = {
    ("spines", 1): "a number for each spine that is lost, none for classes",
    ("spines", 2): "as many spines that are lost as there are, each through as many numbers: 2 in the limit",
    ("spines", 3): "as many numbers as pairs of spines, and as many moves or lost spines through them: 3 in the limit",
}


def model_of(classes: int) -> TurnoverModel:
    """Classes in a row, each with its elimination."""
    transition = np.zeros((classes, classes))
    for c in range(classes - 1):
        transition[c, c + 1], transition[c + 1, c] = 0.1, 0.02
    return TurnoverModel(tuple("abc"[:classes]), 0.8, transition.tolist(), list(_LOSS[3 - classes :]))


def design(**changed: int) -> Callable[[], object]:
    """One evaluation of the likelihood of simulated counts."""
    size = {**BASE, **changed}
    model = model_of(size["classes"])
    times = np.linspace(0.0, 2.0 * size["intervals"], size["intervals"] + 1)
    knots = np.linspace(0.0, times[-1], size["knots"], endpoint=False)
    drive = xr.Dataset({"formation": ("time", 1.0 + 0.5 * np.exp(-knots / 5.0))}, {"time": knots})
    law = model.stationary()
    scale = size["spines"] / law.sum()
    start = np.floor(law * scale).astype(int)
    start[-1] += size["spines"] - start.sum()
    out = simulate(
        model, initial=start.tolist(), times=times, replicates=size["dendrites"], seed=1, drive=drive, length_um=scale,
    )  # fmt: skip
    gained, lost = (out[name].to_numpy()[:, 0].astype(np.int64) for name in ("gained", "lost"))
    n0 = np.full(size["dendrites"], size["spines"])
    return lambda: counts_log_likelihood(
        model, n0=n0, gained=gained, lost=lost, times=times, drive=drive, length_um=scale
    )


def steps(knots: int) -> Callable[[], object]:
    """P and gamma alone, of a drive with as many knots, each of another value."""
    model, times = model_of(3), np.linspace(0.0, 12.0, 7)
    at = np.linspace(0.0, 12.0, knots, endpoint=False)
    names = ("formation", "maturation", "elimination")
    drive = xr.Dataset({name: ("time", 1.0 + 0.5 * np.exp(-at / 5.0)) for name in names}, {"time": at})
    return lambda: propagate(model, times, drive=drive)


def fit_of(arms: int) -> Callable[[], object]:
    """One evaluation of a joint fit of single dendrites: laboratories of two arms each, formation that differs."""
    values = parameters_for(["lab"], []).joined(ParameterSet(pulse_parameters(["psilocybin"], template()))).as_floats()
    data = []
    for k in range(arms // 2):
        seen = simulated_observations(Design(), {**values, "lab.formation": 0.02}, transient=False, seed=k + 1)
        data.append(seen.assign_coords(study=seen["study"].copy(data=np.full(seen["study"].shape, f"lab{k}"))))
    problem = DendriteProblem(data, "formation+elimination")
    start = {name: 0.02 for name in problem.free if name.endswith(".formation")}
    vector, number = problem.parameters.replace(start).pack(problem.free), iter(range(1, 1000))
    return lambda: problem.log_likelihood(vector + 1e-6 * next(number))  # otherwise nothing is computed anew


def seconds(call: Callable[[], object]) -> float:
    """Shortest processor time of some calls."""
    return shortest(call, least=3, most=50, enough=0.5)


def slope(sizes: np.ndarray, took: np.ndarray) -> float:
    """Fitted exponent over the three largest sizes."""
    return float(np.polyfit(np.log(sizes[-3:]), np.log(took[-3:]), 1)[0])


def measured(share: float = 1.0) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """(size, classes): sizes and processor times of one thread [s]; a part of the sizes with a ``share`` below 1."""
    found = {}
    for what, sizes in SIZES.items():
        for classes in (1, 2, 3):
            chosen = np.array(sizes[: max(3, round(share * len(sizes)))])
            took = np.array([seconds(design(**{what: int(each), "classes": classes})) for each in chosen])
            found[what, classes] = chosen, took
    arms = np.array(ARMS[: max(3, round(share * len(ARMS)))])
    found["arms of a joint fit", 2] = arms, np.array([seconds(fit_of(int(each))) for each in arms])
    chosen = np.array(SIZES["knots"][: max(3, round(share * len(SIZES["knots"])))])
    found["knots of P and gamma", 3] = chosen, np.array([seconds(steps(int(each))) for each in chosen])
    return found


def table(found: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Slopes, the cost of the smallest and of the largest, and why where the slope is above 1.1."""
    lines = ["| what grows | classes | from, to | ms | slope | why |", "|---|--:|---|---|--:|---|"]
    for (what, classes), (sizes, took) in found.items():
        fitted = slope(sizes, took)
        why = REASONS.get((what, classes), "") if fitted > 1.1 else ""
        cost = f"{1e3 * took[0]:.2g}, {1e3 * took[-1]:.3g}"
        lines.append(f"| {what} | {classes} | {sizes[0]}, {sizes[-1]} | {cost} | {fitted:.2f} | {why} |")
    classes = [seconds(design(classes=k)) for k in (1, 2, 3)]
    lines.append(f"| classes | 1, 2, 3 | | {', '.join(f'{1e3 * each:.2g}' for each in classes)} | | |")
    return lines


if __name__ == "__main__":
    print("\n".join(table(measured())))
