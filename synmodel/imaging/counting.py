"""What is scored of dendrites, drawn from its law: words of spines (:mod:`.words`), and no spine is followed.

The same law as :func:`synmodel.imaging.observe` of histories, other draws, and no head widths.
"""

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key
from synmodel.core.threads import on_threads
from synmodel.imaging.counting_kernel import tally_words
from synmodel.imaging.detection import Images, Scoring
from synmodel.imaging.words import MOST_SESSIONS, words_of

__all__ = ["Laws", "demand_words", "tallies_of"]

Array = NDArray[np.float64]
_FEWEST_ENTRIES = 1024
_NEVER = 2.0  # no uniform exceeds it
_AT_ONCE = 8  # numbers that are added as one vector


def demand_words(n_session: int) -> None:
    """Refuse more sessions than words are enumerated of.

    Raises
    ------
    SimulationError
        With how many there may be.
    """
    if n_session > MOST_SESSIONS:
        message = (
            f"there are {n_session} sessions, and engine 'counts' takes up to {MOST_SESSIONS}; use 'sessions' or "
            "'events'"
        )
        raise SimulationError(message)


class Laws:
    """The words of the spines of a dendrite as probabilities, by the source of the spines.

    Sources are the classes of the first spines and, for those formed later, the session that scores them first, as a
    drug adds to those of some sessions alone. Words are in the order of their letters, the first session before all:
    scenarios that agree up to a session draw the same letters up to there, and other ones later only where they must.

    Parameters
    ----------
    survival, newborn : (n_interval, K, K) and (n_interval, K) ndarray
        P and gamma of :class:`synmodel.turnover.Propagation`.
    scoring : Scoring
        Its ``miss`` has one entry per class.

    Attributes
    ----------
    scored : (n_word, n_session) ndarray
        1 where a spine is scored, else 0; the first word is that of a spine that no session scores.
    formed : (n_interval,) ndarray
        Mean numbers of spines formed, by the session that scores them first, where formation has multiplier 1.
    cumulated : (K + n_interval, n_word) ndarray
        Probabilities of the words of each source.
    guide : (K + n_interval, n_entry) ndarray
        The first word that a uniform of each of so many equal parts of (0, 1) may have.

    Raises
    ------
    SimulationError
        For more sessions than words are enumerated of.
    """

    def __init__(self, survival: Array, newborn: Array, scoring: Scoring) -> None:
        n_session, n_class = len(newborn) + 1, newborn.shape[1]
        demand_words(n_session)
        each = [words_of(start, survival, newborn, scoring) for start in np.eye(n_class)]
        order = np.lexsort(each[0].scored.T[::-1])
        self.scored = np.concatenate([np.zeros((1, n_session)), each[0].scored[order]])
        old = np.array([words.first[order] for words in each])
        unseen = np.maximum(1.0 - old.sum(axis=1, keepdims=True), 0.0)
        by_first = np.arange(1, n_session)[:, None] == self.scored.argmax(axis=1)[1:]
        new = np.where(by_first, each[0].formed[order], 0.0)
        self.formed = new.sum(axis=1)
        self.cumulated = _cumulated(np.block([[unseen, old], [np.zeros((n_session - 1, 1)), new]]))
        # A power of 2, so that the part in which a uniform lies is found without rounding.
        n_entry = max(_FEWEST_ENTRIES, 2 * len(self.scored))
        begins = np.arange(n_entry) / n_entry
        guide = [np.searchsorted(row, begins, side="right") for row in self.cumulated]
        self.guide = np.array(guide, np.int32)

    def counted(self, reference: int) -> NDArray[np.int32]:
        """(n_word, 5, n_session) what a spine adds to the tallies of :func:`synmodel.imaging.scoring_kernel.score`."""
        now, before = self.scored, np.roll(self.scored, 1, axis=1)
        gained, lost = now * (1 - before), before * (1 - now)
        gained[:, 0] = lost[:, 0] = 0
        again, followed = np.zeros_like(now), np.zeros_like(now)
        if reference > 0:
            new = gained[:, reference, None]
            again[:, reference:] = new * now[:, reference:]
            followed[:, reference:] = new * np.cumprod(now[:, reference:], axis=1)
        return np.stack([now, gained, lost, again, followed], axis=1).astype(np.int32)


def _cumulated(numbers: Array) -> Array:
    """Cumulated shares of rows; behind the last word that occurs no uniform lies."""
    total = numbers.sum(axis=1, keepdims=True)
    sums = np.cumsum(np.divide(numbers, total, out=np.zeros_like(numbers), where=total > 0), axis=1)
    for row, each in zip(sums, numbers, strict=True):
        row[np.flatnonzero(each)[-1] if each.any() else 0 :] = _NEVER
    return sums


def tallies_of(
    laws: Laws,
    initial: NDArray[np.int64],
    scale: Array,
    images: Images,
    first: tuple[int, int],
) -> NDArray[np.int64]:
    """Tallies of dendrites, as of :func:`synmodel.imaging.scoring_kernel.score`.

    Parameters
    ----------
    laws : Laws
        Of their spines.
    initial : (replicate, dendrite, class) ndarray
        Spines at the first session.
    scale : (replicate, dendrite) ndarray
        Multipliers of formation.
    images : Images
        Seed of the draws, and the session whose new spines are followed.
    first : (int, int)
        Numbers of the first replicate and of the first dendrite: draws are keyed by them.

    Returns
    -------
    (5, replicate, dendrite, session) ndarray
        Spines seen, gained, lost, and of those new at the reference session the ones seen and the ones seen ever since.
    """
    counted = laws.counted(images.reference)
    flat = counted.reshape(len(counted), -1)
    width = _AT_ONCE * -(-flat.shape[1] // _AT_ONCE)
    padded = np.zeros((len(flat), width), np.int32)
    padded[:, : flat.shape[1]] = flat
    sums = np.empty((*scale.shape, width), np.int32)
    keys = tuple(stream_key(images.seed, stream) for stream in ("words", "spines formed and scored"))
    tables = (laws.cumulated, laws.guide)
    means = (initial, scale, laws.formed)
    on_threads(tally_words, scale.size, keys, first, means, tables, padded, sums)
    tallies = sums[:, :, : flat.shape[1]].reshape(*scale.shape, *counted.shape[1:])
    return np.ascontiguousarray(np.moveaxis(tallies, 2, 0), np.int64)
