"""Write the golden values anew: ``python tests/golden/regenerate.py``.

A change here means that the same seed gives other numbers; it demands a line under Numerics in CHANGELOG.md.
"""

import json
from pathlib import Path

import numpy as np
import xarray as xr

from synmodel import simulation
from synmodel.imaging import summarise
from synmodel.scenario import load
from synmodel.turnover import TurnoverModel, moments, simulate

PATH = Path(__file__).with_name("seeded.json")
MODEL = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
DRIVE = xr.Dataset({"formation": ("time", [2.5, 1.0])}, {"time": [0.0, 4.0]})
DESIGN = {"initial": {"nascent": 2, "mature": 35}, "times": [-3, -1, 1, 3, 34], "drive": DRIVE}


def values() -> dict[str, object]:
    """Counts are exact for ever; means of statistics are compared with a tolerance."""
    golden: dict[str, object] = {}
    for engine in ("sessions", "events", "coupled"):
        out = simulate(MODEL, replicates=4, dendrites=2, seed=20, engine=engine, **DESIGN)
        golden[f"{engine} count"] = out["count"].to_numpy().tolist()
        golden[f"{engine} gained"] = out["gained"].to_numpy().tolist()
    golden["moments"] = moments(MODEL, **DESIGN)["count_mean"].to_numpy().tolist()
    for name in ("psilocybin-mouse", "ketamine-mouse-single"):
        drive = simulation.drive_of(load(name))
        at = np.searchsorted(drive["time"].to_numpy(), [0.5, 3.0, 7.0])
        golden[f"{name} formation"] = drive["formation"].to_numpy()[at].tolist()
    seen = simulation.simulate("psilocybin-mouse", replicates=3, seed=20)
    golden["scored counts"] = seen["spine_count"].to_numpy()[0, 0].tolist()
    golden["summary"] = summarise(seen)["mean"].to_numpy()[0].tolist()
    return golden


if __name__ == "__main__":
    PATH.write_text(json.dumps(values(), indent=1) + "\n")
