"""What does a cell of a sweep cost beside the model that it runs: the exact expectation, or the engine?

Exact cells are told as cells per second and beside one bare expectation of the same scenario; simulated cells, of the
smallest experiments, as what remains when the engine's own time for the cell and its control is taken off.
"""

import time
from collections.abc import Callable

import numpy as np

from synmodel.analysis.sweeps import sweep
from synmodel.scenario import load
from synmodel.simulation import expectation_function
from synmodel.simulation.blocks import spines_of
from synmodel.simulation.setup import Setup
from synmodel.turnover.simulator import thread_count

CELLS, SIMULATED, REPLICATES = 1000, 100, 12
AMOUNT = "scenario.regimen.doses[0].amount"


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Shortest processor time of some calls."""
    call()
    each = []
    for _ in range(repeats):
        before = time.process_time()
        call()
        each.append(time.process_time() - before)
    return min(each)


def exact() -> list[str]:
    """Cells per second by what is varied, and the time of a cell over that of a bare expectation."""
    mouse = load("psilocybin-mouse")
    call = expectation_function(mouse)
    bare = seconds(lambda: [call(None) for _ in range(100)], 5) / 100
    grids = {
        "a hazard": {"shao2021.loss_nascent": np.linspace(0.3, 1.2, CELLS)},
        "two hazards": {
            "shao2021.loss_nascent": np.linspace(0.3, 1.2, 40),
            "shao2021.maturation": np.linspace(0.1, 0.4, CELLS // 40),
        },
        "the cascade": {"cascade.tau_bdnf": np.linspace(0.3, 1.2, CELLS)},
        "the dose": {AMOUNT: np.linspace(0.3, 10.0, CELLS)},
    }
    lines = ["| exact cells that differ in | cells per second | a cell, of a bare expectation |", "|---|--:|--:|"]
    for name, grid in grids.items():
        took = seconds(lambda grid=grid: sweep(mouse, grid=grid, observe="expected", seed=1), 3) / CELLS
        lines.append(f"| {name} | {1 / took:.0f} | {took / bare:.1f} |")
    return lines


def simulated() -> list[str]:
    """Milliseconds of a cell and its control beyond the engine."""
    small = load("ketamine-mouse-single").updated(
        cohort={"animals": 1, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]}
    )
    ready, numbers = Setup(small).at(), np.arange(REPLICATES)
    with thread_count(1):
        engine = seconds(lambda: [spines_of(ready, numbers, 1) for _ in range(20)], 5) / 20
    grids = {
        "a hazard": (2, {"phoumthipphavong2016.loss_nascent": np.linspace(0.4, 1.2, SIMULATED)}),
        "the dose": (1, {AMOUNT: np.linspace(1.0, 30.0, SIMULATED)}),
    }
    lines = ["| simulated cells that differ in | ms per cell | engine | beyond it |", "|---|--:|--:|--:|"]
    for name, (arms, grid) in grids.items():
        took = seconds(lambda grid=grid: sweep(small, grid=grid, replicates=REPLICATES, seed=1), 3) / SIMULATED
        beyond = 1e3 * (took - arms * engine)
        lines.append(f"| {name} | {1e3 * took:.1f} | {1e3 * arms * engine:.1f} | {beyond:.1f} |")
    return lines


if __name__ == "__main__":
    print("\n".join([*exact(), "", *simulated()]))
