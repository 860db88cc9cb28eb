"""Births: points of a Poisson process on (time, height), and the words by which draws know spines.

Strip s holds heights s to s + 1 and is filled at the baseline rate from the first session on; a point counts if its
height lies below the fold. So a drug adds spines to those of the control and moves none of them.

The counter of a draw is (replicate, dendrite, spine, decision). A spine's word is its number among the first spines, or
2**30 + strip * 2**24 + its number within the strip.
"""

import numpy as np

from synmodel.core.compiled import allocating_nothing, inlined, wide_vectors
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.clocks import cell_of
from synmodel.turnover.kernels.elementary import log
from synmodel.turnover.kernels.moves import BATCH, pick, whole_vectors

__all__ = ["LARGEST_FOLD", "born_alike", "born_word", "class_at_birth", "draw_points", "is_born"]

LARGEST_FOLD = 128
_ARRIVAL = 0
_CLASS_AT_BIRTH = 1
_FIRST_BORN = 1 << 30
_STRIP = 1 << 24


@inlined
def is_born(real, whole, hazards, strip, u_height, t):  # type: ignore[no-untyped-def]
    """Whether a point lies below the fold of births."""
    full = real[hazards.strip_full + strip] > 0.0
    return full or strip + u_height < real[hazards.formation.value + cell_of(real, whole, hazards.formation.day, t)]


@inlined
def born_word(strip, number):  # type: ignore[no-untyped-def]
    """Counter word of a spine born as a point of a strip."""
    return _FIRST_BORN + strip * _STRIP + number


@inlined
def born_alike(real, hazards):  # type: ignore[no-untyped-def]
    """Whether every spine is born into the first class."""
    return real[hazards.births] == real[hazards.births + hazards.n_class - 1]


@allocating_nothing
def class_at_birth(k0, k1, c0, c1, spine, real, hazards):  # type: ignore[no-untyped-def]
    """Class of a newborn spine."""
    if born_alike(real, hazards):
        return 0
    u, _ = uniform_pair(k0, k1, c0, c1, spine, _CLASS_AT_BIRTH)
    return pick(real, hazards.births, hazards.n_class, u)


@allocating_nothing
def draw_points(k0, k1, c0, c1, n, strip, number, rate, draws):  # type: ignore[no-untyped-def]
    """Waits [day] and heights of n points of a strip, ``rate`` per day, from point ``number`` on, as vectors."""
    wide_vectors()
    a, b, first = np.uint64(c0), np.uint64(c1), np.uint64(born_word(strip, number))
    for i in range(whole_vectors(n)):
        draws[i], draws[BATCH + i] = uniform_pair(k0, k1, a, b, first + np.uint64(i), np.uint64(_ARRIVAL))
    for i in range(whole_vectors(n)):
        draws[i] = -log(draws[i]) / rate
