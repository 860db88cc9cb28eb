"""What may have been on a dendrite: whole numbers that explain its record, in pieces where no numbers explain it all.

A laboratory counts spines, or publishes fractions of a number that it does not say. Either way a likelihood needs whole
numbers: spines at a session, gained and lost since. Here a record becomes *pieces* of neighbouring sessions, each with
all its *explanations*; a likelihood sums over them.

* Counts explain themselves. What was not recorded stays open (-1), or follows from the rest.
* Fractions are explained by every number of spines at the first session that makes all gains and losses whole, each
  from the number that the last interval left. If none does, the record is cut where the chain breaks: two pieces, and
  nothing is lost but the link. If an interval has no explanation even alone, the two fractions may be of numbers that
  differ by up to :data:`MOST_APART` spines, or be rounded to the digits that are shown; and if that does not help, its
  gains and losses stay open, and the densities alone speak.
* A session with a density alone has an open number: the density says how likely each is. A piece of densities alone
  is left out: with no gain or loss to tell the number of spines, it says next to nothing of rates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.data.options import MOST_SPINES

__all__ = ["MOST_APART", "OPEN", "Piece", "Record", "Remark", "pieces_of", "pieces_of_counts", "pieces_of_fractions"]

Array = NDArray[np.float64]
OPEN = -1
"""In place of a number that was not recorded."""
MOST_APART = 3
"""How far the numbers of spines of two fractions of one interval may be apart, where none explains both."""

Remark = tuple[int, str]
"""Session, and what was done there."""


class Record(NamedTuple):
    """One dendrite, on the sessions of its file; NaN where nothing was recorded.

    Attributes
    ----------
    spine_count, density_per_um, length_um : (session,) ndarray
    gained, lost, formation, elimination : (interval,) ndarray
        Since the last session before at which the dendrite was imaged.
    """

    spine_count: Array
    gained: Array
    lost: Array
    formation: Array
    elimination: Array
    density_per_um: Array
    length_um: Array

    @property
    def told_by_fractions(self) -> bool:
        """Whether fractions are all there is: numbers that were found from them come without lengths."""
        fractions = np.isfinite(self.formation).any() or np.isfinite(self.elimination).any()
        counted = np.isfinite(self.spine_count).any() and np.isfinite(self.length_um).any()
        return bool(fractions and not counted)

    @property
    def imaged(self) -> NDArray[np.bool_]:
        """(session,) whether anything but a length was recorded."""
        known = np.isfinite(self.spine_count)
        for each in (self.gained, self.lost):
            known[1:] |= np.isfinite(each)
        if not self.told_by_fractions:
            return known
        known |= np.isfinite(self.density_per_um)
        for each in (self.formation, self.elimination):
            known[1:] |= np.isfinite(each)
        # The session before the first fractions: they are fractions of its spines.
        first = int(known.argmax())
        if first > 0 and np.isfinite([self.formation[first - 1], self.elimination[first - 1]]).any():
            known[first - 1] = True
        return known


@dataclass(frozen=True, eq=False)
class Piece:
    """Neighbouring sessions of a dendrite, and all numbers that explain what was recorded there.

    Attributes
    ----------
    sessions : (k + 1,) ndarray of int
        Positions among the sessions of the file.
    n : (explanation,) ndarray of int
        Spines at the first of them.
    gained, lost, at_end : (explanation, k) ndarray of int
        In each interval, and spines at its end; -1 where open.
    density : (k + 1,) ndarray
        [1/um], NaN where not known.
    counted : bool
        Whether spines were counted, so that the number at the start needs no prior.
    """

    sessions: NDArray[np.int64]
    n: NDArray[np.int64]
    gained: NDArray[np.int64]
    lost: NDArray[np.int64]
    at_end: NDArray[np.int64]
    density: Array
    counted: bool


def pieces_of(
    record: Record, tolerance: tuple[float, float], most_spines: int = MOST_SPINES
) -> tuple[list[Piece], list[Remark]]:
    """Pieces of a record of counts, or of fractions if these are all there is; see :func:`pieces_of_fractions`."""
    if record.told_by_fractions:
        return pieces_of_fractions(record, tolerance, most_spines)
    return list(pieces_of_counts(record)), []


def pieces_of_counts(record: Record) -> Iterator[Piece]:
    """Pieces of a record of counts: cut where count, gains and losses contradict each other."""
    at = np.flatnonzero(record.imaged)
    chain: _Counted | None = None
    for k in at.tolist():
        count = record.spine_count[k]
        now = _whole(count)
        gained, lost = (_whole(each[k - 1]) if k > 0 else OPEN for each in (record.gained, record.lost))
        extended = chain is not None and (
            chain.extend(k, gained, lost, now)
            # Over a skipped session gains and losses may compare with that session, which the file does not have.
            or (k - chain.sessions[-1] > 1 and now >= 0 and chain.extend(k, OPEN, OPEN, now))
        )
        if not extended:
            if chain is not None and len(chain.sessions) > 1:
                yield chain.piece()
            chain = _Counted(k, int(count)) if np.isfinite(count) else None
    if chain is not None and len(chain.sessions) > 1:
        yield chain.piece()


def _whole(value: float) -> int:
    return int(value) if np.isfinite(value) else OPEN


class _Counted:
    """A chain of counts; the number at its end lies between ``low`` and ``high``."""

    def __init__(self, session: int, count: int) -> None:
        self.sessions, self.n, self.steps = [session], count, list[tuple[int, int, int]]()
        self.low, self.high = float(count), float(count)

    def extend(self, session: int, gained: int, lost: int, count: int) -> bool:
        """Append an interval if it can be; says whether."""
        if max(lost, 0) > self.high:
            return False
        # Spines that are left: all but the lost, or any number of those that were there.
        left = (max(self.low - lost, 0.0), self.high - lost) if lost >= 0 else (0.0, self.high)
        low, high = (left[0] + gained, left[1] + gained) if gained >= 0 else (left[0], np.inf)
        if count >= 0:
            if not low <= count <= high:
                return False
            low = high = count
        self.low, self.high = low, high
        self.sessions.append(session)
        self.steps.append((gained, lost, int(low) if low == high else OPEN))
        return True

    def piece(self) -> Piece:
        gained, lost, at_end = np.array(self.steps, np.int64).T[:, None, :]
        blank = np.full(len(self.sessions), np.nan)
        return Piece(np.array(self.sessions), np.array([self.n]), gained, lost, at_end, blank, counted=True)


class _Chain(NamedTuple):
    """Numbers that explain fractions from some session on."""

    n: int
    gained: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    at_end: tuple[int, ...] = ()

    @property
    def now(self) -> int:
        return self.at_end[-1] if self.at_end else self.n

    def then(self, gained: int, lost: int, at_end: int) -> "_Chain":
        return _Chain(self.n, (*self.gained, gained), (*self.lost, lost), (*self.at_end, at_end))


def pieces_of_fractions(
    record: Record, tolerance: tuple[float, float], most_spines: int = MOST_SPINES
) -> tuple[list[Piece], list[Remark]]:
    """Pieces of a record of fractions, and where it was cut, widened or left open.

    Parameters
    ----------
    record : Record
        Known counts, and lengths beside densities, keep those explanations that agree with them.
    tolerance : (float, float)
        Half a unit of the last decimals of formation and elimination.
    most_spines : int
        Most spines at any session.

    Examples
    --------
    >>> nan = np.full(2, np.nan)
    >>> record = Record(nan, nan[:1], nan[:1], np.array([1 / 7]), np.array([2 / 7]), nan, nan)
    >>> pieces_of_fractions(record, (1e-6, 1e-6), 20)[0][0].n.tolist()
    [7, 14]
    """
    found, remarks = list[Piece](), list[Remark]()
    at = np.flatnonzero(record.imaged).tolist()
    if not at:
        return found, remarks
    explain = _Explanations(record, tolerance, most_spines)
    start, chains = 0, explain.starts(at[0])
    for i, k in enumerate(at[1:], start=1):
        longer = explain.extended(chains, k, apart=0)
        if not longer:
            fresh = explain.starts(at[i - 1])
            again = explain.extended(fresh, k, apart=0)
            for apart in range(1, MOST_APART + 1) if not again else ():
                longer = explain.extended(chains, k, apart=apart)
                again = explain.extended(fresh, k, apart=apart)
                if longer or again:
                    remarks.append((k, f"no one number of spines explains both fractions; numbers {apart} apart do"))
                    break
            if not longer and again:
                found.extend(_piece(record, at[start:i], chains))
                remarks.append((at[i - 1], "no one chain of whole numbers explains what came before and after"))
                start, longer = i - 1, again
            if not longer:
                remarks.append((k, "no whole numbers explain the fractions; gains and losses are left open"))
                longer = [chain.then(OPEN, OPEN, OPEN) for chain in chains]
        if longer and not longer[0].at_end[-1] >= 0 and _has_fractions(record, at, i + 1):
            # The next fractions are of a number that is open here.
            found.extend(_piece(record, at[start : i + 1], longer))
            start, longer = i, explain.starts(k)
        chains = longer
    found.extend(_piece(record, at[start:], chains))
    return found, remarks


def _has_fractions(record: Record, at: Sequence[int], i: int) -> bool:
    return i < len(at) and bool(np.isfinite([record.formation[at[i] - 1], record.elimination[at[i] - 1]]).any())


def _piece(record: Record, sessions: Sequence[int], chains: Sequence[_Chain]) -> Iterator[Piece]:
    # Without a single gain or loss any number of spines explains a piece.
    if len(sessions) < 2 or not any(set(chain.gained) | set(chain.lost) != {OPEN} for chain in chains):
        return
    where = np.array(sessions)
    yield Piece(
        where,
        np.array([chain.n for chain in chains], np.int64),
        np.array([chain.gained for chain in chains], np.int64),
        np.array([chain.lost for chain in chains], np.int64),
        np.array([chain.at_end for chain in chains], np.int64),
        density=record.density_per_um[where],
        counted=False,
    )


class _Explanations:
    """Numbers of spines that agree with one record."""

    def __init__(self, record: Record, tolerance: tuple[float, float], most_spines: int) -> None:
        self.record, self.tolerance, self.most_spines = record, tolerance, most_spines

    def starts(self, session: int) -> list[_Chain]:
        """All chains that begin at a session."""
        return [_Chain(n) for n in range(1, self.most_spines + 1) if self._allowed(n, session)]

    def _allowed(self, n: int, session: int) -> bool:
        count = self.record.spine_count[session]
        # Half a spine is the most that rounding of density and length may hide.
        by_length = self.record.density_per_um[session] * self.record.length_um[session]
        return not (count != n and np.isfinite(count)) and not abs(by_length - n) > 0.5 and 0 <= n <= self.most_spines

    def extended(self, chains: Sequence[_Chain], session: int, *, apart: int) -> list[_Chain]:
        """Those chains that explain the interval that ends at a session as well."""
        formation, elimination = self.record.formation[session - 1], self.record.elimination[session - 1]
        out = []
        for chain in chains:
            if chain.now == OPEN:
                out.append(chain.then(OPEN, OPEN, OPEN))
                continue
            gained = self._numerator(formation, chain.now, self.tolerance[0], apart)
            lost = self._numerator(elimination, chain.now, self.tolerance[1], apart)
            if gained is None or lost is None or lost > chain.now:
                continue
            at_end = OPEN if OPEN in (gained, lost) else chain.now + gained - lost
            if at_end == OPEN or self._allowed(at_end, session):
                out.append(chain.then(gained, lost, at_end))
        return out

    def _numerator(self, share: float, n: int, tolerance: float, apart: int) -> int | None:
        """The number of spines of which a share of n is told; -1 where none is, None where there is no such number."""
        if not np.isfinite(share):
            return OPEN
        if n == 0:
            return None
        slack = max(tolerance, _shown(share)) if apart else tolerance
        for away in sorted(range(-apart, apart + 1), key=abs):
            number = round(share * (n + away)) if n + away > 0 else 0
            if n + away > 0 and abs(number / (n + away) - share) <= slack:
                return number
        return None


def _shown(share: float) -> float:
    """Half a unit of the last digit that a number shows, at most half a per cent."""
    digits = len(repr(float(share)).partition(".")[2])
    return min(0.5 * 10.0**-digits, 0.005)
