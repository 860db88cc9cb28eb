r"""Exact slopes of the log-likelihood of single dendrites, mouse by mouse.

::

    parameters -> rates, folds -> P, gamma, d, composition at sessions -> losses and gains of every run -> mice

Forwards to P, gamma and d (:mod:`synmodel.turnover.slopes`), as there are some ten directions; backwards from the mouse
to them (:mod:`synmodel.inference.likelihood.adjoint` and :mod:`~synmodel.inference.likelihood.animal_slopes`), as there
are many runs. Where both meet they are multiplied. Records of which a gain, a loss or a number is open, and histories
of single spines, have no adjoint: what they say at the points of the births of mice takes differences, and they alone.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.inference.dendrites.arms import ArmData
from synmodel.inference.likelihood.animal_slopes import animal_points, prior_slopes, term_slopes
from synmodel.inference.likelihood.animals import sums
from synmodel.inference.likelihood.blocks import Block, LengthLaw, evidence_of_blocks
from synmodel.inference.likelihood.count_slopes import loss_slopes
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.evidence import joined
from synmodel.turnover.hazards import Cells, Folds
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.slopes import Directions, compose_slopes, stationary_slopes

__all__ = [
    "ArmCourse",
    "ArmDirections",
    "CourseSlopes",
    "arm_directions",
    "course_slopes",
    "mouse_slopes",
    "open_log_probability",
]

Array = NDArray[np.float64]
_FOLDS = ("formation", "maturation", "elimination")


class ArmCourse(NamedTuple):
    """An arm at parameter values: its model, its cells and folds on them, and what follows between its sessions."""

    model: TurnoverModel
    cells: Cells
    folds: Folds
    courses: Courses


class ArmDirections(NamedTuple):
    """How an arm changes with each of several parameters.

    Attributes
    ----------
    rates : Directions
        Of the model and of the folds of its drive.
    start : (direction, K) ndarray
        Of the class probabilities at the first session.
    cv_dendrite, cv_animal : (direction,) ndarray
        Of the spreads of births.
    law : (direction, 3) ndarray
        Of the law of lengths.
    """

    rates: Directions
    start: Array
    cv_dendrite: Array
    cv_animal: Array
    law: Array


class CourseSlopes(NamedTuple):
    """Slopes of courses between sessions.

    Attributes
    ----------
    survival : (direction, interval, K, K) ndarray
    newborn, lost : (direction, interval, K) ndarray
    composition : (direction, session, K) ndarray
    """

    survival: Array
    newborn: Array
    lost: Array
    composition: Array


def arm_directions(
    names: Sequence[str], study: str, other: str | None, course: ArmCourse, values: Mapping[str, float],
    drive: Mapping[str, Array],
) -> ArmDirections:  # fmt: skip
    """Directions of an arm for parameters by name, in their values.

    Parameters
    ----------
    names : sequence of str
        Parameters that concern the arm.
    study, other : str
        Groups of the parameters of its study, and of the arm itself if it is not the control.
    course : ArmCourse
        At the values.
    values : mapping
        Parameter values.
    drive : mapping
        Slopes of the folds of its drive, effect -> (name, n_knot).
    """
    model, cells = course.model, course.cells
    k, n = model.n_class, len(names)
    births = 1.0 if other is None else values[f"{other}.formation_ratio"]
    losses = 1.0 if other is None else values[f"{other}.loss_ratio"]
    rates = Directions.none(n, k, len(cells.knot))
    found = ArmDirections(rates, np.zeros((n, k)), np.zeros(n), np.zeros(n), np.zeros((n, 3)))
    short = values[f"{study}.transient_fraction"] if k == 3 else 0.0
    nascent = values[f"{study}.nascent_fraction"]
    for at, name in enumerate(names):
        group, _, key = name.partition(".")
        if group == other:
            if key == "formation_ratio":
                rates.births[at] = model.formation_rates / births
            elif key == "loss_ratio":
                rates.loss[at] = np.asarray(model.elimination) / losses
        elif group == study:
            _of_study(found, at, key, (births, losses), (short, nascent))
    for effect in _FOLDS:
        if effect in drive:
            getattr(rates, effect)[:] = np.where(cells.knot < 0, 0.0, drive[effect][:, cells.knot])
    return found


def _of_study(
    found: ArmDirections, at: int, key: str, factors: tuple[float, float], shares: tuple[float, float]
) -> None:
    """Set the direction of a parameter of the study."""
    rates, (births, losses), (short, nascent) = found.rates, factors, shares
    k = rates.births.shape[1]
    if key == "formation":
        rates.births[at, -2] = births
    elif key == "transient_formation" and k == 3:
        rates.births[at, 0] = births
    elif key in ("loss_nascent", "loss_mature"):
        rates.loss[at, -2 if key == "loss_nascent" else -1] = losses
    elif key == "transient_loss" and k == 3:
        rates.loss[at, 0] = losses
    elif key == "maturation":
        rates.transition[at, -2, -1] = 1.0
    elif key == "nascent_fraction":
        found.start[at, -2:] = 1.0 - short, short - 1.0
    elif key == "transient_fraction" and k == 3:
        found.start[at] = 1.0, -nascent, nascent - 1.0
    elif key in ("formation_cv_dendrite", "formation_cv_animal"):
        getattr(found, key.removeprefix("formation_"))[at] = 1.0
    elif key in ("length_median", "length_spread", "length_change"):
        found.law[at, ("length_median", "length_spread", "length_change").index(key)] = 1.0


def course_slopes(course: ArmCourse, sessions: Array, directions: ArmDirections, *, balance: bool) -> CourseSlopes:
    """Slopes of P, gamma and d, and of the composition at every session (after the first, where there is a balance).

    Parameters
    ----------
    course : ArmCourse
    sessions : (n_session,) ndarray
        [day].
    directions : ArmDirections
    balance : bool
        Whether the composition at later sessions is asked for.
    """
    model, courses = course.model, course.courses
    steps = compose_slopes(model, course.folds, sessions, directions.rates)
    n, n_session, k = len(steps.newborn), len(sessions), model.n_class
    composition = np.zeros((n, n_session, k))
    composition[:, 0] = directions.start
    try:
        d_total = stationary_slopes(model, directions.rates).sum(axis=1) if balance else None
    except SimulationError:
        d_total = None
    if d_total is not None:
        mean = courses.composition[0, 0] * courses.total[0, 0]
        d_mean = directions.start * courses.total[0, 0] + courses.composition[0, 0] * d_total[:, None]
        for i in range(n_session - 1):
            d_mean = d_mean @ courses.survival[0, i] + mean @ steps.survival[:, i] + steps.newborn[:, i]
            mean = mean @ courses.survival[0, i] + courses.newborn[0, i]
            total = mean.sum()
            composition[:, i + 1] = (d_mean - mean / total * d_mean.sum(axis=1, keepdims=True)) / total
    return CourseSlopes(steps.survival, steps.newborn, steps.lost, composition)


def _joined(courses: Courses, slopes: CourseSlopes, keep: NDArray[np.int64]) -> CourseSlopes:
    """Slopes of :func:`synmodel.inference.likelihood.evidence.joined`."""
    survival, newborn = [], []
    for before, after in zip(keep[:-1].tolist(), keep[1:].tolist(), strict=True):
        moves, born = courses.survival[0, before], courses.newborn[0, before]
        d_moves, d_born = slopes.survival[:, before], slopes.newborn[:, before]
        for i in range(before + 1, after):
            step, d_step = courses.survival[0, i], slopes.survival[:, i]
            d_born = d_born @ step + born @ d_step + slopes.newborn[:, i]
            d_moves = d_moves @ step + moves @ d_step
            born, moves = born @ step + courses.newborn[0, i], moves @ step
        survival.append(d_moves)
        newborn.append(d_born)
    moved = np.stack(survival, axis=1)
    return CourseSlopes(moved, np.stack(newborn, axis=1), -moved.sum(axis=3), slopes.composition[:, keep])


def mouse_slopes(
    arm: ArmData, course: ArmCourse, slopes: CourseSlopes, directions: ArmDirections, law: LengthLaw | None
) -> tuple[Array, Array, Array]:
    """Slopes of the log-likelihood of every mouse of an arm in what its complete records say, (mouse, direction).

    Where the probability of a record is too small for a number, slopes are not numbers. With them come the points and
    weights (mouse, point) of the births of mice, at which other records are to be looked at.
    """
    courses, n = course.courses, len(arm.mice)
    every, mouse_of = arm.evidence(courses, law)
    u, weight = animal_points(every, course.model, mouse_of, n)
    total = np.outer(prior_slopes(course.model, u, weight), directions.cv_animal)
    blocks = arm.complete
    if not blocks:
        return total, u, weight
    evidence, dendrite = evidence_of_blocks(blocks, courses, law)
    mouse = arm.mouse[dendrite]
    found = term_slopes(evidence, course.model, mouse, u, weight)
    total += np.outer(found.cv_dendrite, directions.cv_dendrite)
    of_term, at = mouse[evidence.record], 0
    for block in blocks:
        here = slice(at, at + len(block.runs.n))
        at = here.stop
        full = len(block.keep) == courses.composition.shape[1]
        own = courses if full else joined(courses, block.keep)
        moved = slopes if full else _joined(courses, slopes, block.keep)
        of_run = _run_slopes(block, own, moved, found.weight[here], found.exposure[here])
        if block.lengths is not None and law is not None and directions.law.any():
            of_law = block.lengths.log_prior_slopes(block.record, law)
            of_run += found.weight[here, None] * (of_law @ directions.law.T)
        np.add.at(total, of_term[here], of_run)
    return total, u, weight


def open_log_probability(arm: ArmData, course: ArmCourse, law: LengthLaw | None, u: Array, weight: Array) -> Array:
    """(mouse,) mean log-probability of an arm's incomplete records over the births of mice, at given points of them.

    Its slope is the part of theirs, as the weights stay those of the posterior where slopes are taken.
    """
    evidence, mouse = arm.evidence_of_open(course.courses, law)
    log_p = evidence.given_start(u[mouse][:, None, :], course.model.formation_cv_dendrite)
    return sums(mouse, (weight[mouse] * np.where(np.isfinite(log_p), log_p, 0.0)).sum(axis=1), len(arm.mice))


def _run_slopes(block: Block, courses: Courses, slopes: CourseSlopes, weight: Array, exposure: Array) -> Array:
    """(run, direction) slopes of a block's runs: those of their losses and gains times those of the courses."""
    runs = block.runs
    matters = weight > 0
    losses = loss_slopes(courses, runs.take(np.flatnonzero(matters)))
    inside, born = runs.inside, courses.newborn[0].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = np.where(inside & (runs.gained > 0), runs.gained / born, 0.0)
    of_births = weight[:, None] * gains + np.where(inside, (exposure * block.scale)[:, None], 0.0)
    total = of_births @ slopes.newborn.sum(axis=2).T
    by_loss = (
        np.einsum("ripc,qipc->rq", losses.survival, slopes.survival, optimize=True)
        + np.einsum("rip,qip->rq", losses.newborn, slopes.newborn, optimize=True)
        + np.einsum("rip,qip->rq", losses.lost, slopes.lost, optimize=True)
        + np.einsum("rp,qrp->rq", losses.composition, slopes.composition[:, runs.first[matters]], optimize=True)
    )
    total[matters] += weight[matters, None] * by_loss
    return np.asarray(total)
