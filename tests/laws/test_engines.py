"""Both engines against the exact moments: means, variances, covariances between sessions, survival."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from level import agrees, chi2_agrees, z_of_covariance, z_of_mean
from scipy.stats import poisson

from synmodel.turnover import TurnoverModel, covariance, moments, simulate, survival

REPLICATES = 60_000
SESSIONS = [-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 34.0]
MODELS = {
    "one class": (TurnoverModel(("spine",), 1.3, [[0]], [0.1]), {"spine": 12}),
    "two classes": (
        TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01]),
        {"nascent": 2, "mature": 35},
    ),
    "three classes": (
        TurnoverModel(
            ("filopodium", "thin", "mushroom"),
            (2.0, 0.3, 0.0),
            [[0, 0.5, 0.05], [0.03, 0, 0.1], [0, 0.02, 0]],
            [1.5, 0.15, 0.005],
        ),
        {"poisson": {"filopodium": 2, "thin": 10, "mushroom": 35}},
    ),
    "trend and heterogeneity": (
        TurnoverModel(
            ("nascent", "mature"),
            2.0,
            [[0, 0.1], [0.0, 0]],
            [0.5, 0.01],
            formation_trend=-0.03,
            formation_cv_dendrite=0.5,
            formation_cv_animal=0.4,
        ),
        {"poisson": [2, 35]},
    ),
}
DRIVES = {
    "no drug": None,
    "pulse": xr.Dataset(
        {
            "formation": ("time", [1.0, 3.2, 1.7, 1.0, 0.4]),
            "maturation": ("time", [1.0, 2.0, 1.5, 1.0, 1.0]),
            "elimination": ("time", [1.0, 0.4, 0.8, 1.0, 1.3]),
        },
        {"time": [-2.0, 0.0, 0.7, 4.0, 12.0]},
    ),
}


def sample(model, initial, drive, engine, **changes):
    out = simulate(
        replace(model, **changes),
        initial=initial,
        times=SESSIONS,
        replicates=REPLICATES,
        drive=drive,
        engine=engine,
        seed=5,
    )
    return {name: out[name].to_numpy()[:, 0] for name in ("count", "gained", "lost")}


def z_of_moments(samples, model, initial, drive):
    exact = moments(model, initial=initial, times=SESSIONS, drive=drive)
    zs = []
    for name, values in samples.items():
        mean, variance = exact[f"{name}_mean"].to_numpy(), exact[f"{name}_variance"].to_numpy()
        zs += [z_of_mean(values, mean, variance).ravel(), z_of_covariance(values, values, variance).ravel()]
    return np.concatenate(zs)


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_moments(engine, name, drive):
    model, initial = MODELS[name]
    samples = sample(model, initial, DRIVES[drive], engine)
    assert agrees(z_of_moments(samples, model, initial, DRIVES[drive]))
    exact = covariance(model, initial=initial, times=SESSIONS, drive=DRIVES[drive]).to_numpy()
    flat = samples["count"].reshape(REPLICATES, -1)
    size = flat.shape[1]
    for j in range(size):
        z = z_of_covariance(flat, flat[:, j : j + 1], exact.reshape(size, size)[:, j])
        assert agrees(z), f"covariance with column {j}"


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
@pytest.mark.parametrize(
    "planted",
    [
        {"formation": 2.1},
        {"elimination": (0.525, 0.01)},
        {"elimination": (0.5, 0.0105)},
        {"transition": ((0, 0.105), (0.02, 0))},
    ],
    ids=["formation", "nascent elimination", "mature elimination", "maturation"],
)
def test_a_rate_five_percent_off_is_caught(engine, planted):
    model, initial = MODELS["two classes"]
    samples = sample(model, initial, DRIVES["pulse"], engine, **planted)
    assert not agrees(z_of_moments(samples, model, initial, DRIVES["pulse"]))


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_survival_of_the_first_spines(engine):
    model = TurnoverModel(("nascent", "mature"), 0.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
    exact = survival(model, times=SESSIONS, drive=DRIVES["pulse"])
    for name in model.classes:
        samples = sample(model, {name: 10}, DRIVES["pulse"], engine)["count"].sum(axis=2)
        alive = exact.sel(spine_class=name).to_numpy()
        assert agrees(z_of_mean(samples, 10 * alive, 10 * alive * (1 - alive)))


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_counts_from_a_poisson_start_are_poisson(engine):
    model, _ = MODELS["two classes"]
    initial = {"poisson": {"nascent": 2, "mature": 8}}
    total = sample(model, initial, DRIVES["pulse"], engine)["count"][:, 3].sum(axis=1)
    mean = float(moments(model, initial=initial, times=SESSIONS, drive=DRIVES["pulse"])["count_mean"][3].sum())

    def fits(mean):
        numbers = np.arange(4, 25)
        expected = REPLICATES * np.concatenate([[poisson.cdf(4, mean)], poisson.pmf(numbers[1:], mean)])
        expected = np.append(expected, REPLICATES - expected.sum())
        counted = np.bincount(np.clip(total, 4, 25), minlength=26)[4:]
        return chi2_agrees(counted, expected)

    assert fits(mean)
    assert not fits(1.05 * mean)


def test_immigration_and_death_against_its_closed_form():
    """Formation 1 per day, elimination 0.1 per spine and day, from 0: a case of the SBML stochastic test suite.

    The suite accepts |Z| < 3 for means and |Y| < 5 for standard deviations, with a few isolated misses.
    """
    model = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    times = np.arange(51.0)
    mean = (1 - np.exp(-0.1 * times)) / 0.1
    exact = moments(model, initial={"spine": 0}, times=times)
    np.testing.assert_allclose(exact["count_mean"][:, 0], mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(exact["count_variance"][:, 0], mean, rtol=1e-12, atol=1e-12)
    for engine in ("sessions", "events", "coupled"):
        out = simulate(model, initial={"spine": 0}, times=times, replicates=20_000, engine=engine, seed=3)
        count = out["count"].to_numpy()[:, 0, 1:, 0]
        z = np.sqrt(20_000) * (count.mean(axis=0) - mean[1:]) / np.sqrt(mean[1:])
        y = np.sqrt(20_000 / 2) * (count.var(axis=0, ddof=1) / mean[1:] - 1)
        assert np.mean(np.abs(z) > 3) < 0.05
        assert np.mean(np.abs(y) > 5) < 0.05
        wrong = np.sqrt(20_000) * (count.mean(axis=0) - 1.05 * mean[1:]) / np.sqrt(1.05 * mean[1:])
        assert np.mean(np.abs(wrong) > 3) > 0.5


@pytest.mark.parametrize(
    ("fold", "mean"),
    [
        (lambda t: 0.2 * t, 2.5),
        (lambda t: np.where(t < 2, 0.0, 3.0), 9.0),
        (lambda t: 2 * np.exp(-t), 1.9865241060018292),
    ],
    ids=["ramp", "step", "decay"],
)
def test_formation_that_varies_in_time(fold, mean):
    """Formation alone over five days; other simulators freeze or restart such rates."""
    edges = np.linspace(0, 5, 2001)
    middle = 0.5 * (edges[1:] + edges[:-1])
    drive = xr.Dataset({"formation": ("time", fold(middle))}, {"time": edges[:-1]})
    model = TurnoverModel(("spine",), 1.0, [[0]], [0.0])
    for times in ([0.0, 5.0], [0.0, 1.3, 2.0, 4.9, 5.0]):
        exact = moments(model, initial={"spine": 0}, times=times, drive=drive)
        assert float(exact["count_mean"][-1, 0]) == pytest.approx(mean, rel=1e-6)
    for engine in ("sessions", "events", "coupled"):
        out = simulate(model, initial={"spine": 0}, times=[0, 5], replicates=REPLICATES, drive=drive, engine=engine)
        count = out["count"].to_numpy()[:, 0, -1]
        assert agrees(z_of_mean(count, np.array([mean]), np.array([mean])))
        assert not agrees(z_of_mean(count, np.array([1.05 * mean]), np.array([mean])))
