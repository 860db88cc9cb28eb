"""Whenever a command that writes is killed, its folder holds the whole result of before or of now, or none.

Each verb is run once in peace, then again over other results and killed at a random moment, 25 times each
(``pytest -m long tests/equality/test_kills.py``).
"""

import hashlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from synmodel.core import manifest

KILLS = 25
SCENARIO = """
name = "small"
baseline = "shao2021"
[[regimen.doses]]
compound = "psilocybin"
amount = 1
unit = "mg/kg"
route = "i.p."
day = 0
[schedule]
sessions = [-1, 1, 7]
[cohort]
animals = 2
dendrites_per_animal = 3
"""
SWEEP = """
name = "small"
title = "small"
seed = {seed}
replicates = 2
scenarios = ["small.toml"]
control = "none"
quantities = ["formation_fraction"]
[grid]
"scenario.regimen.doses[0].amount" = [0.5, 1, 2]
"""
TABLE = "animal,treatment,dendrite,day,count,gained,lost,length_um\n" + "".join(
    f"m{mouse},{('saline', 'psilocybin')[mouse % 2]},d{dendrite},{day},{10 + mouse},{1 + dendrite},{1 + dendrite},25\n"
    for mouse in range(4)
    for dendrite in range(3)
    for day in (-1, 1, 7)
)
VERBS = {
    "simulate": "simulate small.toml --replicates 20 --draws 20",
    "compare": "compare small.toml saline-mouse --draws 100",
    "sweep": "sweep sweep-{seed}.toml --draws 0",
    "convert": "data convert table.csv",
    "dendrites": "fit --data table.csv --model formation",
    "design": "design --scenario small.toml --control saline-mouse --effect formation=2 --dendrites 8,20 --studies 100",
    "experiment": "experiment sv2a-pet --short",
    "measure-next": "measure-next --draws 20 --points 2",
}
"""Words of each verb; the seed is given to all but those that have none."""
WITHOUT_SEED = {"sweep", "convert"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.toml").write_text(SCENARIO)
    for seed in (1, 2):
        (tmp_path / f"sweep-{seed}.toml").write_text(SWEEP.format(seed=seed))
    (tmp_path / "table.csv").write_text(TABLE)
    return tmp_path


def started(verb, folder, out, seed):
    words = VERBS[verb].format(seed=seed).split()
    own = [] if verb in WITHOUT_SEED else ["--seed", str(seed)]
    command = [sys.executable, "-m", "synmodel", *words, *own, "--out", out]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)


def digests(out):
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(out).parts)
    }


def finished(verb, folder, out, seed):
    """Seconds of a run in peace, and what it wrote."""
    began = time.monotonic()
    with started(verb, folder, out, seed) as process:
        _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said.decode()
    return time.monotonic() - began, digests(folder / out)


@pytest.mark.long
@pytest.mark.parametrize("verb", list(VERBS))
def test_kills(verb, folder):
    finished(verb, folder, "warm", 1)
    took, before = finished(verb, folder, "old", 1)
    _, after = finished(verb, folder, "new", 2) if verb not in WITHOUT_SEED else (took, before)
    moments = np.random.default_rng([1, len(verb)]).uniform(0.3, 1.02, KILLS) * took
    resumes = verb == "sweep"  # whose folder is its own while it works
    for number, moment in enumerate(moments.tolist()):
        out = folder / "out"
        if number % 5 == 0:
            subprocess.run(["rm", "-rf", str(out)], check=True)
            if not resumes:
                finished(verb, folder, "out", 1)
        with started(verb, folder, "out", 1 if resumes else 2) as process:
            try:
                process.communicate(timeout=moment)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
        found = digests(out) if out.exists() else {}
        if resumes:
            continue
        if found not in (before, after):  # killed between two renames: readers refuse it until the next command
            with pytest.raises(manifest.ManifestError):
                manifest.check(out)
        if number % 5 == 4:
            assert finished(verb, folder, "out", 2)[1] == after
            manifest.check(out)
            assert not [path for path in folder.rglob(".out-*")]
    assert finished(verb, folder, "out", 1 if resumes else 2)[1] == (before if resumes else after)
