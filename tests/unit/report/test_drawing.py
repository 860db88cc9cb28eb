"""What makes drawing fast changes no byte of a figure, and nothing for others who draw in the process."""

import subprocess
import sys

import numpy as np

from synmodel.report import style


def figure():
    with style.style():
        made, axes = style.panels(2, 2, size=(5, 4), sharex=True)
        for one, factor in zip(axes.ravel(), (1.0, 30.0, 1e3, 1e-3), strict=True):
            one.plot([0, 7, 34], np.array([1.0, 3.0, 2.0]) * factor, label="spines")
            one.set(ylabel="spines", title="one")
            one.legend()
        made.align_ylabels()
    return made


def test_both_files_are_those_that_are_written_one_by_one(tmp_path):
    style.save_both(figure(), tmp_path / "both", {"seed": "1"})
    for ending in (".png", ".svg"):
        style.save(figure(), tmp_path / f"one{ending}", {"seed": "1"})
        assert (tmp_path / f"both{ending}").read_bytes() == (tmp_path / f"one{ending}").read_bytes()


LOADED = """
import sys
from synmodel.cli.loading import drawing_meanwhile, without_units

without_units()
import xarray as xr
assert float(xr.Dataset({"x": ("t", [1.0])}, {"t": [0.0]})["x"].sum()) == 1.0
assert "pint" not in sys.modules
import pint
assert pint.UnitRegistry()("1 um").magnitude == 1
with drawing_meanwhile():
    pass
assert "matplotlib.figure" in sys.modules
"""


def test_commands_load_less_and_leave_libraries_as_they_are():
    subprocess.run([sys.executable, "-c", LOADED], check=True, timeout=120)
