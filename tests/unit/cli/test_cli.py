"""The command line: contracts, bad input, and what is written."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import command_line
import pytest
import xarray as xr
from rich.table import Table

from synmodel import library
from synmodel.analysis.caveats import potency_lines
from synmodel.analysis.workflows import fit_studies
from synmodel.cli import _print_tables, app
from synmodel.core.errors import FitError, SimulationError, SynmodelError
from synmodel.inference.summaries.problem import STUDIES
from synmodel.library.evidence import load_check
from synmodel.scenario import load
from synmodel.simulation import checking, mechanism_of, simulate

pytestmark = pytest.mark.heavy

SCENARIO = """
name = "mine"
baseline = "shao2021"
[[regimen.doses]]
compound = "psilocybin"
amount = {amount}
route = "i.p."
[schedule]
sessions = [-3, -1, 1, 3]
[cohort]
animals = 2
dendrites_per_animal = 3
"""


def run(capsys, monkeypatch, *arguments):
    """Exit status, stdout and stderr of the command; few draws behind intervals unless they are asked for."""
    few = ["--draws", "5"] if arguments[:1] == ("simulate",) and "--draws" not in arguments else []
    return command_line.run(capsys, monkeypatch, *arguments, *few)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """The main job, run once as a user runs it."""
    out = tmp_path_factory.mktemp("job") / "comparison"
    started = time.monotonic()
    child = subprocess.run(
        [sys.executable, "-m", "synmodel", "compare", "--out", str(out), "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert child.returncode == 0, child.stderr
    return out, child, time.monotonic() - started


def test_compare_writes_what_it_promises(comparison):
    out, child, _ = comparison
    assert command_line.names_in(out) == {
        "comparison.json", "comparison.nc", "comparison.png", "comparison.svg", "residuals.png", "residuals.svg"
    }  # fmt: skip
    assert "formation at its highest" in child.stdout
    assert "fitting" in child.stderr
    assert "fitting" not in child.stdout
    document = json.loads((out / "comparison.json").read_text())
    for study, arms in (
        ("shao2021", {"saline", "psilocybin", "ketanserin+saline", "ketanserin+psilocybin"}),
        ("phoumthipphavong2016", {"saline", "ketamine"}),
        ("shaoliao2025_pt", {"saline", "psilocybin"}),
        ("shaoliao2025_ko", {"saline", "psilocybin", "saline+knock-out", "psilocybin+knock-out"}),
    ):
        entry = document["fits"][study]
        assert set(entry["arms"]) == arms
        total, number = 0.0, 0
        for arm in entry["arms"].values():
            for quantity in ("formation_fraction", "elimination_fraction", "density_change"):
                for point in arm[quantity]:
                    assert {"start_day", "end_day", "observed", "sem", "fitted"} <= set(point)
                    total += ((point["observed"] - point["fitted"]) / point["sem"]) ** 2
                    number += 1
        assert entry["chi2"] == pytest.approx(total)
        assert entry["n_points"] == number
        assert entry["chi2_mouse"] < 0.9 * number
    assert document["drive"] == "mechanistic"
    assert {"name", "drive", "n_parameters", "minus_2_log_likelihood", "aic", "log_evidence", "note"} == set(
        document["readings"][0]
    )
    assert len(document["readings"]) >= 5
    assert set(document["drugs"]) == {"ketamine", "psilocybin"}
    for contrasts in document["drugs"].values():
        for contrast in contrasts.values():
            assert {"estimate", "low", "high", "unit"} <= set(contrast)
    assert "whether this fit supports it" in child.stdout
    assert len(document["claims"]) == 8
    for cell in document["claims"]:
        assert cell["support"] in ("supported", "supported in part", "not identifiable", "contradicted")
        assert all({"estimate", "low", "high", "unit"} <= set(number) for number in cell["numbers"])
    assert document["provenance"]["seed"] == "1"
    with xr.open_dataset(out / "comparison.nc", engine="h5netcdf") as dataset:
        assert dataset["gain"].dims == ("drug", "bound", "day")
        assert dataset.attrs["seed"] == "1"
    assert b"<svg" in (out / "comparison.svg").read_bytes()[:2000]


def test_compare_gives_the_same_numbers_again(comparison, fit):
    """The fit of the tests and that of the command agree."""
    out, _, _ = comparison
    document = json.loads((out / "comparison.json").read_text())
    for study, entry in document["fits"].items():
        assert entry["chi2"] == pytest.approx(fit.chi2(study)[0], rel=0.02)
    assert document["readings"][0]["minus_2_log_likelihood"] == pytest.approx(
        float((fit.problem.residuals(fit.vector, with_prior=False) ** 2).sum()), rel=0.01
    )


def test_simulate_writes_and_reads_back(capsys, monkeypatch, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SCENARIO.format(amount=1))
    out = tmp_path / "deep" / "out"
    status, stdout, stderr = run(capsys, monkeypatch, "simulate", path, "--out", out, "--replicates", 3, "--json")
    assert status == 0
    assert "simulating" in stderr
    document = json.loads(stdout)
    assert document["replicates"] == 3
    assert document == json.loads((out / "summary.json").read_text())
    with xr.open_dataset(out / "observations.nc", engine="h5netcdf") as seen:
        assert seen["spine_count"].dims == ("replicate", "animal", "dendrite", "session")
        assert seen["spine_count"].shape == (3, 2, 3, 4)
        assert seen["length_um"].attrs["units"] == "um"
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]
    again = load(out / "scenario.toml")
    assert again == load(path)
    for file in (out / name for name in command_line.names_in(out)):
        content = file.read_bytes().decode(errors="ignore")
        assert again.digest() in content, f"{file.name} does not say what it was made from"


def test_simulate_says_what_to_read_with_care(capsys, monkeypatch, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SCENARIO.format(amount=3))
    arguments = ["--replicates", 2, "--quiet"]
    _, stdout, _ = run(capsys, monkeypatch, "simulate", path, "--out", tmp_path / "a", *arguments)
    notes = json.loads((tmp_path / "a" / "summary.json").read_text())["notes"]
    assert len(notes) == 2
    assert notes[0].startswith("psilocybin 3 mg/kg i.p.: given in no arm of shao2021")
    assert "Read with care" in stdout
    for note in notes:
        assert " ".join(f"- {note}".split()) in " ".join(stdout.split())
    with xr.open_dataset(tmp_path / "a" / "observations.nc", engine="h5netcdf") as seen:
        assert seen.attrs["notes"] == "; ".join(notes)
    _, stdout, _ = run(capsys, monkeypatch, "simulate", "saline-mouse", "--out", tmp_path / "b", *arguments)
    assert "Read with care" not in stdout
    assert json.loads((tmp_path / "b" / "summary.json").read_text())["notes"] == []
    with xr.open_dataset(tmp_path / "b" / "observations.nc", engine="h5netcdf") as seen:
        assert "notes" not in seen.attrs


def test_potencies_that_are_assumed_are_the_first_lines(capsys, monkeypatch, tmp_path):
    arguments = ["simulate", "MK-801-mouse", "--replicates", 2, "--draws", 0, "--quiet", "--out", tmp_path / "out"]
    _, stdout, _ = run(capsys, monkeypatch, *arguments)
    document = json.loads((tmp_path / "out" / "summary.json").read_text())
    lines = document["assumed_potencies"]
    assert stdout.splitlines()[:3] == [*lines, stdout.splitlines()[2]]
    assert document["notes"][:2] == lines
    for line, cell, value in zip(lines, ("interneurons", "pyramidal cells"), ("1.1", "41.5"), strict=True):
        assert line.startswith(f"the half block of NMDA receptors of {cell} of MK-801 is assumed, {value} nM: ")
        assert line.endswith("recalled, not seen in a source")


@pytest.mark.parametrize(
    ("name", "replaced", "said"),
    [
        ("MK-801-mouse", {"MK-801.nmda_ic50_interneuron": 1.5}, ["pyramidal cells of MK-801 is assumed, 41.5 nM"]),
        ("5-MeO-DMT-mouse", {}, ["5-HT2A receptors of 5-MeO-DMT is assumed, 500 nM"]),
        ("psilocybin-mouse", {}, []),
        ("psilocybin-mouse", {"serotonin.trkb_gain": 1.0}, ["TrkB of psilocin is assumed, 6.3 nM"]),
        ("saline-mouse", {}, []),
    ],
)
def test_potencies_are_told_where_they_are_those_of_the_library_and_count(name, replaced, said):
    lines = potency_lines(load(name).updated(parameters=replaced))
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True))


def test_what_contradicts_a_scenario_is_the_first_line(capsys, monkeypatch, tmp_path):
    """With one made-up measurement far from any model, so that it holds for all values of the parameters."""
    check = load_check("sv2a-ketamine-human-24h")
    far = check.model_copy(update={"change": check.change.model_copy(update={"value": -500.0})})
    monkeypatch.setattr(checking, "all_checks", lambda: (far,))
    arguments = ["simulate", "ketamine-human-infusion", "--replicates", 2, "--quiet", "--out", tmp_path / "out"]
    _, stdout, _ = run(capsys, monkeypatch, *arguments)
    document = json.loads((tmp_path / "out" / "summary.json").read_text())
    first = stdout.splitlines()[0]
    assert first.startswith("CONTRADICTED BY DATA: SV2A PET signal")
    assert "-5e+02" in first
    assert "Holmes" in first
    assert document["notes"][0] == document["contradictions"][0]["line"] == first
    _, stdout, _ = run(capsys, monkeypatch, *arguments, "--json")
    assert json.loads(stdout) == document
    monkeypatch.setattr(checking, "all_checks", lambda: ())
    _, stdout, _ = run(capsys, monkeypatch, *arguments)
    assert stdout.startswith("ketamine-human-infusion: mean of 2 simulated experiments")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["contradictions"] == []


@pytest.mark.parametrize("drive", ["mechanistic", "phenomenological"])
def test_simulate_writes_the_mechanism(capsys, monkeypatch, tmp_path, drive):
    path = tmp_path / "mine.toml"
    path.write_text(f'drive = "{drive}"\n' + SCENARIO.format(amount=1))
    run(capsys, monkeypatch, "simulate", path, "--out", tmp_path / "out", "--replicates", 2, "--quiet")
    with (
        xr.open_dataset(tmp_path / "out" / "mechanism.nc", engine="h5netcdf") as mechanism,
        xr.open_dataset(tmp_path / "out" / "observations.nc", engine="h5netcdf") as seen,
    ):
        assert mechanism.identical(mechanism_of(load(path)).assign_attrs(mechanism.attrs))
        assert ("mtorc1" in mechanism) == (drive == "mechanistic")
        for name, text in mechanism.attrs.items():
            assert seen.attrs[name] == text
        assert {"seed", "scenario_digest", "parameters_digest", "synmodel_version"} <= set(mechanism.attrs)


def test_the_vehicle_is_in_the_table(capsys, monkeypatch, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SCENARIO.format(amount=1))
    arguments = ["--replicates", 2, "--quiet", "--out", tmp_path / "out"]
    _, stdout, _ = run(capsys, monkeypatch, "simulate", path, *arguments)
    document = json.loads((tmp_path / "out" / "summary.json").read_text())
    simulated = stdout.partition("What the model expects")[0]
    rows = [line.split() for line in simulated.splitlines() if line.startswith("density_change")]
    for row, *entries in zip(
        rows,
        *([e for e in document[key] if e["quantity"] == "density_change"] for key in ("control", "summary")),
        strict=True,
    ):
        assert row[3:5] == [f"{entry['mean']:.3g}" for entry in entries]


def test_results_of_another_scenario_are_not_replaced(capsys, monkeypatch, tmp_path):
    path, out = tmp_path / "mine.toml", tmp_path / "out"

    def simulated(text):
        path.write_text(text)
        return run(capsys, monkeypatch, "simulate", path, "--out", out, "--replicates", 2, "--quiet")

    mine = SCENARIO.format(amount=1)
    assert simulated(mine)[0] == simulated(mine)[0] == 0, "the same may be repeated"
    before = {file: file.read_bytes() for file in out.iterdir()}
    status, stdout, stderr = simulated(mine.replace('"mine"', '"other"'))
    message = f"--out is {out}, which holds results of the scenario 'mine'; give another folder, or delete it"
    assert (status, stdout, stderr) == (2, "", f"synmodel: {message}\n")
    assert {file: file.read_bytes() for file in out.iterdir()} == before
    assert simulated(SCENARIO.format(amount=2))[0] == 0, "one that was edited is the same to its owner"
    assert {file: file.read_bytes() for file in out.iterdir()} != before


@pytest.mark.parametrize(
    ("content", "held"),
    [
        ('{"sweep": "doses", "provenance": {}}', "the sweep 'doses'"),
        ('{"runs": 3}', "another program"),
        ("[]", "another program"),
        ("mine", "another program"),
    ],
)
def test_results_of_another_kind_are_not_replaced(capsys, monkeypatch, tmp_path, content, held):
    (tmp_path / "summary.json").write_text(content)
    status, stdout, stderr = run(
        capsys, monkeypatch, "simulate", "saline-mouse", "--out", tmp_path, "--replicates", 2, "--quiet"
    )
    assert (status, stdout) == (2, "")
    assert (
        stderr == f"synmodel: --out is {tmp_path}, which holds results of {held}; give another folder, or delete it\n"
    )
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"summary.json": content}


def test_quiet_means_quiet(capsys, monkeypatch, tmp_path):
    status, _, stderr = run(
        capsys, monkeypatch, "simulate", "saline-mouse", "--out", tmp_path / "o", "--replicates", 2, "--quiet"
    )
    assert status == 0
    assert stderr == ""


def test_the_same_seed_writes_the_same_bytes(capsys, monkeypatch, tmp_path):
    for name in ("a", "b"):
        run(capsys, monkeypatch, "simulate", "saline-mouse", "--out", tmp_path / name, "--replicates", 2, "--seed", 7)
    for file in (
        "summary.json",
        "scenario.toml",
        "observations.nc",
        "mechanism.nc",
        "simulation.png",
        "simulation.svg",
    ):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_bad_scenario_exits_2_and_writes_nothing(capsys, monkeypatch, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(SCENARIO.format(amount=-10))
    status, stdout, stderr = run(capsys, monkeypatch, "simulate", path, "--out", tmp_path / "out")
    assert status == 2
    assert stdout == ""
    assert stderr.count("\n") == 1
    assert "scenario.regimen.doses[0].amount is -10" in stderr
    assert "a dose is positive" in stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.toml"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("amount = 1", "amount = -10", "scenario.regimen.doses[0].amount is -10: it must be"),
        ("baseline", 'drive = "phenomenological"\nbaseline', "scenario.regimen.doses[0] is 3 mg/kg i.p. in mouse"),
        ("[schedule]", '[subject]\nspecies = "human"\n[schedule]', "scenario.regimen.doses[0].route is 'i.p.'; "),
    ],
)
def test_an_error_in_a_file_names_the_file(capsys, monkeypatch, tmp_path, old, new, message):
    """Whether it is seen on reading or not before the drive is made."""
    path = tmp_path / "mine.toml"
    text = SCENARIO.format(amount=1 if "amount" in old else 3)
    assert old in text
    path.write_text(text.replace(old, new, 1))
    status, stdout, stderr = run(capsys, monkeypatch, "simulate", path, "--out", tmp_path / "out")
    assert (status, stdout) == (2, "")
    assert stderr.startswith(f"synmodel: {path}: {message}")
    assert stderr.count("\n") == 1
    with pytest.raises(SynmodelError, match=f"^{re.escape(str(path))}: scenario"):
        simulate(path, replicates=1, seed=1)


def test_a_dose_that_no_session_sees_is_warned_of(capsys, monkeypatch, tmp_path):
    path = tmp_path / "late.toml"
    path.write_text(SCENARIO.format(amount=1).replace("amount = 1", "amount = 1\nday = 9"))
    for more in ([], ["--quiet"]):
        status, _, stderr = run(
            capsys, monkeypatch, "simulate", path, "--replicates", 2, "--out", tmp_path / "out", *more
        )
        assert status == 0
        lines = [line for line in stderr.splitlines() if "warning" in line]
        assert lines == [
            "synmodel: warning: psilocybin on day 9 is not before the last session (day 3), so no session shows what "
            "it does"
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "ketamin-mouse-single"], "did you mean 'ketamine-mouse-single'"),
        (["simulate", "nowhere.toml"], "cannot read nowhere.toml"),
        (["simulate", "saline-mouse", "--replicates", "0"], "replicates is 0"),
        (["simulate", "saline-mouse", "--seed", "-1"], "seed is -1"),
        (["show", "ketamin"], "did you mean 'ketamine'"),
        (["fit", "--study", "shao2020"], "did you mean 'shao2021'"),
        (["compare", "--unit", "mice"], "the unit of replication is 'mouse' or 'dendrite'"),
        (["compare", "--seed", "99999999999999999999999"], "seed is 99999999999999999999999"),
    ],
)
def test_bad_input_exits_2_with_one_line(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, stdout, stderr = run(capsys, monkeypatch, *arguments, *([] if arguments[0] == "show" else ["--quiet"]))
    assert status == 2
    assert stdout == ""
    assert message in stderr
    assert stderr.strip().count("\n") == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("replicates", [2.5, "3", True, 0, 10_000_001])
def test_replicates_are_a_whole_number(replicates):
    with pytest.raises(
        SimulationError, match=rf"replicates is {replicates!r}; it must be a whole number from 1 to 10000000"
    ):
        simulate("saline-mouse", replicates=replicates, seed=1)


@pytest.mark.parametrize(("studies", "fitted"), [(["shao2021", "shao2021"], ("shao2021",)), (None, STUDIES)])
def test_a_study_given_twice_is_fitted_once(monkeypatch, studies, fitted):
    def stop(**arguments):
        assert arguments["studies"] == fitted
        raise InterruptedError

    monkeypatch.setattr("synmodel.analysis.workflows.fit_summaries", stop)
    with pytest.raises(InterruptedError):
        fit_studies(studies=studies)


@pytest.mark.parametrize("studies", [[], "shao2021"])
def test_a_fit_needs_a_list_of_studies(studies):
    with pytest.raises(FitError, match="give a list of at least one of phoumthipphavong2016, shao2021"):
        fit_studies(studies=studies)


def test_a_file_where_the_folder_should_be(capsys, monkeypatch, tmp_path):
    (tmp_path / "taken").write_text("mine")
    status, _, stderr = run(
        capsys, monkeypatch, "simulate", "saline-mouse", "--replicates", 1, "--quiet", "--out", tmp_path / "taken"
    )
    assert status == 2
    assert "which is a file; give a folder" in stderr
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["compare"], "comparison.json"),
        (["fit"], "parameters.toml"),
        (["fit", "--profiles"], "profiles.png"),
        (["simulate", "saline-mouse"], "simulation.svg"),
    ],
)
@pytest.mark.parametrize("kind", ["folder within", "link to nothing", "file above"])
def test_an_unusable_folder_is_refused_before_the_work(capsys, monkeypatch, tmp_path, command, file, kind):
    def worked(*_, **__):
        raise AssertionError

    for job in ("workflows.compare_drugs", "workflows.fit_studies", "simulated.simulate_scenario"):
        monkeypatch.setattr(f"synmodel.{job}", worked)
    out = tmp_path / "out"
    if kind == "folder within":
        (out / file).mkdir(parents=True)
        message = f"in which {file} is a folder; remove it or give another folder"
    elif kind == "link to nothing":
        out.symlink_to(tmp_path / "nowhere")
        message = "which is a link to nothing; give a folder"
    else:
        out.write_text("mine")
        out = out / "deeper"
        message = "which cannot be made or written: Not a directory; give another folder"
    before = sorted(tmp_path.rglob("*"))
    status, stdout, stderr = run(capsys, monkeypatch, *command, "--quiet", "--out", out)
    assert (status, stdout, stderr) == (2, "", f"synmodel: --out is {out}, {message}\n")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "saline-mouse", "--replicate", 3], ["no such option", "--replicates"]),
        (["simulate", "saline-mouse", "--seed", "x"], ["--seed", "x", "integer"]),
        (["simulate", "saline-mouse", "--replicates", "abc"], ["--replicates", "abc", "integer"]),
        (["simulate"], ["missing argument", "simulate --help"]),
        (["simulat"], ["no such command 'simulat'"]),
        (["--loud"], ["no such option", "--loud", "synmodel --help"]),
        (["show", "ketamine", "psilocybin"], ["unexpected extra argument"]),
    ],
)
def test_usage_faults_are_one_line(tmp_path, arguments, words):
    """As a user calls it, for a box of click has its own path to stderr."""
    child = subprocess.run(
        [sys.executable, "-m", "synmodel", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (child.returncode, child.stdout) == (2, "")
    assert child.stderr.startswith("synmodel: ")
    assert child.stderr.count("\n") == 1
    for word in words:
        assert word in child.stderr.lower()


def test_an_error_before_the_first_step_has_no_blank_line(capsys, monkeypatch, tmp_path):
    """Without --quiet, where a progress bar could leave one."""
    status, stdout, stderr = run(
        capsys, monkeypatch, "simulate", "saline-mouse", "--seed", -1, "--out", tmp_path / "out"
    )
    assert (status, stdout) == (2, "")
    assert stderr == "synmodel: seed is -1; it must be an integer from 0 to 2**64 - 1\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["simulate", "--help"]])
def test_help_is_on_stdout(capsys, monkeypatch, arguments):
    status, stdout, stderr = run(capsys, monkeypatch, *arguments)
    assert (status, stderr) == (0, "")
    assert "Usage" in stdout


@pytest.mark.parametrize("kind", ["scenarios", "studies", "compounds", "conditions", "evidence"])
def test_lists_name_everything(capsys, monkeypatch, kind):
    status, stdout, _ = run(capsys, monkeypatch, kind)
    assert status == 0
    for name in library.names(kind):
        assert name in stdout
    _, stdout, _ = run(capsys, monkeypatch, kind, "--json")
    assert sorted(json.loads(stdout)[kind]) == library.names(kind)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ketamine", ["10.1097/ALN.0000000000003577", "assumed", "half_life", "13", "min"]),
        ("ketamine", ["[verified]"]),
        ("shao2021", ["10.1016/j.neuron.2021.06.008", "ketanserin+psilocybin"]),
        # A study shares its name with its parameters, which are shown as well.
        ("shao2021", ["shao2021.formation", "1/um/day", "fit of the published group summaries"]),
        ("phoumthipphavong2016", ["phoumthipphavong2016.loss_mature", "derived"]),
        ("psilocybin-mouse", ["psilocybin", "sessions"]),
        ("mechanism", ["Moghaddam", "disinhibition"]),
        ("sv2a-ketamine-human-24h", ["10.1038/s41380-022-01465-2", "10.1177/0271678X20964248", "subject_sd", "8.5"]),
        ("sv2a-psilocybin-human-week", ["not_found", "conditions.compound"]),
    ],
)
def test_show_prints_sources(capsys, monkeypatch, name, words):
    status, stdout, _ = run(capsys, monkeypatch, "show", name)
    assert status == 0
    flat = "".join(stdout.split())
    for word in words:
        assert "".join(word.split()) in flat
    _, stdout, _ = run(capsys, monkeypatch, "show", name, "--json")
    document = json.loads(stdout)
    assert document
    if name in library.names("studies"):
        assert document["parameters"][name]["formation"]["source"]


@pytest.mark.parametrize("name", library.names("scenarios"))
def test_a_shown_scenario_is_a_file_that_can_be_simulated(capsys, monkeypatch, tmp_path, name):
    status, stdout, stderr = run(capsys, monkeypatch, "show", name)
    assert (status, stderr) == (0, "")
    path = tmp_path / "mine.toml"
    path.write_text(stdout)
    assert load(path) == load(name)
    assert stdout.count("unit = ") == len(load(name).regimen.doses), "every dose says its unit"
    assert stdout.count("# ten minutes: assumed") == sum(dose.day < 0 for dose in load(name).regimen.doses)


def test_a_shown_scenario_is_simulated(capsys, monkeypatch, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(run(capsys, monkeypatch, "show", "psilocybin-mouse")[1])
    status, _, _ = run(capsys, monkeypatch, "simulate", path, "--replicates", 2, "--out", tmp_path / "out")
    assert status == 0
    assert (tmp_path / "out" / "summary.json").exists()


def test_a_title_is_not_broken_to_a_narrow_table(capsys):
    table = Table("a", title="a title that is much wider than its table")
    table.add_row("1")
    _print_tables([table])
    assert capsys.readouterr().out.splitlines()[0].strip() == "a title that is much wider than its table"


@pytest.mark.parametrize("name", ["effects", "mechanism", "shao2021"])
def test_a_narrow_terminal_folds_no_numbers(capsys, monkeypatch, name):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "64")
    _, stdout, _ = run(capsys, monkeypatch, "show", name)
    lines = re.sub(r"\x1b\[[\d;]*m", "", stdout).splitlines()
    assert lines[0].strip().startswith(f"{name} (")
    header = next(line for line in lines if line.startswith("what"))
    assert header.split() == ["what", "value", "unit", "status", "source"]
    assert len(header) - header.index("source") >= 16


def test_version_and_help(capsys, monkeypatch):
    assert run(capsys, monkeypatch, "--version")[1].strip()
    help_text = run(capsys, monkeypatch, "--help")[1]
    for command in (
        "compare",
        "fit",
        "simulate",
        "scenarios",
        "studies",
        "compounds",
        "conditions",
        "evidence",
        "show",
    ):
        assert command in help_text
    assert app is not None


def test_an_interrupted_run_leaves_nothing(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "synmodel", "compare", "--out", str(tmp_path / "out"), "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    time.sleep(6)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130, stderr
    assert "interrupted" in stderr.lower() or "abort" in stderr.lower()
    assert list(tmp_path.iterdir()) == []
