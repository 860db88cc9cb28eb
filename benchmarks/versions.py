"""What did each version of the package cost, in one sitting: trees of files, measured in turns.

    python benchmarks/versions.py BEFORE [BETWEEN] NOW [--only PART] [--rows TEXT] [--turns 5]

Each argument is a folder with the package, such as ``git worktree add --detach`` makes. Every number is taken in a
process of its own with that folder's package, in turns of the folders, and the table has medians of the turns.
``calls`` are milliseconds of processor time on one thread, the shortest of a process; ``commands`` are seconds elapsed
with compiled code at hand; ``first`` are seconds of processor time from an empty cache of compiled code, the shorter of
two. A dash is what a version cannot do.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import compilation

HERE = Path(__file__).resolve().parent
BEGIN = """
import warnings
warnings.simplefilter("ignore")
import numpy as np
from timing import shortest

def measure(call, most=9):
    print(1e3 * shortest(call, least=1, most=most, enough=3.0))
"""
ENGINE = """
from model import MODEL, START, TIMES, drive
from synmodel.turnover import simulate
measure(lambda: simulate(MODEL, initial=list(START), times=TIMES, drive=drive("{formation}"), replicates=50_000, seed=1,
                         engine="{engine}", threads=1))
"""
EXPERIMENT = """
import synmodel
from synmodel.scenario import load
plan = load("ketamine-mouse-single").updated(turnover={{"engine": "{engine}"}})
measure(lambda: synmodel.simulate(plan, replicates=200, seed=1))
"""
LIKELIHOOD = """
import test_likelihood as given
from synmodel.inference import counts_log_likelihood
out = given.one_simulation()
gained, lost = (out[name].to_numpy()[:, 0].astype(np.int64) for name in ("gained", "lost"))
seen = dict(n0=np.full(60, 16), gained=gained, lost=lost, times=given.TIMES)
measure(lambda: counts_log_likelihood(given.{model}, **seen), 99)
"""
LARGE = """
import test_likelihood as given
from synmodel.inference import counts_log_likelihood
from synmodel.turnover import simulate
times = np.arange(0.0, 21.0, 2.0)
out = simulate(given.THREE, initial=[20, 80, 400], times=times, replicates=1, seed=1, threads=1)
gained, lost = (out[name].to_numpy()[:, 0].astype(np.int64) for name in ("gained", "lost"))
measure(lambda: counts_log_likelihood(given.THREE, n0=[500], gained=gained, lost=lost, times=times), 3)
"""
SLOPES = """
from samplers import shipped
density = shipped()[1]
points = 0.3 * np.random.default_rng(1).standard_normal((20, density.n_dim))
count = iter(range(10**6))
measure(lambda: density.{call}(points[next(count) % 20]), 20)
"""
CELLS = """
from synmodel.analysis.sweeps import sweep
from synmodel.scenario import load
mouse = load("psilocybin-mouse")
measure(lambda: sweep(mouse, grid={{{grid}}}, observe="expected", seed=1), 3)
"""
DOSE, HAZARD = (
    '"scenario.regimen.doses[0].amount": np.linspace(0.3, 10.0, 1000)',
    ('"shao2021.loss_nascent": np.linspace(0.3, 1.2, 1000)'),
)
CALLS = {
    **{
        f"50,000 replicates of {formation}, `{engine}`": ENGINE.format(engine=engine, formation=formation)
        for formation in "AB" for engine in ("sessions", "events", "coupled")
    },
    "200 experiments, every spine and head widths": EXPERIMENT.format(engine="events"),
    "200 experiments, `counts`": EXPERIMENT.format(engine="counts"),
    "likelihood of 60 dendrites, two classes": LIKELIHOOD.format(model="TWO"),
    "likelihood of 60 dendrites, three classes": LIKELIHOOD.format(model="THREE"),
    "three classes, one dendrite of 500 spines, ten intervals": LARGE,
    "joint posterior, its density": SLOPES.format(call="log_density"),
    "joint posterior, density and slopes": SLOPES.format(call="with_gradient"),
    "1,000 exact cells of a sweep that differ in a hazard": CELLS.format(grid=HAZARD),
    "1,000 exact cells that differ in the dose": CELLS.format(grid=DOSE),
}  # fmt: skip
COMMANDS = {
    "`--help`": ["--help"],
    "`simulate ketamine-mouse-single`": ["simulate", "ketamine-mouse-single"],
    "`compare psilocybin-mouse ketamine-mouse-single`": ["compare", "psilocybin-mouse", "ketamine-mouse-single"],
    "`compare`": ["compare"],
    "`fit`": ["fit"],
}
FIRST = {
    "first simulation": compilation.BEGIN + compilation.SIMULATION + compilation.END,
    "first likelihood of counts": f"""
import test_likelihood as given
from synmodel.inference import counts_log_likelihood
{compilation.BEGIN}
counts_log_likelihood(given.TWO, n0=[16], gained=[[1] * 6], lost=[[1] * 6], times=given.TIMES)
{compilation.END}
""",
}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def run(tree: Path, words: list[str], folder: str, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A process of Python in a folder, with the package of a tree."""
    path = os.pathsep.join([str(tree), str(HERE)])
    return subprocess.run(
        [sys.executable, *words], env={**os.environ, "PYTHONPATH": path, **more}, cwd=folder, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def said(done: subprocess.CompletedProcess[str]) -> float:
    """The number that a process ends with; NaN where this version cannot do it."""
    return float(done.stdout.split()[-1]) if done.returncode == 0 else float("nan")


def call(tree: Path, code: str) -> float:
    """What a piece of code says [ms]."""
    with tempfile.TemporaryDirectory() as folder:
        return said(run(tree, ["-c", BEGIN + code], folder, ONE_THREAD))


def first(tree: Path, code: str) -> float:
    """The same [s] with an empty cache of compiled code, the shorter of two."""
    each = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as cache:
            caches = {"SYNMODEL_CACHE_DIR": cache, "NUMBA_CACHE_DIR": cache}
            each.append(said(run(tree, ["-c", code], cache, ONE_THREAD | caches)))
    return min(each)


def command(tree: Path, words: list[str]) -> float:
    """Seconds elapsed of a command, on all threads."""
    with tempfile.TemporaryDirectory() as folder:
        out = [] if words == ["--help"] else ["--out", str(Path(folder) / "out")]
        before = time.perf_counter()
        done = run(tree, ["-m", "synmodel", *words, *out], folder, {})
        took = time.perf_counter() - before
    return took if done.returncode == 0 else float("nan")


PARTS: dict[str, tuple[dict, Callable]] = {
    "calls": (CALLS, call),
    "commands": (COMMANDS, command),
    "first": (FIRST, first),
}


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", type=lambda text: Path(text).resolve())
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--rows", default="", help="only rows whose name holds this text")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    for part, (tasks, how) in PARTS.items():
        if options.only not in (None, part):
            continue
        print(f"| {part} |" + "".join(f" {tree.name} |" for tree in options.trees))
        print("|---|" + "--:|" * len(options.trees), flush=True)
        for name, task in tasks.items():
            if options.rows not in name:
                continue
            for tree in options.trees:  # compiles, and reads files for the first time
                if part != "first":
                    how(tree, task)
            turns = [
                [how(tree, task) for tree in options.trees] for _ in range(1 if part == "first" else options.turns)
            ]
            medians = [statistics.median(each) for each in zip(*turns, strict=True)]
            told = ["–" if each != each else f"{each:.3g}" for each in medians]
            print(f"| {name} |" + "".join(f" {each} |" for each in told), flush=True)


if __name__ == "__main__":
    main()
