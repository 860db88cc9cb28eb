"""Sweeps: any cut of replicates merges to the same summary; chunks hold every cell once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from synmodel.analysis.sweeps.store import _chunk, _regions
from synmodel.analysis.sweeps.work import ROWS, _summary, merged

VALUES = arrays(
    float,
    st.tuples(st.integers(1, 40), st.integers(1, 3)),
    elements=st.one_of(st.floats(-1e3, 1e3, allow_subnormal=False), st.just(np.nan)),
)


@given(VALUES, st.lists(st.integers(1, 39), max_size=5))
def test_any_cut_merges_to_the_whole(values, cuts):
    pieces = np.split(values, sorted({cut for cut in cuts if cut < len(values)}))
    total = merged(_summary(piece, (0.5,), "weibull") for piece in pieces)
    assert total.shape == (ROWS + 1, values.shape[1])
    for column, x in enumerate(values.T):
        known = x[np.isfinite(x)]
        assert total[0, column] == len(known)
        if len(known):
            scale = max(1.0, np.abs(known).max())
            assert abs(total[1, column] - known.mean()) <= 1e-12 * scale
            assert abs(total[2, column] - ((known - known.mean()) ** 2).sum()) <= 1e-11 * scale**2 * len(known)
            assert known.min() - 1e-12 * scale <= total[ROWS, column] <= known.max() + 1e-12 * scale
        else:
            assert np.isnan(total[1:, column]).all()


@given(st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(1, 50))
def test_chunks_hold_every_cell_once_and_in_order(shape, most):
    shape = tuple(shape)
    import synmodel.analysis.sweeps.store as store

    before, store._CHUNK_CELLS = store._CHUNK_CELLS, most
    try:
        chunk = _chunk(shape)
    finally:
        store._CHUNK_CELLS = before
    assert np.prod(chunk) <= most
    number = np.arange(np.prod(shape)).reshape(shape)
    seen = []
    for first, end, region in _regions(shape, chunk):
        inside = number[region].ravel().tolist()
        assert inside == list(range(first, end))
        seen += inside
    assert sorted(seen) == number.ravel().tolist()
