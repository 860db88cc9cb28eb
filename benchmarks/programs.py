"""The programs that run in this process: synmodel's engines, the C loops, and NumPy vectorised over replicates."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import model
import numpy as np

from synmodel.turnover import propagate, simulate
from synmodel.turnover.tables import conditional_of

HERE = Path(__file__).parent
ENGINES = ("sessions", "events", "coupled")
C_LOOPS = {"intervals": "reference", "spines": "reference", "direct": "reference", "lockstep": "lockstep"}
"""The file of each."""
OPTIONS = {"reference": ["-O3"], "lockstep": ["-Ofast", "-mprefer-vector-width=512"]}

Program = Callable[[int, str, int], np.ndarray]
"""Counts (replicate, session, class) of (replicates, formation A or B, threads)."""


def synmodel_engine(engine: str) -> Program:
    """The public call; gains, losses and the labelled Dataset are made too."""

    def run(replicates: int, formation: str, threads: int) -> np.ndarray:
        out = simulate(
            model.MODEL,
            initial=list(model.START),
            times=model.TIMES,
            replicates=replicates,
            drive=model.drive(formation),
            engine=engine,
            threads=threads,
            seed=replicates % 1000 + 1,
        )
        return out["count"].to_numpy()[:, 0, 1:]

    return run


@cache
def library(name: str) -> ctypes.CDLL:
    """C loops of a file, compiled for this machine."""
    target = HERE.parent / "build" / f"{name}.so"
    target.parent.mkdir(exist_ok=True)
    options = [*OPTIONS[name], "-march=native", "-fopenmp", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, "-o", target, HERE / f"{name}.c", "-lm"], check=True)
    return ctypes.CDLL(str(target))


def c_loop(name: str) -> Program:
    """One of the C loops; counts only."""

    def pointer(array: np.ndarray) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    def run(replicates: int, formation: str, threads: int) -> np.ndarray:
        call = getattr(library(C_LOOPS[name]), name)
        start, times = np.array(model.START, np.int32), np.ascontiguousarray(model.TIMES)
        if name == "intervals":
            steps = propagate(model.MODEL, times, model.drive(formation))
            conditional, newborn = np.ascontiguousarray(conditional_of(steps)), np.ascontiguousarray(steps.newborn)
            count = np.empty((replicates, len(times), 3), np.int32)
            arguments = [pointer(start), pointer(conditional), pointer(newborn)]
        else:
            count = np.empty((replicates, len(times), 3), np.int32)
            arguments = [pointer(times), pointer(start), ctypes.c_int(formation == "B")]
        n, n_time, seed = ctypes.c_int64(replicates), ctypes.c_int(len(times)), ctypes.c_uint64(7)
        call(n, n_time, *arguments, seed, ctypes.c_int(threads), pointer(count))
        return count[:, 1:]

    return run


def numpy_intervals(replicates: int, formation: str, threads: int) -> np.ndarray:
    """Multinomial survivors and Poisson newborn between sessions, in a dozen lines of NumPy."""
    del threads
    rng = np.random.default_rng(11)
    steps = propagate(model.MODEL, model.TIMES, model.drive(formation))
    now = np.tile(model.START, (replicates, 1))
    count = np.empty((replicates, len(steps.newborn), 3), np.int32)
    for k, (p, gamma) in enumerate(zip(steps.survival, steps.newborn, strict=True)):
        following = rng.poisson(gamma, (replicates, 3))
        for c in range(3):
            following += rng.multinomial(now[:, c], [*p[c], 1 - p[c].sum()])[:, :3]
        now = following
        count[:, k] = now
    return count


def programs() -> dict[str, Program]:
    """All of them by name."""
    found: dict[str, Program] = {f"synmodel {engine}": synmodel_engine(engine) for engine in ENGINES}
    if shutil.which("gcc"):
        found |= {f"C {name}": c_loop(name) for name in C_LOOPS}
    return found | {"NumPy intervals": numpy_intervals}
