"""Moves among three classes in rounds are those of all classes at once, and only matrices that are rounds are taken."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synmodel.inference.likelihood import kernel
from synmodel.inference.likelihood.kernel import join_three, move_three
from synmodel.inference.likelihood.rounds import ROUNDS, move_in_rounds, probabilities, round_of
from synmodel.turnover import TurnoverModel, propagate

RATES = st.floats(0.0, 30.0).map(lambda rate: 0.0 if rate < 1e-8 else rate)


def matrix_of(rates, elimination, days):
    """Classes of survivors after some days in a chain of three; rows of sum 1."""
    up, back, on, down = rates
    model = TurnoverModel(("a", "b", "c"), 1.0, [[0, up, 0], [back, 0, on], [0, down, 0]], elimination)
    survival = propagate(model, np.array([0.0, days])).survival[0]
    return survival / survival.sum(axis=1, keepdims=True)


def law(n, composition=(0.2, 0.3, 0.5)):
    f = np.zeros((n + 3, n + 3))
    f[0, 0] = 1.0
    for k in range(n):
        join_three(f, k, *composition)
    return f


def at_once(f, n, p, monkeypatch):
    """By substitution of all classes at once, in interpreted code."""
    out, inner, power = (np.zeros_like(f) for _ in range(3))
    monkeypatch.setattr(kernel, "probabilities", lambda *_: False)
    for name in ("add_three", "join_three", "move_three_ahead", "move_two", "join_two"):
        monkeypatch.setattr(kernel, name, getattr(kernel, name).py_func)
    move_three.py_func(f, n, p, out, inner, power)
    monkeypatch.undo()
    return out


@given(st.tuples(RATES, RATES, RATES, RATES), st.tuples(RATES, RATES, RATES), st.floats(0.01, 30.0))
@example((1.0, 3.0, 5.0, 1e-5), (0.0, 0.0, 3.0), 5.0)  # two rows that are nearly alike
@settings(max_examples=300)
def test_a_chain_of_classes_is_rounds(rates, elimination, days):
    p, q = matrix_of(rates, [min(each, 10.0) for each in elimination], days), np.empty((ROUNDS, 2))
    if not probabilities(p, q):  # rare steps and rows that are nearly alike go the long way
        apart = min(abs(p[i] - p[j]).max() for i, j in combinations(range(3), 2))
        assert min(apart, p[p > 0].min()) < 1e-5
        return
    product = np.eye(3)
    for k in range(ROUNDS):
        source, target = round_of(k)
        step = np.eye(3)
        step[source, target], step[source, source] = q[k]
        product = product @ step
    np.testing.assert_allclose(product, p, rtol=2e-11, atol=1e-300)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 12])
@pytest.mark.parametrize(
    "rates", [(0.2, 0.02, 0.1, 0.01), (0.2, 0.0, 0.1, 0.0), (0.0, 0.3, 0.0, 0.2), (0.0, 0.0, 0.0, 0.0)]
)
def test_the_law_after_rounds_is_that_of_all_at_once(n, rates, monkeypatch):
    p, q, f = matrix_of(rates, [0.5, 0.1, 0.01], 3.0), np.empty((ROUNDS, 2)), law(n)
    assert probabilities(p, q)
    out, table, other = (np.full_like(f, np.nan) for _ in range(3))
    before = f.copy()
    move_in_rounds(f, n, q, out, table, other)
    np.testing.assert_array_equal(f, before)
    expected = at_once(f, n, p, monkeypatch)
    there = np.add.outer(np.arange(n + 1), np.arange(n + 1)) <= n
    np.testing.assert_allclose(out[: n + 1, : n + 1][there], expected[: n + 1, : n + 1][there], rtol=1e-12)


@pytest.mark.parametrize(
    "p",
    [
        [[0.9, 0.0, 0.1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],  # past a neighbour
        [[0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]],
        [[0.1, 0.9, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]],  # two that change places
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    ],
)
def test_what_is_no_product_of_rounds_goes_the_long_way(p, monkeypatch):
    p, q, n = np.array(p), np.empty((ROUNDS, 2)), 6
    assert not probabilities(p, q)
    f = law(n)
    out, inner, power = (np.zeros_like(f) for _ in range(3))
    move_three(f, n, p, out, inner, power)
    np.testing.assert_allclose(out, at_once(f, n, p, monkeypatch), rtol=1e-13)
    assert out[: n + 1, : n + 1].sum() == pytest.approx(1.0)


def test_a_probability_five_percent_off_is_caught(monkeypatch):
    p, q, n = matrix_of((0.2, 0.02, 0.1, 0.01), [0.5, 0.1, 0.01], 3.0), np.empty((ROUNDS, 2)), 8
    assert probabilities(p, q)
    q[1] = 1.05 * q[1, 0], 1.0 - 1.05 * q[1, 0]
    f = law(n)
    out, table, other = (np.zeros_like(f) for _ in range(3))
    move_in_rounds(f, n, q, out, table, other)
    assert not np.allclose(out, at_once(f, n, p, monkeypatch), rtol=1e-4)


def test_many_spines_keep_their_digits():
    """300 spines that move independently are 300 times one: the law of the number in the first class is binomial."""
    from scipy.stats import binom

    n = 300
    p, q, f = matrix_of((0.2, 0.02, 0.1, 0.01), [0.5, 0.1, 0.01], 3.0), np.empty((ROUNDS, 2)), law(n)
    assert probabilities(p, q)
    out, table, other = (np.zeros_like(f) for _ in range(3))
    move_in_rounds(f, n, q, out, table, other)
    first = out[: n + 1, : n + 1].sum(axis=1)
    exact = binom.pmf(np.arange(n + 1), n, np.array([0.2, 0.3, 0.5]) @ p[:, 0])
    np.testing.assert_allclose(first, exact, rtol=1e-11, atol=1e-250)
