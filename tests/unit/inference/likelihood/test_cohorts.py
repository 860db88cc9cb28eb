"""The start of the class filter by cohorts, and its end by the number of the lost, are the filter by classes alone."""

import numpy as np
import pytest

from synmodel.inference.likelihood.kernel import filter_three, filter_two, log_losses_three, log_losses_two, most_spines

ALIVE = {2: (0.6, 0.95), 3: (0.5, 0.8, 0.97)}
CHAIN = [[0.7, 0.25, 0.05], [0.04, 0.8, 0.16], [0.01, 0.09, 0.9]]
SKIPS = [[0.5, 0.1, 0.4], [0.3, 0.5, 0.2], [0.1, 0.1, 0.8]]  # no product of rounds


def steps_of(n_class, n_interval, moves=CHAIN, alive=None):
    """Steps that differ between intervals, and compositions at their starts."""
    rng = np.random.default_rng(3)
    move = np.array(moves)[:n_class, :n_class] * rng.uniform(0.98, 1.02, (n_interval, 1, 1))
    move /= move.sum(axis=2, keepdims=True)
    p = np.array(alive or ALIVE[n_class]) ** rng.uniform(0.5, 1.5, (n_interval, 1))
    fresh = rng.dirichlet(np.ones(n_class), n_interval)
    return (move, np.log(p), 1.0 - p, fresh), rng.dirichlet(np.ones(n_class), n_interval + 1)


def both_ways(steps, composition, n, gained, lost, first=0):
    """(2, run) log-probabilities: as they are computed, and by classes from the first spine to the last."""
    stop = gained.shape[1]
    span = np.full(len(n), first), np.full(len(n), stop)
    out, n_class = np.empty((len(n), 1)), composition.shape[1]
    log_losses = log_losses_two if n_class == 2 else log_losses_three
    log_losses(0, len(n), tuple(each[None] for each in steps), composition[None], (n, gained, lost, *span), out)
    by_classes = []
    for k, start in enumerate(n):
        size = most_spines(start, gained[k], lost[k], first, stop) + 3
        work = np.empty((3, size)) if n_class == 2 else np.empty((4, size, size))
        follow = filter_two if n_class == 2 else filter_three
        by_classes.append(follow(steps, composition[first], start, gained[k], lost[k], first, stop, work))
    return np.array([out[:, 0], by_classes])


def counts(n_interval, n_run=12, largest=12):
    """Numbers as they may be seen, some of them more lost than there were."""
    rng = np.random.default_rng(n_interval)
    size = (n_run, n_interval)
    return rng.integers(0, largest, n_run), rng.poisson(1.5, size), rng.poisson(1.5, size)


@pytest.mark.parametrize("n_interval", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize(("n_class", "moves"), [(2, CHAIN), (3, CHAIN), (3, SKIPS)])
def test_all_ways_are_one(n_class, moves, n_interval):
    computed, by_classes = both_ways(*steps_of(n_class, n_interval, moves), *counts(n_interval))
    assert np.isfinite(by_classes).any()
    np.testing.assert_allclose(computed, by_classes, rtol=1e-12)


@pytest.mark.parametrize("n_class", [2, 3])
def test_a_run_may_begin_later(n_class):
    computed, by_classes = both_ways(*steps_of(n_class, 7), *counts(7), first=2)
    assert np.isfinite(by_classes).any()
    np.testing.assert_allclose(computed, by_classes, rtol=1e-12)


@pytest.mark.parametrize("n_class", [2, 3])
def test_what_no_number_holds(n_class):
    """Survival of one class to be found only where spines of that class are many."""
    alive = (1e-30, *(0.9,) * (n_class - 1))
    steps, composition = steps_of(n_class, 6, np.eye(3), alive)
    composition[0] = np.eye(n_class)[0]
    n, none = np.array([40, 5]), np.zeros((2, 6), np.int64)
    computed, by_classes = both_ways(steps, composition, n, none, none)
    assert (by_classes < -1000).all()
    np.testing.assert_allclose(computed, by_classes, rtol=1e-12)


def test_a_fate_five_percent_off_is_caught():
    """The comparison above sees it where the end is taken with other probabilities of loss."""
    steps, composition = steps_of(3, 5)
    n, gained, lost = counts(5)
    wrong = (*steps[:2], np.append(steps[2][:-1], 1.05 * steps[2][-1:], axis=0), steps[3])
    computed, _ = both_ways(wrong, composition, n, gained, lost)
    _, by_classes = both_ways(steps, composition, n, gained, lost)
    seen = np.isfinite(by_classes) & (lost[:, -1] > 0)
    assert seen.any()
    assert not np.isclose(computed[seen], by_classes[seen], rtol=1e-4).any()
