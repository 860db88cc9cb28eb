"""Readers: forms told from columns, faults planted and found, numbers in their places."""

import json
from typing import get_args

import numpy as np
import pytest
import xarray as xr

from synmodel.core.errors import DataError
from synmodel.core.schema import OBSERVATIONS, PRESENCE, conform
from synmodel.data import Audit, Problem, read_observations, select
from synmodel.data.audit import ADVICE, KINDS, Kind
from synmodel.data.counts import balanced
from synmodel.data.fractions import chains
from synmodel.data.means import step_of, tell
from synmodel.data.presence import SpineRow, long_table_schema
from synmodel.imaging import summarise

COUNTS = "study,arm,mouse,dendrite,day,spine_count,gained,lost,length_um"
GOOD = f"""{COUNTS}
s,drug,m1,1,-1,10,,,20
s,drug,m1,1,1,11,2,1,20
s,drug,m1,1,3,9,0,2,20
s,saline,m2,1,-1,8,,,16
s,saline,m2,1,1,8,1,1,16
s,saline,m2,2,-1,5,,,9
s,saline,m2,2,1,6,1,0,9
s,saline,m2,2,3,6,0,0,9
"""
SPINES = "study,arm,mouse,dendrite,spine,day,status"


@pytest.fixture
def read(tmp_path):
    """Read a text as a file."""

    def reader(text, name="table.csv", **options):
        path = tmp_path / name
        path.write_text(text)
        return read_observations(path, **options)

    return reader


def kinds(reading):
    return set(reading.audit.tally())


def test_counts_find_their_places(read):
    reading = read(GOOD)
    seen = reading.observations
    assert reading.form == "counts"
    assert reading.presence is None
    assert reading.audit == Audit(8, ())
    conform(seen, OBSERVATIONS)
    assert dict(seen.sizes) == {"animal": 2, "dendrite": 2, "session": 3, "interval": 2}
    assert seen["mouse"].to_numpy().tolist() == ["m1", "m2"]
    assert seen["arm"].to_numpy().tolist() == ["drug", "saline"]
    assert seen["dendrite_label"].to_numpy().tolist() == [["1", ""], ["1", "2"]]
    np.testing.assert_array_equal(seen["spine_count"][0, 0], [10, 11, 9])
    np.testing.assert_array_equal(seen["gained"][1], [[1, np.nan], [1, 0]])
    np.testing.assert_array_equal(seen["lost"][0, 0], [1, 2])
    np.testing.assert_array_equal(seen["length_um"][1, 0], [16, 16, np.nan])
    assert np.isnan(seen["spine_count"][0, 1]).all()
    assert balanced(seen).sum() == 5


@pytest.mark.parametrize(
    ("old", "new", "kind", "where"),
    [
        ("m1,1,1,11,2,1", "m1,1,1,12,2,1", "count-mismatch", "row 3"),
        ("m1,1,3,9,0,2", "m1,1,3,0,1,12", "lost-more-than-there-were", "row 4"),
        ("m1,1,1,11,2,1,20", "m1,1,1,11,2,1,-20", "negative-length", "row 3"),
        ("m1,1,1,11,2,1", "m1,1,1,-11,2,1", "negative-count", "row 3"),
        ("m1,1,1,11,2,1", "m1,1,1,11.5,2,1", "not-an-integer", "row 3"),
        ("m1,1,1,11,2,1", "m1,1,1,11,,1", "missing-value", "row 3"),
        ("m1,1,1,11,2,1", "m1,1,1,11,two,1", "missing-value", "row 3"),
        ("m1,1,1,11,2,1", "m1,1,,11,2,1", "missing-value", "row 3"),
        ("s,drug,m1,1,1,", "s,drug,,1,1,", "missing-value", "row 3"),
        ("s,saline,m2,1,1,8,1,1,16\n", "", "skipped-session", ""),
        ("s,drug,m1,1,-1,10,,,20", "s,drug,m1,1,-1,10,3,1,20", "skipped-session", "row 2"),
        ("s,drug,m1,1,3,9,0,2,20\n", "s,drug,m1,1,3,9,0,2,20\ns,drug,m1,1,3,9,0,2,20\n", "repeated-row", "row 5"),
        ("s,drug,m1,1,3,9,0,2,20\n", "s,drug,m1,1,3,9,0,2,20\ns,drug,m1,1,3,7,0,4,20\n", "repeated-label", "row 4"),
        ("s,saline,m2,2,", "s,saline,m2,1.2,", "repeated-label", "row 8"),
        ("s,saline,m2,2,", "s,drug,m2,2,", "repeated-label", "row 8"),
    ],
)
def test_planted_faults_of_counts(read, old, new, kind, where):
    text = GOOD.replace("s,saline,m2,1,1,8,1,1,16", "s,saline,m2,1,1,8,1,1,16\ns,saline,m2,1,3,9,1,0,16")
    assert not read(text).audit.problems
    assert old in text
    reading = read(text.replace(old, new))
    found = [problem for problem in reading.audit.problems if problem.kind == kind]
    assert found
    assert any(problem.where.startswith(where) for problem in found), found


def test_nothing_is_repaired(read):
    """A contradiction stays as it is in the file; what cannot be is left out, not mended."""
    seen = read(GOOD.replace("m1,1,1,11,2,1", "m1,1,1,12,2,1")).observations
    assert seen["spine_count"][0, 0, 1] == 12
    assert balanced(seen)[0, 0].to_numpy().tolist() == [False, False]
    seen = read(GOOD.replace("m1,1,1,11,2,1", "m1,1,1,-11,2,1")).observations
    assert np.isnan(seen["spine_count"][0, 0, 1])
    seen = read(GOOD + "s,drug,m1,1,3,7,0,4,20\n").observations
    assert np.isnan(seen["spine_count"][0, 0, 2])


def test_flags_and_other_columns(read):
    rows = GOOD.strip().splitlines()
    lines = [rows[0] + ",sex,note,depth / um,damaged,interpolated,session"]
    lines += [f"{row},F,n{i % 2},{i},{int(i == 1)},{int(i == 2)},x" for i, row in enumerate(rows[1:])]
    reading = read("\n".join(lines))
    seen = reading.observations
    assert reading.audit.tally() == {"damaged-dendrite": 1, "censored-session": 1}
    assert seen["sex"].dims == ("animal",)
    assert seen["note"].dims == ("animal", "dendrite", "session")
    assert seen["depth_um"][1, 1, 2] == 7
    assert seen["damaged"][0, 0, 1] == 1
    assert seen["spine_count"][0, 0, 1] == 11
    assert np.isnan(seen["spine_count"][0, 0, 2])
    assert "session_in_file" in seen.coords


def test_fractions_beside_counts(read):
    text = """mouse,dendrite,day,spine_count,length_um,density_per_um,formation_fraction,elimination_fraction
m,1,-1,30,60,0.5,,
m,1,1,31,60,0.52,0.100,0.067
m,1,3,30,60,0.60,0.000,0.032
m,1,5,29,60,0.48,0.050,0.033
"""
    reading = read(text)
    np.testing.assert_array_equal(reading.observations["gained"][0, 0], [3, 0, np.nan])
    np.testing.assert_array_equal(reading.observations["lost"][0, 0], [2, 1, 1])
    assert reading.audit.tally() == {"no-integers-explain": 1, "density-mismatch": 1}
    assert reading.observations["formation_fraction"].dims == ("animal", "dendrite", "session")


FRACTIONS = "mouse,dendrite,day,density_per_um,formation_fraction,elimination_fraction"


def test_fractions_alone(read):
    dendrites = {"a": (3 / 23, 2 / 23), "b": (1 / 7, 0), "c": (1 / 47, 1 / 43)}
    body = "".join(f"m,{name},-1,.5,,\nm,{name},1,.5,{born},{died}\n" for name, (born, died) in dendrites.items())
    reading = read(f"{FRACTIONS}\n{body}", most_spines=40)
    np.testing.assert_array_equal(reading.observations["spine_count"][0, 0], [23, 24])
    assert np.isnan(reading.observations["spine_count"][0, 1:]).all()
    assert reading.audit.tally() == {"ambiguous-integers": 1, "no-integers-explain": 1}
    assert "7, 14, 21, 28" in next(p.message for p in reading.audit.problems if p.kind == "ambiguous-integers")
    assert read(f"{FRACTIONS}\n{body}", most_spines=9).observations["spine_count"][0, 1, 1] == 8


def test_a_length_tells_the_number_of_spines(read):
    body = f"m,b,-1,0.5,,,28\nm,b,1,0.5714,{1 / 7},0,28\n"
    seen = read(f"{FRACTIONS},length_um\n{body}").observations
    np.testing.assert_array_equal(seen["spine_count"][0, 0], [14, 16])
    np.testing.assert_array_equal(seen["gained"][0, 0], [2])


def test_fractions_of_a_session_that_has_no_other_number(read):
    """Fractions are of the spines of the session before, which thereby was imaged."""
    body = f"m,a,-1,,,\nm,a,1,,{3 / 23},{2 / 23}\n"
    np.testing.assert_array_equal(read(f"{FRACTIONS}\n{body}").observations["spine_count"][0, 0], [23, 24])


def test_means_over_spines_tell_the_number(read):
    rng = np.random.default_rng(4)
    lines = [f"{FRACTIONS},head_width_um"]
    for dendrite in range(12):
        count = 7
        for day in range(9):
            gained, lost = (1, 1) if day else (0, 0)
            fractions = f"{gained / count},{lost / count}" if day else ","
            mean = float(rng.integers(200, 600, count).sum() * 0.00242 / count)
            lines.append(f"m,{dendrite},{day},,{fractions},{mean!r}")
    reading = read("\n".join(lines))
    assert reading.audit.problems == ()
    assert (reading.observations["spine_count"] == 7).all()
    silent = read("\n".join(line.rsplit(",", 1)[0] for line in lines))
    assert set(silent.audit.tally()) == {"ambiguous-integers"}


def test_steps_of_measurements():
    rng = np.random.default_rng(1)
    assert step_of(rng.integers(1000, 9000, 50) * 0.0004) == pytest.approx(0.0004)
    assert np.isnan(step_of(rng.random(50)))
    count = np.full(10, 6)
    means = rng.integers(2000, 6000, (10, 1)) * 0.01 / count[:, None]
    assert tell(means, count, np.array([0.01])) is True
    assert tell(means, 2 * count, np.array([0.01])) is not True, "half the spines do as well"
    assert tell(means, count + 1, np.array([0.01])) is False
    assert tell(means[:3], count[:3], np.array([0.01])) is None


def test_chains_are_whole_and_balance():
    found = chains(np.array([2 / 12, 0]), np.array([3 / 12, 1 / 11]), (1e-6, 1e-6), 30)
    assert [chain.count for chain in found] == [(12, 11, 10), (24, 22, 20)]
    assert found[0].gained == (2, 0)
    assert found[0].lost == (3, 1)


LONG = f"""{SPINES}
s,drug,m,1,a,-1,present
s,drug,m,1,a,1,present
s,drug,m,1,a,3,absent
s,drug,m,1,b,-1,absent
s,drug,m,1,b,1,present
s,drug,m,1,b,3,present
"""
WIDE = "mouse,dendrite,spine,day_-1,day_1,day_3\nm,1,a,1,1,0\nm,1,b,0,1,1\n"


@pytest.mark.parametrize("text", [LONG, WIDE])
def test_presence_and_the_counts_that_follow(read, text):
    reading = read(text)
    assert reading.form == ("spines" if text is LONG else "presence")
    assert reading.audit.problems == ()
    conform(reading.presence, PRESENCE)
    np.testing.assert_array_equal(reading.presence["present"], [[1, 1, 0], [0, 1, 1]])
    assert reading.presence["spine_label"].to_numpy().tolist() == ["a", "b"]
    seen = reading.observations
    np.testing.assert_array_equal(seen["spine_count"][0, 0], [1, 2, 1])
    np.testing.assert_array_equal(seen["gained"][0, 0], [1, 0])
    np.testing.assert_array_equal(seen["lost"][0, 0], [0, 1])
    assert balanced(seen).all()


@pytest.mark.parametrize(
    ("text", "old", "new", "kind", "status"),
    [
        (LONG, "a,1,present", "a,1,maybe", "unknown-status", -1),
        (LONG, "a,1,present", "a,1,unsure", "censored-session", -1),
        (LONG, "a,1,present", "a,1,Censored", "censored-session", -1),
        (LONG, "a,1,present", "a,1,", "missing-value", -1),
        (LONG, "s,drug,m,1,a,1,present\n", "", "missing-value", -1),
        (LONG, "a,3,absent", "a,3,absent\ns,drug,m,1,a,1,present", "repeated-row", 1),
        (LONG, "a,3,absent", "a,3,absent\ns,drug,m,1,a,1,absent", "repeated-label", -1),
        (LONG.replace("a,3,absent", "a,3,present"), "a,1,present", "a,1,absent", "reappearing-spine", 0),
        (WIDE, "a,1,1,0", "a,1,2,0", "unknown-status", -1),
        (WIDE, "a,1,1,0", "a,1,,0", "censored-session", -1),
        (WIDE, "a,1,1,0", "a,1,0,1", "reappearing-spine", 0),
        (WIDE, "m,1,b,", "m,1,a,", "repeated-label", 1),
        (WIDE, "m,1,b,0,1,1", "m,1,b,0,1,1\nm,1,a,1,1,0", "repeated-row", 1),
    ],
)
def test_planted_faults_of_presence(read, text, old, new, kind, status):
    assert old in text
    reading = read(text.replace(old, new, 1))
    assert kind in kinds(reading), reading.audit
    assert reading.presence["present"][0, 1] == status
    count = reading.observations["spine_count"][0, 0, 1]
    assert np.isnan(count) == (status == -1)


def test_a_dendrite_that_skips_a_session(read):
    text = WIDE + "m,2,a,1,,1\nm,2,b,1,,0\n"
    reading = read(text)
    assert [(p.kind, p.where) for p in reading.audit.problems] == [
        ("skipped-session", "unknown, unknown, mouse m, dendrite 2, day 3")
    ]
    np.testing.assert_array_equal(reading.observations["spine_count"][0, 1], [2, np.nan, 1])
    np.testing.assert_array_equal(reading.observations["lost"][0, 1], [np.nan, 1])


def test_spines_with_lengths_and_other_columns(read):
    text = "mouse,fov,dendrite,spine,sex,length_um,-1,1\nm,2,1,a,F,20,1,1\nm,2,1,b,F,20,0,1\nm,3,1,a,F,,1,0\n"
    seen = read(text).observations
    assert seen["dendrite_label"].to_numpy().tolist() == [["2-1", "3-1"]]
    assert seen["sex"].to_numpy().tolist() == ["F"]
    np.testing.assert_array_equal(seen["length_um"][0], [[20, 20], [np.nan, np.nan]])


def test_new_spines_and_survival(read):
    text = "arm,dendrite,new_on_day,n_new,day,n_present\na,1,1,3,5,1\na,1,1,3,10,2\na,2,1,1,5,2\n"
    reading = read(text)
    assert reading.form == "new-spines"
    assert reading.audit.tally() == {"reappearing-spine": 2, "count-mismatch": 1}
    np.testing.assert_array_equal(reading.observations["new_spines_seen"][0, 0], [3, 1, 2])
    text = "mouse,spine,last_day,disappeared\nm,FOV1-1-1,3,1\nm,FOV1-1-2,7,0\nm,FOV2-1-1,3,0\nm,FOC2-1-2,7,1\n"
    reading = read(text)
    assert reading.form == "survival"
    assert reading.audit.tally() == {"repeated-label": 1}
    np.testing.assert_array_equal(reading.observations["new_spines_followed"][0], [[1, 1], [2, np.nan]])


def test_names_are_mapped(read, tmp_path):
    text = GOOD.replace("mouse,dendrite,day,spine_count", "Animal ID;segment;Day;n".replace(";", ","))
    columns = tmp_path / "map.toml"
    columns.write_text('[columns]\nmouse = "Animal ID"\ndendrite = "segment"\nspine_count = "n"\n')
    xr.testing.assert_identical(read(text, columns=columns).observations, read(GOOD).observations)
    tabbed = GOOD.replace(",", "\t")
    xr.testing.assert_identical(read(tabbed, "table.tsv").observations, read(GOOD).observations)
    comma = GOOD.replace(",", ";").replace(";20\n", ";20,0\n")
    xr.testing.assert_identical(read(comma).observations, read(GOOD).observations)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("mous,dendrit,day,spine_count\nm,1,1,5\n", {}, "Nearest is counts, without mouse (perhaps 'mous')"),
        ("mouse,dendrite,spine,day_1\nm,1,a,1\n", {}, "columns for days"),
        (GOOD, {"form": "presence"}, "presence, which needs mouse, dendrite, spine and a column for each"),
        (GOOD, {"form": "workbook"}, "no deposited workbook"),
        (GOOD, {"form": "count"}, "form is 'count'; did you mean 'counts'"),
        (GOOD, {"columns": {"mose": "mouse"}}, "columns.mose is not known; did you mean 'mouse'"),
        (GOOD, {"columns": {"mouse": "mice"}}, "which table.csv does not have"),
        (GOOD, {"most_spines": 0}, "most_spines is 0"),
        (GOOD.replace("length_um", "mouse"), {}, "two columns for 'mouse'"),
        ("", {}, "is empty"),
        (COUNTS, {}, "has a heading and no rows"),
        (f"{COUNTS}\ns,a,m,1,1,5,,,20,7\n", {}, "row 2, has 10 cells under 9 headings"),
        (f"{COUNTS}\ns,a,m,1,1,,,,20\n", {}, "no usable dendrite"),
        (f"{SPINES}\ns,a,m,1,a,1,unsure\n", {}, "no usable dendrite"),
        ("mouse,spine,last_day,disappeared\nm,FOV1-1-1,,\n", {}, "no usable dendrite"),
        (GOOD.replace("m1", '"m1', 1), {}, "it is no table"),
    ],
)
def test_one_line_says_what_is_wrong(read, text, options, message):
    with pytest.raises(DataError) as fault:
        read(text, **options)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_files_that_are_no_tables(tmp_path):
    for name, content in (("a.csv", b"\xff\xfe\x00\x01"), ("a.xlsx", b"PK no workbook")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="cannot read"):
            read_observations(tmp_path / name)
    with pytest.raises(DataError, match="cannot read"):
        read_observations(tmp_path)


def test_workbooks(tmp_path):
    """A table in a workbook, and a small workbook laid out as the deposited ones."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in GOOD.strip().splitlines():
        book.active.append([float(cell) if cell.lstrip("-").isdigit() else cell or None for cell in row.split(",")])
    book.save(tmp_path / "plain.xlsx")
    (tmp_path / "plain.csv").write_text(GOOD)
    plain = read_observations(tmp_path / "plain.xlsx")
    xr.testing.assert_identical(plain.observations, read_observations(tmp_path / "plain.csv").observations)

    book = openpyxl.Workbook()
    book.remove(book.active)
    heading = ["mouse_id", "sex", "condition", "fov", "dendrite", "day_-3", "day_-1", "day_+1", None, "derived"]
    for title, values in (("FORMATION", ["NA", 3 / 23, 0]), ("ELIMINATION", ["NA", 2 / 23, 1 / 24])):
        sheet = book.create_sheet(title)
        sheet.append([f"SPINE_{title}_RATE_SEXES_COMBINED"])
        sheet.append(heading)
        sheet.append(["m1", "F", "Saline", 2, 1, *values])
        sheet.append(["m1", "F", "saline", 2, 1, *values])
    sheet = book.create_sheet("persist")
    sheet.append(["NEW_SPINES_PERSISTS_SEXES_COMBINED"])
    sheet.append(["mouse_id", "sex", "condition", "FOV", "dendrities #", "new", "day +7", "day +34"])
    sheet.append(["m1", "F", "Saline", "FOV2", 1, 3, 1 / 3, 0.4])
    book.save(tmp_path / "deposit.xlsx")
    reading = read_observations(tmp_path / "deposit.xlsx")
    assert reading.form == "workbook"
    seen = reading.observations
    assert seen["dendrite_label"].to_numpy().tolist() == [["2-1", "2-1.2"]]
    np.testing.assert_array_equal(seen["spine_count"][0, 0, :3], [23, 24, 23])
    np.testing.assert_array_equal(seen["new_spines_seen"][0, 0], [np.nan, np.nan, 3, 1])
    assert reading.audit.tally()["repeated-label"] == 3  # once in each sheet, once as a renumbered label
    assert reading.audit.tally()["no-integers-explain"] == 1


def test_without_openpyxl(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match=r"pip install 'synmodel\[data\]'"):
        read_observations(tmp_path / "a.xlsx")


def test_select_and_summarise(read):
    seen = read(GOOD).observations
    saline = select(seen, arm="saline", study="s")
    assert saline["mouse"].to_numpy().tolist() == ["m2"]
    summary = summarise(saline)
    first = summary.isel(point=0)
    assert str(first["quantity"].item()) == "formation_fraction"
    assert float(first["mean"]) == pytest.approx((1 / 8 + 1 / 5) / 2)
    with pytest.raises(DataError, match="arm is 'salin'; did you mean 'saline'"):
        select(seen, arm="salin")


def test_the_vocabulary_is_documented():
    assert set(KINDS) == set(ADVICE) == set(get_args(Kind))
    problem = Problem("repeated-row", "row 3", "taken once")
    assert Audit(1, (problem,), ("columns read as: Day -> day",)).document() == {
        "rows": 1,
        "problems": [{"kind": "repeated-row", "where": "row 3", "message": "taken once"}],
        "notes": ["columns read as: Day -> day"],
    }


def test_equal_problems_are_one_line_with_the_first_three_places():
    rows = [Problem("count-mismatch", f"row {i}", f"{i} spines, but 1 + 1 - 1 is 1") for i in range(2, 7)]
    other = Problem("missing-value", "row 9", "the day is empty")
    lines = Audit(9, (*rows, other)).lines()
    assert lines == [
        "count-mismatch, 5 times: 2 spines, but 1 + 1 - 1 is 1 (the first of them): row 2; row 3; row 4 and 2 more",
        "missing-value: row 9: the day is empty",
    ]


def test_the_schema_of_the_table_of_spines():
    schema = long_table_schema()
    assert json.loads(json.dumps(schema)) == schema
    row = schema["$defs"]["SpineRow"]
    assert set(SPINES.split(",")) == set(row["properties"])
    assert row["properties"]["status"]["enum"] == ["present", "absent", "censored", "unsure"]
    assert set(row["required"]) == {"mouse", "dendrite", "spine", "day", "status"}
    assert SpineRow(mouse="m", dendrite="1", spine="a", day=-1, status="present").arm == "unknown"
