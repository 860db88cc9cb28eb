"""Does the cost grow in proportion to replicates, dendrites, spines and sessions?

Each is raised over three decades with all else fixed; the slope of the logarithms is 1 where the cost is proportional.
The smallest runs cost little more than the call itself, so slopes are fitted to the two upper decades.
"""

import time
from pathlib import Path

import model
import numpy as np
import programs

from synmodel.turnover import simulate

TWO_DECADES = 100.0
FACTORS = np.array([1, 3, 10, 30, 100, 300, 1000])
Points = dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]


def _design(what: str, factor: float, share: float) -> dict[str, object]:
    """Arguments of a run in which one size is ``factor`` times its smallest."""
    design = {"initial": list(model.START), "times": model.TIMES, "replicates": int(1000 * share), "dendrites": 1}
    if what == "replicates":
        design["replicates"] = int(1000 * share * factor)
    elif what == "dendrites":
        design |= {"replicates": max(1, int(100 * share)), "dendrites": int(10 * factor)}
    elif what == "spines":
        start = np.array(model.START) * factor / 10
        design |= {"initial": {"poisson": start.tolist()}, "length_um": factor / 10, "replicates": int(2000 * share)}
    else:
        design |= {"times": np.arange(0.0, 8 * factor + 1), "replicates": max(1, int(1000 * share))}
    return design


def measure(share: float) -> Points:
    """(size, engine): sizes and processor times of one thread [s]."""
    points: Points = {}
    for engine in programs.ENGINES:
        for what in ("replicates", "dendrites", "spines", "sessions"):
            simulate(model.MODEL, engine=engine, threads=1, **_design(what, 1, share))  # compiles
            took = []
            for factor in FACTORS:
                design = _design(what, factor, share)
                each = []
                while len(each) < 5 and sum(each) < 1.0:
                    before = time.process_time()
                    simulate(model.MODEL, engine=engine, threads=1, **design)
                    each.append(time.process_time() - before)
                took.append(float(np.median(each)))
            smallest = {"replicates": 1000 * share, "dendrites": 10, "spines": 4.7, "sessions": 8}[what]
            points[what, engine] = smallest * FACTORS, np.array(took)
    return points


def slope(sizes: np.ndarray, took: np.ndarray) -> float:
    """Fitted exponent over the two upper decades."""
    upper = sizes >= sizes[-1] / TWO_DECADES * 0.99
    return float(np.polyfit(np.log(sizes[upper]), np.log(took[upper]), 1)[0])


def table(points: Points) -> list[str]:
    """Slopes by engine."""
    sizes = list(dict.fromkeys(what for what, _ in points))
    lines = [f"| engine | {' | '.join(sizes)} |", "|---|" + "--:|" * len(sizes)]
    for engine in programs.ENGINES:
        lines.append(f"| {engine} | {' | '.join(f'{slope(*points[what, engine]):.2f}' for what in sizes)} |")
    return lines


def draw(points: Points, path: Path) -> None:
    """Cost against size, one panel each, with the line of proportional growth."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    sizes = list(dict.fromkeys(what for what, _ in points))
    figure, axes = plt.subplots(1, len(sizes), figsize=(11, 3.4), sharey=True, constrained_layout=True)
    colours = dict(zip(programs.ENGINES, ("#0072B2", "#D55E00", "#009E73"), strict=True))
    for axis, what in zip(axes, sizes, strict=True):
        for engine in programs.ENGINES:
            x, y = points[what, engine]
            label = f"{engine}, slope {slope(x, y):.2f}"
            axis.loglog(x, y, "o-", color=colours[engine], markersize=4, linewidth=1.5, label=label)
        x, y = points[what, "events"]
        axis.loglog(x, 2.5 * y[-1] * x / x[-1], ":", color="0.5", linewidth=1, label="slope 1")
        axis.set_xlabel(what if what != "spines" else "spines at the start")
        axis.set_title(f"more {what}", fontsize=10)
        axis.legend(fontsize=7, frameon=False, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("processor time, one thread [s]")
    figure.savefig(path, dpi=150)
    plt.close(figure)
