"""The sweep verb: what it writes and says, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import command_line
import pytest
import xarray as xr

from synmodel.analysis.sweeps import open_sweep
from synmodel.cli.output import _SECONDS_BETWEEN_LINES, _clock, _Lines, _to_stderr
from synmodel.scenario import load

pytestmark = pytest.mark.heavy

SMALL = load("ketamine-mouse-single").updated(
    cohort={"animals": 1, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]}
)
GRID = """
name = "mine"
scenarios = ["small.toml"]
replicates = {replicates}
[grid]
"scenario.regimen.doses[0].amount" = {amounts}
"""
SALTELLI = """
name = "mine"
scenarios = ["small.toml"]
replicates = 3
quantities = ["formation_fraction"]
[sample]
method = "saltelli"
points = 4
[sample.ranges]
"scenario.regimen.doses[0].amount" = { low = 1, high = 30, scale = "log" }
"phoumthipphavong2016.loss_nascent" = { low = 0.5, high = 2.0 }
"""


@pytest.fixture
def document(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.to_toml())

    def write(text):
        (tmp_path / "mine.toml").write_text(text)
        return tmp_path / "mine.toml"

    return write


def run(capsys, monkeypatch, *arguments):
    """Exit status, stdout and stderr of the command."""
    return command_line.run(capsys, monkeypatch, "sweep", *arguments)


def test_a_sweep_is_written_and_told(document, tmp_path, capsys, monkeypatch):
    path = document(GRID.format(replicates=3, amounts=[1, 10]))
    status, out, err = run(capsys, monkeypatch, path, "--out", tmp_path / "out")
    assert status == 0
    assert "mine: 2 cells (grid), 3 simulated experiments each" in out
    assert "Lowest and highest cell minus control" in out
    assert "amount 10" in out
    assert "simulating experiments: 6 of 6, took" in err
    written = {"expected.nc", "plan.json", "summary.json", "sweep.zarr"}
    assert command_line.names_in(tmp_path / "out") == written
    with xr.open_dataset(tmp_path / "out" / "expected.nc", engine="h5netcdf") as exact:
        gained = exact.isel(scenario=0).sel(amount=10.0, point=exact["quantity"] == "formation_fraction")
        assert (gained["contrast_low"][1:] < gained["contrast_high"][1:]).all()
        assert exact.attrs["draws"] == 100
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["factors"] == [
        {"name": "amount", "path": "scenario.regimen.doses[0].amount", "unit": "mg/kg", "n": 2, "low": 1, "high": 10}
    ]
    with open_sweep(tmp_path / "out") as result:
        means = result["contrast_mean"].to_numpy()[0]
        for point, entry in enumerate(summary["extremes"]):
            assert entry["highest"]["value"] == means[:, point].max()
        assert summary["provenance"]["seed"] == result.attrs["seed"] == "1"
    before = (tmp_path / "out" / "summary.json").read_bytes()
    status, out, err = run(capsys, monkeypatch, path, "--out", tmp_path / "out", "--json", "--netcdf")
    assert (status, err) == (0, "")
    assert json.loads(out) == summary
    assert (tmp_path / "out" / "summary.json").read_bytes() == before
    assert (tmp_path / "out" / "sweep.nc").exists()


def test_sobol_indices_are_written(document, tmp_path, capsys, monkeypatch):
    status, out, err = run(
        capsys, monkeypatch, document(SALTELLI), "--out", tmp_path / "out", "--quiet", "--draws", "0"
    )
    assert (status, err) == (0, "")
    assert "Sobol indices (95 % interval)" in out
    assert "loss_nascent" in out
    assert (tmp_path / "out" / "sobol.nc").exists()


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (GRID.format(replicates=0, amounts=[1]), [], "mine.toml: sweep.replicates is 0"),
        (GRID.format(replicates=1, amounts=[-1]), [], "amount = -1): scenario.regimen.doses[0].amount is -1"),
        (GRID.format(replicates=1, amounts=[1]), ["--workers", "2"], "workers is 2"),
        (GRID.format(replicates=1, amounts=[1]), ["--scheduler", "locl"], "scheduler is 'locl'"),
    ],
)
def test_bad_input_is_one_line(document, tmp_path, capsys, monkeypatch, text, options, expected):
    status, out, err = run(capsys, monkeypatch, document(text), "--out", tmp_path / "out", *options)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert expected in err


def test_a_parameter_of_another_study_is_refused(document, tmp_path, capsys, monkeypatch):
    text = GRID.format(replicates=1, amounts=[1]).replace("scenario.regimen.doses[0].amount", "shao2021.loss_nascent")
    status, _, err = run(capsys, monkeypatch, document(text), "--out", tmp_path / "out")
    assert status == 2
    assert "shao2021.loss_nascent changes nothing, as no scenario has the baseline shao2021" in err
    assert "vary phoumthipphavong2016.loss_nascent" in err


def test_cells_that_fail_are_named_with_the_reason(document, tmp_path, capsys, monkeypatch):
    text = GRID.format(replicates=1, amounts=[0.02, 1.0])
    text = text.replace("scenario.regimen.doses[0].amount", "phoumthipphavong2016.formation")
    status, out, _ = run(capsys, monkeypatch, document(text), "--out", tmp_path / "out", "--quiet")
    assert status == 0
    assert "Cells that cannot be simulated (1 of 1)" in out
    (failure,) = json.loads((tmp_path / "out" / "summary.json").read_text())["failures"]
    assert "phoumthipphavong2016.formation = 1.0" in failure["cell"]
    assert failure["reason"]


def test_results_of_a_scenario_are_not_replaced(document, tmp_path, capsys, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary.json").write_text('{"provenance": {"scenario": "small"}}')
    path = document(GRID.format(replicates=1, amounts=[1]))
    status, _, err = run(capsys, monkeypatch, path, "--out", tmp_path / "out")
    assert status == 2
    assert "holds results of the scenario 'small'; give another folder" in err
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_an_unknown_sweep_is_one_line(capsys, monkeypatch):
    status, _, err = run(capsys, monkeypatch, "ketamine-dose-intervl")
    assert status == 2
    assert "the library has no sweep 'ketamine-dose-intervl'; did you mean 'ketamine-dose-interval'?" in err


def test_another_plan_is_refused(document, tmp_path, capsys, monkeypatch):
    path = document(GRID.format(replicates=2, amounts=[1, 10]))
    assert run(capsys, monkeypatch, path, "--out", tmp_path / "out", "--quiet")[0] == 0
    document(GRID.format(replicates=3, amounts=[1, 10]))
    status, _, err = run(capsys, monkeypatch, path, "--out", tmp_path / "out", "--quiet")
    assert status == 2
    assert "holds another sweep (other replicates)" in err


def test_an_interrupt_says_how_to_go_on(document, tmp_path):
    path = document(GRID.format(replicates=300, amounts=list(range(1, 41))))
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-m", "synmodel", "sweep", str(path), "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    journal = out / "cells.journal"
    while not (journal.exists() and journal.stat().st_size):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    printed, error = child.communicate(timeout=60)
    assert child.returncode == 130
    assert printed == ""
    assert error.splitlines()[-1].startswith("synmodel: interrupted")
    assert "Traceback" not in error
    assert not (out / "sweep.zarr").exists()


def test_lines_of_progress_are_few(capsys, monkeypatch):
    clock = iter([0.0, 10.0, 31.0, 40.0, 80.0])
    monkeypatch.setattr("synmodel.cli.output.time.monotonic", lambda: next(clock))
    lines = _Lines(_to_stderr, _SECONDS_BETWEEN_LINES)
    for done in (100, 110, 131, 140, 180):
        lines("sweeping", done, 180)
    assert capsys.readouterr().err.splitlines() == [
        "synmodel: sweeping: 100 of 180",
        "synmodel: sweeping: 131 of 180, 0:00:49 left",
        "synmodel: sweeping: 180 of 180, took 0:01:20",
    ]
    assert _clock(3725.4) == "1:02:05"


@pytest.mark.parametrize("words", ["", "{", '{"zarr_format": 2, "shape": [1e400', "[]"])
def test_a_store_that_cannot_be_read_is_one_line(document, tmp_path, capsys, monkeypatch, words):
    """Without a manifest, as an earlier version wrote it: with one it is refused before it is opened."""
    command = (document(GRID.format(replicates=2, amounts=[1])), "--out", tmp_path / "out", "--draws", "0", "--quiet")
    assert run(capsys, monkeypatch, *command)[0] == 0
    (tmp_path / "out" / "sweep.zarr" / ".zmetadata").write_text(words)
    assert "is not as it was written" in run(capsys, monkeypatch, *command)[2]
    (tmp_path / "out" / ".manifest.json").unlink()
    status, _, said = run(capsys, monkeypatch, *command)
    assert status == 2
    assert said.count("\n") == 1
    assert "delete it and run the sweep again" in said


def test_intervals_that_cannot_be_read_are_made_anew(document, tmp_path, capsys, monkeypatch):
    command = (document(GRID.format(replicates=2, amounts=[1])), "--out", tmp_path / "out", "--draws", "5", "--quiet")
    assert run(capsys, monkeypatch, *command)[0] == 0
    made = (tmp_path / "out" / "expected.nc").read_bytes()
    (tmp_path / "out" / "expected.nc").write_bytes(made[:1000])
    (tmp_path / "out" / ".manifest.json").unlink()
    assert run(capsys, monkeypatch, *command)[0] == 0
    assert (tmp_path / "out" / "expected.nc").read_bytes() == made
