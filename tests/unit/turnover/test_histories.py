"""Rows of histories: births that are drawn once, and head widths beside those of plain arrays."""

import numpy as np
import pytest
from scipy.special import ndtri

from synmodel.core.randomness import stream_key, uniform_array
from synmodel.turnover import HeadWidth, TurnoverModel, spines, trace
from synmodel.turnover.start import Start

TIMES = np.array([-2.0, 0.0, 3.0, 4.0, 11.0])
MODEL = TurnoverModel(
    ("filopodium", "thin", "mushroom"),
    (2.0, 0.3, 0.0),
    [[0, 0.5, 0.05], [0.03, 0, 0.1], [0, 0.02, 0]],
    [1.5, 0.15, 0.005],
)
INITIAL, SCALE = np.array([[[3, 4, 300], [0, 0, 0], [2, 0, 9]]] * 5), np.full((5, 3), 2.0)


def test_more_births_than_there_was_room_for_are_drawn_once_more(monkeypatch):
    start = Start(INITIAL, SCALE)
    enough = trace(MODEL, start, TIMES, seed=3)
    calls = []

    def counted(*arguments, draw=spines.list_births):
        calls.append(1)
        draw(*arguments)

    monkeypatch.setattr(spines, "list_births", counted)
    assert trace(MODEL, start, TIMES, seed=3).identical(enough)
    assert len(calls) == 1
    monkeypatch.setattr(spines, "_SPARE", 0.0)
    assert trace(MODEL, start, TIMES, seed=3).identical(enough)
    assert len(calls) == 3


@pytest.mark.parametrize("empty", [False, True])
def test_widths_follow_their_law_spine_by_spine(empty):
    """ln w is a stationary Ornstein-Uhlenbeck process from the first session at which a spine is there."""
    law = HeadWidth(0.5, 0.4, 0.1, 2.0)
    start = Start(INITIAL * (not empty), SCALE * (not empty))
    found = trace(MODEL, start, TIMES, seed=3, head_width=law, first=(7, 2))
    z = ndtri(
        uniform_array(
            stream_key(3, "head width"),
            *(found[name].to_numpy()[:, None] for name in ("replicate", "dendrite", "spine_key")),
            np.arange(len(TIMES)),
        )
    )
    kept = np.exp(-law.reversion * np.diff(TIMES, prepend=TIMES[0]))
    deviation = np.full(z.shape, np.nan)
    for s, path in enumerate(found["spine_class"].to_numpy()):
        for k in np.flatnonzero(path >= 0):
            was = k > 0 and path[k - 1] >= 0
            fresh = law.log_sd * z[s, k]
            deviation[s, k] = kept[k] * deviation[s, k - 1] + np.sqrt(1 - kept[k] ** 2) * fresh if was else fresh
    assert empty or np.isfinite(deviation).sum() > 1000
    np.testing.assert_allclose(found["head_width"], law.median_um * np.exp(deviation), rtol=1e-12)
