"""Exact slopes of fits of single dendrites against central differences."""

import numpy as np
import pandas as pd
import pytest
import slopes as differences
from lab import table
from slopes import RELATIVE, STEP, along, check, error

from synmodel.data import read_observations
from synmodel.inference.dendrites import DendriteProblem

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "counts.csv"
    table(mice=3, dendrites=5).to_csv(path, index=False)
    return path


def observations_of(path, forget=()):
    """Of a table of counts, some gains of which nobody wrote down."""
    rows = pd.read_csv(path)
    rows.loc[list(forget), "gained"] = np.nan
    rows.to_csv(path.with_name("some.csv"), index=False)
    return read_observations(path.with_name("some.csv")).observations


@pytest.mark.parametrize(
    ("model", "forget"),
    [
        ("formation+elimination+maturation+decays+arms", ()),
        ("formation+elimination+alike+transient", ()),
        ("formation+elimination", (7, 20, 21)),
        ("formation+transient", (7,)),
    ],
)
def test_slopes_of_dendrites(counted, model, forget):
    problem = DendriteProblem(observations_of(counted, forget), model)
    assert any(arm.has_open for arm in problem.arms) == bool(forget)
    generator = np.random.default_rng(1)
    vector = problem.parameters.pack(problem.free) + 0.1 * generator.standard_normal(len(problem.free))
    vector = np.clip(vector, problem.lower + 0.05, problem.upper - 0.05)
    expected = np.array([along(problem.log_likelihood, vector, at, STEP) for at in range(len(vector))])
    check(problem.slopes(vector), expected)
    assert error(problem.rough_slopes(vector), expected) < 1e-4


def test_the_information_is_that_of_the_slopes_of_mice(counted):
    problem = DendriteProblem(observations_of(counted), "formation+arms")
    vector = problem.parameters.pack(problem.free)
    at = problem.free.index("psilocybin.formation_fold")
    of_mice = along(problem.mouse_log_likelihood, vector, at, STEP)
    assert problem.information(vector)[at] == pytest.approx((of_mice**2).sum(), rel=1e-6)


def test_a_wrong_slope_of_the_filter_is_told(counted, monkeypatch):
    from synmodel.inference.likelihood import count_slopes

    problem = DendriteProblem(observations_of(counted), "formation")
    vector = problem.parameters.pack(problem.free)
    expected = np.array([along(problem.log_likelihood, vector, at, STEP) for at in range(len(vector))])
    right = count_slopes.log_losses_slopes

    def wrong(*given):
        right(*given)
        given[-2][2][:] *= differences.PLANTED  # losses

    check(problem.slopes(vector), expected)
    monkeypatch.setattr(count_slopes, "log_losses_slopes", wrong)
    assert error(problem.slopes(vector), expected) > RELATIVE


def test_slopes_of_deposited_dendrites(shared_data):
    """Fractions that several numbers explain, skipped sessions, runs that start later, a law of lengths."""
    observations = read_observations(shared_data / "tidy" / "shao2021_dendrites.csv").observations
    problem = DendriteProblem(observations, "formation+elimination+mechanism+arms")
    generator = np.random.default_rng(2)
    vector = problem.parameters.pack(problem.free) + 0.05 * generator.standard_normal(len(problem.free))
    vector = np.clip(vector, problem.lower + 0.05, problem.upper - 0.05)
    expected = np.array([along(problem.log_likelihood, vector, at, STEP) for at in range(len(vector))])
    check(problem.slopes(vector), expected)
