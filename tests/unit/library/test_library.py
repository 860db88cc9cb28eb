"""Entries of one's own: folders and objects beside the library of the package, wherever a name is looked up."""

import json
import multiprocessing
import pickle
import re
import shutil
import tomllib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tomli_w
import xarray as xr
from command_line import run

from synmodel import library
from synmodel.analysis.caveats import notes_of
from synmodel.analysis.checked_library import check_entries
from synmodel.analysis.sweeps import plan_of
from synmodel.analysis.sweeps.work import compute, works_of
from synmodel.core.errors import DataError, LibraryError, ScenarioError, SynmodelError
from synmodel.data.studies import Study
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.readings import joint_problem
from synmodel.library.own import KINDS, Own
from synmodel.library.parameters import default_parameters
from synmodel.library.targets import Target
from synmodel.pharmacology import Compound, load_compound
from synmodel.pharmacology.compounds import Targets
from synmodel.scenario import Dose, Regimen, Scenario, Schedule, load, loads
from synmodel.scenario.conditions import Condition, load_condition
from synmodel.simulation import simulate
from synmodel.simulation.mechanism import drive_of

TEMPLATES = {"compound": "compounds", "condition": "conditions", "scenario": "scenarios", "target": "targets"}
SCENARIO = """
name = "mine"
baseline = "{baseline}"
[[regimen.doses]]
compound = "{compound}"
amount = 10
route = "i.p."
[schedule]
sessions = [-3, -1, 1, 3]
[cohort]
animals = 2
dendrites_per_animal = 3
"""


def scenario(compound="ketamine", baseline="shao2021"):
    return loads(SCENARIO.format(compound=compound, baseline=baseline))


def put(folder, kind, name, text):
    path = folder / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


def copied(folder, name, new, kind="compounds"):
    """A library folder with a copy of an entry of the package under another name."""
    text = library.path_of(kind, name).read_text().replace(f'name = "{name}"', f'name = "{new}"', 1)
    return put(folder, kind, f"{new}.toml", text)


def study_folder(folder, name="mine", parameters=True):
    """A library folder with a copy of the study shao2021."""
    copied(folder, "shao2021", name, "studies")
    (folder / "studies" / name).mkdir()
    shutil.move(folder / "studies" / f"{name}.toml", folder / "studies" / name / "study.toml")
    rows = pd.read_csv(library.summaries_path())
    rows[rows["study"] == "shao2021"].to_csv(folder / "studies" / name / "summaries.csv", index=False)
    if parameters:
        text = library.path_of("parameters", "shao2021").read_text().replace("[shao2021.", f"[{name}.")
        # A fit writes all parameters; only those of the study count.
        text += library.path_of("parameters", "mechanism").read_text()
        text += f'[{name}."effect_on.formation"]\nvalue = 1\n'
        put(folder, f"studies/{name}", "parameters.toml", text)
    return folder


def same_data(one, other):
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in one.data_vars)


# -- what is found ---------------------------------------------------------------------------------------------


def test_entries_are_there_while_they_are_used(tmp_path):
    copied(tmp_path / "a", "ketamine", "x")
    copied(tmp_path / "b", "rapamycin", "y", "conditions")
    before = default_parameters()
    with library.using(tmp_path / "a"):
        with library.using(tmp_path / "b"):
            assert "x" in library.names("compounds")
            assert "y" in library.names("conditions")
            assert load_condition("y").kind == "treatment"
        assert "y" not in library.names("conditions")
        assert library.place_of("compounds", "x") == str(tmp_path / "a" / "compounds" / "x.toml")
        assert library.place_of("compounds", "ketamine") is None
        assert default_parameters().value("x.mouse_half_life") == before.value("ketamine.mouse_half_life")
        assert library.kinds_of("x") == ["compounds"]
    assert default_parameters() is before
    assert "x" not in library.names("compounds", own=True)
    with pytest.raises(ScenarioError, match="compound is 'x'"):
        scenario("x")


def test_a_process_and_its_environment_have_a_library(tmp_path, monkeypatch):
    copied(tmp_path / "a", "ketamine", "x")
    copied(tmp_path / "b", "ketamine", "y")
    monkeypatch.setenv("SYNMODEL_LIBRARY", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert {"x", "y"} <= set(library.names("compounds"))
    copied(tmp_path / "c", "ketamine", "z")
    monkeypatch.setattr(library, "_of_process", {})
    library.use(tmp_path / "c")
    assert {"x", "y", "z"} <= set(library.names("compounds"))


def test_a_file_that_changed_is_another_library(tmp_path):
    """No answer of the old text is remembered for the new one."""
    path = copied(tmp_path, "ketamine", "x") / "compounds" / "x.toml"
    seen = []
    for value in (13, 26):
        path.write_text(re.sub("(?m)^value = (13|26)$", f"value = {value}", path.read_text(), count=1))
        with library.using(tmp_path):
            seen.append((default_parameters().value("x.mouse_half_life"), scenario("x").digest()))
    assert seen[1][0] == 2 * seen[0][0]
    assert seen[1][1] != seen[0][1]


# -- what is computed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("ketamine-mouse-single", "ketamine"),
        ("psilocybin-mouse", "psilocybin"),
        ("esketamine-human-label", "esketamine"),
        ("ketamine-mouse-ketanserin", "ketanserin"),
    ],
)
def test_a_copy_of_a_compound_gives_equal_bits(tmp_path, original, name):
    copied(tmp_path, name, "a copy")
    theirs = load(original)
    with library.using(tmp_path):
        document = theirs.model_dump(mode="json", exclude_none=True)
        for dose in document["regimen"]["doses"]:
            dose["compound"] = "a copy" if dose["compound"] == name else dose["compound"]
        mine = Scenario(**document)
        simulated = simulate(mine, replicates=2, seed=1)
        entries = mine.own_entries()
    wanted = simulate(theirs, replicates=2, seed=1)
    assert same_data(simulated, wanted)
    assert simulated.attrs["scenario_digest"] != wanted.attrs["scenario_digest"]
    assert list(entries) == ["compounds/a copy"]
    assert simulated.attrs["library_entries"] == f"compounds/a copy {entries['compounds/a copy']}"
    assert "library_entries" not in wanted.attrs


def test_entries_that_are_not_used_change_nothing(tmp_path):
    copied(tmp_path, "ketamine", "x")
    copied(tmp_path, "rapamycin", "y", "conditions")
    plan = scenario()
    wanted, problem = simulate(plan, replicates=2, seed=1), joint_problem(STUDIES[:1])
    with library.using(tmp_path):
        mine = simulate(plan, replicates=2, seed=1)
        assert joint_problem(STUDIES[:1]).reads == problem.reads
    assert same_data(mine, wanted)
    assert mine.attrs["scenario_digest"] == wanted.attrs["scenario_digest"]
    assert "library_entries" not in mine.attrs


def test_metabolites_and_conditions_are_behind_a_digest(tmp_path):
    copied(tmp_path, "norketamine", "metabolite")
    copied(tmp_path, "rapamycin", "y", "conditions")
    path = copied(tmp_path, "ketamine", "x") / "compounds" / "x.toml"
    path.write_text(path.read_text().replace('compound = "norketamine"', 'compound = "metabolite"'))
    with library.using(tmp_path):
        plan = scenario("x").updated(regimen=scenario("x").regimen.model_dump() | {"treatments": [{"name": "y"}]})
        assert set(plan.own_entries()) == {"compounds/x", "compounds/metabolite", "conditions/y"}
        assert (drive_of(plan)["formation"] == 1).all()  # a copy of rapamycin


def works(tmp_path):
    """Tasks for two cells that need a compound of a folder that is gone, and what each of their cells gives."""
    folder = copied(tmp_path / "library", "ketamine", "x")
    with library.using(folder):
        plan = plan_of(scenario("x"), grid={"x.mouse_half_life": [0.01, 0.02]}, replicates=2, seed=1)
        assert plan.content["library"] == library.in_use().digest
        tasks = list(works_of(plan, [False, False], alone=True))
        wanted = [[record for _, record, _ in compute(task).records] for task in tasks]
    shutil.rmtree(folder)
    first, second = (record for each in wanted for record in each)
    assert not np.array_equal(first, second)
    return tasks, wanted


def test_a_task_carries_the_library(tmp_path):
    tasks, wanted = works(tmp_path)
    for task, want in zip(tasks, wanted, strict=True):
        records = compute(pickle.loads(pickle.dumps(task))).records
        assert [reason for *_, reason in records] == [""] * len(want)
        np.testing.assert_array_equal([record for _, record, _ in records], want)
        without = compute(replace(task, own=Own())).records
        assert all(reason for *_, reason in without), "without its texts the compound is not known"
    assert not library.in_use()


@pytest.mark.slow
def test_a_worker_sees_the_library(tmp_path):
    """A process of its own, which has no folder, and no environment that names one."""
    tasks, wanted = works(tmp_path)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        answers = list(pool.map(compute, tasks))
    for answer, want in zip(answers, wanted, strict=True):
        np.testing.assert_array_equal([record for _, record, _ in answer.records], want)


# -- studies ---------------------------------------------------------------------------------------------------


def test_a_study_of_a_folder_is_a_baseline(tmp_path):
    """With its own parameters it gives the bits of the study that it is a copy of; without, and says so."""
    with library.using(study_folder(tmp_path / "a")):
        plan = scenario(baseline="mine")
        mine = simulate(plan, replicates=2, seed=1)
        assert set(plan.own_entries()) == {"studies/mine", "summaries/mine", "parameters/mine"}
        assert not any("those of shao2021" in note for note in notes_of(plan))
    assert same_data(mine, simulate(scenario(), replicates=2, seed=1))
    with library.using(study_folder(tmp_path / "b", parameters=False)):
        borrowed = scenario(baseline="mine")
        assert same_data(mine, simulate(borrowed, replicates=2, seed=1))
        assert any("turnover and scoring of mine are those of shao2021" in note for note in notes_of(borrowed))


def test_a_study_without_summaries_needs_a_density(tmp_path):
    with library.using(copied(tmp_path, "shao2021", "mine", "studies")):
        plan = scenario(baseline="mine")
        with pytest.raises(DataError, match=r"or cohort\.initial_density_per_um in the scenario"):
            simulate(plan, replicates=1, seed=1)
        given = plan.updated(cohort={"animals": 2, "dendrites_per_animal": 3, "initial_density_per_um": 0.4})
        assert simulate(given, replicates=1, seed=1)["spine_count"].sum() > 0
        assert plan_of(given, grid={"mine.loss_mature": [0.01]}, replicates=1, seed=1).points
        assert notes_of(given)


def test_a_pulse_is_known_at_fitted_doses_alone(tmp_path):
    """An arm of one's own makes no dose of psilocybin a fitted one; for one's own compound it does."""
    copied(tmp_path, "psilocybin", "x")
    folder = study_folder(tmp_path)
    path = folder / "studies" / "mine" / "study.toml"
    text = path.read_text()
    for name in ("psilocybin", "x"):
        doses = f'doses = [{{ compound = "{name}", amount = 10, route = "i.p." }}]'
        text += f'\n[[arms]]\nname = "ten {name}"\n{doses}\n'
    path.write_text(text)
    effects = tomllib.loads(library.text_of("parameters", "effects"))["psilocybin"]
    put(folder, "parameters", "pulse.toml", tomli_w.dumps({"x": effects}))
    with library.using(folder):
        theirs, mine = (scenario(name, "mine").updated(drive="phenomenological") for name in ("psilocybin", "x"))
        with pytest.raises(ScenarioError, match="only as fitted, 1 mg/kg"):
            drive_of(theirs)
        assert drive_of(mine)["formation"].max() > 1.5
        assert "parameters/pulse" in mine.own_entries()


# -- objects of Python -----------------------------------------------------------------------------------------


def test_objects_are_entries_like_files():
    ketamine, rapamycin = load_compound("ketamine"), load_condition("rapamycin")
    mine = Compound(**ketamine.model_dump(exclude_none=True) | {"name": "mine"})
    still = Condition(**rapamycin.model_dump(exclude_none=True) | {"name": "still"})
    target = Target(name="R", title="a receptor")
    wanted = simulate(scenario(), replicates=2, seed=1)
    with library.using(entries=[mine, still, target]):
        plan = scenario("mine")
        assert loads(plan.to_toml()) == plan
        assert library.place_of("compounds", "mine") == "Python"
        assert load_compound("mine") == mine
        assert load_condition("still") == still
        assert same_data(simulate(plan, replicates=2, seed=1), wanted)
        assert Dose(compound="mine", amount=1, route="i.p.").compound == "mine"
    study = Study(**tomllib.loads(library.text_of("studies", "shao2021")) | {"name": "theirs"})
    with library.using(entries=[study]):
        assert scenario(baseline="theirs").own_entries()
    with pytest.raises(LibraryError, match="takes a Compound, Condition, Target, Study, Scenario or Check, not a dict"):
        library.using(entries=[{"name": "x"}]).__enter__()
    with pytest.raises(LibraryError, match="is there already, from Python"):
        library.using(entries=[mine, mine.model_copy(update={"title": "another"})]).__enter__()


def test_a_scenario_takes_objects():
    """They join the library in use: that of the block, or that of the process."""
    ketamine, rapamycin = load_compound("ketamine"), load_condition("rapamycin")
    mine = Compound(**ketamine.model_dump(exclude_none=True) | {"name": "mine"})
    still = Condition(**rapamycin.model_dump(exclude_none=True) | {"name": "still"})
    study = Study(**tomllib.loads(library.text_of("studies", "shao2021")) | {"name": "theirs"})
    dose = {"amount": 10, "route": "i.p."}
    with library.using():
        plan = Scenario(
            name="a",
            baseline=study,
            regimen=Regimen(doses=[Dose(compound=mine, **dose)], treatments=[still]),
            schedule=Schedule(sessions=[-3, -1, 1]),
        )
        assert (plan.baseline, plan.regimen.doses[0].compound, plan.spells[0].name) == ("theirs", "mine", "still")
        assert set(plan.own_entries()) >= {"compounds/mine", "conditions/still", "studies/theirs"}
        assert loads(plan.to_toml()) == plan
        assert Dose(compound=mine, **dose) == Dose(compound="mine", **dose)
        with pytest.raises(ScenarioError, match="is there already"):
            Dose(compound=mine.model_copy(update={"title": "another"}), **dose)
    assert Dose(compound=ketamine, **dose).compound == "ketamine"  # of the package
    assert not library.in_use()
    with pytest.raises(ScenarioError, match="is an entry of the package"):
        Dose(compound=ketamine.model_copy(update={"title": "another"}), **dose)
    try:
        assert Dose(compound=mine, **dose).compound == "mine"
        assert load_compound("mine") == mine
    finally:
        library.use()
    assert "mine" not in library.names("compounds")


def test_an_open_target_survives_a_round_trip():
    affinity = {"value": 3, "unit": "nM", "status": "measured", "source": "a test"}
    targets = Targets.model_validate({"R": {"mode": "agonist", "affinity": affinity}, "trkb_kd": affinity})
    assert Targets.model_validate(targets.model_dump(exclude_none=True)) == targets
    assert set(targets.open) == {"R"}


# -- bad input -------------------------------------------------------------------------------------------------

NUMBER = 'value = 1\nunit = "{unit}"\nstatus = "measured"\nsource = "a test"\n'
COMPOUND = 'name = "x"\ntitle = "x"\nkind = "drug"\n'
TARGET = 'name = "R"\ntitle = "R"\n'
GAIN = 'gain = { value = 1, unit = "1", status = "measured", source = "a test" }\n'
EFFICACY = 'efficacy = { value = 0.5, unit = "1", status = "measured", source = "a test" }\n'
AFFINITY = 'affinity = { value = 3, unit = "nM", status = "measured", source = "a test" }\n'

BAD = {
    "not TOML": ("compounds/x.toml", "name = ", "compounds/x.toml is not valid TOML"),
    "not text": ("compounds/x.toml", b"\xff\xfe", "compounds/x.toml is not valid TOML"),
    "another name": ("compounds/y.toml", COMPOUND, "name is 'x' and the file is 'y'; give both the same name"),
    "a dot": ("compounds/a.b.toml", COMPOUND, "'a.b' is no name"),
    "a name of the package": ("compounds/ketamine.toml", 'name = "ketamine"', "is an entry of the package"),
    "a group of parameters": ("compounds/cascade.toml", 'name = "cascade"', "name = 'cascade'"),
    "a missing title": ("compounds/x.toml", 'name = "x"\nkind = "drug"', "x.toml: compounds.x.title is missing"),
    "a wrong unit": (
        "compounds/x.toml", COMPOUND + "[targets.trkb_kd]\n" + NUMBER.format(unit="day"), "must be a concentration"
    ),
    "no compound": ("compounds/x.toml", COMPOUND + "kinetics = 3", "compounds.x.kinetics"),
    "kinetics without mass": (
        "compounds/x.toml",
        COMPOUND + "[kinetics.mouse]\n"
        + "".join(
            f'{key} = {{ value = 0.5, unit = "{unit}", status = "measured", source = "a test" }}\n'
            for key, unit in (("volume", "L/kg"), ("half_life", "min"), ("fraction_unbound", "1"), ("kp_uu", "1"))
        ),
        "no molar_mass",
    ),
    "a metabolite that is not there": (
        "compounds/x.toml",
        library.path_of("compounds", "ketamine").read_text()
        .replace('name = "ketamine"', 'name = "x"').replace('"norketamine"', '"norketamin"'),
        "its metabolite 'norketamin' in mouse is not in the library",
    ),
    "a target that is not there": (
        "compounds/x.toml", COMPOUND + '[targets."R"]\nmode = "agonist"\n' + AFFINITY, "targets['R'] is not in"
    ),
    "a receptor of the package": (
        "compounds/x.toml", COMPOUND + '[targets."5-HT2A"]\nmode = "agonist"\n' + AFFINITY, "agonist_5ht2a_ec50"
    ),
    "a misspelt receptor": (
        "compounds/x.toml", COMPOUND + "[targets.trkb_kdd]\n" + NUMBER.format(unit="nM"), "did you mean 'trkb_kd'?"
    ),
    "an unknown mode": (
        "compounds/x.toml", COMPOUND + '[targets."R"]\nmode = "agonis"\n' + AFFINITY, "mode is 'agonis'"
    ),
    "an unknown key of a target": (
        "compounds/x.toml", COMPOUND + '[targets."R"]\nmode = "agonist"\naffinty = 3\n' + AFFINITY, "mean 'affinity'?"
    ),
    "an antagonist with efficacy": (
        "compounds/x.toml",
        COMPOUND + '[targets."R"]\nmode = "antagonist"\n' + AFFINITY + EFFICACY,
        "has no efficacy",
    ),
    "a modulator without cooperativity": (
        "compounds/x.toml", COMPOUND + '[targets."R"]\nmode = "positive modulator"\n' + AFFINITY, "cooperativity"
    ),
    "an unknown signal": (
        "targets/R.toml", TARGET + '[[effects]]\non = "glutamat"\ndirection = "raises"\n' + GAIN, "on is 'glutamat'"
    ),
    "a negative gain": (
        "targets/R.toml", TARGET + '[[effects]]\non = "trkb"\ndirection = "raises"\n' + GAIN.replace("1,", "-1,", 1),
        "direction says its sign",
    ),
    "two effects on one signal": (
        "targets/R.toml", TARGET + 2 * ('[[effects]]\non = "trkb"\ndirection = "raises"\n' + GAIN), "two effects"
    ),
    "an unknown arrow": (
        "conditions/x.toml", 'name = "x"\ntitle = "x"\nkind = "stress"\n[factors.mtorc]\n' + NUMBER.format(unit="1"),
        "did you mean 'mtorc1'",
    ),
    "a study without file": ("studies/mine/summaries.csv", "arm\n", "has no study.toml"),
    "a scenario without sessions": ("scenarios/s.toml", 'name = "s"\nbaseline = "shao2021"', "s.schedule is missing"),
    "a sweep of nothing": ("sweeps/s.toml", 'name = "s"\nscenarios = []\nreplicates = 1', "s.toml: sweep.scenarios"),
    "evidence of nothing": ("evidence/e.toml", 'name = "e"', "evidence.e.title is missing"),
    "a parameter of the package": (
        "parameters/p.toml", library.path_of("parameters", "mechanism").read_text(), "is a parameter of the package"
    ),
    "a parameter without unit": ("parameters/p.toml", "[a.b]\nvalue = 1", "parameters/p.toml: a.b.unit is missing"),
    "no kind": ("compund/x.toml", COMPOUND, "has a folder 'compund'; did you mean 'compounds'?"),
    "none of the kinds": ("other/x.toml", COMPOUND, "has none of the folders compounds"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_broken_library_is_one_line(capsys, monkeypatch, tmp_path, fault):
    file, text, line = BAD[fault]
    path = tmp_path / "library" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    status, stdout, stderr = run(capsys, monkeypatch, "--library", tmp_path / "library", "compounds")
    if fault == "a group of parameters":
        line = "compounds.cascade"
    assert (status, stdout) == (2, "")
    assert stderr.count("\n") == 1, stderr
    assert line in stderr


def test_a_compound_may_not_have_the_name_of_parameters_of_the_package(tmp_path):
    with library.using(copied(tmp_path, "ketamine", "cascade")), pytest.raises(LibraryError, match="'cascade'; give"):
        default_parameters()


@pytest.mark.parametrize(("made", "line"), [(False, "is not there"), (True, "is a file")])
def test_a_folder_that_is_none_is_one_line(capsys, monkeypatch, tmp_path, made, line):
    if made:
        (tmp_path / "library").write_text("")
    status, stdout, stderr = run(capsys, monkeypatch, "--library", tmp_path / "library", "compounds")
    assert (status, stdout) == (2, "")
    assert stderr.count("\n") == 1
    assert line in stderr


# -- the command line ------------------------------------------------------------------------------------------


def test_the_command_line_says_what_is_ones_own(capsys, monkeypatch, tmp_path):
    copied(tmp_path, "ketamine", "x")
    before = run(capsys, monkeypatch, "compounds", "--json")[1]
    status, stdout, _ = run(capsys, monkeypatch, "--library", tmp_path, "compounds")
    assert status == 0
    (line,) = [line for line in stdout.splitlines() if line.startswith("x ")]
    assert line.endswith(f"[your own: {tmp_path / 'compounds' / 'x.toml'}]")
    document = json.loads(run(capsys, monkeypatch, "--library", tmp_path, "compounds", "--json")[1])
    assert document["own"] == {"x": str(tmp_path / "compounds" / "x.toml")}
    del document["own"], document["compounds"]["x"]
    assert document == json.loads(before)
    assert "of your own, from" in run(capsys, monkeypatch, "--library", tmp_path, "show", "x")[1]
    assert run(capsys, monkeypatch, "compounds", "--json")[1] == before, "a library ends with its command"


def test_simulate_with_a_library_says_what_it_used(capsys, monkeypatch, tmp_path):
    copied(tmp_path / "library", "ketamine", "x")
    (tmp_path / "mine.toml").write_text(SCENARIO.format(compound="x", baseline="shao2021"))
    status, _, _ = run(
        capsys, monkeypatch, "--library", tmp_path / "library", "simulate", tmp_path / "mine.toml", "--out",
        tmp_path / "out", "--replicates", 2, "--draws", 0,
    )  # fmt: skip
    assert status == 0
    with xr.open_dataset(tmp_path / "out" / "observations.nc", engine="h5netcdf") as observations:
        assert observations.attrs["library_entries"].startswith("compounds/x ")
    assert "library_entries: compounds/x " in (tmp_path / "out" / "scenario.toml").read_text()


def test_what_new_writes_is_read_as_it_stands(capsys, monkeypatch, tmp_path):
    """Together, so that every template is checked beside the others; and a scenario of the new compound runs."""
    for what, kind in TEMPLATES.items():
        path = tmp_path / kind / f"my {what}.toml"
        assert run(capsys, monkeypatch, "new", what, f"my {what}", "--out", path)[0] == 0
        status, stdout, stderr = run(capsys, monkeypatch, "new", what, f"my {what}", "--out", path)
        assert (status, stdout, stderr.count("\n")) == (2, "", 1)
        assert "is there already" in stderr
    path = tmp_path / "studies" / "mine" / "study.toml"
    assert run(capsys, monkeypatch, "new", "study", "mine", "--out", path)[0] == 0
    with library.using(tmp_path):
        check_entries()
        assert set(library.in_use().names("compounds")) == {"my compound"}
        plan = scenario("my compound")
        assert drive_of(plan)["formation"].max() > 1.1
        assert simulate("my scenario", replicates=1, seed=1).sizes["replicate"] == 1
        assert load_condition("my condition").kind == "treatment"


@pytest.mark.parametrize(
    ("what", "name", "kind"),
    [
        ("compound", "ketamine", "compounds"),
        ("study", "shao2021", "studies"),
        ("scenario", "psilocybin-mouse", "scenarios"),
    ],
)
def test_new_copies_an_entry(capsys, monkeypatch, tmp_path, what, name, kind):
    path = tmp_path / kind / "mine.toml"
    assert run(capsys, monkeypatch, "new", what, "mine", "--like", name, "--out", path)[0] == 0
    mine = tomllib.loads(path.read_text())
    assert mine == library.document_of(kind, name) | {"name": "mine"}
    status, _, stderr = run(
        capsys, monkeypatch, "new", what, "other", "--like", f"{name}x", "--out", tmp_path / "other.toml"
    )
    assert (status, stderr.count("\n")) == (2, 1)
    assert f"did you mean '{name}'" in stderr


@pytest.mark.parametrize("what", [*TEMPLATES, "study"])
def test_a_template_explains_every_field(what):
    text = library.text_of("templates", what)
    from synmodel.data.studies import Arm
    from synmodel.library.targets import SIGNALS, Effect
    from synmodel.pharmacology.compounds import Absorption, Kinetics, Metabolite, OpenTarget
    from synmodel.scenario import Cohort, Regimen, Schedule, Spell, Subject
    from synmodel.scenario.turnover import Crowding, Homeostasis, Pool, SizeDependence, Turnover
    from synmodel.scenario.variability import GENERAL

    documents = {
        "compound": (Compound, Kinetics, Absorption, Metabolite, Targets, OpenTarget),
        "condition": (Condition,),
        "scenario": (
            *(Scenario, Subject, Regimen, Dose, Spell, Schedule, Cohort),
            *(Turnover, Crowding, Homeostasis, Pool, SizeDependence),
        ),
        "study": (Study, Arm),
        "target": (Target, Effect),
    }
    for document in documents[what]:
        for field in document.model_fields:
            assert field in text, f"{what}: {document.__name__}.{field}"
    if what == "target":
        assert all(signal in text for signal in SIGNALS)
    if what == "scenario":
        assert all(quantity in text for quantity in GENERAL)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("compound", "ketamine"), "has a compound 'ketamine' already"),
        (("compound", "x", "--out", "y.toml"), "by the name of its file; give x.toml"),
        (("study", "x", "--out", "y/study.toml"), "give x.toml, or x/study.toml"),
        (("compound", "a.b"), "'a.b' is no name"),
        (("compund", "x"), "compund"),
    ],
)
def test_new_refuses_in_one_line(capsys, monkeypatch, tmp_path, arguments, line):
    monkeypatch.chdir(tmp_path)
    status, stdout, stderr = run(capsys, monkeypatch, "new", *arguments)
    assert (status, stdout, stderr.count("\n")) == (2, "", 1)
    assert line in stderr
    assert list(tmp_path.iterdir()) == []


def test_a_library_is_told_by_its_texts(tmp_path):
    assert not Own()
    assert set(KINDS) == {*TEMPLATES.values(), "studies", "evidence", "parameters", "sweeps"}
    one, other = (copied(tmp_path / each, "ketamine", "x") for each in "ab")
    with library.using(one) as first, library.using(own=Own()), library.using(other) as second:
        assert first == second
        assert hash(first) == hash(second)
    with library.using(one), library.using(one), library.using(other) as same:
        assert len(same.entries) == 1, "the same text may come twice, as from the environment and the command"
    (other / "compounds" / "x.toml").write_text((other / "compounds" / "x.toml").read_text() + "\n")
    with library.using(one), pytest.raises(SynmodelError, match="is there already, from"):
        library.using(other).__enter__()
