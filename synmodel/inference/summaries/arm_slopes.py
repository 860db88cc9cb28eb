r"""Exact slopes of the expected statistics of an arm in parameters, by the chain rule from rates and drives to means.

::

    parameters -> formation, hazards, trend; folds of the drive -> P, gamma -> expected statistics -> residuals

The first arrow is written out here, with the slopes of a drive from :mod:`synmodel.inference.summaries.drives`; the
others are those of :mod:`synmodel.turnover.slopes` and :mod:`synmodel.imaging.expectation_slopes`. All directions go
through the loops together. Of what differs between dendrites the quadrature nodes have no slopes: these parameters,
which no fit frees by itself, take central differences of the whole arm.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.imaging.expectation import Expected
from synmodel.imaging.expectation_slopes import ScoringSlopes, expected_slopes
from synmodel.inference.summaries.hierarchy import ARMS, arm_factors
from synmodel.inference.summaries.targets import ArmTargets
from synmodel.simulation.tissue import Tissue
from synmodel.turnover import Propagation
from synmodel.turnover.hazards import Cells, Folds
from synmodel.turnover.heterogeneity import dendrite_nodes
from synmodel.turnover.slopes import Directions, compose_slopes, trend_slope, width_shift_slopes

__all__ = ["ArmState", "arm_slopes", "has_exact_slope"]

Array = NDArray[np.float64]

_OF_NODES = ("formation_cv_dendrite", "formation_cv_animal", "density_log_sd")
_FOLDS = ("formation", "maturation", "elimination")


class ArmState(NamedTuple):
    """An arm at parameter values: what its expectations were computed from.

    Attributes
    ----------
    tissue : Tissue
    cells : Cells
        Of the sessions and of the knots of its drive.
    folds : Folds
        On the cells, formation with the age trend.
    knots, head_size : (n_knot,) ndarray
        Of the drive [day], and its folds of head size; empty without a drug.
    steps : Propagation
        Between its sessions.
    shift : (n_session,) ndarray
        Of the mean of ln head width.
    """

    tissue: Tissue
    cells: Cells
    folds: Folds
    knots: Array
    head_size: Array
    steps: Propagation
    shift: Array


@cache
def has_exact_slope(name: str) -> bool:
    """Whether :func:`arm_slopes` knows a parameter."""
    return name.partition(".")[2] not in _OF_NODES


def arm_slopes(
    target: ArmTargets,
    state: ArmState,
    values: Mapping[str, float],
    names: Sequence[str],
    drive: Mapping[str, Array],
    protected: Sequence[bool],
) -> tuple[Expected, Array]:
    """Slopes of the expected statistics, each (name, n), and those of the shift of ln head width, (name, n_session).

    Parameters
    ----------
    target : ArmTargets
        The arm.
    state : ArmState
        At the values.
    values : mapping
        Parameter values by name.
    names : sequence of str
        Parameters; slopes are in their values, not in the scale of a fit.
    drive : mapping
        Slopes of the folds of its drive, effect -> (name, n_knot); none without a drug.
    protected : sequence of bool
        Whether the drive of elimination acts on each class.
    """
    tissue, folds = state.tissue, state.folds
    k = tissue.model.n_class
    places: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)
    directions = Directions.none(len(names), k, len(folds.formation))
    changes = _rate_slopes(target, tissue, values, places, directions)
    knot, before = state.cells.knot, state.cells.knot < 0
    for effect in _FOLDS:
        if effect in drive:
            getattr(directions, effect)[:] = np.where(before, 0.0, drive[effect][:, knot])
    if "formation" in drive and tissue.model.formation_trend != 0:
        directions.formation[:] *= _trend_of(tissue, state.cells)
    for at in places.get(f"{target.study.name}.formation_trend", []):
        directions.formation[at] += trend_slope(tissue.model, state.cells, folds.formation)
    steps = compose_slopes(tissue.model, folds, target.sessions, directions, protected)
    initial, of_initial = _initial_slopes(tissue, target.density, directions, changes)
    reference = int(np.searchsorted(target.sessions, 0.0, side="right"))
    expected = expected_slopes(
        (initial, state.steps.survival, state.steps.newborn),
        (of_initial, steps.survival, steps.newborn),
        tissue.scoring,
        ScoringSlopes(changes.hit, changes.false),
        target.study.dendrite_length.to("um"),
        reference if 0 < reference < len(target.sessions) else None,
        dendrite_nodes(tissue.density_log_sd, tissue.model.formation_cv_animal, tissue.model.formation_cv_dendrite),
    )
    shift = np.zeros((len(names), len(target.sessions)))
    if len(state.head_size):
        d_head = drive.get("head_size", np.zeros((len(names), len(state.knots))))
        shift = width_shift_slopes(
            target.sessions, state.knots, state.head_size, tissue.head_width.response, d_head, changes.response
        )
    return expected, shift


class _Changes(NamedTuple):
    """Changes of scoring, of the excess of nascent spines, and of the response of head width, in each direction."""

    hit: Array
    false: Array
    excess: Array
    response: Array


def _rate_slopes(
    target: ArmTargets,
    tissue: Tissue,
    values: Mapping[str, float],
    places: Mapping[str, Sequence[int]],
    directions: Directions,
) -> _Changes:
    """Fill the directions with changes of rates; returns those of everything else."""
    study, k, n = target.study.name, tissue.model.n_class, len(directions.births)
    arm = target.arm.name
    formation, elimination = arm_factors(target.study, arm, values)
    changes = _Changes(np.zeros((n, k)), np.zeros(n), np.zeros(n), np.zeros(n))

    def of(key: str) -> Sequence[int]:
        return places.get(f"{study}.{key}", [])

    directions.births[of("formation"), -2] = formation
    directions.loss[of("loss_nascent"), -2] = elimination
    directions.loss[of("loss_mature"), -1] = elimination
    directions.transition[of("maturation"), -2, -1] = 1.0
    directions.transition[of("dematuration"), -1, -2] = 1.0
    if k == 3:
        directions.births[of("transient_formation"), 0] = formation
        directions.loss[of("transient_loss"), 0] = elimination
    of_arm = [(f"{study}.{key}_of.{arm}", key) for key in ("formation", "elimination")]
    for name, key in of_arm:
        deviation = values.get(name, 0.0)
        rates, all_rates = (
            (directions.births, tissue.model.formation_rates) if key == "formation"
            else (directions.loss, np.asarray(tissue.model.elimination))
        )  # fmt: skip
        rates[places.get(name, [])] = values.get(ARMS, 0.0) * all_rates
        rates[places.get(ARMS, [])] = deviation * all_rates
    changes.hit[of("miss")] = -1.0
    changes.false[of("false_positive_per_um")] = 1.0
    changes.excess[of("nascent_excess")] = 1.0
    changes.response[of("head_response")] = 1.0
    return changes


def _trend_of(tissue: Tissue, cells: Cells) -> Array:
    """(cell,) factor of the age trend on the folds of formation."""
    from synmodel.turnover.hazards import folds_of

    return folds_of(tissue.model, cells, {}).formation


@cache
def _onward(n_class: int) -> Array:
    """(K, K) 1 where a switch leads to a later class."""
    return np.triu(np.ones((n_class, n_class)), 1)


def _initial_slopes(
    tissue: Tissue, scored_density: float, directions: Directions, changes: _Changes
) -> tuple[Array, Array]:
    """Means at the first session (:meth:`.Tissue.initial_means`) and slopes (direction, K)."""
    model, excess = tissue.model, tissue.nascent_excess
    hit, formation = 1.0 - np.asarray(tissue.scoring.miss), model.formation_rates
    transition, elimination = np.asarray(model.transition, float), np.asarray(model.elimination, float)
    young = model.n_class - 1
    onward = _onward(model.n_class)
    leaving = (elimination + (transition * onward).sum(axis=1))[:young]
    d_leaving = (directions.loss + (directions.transition * onward).sum(axis=2))[:, :young]
    sustained = formation[:young] / leaving
    d_sustained = (directions.births[:, :young] - sustained * d_leaving) / leaving
    back, d_back = transition[-1, -2] / leaving[-1], directions.transition[:, -1, -2] / leaving[-1]
    d_back = d_back - back * d_leaving[:, -1] / leaving[-1]
    d_means = d_sustained.copy()
    d_means[:, -1] = excess * d_sustained[:, -1] + changes.excess * sustained[-1]
    initial = tissue.initial_means(scored_density)
    mature = initial[-1]
    means = sustained.copy()
    means[-1] *= excess
    per_mature, d_per_mature = excess * back, excess * d_back + changes.excess * back
    d_left = -changes.false - (d_means * hit[:young] + means * changes.hit[:, :young]).sum(axis=1)
    share = hit[-1] + per_mature * hit[-2]
    d_share = changes.hit[:, -1] + d_per_mature * hit[-2] + per_mature * changes.hit[:, -2]
    d_mature = (d_left - mature * d_share) / share
    d_means[:, -1] += d_per_mature * mature + per_mature * d_mature
    return initial, np.column_stack([d_means, d_mature])
