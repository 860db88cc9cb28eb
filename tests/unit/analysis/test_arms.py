"""What a claim is judged by: arms, intervals, windows, held parameters, repeats; each against something else."""

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy.stats import ttest_ind

import synmodel
from synmodel.analysis import workflows
from synmodel.analysis.arms import arms_compared
from synmodel.analysis.comparison import contrasts, effect_of, with_interval
from synmodel.analysis.repeats import repeats_that_find
from synmodel.core.errors import FitError, ScenarioError, SimulationError
from synmodel.data import load_summaries
from synmodel.imaging import between_arms
from synmodel.inference.summaries.hierarchy import effect_factor
from synmodel.inference.summaries.readings import Reading, joint_problem
from synmodel.inference.summaries.summary_fit import fit_problem
from synmodel.inference.summaries.verdicts import hold, judge
from synmodel.scenario import load
from synmodel.signalling.folds import mean_folds
from synmodel.simulation import drive_function, drive_of, expectation

pytestmark = pytest.mark.heavy


def arm(values, quantity="density_change", end=1.0):
    """Summary of one point over mice."""
    values = np.array(values)
    return xr.Dataset(
        {
            "mouse_mean": ("point", [values.mean()]),
            "mouse_sem": ("point", [values.std(ddof=1) / np.sqrt(len(values))]),
            "n_mice": ("point", [len(values)]),
        },
        {"quantity": ("point", [quantity]), "start_day": ("point", [-3.0]), "end_day": ("point", [end])},
    )


def test_the_difference_of_arms_is_that_of_welch():
    a, b = [1.0, 2.5, 2.0, 4.0, 3.5], [0.5, 1.0, 0.2, 2.0]
    got = between_arms(arm(a), arm(b)).isel(point=0)
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert float(got["difference"]) == pytest.approx(np.mean(a) - np.mean(b))
    assert (float(got["low"]), float(got["high"])) == pytest.approx(tuple(interval))
    wider = between_arms(arm(a), arm(b), level=0.99).isel(point=0)
    assert float(wider["low"]) < float(got["low"])


def test_arms_are_compared_where_both_have_a_point():
    both = xr.concat([arm([1.0, 2.0]), arm([3.0, 5.0], end=3.0)], "point")
    got = between_arms(both, arm([1.0, 1.5], end=3.0))
    assert got["end_day"].values.tolist() == [3.0]
    published = between_arms(*(load_summaries("phoumthipphavong2016", name) for name in ("ketamine", "saline")))
    alone = published.isel(point=np.flatnonzero(published["end_day"] == 15))
    assert np.isnan(alone["low"]).all()  # one mouse of the control on day 15


def test_an_interval_is_that_of_the_parameter_it_shows(fit):
    """Of a parameter itself it is the Gaussian one on the scale of the fit."""
    at = fit.problem.free.index("shao2021.loss_mature")
    error = np.sqrt(fit.covariance[at, at])
    estimate, low, high = with_interval(fit, lambda p: np.log(p.value("shao2021.loss_mature")), draws=2000, seed=3)
    assert estimate == pytest.approx(fit.vector[at])
    assert low == pytest.approx(fit.vector[at] - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(fit.vector[at] + 1.96 * error, abs=0.15 * error)


def test_an_interval_of_too_few_draws_is_refused(fit, monkeypatch):
    """Those that are asked for, before any work; those that are possible, at the end."""
    monkeypatch.setattr(workflows, "compare_readings", lambda *_, **__: pytest.fail("work has begun"))
    for refused in (
        lambda: synmodel.compare_drugs(seed=1, draws=49),
        lambda: contrasts(fit, "ketamine", draws=49),
        lambda: with_interval(fit, lambda _: pytest.fail("work has begun"), draws=49),
    ):
        with pytest.raises(SimulationError, match="draws is 49; it must be a whole number of at least 50"):
            refused()
    calls = itertools.count()

    def rarely(_):
        if next(calls) % 2:
            message = "no such dendrite"
            raise SimulationError(message)
        return 1.0

    with pytest.raises(FitError, match="only 30 of 60 parameter draws are possible"):
        with_interval(fit, rarely, draws=60, seed=1)


def test_the_mean_over_a_window_is_the_area_under_the_steps():
    drive = drive_of(load("ketamine-mouse-single"))
    whole = mean_folds(drive, "formation", [(0.0, 1.0), (0.0, 0.4), (0.4, 1.0), (-2.0, -1.0)])
    assert whole[0] == pytest.approx(0.4 * whole[1] + 0.6 * whole[2])
    assert whole[3] == 1
    steps = xr.DataArray(drive["formation"])
    fine = np.linspace(0.0, 0.4, 40001)[:-1] + 0.5e-5
    places = np.searchsorted(drive["time"].to_numpy(), fine, side="right") - 1
    assert whole[1] == pytest.approx(float(steps.to_numpy()[places].mean()), rel=1e-3)


def test_a_drive_of_many_parameters_is_the_drive_of_each():
    parameters = synmodel.default_parameters()
    for name, change in (
        ("psilocybin-mouse", {"cascade.formation_gain": 9.0}),
        ("ketamine-mouse-single", {"nmda.hill": 2.0}),
    ):
        plan = load(name)
        many = drive_function(plan)
        for each in (parameters, parameters.replace(change), parameters):
            assert many(each).identical(drive_of(plan, each))
    dose = {"doses": [{"compound": "psilocybin", "amount": 2, "route": "i.p."}]}
    with pytest.raises(ScenarioError, match="knows psilocybin only as fitted"):
        drive_function(load("psilocybin-mouse").updated(drive="phenomenological", regimen=dose))


def test_the_expectation_of_a_scenario_is_that_of_the_fit(fit):
    sessions = {"sessions": [-3, -1, 1, 3, 5, 7, 34]}
    plan = load("psilocybin-mouse").updated(schedule=sessions, cohort={"initial_density_per_um": 0.47524})
    got = expectation(plan, fit.in_library("shao2021", "psilocybin"))
    wanted = fit.problem.predict(fit.values)["shao2021", "psilocybin"].expected
    np.testing.assert_allclose(got.formation, wanted.formation, rtol=3e-3)
    np.testing.assert_allclose(got.density_change, wanted.density_change, atol=1e-3)


def test_arms_of_the_model_stand_beside_those_published(fit):
    table = arms_compared(fit, "shao2021", "psilocybin", "saline", draws=60, seed=1)
    assert set(table["quantity"].values.tolist()) == {
        "formation_fraction", "elimination_fraction", "density_change", "head_width_change"
    }  # fmt: skip
    predicted = fit.problem.predict(fit.values)
    a, b = (predicted["shao2021", name] for name in ("psilocybin", "saline"))
    for quantity, difference in (
        ("density_change", a.expected.density_change - b.expected.density_change),
        ("head_width_change", a.head_width - b.head_width),
    ):
        rows = table.isel(point=np.flatnonzero(table["quantity"] == quantity)).sortby("end_day")
        np.testing.assert_allclose(rows["model"], difference, rtol=1e-9)
        assert (rows["model_low"] <= rows["model"] + 1e-9).all()
    day = table.isel(point=np.flatnonzero((table["quantity"] == "density_change") & (table["end_day"] == 1)))
    assert float(day["published"][0]) == pytest.approx(0.07297 + 0.03152)


def test_a_released_parameter_is_fitted_and_a_held_one_is_not(pulse):
    assert "ketamine.onset" in pulse.problem.free
    name = "ketamine.formation_fold"
    (verdict,) = judge(pulse, names=[name])
    low, middle = hold(pulse, name, [verdict.low, pulse.values[name]], seed=1).rise
    assert middle == pytest.approx(0, abs=1e-3)
    assert low == pytest.approx(3.84, rel=0.3)  # the end of MINOS's interval


@pytest.fixture(scope="module")
def pulse():
    """Ketamine alone, by a pulse."""
    return fit_problem(joint_problem(["phoumthipphavong2016"], reading=Reading("pulse")), seed=1, starts=1)


def test_repeats_find_what_is_there_and_little_else():
    """A strong effect always; without any a rise in one of forty, within its exact interval."""
    control = load("saline-mouse").updated(schedule={"sessions": [-3, -1, 1, 3]})
    treated = load("psilocybin-mouse").updated(
        schedule={"sessions": [-3, -1, 1, 3]},
        parameters={"cascade.formation_gain": 1000.0, "cascade.tau_formation": 8.0, "cascade.formation_max": 20.0},
    )
    found = repeats_that_find(treated, control, replicates=40, seed=4)
    late = found.isel(point=np.flatnonzero((found["quantity"] == "formation_fraction") & (found["end_day"] == 3)))
    assert float(late["more"][0]) == 1
    assert float(late["fewer"][0]) == 0
    assert 0.85 < float(late["more_low"][0]) < 1
    nothing = repeats_that_find(control, control, replicates=150, seed=4)
    density = nothing.isel(point=np.flatnonzero(nothing["quantity"] == "density_change"))
    assert (density["more_low"] < 0.025).all()
    assert (density["more_high"] > 0.025).all()
    assert (abs(density["difference"]) < 0.03).all()


def test_the_head_shrinks_and_the_number_stays(fit):
    effect = effect_of("psilocybin", fit)
    tau = fit.values["cascade.tau_head_size"] * effect_factor("shao2021", "head_size_duration", fit.values)
    assert effect.head_width_late / effect.head_width == pytest.approx(np.exp(-33 / tau), rel=0.2)
