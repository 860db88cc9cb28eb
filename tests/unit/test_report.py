"""Reports: tables, documents and files say what the data say, whatever characters these hold."""

import errno
import os
import re
import tomllib
from dataclasses import replace
from math import exp
from pathlib import Path

import pytest
from rich.console import Console

from synmodel.imaging import summarise
from synmodel.parameters import Prior, default_parameters
from synmodel.report import documents, figures, files, tables
from synmodel.report.simulation_figure import simulation_figure
from synmodel.scenario import loads
from synmodel.simulation import simulate
from synmodel.workflows import Comparison


def printed(made):
    """The tables as text, with runs of white space as one blank."""
    console = Console(width=200, record=True, quiet=False, file=None)
    with console.capture() as capture:
        for table in made:
            console.print(table)
    return re.sub(r"\s+", " ", capture.get())


def test_square_brackets_are_printed():
    """Rich takes [words] in a plain string for markup."""
    entry = {"half_life": {"value": 3, "unit": "[h]", "status": "measured", "source": "x", "seen": "verified"}}
    text = printed(tables.entry_tables("compounds", "a[/b]", {"note": "[bold]", **entry}))
    for words in ("a[/b] (compounds)", "[bold]", "[h]", "x [verified]"):
        assert words in text


def test_a_scenario_may_have_brackets_in_its_name():
    document = {"scenario": {"name": "mine [/b]"}, "replicates": 3, "summary": []}
    assert "mine [/b]: mean of 3 simulated experiments" in printed(tables.simulation_tables(document))


def test_the_decay_of_effects_keeps_its_unit():
    document = {"fits": {}, "drugs": {"ketamine": {}}, "parameters": {}, "notes": ["[note]"]}
    text = printed(tables.comparison_tables(document))
    assert "decay of these effects [day]" in text
    assert "- [note]" in text


def test_a_comparison_says_which_effects_are_not_identified(fit):
    """The cheap rule names the effects that profiles of the likelihood call flat or one-sided, see docs/fit.md."""
    document = documents.comparison_document(Comparison(fit, {}, {}, {}))
    notes = {name: entry["note"] for name, entry in document["parameters"].items() if "note" in entry}
    assert {name for name, note in notes.items() if "not identified" in note} == {
        "ketamine.maturation_fold", "ketamine.decay", "psilocybin.maturation_fold", "psilocybin.elimination_fold",
    }  # fmt: skip
    assert notes["ketamine.elimination_fold"] == "interval includes no effect"
    assert notes["ketamine.decay"] == "not identified"
    assert notes["ketamine.formation_fold"] == notes["psilocybin.formation_fold"] == notes["psilocybin.decay"] == ""
    assert set(notes) == {name for name in fit.problem.free if name.startswith(("ketamine.", "psilocybin."))}
    text = printed(tables.comparison_tables({**document, "drugs": {"ketamine": {}}}))
    assert "maturation 0.984 (0.431 to 2.25) not identified; interval includes no effect" in text
    assert "- not identified: the interval is wider than two thirds" in text


def test_an_interval_as_wide_as_the_prior_is_not_identified():
    fold = replace(default_parameters()["ketamine.formation_fold"], prior=Prior(1.0, 0.5))
    of_prior = 1.959964 * 0.5
    for share, words in ((0.65, ""), (0.68, "not identified")):
        assert documents.effect_note(fold, 3.0 * exp(-share * of_prior), 3.0 * exp(share * of_prior)) == words
    assert documents.effect_note(replace(fold, prior=None), 0.9, 1.1) == "interval includes no effect"


def texts_of(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("unit", ["mouse", "dendrite"])
def test_a_comparison_names_and_draws_its_unit_of_replication(fit, unit):
    problem = fit.problem
    before = problem.unit
    problem.unit = unit
    try:
        notes = " ".join(documents.comparison_document(Comparison(fit, {}, {}, {}))["notes"])
        figure = figures.comparison_figure(fit, {}, seed=1)
    finally:
        problem.unit = before
    other = {"mouse": "dendrite", "dendrite": "mouse"}[unit]
    assert f"rest on the {unit} as the unit of replication" in notes
    assert f"{unit} as unit" in texts_of(figure)
    assert f"{other} as unit" not in texts_of(figure)
    target = next(t for t in problem.arms if t.study.name == "phoumthipphavong2016" and t.arm.name == "saline")
    bars = figure.axes[0].containers[0].lines[2][0].get_segments()
    drawn = [(segment[1][1] - segment[0][1]) / 2 for segment in bars]
    assert drawn == pytest.approx(100 * target.turnover[0].sem(unit))


SCENARIO = """
name = "mine"
title = "$cost$ of [/b]"
baseline = "shao2021"
[[regimen.doses]]
compound = "{compound}"
amount = 1
route = "i.p."
repeat = 3
every_days = 2
[schedule]
sessions = {sessions}
[cohort]
animals = {animals}
dendrites_per_animal = 4
"""


def simulated(compound="psilocybin", sessions="[-3, -1, 1, 3, 5]", animals=3):
    plan = loads(SCENARIO.format(compound=compound, sessions=sessions, animals=animals))
    observations = simulate(plan, replicates=4, seed=1)
    return plan, documents.simulation_document(plan, observations, summarise(observations))


def drawn_bars(axes):
    segments = axes.containers[0].lines[2][0].get_segments()
    return [(segment[1][1] - segment[0][1]) / 2 for segment in segments]


@pytest.mark.parametrize(("animals", "sem"), [(3, "mouse_sem"), (1, "sem_dendrite")])
def test_a_simulation_is_drawn_as_it_is_written(animals, sem):
    plan, document = simulated(animals=animals)
    figure = simulation_figure(plan, document)
    figure.canvas.draw()
    quantities = ("formation_fraction", "elimination_fraction", "density_change")
    for axes, quantity in zip(figure.axes, quantities, strict=True):
        points = [entry for entry in document["summary"] if entry["quantity"] == quantity]
        container = axes.containers[0]
        assert container.lines[0].get_ydata() == pytest.approx([100 * point["mean"] for point in points])
        assert drawn_bars(axes) == pytest.approx([100 * point[sem] for point in points])
        middles = [point["end_day"] - (quantity != "density_change") for point in points]
        assert container.lines[0].get_xdata() == pytest.approx(middles)
        dotted = [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() == ":"]
        assert dotted == [0, 2, 4]
    assert "psilocybin 1 mg/kg i.p., 3 times every 2 d" in texts_of(figure)
    assert "$cost$ of [/b]" in texts_of(figure)


def test_a_vehicle_has_no_dotted_line_and_a_far_session_a_broken_axis():
    plan, document = simulated(compound="saline", sessions="[-3, -1, 1, 34]")
    figure = simulation_figure(plan, document)
    assert "no drug" in texts_of(figure)
    assert "//" in texts_of(figure)
    assert not [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]


def write_into(out, *names):
    with files.folder(out) as part:
        for name in names:
            (part / name).write_bytes(b"{}")


def test_a_folder_takes_all_files_or_none(tmp_path):
    for out in (tmp_path / "new" / "out", tmp_path):
        write_into(out, "a.json")
        assert (out / "a.json").read_text() == "{}"
    (tmp_path / "b.json").mkdir()
    (tmp_path / "a.json").write_text("before")
    with pytest.raises(files.OutputError, match=r"in which b.json is a folder; remove it or give another folder"):
        write_into(tmp_path, "a.json", "b.json")
    assert (tmp_path / "a.json").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json", "new"]


@pytest.mark.parametrize("moment", ["mkdir", "write_bytes", "replace"])
def test_a_fault_of_the_disk_is_one_line(tmp_path, monkeypatch, moment):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, moment, full)
    out = tmp_path / "out"
    with pytest.raises(files.OutputError, match=r"--out is .*out, which cannot .*No space"):
        write_into(out, "a.json")
    assert not out.exists() or list(out.iterdir()) == []


def test_provenance_is_a_comment():
    text = files.commented("a = 1\n", {"seed": "1", "libraries": "numpy 2"})
    assert text.startswith("# seed: 1; libraries: numpy 2\n")
    assert tomllib.loads(text) == {"a": 1}
