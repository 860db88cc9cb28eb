"""Exact slopes against central differences, over random models, drives, scorings and histories."""

from dataclasses import replace
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from slopes import PLANTED, RELATIVE, check, error, rise

from synmodel.imaging import Scoring
from synmodel.imaging.expectation import expected_statistics
from synmodel.imaging.expectation_slopes import ScoringSlopes, expected_slopes
from synmodel.inference import counts_log_likelihood_of
from synmodel.inference.likelihood.count_slopes import counts_slopes
from synmodel.inference.summaries.twitch_terms import root_slopes
from synmodel.signalling.phenomenology import pulse, pulse_folds
from synmodel.signalling.slopes import pulse_fold_slopes, pulse_slopes
from synmodel.turnover import Propagation, TurnoverModel
from synmodel.turnover.hazards import Folds
from synmodel.turnover.heterogeneity import dendrite_nodes
from synmodel.turnover.propagation import compose
from synmodel.turnover.size import log_width_shift
from synmodel.turnover.slopes import Directions, compose_slopes, stationary_slopes, width_shift_slopes

hazard = st.floats(0.01, 2.0)
seeds = st.integers(0, 2**32 - 1)
SESSIONS = np.array([-3.0, -1.0, 1.0, 3.0, 7.0, 34.0])
STEP = 2e-4


@st.composite
def models(draw, chain=False):
    k = draw(st.integers(1, 3))
    ahead = draw(st.booleans())

    def switch(i, j):
        none = i == j or (chain and abs(i - j) > 1) or (ahead and i > j)
        return 0.0 if none else draw(hazard)

    transition = [[switch(i, j) for j in range(k)] for i in range(k)]
    births = [draw(st.floats(0.01, 3.0)) for _ in range(k)]
    return TurnoverModel([f"class {i}" for i in range(k)], births, transition, [draw(hazard) for _ in range(k)])


def moved(model, folds, directions, at, h):
    """Model and folds some way along a direction."""
    rates = [np.asarray(each, float) for each in (model.formation, model.transition, model.elimination)]
    changes = (directions.births[at], directions.transition[at], directions.loss[at])
    births, transition, loss = ((rate + h * change).tolist() for rate, change in zip(rates, changes, strict=True))
    other = TurnoverModel(model.classes, births, transition, loss)
    return other, folds._replace(
        formation=folds.formation + h * directions.formation[at],
        maturation=folds.maturation + h * directions.maturation[at],
        elimination=folds.elimination + h * directions.elimination[at],
    )


def random_case(model, seed, n=2):
    """Folds on cells, and directions in which each number changes by a share of itself."""
    generator = np.random.default_rng(seed)
    edges = np.unique(np.concatenate([SESSIONS, np.linspace(-1.5, 12.0, 19)]))
    folds = Folds(edges, *generator.uniform(0.2, 3.0, (3, len(edges) - 1)), np.ones(len(edges) - 1))
    none = Directions.none(n, model.n_class, len(edges) - 1)
    at = (model.formation_rates, np.asarray(model.elimination), np.asarray(model.transition), *folds[1:4])
    return folds, Directions(*(each * generator.standard_normal(of.shape) for each, of in zip(at, none, strict=True)))


@settings(max_examples=40)
@given(models(), seeds, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_slopes_of_propagation_and_balance(model, seed, protected):
    folds, directions = random_case(model, seed)
    found = compose_slopes(model, folds, SESSIONS, directions, protected)
    balance = stationary_slopes(model, directions)
    for at in range(2):

        def of(h, at=at):
            return compose(*moved(model, folds, directions, at, h), SESSIONS, protected)

        for slope, name in zip(found, Propagation._fields, strict=True):
            check(slope[at], rise(lambda h, name=name, of=of: getattr(of(h), name), STEP))
        check(balance[at], rise(lambda h, at=at: moved(model, folds, directions, at, h)[0].stationary(), STEP))


def test_a_hazard_that_is_slow_beside_the_cell_keeps_its_slope():
    """Loss with one class: P = e^(-delta t) and gamma = beta (1 - P) / delta, from seconds to years."""
    for loss in (1e-8, 1e-3, 1.0, 30.0):
        model = TurnoverModel(("spine",), 2.0, [[0]], [loss])
        folds = Folds(np.array([0.0, 1.0, 20.0]), *np.ones((4, 2)))
        directions = Directions.none(1, 1, 2)
        directions.loss[0, 0] = 1.0
        found = compose_slopes(model, folds, np.array([0.0, 20.0]), directions)
        p = np.exp(-20.0 * loss)
        np.testing.assert_allclose(found.survival[0, 0, 0, 0], -20.0 * p, rtol=1e-11)
        gamma = 2.0 * (20.0 * p * loss + np.expm1(-20.0 * loss)) / loss**2 if loss > 1e-6 else -400.0
        np.testing.assert_allclose(found.newborn[0, 0, 0], gamma, rtol=1e-6 if loss < 1e-2 else 1e-11)
        np.testing.assert_allclose(found.lost[0, 0, 0], 20.0 * p, rtol=1e-11, atol=1e-14)


@settings(max_examples=40)
@given(models(), seeds, st.floats(0.05, 5.0), st.integers(1, 4))
def test_slopes_of_expected_statistics(model, seed, density, reference):
    folds, directions = random_case(model, seed)
    generator = np.random.default_rng(seed)
    steps = compose(model, folds, SESSIONS)
    slopes = compose_slopes(model, folds, SESSIONS, directions)
    k = model.n_class
    initial, miss = density * generator.uniform(0.2, 1.0, k), generator.uniform(0.01, 0.2, k)
    false = 0.01 * density
    d_initial, d_miss = initial * generator.standard_normal((2, k)), miss * generator.standard_normal((2, k))
    d_false = false * generator.standard_normal(2)
    nodes = dendrite_nodes(0.2, 0.3, 0.0)
    found = expected_slopes(
        (initial, steps.survival, steps.newborn),
        (d_initial, slopes.survival, slopes.newborn),
        Scoring(tuple(miss), false),
        ScoringSlopes(-d_miss, d_false),
        25.0,
        reference,
        nodes,
    )
    for at in range(2):

        def of(h, at=at):
            there = compose(*moved(model, folds, directions, at, h), SESSIONS)
            scoring = Scoring(tuple(miss + h * d_miss[at]), false + h * d_false[at])
            return expected_statistics(
                initial + h * d_initial[at], there.survival, there.newborn, scoring, 25.0, reference, nodes
            )

        for slope, name in zip(found, found._fields, strict=True):
            check(slope[at], rise(lambda h, name=name, of=of: getattr(of(h), name), STEP))


@given(st.floats(0.01, 20.0), st.floats(0.01, 20.0))
def test_slopes_of_a_pulse(onset, decay):
    assume(abs(onset - decay) > 1e-2 * onset)
    edges = np.concatenate([[-2.0, 0.0], np.geomspace(0.01, 60.0, 30)])
    in_onset, in_decay = pulse_slopes(edges, onset, decay)
    check(onset * in_onset, rise(lambda h: pulse(edges, onset * (1 + h), decay), STEP))
    check(decay * in_decay, rise(lambda h: pulse(edges, onset, decay * (1 + h)), STEP))


@given(seeds)
def test_slopes_of_pulses_that_meet(seed):
    """Two doses, an antagonist before one of them, a fold cut off at 0, factors of a study."""
    generator = np.random.default_rng(seed)
    values = {
        "a.formation_fold": generator.uniform(0.2, 4.0), "a.elimination_fold": 0.1, "a.maturation_fold": 1.3,
        "a.onset": 0.3, "a.decay": generator.uniform(1.0, 9.0), "a.elimination_decay": 4.0,
        "a.blocked_by_b": generator.uniform(0.0, 0.9),
    }  # fmt: skip
    doses, times = [("b", -0.1), ("a", 0.0), ("a", 3.0)], np.arange(-3.0, 20.0, 0.3)
    factors = {"formation": 1.4, "elimination": 1.5, "formation_duration": 0.7}
    found = pulse_fold_slopes(doses, times, values, factors)
    for name in (*values, *factors):
        where = factors if name in factors else values

        def folds(h, name=name, where=where):
            there = where | {name: where[name] * (1 + h)}
            return pulse_folds(doses, times, *((values, there) if where is factors else (there, factors)))

        for effect in ("formation", "elimination", "maturation"):
            # At the very place where a fold is cut off it has no slope.
            smooth = np.abs(folds(0.0)[effect]) > 1e-2
            smooth |= folds(1e-2)[effect] == folds(-1e-2)[effect]
            expected = rise(lambda h, effect=effect, folds=folds: folds(h)[effect], STEP)
            slope = found[name].get(effect, np.zeros(len(times))) * where[name]
            if np.abs(expected[smooth]).max() > 1e-9:
                check(slope[smooth], expected[smooth])
            else:
                assert np.abs(slope[smooth]).max() < 1e-9


@given(seeds)
def test_slopes_of_the_shift_of_head_width(seed):
    generator = np.random.default_rng(seed)
    knots = np.array([0.0, 0.5, 2.0, 6.0])
    fold, response = generator.uniform(0.8, 1.5, 4), generator.uniform(0.1, 4.0)
    d_fold, d_response = fold * generator.standard_normal((2, 4)), response * generator.standard_normal(2)
    found = width_shift_slopes(SESSIONS, knots, fold, response, d_fold, d_response)
    for at in range(2):
        check(found[at], rise(lambda h, at=at: log_width_shift(SESSIONS, knots, fold + h * d_fold[at],
                                                               response + h * d_response[at]), STEP))  # fmt: skip


@st.composite
def histories(draw):
    n = start = draw(st.integers(0, 12))
    gained, lost = [], []
    for _ in range(len(SESSIONS) - 1):
        lost.append(draw(st.integers(0, min(n, 5))))
        gained.append(draw(st.integers(0, 4)))
        n += gained[-1] - lost[-1]
    return start, gained, lost


@settings(max_examples=60)
@given(models() | models(chain=True), histories(), seeds)
def test_slopes_of_the_likelihood_of_counts(model, history, seed):
    """By the adjoint of the class filter: in P, gamma, d and the composition, along ways that keep sums of 1."""
    start, gained, lost = history
    folds, directions = random_case(model, seed)
    steps, slopes = compose(model, folds, SESSIONS), compose_slopes(model, folds, SESSIONS, directions)
    numbers = np.array([start]), np.array([gained]), np.array([lost])
    generator = np.random.default_rng(seed)
    composition = generator.dirichlet(np.ones(model.n_class))
    d_composition = composition * generator.standard_normal(model.n_class)
    d_composition -= composition * d_composition.sum()
    length = np.array([1.7])
    assume(np.isfinite(counts_log_likelihood_of(steps, composition, *numbers, length))[0])
    found = counts_slopes(steps, composition, *numbers, length)
    for at in range(2):

        def log_likelihood(h, at=at):
            there = compose(*moved(model, folds, directions, at, h), SESSIONS)
            return counts_log_likelihood_of(there, composition + h * d_composition, *numbers, length)

        parts = [
            (found.survival[0] * slopes.survival[at]).sum(),
            (found.newborn[0] * slopes.newborn[at]).sum(),
            (found.lost[0] * slopes.lost[at]).sum(),
            found.composition[0] @ d_composition,
        ]
        expected = rise(log_likelihood, STEP)[0]
        # Parts may cancel: the error is that of the largest.
        assert abs(sum(parts) - expected) < RELATIVE * max(map(abs, parts))
        largest = int(np.argmax(np.abs(parts)))
        wrong = sum(parts) + (PLANTED - 1) * parts[largest]
        assert abs(wrong - expected) > RELATIVE * max(map(abs, parts))


def test_histories_that_cannot_be_have_no_slopes():
    model = TurnoverModel(("a", "b"), 1.0, [[0, 0.1], [0, 0]], [0.5, 0.0])
    steps = compose(model, random_case(model, 1)[0], SESSIONS)
    none = np.zeros((1, len(SESSIONS) - 1), int)
    lost = none.copy()
    lost[0, 0] = 1
    found = counts_slopes(steps, [0.0, 1.0], np.array([3]), none, lost)  # mature spines are never lost
    assert np.all(np.isnan(found.survival))
    assert np.all(np.isfinite(counts_slopes(steps, [0.0, 1.0], np.array([3]), none, none).survival))


def test_a_law_far_from_underflow_to_it():
    """Long runs of many spines, where one class hardly ever survives: as the filter, no slope is lost before it."""
    model = TurnoverModel(("a", "b"), 4.0, [[0, 0.2], [0, 0]], [3.0, 0.02])
    times = np.array([0.0, 30.0, 60.0])
    folds = Folds(times, *np.ones((4, 2)))
    numbers = np.array([60]), np.array([[8, 5]]), np.array([[40, 12]])
    directions = Directions.none(1, 2, 2)
    directions.loss[0], directions.transition[0, 0, 1] = (1.0, 0.01), 0.1
    slopes, composition = compose_slopes(model, folds, times, directions), [0.3, 0.7]
    found = counts_slopes(compose(model, folds, times), composition, *numbers)
    total = sum((getattr(found, name)[0] * getattr(slopes, name)[0]).sum() for name in Propagation._fields)

    def log_likelihood(h):
        there = replace(model, elimination=[3.0 + h, 0.02 + 0.01 * h], transition=[[0, 0.2 + 0.1 * h], [0, 0]])
        return counts_log_likelihood_of(compose(there, folds, times), composition, *numbers)

    check([total], rise(log_likelihood, STEP))


@pytest.mark.parametrize("away", [0.0, 1e-9, 1e-6, 1e-5, 1e-3, 0.1, -1e-6, -0.1])
def test_slopes_of_signed_roots_near_their_zero(away):
    """A Poisson number k with mean x: D = 2 (k ln(k / x) - k + x), in 50 digits."""
    k, x = Decimal(7), Decimal(7) * (1 + Decimal(away))
    with localcontext(prec=50):
        deviance = 2 * (k * (k / x).ln() - k + x)
        root = deviance.sqrt() * (1 if x < k else -1)
        exact = (1 - k / x) / root if x != k else -1 / k.sqrt()
    one = np.ones(1)
    found = root_slopes(float(root) * one, float(x - k) * one, float(x) * one, float(k) * one, one, float(k) * one)
    np.testing.assert_allclose(found, float(exact), rtol=RELATIVE)


def test_differences_are_good_enough_to_judge_by():
    assert error(rise(np.sin, 1e-3), np.cos(0.0)) < 1e-12
    assert error(PLANTED * np.ones(3), np.ones(3)) > RELATIVE
