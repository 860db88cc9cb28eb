"""What does not fit or would not end is refused in one line, before any loop begins."""

import time

import numpy as np
import pytest

from synmodel.core.errors import FitError, SimulationError, SynmodelError
from synmodel.inference import counts_log_likelihood
from synmodel.scenario import load
from synmodel.simulation import simulate as simulate_scenario
from synmodel.turnover import (
    EliminationBySize,
    HeadWidth,
    Interaction,
    TurnoverModel,
    simulate,
    trace,
    trace_coupled,
    trace_sessions,
)
from synmodel.turnover.start import Start

ONE = TurnoverModel(("spine",), 1.0, [[0.0]], [0.1])
ENDLESS = TurnoverModel(("spine",), 1.0, [[0.0]], [0.0])
MOST = 2**31 - 1


def run(model=ONE, initial=None, times=(0.0, 1.0), engine="sessions", **more):
    return simulate(model, initial={"spine": 5} if initial is None else initial, times=times, replicates=1,
                    engine=engine, **more)  # fmt: skip


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
@pytest.mark.parametrize(
    ("design", "words"),
    [
        ({"initial": {"spine": 10**10}}, "from 0 to 2147483647"),
        ({"initial": {"spine": 3_000_000_000}}, "from 0 to 2147483647"),
        ({"initial": np.array([[2**40]])}, "initial holds 1.09951e.12"),
        ({"initial": np.array([[np.inf]])}, "initial holds inf"),
        ({"initial": np.array([[np.nan]])}, "initial holds nan"),
        ({"initial": np.array([[1 + 1j]])}, "give whole numbers"),
        ({"initial": np.array([["x"]])}, "give whole numbers"),
        ({"initial": np.array([[None]], object)}, "give whole numbers"),
        ({"initial": {"poisson": 1e30}}, "from 0 to 2147483647"),
        ({"initial": {"spine": MOST}}, "spines are expected on a dendrite on day"),
        ({"model": TurnoverModel(("spine",), 3e6, [[0.0]], [0.0]), "times": (0.0, 1000.0)}, "3e.09 spines"),
        ({"model": TurnoverModel(("spine",), 1e18, [[0.0]], [0.1])}, "spines are expected"),
        ({"model": TurnoverModel(("spine",), 1.0, [[0.0]], [0.1], formation_trend=1e3)}, "spines are expected"),
        (
            {"model": TurnoverModel(("spine",), 1.0, [[0.0]], [0.1], formation_trend=-1e3), "times": (-5.0, 1.0)},
            "spines are expected",
        ),
        ({"length_um": 1e300}, "spines are expected"),
        ({"model": TurnoverModel(("spine",), 1e15, [[0.0]], [1e8]), "times": (0.0, 1.0)}, "to be followed"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_at_once(engine, design, words):
    began = time.monotonic()
    with pytest.raises(SimulationError, match=words) as refused:
        run(engine=engine, **design)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - began < 20  # compilation


@pytest.mark.parametrize("start", [{"initial": [2**24]}, {"initial": [0], "times": (0, 10)}])
def test_more_spines_of_a_dendrite_than_there_are_names(start):
    """Draws of the events engine are keyed by the spine, and the keys of a dendrite come to an end."""
    model = TurnoverModel(("spine",), 2e6, [[0.0]], [5.0])
    given = {"times": (0.0, 0.1), "replicates": 1, **start}
    with pytest.raises(SimulationError, match=r"on a dendrite, and the events engine names 16777216; use engine="):
        simulate(model, engine="events", **given)
    assert simulate(model, engine="sessions", **given)["count"].max() > 0


def test_a_large_number_that_fits_is_right():
    counts = run(TurnoverModel(("spine",), 1e8, [[0.0]], [0.1]), times=(0.0, 10.0))["count"].to_numpy()[0, 0, -1, 0]
    expected = 1e9 * (1 - np.exp(-1.0)) + 5 * np.exp(-1.0)
    assert abs(counts - expected) < 5 * np.sqrt(expected)


def test_spines_that_homeostasis_holds_are_weighed_by_it():
    with pytest.raises(SimulationError, match="spines are expected"):
        run(
            TurnoverModel(("spine",), 1e8, [[0.0]], [1.0]),
            times=(0.0, 1000.0),
            engine="coupled",
            interaction=Interaction(n_star=1e12, homeostasis=50.0),
        )


def test_elimination_that_would_be_drawn_for_ever_is_refused():
    with pytest.raises(SimulationError, match=r"elimination_by_size.most is 1e\+300"):
        EliminationBySize(HeadWidth(0.5, 0.3, 0.1, 2.0), steepness=4.0, most=1e300)


def test_what_is_no_number_has_a_line():
    with pytest.raises(SimulationError, match="give one or more different names"):
        TurnoverModel(3, 1.0, [[0.0]], [0.1])
    with pytest.raises(FitError, match="n0 is 'x'; give whole numbers"):
        counts_log_likelihood(ONE, n0="x", gained=[[1]], lost=[[0]], times=[0, 1])


BLOCK = Start(np.full((1, 10, 1), 100), np.ones((1, 10)))


@pytest.mark.parametrize(
    "traced",
    [
        trace,
        trace_sessions,
        lambda *design, **more: trace_coupled(*design, interaction=Interaction(n_max=1e9), **more),
    ],
)
def test_histories_that_do_not_fit_into_memory_are_refused(traced):
    much = TurnoverModel(("spine",), 1e8, [[0.0]], [100.0])
    with pytest.raises(SimulationError, match=r"spines are to be followed .* allowed are 2.5e\+08"):
        traced(much, BLOCK, [0.0, 1.0], seed=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cohort": {"animals": 10_000, "dendrites_per_animal": 10_000}}, "make the cohort smaller"),
        ({"cohort": {"length_um": 1e9}}, "cohort.length_um is 1000000000.*10000"),
        ({"cohort": {"initial_density_per_um": 1e6}}, "cohort.initial_density_per_um is 1000000.*100"),
        ({"schedule": {"sessions": [float(k) for k in range(30_000)]}}, "schedule.sessions"),
    ],
)
def test_scenarios_without_an_end_are_refused_at_once(changes, words):
    began = time.monotonic()
    with pytest.raises(SynmodelError, match=words) as refused:
        simulate_scenario(load("saline-mouse").updated(**changes), replicates=1, seed=1)
    assert len(str(refused.value)) < 500
    assert time.monotonic() - began < 10
