"""What does a cell of a sweep cost beside the model that it runs: the exact expectation, or the experiment?

Exact cells are told as cells per second and beside one bare expectation of the same scenario; simulated cells, of the
smallest experiments, as what remains when the time of simulating the cell and its control one by one is taken off: a
control that several cells share is simulated for each there, so this may be negative.
"""

from collections.abc import Callable

import numpy as np
from timing import shortest

from synmodel.analysis.sweeps import sweep
from synmodel.library.parameters import default_parameters
from synmodel.scenario import Scenario, load
from synmodel.simulation import expectation_function, means_of
from synmodel.simulation.setup import Setup
from synmodel.turnover.simulator import thread_count

CELLS, SIMULATED, REPLICATES = 1000, 100, 12
AMOUNT = "scenario.regimen.doses[0].amount"


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Shortest processor time of some calls."""
    return shortest(call, least=repeats, most=repeats)


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
    """Milliseconds of a cell and its control, and of simulating both by themselves, from the drive to statistics."""
    small = load("ketamine-mouse-single").updated(
        cohort={"animals": 1, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]}
    )
    saline = small.updated(regimen={"doses": []})
    hazard, amounts = "phoumthipphavong2016.loss_nascent", np.linspace(1.0, 30.0, SIMULATED)
    values = np.linspace(0.4, 1.2, SIMULATED)
    base = default_parameters()
    by_hazard = [{hazard: value} for value in values.tolist()]
    by_dose = [small.updated(regimen={"doses": [{**_dose(small), "amount": amount}]}) for amount in amounts.tolist()]

    def hazards() -> None:
        for plan in (small, saline):
            setup = Setup(plan)
            for value in by_hazard:
                means_of(setup.at(base.replace(value)), 0, REPLICATES, 1)

    def doses() -> None:
        for plan in by_dose:
            means_of(Setup(plan).at(), 0, REPLICATES, 1)

    grids = {"a hazard": (hazards, {hazard: values}), "the dose": (doses, {AMOUNT: amounts})}
    lines = ["| simulated cells that differ in | ms per cell | simulated one by one | beyond it |", "|---|--:|--:|--:|"]
    for name, (alone, grid) in grids.items():
        with thread_count(1):
            bare = seconds(alone, 3) / SIMULATED
        took = seconds(lambda grid=grid: sweep(small, grid=grid, replicates=REPLICATES, seed=1), 3) / SIMULATED
        lines.append(f"| {name} | {1e3 * took:.1f} | {1e3 * bare:.1f} | {1e3 * (took - bare):.1f} |")
    return lines


def _dose(plan: Scenario) -> dict[str, object]:
    return plan.regimen.doses[0].model_dump(exclude_unset=True)


if __name__ == "__main__":
    print("\n".join([*exact(), "", *simulated()]))
