"""Records of dendrites as the likelihood takes them: runs, those that explain one record side by side.

Dendrites that share the sessions at which they were imaged form a *block*; over a session that was skipped the courses
are joined. A record of counts is a run. A record of fractions is a sum over the runs that explain it, each weighted by
what the densities say: a run with N spines at a session of density rho has there a length N / rho. Lengths of a study
are log-normal, so a priori

    P(N | rho) = phi((log(N / rho) - log median) / spread) / (N Z),    Z the sum over N = 1 ... most_spines,

and the change of log length from session to session has Student's distribution with two degrees of freedom and a scale
that the study tells (:func:`synmodel.inference.likelihood.tail.length_changes`). All three numbers are parameters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.data.explanations import OPEN, Piece
from synmodel.data.options import MOST_SPINES
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.evidence import Evidence, Mixture, evidence_of, joined, together
from synmodel.inference.likelihood.lengths import log_changes, log_starts
from synmodel.inference.likelihood.prepared import Prepared
from synmodel.inference.likelihood.runs import Runs
from synmodel.inference.likelihood.tail import NORM_T2

__all__ = ["Block", "LengthLaw", "Lengths", "blocks_of", "evidence_of_blocks"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
_LOG_NUMBERS = np.log(np.arange(1, MOST_SPINES + 1))
_LOG_NORM = np.log(NORM_T2)


class LengthLaw(NamedTuple):
    """How long the dendrites of a study are.

    Attributes
    ----------
    median_um : float
    spread : float
        Standard deviation of the log length between dendrites.
    change : float
        Scale of the change of the log length from session to session.
    """

    median_um: float
    spread: float
    change: float


@dataclass(frozen=True, eq=False)
class Lengths:
    """What densities say of the runs that explain records of fractions.

    Attributes
    ----------
    start : (run,) ndarray
        log(N / density) at the first session.
    log_n : (run,) ndarray
        log N there.
    change : (run, interval) ndarray
        Changes of log(N / density), NaN where a number or a density is not known.
    density : (record,) ndarray
        At the first session [1/um].
    """

    start: Array
    log_n: Array
    change: Array
    density: Array

    def log_prior(self, record: Integers, law: LengthLaw) -> Array:
        """(run,) log-probability of the number at the start, and log-density of the changes of length."""
        out = np.empty(len(self.start))
        of_all = float(np.log(law.median_um)), float(law.spread)
        log_starts(self._log_lengths, _LOG_NUMBERS, (self.start, self.log_n), record, of_all, out)
        log_changes(self.change, float(law.change), float(_LOG_NORM + np.log(law.change)), out)
        return out

    @cached_property
    def _log_lengths(self) -> Array:
        """(record, number) logarithms of the lengths that numbers of spines imply."""
        return _LOG_NUMBERS - np.log(self.density)[:, None]

    def log_prior_slopes(self, record: Integers, law: LengthLaw) -> Array:
        """(run, 3) slopes of :meth:`log_prior` in median, spread and scale of the changes."""
        log_median = np.log(law.median_um)
        distance = (self._log_lengths - log_median) / law.spread
        share = np.exp(-0.5 * (distance**2 - (distance**2).min(axis=1, keepdims=True)) - _LOG_NUMBERS)
        share /= share.sum(axis=1, keepdims=True)
        own = (self.start - log_median) / law.spread
        in_median = (own - (share * distance).sum(axis=1)[record]) / (law.spread * law.median_um)
        in_spread = (own**2 - (share * distance**2).sum(axis=1)[record]) / law.spread
        u = self.change / law.change
        in_change = (3.0 * 0.5 * u * u / (1.0 + 0.5 * u * u) - 1.0) / law.change
        return np.column_stack([in_median, in_spread, np.where(np.isfinite(u), in_change, 0.0).sum(axis=1)])


@dataclass(frozen=True, eq=False)
class Block:
    """Records of dendrites that were imaged at the same sessions.

    Attributes
    ----------
    keep : (k + 1,) ndarray of int
        Their sessions, among those of the arm.
    runs : Runs
        On these sessions.
    record : (run,) ndarray of int
        Record that each run explains, ascending from 0.
    dendrite : (record,) ndarray of int
        Dendrite of each record.
    scale : (run,) ndarray
        Length of the dendrite [um], its mean over sessions; multiplies births.
    lengths : Lengths or None
        None where spines were counted.
    """

    keep: Integers
    runs: Runs
    record: Integers
    dendrite: Integers
    scale: Array
    lengths: Lengths | None

    @cached_property
    def prepared(self) -> Prepared:
        """The runs, ready to be asked about."""
        return Prepared(self.runs, self.scale, self.record)

    @property
    def n_intervals(self) -> int:
        """Intervals of records."""
        first = np.flatnonzero(np.diff(self.record, prepend=-1))
        return int((self.runs.stop - self.runs.first)[first].sum())

    def without(self, dendrite: Integers) -> "Block":
        """The block without the records of some dendrites."""
        return self._of(~np.isin(self.dendrite, dendrite))

    def by_completeness(self) -> tuple["Block", "Block"]:
        """The records of which every gain and loss is known, and the others."""
        open_ = np.zeros(len(self.dendrite), bool)
        open_[self.record[self.runs.partial]] = True
        return self._of(~open_), self._of(open_)

    def _of(self, of_record: NDArray[np.bool_]) -> "Block":
        """Some of the records."""
        rows = of_record[self.record]
        number = np.cumsum(of_record) - 1
        lengths = self.lengths
        if lengths is not None:
            lengths = Lengths(
                lengths.start[rows], lengths.log_n[rows], lengths.change[rows], lengths.density[of_record]
            )
        return Block(
            self.keep, self.runs.take(rows), number[self.record[rows]], self.dendrite[of_record], self.scale[rows],
            lengths,
        )  # fmt: skip

    def arrays(self) -> list[NDArray[np.generic]]:
        """All that the likelihood of the block depends on."""
        law = [] if self.lengths is None else [self.lengths.start, self.lengths.change, self.lengths.density]
        runs = [each for each in self.runs if each is not None]
        return [self.keep, self.record, self.dendrite, self.scale, *runs, *law]


def blocks_of(pieces: Iterable[tuple[int, Piece]], length_um: Array, n_session: int, density: float) -> list[Block]:
    """Blocks of pieces of dendrites.

    Parameters
    ----------
    pieces : iterable of (dendrite, Piece)
        Numbers that explain records.
    length_um : (dendrite,) ndarray
        Mean length of each dendrite whose spines were counted.
    n_session : int
        Of the arm.
    density : float
        [1/um] in place of one that is not known at the start of a piece of fractions: that of the study.
    """
    groups: dict[tuple[bool, tuple[int, ...]], list[tuple[int, Piece]]] = {}
    for dendrite, piece in pieces:
        gaps = np.any(np.diff(piece.sessions) > 1)
        keep = piece.sessions.tolist() if gaps else range(n_session)
        groups.setdefault((piece.counted, tuple(keep)), []).append((dendrite, piece))
    return [
        _block(np.array(keep, np.int64), members, length_um, density)
        for (_, keep), members in sorted(groups.items(), key=lambda item: (not item[0][0], len(item[0][1])))
    ]


def _block(keep: Integers, members: Sequence[tuple[int, Piece]], length_um: Array, density: float) -> Block:
    each = [len(piece.n) for _, piece in members]
    record = np.repeat(np.arange(len(members)), each)
    dendrite = np.array([number for number, _ in members], np.int64)
    first = np.array([int(np.searchsorted(keep, piece.sessions[0])) for _, piece in members])
    stop = first + np.array([len(piece.sessions) - 1 for _, piece in members])
    n = np.concatenate([piece.n for _, piece in members])
    width = len(keep) - 1
    tables = {
        name: np.concatenate(
            [_placed(getattr(piece, name), width, at, blank) for (_, piece), at in zip(members, first, strict=True)]
        )
        for name, blank in (("gained", 0), ("lost", 0), ("at_end", OPEN))
    }
    densities = np.concatenate(
        [
            _placed(np.repeat(piece.density[None], len(piece.n), axis=0), width + 1, at, np.nan)
            for (_, piece), at in zip(members, first, strict=True)
        ]
    )
    runs = Runs(n, tables["gained"], tables["lost"], first[record], stop[record], tables["at_end"], densities)
    if members[0][1].counted:
        return Block(keep, runs._replace(density=None), record, dendrite, length_um[dendrite][record], None)
    scale, lengths = _lengths(runs, record, density)
    return Block(keep, runs, record, dendrite, scale, lengths)


def _placed(table: NDArray[np.generic], width: int, at: int, blank: float) -> NDArray[np.generic]:
    """Columns of a table from column ``at`` on, among ``width``."""
    out = np.full((len(table), width), blank, table.dtype)
    out[:, at : at + table.shape[1]] = table
    return out


def _lengths(runs: Runs, record: Integers, density: float) -> tuple[Array, Lengths]:
    """Mean length of every run, and what is needed for its prior."""
    assert runs.at_end is not None
    assert runs.density is not None
    rows = np.arange(len(runs.n))
    count = np.full(runs.density.shape, np.nan)
    count[:, 1:] = np.where(runs.inside & (runs.at_end > 0), runs.at_end, np.nan)
    count[rows, runs.first] = runs.n
    at_start = runs.density[rows, runs.first]
    at_start = np.where(at_start > 0, at_start, density)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.where(runs.density > 0, count / runs.density, np.nan)
    length[rows, runs.first] = runs.n / at_start
    known = np.isfinite(length)
    mean = np.where(known, length, 0.0).sum(axis=1) / known.sum(axis=1)
    log_length = np.log(length)
    of_record = np.flatnonzero(np.diff(record, prepend=-1))
    return mean, Lengths(
        np.log(runs.n / at_start), np.log(runs.n), np.diff(log_length, axis=1), at_start[of_record]
    )  # fmt: skip


def evidence_of_blocks(
    blocks: Sequence[Block], courses: Courses, law: LengthLaw | None = None
) -> tuple[Evidence, Integers]:
    """What all records say, and the dendrite of each.

    Parameters
    ----------
    blocks : sequence of Block
    courses : Courses
        Between all sessions of the arm.
    law : LengthLaw, optional
        Needed where a block holds fractions.
    """
    pieces = []
    for block in blocks:
        full = len(block.keep) == courses.composition.shape[1]
        steps = courses if full else joined(courses, block.keep)
        mixture = None
        if block.lengths is not None and law is not None:
            sigma = np.full(len(block.record), law.change)
            mixture = Mixture(block.lengths.log_prior(block.record, law), sigma)
        pieces.append(evidence_of(block.prepared, steps, mixture))
    return together(pieces), np.concatenate([block.dendrite for block in blocks])
