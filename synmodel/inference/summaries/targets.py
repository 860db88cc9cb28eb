"""The published numbers that a fit describes, arm by arm, as arrays in a fixed order."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.errors import FitError
from synmodel.data import Arm, Study, load_study, load_summaries
from synmodel.data.summaries import FITTED, baseline_density

__all__ = ["ArmTargets", "Means", "Persistence", "Unit", "arm_targets", "targets_of"]

Array = NDArray[np.float64]
Unit = str
_HEAD = "head_width_change"


@dataclass(frozen=True, eq=False)
class Means:
    """Published means of one quantity over the intervals of an arm.

    ``start`` and ``end`` [day] and ``mean`` are (n,); ``sem_dendrite`` is the published SEM, ``sem_mouse`` the
    pooled SEM over mice; ``n_dendrites`` the number averaged. ``at`` are the intervals between the arm's sessions that
    they belong to: a change belongs to the one that ends with it.
    """

    quantity: str
    at: NDArray[np.int64]
    start: Array
    end: Array
    mean: Array
    sem_dendrite: Array
    sem_mouse: Array
    n_dendrites: Array

    def sem(self, unit: Unit) -> Array:
        """SEM for the unit of replication, ``"mouse"`` or ``"dendrite"``."""
        return self.sem_mouse if unit == "mouse" else self.sem_dendrite


@dataclass(frozen=True, eq=False)
class Persistence:
    """New spines found again: ``present`` of ``new`` at ``end`` [day], each (n,)."""

    end: Array
    present: Array
    new: Array


@dataclass(frozen=True, eq=False)
class ArmTargets:
    """Everything published about one arm that a fit uses.

    ``sessions`` are all days at which any quantity was seen; a quantity need not be there for each of them.
    """

    study: Study
    arm: Arm
    sessions: Array
    density: float
    turnover: tuple[Means, ...]
    head_width: Means | None
    persistence: Persistence | None

    @cached_property
    def identity(self) -> str:
        """Text that is equal for arms with the same study, doses and sessions."""
        return f"{self.study.name} {self.arm.model_dump_json()} {self.sessions.tolist()}"

    @property
    def means(self) -> tuple[Means, ...]:
        """Means of turnover and of head width, as far as they were published."""
        return (*self.turnover, *(() if self.head_width is None else (self.head_width,)))


@library.cached
def arm_targets(study_name: str, arm_name: str) -> ArmTargets:
    """Read the targets of one arm from the library.

    Raises
    ------
    FitError
        If the arm has no density, or a fraction spans a session at which something else was seen.
    """
    return targets_of(load_study(study_name), arm_name, load_summaries(study_name, arm_name),
                      baseline_density(study_name, arm_name))  # fmt: skip


def targets_of(study: Study, arm_name: str, table: xr.Dataset, density: float) -> ArmTargets:
    """Targets of one arm from its group summaries, see :func:`synmodel.data.load_summaries`.

    Parameters
    ----------
    density : float
        Mean density at the first session [1/um].

    Raises
    ------
    FitError
        As :func:`arm_targets`.
    """
    where = f"{study.name}, arm {arm_name}"
    quantities = table["quantity"].to_numpy()
    known = np.isin(quantities, (*FITTED, _HEAD))
    if "density_change" not in quantities[known]:
        message = f"{where}: there is no density_change; give it for at least one session after the first"
        raise FitError(message)
    begins, ends = table["start_day"].to_numpy(), table["end_day"].to_numpy()
    sessions = np.unique(np.concatenate([begins[known], ends[known]]))

    def rows_of(quantity: str) -> NDArray[np.intp]:
        rows = np.flatnonzero(quantities == quantity)
        return rows[np.argsort(ends[rows], kind="stable")]

    def means(quantity: str) -> Means | None:
        rows = rows_of(quantity)
        if len(rows) == 0:
            return None
        start, end = begins[rows], ends[rows]
        at = np.searchsorted(sessions, end) - 1
        first = sessions[at] if quantity.endswith("_fraction") else np.full(len(at), sessions[0])
        for begun, wanted, day in zip(start.tolist(), first.tolist(), end.tolist(), strict=True):
            if begun != wanted:
                message = f"{where}: {quantity} on day {day:g} starts on day {begun:g}; it must start on day {wanted:g}"
                raise FitError(message)
        columns = (table[name].to_numpy()[rows] for name in ("mean", "sem_dendrite", "sem_mouse", "n_dendrites"))
        return Means(quantity, at, start, end, *columns)

    found_again = rows_of("new_spine_persistence")
    persistence = None
    if len(found_again):
        columns = (table[name].to_numpy()[found_again] for name in ("n_present", "n_new"))
        persistence = Persistence(ends[found_again], *columns)
    return ArmTargets(
        study=study,
        arm=study.arm(arm_name),
        sessions=sessions,
        density=density,
        turnover=tuple(found for quantity in FITTED if (found := means(quantity)) is not None),
        head_width=means(_HEAD),
        persistence=persistence,
    )
