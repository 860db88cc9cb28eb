"""Filters that were compiled once are found again by the next process."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.heavy

CALLS = """
from numba.core import event

compiled = []


class Listener(event.Listener):
    def on_start(self, event):
        compiled.append(event.data["dispatcher"].py_func.__qualname__)

    def on_end(self, event):
        pass


event.register("numba:compile", Listener())
from synmodel.inference import DendriteProblem, counts_log_likelihood
from synmodel.inference.dendrites import parameters_for, template
from synmodel.inference.dendrites.calibration import Design, simulated_observations
from synmodel.inference.dendrites.effects import pulse_parameters
from synmodel.library.parameters import ParameterSet
from synmodel.turnover import TurnoverModel

pulse = ParameterSet(pulse_parameters(["psilocybin"], template()))
values = {**parameters_for(["lab"], []).joined(pulse).as_floats(), "lab.length_median": 25.0, "lab.formation": 0.02}
late = Design(mice=2, dendrites=2, length_um=25.0, spines=8.0, fractions=True, sessions=(-1.0, 1.0, 3.0, 35.0, 65.0),
              scored_until=3.0)
seen = simulated_observations(late, values, transient=False, seed=1)
problem = DendriteProblem([seen], "formation+elimination")
problem.log_likelihood(problem.parameters.pack(problem.free))
three = TurnoverModel(("a", "b", "c"), 0.8, [[0, 0.1, 0], [0.02, 0, 0.1], [0, 0.01, 0]], [0.4, 0.1, 0.01])
for lost in (1, -1):
    counts_log_likelihood(three, n0=[5], gained=[[1, 1]], lost=[[1, lost]], times=[0, 2, 4])
print("compiled:", *compiled)
"""


def test_a_second_process_compiles_no_filter():
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "compiled:"
