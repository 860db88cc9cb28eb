"""What makes drawing fast changes no byte of a figure, and nothing for others who draw in the process."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from synmodel import library
from synmodel.pharmacology import load_compound
from synmodel.report import drawing, style


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


FIGURE = """
import os
import time
from pathlib import Path

from synmodel import library
from synmodel.report import style

HERE = Path(__file__).parent
APART = os.getpid() != OF_THE_COMMAND
if APART:
    (HERE / "ready").write_text(str(os.getpid()))


def plain(values, name):
    (HERE / "drawn").write_text(str(os.getpid()))
    with style.style():
        figure, ((axes,),) = style.panels(1, 1, size=(3, 2))
        axes.plot(values, label=name if name in library.names("compounds") else "unknown")
        axes.set_title("\\n".join(axes.get_legend_handles_labels()[1]))
    return figure


def broken(values, name):
    if APART:
        raise ValueError
    return plain(values, name)


def stalled(values, name):
    if APART:
        time.sleep(600)
    return plain(values, name)


def killed(values, name):
    if APART:
        os._exit(0)
    return plain(values, name)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "of_drawing.py").write_text(FIGURE.replace("OF_THE_COMMAND", str(os.getpid())))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(drawing, "_cores", lambda: 2)
    yield tmp_path
    sys.modules.pop("of_drawing", None)


def read_when_there(path):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise TimeoutError(path)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def drawn(folder, function, name="ketamine"):
    """The files that are written by way of another process, and the number of the process that drew."""
    with drawing.begun(f"of_drawing:{function}"):
        figure = drawing.drawing_of(f"of_drawing:{function}")
        figure.begin(np.arange(4.0), name, entries={"seed": "1"})
        figure.write(folder / "apart")
    return [(folder / f"apart{ending}").read_bytes() for ending in (".png", ".svg")], (folder / "drawn").read_text()


def drawn_here(folder, name="ketamine"):
    figure = drawing.drawing_of("of_drawing:plain")
    figure.begin(np.arange(4.0), name, entries={"seed": "1"})
    figure.write(folder / "here")
    return [(folder / f"here{ending}").read_bytes() for ending in (".png", ".svg")]


def test_a_process_of_its_own_draws_the_same_files(module):
    files, process = drawn(module, "plain")
    assert process != str(os.getpid())
    assert files == drawn_here(module)


@pytest.mark.parametrize("function", ["broken", "killed", "stalled"])
def test_where_it_fails_the_command_draws(module, function, monkeypatch):
    if function == "stalled":
        monkeypatch.setattr(drawing, "_PATIENCE", 5.0)
    files, process = drawn(module, function)
    assert process == str(os.getpid())
    assert files == drawn_here(module)


def test_it_has_the_entries_of_ones_own(module):
    mine = load_compound("ketamine").model_copy(update={"name": "mine"})
    with library.using(entries=[mine]):
        files, process = drawn(module, "plain", "mine")
        assert process != str(os.getpid())
        assert files == drawn_here(module, "mine")
    assert files != drawn_here(module, "mine")


def test_where_one_thread_is_asked_for_there_is_no_other_process(module, monkeypatch):
    monkeypatch.undo()
    monkeypatch.syspath_prepend(module)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    _, process = drawn(module, "plain")
    assert process == str(os.getpid())
    assert not (module / "ready").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_is_the_commands_affair_which_ends_the_process(module):
    def interrupted():
        with drawing.begun("of_drawing:plain"):
            process = int(read_when_there(module / "ready"))
            os.kill(process, signal.SIGINT)
            figure = drawing.drawing_of("of_drawing:plain")
            figure.begin(np.arange(4.0), "ketamine", entries={})
            assert read_when_there(module / "drawn") == str(process)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not is_alive(int((module / "ready").read_text()))


ABANDONED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from synmodel.report import drawing
drawing._cores = lambda: 2
with drawing.begun("of_drawing:plain"):
    while not os.path.exists(sys.argv[1] + "/ready"):
        pass
    os._exit(1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_process_does_not_outlive_the_command(module):
    subprocess.run([sys.executable, "-c", ABANDONED, str(module)], check=False, timeout=120)
    process, until = int(read_when_there(module / "ready")), time.monotonic() + 30
    while is_alive(process) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(process)
