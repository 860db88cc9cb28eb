"""Immigration and death as in the SBML stochastic test suite: published means and deviations, and the laws behind them.

Cases 00020 to 00029 and 00037 to 00039: constant births and deaths, a sink that counts all deaths, the population set
at a time, births in batches. The suite's own criterion (Z of means within 3, Y of variances within 5 at 10,000 runs) is
replaced by the level of our laws, and each kind has a companion in which a rate is 5 % off.

Evans, Gillespie and Wilkinson 2008, Bioinformatics 24:285, doi:10.1093/bioinformatics/btm566.
"""

from typing import NamedTuple

import numpy as np
import pytest
from level import agrees, z_of_covariance, z_of_mean

from synmodel.core.errors import SimulationError
from synmodel.turnover import Interaction, TurnoverModel, simulate

RUNS = 10_000
DAYS = np.arange(51.0)
ENGINES = ("sessions", "events", "coupled")


class Case(NamedTuple):
    """Births ``alpha`` per day in batches, deaths ``mu`` per day and spine, and a reset."""

    alpha: float
    mu: float
    batch: int = 1
    reset_day: float | None = None
    reset: int = 0


CASES = {
    "00020": Case(1, 0.1),
    "00021": Case(10, 0.1),
    "00022": Case(5, 0.1),
    "00023": Case(1000, 0.1),
    "00024": Case(10, 0.1),
    "00025": Case(10, 0.1),
    "00026": Case(10, 0.1),
    "00027": Case(1, 0.1),
    "00028": Case(1, 0.1, reset_day=25, reset=50),
    "00029": Case(1, 0.1, reset_day=22.5, reset=20),
    "00037": Case(1, 0.2, batch=5),
    "00038": Case(1, 0.4, batch=10),
    "00039": Case(1, 4, batch=100),
}
PUBLISHED = {  # time, mean, standard deviation: NNNNN-results.csv
    "00028": [(1, 0.9516258, 0.975513096), (24, 9.09282, 3.015430318), (25, 50.0, 0.0),
              (26, 46.1934967214, 2.29280593761), (50, 13.283399945, 3.59812487207)],
    "00037": [(1, 4.531731, 4.584292), (10, 21.616618, 8.408379), (50, 24.998865, 8.660189)],
    "00039": [(1, 24.54211, 35.51939), (50, 25.0, 35.53168)],
}  # fmt: skip


def exact(case, days=DAYS):
    """Mean and variance: a compound Poisson number of births of ``batch``, and the survivors of those that were set."""
    begun = np.zeros(len(days)) if case.reset_day is None else np.where(days >= case.reset_day, case.reset_day, 0.0)
    age, kept = days - begun, np.exp(-case.mu * (days - begun))
    n = np.where(begun > 0, case.reset, 0)
    once = case.alpha * case.batch * -np.expm1(-case.mu * age) / case.mu
    twice = case.alpha * case.batch * (case.batch - 1) * -np.expm1(-2 * case.mu * age) / (2 * case.mu)
    return n * kept + once, n * kept * (1 - kept) + once + twice


def run(case, engine, runs=RUNS, **changes):
    model = TurnoverModel(("X",), case.alpha * case.batch, [[0]], [case.mu])
    return simulate(
        model, initial=[0], times=DAYS, replicates=runs, engine=engine, seed=1,
        interaction=Interaction(batch=case.batch) if case.batch > 1 else None,
        resets=None if case.reset_day is None else {case.reset_day: [case.reset]}, **changes,
    )  # fmt: skip


def passes(count, case):
    mean, variance = exact(case)
    deviations = z_of_covariance(count, count, variance)
    return agrees(z_of_mean(count, mean, variance)) and agrees(deviations)


def numbers(case, engine):
    return run(case, engine)["count"].to_numpy()[:, 0, :, 0].astype(float)


@pytest.mark.parametrize("number", list(PUBLISHED))
def test_the_closed_forms_are_the_published_values(number):
    days, mean, deviation = np.array(PUBLISHED[number]).T
    ours = exact(CASES[number], days)
    np.testing.assert_allclose(ours[0], mean, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(np.sqrt(ours[1]), deviation, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(
    ("number", "engine"),
    [
        (number, engine)
        for number, case in CASES.items()
        for engine in ENGINES
        if case.batch == 1 or engine == "coupled"
    ],
)
def test_case(number, engine):
    assert passes(numbers(CASES[number], engine), CASES[number])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rate_five_percent_off_is_caught(engine):
    right = CASES["00021"]
    assert not passes(numbers(right._replace(mu=1.05 * right.mu), engine), right)


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("00028", {"reset": 52}),
        ("00029", {"reset_day": 21.4}),
        ("00037", {"batch": 6, "alpha": 5 / 6}),
        ("00038", {"mu": 0.42}),
    ],
)
def test_what_is_new_and_off_is_caught(number, wrong):
    """A sixth spine in a batch leaves the mean as it is: the variance tells."""
    assert not passes(numbers(CASES[number]._replace(**wrong), "coupled"), CASES[number])


def sink_of(out):
    return (out["lost"] + out["transient"]).cumsum("interval").to_numpy()[:, 0].astype(float)


def deaths(case):
    """Births less those that live: the dead are a Poisson number."""
    return case.alpha * DAYS[1:] - exact(case)[0][1:]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sink_of_00025_counts_spines_that_no_session_saw(engine):
    case = CASES["00025"]
    law = deaths(case)
    sink = sink_of(run(case, engine, transient=True))
    assert agrees(z_of_mean(sink, law, law))
    assert agrees(z_of_covariance(sink, sink, law))
    wrong = deaths(case._replace(mu=1.05 * case.mu))
    assert not agrees(z_of_mean(sink, wrong, wrong))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_counted_beside_changes_no_bit(engine):
    plain, counted = (run(CASES["00021"], engine, 300, transient=each) for each in (False, True))
    for name in ("count", "gained", "lost"):
        assert plain[name].equals(counted[name])
    assert "transient" not in plain
    assert (counted["count"].diff("time").to_numpy()[:, 0, :, 0] == (counted["gained"] - counted["lost"])[:, 0]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_days_before_a_reset_are_those_without_it(engine):
    model = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
    start = {"initial": {"mature": 20}, "times": [0, 2, 5, 9], "replicates": 50, "engine": engine}
    plain, reset = simulate(model, **start), simulate(model, **start, resets={4: {"mature": 7}})
    assert reset["count"][:, :, :2].equals(plain["count"][:, :, :2])
    assert (reset["lost"][:, 0, 1] == plain["count"][:, 0, 1].sum("spine_class")).all()
    assert (reset["gained"][:, 0, 1] == reset["count"][:, 0, 2].sum("spine_class")).all()
    assert reset["count"][:, 0, 2].sum("spine_class").max() <= 7 + 25
    change = reset["count"].sum("spine_class").diff("time").to_numpy()
    np.testing.assert_array_equal(change, (reset["gained"] - reset["lost"]).to_numpy())
    assert "4: {'mature': 7}" in reset.attrs["resets"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resets": {0.0: [1]}}, r"resets has day 0\.0; sessions are on days 0 to 50: give"),
        ({"resets": {51: [1]}}, "resets has day 51"),
        ({"resets": {"x": [1]}}, "resets has day 'x'"),
        ({"resets": {float("nan"): [1]}}, "resets has day nan"),
        ({"resets": [25]}, "resets is of type list"),
        ({"resets": {25: [-1]}}, r"resets, day 25: initial"),
        ({"resets": {True: [1]}}, "resets has day True"),
        ({"resets": {20: [1], 25.0: [2]}}, "resets has days 20 and 25 between two sessions"),
        ({"resets": {25: [1]}, "transient": True}, "resets and transient are both given"),
        ({"interaction": Interaction(batch=2)}, "use engine='coupled'"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    with pytest.raises(SimulationError, match=message):
        simulate(TurnoverModel(("X",), 1, [[0]], [0.1]), initial=[0], times=[0, 50], replicates=2, **given)


@pytest.mark.parametrize("batch", [0, 1.5, True, 2000, "2"])
def test_a_batch_is_a_whole_number(batch):
    with pytest.raises(SimulationError, match=r"interaction\.batch is .*from 1 to 1000"):
        Interaction(batch=batch)


@pytest.mark.parametrize("engine", ENGINES)
def test_more_transient_spines_than_fit_are_refused(engine):
    model = TurnoverModel(("X",), 1e9, [[0]], [1000.0])
    with pytest.raises(SimulationError, match=r"1e\+10 spines are expected|spines are expected|are to be followed"):
        simulate(model, initial=[0], times=[0, 10], replicates=2, engine=engine, transient=True)


def test_resets_by_arrays_are_told_in_one_line():
    model, numbers = TurnoverModel(("X",), 1, [[0]], [0.1]), np.full((2000, 1), 3)
    out = simulate(model, initial=[0], times=[0, 1, 2], replicates=1, dendrites=2000, resets={1.5: numbers})
    assert out.attrs["resets"].startswith("1.5: array (2000, 1), 6000 spines, SHA-256 ")
    assert "\n" not in out.attrs["resets"]
