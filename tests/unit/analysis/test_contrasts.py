"""Scenarios against each other: exact zeros, signs, shared draws, and what is said of them."""

import json

import command_line
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import synmodel
from synmodel.analysis import contrasts, intervals
from synmodel.analysis.contrasts import MEASURES, compare
from synmodel.analysis.following import STATISTICS
from synmodel.analysis.intervals import expected_statistics, scenario_draws
from synmodel.analysis.sweeps.factors import changed, without_doses
from synmodel.cli import app
from synmodel.core.errors import LibraryError, ScenarioError, SimulationError
from synmodel.data.summaries import baseline_density
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import default_parameters
from synmodel.report import figures
from synmodel.report.comparison_figure import scenarios_figure
from synmodel.report.contrasts import compared_document, compared_tables
from synmodel.scenario import load
from synmodel.simulation import drive_of, tissue_of
from synmodel.simulation.courses import course_function, half_peak, peak_of, shared_days
from synmodel.turnover import moments

pytestmark = pytest.mark.heavy

DRUG, OTHER, CONTROL = "psilocybin-mouse", "ketamine-mouse-single", "saline-mouse"
DRAWS = 6


@pytest.fixture(scope="module")
def two():
    return compare([DRUG, OTHER], draws=DRAWS)


@pytest.fixture(scope="module")
def controlled():
    return compare([DRUG, "psilocybin-mouse-knockout"], control=CONTROL, draws=DRAWS)


def by_key(result, *pair):
    return {
        (each.quantity, each.start_day, each.end_day): each
        for each in result.contrasts
        if not pair or (each.a, each.b) == pair
    }


# -- laws ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [(DRUG, DRUG), (CONTROL, CONTROL), ("ketamine-mouse-daily5",) * 2])
def test_equal_scenarios_differ_by_exactly_nothing(names):
    made = compare(names, draws=DRAWS)
    between = [each for each in made.contrasts if each.b == f"{names[0]} (2)"]
    assert {(each.estimate, each.low, each.high) for each in between} == {(0.0, 0.0, 0.0)}
    wanted = {"formation_fraction", "elimination_fraction", "density_change", "head_width_change"}
    if names[0] != CONTROL:
        wanted |= {"extra_spines", *MEASURES}
    assert {each.quantity for each in between} == wanted


def test_a_copy_under_another_name_differs_by_exactly_nothing():
    plan = load(DRUG)
    made = compare([plan, plan.updated(name="copy")], draws=DRAWS)
    assert {(c.estimate, c.low, c.high) for c in made.contrasts if c.b == "copy"} == {(0.0, 0.0, 0.0)}


def test_swapped_scenarios_change_the_sign(two):
    swapped = by_key(compare([OTHER, DRUG], draws=DRAWS), OTHER, DRUG)
    forward = by_key(two, DRUG, OTHER)
    assert forward.keys() == swapped.keys()
    for key, each in forward.items():
        assert (each.estimate, each.low, each.high) == pytest.approx(
            (-swapped[key].estimate, -swapped[key].high, -swapped[key].low), rel=1e-12, abs=1e-14
        ), key


def test_a_control_gives_what_expected_statistics_gives(controlled):
    plan, control = load(DRUG), load(CONTROL)
    sets = scenario_draws(load_posterior(), DRAWS, 1)
    exact = expected_statistics(plan, control=control, draws=sets)
    ends = intervals.with_ends(exact["contrast"].to_numpy())
    seen = by_key(controlled, DRUG, CONTROL)
    for k, key in enumerate(
        zip(*(exact[n].values.tolist() for n in ("quantity", "start_day", "end_day")), strict=True)
    ):
        assert (seen[key].estimate, seen[key].low, seen[key].high) == pytest.approx(ends[:, k].tolist(), abs=1e-9), key
    assert controlled.dataset["draw"].values.tolist() == exact["draw"].values.tolist()


def test_the_interval_is_that_of_the_difference(two):
    """Draw by draw; the difference of the ends of two intervals is another, and wider, interval."""
    dataset = two.dataset.isel(draw=slice(1, None))
    row = next(
        k
        for k, each in enumerate(two.contrasts)
        if (each.b, each.quantity, each.end_day) == (OTHER, "formation_fraction", 1.0)
    )
    at = np.flatnonzero((dataset["quantity"] == "formation_fraction") & (dataset["end_day"] == 1))[0]
    one, other = (dataset["expected"].sel(scenario=name).isel(point=at) for name in (DRUG, OTHER))
    np.testing.assert_allclose(dataset["contrast_value"][:, row], one - other, rtol=1e-12)
    low, high = np.quantile(one - other, [0.025, 0.975])
    assert (two.contrasts[row].low, two.contrasts[row].high) == pytest.approx((low, high))


def test_courses_are_the_moments_of_the_spines_that_are_there():
    """An independent road: exact moments of counts, from the same tissue and drive."""
    plan = load(DRUG)
    days = shared_days([plan])
    course = course_function(plan, days)(None)
    tissue = tissue_of(plan.baseline, default_parameters().as_floats())
    means = tissue.initial_means(baseline_density(plan.baseline, "saline"))
    start = dict(zip(tissue.model.classes, means.tolist(), strict=True))
    count = moments(tissue.model, initial={"poisson": start}, times=days, drive=drive_of(plan))["count_mean"].sum(
        "spine_class"
    )
    np.testing.assert_allclose(course.density, count / count[0] - 1, rtol=1e-9, atol=1e-12)
    assert course.formation_fold[days < 0].tolist() == [1.0] * int((days < 0).sum())
    assert course.formation_fold.max() > 2
    assert course.elimination_fold.min() < 0.6


def test_extra_spines_are_the_course_less_that_of_the_vehicle(two):
    plan = load(DRUG)
    days = two.dataset["day"].to_numpy()
    own, without = (course_function(each, days)(None).density for each in (plan, without_doses(plan)))
    extra = two.dataset["extra_spines"].sel(scenario=DRUG, draw=-1)
    np.testing.assert_allclose(extra, own - without, atol=1e-9)
    area = next(e for e in two.effects if (e.scenario, e.quantity) == (DRUG, "extra_spines_area"))
    assert area.estimate == pytest.approx(np.trapezoid(own - without, days), rel=1e-9)
    at_34 = by_key(two, DRUG, "vehicle")["extra_spines", -3.0, 34.0]
    assert at_34.estimate == pytest.approx((own - without)[-1])


@given(st.floats(0.5, 8), st.floats(0.5, 20), st.floats(0.01, 3), st.sampled_from([-1, 1]))
def test_measures_of_a_triangle(rise, fall, peak, sign):
    day = np.unique(np.concatenate([np.linspace(0, rise, 7), np.linspace(rise, rise + fall, 9)]))
    curve = sign * peak * np.interp(day, [0, rise, rise + fall], [0, 1, 0])
    made = peak_of(day, curve)
    assert made.peak == pytest.approx(sign * peak)
    assert made.day == pytest.approx(rise)
    assert made.onset == pytest.approx(rise / 2)
    assert made.last == pytest.approx(rise + fall / 2)
    assert made.area == pytest.approx(sign * peak * (rise + fall) / 2)


def test_a_curve_of_zeros_has_no_onset():
    assert np.isnan(half_peak(np.arange(3.0), np.zeros(3))).all()
    assert np.isnan(peak_of(np.arange(3.0), np.zeros(3)).day)


def test_shared_days_hold_all_sessions_and_end_with_the_last():
    plans = [load(name) for name in (DRUG, OTHER, "ketamine-mouse-daily21")]
    days = shared_days(plans)
    assert np.all(np.diff(days) > 0)
    assert set(days) >= {day for plan in plans for day in plan.schedule.sessions}
    assert (days[0], days[-1]) == (
        min(plan.schedule.sessions[0] for plan in plans), max(plan.schedule.sessions[-1] for plan in plans)
    )  # fmt: skip


# -- which with which ------------------------------------------------------------------------------------------


def pairs_of(result):
    return list(dict.fromkeys((each.a, each.b) for each in result.contrasts))


def test_without_a_control_all_pairs_and_each_with_its_vehicle(two):
    assert pairs_of(two) == [(DRUG, OTHER), (DRUG, "vehicle"), (OTHER, "vehicle")]


def test_with_a_control_each_with_it(controlled):
    assert pairs_of(controlled) == [(DRUG, CONTROL), ("psilocybin-mouse-knockout", CONTROL)]
    assert compare([CONTROL, DRUG], control=CONTROL, draws=0).dataset["scenario"].values.tolist() == [CONTROL, DRUG]


def test_one_scenario_stands_against_its_vehicle():
    assert pairs_of(compare(DRUG, draws=0)) == [(DRUG, "vehicle")]
    assert pairs_of(compare([DRUG, CONTROL], control="vehicle", draws=0)) == [(DRUG, "vehicle")]


def test_what_leaves_nothing_but_rounding_is_nothing(controlled):
    """A knock-out has no receptor for the dose to act on."""
    left = by_key(controlled, "psilocybin-mouse-knockout", CONTROL).values()
    assert {(each.estimate, each.low, each.high) for each in left} == {(0.0, 0.0, 0.0)}
    onset = [e for e in controlled.effects if e.scenario.endswith("knockout") and e.quantity == "extra_spines_onset"]
    assert [(each.estimate, each.low) for each in onset] == [(None, None)]


def test_intervals_that_one_lacks_are_left_out_and_told(two):
    shared = {key[1:] for key in by_key(two, DRUG, OTHER) if key[0] == "formation_fraction"}
    assert shared == {(-3.0, -1.0), (-1.0, 1.0), (1.0, 3.0), (3.0, 5.0)}
    told = "\n".join(two.notes)
    assert "day 5 to 7, 7 to 34 of psilocybin-mouse; day 5 to 10, 10 to 15 of ketamine-mouse-single" in told
    assert "baselines and scoring differ" in told
    assert "ketamine-mouse-single: the last session is day 15; the course up to day 34 is an extrapolation" in told


def test_other_first_sessions_leave_changes_out():
    plan = load(DRUG)
    later = plan.updated(name="later", schedule={"sessions": [-1, 1, 3]})
    made = compare([plan, later], draws=0)
    assert {each.quantity for each in made.contrasts if each.b == "later"}.isdisjoint({"density_change"})
    assert any("changes since the first session are not compared" in note for note in made.notes)
    assert np.isnan(made.dataset["density"].sel(scenario="later", day=-3.0)).all()
    assert not np.isnan(made.dataset["density"].sel(scenario="later", day=34.0)).any()


def test_a_dose_that_nothing_shows_is_told():
    late = load(DRUG).updated(name="late", schedule={"sessions": [-9, -5, -1]})
    assert any(note.startswith("late: psilocybin on day 0 is not before") for note in compare(late, draws=0).notes)
    assert not any("nothing shows it" in note for note in compare([late, DRUG], draws=0).notes)


def test_draws_without_a_possible_dendrite_are_left_out_for_all(monkeypatch):
    impossible = default_parameters().replace({"shao2021.formation": 3.0, "shao2021.loss_nascent": 0.02})
    sets = [*scenario_draws(load_posterior(), 2, 1), impossible]
    monkeypatch.setattr(intervals, "scenario_draws", lambda *_: sets)
    made = compare([DRUG, OTHER], draws=3)
    assert made.dataset["draw"].values.tolist() == [-1, 0, 1]
    assert made.draws == (3, 2)
    assert made.notes[-1].startswith("1 of 3 draws are left out for all")


def test_a_pulse_has_no_interval():
    pulse = load(DRUG).updated(name="pulse", drive="phenomenological")
    made = compare([pulse, DRUG], draws=DRAWS)
    of_pulse = [each for each in made.contrasts if each.a == "pulse"]
    assert {(each.low, each.high) for each in of_pulse} == {(None, None)}
    assert all(each.low is not None for each in made.contrasts if each.a == DRUG)
    assert any("no intervals" in note for note in made.notes)


def test_the_same_seed_gives_the_same_numbers(two):
    again, other = (compare([DRUG, OTHER], draws=DRAWS, seed=seed) for seed in (1, 2))
    xr.testing.assert_identical(again.dataset, two.dataset)
    assert not np.array_equal(other.dataset["contrast_value"], two.dataset["contrast_value"])
    assert [each.estimate for each in other.contrasts] == [each.estimate for each in two.contrasts]


def test_contradictions_come_first():
    made = compare(["ketamine-human-infusion", DRUG], draws=0)
    document = compared_document(made, seed=1, parameters="")
    assert made.notes[0].startswith("CONTRADICTED BY DATA")
    assert document["contradictions"][0]["scenario"] == "ketamine-human-infusion"
    assert document["contradictions"][0]["line"].endswith("[ketamine-human-infusion]")


# -- bad input -------------------------------------------------------------------------------------------------


def test_bad_lineups_are_one_line():
    plan = load(DRUG)
    other = changed(plan, {"scenario.regimen.doses[0].amount": 2.0})
    for arguments, words in (
        (dict(scenarios=[]), "0 scenarios are given; compare 1 to 20"),
        (dict(scenarios=[DRUG] * 21), "21 scenarios are given"),
        (dict(scenarios=CONTROL), "it gives no drug"),
        (dict(scenarios=[CONTROL], control="vehicle"), "it gives no drug"),
        (dict(scenarios=[DRUG], control=DRUG), "it is the control itself"),
        (dict(scenarios=[plan, other]), "two different scenarios have the name 'psilocybin-mouse'"),
        (dict(scenarios=[plan], control=other), "two different scenarios have the name"),
        (dict(scenarios=[plan.updated(name="vehicle"), DRUG]), "give it another"),
    ):
        with pytest.raises(ScenarioError, match=words.replace("(", r"\(")) as fault:
            compare(**arguments, draws=0)
        assert "\n" not in str(fault.value)
    apart = load(CONTROL).updated(name="apart", schedule={"sessions": [-2, 0, 2]})
    with pytest.raises(ScenarioError, match="no interval between sessions in common"):
        compare([CONTROL, apart], draws=0)
    with pytest.raises(LibraryError, match="control is 'vehicel'; did you mean 'vehicle'"):
        compare(DRUG, control="vehicel")
    with pytest.raises(LibraryError, match="none of the scenarios given, and the library has no scenario"):
        compare(DRUG, control="salin-mouse")
    with pytest.raises(SimulationError, match="draws is -1"):
        compare([DRUG, OTHER], draws=-1)
    with pytest.raises(SimulationError, match=r"replicates is 2\.5"):
        compare([DRUG, OTHER], replicates=2.5)


def run(capsys, monkeypatch, *arguments):
    return command_line.run(capsys, monkeypatch, "compare", *arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["psilocybin-mous", OTHER], "the library has no scenario 'psilocybin-mous'; did you mean"),
        ([DRUG, OTHER, "--control", "saline-mous"], "control is 'saline-mous'"),
        ([CONTROL], "it gives no drug; give a second scenario"),
        ([DRUG, "missing.toml"], "cannot read missing.toml"),
        (["--control", CONTROL], "--control is saline-mouse, but no scenario is given"),
        (["--draws", "7"], "--draws is 7, but no scenario is given"),
        ([DRUG, OTHER, "--unit", "dendrite"], "--unit is 'dendrite'"),
        ([DRUG, OTHER, "--draws", "-1"], "--draws | -1"),
        ([DRUG, OTHER, "--seed", "-1"], "seed is -1"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(capsys, monkeypatch, tmp_path, arguments, words):
    out = tmp_path / "out"
    status, stdout, stderr = run(capsys, monkeypatch, *arguments, "--out", out)
    assert status == 2
    assert stdout == ""
    assert all(part in stderr for part in words.split(" | "))
    assert stderr.count("\n") == 1
    assert not out.exists()


# -- results ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "out"
    words = ["compare", DRUG, OTHER, "--out", str(out), "--draws", "5", "--replicates", "3", "--quiet"]
    app(words, standalone_mode=False)
    return out


def test_the_document_says_every_contrast(written):
    document = json.loads((written / "comparison.json").read_text())
    assert document["sign"] == "a minus b"
    assert [each["name"] for each in document["scenarios"]] == [DRUG, OTHER]
    assert document["control"] is None
    assert document["draws"] == {"asked": 5, "used": 5}
    for entry in document["contrasts"]:
        assert {"a", "b", "quantity", "start_day", "end_day", "estimate", "low", "high", "unit"} <= set(entry)
        assert entry["low"] <= entry["high"]
        assert ("simulated" in entry) == (entry["quantity"] in STATISTICS)
    levels = {
        each["name"]: {(e["quantity"], e["start_day"], e["end_day"]): e["mean"] for e in each["expected"]}
        for each in document["scenarios"]
    }
    for entry in document["contrasts"]:
        key = (entry["quantity"], entry["start_day"], entry["end_day"])
        if entry["b"] == OTHER and key in levels[DRUG]:
            assert entry["estimate"] == pytest.approx(levels[DRUG][key] - levels[OTHER][key], abs=1e-9)
    names = [each["quantity"] for each in document["scenarios"][0]["effects"]]
    assert names == list(MEASURES)
    assert document["provenance"]["seed"] == "1"


def test_the_dataset_has_units_and_names(written):
    with xr.open_dataset(written / "comparison.nc", engine="h5netcdf") as dataset:
        assert dataset["extra_spines"].dims == ("scenario", "draw", "day")
        assert dataset.sizes["draw"] == 6
        for name in ("density", "extra_spines", "formation_fold", "elimination_fold", "mean_head_width", "expected"):
            assert dataset[name].attrs["units"] == "1"
            assert dataset[name].attrs["long_name"]
        assert dataset["day"].attrs["units"] == "day"
        assert dataset.attrs["sign"] == "a minus b"
        assert "baselines and scoring differ" in dataset.attrs["notes"]


def test_the_folder_keeps_to_its_comparison(written, capsys, monkeypatch):
    assert command_line.names_in(written) == {f"comparison.{end}" for end in ("json", "nc", "png", "svg")}
    status, _, stderr = run(capsys, monkeypatch, DRUG, CONTROL, "--out", written, "--draws", 2)
    assert status == 2
    assert f"holds results of the comparison of {DRUG}, {OTHER}" in stderr
    status, _, stderr = run(capsys, monkeypatch, "--out", written)
    assert status == 2
    same = [DRUG, OTHER, "--draws", 5, "--replicates", 3, "--json"]
    status, stdout, _ = run(capsys, monkeypatch, *same, "--out", written)
    assert status == 0
    assert stdout == (written / "comparison.json").read_text()


def test_tables_and_figure_tell_it(two, controlled):
    document = compared_document(two, seed=1, parameters="")
    titles = [str(table.title) for table in compared_tables(document)]
    assert titles[0] == "Read with care"
    assert titles[1].startswith("Extra spines")
    assert titles[2:] == [f"{DRUG} − {OTHER}", f"{DRUG} − vehicle", f"{OTHER} − vehicle"]  # noqa: RUF001
    figure = scenarios_figure(two)
    labels = [axes.get_label() for axes in figure.axes]
    assert labels[:5] == ["key", "formation_fold", "elimination_fold", "density", "extra_spines"]
    assert len(labels) == 10
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [DRUG, OTHER]
    forest = figure.axes[6]
    assert len(forest.lines) == 3 * 2 + 1  # a bar and a point for each pair, and the line of no difference
    alone = compare([CONTROL, "saline-mouse-2016"], draws=0)
    assert len(scenarios_figure(alone).axes) == 7
    assert controlled.lineup.control == CONTROL


def test_many_pairs_are_in_the_file():
    amounts = [changed(load(DRUG), {"scenario.regimen.doses[0].amount": 0.1 * k}) for k in range(1, 5)]
    made = compare([plan.updated(name=f"dose {k}") for k, plan in enumerate(amounts)], draws=0)
    document = compared_document(made, seed=1, parameters="")
    assert len(pairs_of(made)) == 10
    assert str(compared_tables(document)[-1].title) == "4 more pairs are in comparison.json"
    assert len(set(figures.colours_of(["psilocybin"] * 4))) == 4


def test_contrasts_are_a_table(two):
    table = two.frame()
    assert len(table) == len(two.contrasts)
    assert {"a", "b", "quantity", "estimate", "low", "high"} <= set(table.columns)
    assert synmodel.compare is compare


def test_simulated_experiments_do_not_depend_on_blocks(monkeypatch):
    whole = compare(DRUG, draws=0, replicates=5)
    monkeypatch.setattr(contrasts, "_BLOCK", 2)
    assert compare(DRUG, draws=0, replicates=5).contrasts == whole.contrasts


def test_an_impossible_scenario_is_named():
    plan = changed(load(DRUG), {"shao2021.formation": 3.0, "shao2021.loss_nascent": 0.02})
    with pytest.raises(SimulationError, match=r"^too many: formation of"):
        compare([CONTROL, plan.updated(name="too\nmany")], draws=0)
