"""Reports: tables, documents and files say what the data say, whatever characters these hold."""

import errno
import os
import re
import tomllib
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from command_line import names_in
from rich.console import Console

from synmodel.analysis.caveats import notes_of
from synmodel.analysis.comparison import contrasts, paired
from synmodel.analysis.embedded import embedded_arms
from synmodel.analysis.simulated import simulate_scenario
from synmodel.analysis.sweeps import changed
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.analysis.workflows import Comparison
from synmodel.imaging import summarise
from synmodel.inference.summaries.evidence import ReadingFit, laplace_evidence
from synmodel.inference.summaries.readings import Reading
from synmodel.report import documents, figures, files, tables
from synmodel.report.simulation_figure import simulation_figure
from synmodel.scenario import load, loads
from synmodel.simulation import simulate

pytestmark = pytest.mark.heavy


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
    document = {"scenario": {"name": "mine [/b]"}, "replicates": 3, "engine": "events", "notes": ["[note]"]}
    document |= {"summary": [], "control": [], "expected": []}
    text = printed(tables.simulation_tables(document))
    assert "mine [/b]: mean of 3 simulated experiments" in text
    assert "Read with care - [note]" in text
    assert "Read with care" not in printed(tables.simulation_tables({**document, "notes": []}))


@pytest.fixture(scope="module")
def comparison(fit):
    """A comparison that rests on the fit itself, with few draws."""
    made = {drug: contrasts(fit, drug, draws=60, seed=1) for drug in embedded_arms()}
    tables_of = {drug: table for drug, (table, _) in made.items()}
    simulated = {
        drug: paired(drug, fit.in_library(shown.study, drug), replicates=20, seed=1)
        for drug, shown in embedded_arms().items()
    }
    entries = [ReadingFit(Reading(), fit, laplace_evidence(fit)).document("fitted")]
    curves = {drug: curve for drug, (_, curve) in made.items()}
    return Comparison(fit, fit, tables_of, curves, simulated, entries, tables_of)


def test_a_comparison_says_what_is_identified_and_what_it_rests_on(comparison):
    document = documents.comparison_document(comparison)
    assert document["drive"] == "mechanistic"
    assert set(document["fits"]) == set(comparison.fit.problem.studies)
    assert set(document["readings"][0]) == {
        "name", "drive", "n_parameters", "minus_2_log_likelihood", "aic", "log_evidence", "note"
    }  # fmt: skip
    notes = {name: entry["note"] for name, entry in document["parameters"].items()}
    assert notes["cascade.stabilisation_gain"] != "not identified"
    assert notes["cascade.formation_max"] == "not identified"
    text = printed(tables.comparison_tables(document))
    for words in ("formation at its highest", "elimination at its lowest", "pulse", "ln evidence", "not identified"):
        assert words in text
    assert "the Gaussian approximation of the fit" in text


def texts_of(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_a_comparison_is_drawn_with_its_unit_of_replication(comparison):
    figure = figures.comparison_figure(comparison.source, comparison.curves, seed=1)
    assert "mouse as unit" in texts_of(figure)
    target = next(
        t for t in comparison.fit.problem.arms if (t.study.name, t.arm.name) == ("phoumthipphavong2016", "saline")
    )
    bars = figure.axes[4].containers[0].lines[2][0].get_segments()
    drawn = [(segment[1][1] - segment[0][1]) / 2 for segment in bars]
    assert drawn == pytest.approx(100 * target.turnover[0].sem("mouse"))


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
    return plan, documents.simulation_document(plan, simulate_scenario(plan, replicates=4, seed=1))


def drawn_bars(axes):
    segments = axes.containers[0].lines[2][0].get_segments()
    return [(segment[1][1] - segment[0][1]) / 2 for segment in segments]


def test_means_over_experiments_leave_out_what_is_not_known():
    mean = np.array([[0.1, 0.3, np.nan], [np.nan] * 3, [0.2, 0.7, 0.4]])
    summary = xr.Dataset(
        {name: (("replicate", "point"), mean.T) for name in ("mean", "sem_dendrite", "mouse_sem")},
        {"quantity": ("point", ["a", "b", "c"]), "start_day": ("point", [0, 1, 2]), "end_day": ("point", [1, 2, 3])},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a range of nothing
        entries = documents._summary_entries(summary)
    for entry, known in zip(entries, summary["mean"].mean("replicate").to_numpy(), strict=True):
        np.testing.assert_array_equal([entry[name] for name in ("mean", "sem_dendrite", "mouse_sem")], [known] * 3)
    assert [entry["end_day"] for entry in entries] == [1.0, 2.0, 3.0]


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
    assert "grey" not in texts_of(figure)
    assert document["control"] == []
    assert [len(axes.containers) for axes in figure.axes] == [1, 1, 1]
    assert not [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]


def test_a_drug_is_drawn_beside_the_same_animals_without_it():
    plan, document = simulated()
    alone = summarise(simulate(without_doses(plan), replicates=4, seed=1))["mean"].mean("replicate")
    assert [entry["mean"] for entry in document["control"]] == pytest.approx(alone.values)
    figure = simulation_figure(plan, document)
    assert "grey, open: the same animals without doses" in texts_of(figure)
    for axes, quantity in zip(
        figure.axes, ("formation_fraction", "elimination_fraction", "density_change"), strict=True
    ):
        drug, control = axes.containers
        expected = [100 * entry["mean"] for entry in document["control"] if entry["quantity"] == quantity]
        assert control.lines[0].get_ydata() == pytest.approx(expected)
        assert control.lines[0].get_color() == figures.GREY
        assert drug.lines[0].get_ydata()[0] == control.lines[0].get_ydata()[0], "before the dose they are the same"
    assert list(figure.axes[0].containers[0].lines[0].get_ydata()[1:]) != pytest.approx(
        list(figure.axes[0].containers[1].lines[0].get_ydata()[1:])
    )


@pytest.mark.parametrize("compound", ["esketamine", "ketanserin"])
def test_no_drug_is_as_grey_as_the_vehicle(compound):
    plan, document = simulated(compound=compound)
    drug, control = simulation_figure(plan, document).axes[0].containers
    assert drug.lines[0].get_color() != control.lines[0].get_color() == figures.GREY


def test_only_marks_that_are_drawn_are_explained():
    plan, document = simulated(sessions="[10, 11, 12]", animals=1)
    text = texts_of(simulation_figure(plan, document))
    assert "dotted" not in text
    assert "not within the sessions: psilocybin 1 mg/kg i.p., 3 times every 2 d" in text
    assert "bars: SEM over dendrites of one animal; band: 95 % of experiments" in text
    single = {
        **document,
        "replicates": 1,
        "summary": [{**e, "sem_dendrite": float("nan")} for e in document["summary"]],
    }
    text = texts_of(simulation_figure(plan, single))
    assert "points: one simulated experiment" in text
    assert "bars" not in text
    assert "band" not in text


def test_ticks_stand_at_all_sessions_and_labels_apart():
    plan, document = simulated(sessions="[-1, 0.04, 0.08, 0.25, 1, 5, 9, 60]")
    figure = simulation_figure(plan, document)
    figure.canvas.draw()
    axis = figure.axes[-1].xaxis
    assert list(axis.get_majorticklocs()) == list(plan.schedule.sessions)
    labels = [label for label in axis.get_ticklabels() if label.get_text()]
    assert [label.get_text() for label in (labels[0], labels[-1])] == ["\N{MINUS SIGN}1", "60"]
    boxes = [label.get_window_extent() for label in labels]
    assert len(boxes) < len(plan.schedule.sessions)
    for one, other in pairwise(boxes):
        assert one.x1 < other.x0
    assert "0.04 to 51 days apart" in texts_of(figure)


def test_two_drugs_are_named_at_their_doses():
    plan, document = simulated()
    both = changed(plan, {"scenario.regimen.doses": [*plan.model_dump()["regimen"]["doses"], KETAMINE]})
    names = [text for text in simulation_figure(both, document).axes[0].texts if text.get_text() == "ketamine"]
    assert [text.xy[0] for text in names] == [3]
    assert names[0].get_color() == figures.COLOURS["ketamine"]
    texts = [text.get_text() for text in simulation_figure(plan, document).axes[0].texts]
    assert "psilocybin" not in texts


KETAMINE = {"compound": "ketamine", "amount": 10, "route": "i.p.", "day": 3}
ONSET = "how fast formation rises within the first day of a dose is assumed: shao2021 has no session there"


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ({"regimen.doses[0].amount": 3}, "psilocybin 3 mg/kg i.p.: given in no arm of shao2021"),
        ({"regimen.doses[0].unit": "mg"}, "psilocybin 1 mg i.p.: given in no arm of shao2021"),
        ({"regimen.doses[0].route": "oral"}, "psilocybin 1 mg/kg oral: given in no arm of shao2021"),
        ({"regimen.doses[0].compound": "5-MeO-DMT"}, "5-MeO-DMT 1 mg/kg i.p.: given in no arm of shao2021"),
        ({"baseline": "phoumthipphavong2016"}, "psilocybin 1 mg/kg i.p.: given in no arm of phoumthipphavong2016"),
        ({"regimen.doses[0].repeat": 3}, "3 doses of psilocybin: no arm of shao2021 got as many"),
        ({"regimen.doses[1]": KETAMINE}, "ketamine and psilocybin were together in no arm"),
        ({"subject.species": "human", "regimen.doses[0].route": "oral"}, "the tissue is that of the mouse in shao2021"),
        ({"subject.stress": "restraint stress"}, "restraint stress: no arm of shao2021"),
        ({"subject.genotype": "val66met"}, "val66met: no arm of shao2021"),
        ({"schedule.sessions": [-1, 1, 60]}, "day 60: beyond the last session of shao2021 (day 34)"),
        ({"schedule.sessions": [-1, 1, 40, 60]}, "2 sessions from day 40 to 60: beyond the last session"),
        ({"schedule.sessions": [1, 3]}, "no session comes before the first dose (day 0)"),
    ],
)
def test_a_scenario_beyond_its_study_says_so(settings, note):
    embedded = load("psilocybin-mouse")
    assert notes_of(embedded) == [ONSET], "the arm of the study itself"
    doses = list(embedded.model_dump(mode="json")["regimen"]["doses"])
    if "regimen.doses[1]" in settings:
        settings = {"regimen.doses": [*doses, settings["regimen.doses[1]"]]}
    plan = changed(embedded, {f"scenario.{path}": value for path, value in settings.items()})
    assert sum(text.startswith(note) for text in notes_of(plan)) == 1
    assert all("\n" not in text for text in notes_of(plan))


def test_spines_that_go_without_a_drug_are_told():
    (note,) = (each for each in notes_of(load("ketamine-mouse-single")) if "without doses" in each)
    assert re.match(r"without doses these dendrites lose \d\d % of their spines by day 15", note)
    assert not any("without doses" in each for each in notes_of(load("psilocybin-mouse")))


@pytest.mark.parametrize("name", ["saline-mouse", "saline-mouse-2016", "saline-mouse-ketanserin"])
def test_an_arm_without_a_drug_that_acts_has_no_notes(name):
    assert notes_of(load(name)) == []
    assert len(notes_of(load(name).updated(schedule={"sessions": [-3, 1, 90]}))) == 1


def test_ketanserin_before_psilocybin_is_an_arm():
    assert notes_of(load("psilocybin-mouse-ketanserin")) == [ONSET]


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
    assert sorted(names_in(tmp_path)) == ["a.json", "b.json", "new"]


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
