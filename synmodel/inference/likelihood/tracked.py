"""Dendrites whose spines were tracked one by one: their histories as evidence beside that of counts.

A history says more than a count, for instance which of the new spines were lost; and a spine that was censored, or that
nobody was sure of, hides its own later record and not that of the dendrite.

Detection is perfect here, as for counts. A spine that is absent and then present again is taken as the table says, as
lost and, later, new; so it enters as two rows. One that is not known when its dendrite was first imaged may be old or
new and is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.evidence import Evidence
from synmodel.inference.likelihood.gains import Gains
from synmodel.inference.likelihood.histories import weighed
from synmodel.inference.likelihood.records import Records

__all__ = ["Tracked", "evidence_of_tracked", "tracked_rows"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tracked:
    """Dendrites of an arm with a record of every spine.

    Attributes
    ----------
    records : Records
        On the sessions of the arm.
    dendrite : (dendrite,) ndarray of int
        Position of each among the dendrites of the arm.
    scale : (dendrite,) ndarray
        Length [um]; multiplies births.
    """

    records: Records
    dendrite: Integers
    scale: Array

    @property
    def n_intervals(self) -> int:
        """Intervals between sessions at which a dendrite was imaged."""
        return int((self.records.imaged.sum(axis=1) - 1).sum())

    def arrays(self) -> list[NDArray[np.generic]]:
        """All that the likelihood depends on."""
        return [self.records.present, self.records.dendrite, self.dendrite, self.scale]


def tracked_rows(present: NDArray[np.int8], dendrite: Integers) -> tuple[NDArray[np.int8], Integers]:
    """Rows that perfect detection allows, and the dendrite of each.

    Parameters
    ----------
    present : (spine, session) ndarray of int
        1 seen, 0 not seen, -1 not known.
    dendrite : (spine,) ndarray of int
        Dendrite of each spine, from 0.

    Examples
    --------
    >>> rows, _ = tracked_rows(np.array([[1, 0, 1]], np.int8), np.zeros(1, int))
    >>> rows.tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    pieces, owner = list[NDArray[np.int8]](), list[int]()
    for row, of in zip(present, dendrite.tolist(), strict=True):
        rest = row.copy()
        while (rest == 1).any():
            first = int(np.argmax(rest == 1))
            gone = np.flatnonzero((rest == 0) & (np.arange(len(rest)) > first))
            again = len(gone) > 0 and (rest[gone[0] :] == 1).any()
            own = rest.copy()
            if again:
                own[gone[0] :] = np.where(rest[gone[0] :] == 1, 0, rest[gone[0] :])
                rest[: gone[0]] = np.where(rest[: gone[0]] == 1, 0, rest[: gone[0]])
            else:
                rest[:] = 0
            pieces.append(own)
            owner.append(of)
    if not pieces:
        return present[:0], dendrite[:0]
    table, owners = np.array(pieces, np.int8), np.array(owner, np.int64)
    imaged = np.zeros((int(dendrite.max()) + 1, present.shape[1]), bool)
    np.logical_or.at(imaged, dendrite, present >= 0)
    told = table[np.arange(len(table)), imaged.argmax(axis=1)[owners]] >= 0
    return table[told], owners[told]


def evidence_of_tracked(tracked: Tracked, courses: Courses) -> Evidence:
    """What the histories say; each dendrite is a record of one run, and all start from the spines first seen."""
    histories = weighed(tracked.records, courses, tracked.scale)
    n = len(tracked.dendrite)
    return Evidence(
        courses.log_weight[:1],
        histories.log_p[:, None],
        Gains(
            histories.n_new[:, None, None],
            histories.n_old[:, None, None],
            np.zeros((n, 1, 1)),
            histories.exposure[:, None, None],
            histories.mean[:, None, None],
        ),
        np.arange(n),
        None,
        one_start=True,
    )
