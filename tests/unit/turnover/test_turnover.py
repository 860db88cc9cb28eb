"""The low-level door: what it accepts, what it returns, and small cases by hand."""

import numpy as np
import pytest
import xarray as xr
from scipy.linalg import expm
from scipy.stats import binom, poisson

from synmodel.core.errors import SchemaError, SimulationError
from synmodel.turnover import (
    EliminationBySize,
    HeadWidth,
    Interaction,
    TurnoverModel,
    covariance,
    moments,
    propagate,
    simulate,
    survival,
    trace,
)
from synmodel.turnover.hazards import folds_between
from synmodel.turnover.heterogeneity import dendrite_nodes, gamma_quantile
from synmodel.turnover.initial import read_initial
from synmodel.turnover.propagation import compose
from synmodel.turnover.start import Start
from synmodel.turnover.tables import tabulated

SESSIONS = [-3, -1, 1, 3, 5]


def test_simulate_keeps_its_contract(two_classes):
    drive = xr.Dataset({"formation": ("time", [2.0, 1.0])}, {"time": [0.0, 3.0]})
    for engine in ("sessions", "events", "coupled"):
        out = simulate(
            two_classes,
            initial={"nascent": 2, "mature": 35},
            times=SESSIONS,
            replicates=7,
            dendrites=3,
            drive=drive,
            seed=1,
            engine=engine,
        )
        assert out["count"].dims == ("replicate", "dendrite", "time", "spine_class")
        assert out["gained"].dims == out["lost"].dims == ("replicate", "dendrite", "interval")
        assert out["count"].shape == (7, 3, 5, 2)
        assert out["gained"].shape == (7, 3, 4)
        assert out["spine_class"].to_numpy().tolist() == ["nascent", "mature"]
        assert (out["count"][:, :, 0] == [2, 35]).all()
        assert out["count"].attrs["units"] == "1"
        assert out["time"].attrs["units"] == "day"
        total = out["count"].sum("spine_class").to_numpy()
        np.testing.assert_array_equal(np.diff(total, axis=2), (out["gained"] - out["lost"]).to_numpy())


def test_moments_keep_their_contract(two_classes):
    exact = moments(two_classes, initial={"poisson": {"mature": 35}}, times=SESSIONS)
    assert exact["count_mean"].dims == ("time", "spine_class")
    assert exact["lost_variance"].dims == ("interval",)
    np.testing.assert_allclose(exact["count_mean"], exact["count_variance"])
    fixed = moments(two_classes, initial=[2, 35], times=SESSIONS)
    assert (fixed["count_variance"][0] == 0).all()
    assert (fixed["count_mean"][0] == [2, 35]).all()


def test_propagation_is_a_matrix_exponential(two_classes):
    steps = propagate(two_classes, np.array([0.0, 2.0]))
    q = two_classes.generator()
    np.testing.assert_allclose(steps.survival[0], expm(2 * q), rtol=1e-12)
    grid = np.linspace(0, 2, 20_001)
    formation = np.array([two_classes.formation_rates @ expm(q * u) for u in grid[::100]])
    np.testing.assert_allclose(steps.newborn[0], np.trapezoid(formation, grid[::100], axis=0), rtol=1e-4)


def test_propagation_with_a_drive_against_an_integrator(two_classes):
    from scipy.integrate import solve_ivp

    folds = {"formation": [3.0, 1.5, 1.0], "maturation": [2.0, 1.0, 1.0], "elimination": [0.2, 0.7, 1.0]}
    drive = xr.Dataset({name: ("time", values) for name, values in folds.items()}, {"time": [0.5, 1.0, 2.5]})

    def at(name, t):
        return 1.0 if t < 0.5 else folds[name][int(np.searchsorted([0.5, 1.0, 2.5], t, side="right")) - 1]

    def rate(t, y):
        q = two_classes.generator(at("maturation", t), at("elimination", t))
        p, gamma = y[:4].reshape(2, 2), y[4:]
        return np.concatenate([(p @ q).ravel(), gamma @ q + two_classes.formation_rates * at("formation", t)])

    y = np.concatenate([np.eye(2).ravel(), np.zeros(2)])
    for piece in ((0, 0.5), (0.5, 1.0), (1.0, 2.5), (2.5, 4.0)):
        inside = (piece[0] + 1e-12, piece[1] - 1e-12)
        y = solve_ivp(rate, inside, y, rtol=1e-11, atol=1e-13).y[:, -1]
    steps = propagate(two_classes, np.array([0.0, 4.0]), drive)
    np.testing.assert_allclose(steps.survival[0].ravel(), y[:4], rtol=1e-7)
    np.testing.assert_allclose(steps.newborn[0], y[4:], rtol=1e-7)


def test_drive_holds_from_each_time_to_the_next(two_classes):
    drive = xr.Dataset({"formation": ("time", [2.0, 5.0])}, {"time": [0.0, 1.0]})
    folds = folds_between(two_classes, np.array([-1.0, 0.5, 3.0]), drive)
    np.testing.assert_array_equal(folds.edges, [-1, 0, 0.5, 1, 3])
    np.testing.assert_array_equal(folds.formation, [1, 2, 2, 5])
    np.testing.assert_array_equal(folds.maturation, 1)


def test_stationary_numbers_stay(two_classes):
    exact = moments(two_classes, initial="stationary", times=[0, 3, 90])
    np.testing.assert_allclose(exact["count_mean"], np.tile(two_classes.stationary(), (3, 1)))
    np.testing.assert_allclose(exact["gained_mean"], exact["lost_mean"])


def test_initial_in_all_its_forms(two_classes):
    assert read_initial(two_classes, {"mature": 3}).numbers == (0.0, 3.0)
    assert read_initial(two_classes, [2, 35]).poisson is False
    total = read_initial(two_classes, {"poisson": 37})
    assert sum(total.numbers) == pytest.approx(37)
    assert total.poisson
    assert read_initial(two_classes, {"poisson": [1.5, 2.5]}).numbers == (1.5, 2.5)


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        ({"matur": 3}, r"initial\['matur'\] is not a class; did you mean 'mature'"),
        ({"mature": -1}, "from 0 to 2147483647"),
        ({"mature": 2.5}, "fixed numbers of spines are whole"),
        ([1], "give a number for each of the classes nascent, mature"),
        ("stationery", "the only word allowed is 'stationary'"),
        ({"poisson": [1, 2], "mature": 3}, "give either 'poisson' or class names"),
    ],
)
def test_bad_initial_numbers_are_refused(two_classes, initial, message):
    with pytest.raises(SimulationError, match=message):
        simulate(two_classes, initial=initial, times=SESSIONS, replicates=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elimination": [0.5]}, r"model.elimination has shape \(1,\); expected \(2,\)"),
        ({"elimination": [0.5, -0.1]}, "must be finite and 0 or more"),
        ({"transition": [[0.1, 0.1], [0, 0]]}, "on its diagonal"),
        ({"transition": [[0, 0.1]]}, r"model.transition has shape \(1, 2\)"),
        ({"formation": float("nan")}, "must be finite"),
        ({"classes": ("a", "a")}, "give one or more different names"),
        ({"classes": "ab"}, "model.classes is 'ab'; give one or more different names"),
        ({"formation_cv_animal": -1.0}, "coefficient of variation of 0 or more"),
        ({"formation_cv_animal": "much"}, "model.formation_cv_animal is 'much'; give a coefficient of variation"),
        ({"formation_trend": "up"}, "model.formation_trend is 'up'; give a finite number per day"),
        ({"formation_trend": float("inf")}, "model.formation_trend is inf; give a finite number per day"),
        ({"formation": "2"}, "model.formation is '2'; give formation per day"),
        ({"elimination": ["0.5", 0.01]}, r"model.elimination is \['0.5', 0.01\]; give hazards per spine per day"),
        ({"transition": [[0, 0.1], [0]]}, r"model.transition is \[\[0, 0.1\], \[0\]\]; give .* a row per class"),
    ],
)
def test_bad_models_are_refused(changes, message):
    good = {
        "classes": ("nascent", "mature"),
        "formation": 2.0,
        "transition": [[0, 0.1], [0, 0]],
        "elimination": [0.5, 0.01],
    }
    with pytest.raises(SimulationError, match=message):
        TurnoverModel(**{**good, **changes})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [1]}, "at least two days in rising order"),
        ({"times": [1, 1]}, "at least two days in rising order"),
        ({"engine": "session"}, "engine is 'session'; did you mean 'sessions'"),
        ({"times": ["0", "2"]}, r"times is \['0', '2'\]; give at least two days"),
        ({"times": np.array(["2020-01-01", "2020-01-02"], "M8[D]")}, "times is .*; give at least two days"),
        ({"replicates": 0}, "replicates is 0; it must be a whole number"),
        ({"replicates": 2.5}, "replicates is 2.5; it must be a whole number from 1 to 2147483647"),
        ({"replicates": "3"}, "replicates is '3'; it must be a whole number"),
        ({"replicates": True}, "replicates is True; it must be a whole number"),
        ({"dendrites": 2.0}, "dendrites is 2.0; it must be a whole number"),
        ({"animals": None}, "animals is None; it must be a whole number"),
        ({"threads": 1.5}, "threads is 1.5; it must be a whole number"),
        ({"initial": {"mature": "3"}}, r"initial is \[0.0, '3'\]; give a number for each class"),
        ({"initial": {"poisson": "37"}}, r"initial\['poisson'\] is '37'; give a number for each class"),
        ({"initial": [[1], [2, 3]]}, "give a number for each class"),
        ({"length_um": "10"}, "length_um is '10'; give one positive length"),
        ({"drive": xr.Dataset({"formation": ("time", ["x"])}, {"time": [0.0]})}, "drive.formation is .*; give folds"),
        (
            {"drive": xr.Dataset({"formation": ("time", [1.0])}, {"time": np.array(["2020-01-01"], "M8[ns]")})},
            "drive.time is .*; give days in rising order",
        ),
        ({"seed": -4}, "seed is -4"),
        ({"threads": 10_000}, "threads is 10000; this machine allows 1 to"),
        ({"length_um": [1.0, 2.0]}, "give one positive length"),
        ({"length_um": -1.0}, "length_um holds -1; give one positive length"),
        ({"length_um": float("nan")}, "length_um holds nan; give one positive length"),
        ({"drive": xr.Dataset({"formation": ("time", [-1.0])}, {"time": [0.0]})}, "a fold is finite and 0 or more"),
        ({"drive": xr.Dataset({"formation": ("time", [1.0, 1.0])}, {"time": [1.0, 0.0]})}, "drive.time does not rise"),
        (
            {"drive": xr.Dataset({"formation": ("time", [500.0])}, {"time": [0.0]}), "engine": "events"},
            "takes folds up to 128",
        ),
    ],
)
def test_bad_arguments_are_refused(two_classes, arguments, message):
    good = {"initial": {"mature": 3}, "times": SESSIONS, "replicates": 2}
    with pytest.raises(SimulationError, match=message):
        simulate(two_classes, **{**good, **arguments})


def test_counts_of_numpy_are_whole_numbers(two_classes):
    out = simulate(
        two_classes, initial=[1, 2], times=SESSIONS, replicates=np.int64(2), dendrites=np.int32(3), threads=np.int8(1)
    )
    assert out["gained"].shape == (2, 3, 4)


def test_a_total_needs_formation():
    """Without formation no spines are stationary, and a total has no proportions."""
    model = TurnoverModel(("nascent", "mature"), 0.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
    message = r"initial\['poisson'\] is 3 in stationary proportions, but a model without formation .* nascent, mature"
    with pytest.raises(SimulationError, match=message):
        read_initial(model, {"poisson": 3})


@pytest.mark.parametrize("drive", [{"formation": [2.0]}, xr.DataArray([2.0], dims="time", coords={"time": [0.0]})])
def test_a_drive_is_a_dataset(two_classes, drive):
    with pytest.raises(SchemaError, match=f"Drive is a {type(drive).__name__}; give an xarray.Dataset of formation"):
        simulate(two_classes, initial=[1, 1], times=SESSIONS, drive=drive)


def test_a_drive_without_units_is_in_folds(two_classes):
    bare = xr.Dataset({"formation": ("time", [2.0])}, {"time": [0.0]})
    stamped = xr.Dataset({"formation": ("time", [2.0], {"units": "1"})}, {"time": ("time", [0.0], {"units": "day"})})
    same = [moments(two_classes, initial=[1, 1], times=SESSIONS, drive=drive) for drive in (bare, stamped)]
    xr.testing.assert_identical(*same)


def test_a_drive_with_an_unknown_effect_is_refused(two_classes):
    drive = xr.Dataset({"formations": ("time", [1.0])}, {"time": [0.0]})
    with pytest.raises(SchemaError, match="Drive has no variable 'formations'; did you mean 'formation'"):
        moments(two_classes, initial=[1, 1], times=SESSIONS, drive=drive)
    drive = xr.Dataset({"formation": ("time", [1.0], {"units": "%"})}, {"time": [0.0]})
    with pytest.raises(SchemaError, match="has units '%'; expected '1'"):
        moments(two_classes, initial=[1, 1], times=SESSIONS, drive=drive)


def test_immortal_spines_have_no_balance():
    with pytest.raises(SimulationError, match="can never be lost"):
        TurnoverModel(("spine",), 1.0, [[0]], [0.0]).stationary()


def test_length_scales_formation():
    model = TurnoverModel(("spine",), 0.05, [[0]], [0.2])
    lengths = [10.0, 40.0]
    out = simulate(
        model, initial={"spine": 0}, times=[0, 30], replicates=4000, dendrites=2, length_um=lengths, engine="events"
    )
    mean = out["count"][:, :, 1, 0].mean("replicate").to_numpy()
    np.testing.assert_allclose(mean, np.array(lengths) * 0.25 * (1 - np.exp(-6)), rtol=0.05)


def test_gamma_multipliers_have_mean_one_and_their_spread():
    u = (np.arange(200_000) + 0.5) / 200_000
    z = gamma_quantile(u, 0.6)
    assert z.mean() == pytest.approx(1, rel=1e-3)
    assert z.std() == pytest.approx(0.6, rel=1e-2)


@pytest.mark.parametrize(("log_sd", "animal", "dendrite"), [(0.0, 0.6, 0.4), (0.3, 0.01, 0.0), (0.2, 0.05, 0.9)])
def test_nodes_over_dendrites_have_mean_one_and_their_spread(log_sd, animal, dendrite):
    density, formation, weight = dendrite_nodes(log_sd, animal, dendrite)
    assert weight.sum() == pytest.approx(1)
    assert (density * weight).sum() == pytest.approx(1, rel=1e-6)
    assert (formation * weight).sum() == pytest.approx(1)
    assert (density**2 * weight).sum() == pytest.approx(np.exp(log_sd**2), rel=1e-4)
    assert (formation**2 * weight).sum() == pytest.approx((1 + animal**2) * (1 + dendrite**2))
    assert (density * formation * weight).sum() == pytest.approx(1, rel=1e-6)


def test_covariance_and_survival_by_hand():
    """One class: Cov(N_s, N_t) = n e^{-ds} (e^{-d(t-s)} - e^{-dt}) for fixed n, and no formation."""
    model = TurnoverModel(("spine",), 0.0, [[0]], [0.3])
    c = covariance(model, initial={"spine": 5}, times=[0, 1, 3])[:, 0, :, 0].to_numpy()
    a, b = np.exp(-0.3), np.exp(-0.9)
    np.testing.assert_allclose(
        c, [[0, 0, 0], [0, 5 * a * (1 - a), 5 * b * (1 - a)], [0, 5 * b * (1 - a), 5 * b * (1 - b)]], atol=1e-12
    )
    np.testing.assert_allclose(survival(model, times=[0, 1, 3])[:, 0], [1, a, b])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_max": 0}, "interaction.n_max is 0; give a positive number, or None"),
        ({"n_star": "10"}, "interaction.n_star is '10'; give a positive number"),
        ({"pool": float("inf")}, "interaction.pool is inf; give a positive number"),
        ({"homeostasis": -1.0, "n_star": 3}, "interaction.homeostasis is -1.0; give a number of 0 or more"),
        ({"homeostasis": 1.0}, "interaction.homeostasis is given without interaction.n_star"),
        ({"pool_share": (1, 2)}, r"interaction.pool_share is \(1, 2\); give finite numbers of 0 or more"),
        ({"pool": 9, "pool_share": (1, -2)}, r"interaction.pool_share is \(1, -2\); give finite numbers of 0 or more"),
    ],
)
def test_bad_interactions_are_refused(changes, message):
    with pytest.raises(SimulationError, match=message):
        Interaction(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"most": 1.0}, "elimination_by_size.most is 1.0; give a number above 1"),
        ({"steepness": -1}, "elimination_by_size.steepness is -1; give a number of 0 or more"),
        ({"steepness": "4"}, "elimination_by_size.steepness is '4'; give a number of 0 or more"),
        ({"head_width": 0.5}, "elimination_by_size.head_width is 0.5; give a HeadWidth"),
    ],
)
def test_bad_elimination_by_size_is_refused(changes, message):
    with pytest.raises(SimulationError, match=message):
        EliminationBySize(**{"head_width": HeadWidth(0.5, 0.4, 0.1, 2.0), "steepness": 4.0, "most": 5.0} | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"median_um": -0.5}, "^head_width.median_um is -0.5; give a positive number$"),
        ({"reversion": 0.0}, "^head_width.reversion is 0; give a positive number$"),
        ({"log_sd": float("inf")}, "^head_width.log_sd is inf; give a positive number$"),
        ({"response": "2"}, "^head_width.response is '2'; give a positive number$"),
    ],
)
def test_bad_head_widths_are_refused(changes, message):
    with pytest.raises(SimulationError, match=message):
        HeadWidth(**{"median_um": 0.5, "log_sd": 0.4, "reversion": 0.1, "response": 2.0} | changes)


def test_elimination_by_size_fits_its_engine_and_drive(two_classes):
    good = {"initial": [2, 3], "times": SESSIONS, "replicates": 2}
    law = EliminationBySize(HeadWidth(0.5, 0.4, 0.1, 2.0), steepness=4.0, most=5.0)
    with pytest.raises(SimulationError, match="engine is 'sessions', which knows no head widths; use engine='events'"):
        simulate(two_classes, elimination_by_size=law, **good)
    gone = xr.Dataset({"head_size": ("time", [0.0])}, {"time": [0.0]})
    with pytest.raises(SimulationError, match=r"drive.head_size has a value of 0; .* needs folds above 0"):
        simulate(two_classes, engine="events", elimination_by_size=law, drive=gone, **good)


def test_an_interaction_fits_its_engine_and_model(two_classes):
    good = {"initial": [2, 3], "times": SESSIONS, "replicates": 2}
    with pytest.raises(SimulationError, match="engine is 'events', whose spines are independent; use engine='coupled'"):
        simulate(two_classes, engine="events", interaction=Interaction(n_max=30), **good)
    with pytest.raises(SimulationError, match="give 2 numbers, one per class"):
        simulate(two_classes, engine="coupled", interaction=Interaction(pool=9, pool_share=(1, 2, 3)), **good)


@pytest.mark.parametrize("engine", ["coupled", "events"])
def test_an_interaction_and_elimination_by_size_do_not_go_together(two_classes, engine):
    law = EliminationBySize(HeadWidth(0.5, 0.4, 0.1, 2.0), steepness=4.0, most=5.0)
    both = {"interaction": Interaction(n_max=30), "elimination_by_size": law}
    with pytest.raises(
        SimulationError, match="interaction and elimination_by_size are both given, and no engine simulates them"
    ):
        simulate(two_classes, initial=[2, 3], times=SESSIONS, replicates=2, engine=engine, **both)


def test_a_result_says_what_shaped_it(two_classes):
    def shaped_by(engine="sessions", **more):
        return simulate(two_classes, initial=[2, 3], times=SESSIONS, replicates=2, engine=engine, **more).attrs

    def drive(fold, day=0.0, name="formation"):
        return xr.Dataset({name: ("time", [fold])}, {"time": [day]})

    assert set(shaped_by()) == {"engine", "seed", "model_digest"}
    acting = shaped_by("coupled", interaction=Interaction(n_max=np.float64(30), pool=9, pool_share=[1, 2]))
    assert acting["interaction"] == "Interaction(n_max=30.0, pool=9.0, pool_share=(1.0, 2.0))"
    law = EliminationBySize(HeadWidth(0.5, 0.4, 0.1, 2), steepness=4, most=5)
    width = "HeadWidth(median_um=0.5, log_sd=0.4, reversion=0.1, response=2.0)"
    assert (
        shaped_by("events", elimination_by_size=law)["elimination_by_size"]
        == f"EliminationBySize(head_width={width}, steepness=4.0, most=5.0)"
    )
    drives = [drive(2.0), drive(2.5), drive(2.0, day=1.0), drive(2.0, name="maturation")]
    assert len({shaped_by(drive=each)["drive_digest"] for each in drives}) == 4
    assert shaped_by(drive=drive(2))["drive_digest"] == shaped_by(drive=drive(2.0))["drive_digest"]


@pytest.mark.parametrize(
    ("initial", "scale", "message"),
    [
        (np.ones((5, 2)), np.ones((5, 2)), r"^initial has shape \(5, 2\); give whole numbers from 0 to 2147483647, \("),
        (np.full((2, 3, 2), -1), np.ones((2, 3)), "^start.initial holds -1; give whole numbers from 0 to 2147483647"),
        (np.full((2, 3, 2), 1.5), np.ones((2, 3)), "^initial holds 1.5; give whole numbers"),
        (np.full((2, 3, 2), np.nan), np.ones((2, 3)), "^initial holds nan; give whole numbers"),
        (np.full((2, 3, 2), 2**31), np.ones((2, 3)), "^start.initial holds 2147483648; give whole numbers"),
        (np.full((2, 3, 2), 2**31, float), np.ones((2, 3)), r"^initial holds 2.14748e\+09; give whole numbers"),
        ([["many"]], np.ones((2, 3)), r"^initial is \[\['many'\]\]; give whole numbers"),
        (np.ones((2, 3, 2)), np.ones((2, 1)), r"^scale has shape \(2, 1\); .* as in initial: \(2, 3\)$"),
        (np.ones((2, 3, 2)), np.ones(6), r"^scale has shape \(6,\); give one number per dendrite"),
        (np.ones((2, 3, 2)), np.full((2, 3), -0.5), "^start.scale holds -0.5; give finite numbers of 0 or more"),
        (np.ones((2, 3, 2)), np.full((2, 3), np.inf), "^start.scale holds inf; give finite numbers of 0 or more"),
        (np.ones((2, 3, 2)), np.full((2, 3), np.nan), "^start.scale holds nan; give finite numbers of 0 or more"),
    ],
)
def test_a_start_of_wrong_shape_or_numbers_is_refused(two_classes, initial, scale, message):
    with pytest.raises(SimulationError, match=message) as caught:
        Start(initial, scale).check(two_classes)
    assert "\n" not in str(caught.value)


def test_a_trace_fits_its_model_and_times(two_classes):
    start = Start(np.full((2, 1, 2), 4), np.ones((2, 1)))
    three = Start(np.full((2, 1, 3), 4), np.ones((2, 1)))
    with pytest.raises(SimulationError, match=r"^start.initial has numbers of 3 classes; give 2, .* nascent, mature$"):
        trace(two_classes, three, SESSIONS, seed=1)
    for times in ([0, 4, 2], [3]):
        with pytest.raises(SimulationError, match="give at least two days in rising order"):
            trace(two_classes, start, times, seed=1)
    spines = trace(two_classes, start, SESSIONS, seed=1)
    there = (spines["birth_day"] <= spines["time"]) & (spines["time"] < spines["death_day"])
    np.testing.assert_array_equal(spines["spine_class"] >= 0, there.transpose("spine", "time"))
    assert set(np.unique(spines["spine_class"])) == {-1, 0, 1}


def test_every_row_of_the_tables_holds_its_own_law():
    """No row begins within another, and what lies in it is the cumulated law of its draw."""
    model = TurnoverModel(("nascent", "mature"), [0.7, 0.0], [[0, 0.2], [0.05, 0]], [0.4, 0.02])
    days = np.array([0.0, 1.0, 4.0])
    initial, scale = np.full((600, 2, 2), (3, 20)), np.repeat([[1.0, 1.7]], 600, axis=0)
    steps = tabulated(compose(model, folds_between(model, days, None), days), initial, scale)
    places = []
    for i, c, j in np.ndindex(steps.width.shape):
        width, p = int(steps.width[i, c, j]), steps.conditional[i, c, j]
        for n in range(int(steps.most[c]) + 1 if width else 0):
            first = int(steps.start[i, c, j]) + n * width
            places.append((first, first + width))
            row, below = steps.binomials[first : first + width], np.arange(min(n, width))
            np.testing.assert_allclose(row[: len(below)], binom.cdf(below, n, min(p, 1.0 - p)), rtol=1e-10)
            assert (row[n:] > 1.0 - 1e-12).all()  # no uniform is above them: there are no more than n
    ends = np.array(sorted(places))
    assert (ends[1:, 0] >= ends[:-1, 1]).all()
    assert ends[-1, 1] == steps.binomials.size
    for d, i, c in np.ndindex(steps.poisson_start.shape):
        width, first = int(steps.poisson_width[i, c]), int(steps.poisson_start[d, i, c])
        want = poisson.cdf(np.arange(width), steps.newborn[i, c] * scale[0, d])
        np.testing.assert_allclose(steps.poissons[first : first + width], want, rtol=1e-10)
        assert width == 0 or want[-1] > 1.0 - 1e-5
