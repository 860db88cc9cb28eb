"""A sweep of a billion dendrite-sessions through Dask on two workers: time, memory, and some cells simulated alone.

    python benchmarks/billion.py FOLDER [CELLS]

A cell is a dose: 10,000 experiments of 56 dendrites imaged on 28 days, without a control, as cells share one.
An interrupted run goes on in the same folder; the time told is then that of the last part. Of three cells every
number is compared with a sweep of these cells in one process.
"""

import sys
import time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF
from resource import getrusage as usage

import numpy as np

from synmodel.analysis.sweeps import sweep
from synmodel.scenario import load

PLAN = load("ketamine-mouse-single").updated(schedule={"sessions": list(range(-3, 25))})
REPLICATES, CELLS = 10_000, 64
AMOUNT = "scenario.regimen.doses[0].amount"


def main(folder: str, cells: int) -> None:
    """Run, and say what it took."""
    doses = np.geomspace(1.0, 40.0, cells)
    dendrites = PLAN.cohort.animals * PLAN.cohort.dendrites_per_animal
    total = cells * REPLICATES * dendrites * len(PLAN.schedule.sessions)
    began = time.perf_counter()

    def report(done: int, of: int) -> None:
        print(f"{done} of {of}, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)

    asked = {"replicates": REPLICATES, "seed": 1, "control": "none"}
    whole = sweep(PLAN, grid={AMOUNT: doses}, **asked, out=folder, scheduler="local", workers=2, progress=report)
    took = time.perf_counter() - began
    own, workers = (usage(who).ru_maxrss / 1024 for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    print(f"{total:.4g} dendrite-sessions in {took:.0f} s: {total / took / 1e6:.2f} million per second")
    print(f"largest memory of the caller {own:.0f} MB, of a worker {workers:.0f} MB")
    few = [0, cells // 2, cells - 1]
    alone = sweep(PLAN, grid={AMOUNT: doses[few]}, **asked)
    same = whole.isel(amount=few)
    differ = [name for name in alone.data_vars if not same[name].load().identical(alone[name])]
    print(
        f"{len(alone.data_vars)} variables of {len(few)} cells simulated alone; not the same bits: {differ or 'none'}"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else CELLS)
