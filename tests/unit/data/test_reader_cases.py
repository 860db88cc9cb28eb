"""Files as laboratories have them: each is read at the first try, or refused with one line that says what to give."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat

from synmodel.core.errors import DataError
from synmodel.data import ReadingOptions, dendrites_used, read_each, read_observations

DAYS = (-3, -1, 1, 3)
HEADING = "arm,mouse,dendrite,day,spine_count,gained,lost,length_um"
RECORDS = [
    (arm, f"{arm[0]}{mouse}", dendrite, day, 10 + mouse + k, *((2, 1) if k else ("", "")), 40.5)
    for arm in ("saline", "drug")
    for mouse in (1, 2)
    for dendrite in ("d1", "d2")
    for k, day in enumerate(DAYS)
]
COUNTS = "\n".join([HEADING, *(",".join(map(str, record)) for record in RECORDS)]) + "\n"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "cases" / "files"


def with_days(labels):
    """The counts with other labels for the days of DAYS."""
    named = dict(zip(DAYS, labels, strict=True))
    return "\n".join([HEADING, *(",".join(map(str, (*row[:3], named[row[3]], *row[4:]))) for row in RECORDS)]) + "\n"


@pytest.fixture
def read(tmp_path):
    """Read texts as files."""

    def reader(*texts, names=("table.csv",), **options):
        for name, text in zip(names, texts, strict=True):
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        paths = [tmp_path / name for name in names]
        return read_observations(paths[0] if len(paths) == 1 else paths, options=ReadingOptions(**options))

    return reader


@pytest.fixture
def plain(read):
    """Observations of the counts as they are meant."""
    return read(COUNTS).observations


@pytest.fixture
def refusal(read):
    """The one line with which texts are refused."""

    def refused(*texts, **options):
        with pytest.raises(DataError) as fault:
            read(*texts, **options)
        assert "\n" not in str(fault.value)
        return str(fault.value)

    return refused


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + COUNTS.encode(),
        COUNTS.replace("\n", "\r\n"),
        COUNTS.replace(",", ";").replace(".5", ",5"),
        COUNTS.replace(",", "\t"),
        COUNTS.replace("length_um", "length_\u00b5m"),
        COUNTS.replace("length_um", "Length (\u00b5m)").encode("cp1252"),
        COUNTS.replace(",", "\t").encode("utf-16"),
        COUNTS.replace(HEADING, "Arm,Mouse,Dendrite,Day,Spine count,Gained,Lost,Length (um)"),
        COUNTS.replace(HEADING, "treatment,animal_id,segment,session_day,n_spines,new,lost,dend_length"),
        COUNTS.replace(HEADING, "group,subject,branch,time_day,numSpines,nAdd,nSub,totalLen"),
        COUNTS.replace(HEADING, "condition,mouseID,segmentID,Time (days),spines,formed,eliminated,length [um]"),
        "A title,,,,,,,\n" + COUNTS,
        "# exported in spring\n\n" + COUNTS,
    ],
)
def test_habits_of_files_and_names(read, plain, text):
    xr.testing.assert_identical(read(text).observations, plain)


def test_every_name_that_was_interpreted_is_told(read):
    notes = read(COUNTS.replace(HEADING, "treatment,animal_id,segment,Day,n_spines,new,lost,length_um")).audit.notes
    assert notes == (
        "columns read as: treatment -> arm, animal_id -> mouse, segment -> dendrite, Day -> day, "
        "n_spines -> spine_count, new -> gained",
    )
    assert read(COUNTS).audit.notes == ()
    other = read(COUNTS.replace("length_um", "length (mm)"))
    assert "column 'length (mm)' is in another unit, so not read as length_um" in other.audit.notes[0]
    assert np.isnan(other.observations["length_um"]).all()


def test_two_columns_for_one_name(refusal):
    both = refusal(COUNTS.replace("arm,mouse", "treatment,group"), names=("a.csv",))
    assert both.startswith("a.csv has two columns for 'arm': 'treatment' and 'group'; name the one")
    assert "two columns for 'lost'; rename one" in refusal(COUNTS.replace("length_um", "lost"))


def test_a_name_is_taken_by_a_map_before_a_habit(read, plain):
    text = COUNTS.replace("arm,mouse", "treatment,mouse").replace("length_um", "group")
    seen = read(text, columns={"arm": "treatment", "length_um": "group"}).observations
    xr.testing.assert_identical(seen, plain)


@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (["Day -3", "Day -1", "Day 1", "Day 3"], {}),
        (["D-3", "D-1", "d1", "d+3"], {}),
        (["day_neg3", "day_neg1", "day_1", "day_+3"], {}),
        (["-3 days", "-1 day", "1 d", "3d"], {}),
        (["2024-03-07", "2024-03-09", "2024-03-11 00:00:00", "2024-03-13"], {"dose_date": "2024-03-10"}),
        (["07.03.2024", "09.03.2024", "11.03.2024", "13.03.2024"], {"dose_date": "2024-03-10"}),
        (["3/7/2024", "3/9/2024", "3/11/2024", "3/13/2024"], {"dose_date": "2024-03-10"}),
        (["44997", "44999", "45001", "45003"], {"dose_date": "2023-03-15"}),
        (["20260107", "20260109", "20260111", "20260113"], {"dose_date": "2026-01-10"}),
        (["baseline", "session 2", "T3", "post"], {"days": "baseline=-3,Session 2=-1,t3=1,post=3"}),
        (["baseline", "session 2", "Day 1", "Day 3"], {"days": {"baseline": -3, "session 2": -1}}),
        (["T0", "T1", "T2", "T3"], {"days": "-3,-1,1,3"}),
    ],
)
def test_labels_of_sessions(read, plain, labels, options):
    reading = read(with_days(labels), **options)
    xr.testing.assert_identical(reading.observations, plain)
    assert any(note.startswith(f"days read from labels: '{labels[0]}' -> -3, ") for note in reading.audit.notes)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (["2024-03-07", "2024-03-09", "2024-03-11", "2024-03-13"], {}, "day has dates (2024-03-07, ...), from which"),
        (["2024-03-07", "2024-03-09", "2024-03-11", "2024-03-13"], {}, "such as --dose-date 2024-03-10"),
        (["2024-03-07", "2024-03-09", "2024-03-11", "2024-03-13"], {"dose_date": "2004-03-10"}, "check --dose-date"),
        (["1/3/2024", "2/3/2024", "3/3/2024", "4/3/2024"], {"dose_date": "2024-03-10"}, "day/month or month/day"),
        (["44997", "44999", "45001", "45003"], {}, "no day but a date (2023-03-12 as Excel counts); give the date"),
        (["20260107", "20260109", "20260111", "20260113"], {}, "no day but a date (2026-01-07 as yyyymmdd); give"),
        (["99001", "99002", "99003", "99004"], {}, "more than 3650 days from the dose, as are most rows"),
        (["T0", "T1", "T2", "T3"], {}, 'give them all, such as --days "T0=-3,T1=1,T2=4,T3=7"'),
        (["T0", "T1", "T2", "T3"], {"days": "T0=0,T1=2,T2=4"}, "the session 'T3', for which --days gives no day"),
        (["T0", "T1", "T2", "T3"], {"days": "1,2,3"}, "has 4 sessions ('T0', 'T1', 'T2', 'T3'), but --days gives 3"),
        (["a", "b", "c", "d"], {}, "which name sessions but not their days"),
        (["Day -3", "last week", "Day 1", "Day 3"], {}, "day has 'last week', which name sessions but not"),
    ],
)
def test_labels_that_are_no_days(refusal, labels, options, message):
    assert message in refusal(with_days(labels), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": "T0=0,T0=1"}, "days gives 'T0' twice"),
        ({"days": "T0=0,4"}, "write label=day for every session, or all days in order"),
        ({"days": "4,4"}, "each once"),
        ({"days": ","}, "days is empty"),
        ({"days": {"T0": float("nan")}}, "no number of days"),
        ({"dose_date": "10.3.2024"}, "the date of the dose is '10.3.2024'; write year, month and day"),
        ({"most_spines": 0}, "most_spines is 0"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(DataError, match=r"^[^\n]*$") as fault:
        ReadingOptions(**options)
    assert message in str(fault.value)


def test_options_and_single_keywords_together(tmp_path, plain):
    (tmp_path / "a.csv").write_text(COUNTS.replace("mouse", "name"))
    seen = read_observations(tmp_path / "a.csv", columns={"mouse": "name"}, options=ReadingOptions(form="counts"))
    xr.testing.assert_identical(seen.observations, plain)


def test_a_session_counter_is_no_day(read, refusal, plain):
    text = with_days(range(4)).replace(",day,", ",session,")
    assert "table.csv: session has '0', '1', '2', '3', which name sessions" in refusal(text)
    xr.testing.assert_identical(read(text, days="0=-3,1=-1,2=1,3=3").observations, plain)
    xr.testing.assert_identical(read(text, days=[-3, -1, 1, 3]).observations, plain)


def test_each_mouse_may_have_a_date_of_its_own(read, plain):
    lines = [HEADING + ",dose_date"]
    for i, row in enumerate(RECORDS):
        dose = 10 + i // 8  # another date for every mouse
        lines.append(",".join(map(str, (*row[:3], f"2024-03-{dose + row[3]:02d}", *row[4:], f"2024-03-{dose}"))))
    reading = read("\n".join(lines))
    xr.testing.assert_identical(reading.observations.drop_vars("dose_date"), plain)
    assert "dates of sessions are counted from the column dose_date" in reading.audit.notes


def test_days_of_new_spines_followed(read):
    text = "arm,dendrite,new_on_day,n_new,day,n_present\na,1,T1,3,T2,1\na,1,T1,3,T3,1\n"
    seen = read(text, days="T1=1,T2=5,T3=10").observations
    np.testing.assert_array_equal(seen["new_spines_seen"][0, 0], [3, 1, 1])
    assert seen["session"].to_numpy().tolist() == [1, 5, 10]


def test_one_mistyped_day_is_named_and_left_out(read):
    wrong = COUNTS.replace("saline,s1,d1,3,", "saline,s1,d1,45000,")
    reading = read(wrong)
    assert [(problem.kind, problem.where) for problem in reading.audit.problems] == [("implausible-day", "row 5")]
    assert "day is 45000" in reading.audit.problems[0].message
    assert reading.audit.rows == len(RECORDS)
    assert reading.observations["session"].to_numpy().tolist() == list(DAYS)
    assert np.isnan(reading.observations["spine_count"][0, 0, 3])


def test_a_dendrite_that_lacks_a_session(read):
    lines = [line for line in COUNTS.splitlines() if not line.startswith("saline,s1,d1,1,")]
    reading = read("\n".join(lines))
    assert np.isnan(reading.observations["spine_count"][0, 0, 2])
    assert reading.observations["spine_count"][0, 0, 3] == 14
    assert dendrites_used(reading.observations) == (8, 8)


FRACTIONS = "arm,mouse,dendrite,day,density_per_um,formation_fraction,elimination_fraction"


def test_percent_and_fractions_in_one_column(refusal):
    text = f"{FRACTIONS}\nsaline,m1,d,-1,.5,,\nsaline,m1,d,1,.5,0.1,0.1\ndrug,m2,d,-1,.5,,\ndrug,m2,d,1,.5,10,10\n"
    line = refusal(text)
    assert "formation_fraction is 10 in row 5 (arm drug) and 0.1 in row 3 (arm saline)" in line
    assert "120 in row 3 (arm a), more than 100 %" in refusal(f"{FRACTIONS}\na,m,d,-1,.5,,\na,m,d,1,.5,10,120\n")


@pytest.mark.parametrize(
    ("heading", "cells"),
    [(FRACTIONS, "10,20"), (FRACTIONS, "10%,20 %"), (FRACTIONS.replace("_fraction", " (%)"), "10,20")],
)
def test_percent_is_converted_and_told(read, heading, cells):
    reading = read(f"{heading}\na,m,d,-1,.5,,\na,m,d,1,.5,{cells}\n")
    assert reading.observations["formation_fraction"][0, 0, 1] == pytest.approx(0.1)
    assert reading.observations["elimination_fraction"][0, 0, 1] == pytest.approx(0.2)
    assert "formation_fraction read as percent, divided by 100: 1 values up to 10" in reading.audit.notes


def test_fractions_explained_by_several_numbers_and_a_density_alone_are_used(read):
    rows = ["-3,0.48,,", "-1,0.48,0.1,0.1", "1,0.528,0.2,0.1", "35,0.4,,"]
    for kept in (rows[:3], rows):
        reading = read("\n".join([FRACTIONS, *(f"saline,m1,d1,{row}" for row in kept)]))
        assert reading.document()["dendrites"] == {"total": 1, "used": 1}


def test_dendrites_without_an_interval_are_not_used(read):
    reading = read(f"{HEADING}\na,m,1,-1,5,,,20\na,m,1,1,5,1,1,20\na,m,2,1,5,,,20\n")
    assert reading.document()["dendrites"] == {"total": 2, "used": 1}


FORMATION = "mouse_id,treatment,fov,day_-1,day_1\nA,saline,F1,0.1,0.2\nB,drug,F1,0.2,\n"
ELIMINATION = FORMATION.replace("0.2", "0.1")
DENSITY = "mouse_id,treatment,fov,day_-3,day_-1,day_1\nA,saline,F1,0.5,0.5,0.55\nB,drug,F1,0.5,0.55,0.6\n"
NAMES = ("wide_formation.csv", "wide_elimination.csv", "wide_density.csv")


def test_wide_tables_of_one_quantity_each(read, tmp_path):
    reading = read(FORMATION, ELIMINATION, DENSITY, names=NAMES)
    assert reading.form == "fractions"
    seen = reading.observations
    assert seen["session"].to_numpy().tolist() == [-3, -1, 1]
    assert seen["dendrite_label"].to_numpy().tolist() == [["F1"], ["F1"]]
    by_mouse = seen.set_index(animal="mouse").sel(dendrite=0)
    np.testing.assert_allclose(by_mouse["formation_fraction"].sel(animal="A"), [np.nan, 0.1, 0.2])
    np.testing.assert_allclose(by_mouse["density_per_um"].sel(animal="B"), [0.5, 0.55, 0.6])
    assert "no column for the dendrite: the field of view is taken as the dendrite" in reading.audit.notes
    assert any("wide_density.csv as density_per_um" in note for note in reading.audit.notes)
    (tmp_path / "counts.csv").write_text(COUNTS)
    each = read_each([tmp_path / name for name in (NAMES[0], "counts.csv", *NAMES[1:])])
    assert sorted(one.form for one in each) == ["counts", "fractions"]


def test_one_wide_table_with_quantities_in_its_headings(read):
    heading = "mouse,dendrite,spine_count_day_-1,spine_count_day_1,gained_day_1,lost_day_1"
    seen = read(f"{heading}\nm,d,10,11,2,1\n").observations
    np.testing.assert_array_equal(seen["spine_count"][0, 0], [10, 11])
    np.testing.assert_array_equal(seen["gained"][0, 0], [2])


@pytest.mark.parametrize(
    ("texts", "names", "message"),
    [
        ([FORMATION], ["formation.csv"], "holds formation_fraction alone; give it together with"),
        ([FORMATION], ["a.csv"], "nothing says which quantity they hold"),
        ([FORMATION, FORMATION], ["formation.csv", "formation_2.csv"], "formation_fraction is in two of the tables"),
        ([FORMATION, ELIMINATION.replace("fov", "cell")], NAMES[:2], "give both the same"),
        ([FORMATION.replace("B,drug", "A,saline"), ELIMINATION], NAMES[:2], "rows 2 and 3 share arm, mouse, dendrite"),
        ([FORMATION.replace("day_1", "D-1"), ELIMINATION], NAMES[:2], "two columns for day -1"),
        ([FORMATION.replace("fov", "formation")], ["formation.csv"], "in a column of its own and by session"),
        ([FORMATION, COUNTS], ["formation.csv", "counts.csv"], "have other columns"),
    ],
)
def test_wide_tables_that_cannot_be_read(refusal, texts, names, message):
    assert message in refusal(*texts, names=names)


def test_files_with_the_same_columns_are_one_table(read, plain):
    lines = COUNTS.splitlines()
    first, second = "\n".join(lines[:17]), "\n".join([HEADING, *lines[17:]])
    reading = read(first, second, names=("a.csv", "b.csv"))
    xr.testing.assert_identical(reading.observations, plain)
    wrong = read(first, second.replace(",2,1,", ",5,1,", 1), names=("a.csv", "b.csv"))
    assert wrong.audit.problems[0].where.startswith("row 3 of b.csv: ")


PRESENCE = "mouse,dendrite,spine,0,4,8,12\nm1,d1,s1,1,1,1,1\nm1,d1,s2,1,0,0,0\nm1,d1,s3,0,1,0,1\nm1,d1,s4,0,0,1,\n"


def test_presence_with_a_blank(read):
    reading = read(PRESENCE)
    np.testing.assert_array_equal(reading.presence["present"][3], [0, 0, 1, -1])
    np.testing.assert_array_equal(reading.presence["present"][2], [0, 1, 0, 1])
    assert set(reading.audit.tally()) == {"censored-session", "reappearing-spine"}


def test_presence_by_time_points_dates_and_words(read, refusal):
    text = PRESENCE.replace("0,4,8,12", "T0,T1,T2,T3", 1)
    assert '--days "T0=-3,T1=1,T2=4,T3=7"' in refusal(text)
    expected = read(PRESENCE).presence
    xr.testing.assert_identical(read(text, days="T0=0,T1=4,T2=8,T3=12").presence, expected)
    dates = PRESENCE.replace("0,4,8,12", "2024-03-10,2024-03-14,2024-03-18,2024-03-22", 1)
    assert "--dose-date" in refusal(dates)
    xr.testing.assert_identical(read(dates, dose_date="2024-03-10").presence, expected)
    assert "44997" in refusal(PRESENCE.replace("0,4,8,12", "44997,44998,44999,45000", 1))
    assert "two columns for day 4" in refusal(PRESENCE.replace("0,4,8,12", "0,4,D4,12", 1))
    words = read(PRESENCE.replace("s1,1,1,1,1", "s1,TRUE,present,Yes,1").replace("s2,1,0", "s2,1,False"))
    xr.testing.assert_identical(words.presence, expected)
    assert "cells read as: false -> 0, present -> 1, true -> 1, yes -> 1" in words.audit.notes


def test_one_censored_spine_of_six(read):
    rows = [
        f"m1,d1,s{spine},{day},{'censored' if spine == 3 and day >= 8 else 'present'}"
        for spine in range(1, 7)
        for day in (0, 4, 8, 12)
    ]
    reading = read("\n".join(["mouse,dendrite,spine,day,status", *rows]))
    np.testing.assert_array_equal(reading.presence["present"][2], [1, 1, -1, -1])
    assert int((reading.presence["present"] == 1).sum()) == 22
    assert reading.document()["dendrites"] == {"total": 1, "used": 1}


REGISTRY = """animal_id,fov,lineage_id,formation_tp,right_censored,id_T1,status_T1,id_T2,status_T2,id_T3,status_T3
A1,F1,1,T1,0,11,matched,21,matched,31,matched
A1,F1,2,T1,0,12,matched,,lost,,absent
A1,F1,3,T2,1,,absent,22,new,,censored
A1,F1,4,T1,0,13,matched,23,manual,33,ignored
"""


def test_registry_of_lineages(read, refusal):
    assert "table.csv has 'T1', 'T2', 'T3', which name sessions" in refusal(REGISTRY)
    reading = read(REGISTRY, days="T1=-1,T2=1,T3=4")
    expected = [[1, 1, 1], [1, 0, 0], [0, 1, -1], [1, 1, -1]]
    np.testing.assert_array_equal(reading.presence["present"], expected)
    assert reading.presence["session"].to_numpy().tolist() == [-1, 1, 4]
    assert any("lost -> absent, manual -> present" in note for note in reading.audit.notes)
    named = REGISTRY.replace("_T1", "_pre-drug").replace("_T2", "_end-drug").replace("_T3", "_late")
    same = read(named, days="pre-drug=-1,end-drug=1,late=4").presence
    xr.testing.assert_identical(same, reading.presence)


POINTS = """spineID,t,segmentID,x,y,z,accept
0,0,0,10,12,3,True
0,1,0,10,12,3,True
1,0,0,20,15,3,True
2,1,0,25,15,4,True
3,0,0,28,15,4,True
3,1,0,28,15,4,False
4,0,1,5,5,1,True
"""


def test_points_of_spines_by_session(read, refusal):
    assert "t has '0', '1', which name sessions" in refusal(POINTS)
    assert "has no column for the mouse; give its name, such as --mouse m1" in refusal(POINTS, days="-3,1")
    reading = read(POINTS, days="0=-3,1=1", mouse="m7")
    presence = reading.presence.set_index(spine="spine_label")["present"]
    np.testing.assert_array_equal(presence.sel(spine=["0", "1", "2", "3"]), [[1, 1], [1, 0], [0, 1], [1, -1]])
    np.testing.assert_array_equal(presence.sel(spine="4"), [1, -1])  # its segment has no points at the second session
    assert reading.observations["mouse"].to_numpy().tolist() == ["m7"]
    assert any("absent where only others of its dendrite have one (2)" in note for note in reading.audit.notes)


def test_spines_detected_anew_in_every_image(refusal):
    text = "session,mouse,spine_id,x,y,z,dendrite_id,spine_vol,head_vol\n1,m,1,0,0,0,1,2,1\n2,m,1,0,0,0,1,2,1\n"
    assert "give a table in which a spine keeps its label" in refusal(text, days="1=-1,2=1")


REPORT = """session,segment,numSpines,goodSpines,totalLen,totalDen,nAdd,nSub,tor
0,0,12,12,40.0,0.3,,,
1,0,13,13,40.1,0.324,2,1,0.12
2,0,12,12,39.8,0.302,1,2,0.12
"""


def test_report_of_dynamics(read, refusal):
    assert "session has '0', '1', '2'" in refusal(REPORT, mouse="m")
    reading = read(REPORT, days="0=-3,1=1,2=4", mouse="m")
    np.testing.assert_array_equal(reading.observations["spine_count"][0, 0], [12, 13, 12])
    np.testing.assert_array_equal(reading.observations["lost"][0, 0], [1, 2])
    assert reading.audit.problems == ()


MATRIX = np.array([[1, 1, 0], [1, np.nan, 1], [0, 1, 1]])


def matlab(path, kind):
    """A matrix of presence as programs save it, and what is to be read of it."""
    if kind == "plain":
        savemat(path, {"P": MATRIX, "x": np.arange(9.0).reshape(3, 3), "name": "m"})
    elif kind == "registry":
        data = {"Data": MATRIX == 1, "ColumnEditable": np.ones((1, 3), bool), "ColumnNames": ["Day 1", "Day 2"]}
        savemat(path, {"SpineRegistry": data})
        return (MATRIX == 1).astype(int)
    elif kind == "shafts":
        spines = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]])
        savemat(path, {"spineAnalysisData": {"presenceMatrix": MATRIX, "isSpineMatrix": spines}})
        return np.nan_to_num(MATRIX, nan=-1)[[0, 2]]
    else:
        with h5py.File(path, "w", userblock_size=512) as file:
            file["P"] = MATRIX.T
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file")
    return np.nan_to_num(MATRIX, nan=-1)


@pytest.mark.parametrize("kind", ["plain", "registry", "shafts", "hdf5"])
def test_matrices_of_matlab(tmp_path, kind):
    path = tmp_path / "dendrite7.mat"
    expected = matlab(path, kind)
    reading = read_observations(path, options=ReadingOptions(days="-3,1,4", mouse="m"))
    np.testing.assert_array_equal(reading.presence["present"], expected)
    assert reading.presence["session"].to_numpy().tolist() == [-3, 1, 4]
    assert reading.observations["dendrite_label"].item() == "dendrite7"


def test_matrices_of_matlab_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.mat"

    def refused(days=None):
        with pytest.raises(DataError, match=r"^[^\n]*$") as fault:
            read_observations(path, options=ReadingOptions(days=days, mouse="m"))
        return str(fault.value)

    assert "cannot read" in refused()
    path.write_bytes(b"no matrix")
    assert "it is no file of MATLAB" in refused()
    matlab(path, "plain")
    assert 'P has 3 sessions (columns) without days; give them in order, such as --days "-1,1,3"' in refused()
    assert "but --days gives 2" in refused("1,2")
    savemat(path, {"x": np.arange(9.0).reshape(3, 3)})
    assert "no matrix of 0, 1 and NaN" in refused()
    savemat(path, {"a": MATRIX, "b": MATRIX})
    assert "several matrices of 0, 1 and NaN: a, b" in refused()


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_reader_that_breaks_down_below_python_is_one_line(tmp_path, monkeypatch, signal):
    """As scipy's does on one damaged file in 140."""
    child = tmp_path / "child.py"
    child.write_text(f"import os, signal\nos.kill(os.getpid(), signal.{signal})\n")
    monkeypatch.setattr("synmodel.data.matlab_child.__file__", str(child))
    savemat(tmp_path / "a.mat", {"P": MATRIX})
    with pytest.raises(DataError, match=r"^cannot read .*a\.mat: .*damaged so that its reader breaks down[^\n]*$"):
        read_observations(tmp_path / "a.mat", options=ReadingOptions(days="1,2,3", mouse="m"))


def test_a_small_file_of_matlab_may_not_ask_for_all_memory(tmp_path):
    """HDF5 stores 10 GB of one value in a few kB."""
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file.create_dataset("P", (40_000, 40_000), float, chunks=(4000, 4000), compression="gzip", fillvalue=0.0)
    with (tmp_path / "a.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    with pytest.raises(DataError, match=r"^cannot read .*allocate[^\n]*$"):
        read_observations(tmp_path / "a.mat", options=ReadingOptions(days="1,2,3", mouse="m"))


@pytest.fixture
def book(tmp_path):
    """A workbook of source data: a cover sheet, a title, labels in the first row of each block, no label headings."""
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.title = "Read me"
    workbook.active.append(["Figure 2"])
    sheet = workbook.create_sheet("Fig. 2b-d")
    sheet.append(["Synapse dynamics after drug"])
    sheet.append([])
    sheet.append([None] * 4 + ["dendrite length (\u00b5m)", "# of New", "New / um", "# of Lost", "# of Stable"])
    sheet.append(["Experiment #1", "mouse1", "dendrite1", "vehicle", 40, 2, None, 1, 12])
    sheet.append([None, None, "dendrite2", "vehicle", 35, 1, None, 1, 9])
    sheet.append([None, "mouse2", "dendrite1", "drug", 42, 4, None, 1, 13])
    sheet.append([None, None, "dendrite2", "drug", 38, 3, None, 0, 11])
    sheet.merge_cells("A4:A7")
    path = tmp_path / "source.xlsx"
    workbook.save(path)
    return path


def test_workbooks_of_source_data(book):
    with pytest.raises(DataError, match=r"has the sheets 'Read me', 'Fig. 2b-d'; say which .* --sheet \"Fig. 2b-d\""):
        read_observations(book)
    with pytest.raises(DataError, match=r"has no sheet 'Fig. 2'; did you mean 'Fig. 2b-d'\?"):
        read_observations(book, options=ReadingOptions(sheet="Fig. 2"))
    reading = read_observations(book, options=ReadingOptions(sheet="Fig. 2b-d", days="-1,1"))
    seen = reading.observations
    assert seen["session"].to_numpy().tolist() == [-1, 1]
    assert seen["arm"].to_numpy().tolist() == ["vehicle", "drug"]
    np.testing.assert_array_equal(seen["spine_count"], [[[13, 14], [10, 10]], [[14, 17], [11, 14]]])
    np.testing.assert_array_equal(seen["gained"][..., 0], [[2, 1], [4, 3]])
    assert reading.audit.problems == ()
    notes = "\n".join(reading.audit.notes)
    assert "heading found in row 3; left out above it: Synapse dynamics after drug" in notes
    assert "column A -> study, column B -> mouse, column C -> dendrite, column D -> arm" in notes
    assert "labels filled down from the first row of each block: study (3 cells), mouse (2 cells)" in notes
    assert "lost + stable at the first session, new + stable at the second" in notes


def test_labels_in_the_first_row_of_each_block(read, plain):
    """As saved from merged cells; a label that is missing once is a fault, and no block."""
    lines = COUNTS.splitlines()
    blocks = [re.sub(r"^(\w+),(\w+),(\w+),", ",,,", line) if i % 4 else line for i, line in enumerate(lines[1:])]
    reading = read("\n".join([HEADING, *blocks]))
    xr.testing.assert_identical(reading.observations, plain)
    filled = (
        "labels filled down from the first row of each block: arm (24 cells), mouse (24 cells), dendrite (24 cells)"
    )
    assert reading.audit.notes == (filled,)
    once = read(COUNTS.replace("saline,s1,d1,1,", "saline,,d1,1,"))
    assert "missing-value" in once.audit.tally()


def test_source_data_without_days_say_so(book):
    reading = read_observations(book, options=ReadingOptions(sheet="Fig. 2b-d"))
    assert reading.observations["session"].to_numpy().tolist() == [0, 1]
    assert any("taken as days 0 and 1; give the true ones" in note for note in reading.audit.notes)
    with pytest.raises(DataError, match="give two days in order"):
        read_observations(book, options=ReadingOptions(sheet="Fig. 2b-d", days="1,2,3"))


def test_the_only_sheet_with_a_table_is_read(tmp_path, plain):
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.append(["made in spring"])
    sheet = workbook.create_sheet("counts")
    for line in COUNTS.splitlines():
        sheet.append([float(cell) if cell.lstrip("-").replace(".", "").isdigit() else cell for cell in line.split(",")])
    workbook.save(tmp_path / "a.xlsx")
    reading = read_observations(tmp_path / "a.xlsx")
    xr.testing.assert_identical(reading.observations, plain)
    assert reading.audit.notes == ("sheet 'counts' read; the others have no table: 'Sheet'",)


def test_a_sheet_per_quantity(tmp_path, read):
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.append(["Source data"])
    for name, text in (("Fig. 1a Formation", FORMATION), ("Elimination", ELIMINATION), ("Spine density", DENSITY)):
        sheet = workbook.create_sheet(name)
        sheet.append([f"{name} by mouse"])
        for line in text.splitlines():
            sheet.append([float(cell) if cell.replace(".", "").isdigit() else cell or None for cell in line.split(",")])
    workbook.save(tmp_path / "a.xlsx")
    reading = read_observations(tmp_path / "a.xlsx")
    xr.testing.assert_identical(reading.observations, read(FORMATION, ELIMINATION, DENSITY, names=NAMES).observations)
    assert "read together: 'Fig. 1a Formation', 'Elimination', 'Spine density'; left out: 'Sheet'" in str(reading.audit)


CASES = [
    (["bom.csv"], {}, None),
    (["crlf.csv"], {}, None),
    (["semi_comma.csv"], {}, None),
    (["tab_as.csv"], {}, None),
    (["unicode.csv"], {}, None),
    (["missing.csv"], {}, None),
    (["dayname.csv"], {}, None),
    (["dminus.csv"], {}, None),
    (["date.csv"], {"dose_date": "2024-03-10"}, None),
    (["date.csv"], {}, "--dose-date"),
    (["excel_serial.csv"], {}, "--dose-date"),
    (["yyyymmdd.csv"], {}, "--dose-date"),
    (["one_mistyped_day.csv"], {}, None),
    (["upper.csv"], {}, None),
    (["hdr_other.csv"], {}, None),
    (["registry.csv"], {"days": "T1=-3,T2=1,T3=4"}, None),
    (["registry.csv"], {}, "--days"),
    (["mapmanager.csv"], {"days": "0=-3,1=1", "mouse": "m"}, None),
    (["presence.csv"], {}, None),
    (["presence_T.csv"], {"days": "T0=-3,T1=-1,T2=1,T3=4"}, None),
    (["presence_T.csv"], {}, "--days"),
    (["one_censored_spine.csv"], {}, None),
    (["ambiguous_fractions.csv"], {}, None),
    (["density_only_late.csv"], {}, None),
    (["wide_formation.csv", "wide_elimination.csv", "wide_density.csv"], {}, None),
    (["percent_mixed.csv"], {}, "percent and fractions"),
    (["workbook_merged.xlsx"], {}, "'Read me', 'Fig. 2b-d'"),
    (["workbook_merged.xlsx"], {"sheet": "Fig. 2b-d", "days": "-1,1"}, None),
    (["dynamics_report.csv"], {"days": "0=-3,1=1,2=4", "mouse": "m"}, None),
]


@pytest.mark.parametrize(("names", "options", "message"), CASES)
def test_collected_files(names, options, message):
    if not SHARED.is_dir():
        pytest.skip(f"the collected files are not at {SHARED}")
    paths = [SHARED / name for name in names]
    if message is not None:
        with pytest.raises(DataError, match=r"^[^\n]*$") as fault:
            read_observations(paths, options=ReadingOptions(**options))
        assert message in str(fault.value)
        return
    document = read_observations(paths, options=ReadingOptions(**options)).document()
    assert document["dendrites"]["used"] == document["dendrites"]["total"]
    if names[0] in ("dayname.csv", "dminus.csv", "date.csv", "upper.csv", "hdr_other.csv"):
        told = read_observations(paths, options=ReadingOptions(**options)).observations
        xr.testing.assert_identical(told, read_observations(SHARED / "bom.csv").observations)
