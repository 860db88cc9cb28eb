r"""Posterior predictive checks of single dendrites: what the fitted model would have seen on the same dendrites.

Each record starts from its own observed number; hidden classes, gains and losses are drawn anew, with new
dendrites' and mice's formation. Statistics by arm and interval: the mean over dendrites of gained / N and lost / N,
and the standard deviation between mice of their mean gain; where the data follow new spines, the share of them that is
there at a later session, which the fit has not seen.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.core.randomness import stream_key
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.dendrites.arms import ArmData, Cohort, Shown
from synmodel.inference.likelihood.courses import Courses
from synmodel.turnover import TurnoverModel

__all__ = [
    "CELL",
    "STATISTICS",
    "Cell",
    "cells_of",
    "drawn_changes",
    "observed_statistics",
    "predicted_statistics",
]

Array = NDArray[np.float64]
SURVIVAL = "new_spine_survival"
STATISTICS = ("formation_fraction", "elimination_fraction", "formation_sd_between_mice")


class Cell(NamedTuple):
    """What one statistic is of."""

    study: str
    arm: str
    start_day: float
    end_day: float
    quantity: str

    @property
    def label(self) -> str:
        """One line."""
        return f"{self.study}/{self.arm} {self.quantity} {self.start_day:g} to {self.end_day:g}"


CELL = Cell._fields
"""Names of the coordinates that say what a statistic is of."""


def cells_of(problem: DendriteProblem) -> list[Cell]:
    """The order of all statistics."""
    return [cell for arm in problem.arms for cell in _cells(arm)]


def _cells(arm: ArmData) -> list[Cell]:
    intervals = list(zip(arm.sessions[:-1].tolist(), arm.sessions[1:].tolist(), strict=True))
    of_intervals = [(quantity, interval) for quantity in STATISTICS for interval in intervals]
    of_cohorts = [(SURVIVAL, (cohort.start_day, cohort.end_day)) for cohort in _placed_cohorts(arm)]
    return [Cell(arm.study, arm.arm, *days, quantity) for quantity, days in of_intervals + of_cohorts]


def _placed_cohorts(arm: ArmData) -> list[Cohort]:
    """Cohorts that begin and end at sessions of the arm's tracked counts, and not at the first of them."""
    days = set(arm.sessions.tolist())
    return [c for c in arm.cohorts if c.start_day in days - {arm.sessions[0]} and c.end_day in days]


def observed_statistics(problem: DendriteProblem) -> Array:
    """(cell,) statistics of the data; NaN where no dendrite (for the spread: fewer than two mice) was seen."""
    pieces = []
    for arm in problem.arms:
        shown = arm.shown
        pieces.append(_statistics(arm, shown, shown.before, shown.gained, shown.lost))
        pieces.append(np.array([cohort.n_present / cohort.n_new for cohort in _placed_cohorts(arm)]))
    return np.concatenate(pieces)


def predicted_statistics(problem: DendriteProblem, vectors: Sequence[Array] | Array, seed: int) -> Array:
    """(draw, cell) statistics of data drawn at each vector."""
    generator = np.random.Generator(np.random.Philox(key=stream_key(seed, "posterior predictive")))
    rows = []
    for vector in vectors:
        pieces = []
        for arm, model, courses in problem.courses(vector):
            shown = arm.shown
            pieces.append(_statistics(arm, shown, *drawn_changes(arm, shown, model, courses, generator)))
            pieces.append(_drawn_survival(arm, courses, generator))
        rows.append(np.concatenate(pieces))
    return np.array(rows)


def drawn_changes(
    arm: ArmData, shown: Shown, model: TurnoverModel, courses: Courses, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Spines before, gains and losses (record, interval) of every record, drawn from the model given its start."""
    formation = shown.length_um * _multipliers(model.formation_cv_animal, len(arm.mice), generator)[shown.mouse]
    formation = formation * _multipliers(model.formation_cv_dendrite, len(shown.n), generator)
    # A loss that is all but sure is above 1 by a rounding, which no draw takes.
    moves_to = np.minimum(np.concatenate([courses.survival[0], courses.lost[0][:, :, None]], axis=2), 1.0)
    newborn = courses.newborn[0]
    state = generator.multinomial(shown.n, courses.composition[0, shown.first])
    before, gained, lost = (np.zeros(shown.known.shape) for _ in range(3))
    for i in range(shown.known.shape[1]):
        begun = shown.first <= i
        moves = generator.multinomial(state, moves_to[i])
        formed = generator.poisson(formation[:, None] * newborn[i])
        before[:, i], gained[:, i] = state.sum(axis=1), formed.sum(axis=1)
        lost[:, i] = moves[:, :, -1].sum(axis=1)
        state = np.where(begun[:, None], moves[:, :, :-1].sum(axis=1) + formed, state)
    return before, gained, lost


def _drawn_survival(arm: ArmData, courses: Courses, generator: np.random.Generator) -> Array:
    """(cohort,) shares of new spines that are there later, drawn."""
    shares = []
    for cohort in _placed_cohorts(arm):
        first, last = np.searchsorted(arm.sessions, [cohort.start_day, cohort.end_day])
        present = courses.newborn[0, first - 1] / courses.newborn[0, first - 1].sum()
        for step in courses.survival[0, first:last]:
            present = present @ step
        shares.append(generator.binomial(cohort.n_new, min(present.sum(), 1.0)) / cohort.n_new)
    return np.array(shares)


def _multipliers(cv: float, n: int, generator: np.random.Generator) -> Array:
    return np.ones(n) if cv == 0 else generator.gamma(cv**-2, cv**2, n)


def _statistics(arm: ArmData, shown: Shown, before: Array, gained: Array, lost: Array) -> Array:
    known = shown.known & (before > 0)
    formation, elimination = (
        np.where(known, each / np.maximum(before, 1), np.nan) for each in (gained, lost)
    )  # fmt: skip
    by_mouse = np.stack([_mean(formation[shown.mouse == mouse]) for mouse in range(len(arm.mice))])
    enough = np.isfinite(by_mouse).sum(axis=0) > 1
    spread = np.full(by_mouse.shape[1], np.nan)
    spread[enough] = np.nanstd(by_mouse[:, enough], axis=0, ddof=1)
    return np.concatenate([_mean(formation), _mean(elimination), spread])


def _mean(values: Array) -> Array:
    """Mean over rows of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
