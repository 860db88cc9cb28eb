"""The class filter against a second implementation that knows cohorts and no class numbers."""

import itertools
import math

import numpy as np
import xarray as xr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from synmodel.inference import counts_log_likelihood, counts_log_likelihood_of
from synmodel.turnover import TurnoverModel, propagate

hazard = st.floats(0.01, 2.0)


@st.composite
def models(draw, k=None):
    k = draw(st.integers(1, 3)) if k is None else k
    transition = [[0.0 if i == j else draw(hazard) for j in range(k)] for i in range(k)]
    formation = [draw(st.floats(0.01, 3.0)) for _ in range(k)]
    return TurnoverModel([f"class {i}" for i in range(k)], formation, transition, [draw(hazard) for _ in range(k)])


@st.composite
def drives(draw):
    """A dose within the second interval of sessions at 0, 1.5, 3, ... and another change later on."""
    # Powers of smaller folds would underflow in the filter that adds probabilities, not their logarithms.
    fold = st.just(0.0) | st.floats(1e-6, 4.0)
    folds = {name: ("time", [1.0, draw(fold), draw(fold)]) for name in ("formation", "maturation", "elimination")}
    return xr.Dataset(folds, {"time": [-1.0, 2.0, draw(st.floats(2.1, 6.0))]})


@st.composite
def histories(draw, most_intervals=4, most=4):
    n = start = draw(st.integers(0, 9))
    gained, lost = [], []
    for _ in range(draw(st.integers(1, most_intervals))):
        lost.append(draw(st.integers(0, n)))
        gained.append(draw(st.integers(0, most)))
        n += gained[-1] - lost[-1]
    return start, gained, lost


def cohort_filter(steps, composition, n0, gained, lost):
    """Log-probability by the numbers alive of each cohort: spines of one cohort share one elimination probability."""
    laws, alive, log_p = [np.asarray(composition, float)], {(n0,): 1.0}, 0.0
    for p, fresh, d, new, gone_now in zip(steps.survival, steps.newborn, steps.lost, gained, lost, strict=True):
        gone = [float(np.maximum(d, 0) @ law) for law in laws]
        stay = [float((law @ p).sum()) for law in laws]  # 1 - gone would cancel where hardly any survive
        after = {}
        for numbers, weight in alive.items():
            for elimination in itertools.product(*(range(min(n, gone_now) + 1) for n in numbers)):
                if sum(elimination) != gone_now:
                    continue
                chance = math.prod(
                    math.comb(n, e) * q**e * s ** (n - e)
                    for n, e, q, s in zip(numbers, elimination, gone, stay, strict=True)
                )
                left = (*(n - e for n, e in zip(numbers, elimination, strict=True)), new)
                after[left] = after.get(left, 0.0) + weight * chance
        alive = after
        laws = [law @ p / (law @ p).sum() for law in laws] + [fresh / fresh.sum()]
        log_p += poisson.logpmf(new, fresh.sum())
    total = sum(alive.values())
    return log_p + (math.log(total) if total > 0 else -math.inf)


def sessions(gained):
    return 1.5 * np.arange(len(gained) + 1.0)


@settings(max_examples=300)
@given(models(), drives(), histories(), st.integers(0, 2))
def test_classes_against_cohorts(model, drive, history, pure):
    n0, gained, lost = history
    steps = propagate(model, sessions(gained), drive)
    assume((steps.newborn.sum(axis=1) > 0).all())
    for composition in (model.stationary() / model.stationary().sum(), np.eye(model.n_class)[pure % model.n_class]):
        exact = cohort_filter(steps, composition, n0, gained, lost)
        data = [np.array(values) for values in ([n0], [gained], [lost])]
        by_class = counts_log_likelihood_of(steps, composition, *data)[0]
        np.testing.assert_allclose(by_class, exact, rtol=1e-12, atol=1e-12)


@settings(max_examples=100)
@given(models(k=1), drives(), histories(most=30))
def test_one_class_is_binomial_and_poisson(model, drive, history):
    n, gained, lost = history
    steps = propagate(model, sessions(gained), drive)
    result = counts_log_likelihood(
        model, n0=[n], gained=[gained], lost=[lost], times=sessions(gained), drive=drive, length_um=3.0
    )
    exact = 0.0
    for i, (new, gone) in enumerate(zip(gained, lost, strict=True)):
        exact += binom.logpmf(gone, n, steps.lost[i, 0]) + poisson.logpmf(new, 3.0 * steps.newborn[i, 0])
        n += new - gone
    np.testing.assert_allclose(result, exact, rtol=1e-11, atol=1e-11)


@settings(max_examples=100)
@example(
    TurnoverModel(("a", "b"), (1.0, 1.0), ((0.0, 1.0), (1.0, 0.0)), (1.0, 1.0)),
    xr.Dataset({"elimination": ("time", [1.0, 0.0, 1.0])}, {"time": [-1.0, 2.0, 4.5]}),
    (0, [0, 1, 0, 0], [0, 0, 1, 0]),
).via("a loss where no hazard is, whose chance was a rounding error")
@given(models(), drives(), histories())
def test_classes_that_do_not_differ_are_one(model, drive, history):
    """With one elimination hazard for all, a model of three classes is a model of one."""
    n0, gained, lost = history
    same = TurnoverModel(model.classes, model.formation, model.transition, [model.elimination[0]] * model.n_class)
    one = TurnoverModel(("spine",), float(model.formation_rates.sum()), [[0]], [model.elimination[0]])
    data = {"n0": [n0], "gained": [gained], "lost": [lost], "times": sessions(gained), "drive": drive}
    a, b = counts_log_likelihood(same, **data), counts_log_likelihood(one, **data)
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@settings(max_examples=50)
@given(models(), histories(), st.floats(0.01, 2.0), st.sampled_from(["lasting", "response"]))
def test_little_variation_is_none(model, history, cv, effect):
    """Mixed formation tends to Poisson formation as its variation vanishes, and differs while it is there."""
    n0, gained, lost = history
    data = {"n0": [n0], "gained": [gained], "lost": [lost], "times": sessions(gained), "birth_effect": effect}

    def at(cv):
        mixed = TurnoverModel(
            model.classes, model.formation, model.transition, model.elimination, formation_cv_dendrite=cv
        )
        return counts_log_likelihood(mixed, **data)[0]

    plain = at(0.0)
    np.testing.assert_allclose(at(1e-7), plain, rtol=1e-8, atol=1e-7)
    assert at(cv) != plain or not np.isfinite(plain)
