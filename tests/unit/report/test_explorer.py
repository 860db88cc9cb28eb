"""The explorer without a browser: state -> scenarios -> curves -> what is drawn and handed on."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import synmodel
from synmodel.core.errors import DataError, SynmodelError
from synmodel.data import load_summaries
from synmodel.library import summaries_path
from synmodel.report.explorer.curves import AbandonedError, Explorer
from synmodel.report.explorer.handing import Sources, csv_of, dataset_of, netcdf_of, texts_of
from synmodel.report.explorer.measured import MOST_BYTES, beside, published_points, read_own
from synmodel.report.explorer.panels import document_of
from synmodel.report.explorer.states import catalogue, state_of
from synmodel.scenario import load, loads
from synmodel.simulation import mechanism_of

pytestmark = pytest.mark.heavy

DRAWS = 4
HEADING = b"arm,quantity,end_day,mean,sem_dendrite\n"


def given(a="psilocybin-mouse", b="ketamine-mouse-single", draws=0):
    """What the page sends before anything is changed."""
    known = catalogue()["scenarios"]
    return {
        "scenarios": [{"start": name, "document": json.loads(json.dumps(known[name]["document"]))} for name in (a, b)],
        "draws": draws,
    }


@pytest.fixture(scope="module")
def explorer():
    return Explorer()


@pytest.fixture(scope="module")
def changed():
    """A of the library, B with another dose, an antagonist, a condition and fewer sessions."""
    asked = given(draws=DRAWS)
    document = asked["scenarios"][1]["document"]
    document["regimen"]["doses"][0] |= {"amount": 5, "repeat": 2, "every_days": 3}
    document["regimen"]["doses"].append(
        {"compound": "ketanserin", "amount": 1, "unit": "mg/kg", "route": "i.p.", "day": -0.007}
    )
    document["regimen"]["treatments"] = [{"name": "rapamycin", "strength": 0.5}]
    document["schedule"]["sessions"] = [-3, -1, 1, 3, 7]
    return asked


@pytest.fixture(scope="module")
def shown(explorer, changed):
    return explorer.show(state_of(changed), with_checks=True)


# -- states ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(catalogue()["scenarios"]))
def test_a_scenario_goes_to_the_page_and_comes_back(name):
    state = state_of(given(name, name))
    assert state.plans == (load(name), load(name))
    assert state.is_of_library(0)


def test_a_changed_scenario_has_a_name_and_a_title_of_its_own(changed):
    state = state_of(changed)
    plan = state.plans[1]
    assert not state.is_of_library(1)
    assert plan.name == "ketamine-mouse-single-B"
    assert plan.title == ("ketamine 5 mg/kg i.p. 2 times every 3 d + ketanserin 1 mg/kg i.p., mouse, rapamycin")
    assert plan.cohort == load("ketamine-mouse-single").cohort


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("regimen", "doses", 0, "amount"), -3, "B: scenario.regimen.doses[0].amount is -3"),
        (("regimen", "doses", 0, "amount"), "ten", "B: scenario.regimen.doses[0].amount is 'ten'"),
        (("regimen", "doses", 0, "compound"), "ketamin", "did you mean"),
        (("regimen", "doses", 0, "repeat"), 1.5, "B: scenario.regimen.doses[0].repeat is 1.5"),
        (("regimen", "doses", 0, "repeat"), 500, "the explorer takes up to 100"),
        (("schedule", "sessions"), [1], "B: scenario.schedule.sessions is [1]"),
        (("schedule", "sessions"), list(range(300)), "the explorer takes up to 200"),
        (("subject",), {"species": "cat"}, "B: scenario.subject.species is 'cat'"),
        (("baseline",), "../../etc/passwd", "B: scenario.baseline is '../../etc/passwd'"),
        (("turnover",), {"crowding": {"n_max_per_um": 3.0}}, "B: "),
    ],
)
def test_a_fault_is_one_line_that_says_where(path, value, line):
    asked = given()
    place = asked["scenarios"][1]["document"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(SynmodelError) as fault:
        state_of(asked)
    assert line in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "asked",
    [None, [], {}, {"scenarios": []}, {"scenarios": [1, 2]}, {"scenarios": [{"start": 1}, {}]},
     given() | {"draws": 1e9}, given() | {"draws": True}, {"scenarios": [{"start": "../x.toml", "document": {}}] * 2}],
)  # fmt: skip
def test_what_is_no_state_is_refused(asked):
    with pytest.raises(SynmodelError):
        state_of(asked)


def test_a_start_is_a_name_and_never_a_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(load("saline-mouse").to_toml())
    asked = given()
    asked["scenarios"][0]["start"] = str(file)
    with pytest.raises(SynmodelError, match="no scenario"):
        state_of(asked)


# -- curves ----------------------------------------------------------------------------------------------------


def test_curves_are_those_of_compare_to_the_last_bit(shown):
    state = shown.state
    made = synmodel.compare(list(state.plans), draws=DRAWS, seed=1)
    xr.testing.assert_identical(shown.compared.dataset, made.dataset)
    assert shown.compared.contrasts == made.contrasts
    assert shown.compared.effects == made.effects
    assert shown.compared.notes == made.notes
    assert shown.compared.checked == made.checked


def test_more_draws_go_on_where_fewer_ended(changed, shown):
    other = Explorer()
    for draws in (0, 1, 3, DRAWS):
        last = other.show(state_of(changed | {"draws": draws}))
    xr.testing.assert_identical(last.compared.dataset, shown.compared.dataset)
    xr.testing.assert_identical(last.mechanisms[1], shown.mechanisms[1])


def test_what_does_not_change_is_not_computed_again(explorer, changed, monkeypatch):
    explorer.show(state_of(changed))
    asked = json.loads(json.dumps(changed))
    asked["scenarios"][1]["document"]["regimen"]["doses"][0]["amount"] = 7
    import synmodel.report.explorer.curves as module

    followed = []
    follower = module.follower
    monkeypatch.setattr(module, "follower", lambda entry, days: followed.append(entry.label) or follower(entry, days))
    explorer.show(state_of(asked))
    assert followed == ["ketamine-mouse-single-B"]


def test_work_that_nobody_waits_for_ends(changed, shown):
    other, stop = Explorer(), threading.Event()
    stop.set()
    with pytest.raises(AbandonedError):
        other.show(state_of(changed), stop=stop)
    stop.clear()
    xr.testing.assert_identical(other.show(state_of(changed), stop=stop).compared.dataset, shown.compared.dataset)


def test_mechanisms_are_those_of_the_scenario(shown):
    for plan, made in zip(shown.state.plans, shown.mechanisms, strict=True):
        whole = mechanism_of(plan).sel(time=made["time"])
        for name in made.data_vars:
            np.testing.assert_array_equal(made[name].sel(draw=-1), whole[name])
            assert made[name].attrs == whole[name].attrs


def test_a_long_series_of_doses_is_thinned_but_not_after_the_first_dose(explorer):
    shown = explorer.show(state_of(given("ketamine-mouse-daily21")))
    time = shown.mechanisms[0]["time"].to_numpy()
    whole = mechanism_of(load("ketamine-mouse-daily21"))["time"].to_numpy()
    assert len(time) < 2500 < len(whole)
    near = np.abs(whole - whole[np.searchsorted(whole, 0.0)]) < 1
    assert np.isin(whole[near], time).all()


# -- panels ----------------------------------------------------------------------------------------------------


def test_panels_hold_what_was_computed(shown):
    document = document_of(shown)
    panels = {each["id"]: each for each in document["panels"]}
    assert list(panels) == [
        "concentration", "receptors", "signalling", "formation_fold", "elimination_fold", "extra", "formation",
        "elimination", "density",
    ]  # fmt: skip
    expected = shown.compared.dataset["expected"].isel(scenario=1)
    chosen = expected.where(expected["quantity"] == "formation_fraction", drop=True).dropna("point", how="all")
    series = next(each for each in panels["formation"]["series"] if each["name"] == "B")
    np.testing.assert_array_equal(series["y"], 100 * chosen.sel(draw=-1))
    low, high = np.quantile(100 * chosen.sel(draw=range(DRAWS)), [0.025, 0.975], axis=0)
    np.testing.assert_allclose(series["low"], low, rtol=1e-12)
    np.testing.assert_allclose(series["high"], high, rtol=1e-12)
    names = {each["name"] for each in panels["receptors"]["series"] if each["scenario"] == 1}
    assert "NMDA-R of interneurons blocked" in names
    peak = max(max(each["y"]) for each in panels["receptors"]["series"] if each["scenario"] == 1)
    blocked = 100 * mechanism_of(shown.state.plans[1])["nmda_block_interneuron"]
    assert peak == pytest.approx(float(blocked.sel(time=slice(0, 0.2)).max()), rel=1e-3)
    assert {each["scenario"] for each in panels["concentration"]["series"]} == {0, 1}
    json.dumps(document, allow_nan=False)


def test_all_days_are_shown_when_asked_for(shown):
    panels = {each["id"]: each for each in document_of(shown, whole=True)["panels"]}
    assert panels["receptors"]["x_unit"] == "day"
    assert max(panels["receptors"]["series"][0]["x"]) == 34.0


def test_a_curve_rises_at_a_dose_and_not_before(explorer):
    shown = explorer.show(state_of(given("ketamine-mouse-daily21")))
    panel = next(each for each in document_of(shown, whole=True)["panels"] if each["id"] == "receptors")
    series = next(each for each in panel["series"] if each["scenario"] == 0)
    x, y = np.array(series["x"]), np.array(series["y"])
    whole = 100 * mechanism_of(load("ketamine-mouse-daily21"))["nmda_block_interneuron"]
    highest = np.interp(np.arange(0, 20) + 0.01, x, y)
    assert highest.min() > 0.5 * float(whole.max())
    # Hours before a dose the receptors are free, in the drawn curve as in the computed one.
    assert np.interp(np.arange(0, 20) - 0.1, x, y).max() < 0.1 * float(whole.max())


def test_ketanserin_takes_receptors_at_the_membrane_from_psilocin(explorer):
    document = document_of(explorer.show(state_of(given("psilocybin-mouse", "psilocybin-mouse-ketanserin"))))
    receptors = next(each for each in document["panels"] if each["id"] == "receptors")
    peaks = {(each["scenario"], each["name"]): max(each["y"]) for each in receptors["series"]}
    assert (0, "5-HT2A inside the cell") not in peaks
    assert peaks.get((1, "5-HT2A at the membrane"), 0.0) < 0.5 * peaks[0, "5-HT2A activated"]
    assert peaks[1, "5-HT2A inside the cell"] == pytest.approx(peaks[0, "5-HT2A activated"], rel=0.01)


def test_without_a_drug_nothing_is_changed(explorer):
    document = document_of(explorer.show(state_of(given("saline-mouse", "saline-mouse"))))
    panels = {each["id"]: each for each in document["panels"]}
    assert panels["concentration"]["series"] == []
    formation = next(row for row in document["glance"] if row["label"].startswith("formation"))
    assert [cell["estimate"] for cells in formation["cells"] for cell in cells] == [1.0, 1.0]
    assert formation["difference"]["estimate"] == 0.0


def test_the_glance_says_the_contrast_of_compare(shown):
    row = next(each for each in document_of(shown)["glance"] if each["label"] == "extra spines on day 7")
    contrast = next(
        each for each in shown.compared.contrasts
        if (each.b, each.quantity, each.end_day) == ("ketamine-mouse-single-B", "extra_spines", 7)
    )  # fmt: skip
    ends = (contrast.estimate, contrast.low, contrast.high)
    assert [row["difference"][name] for name in ("estimate", "low", "high")] == pytest.approx([100 * x for x in ends])


def test_contradictions_come_first(explorer):
    name = "psilocybin-human-oral"
    asked = given(name, "ketamine-mouse-daily21", draws=DRAWS)
    shown = explorer.show(state_of(asked), with_checks=True)
    document = document_of(shown)
    lines = [note for note in shown.compared.notes if note.startswith("CONTRADICTED")]
    assert document["first"]["contradictions"] == lines
    assert not any(note.startswith("CONTRADICTED") for note in document["first"]["notes"])
    assert document["first"]["notes"]


# -- points ----------------------------------------------------------------------------------------------------


def test_published_arms_are_those_with_the_same_doses_and_genotype():
    def arms(plan):
        return {(each["study"], each["arm"]) for each in published_points(plan)}

    plan = load("psilocybin-mouse")
    assert ("shao2021", "psilocybin") in arms(plan)
    assert all(arm == "psilocybin" for _, arm in arms(plan))
    assert arms(load("psilocybin-mouse-knockout")) == {("shaoliao2025_pt", "psilocybin+knock-out")} or all(
        arm.endswith("knock-out") for _, arm in arms(load("psilocybin-mouse-knockout"))
    )
    assert ("shao2021", "ketanserin+psilocybin") in arms(load("psilocybin-mouse-ketanserin"))
    assert all("saline" in arm for _, arm in arms(load("saline-mouse")))
    dose = plan.regimen.doses[0]
    for other in ({"amount": 2}, {"route": "i.v."}, {"repeat": 2}, {"day": 1.0}):
        doses = [dose.model_copy(update=other).model_dump()]
        assert arms(plan.updated(regimen={"doses": doses})) == set()
    assert arms(plan.updated(regimen={"doses": [dose.model_dump()], "treatments": [{"name": "lithium"}]})) == set()


def test_published_points_are_the_published_numbers():
    seen = load_summaries("shao2021", "psilocybin")
    points = [each for each in published_points(load("psilocybin-mouse")) if each["study"] == "shao2021"]
    chosen = seen.where(
        seen["quantity"].isin(["formation_fraction", "elimination_fraction", "density_change"]), drop=True
    )
    assert sorted(each["mean"] for each in points) == sorted(chosen["mean"].dropna("point").to_numpy().tolist())
    assert all(each["is_baseline"] for each in points)


def table_of(study="shao2021"):
    """The rows of one study of the package, as a table of group summaries."""
    lines = summaries_path().read_text().splitlines()
    return "\n".join([lines[0], *(line for line in lines if line.startswith(f"{study},"))]).encode()


def test_own_summaries_become_points_beside_the_prediction(explorer):
    read = read_own("../../mine.csv", table_of())
    assert read["name"] == "mine.csv"
    assert read["form"] == "group summaries"
    arm = next(each for each in read["arms"] if each["arm"] == "psilocybin")
    published = [each for each in published_points(load("psilocybin-mouse")) if each["study"] == "shao2021"]
    assert [each["mean"] for each in arm["points"]] == [each["mean"] for each in published]
    shown = explorer.show(state_of(given(draws=DRAWS)))
    rows = beside(shown, [{**point, "arm": "psilocybin", "scenario": "A"} for point in arm["points"]])
    expected = shown.compared.dataset["expected"].isel(scenario=0).sel(draw=-1)
    for row in rows:
        same = (expected["quantity"] == row["quantity"]) & (expected["end_day"] == row["end_day"])
        same &= expected["start_day"] == row["start_day"]
        assert row["predicted"] == expected[same].item()
        assert row["difference"] == pytest.approx(row["observed"] - row["predicted"])
        assert row["allowed"] > 1.95 * row["sem"]
    (other,) = beside(shown, [{**arm["points"][0], "start_day": 0.5, "arm": "x", "scenario": "B"}])
    assert other["predicted"] is None


def test_own_dendrites_are_read_by_the_readers_of_tables(tmp_path):
    rows = ["arm,mouse,dendrite,day,count,gained,lost,length_um"]
    for mouse, gained in (("m1", 2), ("m2", 4)):
        rows += [f"drug,{mouse},d1,-1,10,,,50", f"drug,{mouse},d1,1,{10 + gained - 1},{gained},1,50"]
    content = "\n".join(rows).encode()
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    from synmodel.data import read_observations
    from synmodel.imaging import summarise

    summary = summarise(read_observations(path).observations)
    (arm,) = read_own("table.csv", content)["arms"]
    formation = next(each for each in arm["points"] if each["quantity"] == "formation_fraction")
    assert arm["arm"] == "drug"
    assert formation["mean"] == float(summary["mean"].where(summary["quantity"] == "formation_fraction", drop=True)[0])
    assert formation["mean"] == pytest.approx(0.3)


def workbook(size):
    """A zip that says it is a workbook and unpacks to some size."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * size)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("x.csv", b"", "x.csv"),
        ("x.csv", b"a,b\n1,2\n", "x.csv"),
        ("x.csv", HEADING + b"a,nonsense,1,2,3\n", "nonsense"),
        ("x.csv", b"\0\1\2\xff" * 100, "x.csv"),
        ("x.csv", b"a" * (MOST_BYTES + 1), "5 MB"),
        ("x.mat", b"MATLAB", "no table that the explorer takes"),
        ("x.py", b"import os", "no table that the explorer takes"),
        ("/etc/passwd", b"root", "passwd is no table"),
        ("x.xlsx", b"PK no zip", "no Excel workbook"),
        ("x.xlsx", workbook(100), "x.xlsx"),
        ("x.xlsx", workbook(61_000_000), "unpacks to 61 MB"),
        ("x.csv", HEADING + b"a,head_width_change,1,2,3\na,baseline_density_per_um,0,2,3\n", "0 means"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_one_line(name, content, line):
    with pytest.raises(DataError) as fault:
        read_own(name, content)
    assert line in str(fault.value)
    assert "\n" not in str(fault.value)


# -- handed on -------------------------------------------------------------------------------------------------


def curve(document, panel, name):
    """Estimate and ends of one curve of a page."""
    found = next(each for each in document["panels"] if each["id"] == panel)
    series = next(each for each in found["series"] if each["name"] == name)
    return series["y"], series["low"], series["high"]


def test_the_toml_is_the_scenario(shown):
    texts = texts_of(shown.state)
    for text, plan in zip(texts["toml"], shown.state.plans, strict=True):
        assert loads(text["text"]) == plan


@pytest.mark.slow
def test_the_command_gives_the_shown_numbers(shown, tmp_path):
    text = texts_of(shown.state)["cli"]
    folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": folder + os.pathsep + os.environ["PATH"]}
    ended = subprocess.run(
        ["bash", "-euc", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    document = document_of(shown)
    told = json.loads((tmp_path / "explored" / "comparison.json").read_text())
    assert told["draws"]["asked"] == DRAWS
    for letter, scenario in zip("AB", told["scenarios"], strict=True):
        rows = [each for each in scenario["expected"] if each["quantity"] == "elimination_fraction"]
        for name, values in zip(("mean", "low", "high"), curve(document, "elimination", letter), strict=True):
            np.testing.assert_array_equal([100 * row[name] for row in rows], values)
        mechanism = xr.load_dataset(tmp_path / f"explored-{letter}" / "mechanism.nc")
        mine = shown.mechanisms["AB".index(letter)].sel(draw=-1)
        np.testing.assert_array_equal(mechanism["bdnf"].sel(time=mine["time"]), mine["bdnf"])
    assert document["first"]["notes"] == [note for note in told["notes"] if not note.startswith("CONTRADICTED")]


@pytest.mark.parametrize("pair", [("psilocybin-mouse", "psilocybin-mouse"), None])
def test_the_lines_of_python_give_the_shown_numbers(explorer, shown, pair, capsys):
    if pair is not None:
        shown = explorer.show(state_of(given(*pair, draws=2)))
    space = {}
    exec(texts_of(shown.state)["python"], space)
    assert "estimate" in capsys.readouterr().out
    xr.testing.assert_identical(space["made"].dataset, shown.compared.dataset)
    for made, mine in zip(space["mechanisms"], shown.mechanisms, strict=True):
        np.testing.assert_array_equal(
            made["formation_fold"].sel(time=mine["time"]), mine["formation_fold"].sel(draw=-1)
        )


def test_texts_name_the_folders_and_the_posterior_and_quote_them(shown):
    texts = texts_of(shown.state, Sources((Path("/my lib"),), Path("it's.nc")))
    assert "synmodel --library '/my lib' compare psilocybin-mouse ./ketamine-mouse-single-B.toml" in texts["cli"]
    assert "--posterior 'it'\"'\"'s.nc'" in texts["cli"]
    compile(texts["python"], "text", "exec")
    assert "synmodel.library.use('/my lib')" in texts["python"]


def test_a_title_cannot_break_out_of_a_text():
    asked = given()
    asked["scenarios"][0]["document"]["parameters"] = {"shao2021.formation": 0.1}
    asked["scenarios"][0]["document"]["title"] = "'''\nEND_OF_SCENARIO\nrm -rf /\n"
    texts = texts_of(state_of(asked))
    assert "rm -rf" not in texts["cli"] + texts["python"]


def test_the_table_holds_every_point_with_its_unit(shown):
    document = document_of(shown)
    rows = list(csv.DictReader(io.StringIO(csv_of(document))))
    n = sum(len(each["x"]) for panel in document["panels"] for each in panel["series"])
    n += sum(len(panel["points"]) for panel in document["panels"])
    assert len(rows) == n
    elimination = [
        float(row["estimate"]) for row in rows if row["quantity"] == "elimination_fold" and row["scenario"] == "B"
    ]
    assert elimination == curve(document, "elimination_fold", "B")[0]
    assert {row["unit"] for row in rows} == {"nM", "%", "fold", "excess"}


def test_no_text_of_the_table_is_a_formula(shown):
    document = document_of(shown)
    document["scenarios"][0]["label"] = "=HYPERLINK(0)"
    labels = {row["label"] for row in csv.DictReader(io.StringIO(csv_of(document))) if row["scenario"] == "A"}
    assert labels == {"'=HYPERLINK(0)"}


def test_the_netcdf_holds_what_compare_writes_and_the_mechanisms(explorer, shown, tmp_path):
    (tmp_path / "explored.nc").write_bytes(netcdf_of(dataset_of(shown, explorer.parameters)))
    read = xr.load_dataset(tmp_path / "explored.nc")
    np.testing.assert_array_equal(read["expected"], shown.compared.dataset["expected"])
    np.testing.assert_array_equal(read["B_bdnf"], shown.mechanisms[1]["bdnf"])
    assert read["A_free_concentration"].attrs["units"] == "nM"
    assert read.attrs["seed"] == "1"
