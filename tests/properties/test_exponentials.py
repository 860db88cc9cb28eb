"""Exponentials of generators against scipy, and what a generator promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import expm

from synmodel.core.exponentials import exponentials
from synmodel.turnover import TurnoverModel, propagate

RATES = st.floats(0.0, 50.0).map(lambda x: 0.0 if x < 1e-6 else x)


@st.composite
def systems(draw):
    """Matrices whose parts pass on what they hold, and lose some of it."""
    size = draw(st.integers(1, 6))
    rates = draw(arrays(float, (size, size), elements=RATES))
    loss = draw(arrays(float, size, elements=RATES))
    np.fill_diagonal(rates, 0.0)
    return rates - np.diag(rates.sum(axis=0) + loss)


def of(matrix):
    result = np.empty((1, *matrix.shape))
    exponentials(matrix[None], result, 0)
    return result[0]


@given(systems())
@settings(max_examples=200)
def test_exponentials_are_those_of_scipy(matrix):
    np.testing.assert_allclose(of(matrix), expm(matrix), rtol=1e-10, atol=1e-14)


@given(systems())
def test_nothing_is_made_and_nothing_is_negative(matrix):
    passed = of(matrix)
    assert np.all(passed >= 0)
    assert np.all(passed.sum(axis=0) <= 1 + 1e-12)


@given(systems(), st.floats(0.1, 3.0))
def test_two_steps_are_one(matrix, share):
    np.testing.assert_allclose(of(matrix), of(matrix * (1 - 1 / (1 + share))) @ of(matrix / (1 + share)), rtol=1e-10)


def test_small_entries_keep_their_digits():
    """A rare step in a slow and a fast system: (e^-a - e^-b) r / (b - a), down to 1e-30."""
    for rate in (1e-3, 1e-15, 1e-30):
        matrix = np.array([[-2.0, 0.0], [rate, -40.0]])
        exact = rate * (np.exp(-2.0) - np.exp(-40.0)) / 38.0
        np.testing.assert_allclose(of(matrix)[1, 0], exact, rtol=1e-13)


@pytest.mark.parametrize("days", [1.0, 100.0, 1e3, 1e4])
def test_fast_transitions_leave_slow_elimination_its_digits(days):
    """Two classes that exchange 1e6 times a day and are lost at 0.01 per day are one class that is."""
    model = TurnoverModel(("a", "b"), 1.0, [[0, 1e6], [1e6, 0]], [0.01, 0.01])
    step = propagate(model, np.array([0.0, days]))
    np.testing.assert_allclose(step.survival[0].sum(axis=1), np.exp(-0.01 * days), rtol=1e-12)
    np.testing.assert_allclose(step.newborn[0].sum(), -np.expm1(-0.01 * days) / 0.01, rtol=1e-12)
    np.testing.assert_allclose(step.lost[0], -np.expm1(-0.01 * days), rtol=1e-12)


def test_a_rate_off_is_caught():
    matrix = np.array([[-0.5, 0.1], [0.3, -0.2]])
    off = matrix.copy()
    off[1, 0] *= 1.05
    assert not np.allclose(of(off), expm(matrix), rtol=1e-10)
