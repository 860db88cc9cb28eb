"""The search from several starts."""

import numpy as np
import pytest
from scipy.optimize import minimize

from synmodel.core.errors import FitError
from synmodel.core.randomness import stream_key
from synmodel.inference.summaries.starts import best_of_starts

KEY = stream_key(1, "starts")


def two_wells(x):
    """Least at 2, where it is -1; another well at -2, where the search begins."""
    return float(np.min([(x[0] - 2) ** 2 - 1, (x[0] + 2) ** 2]))


def search(starts, progress=None, offset=0.0):
    def climb(start):
        end = minimize(two_wells, start, method="Nelder-Mead")
        return float(end.fun) + offset, end

    return best_of_starts(
        climb, np.array([-2.0]), np.array([4.0]), key=KEY, starts=starts, advice="look again", progress=progress
    )


def test_the_best_of_several_starts_is_kept_and_counted():
    told = []
    best, found = search(20, progress=lambda done, of: told.append((done, of)))
    assert best.x[0] == pytest.approx(2.0, abs=1e-3)
    assert 1 < found < 20
    assert told == [(number, 20) for number in range(1, 21)]
    alone, found = search(1)
    assert alone.x[0] == pytest.approx(-2.0, abs=1e-3)
    assert found == 1


def test_without_a_finite_end_it_says_what_to_look_at():
    with pytest.raises(FitError, match="none of 2 starts gave a finite likelihood; look again"):
        search(2, offset=np.inf)
