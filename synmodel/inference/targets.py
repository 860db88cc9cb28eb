"""The published numbers that a fit describes, arm by arm, as arrays in a fixed order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel.data import Arm, Study, load_study, load_summaries
from synmodel.data.summaries import FITTED, baseline_density
from synmodel.errors import FitError

__all__ = ["ArmTargets", "Means", "Persistence", "Unit", "arm_targets"]

Array = NDArray[np.float64]
Unit = str


@dataclass(frozen=True, eq=False)
class Means:
    """Published means of one quantity over the intervals of an arm.

    ``start`` and ``end`` [day] and ``mean`` are (n,); ``sem_dendrite`` is the published SEM, ``sem_mouse`` the
    pooled SEM over mice; ``n_dendrites`` the number averaged.
    """

    quantity: str
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
    """Everything published about one arm that a fit uses."""

    study: Study
    arm: Arm
    sessions: Array
    density: float
    turnover: tuple[Means, ...]
    head_width: Means | None
    persistence: Persistence | None


def arm_targets(study_name: str, arm_name: str) -> ArmTargets:
    """Read the targets of one arm from the library.

    Raises
    ------
    FitError
        If the turnover quantities were not published for the same sessions.
    """
    study = load_study(study_name)
    arm = study.arm(arm_name)
    table = load_summaries(study_name, arm_name)

    def means(quantity: str) -> Means | None:
        rows = table.isel(point=np.flatnonzero(table["quantity"].to_numpy() == quantity)).sortby("end_day")
        if rows.sizes["point"] == 0:
            return None
        return Means(
            quantity,
            rows["start_day"].to_numpy(),
            rows["end_day"].to_numpy(),
            *(rows[name].to_numpy() for name in ("mean", "sem_dendrite", "sem_mouse", "n_dendrites")),
        )

    turnover = tuple(found for quantity in FITTED if (found := means(quantity)) is not None)
    ends = turnover[0].end
    if len(turnover) < len(FITTED) or any(not np.array_equal(each.end, ends) for each in turnover):
        message = f"{study_name}, arm {arm_name}: {', '.join(FITTED)} must be given for the same sessions"
        raise FitError(message)
    new = table.isel(point=np.flatnonzero(table["quantity"].to_numpy() == "new_spine_persistence")).sortby("end_day")
    persistence = None
    if new.sizes["point"]:
        persistence = Persistence(*(new[name].to_numpy() for name in ("end_day", "n_present", "n_new")))
    return ArmTargets(
        study=study,
        arm=arm,
        sessions=np.concatenate([turnover[0].start[:1], ends]),
        density=baseline_density(study_name, arm_name),
        turnover=turnover,
        head_width=means("head_width_change"),
        persistence=persistence,
    )
