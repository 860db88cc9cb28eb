"""What does the first use cost, from an empty cache of compiled code?

    python benchmarks/compilation.py

Processor seconds of one thread, each in a process and with a cache of its own: of the first simulation, and of the
first likelihood of two classes, for dendrites with counts and for others with fractions and late densities. Beside them
the seconds of a second process, which finds all compiled.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import dendrites

from synmodel.inference.dendrites.calibration import Design, simulated_observations

BEGIN = """
import pickle, sys, time
import numpy as np
import synmodel, synmodel.simulation, synmodel.inference
np.seterr(all="ignore")
began = time.process_time()
"""
SIMULATION = """
synmodel.simulate("psilocybin-mouse", replicates=20, seed=1)
"""
LIKELIHOOD = f"""
observations = pickle.load(open(sys.argv[1], "rb"))
problem = synmodel.inference.DendriteProblem([observations], "{dendrites.MODEL}")
problem.log_likelihood(problem.parameters.pack(problem.free))
"""
END = """
print(time.process_time() - began)
"""
SIZES = {"mice": 4, "dendrites": 4, "length_um": 25.0, "spines": 12.0}
SESSIONS = (-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 35.0, 65.0)


def seconds(code: str, cache: str, *arguments: str) -> float:
    """Processor time of a piece of code in a process of its own, without imports."""
    environment = {**os.environ, "SYNMODEL_CACHE_DIR": cache, "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BEGIN + code + END, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print the table."""
    designs = {
        "likelihood, counts": Design(**SIZES),
        "likelihood, fractions and late densities": Design(
            **SIZES, fractions=True, sessions=SESSIONS, scored_until=7.0
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        calls = {"simulation": (SIMULATION, [])}
        for number, (name, design) in enumerate(designs.items()):
            observations = simulated_observations(design, dendrites.VALUES, transient=False, seed=1)
            path = Path(folder) / f"{number}"
            path.write_bytes(pickle.dumps(observations))
            calls[name] = (LIKELIHOOD, [str(path)])
        for name, (code, arguments) in calls.items():
            with tempfile.TemporaryDirectory() as cache:
                first, second = (seconds(code, cache, *arguments) for _ in range(2))
            print(f"first {name:42s} {first:6.1f} s   again {second:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
