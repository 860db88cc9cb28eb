"""Every kernel against its slow twin in plain Python."""

import math

import numpy as np
import pytest
import twins
import xarray as xr

from synmodel.core.randomness import stream_key
from synmodel.turnover import EliminationBySize, HeadWidth, Interaction, TurnoverModel, propagate, simulate
from synmodel.turnover.hazards import folds_between
from synmodel.turnover.tables import conditional_of

TIMES = [-3.0, -1.0, 1.0, 3.0, 12.0]
MODELS = {
    "chain": (
        TurnoverModel(("F", "T", "M"), 2.0, [[0, 0.5, 0], [0, 0, 0.1], [0, 0.02, 0]], [1.5, 0.15, 0.005]),
        (2, 6, 9),
    ),
    "every switch": (
        TurnoverModel(
            ("a", "b", "c"),
            (2.0, 0.3, 0.1),
            [[0, 0.5, 0.05], [0.03, 0, 0.1], [0.01, 0.02, 0]],
            [1.5, 0.15, 0.0],
            formation_trend=0.02,
        ),
        (3, 5, 7),
    ),
    "one class": (TurnoverModel(("spine",), 1.3, [[0]], [0.1]), (12,)),
}
DRIVES = {
    "no drug": None,
    "pulse": xr.Dataset(
        {
            "formation": ("time", [1.0, 3.2, 1.7, 0.4]),
            "maturation": ("time", [1.0, 2.0, 0.0, 1.0]),
            "elimination": ("time", [1.0, 0.4, 0.0, 1.3]),
        },
        {"time": [-2.0, 0.0, 0.7, 4.0]},
    ),
}
LENGTHS = [1.0, 0.4]
REPLICATES = 6


@pytest.fixture(params=MODELS)
def case(request):
    return MODELS[request.param]


@pytest.fixture(params=DRIVES)
def drive(request):
    return DRIVES[request.param]


def compare(case, drive, engine, twin, **more):
    """Every dendrite of a few replicates."""
    model, start = case
    out = simulate(
        model,
        initial=list(start),
        times=TIMES,
        replicates=REPLICATES,
        dendrites=2,
        length_um=LENGTHS,
        drive=drive,
        seed=3,
        engine=engine,
        **more,
    )
    key = [int(word) for word in stream_key(3, "turnover")]
    for r in range(REPLICATES):
        for d, scale in enumerate(LENGTHS):
            for name, values in zip(("count", "gained", "lost"), twin(key, r, d, start, scale), strict=True):
                np.testing.assert_array_equal(out[name].to_numpy()[r, d], values)


def test_sessions(case, drive):
    steps = propagate(case[0], np.array(TIMES), drive)
    rows = conditional_of(steps).tolist(), steps.newborn.tolist()
    compare(case, drive, "sessions", lambda *who: twins.sessions(*who, *rows))


def test_events(case, drive):
    folds = folds_between(case[0], np.array(TIMES), drive)

    def twin(*who):
        tally = twins.events(*who, case[0], folds, TIMES)
        return tally.count, tally.gained, tally.lost

    compare(case, drive, "events", twin)


def test_events_whose_elimination_falls_with_size(case, drive):
    """One change of head size, so that the path of its mean is a formula."""
    elimination_by_size = EliminationBySize(
        HeadWidth(median_um=0.5, log_sd=0.4, reversion=0.15, response=1.5), steepness=4.0, most=5.0
    )
    head_size = xr.Dataset({"head_size": ("time", [1.4])}, {"time": [-1.5]})
    together = head_size if drive is None else drive.assign(head_size=("time", [1.4, 1.4, 1.4, 1.4]))
    begins = float(together["time"][0])
    folds = folds_between(case[0], np.array(TIMES), together)

    def shift(t):
        return math.log(1.4) * (1.0 - math.exp(-1.5 * max(t - begins, 0.0)))

    def twin(*who):
        tally = twins.events(*who, case[0], folds, TIMES, elimination_by_size, shift)
        return tally.count, tally.gained, tally.lost

    compare(case, together, "events", twin, elimination_by_size=elimination_by_size)


BOUND = {"n_max": 30.0, "n_star": 14.0, "homeostasis": 2.0}


@pytest.mark.parametrize("given", [None, BOUND, {**BOUND, "batch": 3}], ids=["free", "bound", "batches"])
def test_coupled(case, drive, given):
    folds = folds_between(case[0], np.array(TIMES), drive)

    def twin(key, r, d, start, scale):
        limits = (
            {name: each * scale if name.startswith("n_") else each for name, each in given.items()} if given else {}
        )
        return twins.coupled(key, r, d, start, scale, case[0], folds, TIMES, Interaction(**limits))

    compare(case, drive, "coupled", twin, interaction=Interaction(**given) if given else None)
