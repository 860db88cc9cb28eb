"""Inference beside other programs: ``python benchmarks/inference.py`` fills its part of docs/performance.md.

Each row is measured in a process of its own, on one thread, and kept as JSON in build/inference-rows; a row that is
there is not measured again, so an interrupted run goes on, and a row that was removed is measured anew. ``--python
PYTHON`` names an interpreter that has benchmarks/requirements-inference.txt; without it an environment is made in
build/inference. ``--only PART`` measures one part and writes nothing: ``samplers`` (samplers.py), ``fits`` (fits.py) or
``maxima`` (maxima.py). ``--kept`` measures nothing and writes the rows that are there.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import run

HERE = Path(__file__).parent
ROWS = HERE.parent / "build" / "inference-rows"
LIMIT = 240
"""Processor time of a row [s]."""
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")
} | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}  # fmt: skip
SAMPLERS = (
    "shipped", "importance", "nutpie", "crank-nicolson", "zeus", "emcee", "emcee-de", "nested", "nautilus", "pocomc",
    "blackjax",
)  # fmt: skip
SECONDS = {"counts": (30, 120), "joint": (20, 20)}
"""For a chain, and for a sampler that is of no use before it has finished."""
OF_JOINT = ("shipped", "crank-nicolson")
"""Draws of the library, and steps in blocks of one study each."""
UNFINISHED = ("nested", "nautilus", "pocomc")
FITS = ("exact", "emcee", "pyabc", "sbi")
NAMES = {
    "importance": ("importance, own", "no"), "crank-nicolson": ("Crank–Nicolson in blocks, own", "no"),
    "nutpie": ("nutpie, no-U-turn", "yes"), "blackjax": ("blackjax, no-U-turn", "yes"),
    "nested": ("dynesty, random walks", "no"), "emcee": ("emcee, stretch", "no"),
    "emcee-de": ("emcee, differential evolution", "no"), "zeus": ("zeus", "no"), "nautilus": ("nautilus", "no"),
    "pocomc": ("pocoMC", "no"),
}  # fmt: skip
"""What samplers are called, and whether they follow slopes."""
FIT_NAMES = {
    "exact": "exact likelihood, importance", "emcee": "exact likelihood, emcee", "pyabc": "pyABC", "sbi": "sbi, NPE",
}  # fmt: skip
TABLES = ("one", "two")
MAXIMA = ("roadrunner", "import", "amici")
PARTS = {
    "samplers": [
        ("samplers.py", name, posterior, str(seconds[name in UNFINISHED]))
        for posterior, seconds in SECONDS.items()
        for name in SAMPLERS
        if posterior == "joint" or name not in OF_JOINT
    ],
    "fits": [("fits.py", name, table) for table in TABLES for name in FITS],
    "maxima": [("maxima.py", name) for name in MAXIMA],
}


def place(command: tuple[str, ...]) -> Path:
    """Where a row is kept."""
    return ROWS / ("-".join(command).replace(".py", "") + ".json")


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT + 5))


def row(python: Path, command: tuple[str, ...]) -> dict:
    """What a process says, or the last line of its complaint."""
    kept = place(command)
    if not kept.exists():
        print(" ".join(command), file=sys.stderr, flush=True)
        done = subprocess.run(
            [python, HERE / command[0], *command[1:]], capture_output=True, text=True, check=False,
            env=os.environ | ONE_THREAD, preexec_fn=_limited,
        )  # fmt: skip
        said = done.stdout.strip().splitlines()
        complaint = (done.stderr.strip().splitlines() or ["no message"])[-1]
        if done.returncode == -signal.SIGXCPU:
            complaint = f"not finished after {LIMIT} s"
        text = said[-1] if done.returncode == 0 and said else json.dumps({"failed": complaint})
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(text)
    return json.loads(kept.read_text())


def number(value: float) -> str:
    """Two digits."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def samplers_table(rows: dict[tuple[str, ...], dict], posterior: str) -> list[str]:
    """Effective draws of one posterior, most at the median first, and how far means are from those of a reference."""
    lines = [
        "| sampler | slopes | effective draws per s: median | least | evaluations per effective draw "
        "| tuning, s | effective draws, least | distance of means | |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    chosen = {command[1]: found for command, found in rows.items() if command[2] == posterior}
    reference = chosen.pop("shipped", None) or (chosen.get("importance") if posterior == "counts" else None)
    first = {name: -float(np.median(row["ess"])) / row["seconds"] for name, row in chosen.items() if "ess" in row}
    for name in sorted(chosen, key=lambda each: first.get(each, 0.0)):
        found, what = chosen[name], NAMES[name]
        label = f"{what[0]} ({found['version']})" if "version" in found else what[0]
        if "failed" in found:
            lines.append(f"| {label} | {what[1]} | | | | | | | {found['failed']} |")
            continue
        size, seconds = np.array(found["ess"]), found["seconds"]
        apart = "–"
        if reference is not None and found is not reference:
            error = np.sqrt(np.square(found["sd"]) / size + np.square(reference["sd"]) / np.array(reference["ess"]))
            z = (np.array(found["mean"]) - reference["mean"]) / error
            apart = f"{np.sqrt(np.mean(z**2)):.1f}"
        lines.append(
            f"| {label} | {what[1]} | {number(np.median(size) / seconds)} | {number(size.min() / seconds)} "
            f"| {number(found['evaluations'] / np.median(size))} | {number(found['tuning'])} | {number(size.min())} "
            f"| {apart} | {found['note']} |"
        )
    return lines


def fits_table(rows: dict[tuple[str, ...], dict]) -> list[str]:
    """Widths over the exact ones, and time over that of the exact fit."""
    lines = [
        "| table | program | simulations or evaluations | s | times the exact fit | widths over the exact ones "
        "| farthest mean, exact widths | within 20 % |",
        "|---|---|--:|--:|--:|---|--:|---|",
    ]
    for table in TABLES:
        if ("fits.py", "exact", table) not in rows:
            continue
        exact = rows["fits.py", "exact", table]
        sd, mean = np.array(exact["rows"][-1]["sd"]), np.array(exact["rows"][-1]["mean"])
        unit = exact["rows"][0]["seconds"]
        for name in [each for each in FITS if ("fits.py", each, table) in rows]:
            found = rows["fits.py", name, table]
            if "failed" in found:
                lines.append(f"| {table} | {FIT_NAMES[name]} | | | | | | {found['failed']} |")
                continue
            for each in found["rows"]:
                ratio, off = np.array(each["sd"]) / sd, np.abs(np.array(each["mean"]) - mean) / sd
                reached = "yes" if np.all(np.abs(ratio - 1.0) < 0.2) else "no"
                lines.append(
                    f"| {table} | {FIT_NAMES[name]} ({found['version']}) | {each['calls']:,} | {each['seconds']:.1f} "
                    f"| {number(each['seconds'] / unit)} | {ratio.min():.2f} to {ratio.max():.2f} | {off.max():.2f} "
                    f"| {reached} |"
                )
    return lines


def maxima_table(rows: dict[tuple[str, ...], dict]) -> list[str]:
    """Objectives at the maxima of both, and what the importers of pyPESTO make of the same files."""
    lines = ["| way | s | −2 log posterior, own | by libRoadRunner | |", "|---|--:|--:|--:|---|"]
    found = rows.get(("maxima.py", "roadrunner"), {"failed": "not measured"})
    if "failed" in found:
        lines.append(f"| pyPESTO, least squares | | | | {found['failed']} |")
    else:
        own, theirs = found["own"], found["theirs"]
        apart = (
            f"estimates differ by {found['away'][0]:.2f} standard errors at the median, {found['away'][1]:.2f} at most"
        )
        lines += [
            f"| synmodel, {found['parameters']} parameters, exact slopes | {own['seconds']:.2f} "
            f"| {own['objective']:.2f} | {own['theirs']:.2f} | {own['found']} of 2 starts |",
            f"| pyPESTO, least squares by differences ({found['version']}) | {theirs['seconds']:.0f} "
            f"| {theirs['objective']:.2f} | {theirs['theirs']:.2f} | {apart} "
            f"({found['farthest']}) |",
        ]
    for way, text in (("import", "its importer with libRoadRunner"), ("amici", "its importer with AMICI")):
        each = rows.get(("maxima.py", way))
        if each is not None:
            said = each.get("failed") or f"built in {each['built']:.0f} s, {each['seconds']:.2f} s an evaluation"
            lines.append(f"| pyPESTO, {text} | | | | {said} |")
    return lines


def versions(python: Path) -> str:
    """Processor, threads and versions of the environment of the rows."""
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import run; print(run.machine())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--python", help="interpreter of an environment with the other programs")
    options.add_argument("--only", choices=PARTS, help="measure one part; writes nothing")
    options.add_argument("--kept", action="store_true", help="measure nothing; write the rows that are there")
    given = options.parse_args()
    python = run.environment(given.python, "inference")
    parts = [given.only] if given.only else list(PARTS)
    wanted = [command for part in parts for command in PARTS[part] if not given.kept or place(command).exists()]
    rows = {command: row(python, command) for command in wanted}
    if given.only:
        return
    blocks = {
        "inference-machine": [versions(python) + "."],
        "fits": fits_table(rows),
        "samplers-counts": samplers_table({c: r for c, r in rows.items() if c[0] == "samplers.py"}, "counts"),
        "samplers-joint": samplers_table({c: r for c, r in rows.items() if c[0] == "samplers.py"}, "joint"),
        "maxima": maxima_table(rows),
    }
    for name, lines in blocks.items():
        print(f"\n{name}\n" + "\n".join(lines))
    run.PAGE.write_text(run.fill(run.PAGE.read_text(), blocks))


if __name__ == "__main__":
    main()
