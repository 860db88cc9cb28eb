"""One evaluation of the likelihood of dendrites: fractions that several numbers explain, beside counts.

    NUMBA_NUM_THREADS=1 python benchmarks/dendrites.py [FOLDER_OF_TABLES]

Simulated dendrites, the same experiment as counts and as a laboratory publishes it; and the deposits of 2021 and 2025
where their tables are (`shao2021_dendrites.csv`, `shaoliao2025_dendrites.csv`), beside as many dendrites with counts.
"""

import sys
import time
from pathlib import Path

import numba
import numpy as np
import xarray as xr

from synmodel.data import read_observations
from synmodel.inference import DendriteProblem
from synmodel.inference.dendrites import parameters_for, template
from synmodel.inference.dendrites.calibration import Design, simulated_observations
from synmodel.inference.dendrites.effects import pulse_parameters
from synmodel.library.parameters import ParameterSet

MODEL = "formation+elimination"
VALUES = parameters_for(["lab"], []).joined(ParameterSet(pulse_parameters(["psilocybin"], template()))).as_floats()
VALUES = {**VALUES, "lab.length_median": 25.0, "lab.formation": 0.02}


def seconds(observations: list[xr.Dataset]) -> tuple[float, int, int]:
    """Shortest of nine evaluations, and how many dendrites and runs it is of."""
    problem = DendriteProblem(observations, MODEL)
    formation = {name: 0.02 for name in problem.free if name.endswith(".formation")}
    vector = problem.parameters.replace(formation).pack(problem.free)
    problem.log_likelihood(vector)
    times = []
    for number in range(9):
        moved = vector + 1e-6 * (number + 1)  # otherwise nothing is computed anew
        began = time.perf_counter()
        problem.log_likelihood(moved)
        times.append(time.perf_counter() - began)
    runs = sum(len(block.record) for arm in problem.arms for block in arm.blocks)
    return min(times), sum(arm.n_dendrites for arm in problem.arms), runs


def line(name: str, found: tuple[float, int, int], counted: tuple[float, int, int]) -> None:
    """One row: milliseconds, and the ratio to as many counted dendrites."""
    per = found[0] / found[1] / (counted[0] / counted[1])
    print(f"{name:44s} {found[1]:5d} dendrites {found[2]:5d} runs {1e3 * found[0]:8.1f} ms   {per:5.1f} x counted")


def main() -> None:
    """Print the table."""
    print(f"threads: {numba.get_num_threads()}")
    sizes = {"mice": 20, "dendrites": 16, "length_um": 25.0, "spines": 12.0}
    sessions = (-3.0, -1.0, 1.0, 3.0, 5.0, 7.0)
    counted = seconds([simulated_observations(Design(**sizes), VALUES, transient=False, seed=1)])
    line("counts", counted, counted)
    design = Design(**sizes, fractions=True)
    line("fractions", seconds([simulated_observations(design, VALUES, transient=False, seed=1)]), counted)
    late = Design(**sizes, fractions=True, sessions=(*sessions, 35.0, 65.0), scored_until=7.0)
    line(
        "fractions, two late densities",
        seconds([simulated_observations(late, VALUES, transient=False, seed=1)]),
        counted,
    )
    if len(sys.argv) > 1:
        tables = [Path(sys.argv[1]) / f"{name}_dendrites.csv" for name in ("shao2021", "shaoliao2025")]
        observations = [read_observations(table).observations for table in tables]
        scored = [each.sel(session=slice(None, 34.0)) for each in observations]
        scored = [each.isel(interval=slice(0, each.sizes["session"] - 1)) for each in scored]
        line("deposits of 2021 and 2025, scored sessions", seconds(scored), counted)
        line("deposits of 2021 and 2025, all", seconds(observations), counted)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
