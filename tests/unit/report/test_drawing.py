"""What makes drawing fast changes no byte of a figure, and nothing for others who draw in the process."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.axis import Axis

from synmodel.report import style, ticks


def figure_of(scale):
    with style.style():
        figure, axes = style.panels(2, 2, size=(5, 4), sharex=True)
        for one, factor in zip(axes.ravel(), (1.0, 30.0, 1e3, 1e-3), strict=True):
            one.plot([0, 7, 34], np.array([1.0, 3.0, 2.0]) * factor, label="spines")
            one.set(yscale=scale, ylabel="spines", title="one")
            one.legend()
        figure.align_ylabels()
    return figure


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_remembered_ticks_are_those_of_matplotlib(scale, tmp_path, monkeypatch):
    style.save_both(figure_of(scale), tmp_path / "fast", {"seed": "1"})
    monkeypatch.setattr(ticks, "_METHODS", ("_not_there",))
    for ending in (".png", ".svg"):
        style.save(figure_of(scale), tmp_path / f"plain{ending}", {"seed": "1"})
        assert (tmp_path / f"fast{ending}").read_bytes() == (tmp_path / f"plain{ending}").read_bytes()


def test_ticks_are_looked_for_once_for_a_size_and_range(monkeypatch):
    asked = []
    true = Axis._update_ticks
    monkeypatch.setattr(Axis, "_update_ticks", lambda axis: asked.append(axis) or true(axis))
    figure = figure_of("linear")
    axes = figure.axes[0]
    with ticks.remembered_ticks(figure):
        first = axes.xaxis._update_ticks()
        assert axes.xaxis._update_ticks() is first
        axes.set_xlim(0, 7)
        assert axes.xaxis._update_ticks() is not first
        figure.dpi *= 2
        axes.xaxis._update_ticks()
    assert len(asked) == 3
    assert "_update_ticks" not in vars(axes.xaxis)


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
import matplotlib.artist
from matplotlib.lines import Line2D
assert len(Line2D.set.__doc__) < 1000 < len(matplotlib.artist.kwdoc(Line2D))
"""


def test_commands_load_less_and_leave_libraries_as_they_are():
    subprocess.run([sys.executable, "-c", LOADED], check=True, timeout=120)
