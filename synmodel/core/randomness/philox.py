"""Philox4x32-10: a random number as a function of a key and a counter.

Ten rounds of two 32 x 32 -> 64 bit products turn a counter of four 32-bit words under a key of two into four
words that pass the BigCrush battery. No state is carried: which thread asks, and in which order, cannot
matter. All words are held in ``uint64``, whose products never overflow, so that interpreted and compiled code
agree bit for bit.

References
----------
Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as easy as 1, 2, 3. SC'11,
doi:10.1145/2063384.2063405. The test vectors are those of the authors' Random123 library.
"""

import numpy as np

from synmodel.core.compiled import allocating_nothing, inlined

__all__ = ["count_present", "fill_present", "philox4x32", "uniform", "uniform_pair"]

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_TAKE_26 = np.uint64(6)
_UP_26 = np.uint64(26)
_STEP = 2.0**-52


@inlined
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words (as uint64) for a counter c0..c3 and a key k0, k1 (uint64 below 2**32)."""
    # Counters and keys are below 2**32 already; told so, the compiler multiplies half words, at a third of the cost.
    c0, c2 = c0 & _MASK, c2 & _MASK
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (
            (product_1 >> _SHIFT) ^ c1 ^ k0,
            product_1 & _MASK,
            (product_0 >> _SHIFT) ^ c3 ^ k1,
            product_0 & _MASK,
        )
        k0 = (k0 + _WEYL_0) & _MASK
        k1 = (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


@inlined
def uniform_pair(k0, k1, c0, c1, c2, c3):
    """Two uniforms in the open interval (0, 1), each of 52 bits; key words are uint64, counters integers."""
    w0, w1, w2, w3 = philox4x32(np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3), k0, k1)
    first = ((w0 >> _TAKE_26) << _UP_26) | (w1 >> _TAKE_26)
    second = ((w2 >> _TAKE_26) << _UP_26) | (w3 >> _TAKE_26)
    # Half a step up keeps 0 and 1 out; 52 bits and the half fit a double exactly.
    return (np.float64(first) + 0.5) * _STEP, (np.float64(second) + 0.5) * _STEP


@inlined
def uniform(k0, k1, c0, c1, c2, c3):
    """One uniform in (0, 1): the first of :func:`uniform_pair`."""
    first, _ = uniform_pair(k0, k1, c0, c1, c2, c3)
    return first


@allocating_nothing
def count_present(begin, end, classes, width, first, n):
    """Fill ``n`` with how many of the classes of each group of rows are not negative; rows of ``width`` lie in one.

    Group d, from ``begin`` up to ``end``, has the rows from ``first[d]`` up to ``first[d + 1]``.
    """
    for d in range(begin, end):
        present = 0
        for i in range(np.uint64(first[d] * width), np.uint64(first[d + 1] * width)):
            present += 1 if classes[i] >= 0 else 0
        n[d] = present


@allocating_nothing
def name_present(word, classes, names):
    """Fill ``names`` with word[i] * 2**32 + k where classes[i, k] is not negative; returns how many there are."""
    n = np.uint64(0)
    for i in range(classes.shape[0]):
        name = np.uint64(word[i]) << _SHIFT
        for k in range(classes.shape[1]):
            # Written in any case and kept if it is needed: a branch could not be predicted.
            names[n] = name | np.uint64(k)
            n += np.uint64(1) if classes[i, k] >= 0 else np.uint64(0)
    return np.int64(n)


@allocating_nothing
def fill_named(k0, k1, c0, c1, n, names, out):
    """Fill ``out`` with the uniforms of (c0, c1) and the first n names, the last two words of their counters."""
    first, second = np.uint64(c0), np.uint64(c1)
    for q in range(n):
        out[q] = uniform(k0, k1, first, second, names[q] >> _SHIFT, names[q] & _MASK)


@allocating_nothing
def fill_present(k0, k1, c0, c1, word, classes, names, out):
    """Fill ``out`` with the uniforms of (c0, c1, word[i], k) where classes[i, k] is not negative, as vectors.

    They follow one another by i, then k; returns how many there are. Of each ``names`` (classes.size + 1) keeps
    word[i] * 2**32 + k.
    """
    # Functions of their own, as in one the second loop does not become vectors.
    n = name_present(word, classes, names)
    fill_named(k0, k1, c0, c1, n, names, out)
    return n
