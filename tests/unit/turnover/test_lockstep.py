"""Kernels in lockstep leave out what a model lacks, and keep the bits of the plain loop."""

import numba
import numpy as np
import pytest
import xarray as xr

from synmodel.core.compiled import wide_vectors
from synmodel.turnover import Interaction, TurnoverModel, simulate
from synmodel.turnover.hazards import folds_between
from synmodel.turnover.simulator import course_of, moves_of

CHAIN = TurnoverModel(("F", "T", "M"), 2.0, [[0, 0.5, 0], [0, 0, 0.1], [0, 0.02, 0]], [1.5, 0.15, 0.005])
LEAPING = TurnoverModel(
    ("a", "b", "c", "d"),
    [0.4, 0.0, 0.7, 0.0],
    [[0, 0.3, 0, 0.1], [0, 0, 0.2, 0], [0, 0, 0, 0.1], [0.1, 0, 0, 0]],
    [0.6, 0.2, 0.1, 0.0],
)
ALONE = TurnoverModel(("spine",), 1.5, [[0.0]], [0.2])
DYING = TurnoverModel(("a", "b"), [0.0, 0.0], [[0, 0], [0.3, 0]], [0.2, 0.1])
"""With its births up to the last class, and the farthest switches forward and backward: what is compiled."""
MOVES = {"chain": (CHAIN, 1, 1, 1), "leaping": (LEAPING, 3, 3, 3), "alone": (ALONE, 1, 0, 0), "dying": (DYING, 0, 0, 1)}


def drive(*folds):
    """Folds that change twice a day, so that borders are about as many as events."""
    days = np.arange(0.0, 6.0, 0.5)
    return xr.Dataset({fold: ("time", 1.0 + 0.5 * np.sin(days + k)) for k, fold in enumerate(folds)}, {"time": days})


@pytest.mark.parametrize("name", MOVES)
def test_only_what_a_model_has_is_compiled(name):
    model, *lengths = MOVES[name]
    days = np.array([0.0, 1.0])
    moves = moves_of(course_of(model, folds_between(model, days, None), days, batch=1))
    assert [len(each) for each in moves] == [len(model.classes), *lengths]


@pytest.mark.parametrize("folds", [(), ("formation",), ("formation", "maturation", "elimination")])
@pytest.mark.parametrize("acting", [{}, {"n_max": 30}, {"n_star": 12, "homeostasis": 1.5}], ids=str)
@pytest.mark.parametrize("name", MOVES)
def test_lockstep_gives_the_bits_of_the_plain_loop(name, acting, folds):
    """Where what came and went is counted too, the plain loop runs."""
    model = MOVES[name][0]
    given = {
        "initial": [4] * len(model.classes),
        "times": [0.0, 0.5, 2.25, 6.0],
        "drive": drive(*folds) if folds else None,
        "interaction": Interaction(**acting) if acting else None,
        "replicates": 150,
        "dendrites": 2,
        "engine": "coupled",
        "seed": 3,
    }
    fast, plain = simulate(model, **given), simulate(model, **given, transient=True)
    for each in ("count", "gained", "lost"):
        np.testing.assert_array_equal(fast[each], plain[each])


def test_wide_vectors_concern_one_function_and_no_value():
    def wide(x):
        wide_vectors()
        for i in range(x.size):
            x[i] = x[i] * 3.0 + 1.0

    def plain(x):
        for i in range(x.size):
            x[i] = x[i] * 3.0 + 1.0

    seen, codes = [], []
    for function in (wide, plain):
        x = np.linspace(0.0, 1.0, 37)
        compiled = numba.njit(function)  # not kept on disk, as what is kept has no code to read
        compiled(x)
        seen.append(x)
        codes.extend(getattr(compiled, "inspect_llvm", dict)().values())
    np.testing.assert_array_equal(*seen)
    if codes:  # none where nothing is compiled
        assert ['"prefer-vector-width"="512"' in code for code in codes] == [True, False]
