"""What a new study is given: its own effects, tissue like that of others, and what its arms showed before the drug."""

import numpy as np
import pytest
from scipy.stats import binom

from synmodel.inference import joint_problem
from synmodel.inference.summaries.drives import Drives
from synmodel.inference.summaries.hierarchy import BASELINE
from synmodel.inference.summaries.prediction import Point, _points, _tissue_priors, coverage_range
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.targets import arm_targets

KETAMINE, PSILOCYBIN, PT, KO = STUDIES
EFFECTS = ("formation", "elimination", "head_size")


@pytest.fixture(scope="module")
def problem():
    return joint_problem()


def folds_of(problem, changed):
    values = problem.values(problem.start()) | changed
    return Drives("mechanistic", problem.parameters).folds(arm_targets(PT, "psilocybin"), values)[1]


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_factor_of_a_study_multiplies_its_drive(problem, effect):
    """Saturated or not: a study may have twice the effect of another, whatever the level at which drives end."""
    one = folds_of(problem, {})[effect]
    factor = {f"spread.{effect}": 0.7, f"{PT}.effect_on.{effect}": 1.0}
    more = folds_of(problem, factor)[effect]
    drive, larger = (1 / one - 1, 1 / more - 1) if effect == "elimination" else (one - 1, more - 1)
    np.testing.assert_allclose(larger, np.exp(0.7) * drive, rtol=1e-9, atol=1e-14)
    assert drive.max() > 0.05


@pytest.mark.parametrize(("effect", "tau"), [("formation", "tau_formation"), ("head_size", "tau_head_size")])
def test_a_duration_of_a_study_is_its_time_constant(problem, effect, tau):
    own = {f"spread.{effect}_duration": 0.5, f"{PT}.effect_on.{effect}_duration": -1.0}
    shared = {f"cascade.{tau}": problem.values(problem.start())[f"cascade.{tau}"] * np.exp(-0.5)}
    for fold in EFFECTS:
        np.testing.assert_allclose(folds_of(problem, own)[fold], folds_of(problem, shared)[fold], rtol=1e-12)
    assert not np.allclose(folds_of(problem, own)[effect], folds_of(problem, {})[effect], rtol=1e-3)


def test_later_means_are_predicted_given_the_earlier_ones(problem):
    """Against the law of some coordinates of a normal given others by its precision matrix."""
    at = next(i for i, t in enumerate(problem.arms) if (t.study.name, t.arm.name) == (PT, "psilocybin"))
    target, correlation = problem.arms[at], problem.correlation(at)
    sems = np.concatenate([means.sem("mouse") for means in target.means])
    observed, ends = (np.concatenate([getattr(m, key) for m in target.means]) for key in ("mean", "end"))
    before, after = np.flatnonzero(ends <= 0), np.flatnonzero(ends > 0)
    expected = observed - np.where(ends <= 0, 1.5 * sems, 0.0)  # before the drug more was seen than is expected
    points = list(_points(target, np.tile(expected, (3, 1)), sems, correlation, np.random.default_rng(1)))
    precision = np.linalg.inv(correlation * np.outer(sems, sems))
    within = np.linalg.inv(precision[np.ix_(after, after)])
    shift = -within @ precision[np.ix_(after, before)] @ (observed - expected)[before]
    np.testing.assert_allclose([p.centre[0] for p in points], expected[after] + shift, rtol=1e-9)
    np.testing.assert_allclose([p.error for p in points], np.sqrt(np.diag(within)), rtol=1e-9)
    density = np.array([p.quantity == "density_change" for p in points])
    assert np.all(shift[density] > 0.1 * sems[after][density])  # they share their first session
    assert np.all(np.array([p.error for p in points]) <= sems[after] * (1 + 1e-12))


class Several:
    """In place of a posterior: formation of the studies is known exactly, and differs."""

    def __init__(self, problem):
        self.problem = problem

    def draws(self, n, _seed):
        vectors = np.tile(self.problem.start(), (n, 1))
        for study, value in zip(STUDIES, (-4.0, -3.0, -2.0, 9.0), strict=True):
            vectors[:, self.problem.free.index(f"{study}.formation")] = value
        return vectors


def test_the_tissue_of_a_new_study_is_like_that_of_the_others(problem):
    priors = _tissue_priors(Several(problem), KO, seed=1)
    assert set(priors) == set(BASELINE)
    assert np.log(priors["formation"].centre) == pytest.approx(-3.0)
    assert priors["formation"].spread == pytest.approx(np.sqrt(1.0 * (1 + 1 / 3)))


def test_two_studies_do_not_tell_how_tissues_differ():
    assert _tissue_priors(Several(joint_problem((KETAMINE, PSILOCYBIN))), KO, seed=1) == {}


def points_of(samples):
    return [Point("arm", "density_change", 0.0, 1.0 + i, 0.0, 1.0, 1.0, row, row) for i, row in enumerate(samples)]


def test_coverage_that_a_right_prediction_would_have_is_binomial_for_independent_means():
    samples = np.random.default_rng(1).standard_normal((20, 4000))
    np.testing.assert_allclose(coverage_range(points_of(samples), 0.9), binom.ppf([0.025, 0.975], 20, 0.9) / 20)
    np.testing.assert_allclose(coverage_range(points_of(samples), 0.5), binom.ppf([0.025, 0.975], 20, 0.5) / 20)


def test_means_that_err_together_hold_all_or_none():
    samples = np.tile(np.random.default_rng(1).standard_normal(4000), (20, 1))
    assert coverage_range(points_of(samples), 0.9) == (0.0, 1.0)
    assert coverage_range(points_of(samples), 0.5) == (0.0, 1.0)
