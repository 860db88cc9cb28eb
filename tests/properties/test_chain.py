"""What holds along the whole chain, from documents to statistics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synmodel.core.grid import refined, time_grid
from synmodel.imaging import Scoring
from synmodel.imaging.expectation import expected_statistics, statistics_correlation
from synmodel.inference.summaries.problem import signed_root_deviance
from synmodel.library.parameters import default_parameters
from synmodel.pharmacology import exposure
from synmodel.scenario import Cohort, Dose, Regimen, Scenario, Schedule, Subject, load, loads
from synmodel.scenario.conditions import condition_names
from synmodel.simulation import drive_of
from synmodel.turnover import TurnoverModel, propagate

days = st.floats(-30, 60)


@st.composite
def doses(draw):
    compound, route = draw(
        st.sampled_from([("ketamine", "i.p."), ("ketamine", "i.v."), ("psilocybin", "i.p."), ("ketanserin", "i.p.")])
    )
    return Dose(
        compound=compound,
        route=route,
        amount=draw(st.floats(0.01, 50)),
        day=draw(st.floats(-1, 3)),
        duration_min=draw(st.floats(0, 90)) if route == "i.v." else 0.0,
        repeat=draw(st.integers(1, 3)),
        every_days=draw(st.floats(0.2, 3)),
    )


@settings(max_examples=50)
@given(st.lists(doses(), max_size=3), st.lists(days, min_size=2, max_size=7, unique=True))
def test_scenarios_round_trip(given_doses, sessions):
    scenario = Scenario(
        name="any",
        baseline="shao2021",
        regimen=Regimen(doses=tuple(given_doses)),
        schedule=Schedule(sessions=tuple(sorted(sessions))),
        cohort=Cohort(animals=3),
    )
    again = loads(scenario.to_toml())
    assert again == scenario
    assert again.digest() == scenario.digest()


@settings(max_examples=25)
@given(st.lists(doses(), min_size=1, max_size=3))
def test_doses_superpose(given_doses):
    grid = time_grid([-2, 8], [0.0, 1.0])
    together = exposure(given_doses, Subject(), grid)["plasma_concentration"]
    total = 0.0
    for dose in given_doses:
        total = total + exposure([dose], Subject(), grid)["plasma_concentration"].reindex_like(together, fill_value=0.0)
    np.testing.assert_allclose(together, total, rtol=1e-9, atol=1e-9)
    for name in ("nmda_block_interneuron", "agonism_5ht2a", "trkb_bound"):
        fraction = exposure(given_doses, Subject(), grid)[name]
        assert ((fraction >= 0) & (fraction <= 1)).all()


@settings(max_examples=60)
@given(st.lists(days, min_size=2, max_size=7, unique=True), st.lists(days, max_size=4))
def test_grid_holds_sessions_and_changes(sessions, changes):
    sessions = sorted(sessions)
    if min(np.diff(sessions)) < 0.01:
        return
    grid = time_grid(sessions, changes)
    assert (np.diff(grid) > 0).all()
    assert grid[0] == sessions[0]
    assert grid[-1] == sessions[-1]
    assert np.isin(sessions, grid).all()
    assert np.isin(grid, refined(grid)).all()
    assert len(refined(grid)) == 2 * len(grid) - 1


@settings(max_examples=60)
@given(st.data())
def test_parameters_pack_and_unpack(data):
    parameters = default_parameters()
    names = data.draw(st.lists(st.sampled_from(sorted(parameters)), min_size=1, max_size=8, unique=True))
    vector = parameters.pack(names)
    low, high = parameters.bounds(names)
    assert ((vector >= low - 1e-12) & (vector <= high + 1e-12)).all()
    for name, value in parameters.unpack(vector, names).items():
        assert value == pytest.approx(parameters.value(name), rel=1e-12)


@settings(max_examples=60)
@given(
    st.floats(0.001, 0.2), st.floats(0.05, 3), st.floats(0.01, 1), st.floats(0.001, 0.1), st.floats(0, 0.3),
    st.floats(0, 0.05), st.floats(4, 120),
)  # fmt: skip
def test_expected_statistics_are_fractions(formation, loss, switch, slow_loss, miss, false, length):
    model = TurnoverModel(("nascent", "mature"), formation, [[0, switch], [0, 0]], [loss, slow_loss])
    steps = propagate(model, np.array([-3.0, -1, 1, 3, 7, 34]))
    scoring = Scoring((miss, miss), false)
    initial = np.array([formation / (loss + switch), 0.5])
    expected = expected_statistics(initial, steps.survival, steps.newborn, scoring, length, 2)
    assert ((expected.elimination >= 0) & (expected.elimination <= 1)).all()
    assert (expected.formation >= 0).all()
    assert (expected.density_change >= -1).all()
    for survivors in (expected.persistence_seen, expected.persistence_followed):
        assert ((survivors >= 0) & (survivors <= 1)).all()
    assert (np.diff(expected.persistence_followed) <= 1e-12).all()
    assert (expected.persistence_followed <= expected.persistence_seen + 1e-12).all()
    correlation = statistics_correlation(initial, steps.survival, steps.newborn, scoring, length)
    np.testing.assert_allclose(correlation, correlation.T, atol=1e-12)
    assert np.linalg.eigvalsh(correlation).min() > -1e-8
    assert np.abs(correlation).max() < 1 + 1e-9


@settings(max_examples=60)
@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.001, 0.999))
def test_deviance_residuals_are_binomial(successes, failures, probability):
    from scipy.stats import binom

    trials = successes + failures
    if trials == 0:
        return
    residual = signed_root_deviance(np.array([float(successes)]), np.array([float(trials)]), np.array([probability]))[0]
    best = binom.logpmf(successes, trials, successes / trials)
    assert residual**2 == pytest.approx(2 * (best - binom.logpmf(successes, trials, probability)), rel=1e-6, abs=1e-6)
    assert np.sign(residual) == np.sign(successes - trials * probability) or abs(residual) < 1e-6


@st.composite
def idle_spells(draw):
    first = draw(st.floats(-20, 10))
    return {
        "name": draw(st.sampled_from(condition_names("stress", "treatment"))),
        "strength": 0.0,
        "from_day": draw(st.sampled_from([None, first])),
        "to_day": draw(st.sampled_from([None, first + draw(st.floats(0.01, 30))])),
    }


@settings(max_examples=20)
@given(st.lists(idle_spells(), max_size=3), st.sampled_from(["ketamine-mouse-single", "psilocybin-mouse"]))
def test_conditions_of_no_strength_change_no_bit(spells, name):
    plan = load(name)
    document = plan.regimen.model_dump() | {"treatments": [_given(spell) for spell in spells]}
    idle = drive_of(plan.updated(regimen=document))
    assert idle.identical(drive_of(plan))


def _given(spell):
    return {key: value for key, value in spell.items() if value is not None}
