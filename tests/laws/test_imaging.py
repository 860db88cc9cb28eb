"""Simulated microscopes against the exact expectations of what they report."""

import numpy as np
import pytest
import xarray as xr
from level import Z_BOUND

from synmodel import simulation
from synmodel.imaging import summarise
from synmodel.imaging.expectation import ratio_factor, statistics_correlation
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.turnover import propagate

REPLICATES = 900
PLAIN = {  # what the exact formulas assume: Poisson numbers, no heterogeneity
    "shao2021.formation_cv_dendrite": 0.0,
    "shao2021.formation_cv_animal": 0.0,
    "shao2021.density_log_sd": 0.0,
    "shao2021.false_positive_per_um": 0.01,
    "shao2021.formation": 0.05,
    "shao2021.miss": 0.08,
    "shao2021.dematuration": 0.01,
}


@pytest.fixture(scope="module")
def scenario():
    return load("psilocybin-mouse").updated(parameters=PLAIN, drive="phenomenological")


@pytest.fixture(scope="module", params=["events", "counts"])
def observations(scenario, request):
    asked = scenario.updated(turnover={"engine": request.param})
    return simulation.simulate(asked, replicates=REPLICATES, seed=11)


def expectation(scenario, **changes):
    parameters = default_parameters().replace({**PLAIN, **changes})
    tissue = simulation.tissue_of("shao2021", parameters.as_floats())
    sessions = np.array(scenario.schedule.sessions)
    steps = propagate(tissue.model, sessions, simulation.drive_of(scenario))
    density, length = 0.50042, 23.0
    expected = simulation.expect(tissue, sessions, steps, density, length)
    return expected, tissue, steps


def z_of_summary(observations, expected):
    summary = summarise(observations)
    curves = {
        "formation_fraction": expected.formation,
        "elimination_fraction": expected.elimination,
        "density_change": expected.density_change,
        "new_spine_persistence_seen": expected.persistence_seen,
        "new_spine_persistence_followed": expected.persistence_followed,
    }
    zs = []
    for quantity, curve in curves.items():
        rows = summary.isel(point=np.flatnonzero(summary["quantity"].to_numpy() == quantity))
        if quantity.startswith("new_spine"):  # pooled over replicates: a ratio of sums has no small-number bias
            mean = (rows["n_present"].sum("replicate") / rows["n_new"].sum("replicate")).to_numpy()
            error = np.sqrt(mean * (1 - mean) / rows["n_new"].sum("replicate").to_numpy())
        else:
            mean = rows["mean"].mean("replicate").to_numpy()
            error = rows["mean"].std("replicate").to_numpy() / np.sqrt(REPLICATES)
        zs.append((mean - curve) / error)
    return np.abs(np.concatenate(zs)).max()


def test_expected_statistics(scenario, observations):
    expected, _, _ = expectation(scenario)
    assert z_of_summary(observations, expected) < Z_BOUND


@pytest.mark.parametrize(
    "planted",
    [
        {"shao2021.formation": 0.0525},
        {"shao2021.miss": 0.084},
        {"shao2021.loss_nascent": 1.05 * 1.316},
        {"shao2021.loss_mature": 1.2 * 0.007},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_parameter_off_is_caught(scenario, observations, planted):
    expected, _, _ = expectation(scenario, **planted)
    assert z_of_summary(observations, expected) > Z_BOUND


def test_mean_of_ratios_of_few_spines():
    """c(x) = x E[1/N | N > 0] against the sum over the Poisson law."""
    from scipy.stats import poisson

    for mean in (0.2, 1.0, 5.0, 11.0, 55.0, 61.0, 400.0):
        n = np.arange(1, 2000)
        law = poisson.pmf(n, mean)
        assert float(ratio_factor(np.array(mean))) == pytest.approx(mean * (law / n).sum() / law.sum(), rel=1e-9)


def test_correlation_between_statistics(scenario, observations):
    """Exact up to the linearisation of ratios, which on eleven spines costs up to 0.06."""
    _, tissue, steps = expectation(scenario)
    exact = statistics_correlation(tissue.initial_means(0.50042), steps.survival, steps.newborn, tissue.scoring, 23.0)
    summary = summarise(observations)
    wanted = np.isin(summary["quantity"], ["formation_fraction", "elimination_fraction", "density_change"])
    simulated = np.corrcoef(summary["mean"].to_numpy()[:, wanted].T)
    error = 1 / np.sqrt(REPLICATES)
    assert np.abs(simulated - exact).max() < 0.06 + 4.5 * error
    assert np.abs(simulated - np.eye(len(exact))).max() > 0.5, "independence would be wrong"
    flips = [exact[6 + k, 1 + k] for k in range(4)]
    assert min(flips) > 0.15, "a missed spine is a loss and then a gain"


@pytest.mark.parametrize("engine", ["events", "counts"])
def test_expected_statistics_of_different_dendrites(scenario, engine):
    spread = {"shao2021.density_log_sd": 0.4}
    varied = {**spread, "shao2021.formation_cv_dendrite": 0.6, "shao2021.formation_cv_animal": 0.5}
    asked = scenario.updated(parameters={**PLAIN, **varied}, turnover={"engine": engine})
    seen = simulation.simulate(asked, replicates=REPLICATES, seed=12)
    with_it, _, _ = expectation(scenario, **varied)
    same_births, _, _ = expectation(scenario, **spread)
    same_density, _, _ = expectation(scenario, **{**varied, "shao2021.density_log_sd": 0.0})
    assert z_of_summary(seen, with_it) < Z_BOUND
    assert z_of_summary(seen, same_births) > Z_BOUND
    assert z_of_summary(seen, same_density) > Z_BOUND


def test_head_width_law():
    """ln w is normal around the driven mean, and forgets its deviation at the rate of reversion."""
    from synmodel.turnover import HeadWidth, TurnoverModel, trace
    from synmodel.turnover.initial import Initial
    from synmodel.turnover.start import start_of

    model = TurnoverModel(("spine",), 0.0, [[0]], [0.01])
    law = HeadWidth(median_um=0.9, log_sd=0.3, reversion=0.1, response=2.0)
    drive = xr.Dataset({"head_size": ("time", [1.2])}, {"time": [0.0]})
    times = np.array([-1.0, 1.0, 4.0])
    start = start_of(
        model,
        Initial((30.0,), poisson=False),
        replicates=np.arange(1000),
        animals=1,
        dendrites=1,
        length_um=None,
        seed=4,
    )
    logs = np.log(trace(model, start, times, seed=4, drive=drive, head_width=law)["head_width"].to_numpy())
    shift = np.log(1.2) * (1 - np.exp(-2.0 * np.maximum(times, 0)))
    for k in range(3):
        here = logs[:, k][~np.isnan(logs[:, k])]
        z = (here.mean() - np.log(0.9) - shift[k]) / (0.3 / np.sqrt(len(here)))
        assert abs(z) < Z_BOUND
        assert here.std() == pytest.approx(0.3, rel=0.03)
    both = ~np.isnan(logs[:, 1]) & ~np.isnan(logs[:, 2])
    assert np.corrcoef(logs[both, 1], logs[both, 2])[0, 1] == pytest.approx(np.exp(-0.3), abs=0.03)
