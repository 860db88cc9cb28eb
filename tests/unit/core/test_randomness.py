"""Streams: published vectors, seeds, addresses."""

import numpy as np
import pytest
from scipy.special import ndtri

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.randomness.normal import fill_normal
from synmodel.core.randomness.philox import count_present, fill_present, philox4x32, uniform_pair


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_philox_gives_the_published_vectors(counter, key, words):
    """Known answers of the Random123 library (Salmon et al. 2011) for philox4x32-10."""
    given = [np.uint64(word) for word in (*counter, *key)]
    assert tuple(int(word) for word in philox4x32(*given)) == words


def test_uniforms_use_all_words():
    key = stream_key(3, "doc")
    first, second = uniform_pair(key[0], key[1], 1, 2, 3, 4)
    words = [int(w) for w in philox4x32(*(np.uint64(c) for c in (1, 2, 3, 4)), key[0], key[1])]
    assert first == (((words[0] >> 6) << 26 | words[1] >> 6) + 0.5) / 2**52
    assert second == (((words[2] >> 6) << 26 | words[3] >> 6) + 0.5) / 2**52


def test_streams_and_seeds_differ():
    keys = {
        tuple(stream_key(seed, name).tolist()) for seed in range(50) for name in ("turnover", "detection", "length")
    }
    assert len(keys) == 150


def test_an_array_is_addressed_not_ordered():
    key = stream_key(5, "doc")
    whole = uniform_array(key, np.arange(6)[:, None], np.arange(4), 7)
    assert whole.shape == (6, 4)
    assert whole[4, 2] == uniform_array(key, 4, 2, 7)
    assert np.array_equal(whole[::-1], uniform_array(key, np.arange(6)[::-1, None], np.arange(4), 7))


@pytest.mark.parametrize(("replicate", "dendrite"), [(0, 3), (2**31 - 1, 2**31 - 2)])
def test_uniforms_of_what_is_there_are_those_of_all(replicate, dendrite):
    key, rng = stream_key(5, "doc"), np.random.default_rng(1)
    classes = rng.integers(-1, 2, (9, 5)).astype(np.int8)
    classes[3] = -1
    word = rng.integers(0, 2**31, 9)
    found, names = np.zeros(classes.size), np.empty(classes.size + 1, np.uint64)
    n = fill_present(key[0], key[1], replicate, dendrite, word, classes, names, found)
    every = uniform_array(key, replicate, dendrite, word[:, None], np.arange(5))
    assert n == (classes >= 0).sum()
    first, counted = np.array([0, 1, 1, len(classes)]), np.zeros(3, np.int64)
    count_present(0, 3, classes.ravel(), classes.shape[1], first, counted)
    assert counted.tolist() == [(classes[:1] >= 0).sum(), 0, (classes[1:] >= 0).sum()]
    np.testing.assert_array_equal(found[:n], every[classes >= 0])
    np.testing.assert_array_equal(names[:n], (word[:, None] * 2**32 + np.arange(5))[classes >= 0])


def test_normal_variates_are_those_of_scipy():
    """To the last bit: the same operations in the same order, at borders of the approximations and in far tails."""
    near = np.exp(-2.0) + np.arange(-1000, 1000) * 2.0**-54
    small = np.exp(-np.linspace(0.1, 36.7, 20_000))
    grid = (np.arange(30_001) + 0.5) / 30_001
    u = np.concatenate([[2.0**-53, 1 - 2.0**-53], near, 1 - near, small, 1 - small, grid])
    u = u[(u > 0) & (u < 1)]
    found, room, places = np.empty(u.size), np.empty(u.size), np.empty(u.size, np.uint64)
    fill_normal(u.size, u.copy(), room, places, found)
    np.testing.assert_array_equal(found, ndtri(u))
    fill_normal(3, u.copy(), room, places, found)
    np.testing.assert_array_equal(found[:3], ndtri(u[:3]))


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "one", None, True])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(SimulationError, match=r"seed is .*; it must be an integer from 0"):
        stream_key(seed, "doc")
