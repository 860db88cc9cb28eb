"""Exports of SpineMiner, RESPAN and SpyDen: counts, gains and losses that are known, and refusals in one line."""

import numpy as np
import pytest

from synmodel.core.errors import DataError
from synmodel.data import ReadingOptions, read_each, read_observations
from synmodel.data.programs import name_of
from synmodel.data.spineminer import _spines


@pytest.fixture
def read(tmp_path):
    """Read texts as files, whose names may have folders."""

    def reader(files, **options):
        paths = [tmp_path / name for name in files]
        for path, text in zip(paths, files.values(), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return read_observations(paths, options=ReadingOptions(**{"mouse": "m1", **options}))

    return reader


@pytest.fixture
def refusal(read):
    """The one line with which files are refused."""

    def refused(files, **options):
        with pytest.raises(DataError, match=r"^[^\n]*$") as fault:
            read(files, **options)
        return str(fault.value)

    return refused


def numbers(reading, name, dendrite=0):
    return reading.observations[name].to_numpy()[0, dendrite].tolist()


MINER = """Spine density:;
;"id_d1";"id_d2";
1;0.15;0.1;

Cluster dataset:;
dendrite_id;epsilon;minPts;clusters;
d1;1.5;4;0;

Dendrite:
dendrite_id;day;length;stable_spines;gained_spines;lost_spines;living_spines;file;
d1;1;20.5;3;0;0;3;a.ovl;
d1;4;20.7;2;1;1;3;b.ovl;
d1;8;20.6;2;0;1;2;c.ovl;
Spines of dendrite "d1":
spine/day->;1;4;8;
1;s;s;s;
2;s;l; ;
3;s;s;l;
4; ;g;s;




Dendrite:
dendrite_id;day;length;stable_spines;gained_spines;lost_spines;living_spines;file;
d2;1;10;2;0;0;2;d.ovl;
d2;4;10;2;0;0;2;e.ovl;
Spines of dendrite "d2":
spine/day->;1;4;
1;s;s;
2;s;s;
"""
MINED = {"all.db.dendrites.csv": MINER}
SINCE_DOSE = "1=-1,4=2,8=6"


def test_spines_of_spineminer(read):
    reading = read(MINED, days=SINCE_DOSE)
    assert reading.form == "spines"
    assert reading.observations["session"].to_numpy().tolist() == [-1, 2, 6]
    assert reading.observations["dendrite_label"].to_numpy().tolist() == [["d1", "d2"]]
    assert numbers(reading, "spine_count") == [3, 3, 2]
    assert numbers(reading, "gained") == [1, 0]
    assert numbers(reading, "lost") == [1, 1]
    assert numbers(reading, "length_um") == [20.5, 20.7, 20.6]
    np.testing.assert_array_equal(numbers(reading, "spine_count", 1), [2, 2, np.nan])  # not imaged on the last day
    assert reading.audit.problems == ()
    assert any(
        "absent before a spine is gained and after it is lost (2), not known elsewhere (0)" in note
        for note in reading.audit.notes
    )


def test_letters_of_spineminer_that_are_missing_or_return(read):
    text = MINER.replace("4; ;g;s;", "4;s; ;s;").replace("2;s;l; ;", "2;s;l;g;")
    reading = read({"all.csv": text}, days=SINCE_DOSE)
    spines = reading.presence.set_index(spine=["dendrite_label", "spine_label"])["present"]
    np.testing.assert_array_equal(spines.sel(spine=("d1", "4")), [1, -1, 1])
    np.testing.assert_array_equal(spines.sel(spine=("d1", "2")), [1, 0, 1])
    assert set(reading.audit.tally()) == {"censored-session", "reappearing-spine"}
    late = read({"late.csv": MINER.replace("4; ;g;s;", "4; ;s;s;")}, days=SINCE_DOSE)
    assert np.isnan(numbers(late, "spine_count")[0])  # stable, but where was it before?
    odd = read({"odd.csv": MINER.replace("1;s;s;s;", "1;s;x;s;")}, days=SINCE_DOSE)
    (problem,) = [problem for problem in odd.audit.problems if problem.kind == "unknown-status"]
    assert (problem.where, "'x'" in problem.message) == ("row 16", True)


def test_spineminer_without_days_mouse_or_spines(refusal):
    assert "session has '1', '4', '8', which name sessions but not their days" in refusal(MINED)
    assert "no column for the mouse; give its name" in refusal(MINED, days=SINCE_DOSE, mouse=None)
    assert "table of SpineMiner without spines" in refusal({"a.csv": 'Spines of dendrite "d1":\nspine/day->;1;4;\n'})


TRACKED = "timepoint,spine_id,z,y,x,spine_area,spine_vol_um3,C1_mean_int\n" + "".join(
    f"{time},{spine},3,10.5,{10 * spine}.5,20,0.4,100\n"
    for time, spine in [(1, 1), (1, 2), (1, 3), (2, 1), (2, 3), (2, 4), (3, 1), (3, 5)]
)
OVER_TIME = """timepoint,res_XY,res_Z,dendrite_length,dendrite_vol,total_spines,spines_per_um,new_spines,pruned_spines
1,0.1,1,300.0,9,3,0.1,0,0
2,0.1,1,300.0,9,3,0.1,1,1
3,0.1,1,200.0,9,2,0.1,1,2
"""
LIST, FIGURES = "fov1/Tables/Detected_spines_4D.csv", "fov1/Tables/Detected_spines_4D_summary.csv"


def test_spines_that_respan_tracked(read, refusal):
    reading = read({LIST: TRACKED, FIGURES: OVER_TIME}, days="-1,1,3")
    assert reading.form == "spines"
    assert reading.observations["dendrite_label"].item() == "fov1"
    assert numbers(reading, "spine_count") == [3, 3, 2]
    assert numbers(reading, "gained") == [1, 1]
    assert numbers(reading, "lost") == [1, 2]
    assert numbers(reading, "length_um") == [30, 30, 20]
    assert reading.audit.problems == ()
    alone = read({LIST: TRACKED}, days="1=-1,2=1,3=3")
    assert numbers(alone, "lost") == [1, 2]
    assert np.isnan(numbers(alone, "length_um")).all()
    assert "timepoint has '1', '2', '3', which name sessions" in refusal({LIST: TRACKED})


def test_a_list_with_labels_of_its_own_keeps_them(read):
    heading, *rows = TRACKED.splitlines()
    labelled = "\n".join([f"mouse,segment,{heading}", *(f"m{1 + i % 2},d7,{row}" for i, row in enumerate(rows))])
    reading = read({"list.csv": labelled}, days="-1,1,3", mouse=None)
    assert reading.observations["mouse"].to_numpy().tolist() == ["m1", "m2"]
    assert set(reading.observations["dendrite_label"].to_numpy().ravel()) == {"d7"}


def test_summary_of_respan_alone_has_counts_and_no_gains(read):
    reading = read({FIGURES: OVER_TIME}, days="-1,1,3")
    assert reading.form == "counts"
    assert numbers(reading, "spine_count") == [3, 3, 2]
    assert numbers(reading, "length_um") == [30, 30, 20]
    assert np.isnan(numbers(reading, "gained")).all()
    assert any("compares every timepoint with the first alone" in note for note in reading.audit.notes)


def test_lengths_of_another_recording_are_refused(refusal):
    message = refusal({LIST: TRACKED, FIGURES.replace("fov1", "fov2"): OVER_TIME}, days="-1,1,3")
    assert "fov2/Detected_spines_4D_summary.csv has no session of the spines in fov1/Detected_spines_4D.csv" in message


def test_fields_of_view_of_respan_are_dendrites_of_their_own(read, refusal):
    other = LIST.replace("fov1", "fov2")
    reading = read({LIST: TRACKED, other: TRACKED.replace("3,5,", "3,2,")}, days="-1,1,3")
    assert reading.observations["dendrite_label"].to_numpy().tolist() == [["fov1", "fov2"]]
    assert numbers(reading, "gained", 1) == [1, 1]
    message = refusal({f"a/{LIST}": TRACKED, f"b/{LIST}": TRACKED}, days="-1,1,3")
    assert message.startswith("two files are fov1/Detected_spines_4D.csv; give the files of one mouse at a time")


DETECTED = "spine_id,x,y,z,dendrite_id,spine_vol,head_vol,spine_type\n"
SUMMARY = """Filename,res_XY,res_Z,dendrite_length,dendrite_vol,total_spines,spines_per_um,spines_per_um3,avg_spine_vol
d1_day-1.tif,0.1,1,30,9,12,0.4,1.3,0.4
d1_day3.tif,0.1,1,30,9,15,0.5,1.7,0.4
d2_day-1.tif,0.1,1,20,9,5,0.25,0.5,0.4
"""
EACH = """Filename,res_XY,res_Z,dendrite_id,dendrite_length,dendrite_volume,total_spines,spines_per_um,spines_per_um3
{image},0.1,1,1,10,9,7,0.7,1
{image},0.1,1,2,10,9,5,0.5,1
"""


def detected(spines):
    return DETECTED + "".join(f"{i + 1},1,1,1,{1 + i % 2},0.1,0.1,0\n" for i in range(spines))


def test_single_images_of_respan_are_counts(read, tmp_path):
    reading = read({"Tables/Detected_spines_summary.csv": SUMMARY})
    assert reading.form == "counts"
    assert reading.observations["dendrite_label"].to_numpy().tolist() == [["d1", "d2"]]
    assert numbers(reading, "spine_count") == [12, 15]
    assert numbers(reading, "length_um") == [30, 30]
    assert np.isnan(reading.observations["gained"]).all()
    names = {"d1_pre_detected_spines.csv": detected(4), "d1_post_detected_spines.csv": detected(6)}
    images = read(names, days="pre=-1,post=3")
    assert numbers(images, "spine_count") == [4, 6]
    options = ReadingOptions(days="pre=-1,post=3", mouse="m1")
    each = read_each([tmp_path / name for name in names], options=options)
    assert [numbers(one, "spine_count") for one in each] == [[4, 6]]


def test_tables_of_one_image_count_once(read):
    files = {
        "Tables/d1_day-1_detected_spines.csv": detected(12),
        "Tables/d1_day-1_dendrite_summary.csv": EACH.format(image="d1_day-1.tif"),
        "Tables/Detected_spines_summary.csv": SUMMARY,
    }
    reading = read(files)
    assert numbers(reading, "spine_count") == [12, 15]
    assert numbers(reading, "length_um") == [30, 30]
    assert set(reading.audit.tally()) == {"missing-value"}  # no gains, no losses
    wrong = read({**files, "Tables/d1_day-1_detected_spines.csv": detected(11)})
    assert "repeated-label" in wrong.audit.tally()


@pytest.mark.parametrize("image", ["dendrite0", "m1_d2", "day3"])
def test_images_whose_names_say_no_session(refusal, image):
    message = refusal({f"{image}_detected_spines.csv": detected(3)})
    assert f"{image!r} does not say dendrite and session; name every image so, such as d1_day3" in message
    assert message.endswith("or give Detected_spines_4D.csv of tracking")


SPYDEN = ",type,location,distance,closest_Dend,Timestep 1 (area),Timestep 1 (mean),Timestep 2 (neck length)\n"
ROI = 'Spine: {0},{1},"[10, {0}]",3.0,0,0.5,20,1\n'


def test_recordings_of_spyden_with_one_timestep_are_counts(read):
    files = {
        f"{folder}/Spine/Synapse_a_Channel_0.csv": SPYDEN + "".join(map(ROI.format, range(len(kinds)), kinds))
        for folder, kinds in (("d1_day-1", "0012"), ("d1_day3", "00002"))
    }
    reading = read(files)
    assert reading.form == "counts"
    assert reading.observations["dendrite_label"].item() == "d1"
    assert numbers(reading, "spine_count") == [3, 4]  # the soma is no spine
    assert np.isnan(numbers(reading, "gained")).all()


def test_series_of_spyden_are_refused(refusal):
    series = SPYDEN.replace("Timestep 2 (neck length)", "Timestep 2 (mean)") + ROI.format(0, 0)
    message = refusal({"d1/Spine/Synapse_a_Channel_0.csv": series})
    assert message.startswith("d1/Synapse_a_Channel_0.csv is a table of SpyDen")
    assert "neither gains nor losses; give a table of the columns mouse, dendrite, spine, day and status" in message
    dendrites = "Dendrite: 0,Width,Timestep 1 (Luminosity (mid.))\n[1 2],3,4\n"
    assert "is a table of SpyDen" in refusal({"Dendrite_Channel_0.csv": dendrites})
    assert "folder" in refusal({"cell_a/Spine/Synapse_l_Channel_1.csv": SPYDEN + ROI.format(0, 0)})


def test_tables_with_a_map_of_columns_are_read_as_they_are(read, tmp_path):
    names = '[columns]\ndendrite = "Filename"\nday = "when"\nspine_count = "total_spines"\n'
    (tmp_path / "map.toml").write_text(names)
    text = SUMMARY.replace("Filename,", "when,Filename,").replace("d1_day", "1,d1_day").replace("d2_day", "1,d2_day")
    reading = read({"a.csv": text}, columns=tmp_path / "map.toml")
    assert reading.observations.sizes["dendrite"] == 3


def test_names_of_files_that_programs_name_alike(tmp_path):
    assert name_of(tmp_path / "f" / "Tables" / "Detected_spines_4D.csv") == "f/Detected_spines_4D.csv"
    assert name_of(tmp_path / "f" / "Tables" / "d1_detected_spines.csv") == "d1_detected_spines.csv"


def test_days_before_the_dose_keep_their_sign(read):
    rows = "filename,res_xy,total_spines,spines_per_um\nd1_-3d.tif,0.1,10,0.5\nd1_1d.tif,0.1,12,0.5\n"
    reading = read({"Detected_spines_summary.csv": rows}, mouse="m1")
    assert reading.observations["session"].to_numpy().tolist() == [-3, 1]
    assert reading.observations["spine_count"].to_numpy().ravel().tolist() == [10, 12]


def test_a_number_of_an_image_that_is_none_is_missing_and_not_0(read):
    rows = (
        "filename,res_xy,total_spines,spines_per_um,dendrite_id\nd1_day0,0.1,abc,0.5,1\nd1_day0,0.1,4,0.5,2\n"
        "d1_day3,0.1,12,0.5,1\nd1_day3,0.1,3,0.5,2\nd1_day5,0.1,9,0.5,1\n"
    )
    reading = read({"Detected_spines_dendrite_summary.csv": rows}, mouse="m1")
    counts = reading.observations["spine_count"].to_numpy().ravel()
    assert np.isnan(counts[0]) or reading.observations.sizes["session"] == 2
    assert counts[-2:].tolist() == [15, 9]


def test_a_list_of_several_images_is_counted_by_image(read):
    rows = "filename,spine_id,dendrite_id,x,y,z,spine_vol\n" + "".join(
        f"d1_day{day},{k},1,0,0,0,1\n" for day, number in ((-1, 3), (2, 5)) for k in range(number)
    )
    reading = read({"all_detected_spines.csv": rows}, mouse="m1")
    assert reading.observations["spine_count"].to_numpy().ravel().tolist() == [3, 5]


def test_a_column_that_is_there_twice_is_one_line(refusal):
    twice = TRACKED.replace("spine_id,", "spine_id,spine_id,", 1).replace("\n0,", "\n0,1,")
    assert "has the column 'spine_id' twice" in refusal({"f/Tables/Detected_spines_4D.csv": twice}, mouse="m1")


def test_an_empty_day_of_spineminer_shifts_no_letter():
    rows = [['Spines of dendrite "a":'], ["spine/day->", "", "1", "2"], ["x", "", "s", "l"]]
    assert list(_spines(rows)) == [(3, "a", "x", {"1": "s", "2": "l"})]
