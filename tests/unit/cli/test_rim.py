"""What stands at the rim of what can be read: one line, exit status 2, and nothing half-written."""

import sys
from pathlib import Path

import pytest
import xarray as xr

from synmodel.cli import main
from synmodel.cli.plot import _tables_of
from synmodel.core.errors import ScenarioError
from synmodel.data import read_observations
from synmodel.scenario import load
from synmodel.simulation import expected_spines, histories

pytestmark = pytest.mark.heavy

SCENARIO = 'name = "{name}"\nbaseline = "shao2021"\n[schedule]\nsessions = [-1, 1]\n'
SWEEP = (
    'name = "s"\ntitle = "s"\nseed = 1\nobserve = "expected"\nscenarios = ["psilocybin-mouse"]\ncontrol = "none"\n'
    'quantities = ["formation_fraction"]\n[grid]\n"scenario.regimen.doses[0].amount" = [{level}, 1]\n'
)
ROWS = "animal,dendrite,day,count,length_um\nm1,d1,0,10,{length}\nm1,d1,2,{count},30\n"


def run(capsys, monkeypatch, folder, *arguments):
    """Exit status and what is said on stderr of a command in a folder; nothing but its input is there afterwards."""
    monkeypatch.chdir(folder)
    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr(sys, "argv", ["synmodel", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert sorted(path.name for path in folder.iterdir()) == before
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        (SCENARIO.format(name="a\\u0000b"), "scenario.name has a character that cannot be printed"),
        (SCENARIO.format(name="a") + 'title = "\\u0007"\n', "sessions|title"),
        ("\udcff", "not valid TOML: it is no text in UTF-8 (from byte 1 on); save it in UTF-8"),
        (f"x = {'1' * 6000}", "not valid TOML"),
        (SCENARIO.format(name="x" * 5000), "up to 100 characters"),
    ],
)
def test_documents_that_cannot_be_read(tmp_path, capsys, monkeypatch, text, words):
    (tmp_path / "s.toml").write_bytes(text.encode(errors="surrogateescape"))
    status, line = run(capsys, monkeypatch, tmp_path, "simulate", "s.toml", "--quiet")
    assert (status, line.count("\n")) == (2, 1)
    assert any(word in line for word in words.split("|"))


@pytest.mark.parametrize("level", ["2020-01-01", "1" + "0" * 400, "12:00:00"])
def test_levels_that_are_none(tmp_path, capsys, monkeypatch, level):
    (tmp_path / "s.toml").write_text(SWEEP.format(level=level))
    status, line = run(capsys, monkeypatch, tmp_path, "sweep", "s.toml", "--quiet", "--out", "out")
    assert (status, line.count("\n")) == (2, 1)
    assert "amount[0] is" in line
    assert len(line) < 200


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\xd4", b"{}", b"[1]", b'{"digest": 3}'])
def test_a_plan_that_is_none(tmp_path, capsys, monkeypatch, content):
    (tmp_path / "s.toml").write_text(SWEEP.format(level=2))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_bytes(content)
    status, line = run(capsys, monkeypatch, tmp_path, "sweep", "s.toml", "--quiet", "--out", "out")
    assert (status, line.count("\n")) == (2, 1)
    assert (tmp_path / "out" / "plan.json").read_bytes() == content


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no device without an end")
@pytest.mark.parametrize(
    "arguments", [("simulate", "/dev/zero"), ("data", "check", "/dev/zero"), ("sweep", "/dev/zero")]
)
def test_a_device_without_an_end(tmp_path, capsys, monkeypatch, arguments):
    status, line = run(capsys, monkeypatch, tmp_path, *arguments)
    assert (status, line.count("\n")) == (2, 1)
    assert "File too large" in line


def test_one_session_of_each_dendrite(tmp_path, capsys, monkeypatch):
    (tmp_path / "t.csv").write_text("animal,dendrite,day,count\nm1,d1,0,10\nm1,d2,0,11\n")
    status, line = run(capsys, monkeypatch, tmp_path, "fit", "--data", "t.csv", "--quiet", "--out", "out")
    assert (status, line.count("\n")) == (2, 1)
    assert "two sessions" in line


def test_numbers_beyond_any_dendrite_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_text(ROWS.format(length="1e300", count="5000000"))
    read = read_observations(tmp_path / "t.csv")
    told = [problem.message for problem in read.audit.problems if "allowed is up to" in problem.message]
    assert told == [
        "spine_count is 5000000; allowed is up to 1e+06; left out",
        "length_um is 1e300; allowed is up to 100000; left out",
    ]
    assert not (read.observations["length_um"] > 1e5).any()


def test_a_mark_at_the_start_of_a_document_is_read_over(tmp_path):
    """Editors of Windows put it there."""
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbf" + SCENARIO.format(name="a").encode())
    assert load(tmp_path / "s.toml").name == "a"


def test_a_nested_document_in_python(tmp_path):
    (tmp_path / "s.toml").write_text("x = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(ScenarioError, match="nested too deep"):
        load(tmp_path / "s.toml")


@pytest.mark.parametrize("told", ["summary.json", "comparison.json", "design.json"])
def test_results_of_one_kind_are_not_written_beside_another(tmp_path, capsys, monkeypatch, told):
    (tmp_path / "s.toml").write_text(SWEEP.format(level=2))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / told).write_text("{}")
    status, line = run(capsys, monkeypatch, tmp_path, "sweep", "s.toml", "--quiet", "--out", "out")
    assert (status, line.count("\n")) == (2, 1)
    assert "which holds results of another program" in line


SMALL = SCENARIO.format(name="a") + "[cohort]\nanimals = 1000\ndendrites_per_animal = 1000\n"
LARGE_SWEEP = SWEEP.format(level=2).replace('observe = "expected"', "replicates = 100_000_000")


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [("a.toml", SMALL, ["simulate", "a.toml", "--replicates", "100000"]), ("s.toml", LARGE_SWEEP, ["sweep", "s.toml"])],
)
def test_work_of_hours_is_told_and_not_begun(tmp_path, capsys, monkeypatch, file, text, command):
    (tmp_path / file).write_text(text)
    status, said = run(capsys, monkeypatch, tmp_path, *command, "--quiet")
    assert status == 2
    assert said.count("\n") == 1
    assert "hours of work on" in said
    assert "or say --yes" in said
    seen = []
    monkeypatch.setattr("synmodel.cli.simulate.demand_yes", lambda spines, *, yes, **_: seen.append((spines, yes)))
    for name in ("simulated.simulate_scenario", "workflows.run_sweep"):
        monkeypatch.setattr(f"synmodel.{name}", lambda *_args, **_given: sys.exit(7))
    assert run(capsys, monkeypatch, tmp_path, *command, "--quiet", "--yes")[0] == 7
    ((spines, yes),) = seen
    assert yes
    assert spines > 1e10


def test_the_work_that_is_told_is_the_work_that_is_done():
    """Spines that a replicate of a scenario without a drug follows."""
    plan = load("saline-mouse")
    followed = sum(histories(plan, seed=1, replicate=number).sizes["spine"] for number in range(20))
    assert followed / 20 == pytest.approx(expected_spines(plan), rel=0.1)


def test_a_table_of_a_million_columns_is_refused_before_it_is_read(tmp_path, capsys, monkeypatch):
    (tmp_path / "t.csv").write_text("animal,dendrite," + ",".join(["x"] * 1_000_000) + "\n")
    status, said = run(capsys, monkeypatch, tmp_path, "data", "check", "t.csv")
    assert status == 2
    assert "a row has 1000002 columns; a table has up to 16384" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            "simulate psilocybin-mouse --replicates 1e12",
            "--replicates | 1e12 | integer; see `synmodel sim",
        ),
        ("simulate psilocybin-mouse --draws -1", "--draws | -1 | see `synmodel simulate --help`"),
        ("simulate psilocybin-mouse --format pdf", "--format | pdf | 'csv', 'parquet', 'xlsx'; see"),
        ("new nothing x", "nothing | one of 'compound', "),
        (
            "simulate psilocybin-mouse --posterior .",
            "from .: it is a folder; give a file such as joint.nc in it, or make",
        ),
        ("simulate psilocybin-mouse --posterior t.csv", "from t.csv: it is no netCDF file; make one with"),
        ("convert t.csv", "cannot read t.csv as a result (it is no netCDF file); give"),
        ("convert bytes.json", "cannot read bytes.json as a result (it is no text in UTF-8); give"),
        ("posterior --out t.csv", "--out is t.csv, which is a file; give a folder"),
        ("predict .", ". has no study.toml; give a folder with study.toml and summaries.csv"),
        ("fit --study t.csv/", "t.csv has no study.toml; give a folder with"),
        ("fit --data t.csv", "`synmodel data check FILE` says what is wrong in which row"),
        (
            "fit --model none",
            "--model is of the fit of single dendrites; give their table with --data, or leave it out",
        ),
        ("fit --dose-date 2024-03-10", "--dose-date is of the fit of single dendrites"),
        ("fit --data t.csv --study shao2021", "--study is of the fit of group summaries; leave it out beside --data"),
        ("fit --data t.csv --unit dendrite", "--unit is of the fit of group summaries"),
        ("sweep ketamine-dose-interval --scheduler local --workers 0", "--workers | 0 | see"),
        ("sweep ketamine-dose-interval --scheduler nowhere", "scheduler is 'nowhere'; give 'local', an address"),
        ("plot raster missing.csv", "cannot read missing.csv: there is no such file; give tables of single spines, or"),
        ("plot raster .", "cannot read .: it is a folder; give tables of single spines, or one scenario"),
        ("plot estimation t.csv", "no row of the tables can be used; `synmodel data check FILE` says what is wrong"),
        ("plot estimation once.csv", "of formation_fraction there are: none; give another quantity, or a table that"),
        ("simulate psilocybin-mouse --posterior other.nc", "a posterior from other.nc: it holds none; make one with"),
    ],
)
def test_slips_are_told_with_what_was_given_and_what_to_do(tmp_path, capsys, monkeypatch, arguments, words):
    (tmp_path / "t.csv").write_text("animal,dendrite,day,count\nm1,d1,0,-5\nm1,d1,2,11\n")
    (tmp_path / "once.csv").write_text("animal,dendrite,day,count\nm1,d1,0,5\nm1,d1,2,11\n")
    (tmp_path / "bytes.json").write_bytes(b"\xff")
    xr.Dataset({"x": 1.0}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    status, line = run(capsys, monkeypatch, tmp_path, *arguments.split())
    assert (status, line.count("\n")) == (2, 1), line
    assert all(part in line for part in words.split(" | ")), line


def test_a_folder_does_not_hide_a_scenario_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("psilocybin-mouse").mkdir()
    assert _tables_of(["psilocybin-mouse"], "tables") == []
