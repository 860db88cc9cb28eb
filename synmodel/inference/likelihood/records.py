"""Tables of presence: one row per spine, one column per session, checked at the door."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from synmodel.core.errors import FitError

__all__ = ["Records", "checked_miss", "checked_records"]


@dataclass(frozen=True, eq=False)
class Records:
    """Rows of presence of all dendrites.

    Attributes
    ----------
    present : (spine, session) ndarray of int
        1 seen, 0 not seen, -1 censored.
    dendrite : (spine,) ndarray of int
        Dendrite of each row.
    n_dendrite : int
        Number of dendrites.
    """

    present: NDArray[np.int8]
    dendrite: NDArray[np.int64]
    n_dendrite: int

    @cached_property
    def imaged(self) -> NDArray[np.bool_]:
        """(dendrite, session) whether any spine of a dendrite is not censored; True for one without spines."""
        known = np.zeros((self.n_dendrite, self.present.shape[1]), bool)
        np.logical_or.at(known, self.dendrite, self.present >= 0)
        known[np.bincount(self.dendrite, minlength=self.n_dendrite) == 0] = True
        return known

    @cached_property
    def first_imaged(self) -> NDArray[np.int64]:
        """(dendrite,) first session at which a dendrite was imaged."""
        return self.imaged.argmax(axis=1)

    @property
    def there_at_first(self) -> NDArray[np.bool_]:
        """(spine,) whether a spine was seen when its dendrite was first imaged."""
        return self.present[np.arange(len(self.dendrite)), self.first_imaged[self.dendrite]] == 1

    def per_dendrite(self, values: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.float64]:
        """(dendrite,) sums of (spine,) values."""
        return np.asarray(np.bincount(self.dendrite, weights=values, minlength=self.n_dendrite), float)

    def log_repeats(self) -> NDArray[np.float64]:
        """(dendrite,) sum of log H! over the different rows of a dendrite, H being how often a row occurs."""
        rows = np.concatenate([self.dendrite[:, None], self.present], axis=1)
        kinds, number = np.unique(rows, axis=0, return_counts=True)
        repeats = gammaln(number + 1.0)
        return np.asarray(np.bincount(kinds[:, 0], weights=repeats, minlength=self.n_dendrite), float)

    def refuse_censored_starts(self) -> None:
        """Refuse rows of which it is not known whether they are among the first spines.

        Raises
        ------
        FitError
            At the first of them.
        """
        first = self.first_imaged[self.dendrite]
        censored = np.flatnonzero(self.present[np.arange(len(first)), first] == -1)
        if len(censored):
            row = int(censored[0])
            message = (
                f"present[{row}, {first[row]}] is -1 at the first session at which dendrite {self.dendrite[row]} was "
                "imaged, so it is not known whether this spine is old or new; take the row out, or give miss"
            )
            raise FitError(message)


def checked_records(present: ArrayLike, dendrite: ArrayLike | None, n_dendrite: int | None, n_session: int) -> Records:
    """A table and the dendrites of its rows.

    Raises
    ------
    FitError
        For other shapes, other numbers, or a spine that was never seen.
    """
    table = np.asarray(present)
    if table.ndim != 2 or table.shape[1] != n_session:
        message = f"present has shape {table.shape}; expected (spine, {n_session}): a column for each of the times"
        raise FitError(message)
    wrong = ~np.isin(table, (-1, 0, 1))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        message = f"present[{row}, {column}] is {table[row, column]}; give 1 for seen, 0 for not seen, -1 for censored"
        raise FitError(message)
    never = np.flatnonzero(~(table == 1).any(axis=1))
    if len(never):
        message = f"row {never[0]} of present has no 1; a spine that was never seen is not in a table: take it out"
        raise FitError(message)
    owner = _owners(dendrite, len(table))
    least = int(owner.max(initial=-1)) + 1
    if n_dendrite is not None and n_dendrite < least:
        message = f"n_dendrite is {n_dendrite}, but dendrite has numbers up to {least - 1}; give {least} or more"
        raise FitError(message)
    return Records(table.astype(np.int8), owner, least if n_dendrite is None else int(n_dendrite))


def _owners(dendrite: ArrayLike | None, n_spine: int) -> NDArray[np.int64]:
    if dendrite is None:
        return np.zeros(n_spine, np.int64)
    owner = np.asarray(dendrite)
    whole = np.issubdtype(owner.dtype, np.integer)
    if owner.shape != (n_spine,) or not whole or np.any(owner < 0):
        message = (
            f"dendrite has shape {owner.shape} and type {owner.dtype}; give the number of the dendrite, 0 or more, "
            f"for each of the {n_spine} rows of present"
        )
        raise FitError(message)
    return owner.astype(np.int64)


def checked_miss(miss: ArrayLike, n_class: int) -> NDArray[np.float64]:
    """(K,) probabilities that a spine of each class is overlooked.

    Raises
    ------
    FitError
        For another number of them, or numbers outside [0, 1).
    """
    values = np.asarray(miss, float)
    if values.shape not in ((), (n_class,)) or not np.all((values >= 0) & (values < 1)):
        message = (
            f"miss is {values.tolist()}; give one probability from 0 to below 1, or one for each of {n_class} classes"
        )
        raise FitError(message)
    return np.broadcast_to(values, (n_class,))
