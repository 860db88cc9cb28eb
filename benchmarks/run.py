"""All comparisons, one command: ``python benchmarks/run.py`` writes docs/performance.md and its figure anew.

What does a replicate cost, beside a hand-written C loop, NumPy and other programs, and does the cost grow in proportion
to what is simulated? Agreement with the exact mean and variance is checked before any time is reported.

``--check`` looks at ratios alone, in two minutes, and ends with status 1 where one is above its bound; they depend on
the make of the processor, and not on how busy it is. ``--peers PYTHON`` names an interpreter that has
benchmarks/requirements-peers.txt; without it an environment is made in build/peers. ``--no-peers`` leaves them out.
``--quick`` runs a twentieth, to see that it works; it writes nothing.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import costs
import model
import numpy as np
import peers
import programs
import scaling

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
REPLICATES = 200_000
ROUNDS = 5
Z_ALLOWED, Y_ALLOWED = 4.5, 6.0
BOUNDS = {
    "AMD with AVX-512": {
        ("synmodel sessions", "C intervals"): 0.95,
        ("synmodel events", "C spines"): 1.25,
        ("synmodel coupled", "C direct"): 0.80,
    },
    "AMD without": {
        ("synmodel sessions", "C intervals"): 1.25,
        ("synmodel events", "C spines"): 1.90,
        ("synmodel coupled", "C direct"): 1.50,
    },
    "others": {
        ("synmodel sessions", "C intervals"): 1.25,
        ("synmodel events", "C spines"): 1.50,
        ("synmodel coupled", "C direct"): 0.90,
    },
}
"""By kind of processor: time over that of the C loop of the same kind, a fifth or more above what was seen."""


def check(name: str, mean: np.ndarray, variance: np.ndarray, n: int, formation: str) -> tuple[float, float]:
    """Stop unless a program follows the law."""
    z, y = model.disagreement(mean, variance, n, formation)
    if z > Z_ALLOWED or y > Y_ALLOWED:
        sys.exit(
            f"{name}, formation {formation}: largest |Z| {z:.1f}, |Y| {y:.1f}; no times are reported for a wrong law"
        )
    return z, y


def seconds(call: Callable[[], object]) -> float:
    """Processor time of a call of one thread."""
    before = time.process_time()
    call()
    return time.process_time() - before


def compare(replicates: int) -> dict[tuple[str, str], dict]:
    """Times of the programs of this process, in turns, with their agreement."""
    every = programs.programs()
    rows: dict[tuple[str, str], dict] = {}
    for formation in "AB":
        for name, program in every.items():
            count = program(replicates, formation, 1).astype(float)  # the first call compiles
            agreement = check(name, count.mean(axis=0), count.var(axis=0), replicates, formation)
            rows[name, formation] = {"agreement": agreement, "one": [], "two": []}
    for _ in range(ROUNDS):
        for (name, formation), row in rows.items():
            row["one"].append(seconds(lambda n=name, b=formation: every[n](replicates, b, 1)))
            if name.startswith("NumPy") or (os.cpu_count() or 1) < 2:
                continue
            before = time.perf_counter()
            every[name](replicates, formation, 2)
            row["two"].append(time.perf_counter() - before)
    for row in rows.values():
        row["one"] = statistics.median(row["one"])
        row["two"] = statistics.median(row["two"]) if row["two"] else None
    return rows


def memory(name: str, replicates: int) -> float:
    """Growth of the largest resident size of a fresh process by the run [MB]."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import programs\n"
        "from peers import peak\n"
        "run = programs.programs()[sys.argv[2]]; n = int(sys.argv[3]); run(1000, 'A', 1)\n"
        "before = peak(); run(n, 'A', 1); print(peak() - before)"
    )
    command = [sys.executable, "-c", code, str(HERE), name, str(replicates)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def environment(given: str | None, name: str) -> Path:
    """The interpreter that is given, or that of build/NAME, made of requirements-NAME.txt if there is none."""
    if given:
        return Path(given)
    folder = HERE.parent / "build" / name
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        for line in (HERE / f"requirements-{name}.txt").read_text().splitlines():
            if line and not line.startswith("#"):  # one by one, so that one that fails to build costs only itself
                install = [python, "-m", "pip", "install", "-q", *line.split()]
                subprocess.run(install, check=False, cwd=HERE.parent)
    return python


def compare_peers(python: Path) -> dict[str, dict]:
    """Times of the peers, each in a process of its own; what fails is told with its last line."""
    site = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    )
    environment = {
        **os.environ,
        "PYTHONPATH": site.stdout.strip(),  # GillesPy2 starts a second Python that must find SCons
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    rows: dict[str, dict] = {}
    for name in peers.PEERS:
        done = subprocess.run(
            [python, HERE / "peers.py", name, str(ROUNDS)],
            capture_output=True, text=True, check=False, env=environment, timeout=300,
        )  # fmt: skip
        if done.returncode != 0:
            rows[name] = {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
            continue
        row = json.loads(done.stdout.strip().splitlines()[-1])
        mean, variance = np.array(row["mean"]), np.array(row["variance"])
        row["agreement"] = check(name, mean, variance, row["replicates"], "A")
        rows[name] = row
    return rows


def machine() -> str:
    """Processor, threads and versions, as one sentence."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        cpu = names[0] if names else cpu
        features = "with" if "avx512f" in info.read_text() else "without"
        cpu += f" ({features} AVX-512)"
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    packages = ", ".join(f"{name} {version(name)}" for name in ("synmodel", "numba", "numpy", "xarray"))
    return f"{cpu}, {os.cpu_count()} cores; Python {platform.python_version()}, {packages}; {[*compiler, 'no gcc'][0]}"


def engines_table(rows: dict[tuple[str, str], dict], used: dict[str, float], replicates: int) -> list[str]:
    """Ratios to the C interval sampler."""
    first = "C intervals" if ("C intervals", "A") in rows else "NumPy intervals"
    unit = rows[first, "A"]["one"]
    lines = [
        "| program | A | B | A, two threads | µs per replicate, A | memory, MB | largest Z / Y, A; B |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name in dict.fromkeys(name for name, _ in rows):
        a, b = rows[name, "A"], rows[name, "B"]
        two = f"{a['two'] / unit:.2f}" if a["two"] else "–"
        agreement = "; ".join("{:.1f} / {:.1f}".format(*row["agreement"]) for row in (a, b))
        lines.append(
            f"| {name} | {a['one'] / unit:.2f} | {b['one'] / unit:.2f} | {two} | {a['one'] / replicates * 1e6:.2f} "
            f"| {used[name]:.0f} | {agreement} |"
        )
    return lines


def targets(rows: dict[tuple[str, str], dict]) -> list[str]:
    """Each engine beside the C loop of the same kind."""
    pairs = (("sessions", "intervals"), ("events", "spines"), ("coupled", "direct"), ("coupled", "lockstep"))
    lines = ["| engine | beside | A | B | A, two threads | B, two threads |", "|---|---|--:|--:|--:|--:|"]
    for engine, loop in pairs:
        if (f"C {loop}", "A") not in rows:
            return []
        cells = []
        for threads in ("one", "two"):
            for formation in "AB":
                mine, other = rows[f"synmodel {engine}", formation][threads], rows[f"C {loop}", formation][threads]
                cells.append(f"{mine / other:.2f}" if mine and other else "–")
        lines.append(f"| {engine} | C {loop} | {' | '.join(cells)} |")
    return lines


def peers_table(found: dict[str, dict], rows: dict[tuple[str, str], dict], n: int) -> list[str]:
    """How many times as long a replicate takes."""
    engines = [f"synmodel {engine}" for engine in programs.ENGINES]
    lines = [
        "| program | µs per replicate | times `sessions` | `events` | `coupled` | MB per 10,000 | largest Z / Y |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, row in found.items():
        if "failed" in row:
            lines.append(f"| {name} | did not run here: {row['failed']} | | | | | |")
            continue
        ratios = [row["microseconds"] / (rows[engine, "A"]["one"] / n * 1e6) for engine in engines]
        times = " | ".join(f"{r:.0f}" if r >= 10 else f"{r:.1f}" for r in ratios)
        lines.append(
            f"| {name} ({row['version']}) | {row['microseconds']:.1f} | {times} "
            f"| {row['memory_mb_per_10000']:.0f} | " + "{:.1f} / {:.1f} |".format(*row["agreement"])
        )
    return lines


def worse(rows: dict[tuple[str, str], dict]) -> list[str]:
    """Ratios above their bounds, one line each."""
    lines = []
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    amd = "AMD with AVX-512" if "avx512f" in info else "AMD without"
    for (mine, other), bound in BOUNDS[amd if "AuthenticAMD" in info else "others"].items():
        for formation in "AB":
            if (other, formation) in rows:
                ratio = rows[mine, formation]["one"] / rows[other, formation]["one"]
                if ratio > bound:
                    lines.append(
                        f"{mine}, formation {formation}: {ratio:.2f} times {other}; at most {bound:.2f} is allowed"
                    )
    return lines


def fill(page: str, blocks: dict[str, list[str]]) -> str:
    """The page with the lines between its markers replaced."""
    for name, lines in blocks.items():
        begin, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + "\n" + "\n".join(lines) + "\n" + end + after
    return page


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--peers", help="interpreter of an environment with the peers")
    options.add_argument("--no-peers", action="store_true", help="leave the peers out")
    options.add_argument("--quick", action="store_true", help="a twentieth of the replicates; writes nothing")
    options.add_argument("--check", action="store_true", help="fail where a ratio is above its bound; writes nothing")
    given = options.parse_args()
    replicates = REPLICATES // 20 if given.quick else REPLICATES
    began = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - began:5.0f} s  {text}", file=sys.stderr, flush=True)

    say("engines, C loops and NumPy")
    rows = compare(replicates)
    if given.check:
        print("\n".join(targets(rows)))
        sys.exit("\n".join(worse(rows)) or None)
    say("memory")
    with tempfile.TemporaryDirectory() as cache:  # a fresh one, so that no stale code is run
        os.environ |= {"SYNMODEL_NUMBA_CACHE": "1", "NUMBA_CACHE_DIR": cache}
        used = {name: memory(name, replicates) for name in programs.programs()}
    say("peers")
    found = {} if given.no_peers else compare_peers(environment(given.peers, "peers"))
    say("cost against replicates, dendrites, spines and sessions")
    points = scaling.measure(1 / 20 if given.quick else 1.0)
    say("cost of the likelihood against what goes in")
    likelihood = costs.measured(0.5 if given.quick else 1.0)
    blocks = {
        "machine": [machine() + "."],
        "targets": targets(rows),
        "engines": engines_table(rows, used, replicates),
        "peers": peers_table(found, rows, replicates) if found else ["Left out in this run."],
        "slopes": scaling.table(points),
        "costs": costs.table(likelihood),
    }
    for name, lines in blocks.items():
        print(f"\n{name}\n" + "\n".join(lines))
    if not given.quick:
        PAGE.write_text(fill(PAGE.read_text(), blocks))
        scaling.draw(points, PAGE.parent / "images" / "performance.png")
    say(f"done; largest resident size {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
