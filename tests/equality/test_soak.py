"""A day of sweeps in miniature: after 10,000 cells a process has the memory that it had after the first thousands.

``pytest -m long tests/equality/test_soak.py``
"""

from pathlib import Path

import numpy as np
import pytest

from synmodel import load_scenario, sweep

CELLS = 10_000
PAGE_KB = 4


def resident_kb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


def memory_of(out, cells, **design):
    """Resident memory [kB] at the reports of progress, and the result."""
    small = load_scenario("psilocybin-mouse").updated(
        cohort={"animals": 2, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]}
    )
    doses = np.geomspace(0.1, 10.0, cells).tolist()
    memory = []
    result = sweep(
        [small], grid={"scenario.regimen.doses[0].amount": doses}, quantities=["formation_fraction"], seed=1, out=out,
        progress=lambda _done, _of: memory.append(resident_kb()), **design,
    )  # fmt: skip
    assert result.sizes["amount"] == cells
    assert not bool(result["failed"].any())
    return np.array(memory)


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory of a process is read from /proc")
@pytest.mark.parametrize("design", [{"replicates": 2}, {"observe": "expected"}], ids=["simulated", "expected"])
def test_memory_is_flat(tmp_path, design):
    memory = memory_of(tmp_path / "out", CELLS, **design)
    assert len(memory) > 50
    settled = memory[len(memory) // 5 : len(memory) // 2].max()
    assert memory.max() <= 1.05 * settled, (memory[:: len(memory) // 20] / 1024).round(1).tolist()
