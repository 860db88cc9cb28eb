"""The same seed gives the numbers of earlier versions."""

import json

import numpy as np
import pytest
import regenerate

GOLDEN = json.loads(regenerate.PATH.read_text())
MOVED = (
    "the same seed gives other numbers; if that is meant, run `python tests/golden/regenerate.py` and say so under "
    "Numerics in CHANGELOG.md"
)


@pytest.fixture(scope="module")
def now():
    return json.loads(json.dumps(regenerate.values()))


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_seeded_values(now, name):
    if name.endswith(("count", "gained", "counts")):
        assert now[name] == GOLDEN[name], MOVED
    else:
        np.testing.assert_allclose(np.array(now[name], float), np.array(GOLDEN[name], float), rtol=1e-9, err_msg=MOVED)


def test_nothing_is_left_out(now):
    assert now.keys() == GOLDEN.keys()
