"""Fits by simulation: exact without interaction, and able to see one."""

from dataclasses import replace

import numpy as np
import pytest

from synmodel.core.errors import FitError
from synmodel.inference import counts_log_likelihood
from synmodel.inference.dendrites import by_simulation
from synmodel.inference.dendrites.by_simulation import Course, _repeated, _seeded, _statistics, fit_by_simulation
from synmodel.inference.dendrites.priors import Priors
from synmodel.inference.dendrites.repartition import cube_of, repartition
from synmodel.inference.sampling import importance
from synmodel.library.parameters import Parameter, ParameterSet, Prior
from synmodel.turnover import Interaction, TurnoverModel, simulate

TIMES = np.array([0.0, 2.0, 4.0, 6.0])
N0 = np.repeat([8, 12, 16, 20, 24, 28], 6)


def parameter(name, value, lower, upper, unit):
    return Parameter(
        name=name, value=value, unit=unit, lower=lower, upper=upper, scale="log", long_name=name, status="assumed",
        source="test", why="test", prior=Prior(value, 0.5),
    )  # fmt: skip


RATES = ParameterSet([parameter("births", 1.0, 0.1, 10.0, "1/day"), parameter("loss", 0.05, 0.005, 0.5, "1/day")])


def course(values):
    model = TurnoverModel(("spine",), values["births"], [[0.0]], [values["loss"]])
    return Course(model, Interaction(n_star=18.0, homeostasis=values.get("homeostasis", 0.0)), [1.0])


def counts(values, seed):
    model, interaction, *_ = course(values)
    seen = simulate(
        model, initial=N0[:, None], times=TIMES, replicates=1, dendrites=len(N0), seed=seed, engine="coupled",
        interaction=interaction,
    )  # fmt: skip
    return {"n0": N0, "gained": seen["gained"].to_numpy()[0], "lost": seen["lost"].to_numpy()[0], "times": TIMES}


def log_mean_sd(tree, name):
    values = np.log(tree["posterior"][name].to_numpy().ravel())
    return values.mean(), values.std()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_without_interaction_it_gives_the_exact_posterior():
    """Means within 0.3 of a standard deviation, standard deviations within a quarter."""
    pytest.importorskip("pyabc", reason="the extra [abc] is not installed")
    data = counts({"births": 1.3, "loss": 0.06}, seed=4)
    tree = fit_by_simulation(course, RATES, **data, particles=400, rounds=5, least_accepted=0.06, seed=1)
    prior = Priors(RATES, list(RATES))

    def log_likelihood_at(cube):
        values = RATES.unpack(prior.transform(cube), list(RATES))
        return float(counts_log_likelihood(course(values).model, **data, composition=[1.0]).sum())

    around = repartition(log_likelihood_at, 2, seed=1)
    sample = importance(around.log_likelihood, around.prior_transform, 2, seed=1, size=4096)
    exact = np.array([prior.transform(cube_of(z)) for z in sample.points])
    weight = np.exp(sample.log_weight)
    for i, name in enumerate(RATES):
        centre = weight @ exact[:, i]
        spread = np.sqrt(weight @ (exact[:, i] - centre) ** 2)
        mean, sd = log_mean_sd(tree, name)
        assert abs(mean - centre) < 0.3 * spread, name
        assert 0.75 < sd / spread < 1.25, name
        assert np.log(1.05) > 0.3 * spread, "5 % off would be seen"
    assert tree["sample_stats"].attrs["n_simulations"] > 2000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_homeostasis_is_seen_where_it_acts():
    pytest.importorskip("pyabc", reason="the extra [abc] is not installed")
    both = ParameterSet([*RATES.values(), replace(parameter("homeostasis", 1.0, 0.01, 10.0, "1"), prior=None)])
    low, high = (
        fit_by_simulation(
            course, both, **counts({"births": 1.0, "loss": 0.06, "homeostasis": h}, seed=2),
            particles=200, rounds=4, least_accepted=0.08, seed=1,
        )["posterior"]["homeostasis"].quantile([0.05, 0.5, 0.95]).to_numpy()
        for h in (0.01, 2.5)
    )  # fmt: skip
    assert low[1] < 1.0 < high[1]
    assert high[0] > 0.3
    assert high[2] > 2.0


def test_statistics_of_counts():
    n0, gained, lost = np.array([2, 6]), np.array([[1, 0], [0, 1]]), np.array([[0, 1], [2, 0]])
    found = _statistics(n0, gained, lost)
    np.testing.assert_allclose(found[:4], np.log([1.5, 1.5, 2.5, 1.5]))
    # Excess of spines is -2 and 2 before the first interval, -1/2 and 1/2 before the second (3 and 4 spines).
    np.testing.assert_allclose(found[4:], np.array([-2 + 0.5, 4 - 0.5]) / np.sqrt(8.5))


def test_the_global_generator_is_seeded_and_given_back():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    drawn = []
    for seed in (1, 1, 2):
        with _seeded(seed):
            drawn.append(np.random.random())  # noqa: NPY002
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert drawn[0] == drawn[1] != drawn[2]


def test_without_pyabc_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyabc", None)
    with pytest.raises(FitError, match=r"pip install 'synmodel\[abc\]'"):
        fit_by_simulation(course, RATES, n0=[1], gained=[[0]], lost=[[0]], times=[0, 1], seed=1)


@pytest.mark.filterwarnings("ignore")
def test_a_resumed_run_draws_what_no_round_before_it_had(tmp_path, monkeypatch):
    pytest.importorskip("pyabc", reason="the extra [abc] is not installed")
    data = counts({"births": 1.3, "loss": 0.06}, seed=4)
    drawn = []

    def recording(course, n0, times, lengths, seed):
        drawn.append((seed, course.model.formation))
        return _repeated(course, n0, times, lengths, seed)

    monkeypatch.setattr(by_simulation, "_repeated", recording)
    runs = []
    for rounds in (1, 2, 2):
        drawn.clear()
        tree = fit_by_simulation(
            course, RATES, **data, particles=20, rounds=rounds, database=tmp_path / "rounds.db", draws=5, seed=1
        )
        runs.append(list(drawn))
        assert tree["sample_stats"].attrs["rounds"] == rounds
        assert tree["sample_stats"].attrs["n_simulations"] == sum(map(len, runs))
    first, second, third = runs
    for before, after in zip(zip(*first, strict=True), zip(*second, strict=True), strict=True):
        assert not set(before) & set(after)
    assert len(first) >= 40, "to find a first tolerance, and a round"
    assert third == []
    with pytest.raises(FitError, match="rounds of other counts; give another file"):
        fit_by_simulation(
            course, RATES, **{**data, "gained": data["gained"] + 1}, database=tmp_path / "rounds.db", seed=1
        )
