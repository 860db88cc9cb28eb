"""A study of a folder is fitted as an embedded one is; a folder that cannot be used is one line."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from synmodel import library
from synmodel.cli import main
from synmodel.core.errors import FitError, LibraryError, SynmodelError
from synmodel.inference import fit_summaries, joint_problem
from synmodel.inference.summaries.folders import fitted_studies, given_study
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.readings import READINGS, readings_of
from synmodel.inference.summaries.summary_fit import settled_parameters
from synmodel.library.parameters import default_parameters


def made(folder, study="shao2021", name="mine", edit=None, table=None):
    """An embedded study under another name, its document and its table edited."""
    folder.mkdir(exist_ok=True)
    text = library.path_of("studies", study).read_text().replace(f'name = "{study}"', f'name = "{name}"')
    (folder / "study.toml").write_text(edit(text) if edit else text)
    rows = pd.read_csv(library.summaries_path())
    rows = rows[rows["study"] == study].drop(columns="study").reset_index(drop=True)
    (table(rows) if table else rows).to_csv(folder / "summaries.csv", index=False)
    return folder


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["synmodel", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return made(tmp_path_factory.mktemp("studies") / "mine")


def test_a_copied_study_has_the_estimates_of_the_embedded_one(mine):
    embedded = fit_summaries(studies=("shao2021",), seed=1, starts=1)
    given = fit_summaries(studies=(given_study(mine),), seed=1, starts=1)
    own = {name for name in embedded.problem.free if name.startswith("shao2021.")}
    assert len(own) > 10
    names = [name.replace("shao2021.", "mine.") if name in own else name for name in embedded.problem.free]
    assert given.problem.free == names
    np.testing.assert_allclose(given.vector, embedded.vector, rtol=1e-6, atol=1e-8)
    assert given.objective == pytest.approx(embedded.objective)
    assert given.chi2("mine") == pytest.approx(embedded.chi2("shao2021"))


def test_a_study_with_another_tissue_settles_at_its_own(tmp_path):
    """The correlation of its means is that at its own rates, not at those of the study whose priors it has."""
    study = "shaoliao2025_pt"
    given = given_study(made(tmp_path / "pt", study))
    embedded = fit_summaries(studies=(study,), seed=1, starts=1)
    begun = settled_parameters((given,), seed=1, starts=1)
    settled = fit_summaries(studies=(given,), parameters=begun, seed=1, starts=1)
    sd = np.sqrt(np.diag(embedded.covariance))
    away = np.abs(settled.vector - embedded.vector) / sd
    once = np.abs(fit_summaries(studies=(given,), seed=1, starts=1).vector - embedded.vector) / sd
    assert away.max() < 0.15
    assert once.max() > 1.5 * away.max()
    assert begun is not None
    assert {name for name in begun if name not in default_parameters()} >= {"mine.formation", "mine.miss"}
    assert all(begun.value(name) == parameter.value for name, parameter in default_parameters().items())
    assert settled_parameters(("shao2021",)) is None


def test_names_and_folders(mine, monkeypatch):
    (alone,) = (each for each in fitted_studies([mine], STUDIES) if not isinstance(each, str))
    assert alone.study.name == "mine"
    assert fitted_studies([str(mine), mine], STUDIES)[:-1] == STUDIES
    assert fitted_studies(["shao2021", mine, "shao2021"], STUDIES)[:-1] == ("shao2021",)
    assert fitted_studies(["shao2021"], STUDIES) == ("shao2021",)
    monkeypatch.chdir(mine.parent)
    (mine.parent / "shao2021").mkdir()
    assert fitted_studies(["shao2021"], STUDIES) == ("shao2021",), "a name of the library comes first"
    assert len(fitted_studies(["mine", "shao2021"], STUDIES)) == 2
    problem = joint_problem(fitted_studies(["shao2021", mine], STUDIES))
    assert problem.studies == ["shao2021", "mine"]
    assert {target.study.name for target in problem.arms} == {"shao2021", "mine"}


def test_means_that_are_planned_are_left_out(tmp_path):
    def planned(rows):
        later = rows["end_day"] == 7
        rows.loc[later & (rows["arm"] == "psilocybin"), ["mean", "sem_dendrite", "mouse_mean", "mouse_sem"]] = np.nan
        return rows

    whole, part = given_study(made(tmp_path / "a")), given_study(made(tmp_path / "b", table=planned))
    days = {target.arm.name: [means.end.tolist() for means in target.means] for target in part.targets}
    assert all(7 not in each for each in days["psilocybin"])
    assert 7 in days["saline"][0]
    n_part, n_whole = (sum(len(m.at) for t in each.targets for m in t.means) for each in (part, whole))
    assert n_part == n_whole - 4
    problem = joint_problem([part])
    assert np.isfinite(problem.residuals(problem.start())).all()


def test_pulses_are_left_out_where_they_know_no_effect(tmp_path):
    def other(text):
        return text.replace('compound = "ketamine", amount = 10', 'compound = "MK-801", amount = 0.1')

    given = given_study(made(tmp_path / "mk", "phoumthipphavong2016", edit=other))
    readings, notes = readings_of(READINGS.values(), ["shao2021", given])
    assert {reading.drive for reading in readings} == {"mechanism"}
    assert notes == ["no pulse is fitted: pulses have no effect sizes for MK-801"]
    more = given_study(
        made(tmp_path / "more", edit=lambda text: text.replace('"psilocybin", amount = 1', '"psilocybin", amount = 3'))
    )
    readings, notes = readings_of(READINGS.values(), ["shao2021", more])
    assert len(readings) == len(READINGS)
    assert notes == ["pulses take all doses of psilocybin as one: 1 mg/kg i.p., 3 mg/kg i.p."]
    assert readings_of(READINGS.values(), STUDIES)[1] == []


def missing_sem(rows):
    rows.loc[(rows["quantity"] == "formation_fraction") & (rows["end_day"] == 1), "sem_dendrite"] = np.nan
    return rows


def nothing_seen(rows):
    rows.loc[rows["quantity"] != "baseline_density_per_um", "mean"] = np.nan
    return rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": lambda rows: rows.rename(columns={"sem_dendrite": "sem"})}, "has no column sem_dendrite"),
        ({"table": lambda rows: rows.assign(arm="other")}, "has no arm 'other'"),
        ({"table": lambda rows: rows.assign(arm=["", *rows["arm"][1:]])}, "line 2: arm is empty; give the name"),
        ({"table": missing_sem}, "formation_fraction on day 1 has a mean and no sem_dendrite"),
        ({"table": nothing_seen}, "no mean was seen yet"),
        ({"edit": lambda text: text.replace('compound = "psilocybin"', 'compound = "psilocibin"')},
         "compound is 'psilocibin': did you mean 'psilocybin'"),
        ({"edit": lambda text: text.replace('control = "saline"', 'control = "vehicle"')}, "has no arm 'vehicle'"),
        ({"name": "shao2021"}, "is 'shao2021', which is an embedded study; give it a name of its own"),
        ({"name": "cascade"}, "has parameters of its own in the library"),
        ({"name": "my.lab"}, "a name is of letters, digits, - and _"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_one_line(monkeypatch, capsys, tmp_path, change, message):
    folder = made(tmp_path / "study", **change)
    assert run(monkeypatch, "fit", "--study", folder, "--out", tmp_path / "out", "--quiet") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.startswith("synmodel: ")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_names_that_are_none(tmp_path, mine):
    with pytest.raises(LibraryError, match=r"no study 'shao', and no folder has this name; did you mean 'shao2021'\?"):
        fitted_studies(["shao"], STUDIES)
    with pytest.raises(SynmodelError, match=r"nowhere has no study.toml; give a folder with study.toml"):
        fitted_studies([tmp_path / "nowhere"], STUDIES)
    with pytest.raises(FitError, match="study 'mine' is given in two folders"):
        fitted_studies([mine, made(tmp_path / "again")], STUDIES)


@pytest.mark.slow
def test_the_command_line_fits_a_folder(monkeypatch, mine, tmp_path):
    arguments = ("fit", "--study", mine, "--study", "shaoliao2025_ko", "--out", tmp_path / "out", "--quiet", "--json")
    assert run(monkeypatch, *arguments) in (0, None)
    document = json.loads((tmp_path / "out" / "fit.json").read_text())
    assert list(document["fits"]) == ["shaoliao2025_ko", "mine"]
    assert document["fits"]["mine"]["n_points"] == 66
    assert len(document["readings"]) == 5
    assert document["notes"] == []
