"""From a seed to streams of keyed random numbers.

A draw is a function of (seed, stream, replicate, dendrite, spine or interval, decision). The seed and the name
of the stream make a 64-bit key; the rest is the counter of Philox4x32-10. Hence

* the same seed gives the same bits for any number of threads or workers,
* replicate 7 is the same whether 8 or 8 million replicates are run,
* two scenarios with one seed share their draws and differ only by what the drug does.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError

__all__ = ["checked_seed", "generator_of", "stream_key", "uniform_array"]

_MAX_SEED = 2**64
_DRAWS = 8192
"""Draws that are worth a thread."""


def checked_seed(seed: int) -> int:
    """``seed`` itself if it is an integer from 0 to 2**64 - 1.

    Raises
    ------
    SimulationError
        For anything else; there is no hidden default.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < _MAX_SEED:
        message = f"seed is {seed!r}; it must be an integer from 0 to 2**64 - 1"
        raise SimulationError(message)
    return int(seed)


def stream_key(seed: int, stream: str) -> NDArray[np.uint64]:
    """Key of a named stream.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : str
        What is drawn, for instance ``"turnover"`` or ``"detection"``. Streams of one seed are independent.

    Returns
    -------
    (2,) ndarray of uint64
        Two 32-bit words.
    """
    address = (zlib.crc32(stream.encode()),)
    sequence = np.random.SeedSequence(checked_seed(seed), spawn_key=address)
    return sequence.generate_state(2, np.uint32).astype(np.uint64)


def generator_of(seed: int, stream: str) -> np.random.Generator:
    """Generator of a named stream, for libraries that draw on their own or spawn generators from it."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(stream_key(seed, stream).tolist())))


def uniform_array(key: NDArray[np.uint64], *counters: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Uniforms in (0, 1) for arrays of up to four counters, broadcast against each other.

    Examples
    --------
    >>> u = uniform_array(stream_key(1, "doc"), np.arange(3), 0)
    >>> bool(np.all(u == uniform_array(stream_key(1, "doc"), np.arange(5), 0)[:3]))
    True
    """
    from synmodel.core.randomness._arrays import fill_uniform
    from synmodel.core.threads import on_threads

    words = [*counters, 0, 0, 0, 0][:4]
    shape = np.broadcast_shapes(*(np.shape(word) for word in words))
    # Copies, as for arrays that may not be written to the loop would be compiled a second time.
    flat = [np.array(np.broadcast_to(word, shape), np.int64).ravel() for word in words]
    out = np.empty(flat[0].size)
    on_threads(fill_uniform, out.size, key, *flat, out, block=_DRAWS)
    return out.reshape(shape)
