"""The composite likelihood of counts under misses and false spines: its law, its consistency and its error.

Spines are simulated one by one with the propagation of the model; level 0.001.
"""

import numpy as np
import pytest
from scipy.stats import norm

from synmodel.core.errors import FitError
from synmodel.inference import counts_log_likelihood, detected_counts_log_likelihood
from synmodel.inference.likelihood.courses import courses_of
from synmodel.turnover import TurnoverModel

TIMES = np.array([0.0, 2.0, 4.0, 6.0, 8.0])
TRUTH = {"formation": 1.2, "loss_nascent": 0.4, "loss_mature": 0.02, "miss": 0.08, "false": 0.4}
N = 4000


def model_of(values):
    return TurnoverModel(
        ("nascent", "mature"), values["formation"], [[0, 0.2], [0, 0]], [values["loss_nascent"], values["loss_mature"]]
    )


def scored_counts(values, n, seed):
    """(n, interval) spines scored at the start, gained and lost, of n dendrites in balance."""
    generator = np.random.default_rng(seed)
    courses = courses_of(model_of(values), TIMES, None, "stationary")
    start = courses.composition[0, 0] * courses.total[0, 0]
    owners, classes, formed = [], [], []
    for session in range(len(TIMES)):
        means = start if session == 0 else courses.newborn[0, session - 1]
        for c, mean in enumerate(means):
            number = generator.poisson(mean, n)
            owners.append(np.repeat(np.arange(n), number))
            classes.append(np.full(number.sum(), c))
            formed.append(np.full(number.sum(), session))
    owner, state, first = (np.concatenate(each) for each in (owners, classes, formed))
    seen = np.zeros((len(TIMES), len(owner)), bool)
    for session in range(len(TIMES)):
        if session > 0:
            moves = courses.survival[0, session - 1]
            chances = np.cumsum(np.concatenate([moves, 1 - moves.sum(axis=1, keepdims=True)], axis=1), axis=1)
            old = (first < session) & (state < 2)
            after = (generator.random((old.sum(), 1)) > chances[state[old]]).sum(axis=1)
            state[old] = np.minimum(after, 2)
        there = (first <= session) & (state < 2)
        seen[session] = there & (generator.random(len(owner)) >= values["miss"])
    false = generator.poisson(values["false"], (len(TIMES), n))

    def total(rows):
        return np.array([np.bincount(owner, weights=row, minlength=n) for row in rows])

    scored = total(seen) + false
    return (scored[:-1]).T, (total(seen[1:] & ~seen[:-1]) + false[1:]).T, (total(seen[:-1] & ~seen[1:]) + false[:-1]).T


def composite(values, data):
    scored, gained, lost = data
    return detected_counts_log_likelihood(
        model_of(values), scored=scored, gained=gained, lost=lost, times=TIMES, miss=values["miss"],
        false_positive_per_um=values["false"],
    )  # fmt: skip


def slopes(values, data):
    """(dendrite, parameter) slopes in the logarithm of each parameter."""
    step = 1e-4
    ends = [
        [composite({**values, name: value * np.exp(side * step)}, data) for side in (1, -1)]
        for name, value in values.items()
    ]
    return np.array([(up - down) / (2 * step) for up, down in ends]).T


@pytest.fixture(scope="module")
def data():
    return scored_counts(TRUTH, N, seed=1)


def z_of(score):
    return score.mean(axis=0) / (score.std(axis=0, ddof=1) / np.sqrt(len(score)))


def test_slopes_vanish_at_the_truth(data):
    """So the maximum is consistent: no parameter is pulled away; one that is 5 % off shows."""
    bound = norm.isf(0.001 / 2 / len(TRUTH))
    assert (np.abs(z_of(slopes(TRUTH, data))) < bound).all()
    for name in ("formation", "loss_nascent", "miss"):
        off = {**TRUTH, name: 1.05 * TRUTH[name]}
        assert np.abs(z_of(slopes(off, data))).max() > bound, name


def test_curvature_is_no_standard_error(data):
    """A spine overlooked once is a loss and then a gain, which the product takes as two events.

    Equal intervals in balance tell two numbers, so the other rates are taken as known.
    """
    names = ("formation", "miss")
    at = [list(TRUTH).index(name) for name in names]
    variance = np.cov(slopes(TRUTH, data)[:, at].T)
    step = 1e-3
    hessian = []
    for name in names:
        ends = [
            slopes({**TRUTH, name: TRUTH[name] * np.exp(side * step)}, data)[:, at].mean(axis=0) for side in (1, -1)
        ]
        hessian.append((ends[1] - ends[0]) / (2 * step))
    inverse = np.linalg.inv(0.5 * (np.array(hessian) + np.array(hessian).T))
    spread = np.sqrt(np.diag(inverse @ variance @ inverse) / np.diag(inverse))
    ratio = dict(zip(names, spread.tolist(), strict=True))
    # What docs/dendrites.md says of it.
    assert ratio["formation"] == pytest.approx(0.83, abs=0.05)
    assert ratio["miss"] == pytest.approx(1.12, abs=0.05)


def test_without_misses_a_single_interval_is_exact():
    """One class and one interval: composite and exact likelihood are one."""
    one = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    data = {"gained": [[2], [0]], "lost": [[1], [3]], "times": [0, 2]}
    exact = counts_log_likelihood(one, n0=[10, 8], **data)
    found = detected_counts_log_likelihood(one, scored=[[10], [8]], **data)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    left_out = detected_counts_log_likelihood(
        one, scored=[[10], [8]], gained=[[2], [-1]], lost=data["lost"], times=[0, 2]
    )
    assert left_out[1] == 0.0
    assert detected_counts_log_likelihood(one, scored=[[2]], gained=[[0]], lost=[[3]], times=[0, 2])[0] == -np.inf
    with pytest.raises(FitError, match="set the cv to 0"):
        detected_counts_log_likelihood(
            TurnoverModel(("spine",), 1.0, [[0]], [0.1], formation_cv_dendrite=0.3), scored=[[10]], gained=[[1]],
            lost=[[1]], times=[0, 2],
        )  # fmt: skip
    with pytest.raises(FitError, match="scored has shape"):
        detected_counts_log_likelihood(one, scored=[10], gained=[[1]], lost=[[1]], times=[0, 2])
