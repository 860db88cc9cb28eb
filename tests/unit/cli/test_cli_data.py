"""The data verbs: what they print, write and refuse."""

import json

import command_line
import pytest
import xarray as xr

pytestmark = pytest.mark.heavy

COUNTS = """study,arm,mouse,dendrite,day,spine_count,gained,lost,length_um
s,drug,m1,1,-1,10,,,20
s,drug,m1,1,1,12,2,1,20
"""
DATED = "date,segment,numSpines\n2024-03-07,1,5\n2024-03-11,1,6\n"
NOTE = "days read from labels: 'day_-1' -> -1, 'day_1' -> 1"
WIDE = "mouse,dendrite,spine,day_-1,day_1\nm,1,a,1,1\nm,1,b,0,1\n"


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Exit status, stdout and stderr of the command, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def runner(*arguments):
        return command_line.run(capsys, monkeypatch, "data", *arguments)

    return runner


def test_check(run, tmp_path):
    (tmp_path / "a.csv").write_text(COUNTS)
    status, out, err = run("check", "a.csv", "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert set(document) == {"rows", "problems", "notes", "dendrites"}
    assert document["rows"] == 2
    assert document["notes"] == []
    assert document["dendrites"] == {"total": 1, "used": 0}  # its only interval does not balance
    assert [problem["kind"] for problem in document["problems"]] == ["count-mismatch"]
    assert set(document["problems"][0]) == {"kind", "where", "message"}
    status, out, _ = run("check", "a.csv")
    assert status == 0
    assert "form counts: 2 rows, 1 animals, 1 dendrites (1 with counts, 0 used), 2 sessions" in out
    assert "to do: compare count, gained and lost with the images" in out
    assert "row 3: s, drug, mouse m1, dendrite 1, day 1: 12 spines, but 10 + 2 - 1 is 11" in out
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_convert(run, tmp_path):
    (tmp_path / "a.csv").write_text(WIDE)
    status, out, _ = run("convert", "a.csv", "--out", "deep/out")
    assert status == 0
    assert "nothing inconsistent" in out
    folder = tmp_path / "deep" / "out"
    assert sorted(command_line.names_in(folder)) == ["audit.json", "observations.nc", "presence.nc"]
    assert json.loads((folder / "audit.json").read_text()) == {
        "rows": 2,
        "problems": [],
        "notes": [NOTE],
        "dendrites": {"total": 1, "used": 1},
    }
    with xr.open_dataset(folder / "observations.nc", engine="h5netcdf") as seen:
        assert seen["spine_count"].to_numpy().tolist() == [[[1, 2]]]
        assert seen["mouse"].to_numpy().tolist() == ["m"]
        assert seen["length_um"].attrs["units"] == "um"
    with xr.open_dataset(folder / "presence.nc", engine="h5netcdf") as presence:
        assert presence["present"].to_numpy().tolist() == [[1, 1], [0, 1]]
    first = (folder / "observations.nc").read_bytes()
    run("convert", "a.csv", "--out", "again", "--json")
    assert (tmp_path / "again" / "observations.nc").read_bytes() == first


def test_days_dates_sheet_and_mouse(run, tmp_path):
    (tmp_path / "dated.csv").write_text(DATED)
    status, out, _ = run("check", "dated.csv", "--dose-date", "2024-03-10", "--mouse", "m1")
    assert status == 0
    assert "note: columns read as: date -> day, segment -> dendrite, numSpines -> spine_count\n" in out
    assert "note: days read from labels: '2024-03-07' -> -3, '2024-03-11' -> 1\n" in out
    (tmp_path / "counted.csv").write_text("session,dendrite,spines\n0,1,5\n1,1,6\n")
    status, out, _ = run("convert", "counted.csv", "--days", "-3,1", "--mouse", "m1", "--json")
    assert status == 0
    assert "days read from labels: '0' -> -3, '1' -> 1" in json.loads(out)["notes"]
    with xr.open_dataset(tmp_path / "synmodel-data" / "observations.nc", engine="h5netcdf") as seen:
        assert seen["session"].to_numpy().tolist() == [-3, 1]


def test_equal_problems_are_grouped_on_the_screen_and_whole_in_json(run, tmp_path):
    rows = "".join(f"s,drug,m{i},1,{day},10,1,1,20\n" for i in range(5) for day in (-1, 1, 3))
    (tmp_path / "a.csv").write_text(COUNTS.splitlines()[0] + "\n" + rows.replace("3,10", "3,12"))
    _, out, _ = run("check", "a.csv")
    line = next(line for line in out.splitlines() if line.startswith("count-mismatch, 5 times"))
    assert line.endswith("row 10: s, drug, mouse m2, dendrite 1, day 3 and 2 more")
    _, out, _ = run("check", "a.csv", "--json")
    assert [problem["kind"] for problem in json.loads(out)["problems"]].count("count-mismatch") == 5


def test_columns_and_form(run, tmp_path):
    (tmp_path / "a.csv").write_text(COUNTS.replace("mouse", "Animal ID"))
    (tmp_path / "map.toml").write_text('[columns]\nmouse = "Animal ID"\n')
    assert run("check", "a.csv", "--columns", "map.toml", "--form", "counts", "--json")[0] == 0
    (tmp_path / "map.toml").write_text("[column]\n")
    status, _, err = run("check", "a.csv", "--columns", "map.toml")
    assert status == 2
    assert "did you mean 'columns'" in err


def test_schema(run):
    status, out, _ = run("schema")
    assert status == 0
    assert json.loads(out)["type"] == "array"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere.csv"], "cannot read nowhere.csv"),
        (["check", "a.csv", "--form", "presense"], "did you mean 'presence'"),
        (["check", "b.csv"], "make no known form"),
        (["convert", "c.csv", "--out", "o"], "no usable dendrite"),
        (["convert", "a.csv", "--out", "b.csv"], "which is a file; give a folder"),
        (["check", "a.csv", "c.csv"], "only deposited workbooks"),
        (["check", "a.csv", "--sheet", "x"], "is no workbook; leave --sheet out"),
        (["check", "a.csv", "--mouse", "m"], "has a column for the mouse; leave --mouse out"),
        (["check", "a.csv", "--days", "T0"], "days has 'T0', which is no number of days"),
        (["check", "a.csv", "--days", "T0=1"], "--days gives 't0', but a.csv: day has only the sessions '-1', '1'"),
        (["check", "a.csv", "--dose-date", "soon"], "write year, month and day, such as 2024-03-10"),
    ],
)
def test_bad_input_exits_2_with_one_line(run, tmp_path, arguments, message):
    (tmp_path / "a.csv").write_text(COUNTS)
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    (tmp_path / "c.csv").write_text("mouse,dendrite,spine,day,status\nm,1,a,1,unsure\n")
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv", "c.csv"]
