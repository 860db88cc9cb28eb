"""Full histories: one row per spine with formation, elimination, class at sessions and head width (:mod:`.size`).

Each engine has an array function (``traced``...), from the knots of a drive to arrays by the names of
:data:`synmodel.core.schema.SPINES`, and a labelled one that wraps it (``trace``...).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key
from synmodel.core.randomness.philox import count_present
from synmodel.core.renamed import takes_earlier_arguments
from synmodel.core.schema import SPINES, arrays_of, stamped
from synmodel.core.settings import by_fields
from synmodel.core.threads import on_threads
from synmodel.turnover.bounds import check_names, check_size
from synmodel.turnover.clockwork import hazards_of
from synmodel.turnover.hazards import Folds, Knots, checked_times, folds_on_cells, knots_of
from synmodel.turnover.interaction import Interaction
from synmodel.turnover.kernels.coupled_histories import fill_coupled
from synmodel.turnover.kernels.histories import fill_spines, list_births
from synmodel.turnover.kernels.session_histories import TURNS, fill_sessions
from synmodel.turnover.kernels.widths import draw_deviations
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import compose
from synmodel.turnover.simulator import coupling_of, course_of
from synmodel.turnover.size import EliminationBySize, HeadWidth, log_width_shift
from synmodel.turnover.start import Start

__all__ = [
    "Coupling",
    "Rows",
    "in_one",
    "joined",
    "labelled",
    "present_widths",
    "trace",
    "trace_coupled",
    "trace_sessions",
    "traced",
    "traced_coupled",
    "traced_sessions",
]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
Fill = Callable[..., None]
Rows = dict[str, NDArray[Any]]
"""Variables of spines and their ``time``, by name."""
_SPARE = 6.0
"""Standard deviations of a Poisson number, and so many births more, for which there is room."""


@takes_earlier_arguments
def trace(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    drive: xr.Dataset | None = None,
    head_width: HeadWidth | None = None,
    elimination_by_size: EliminationBySize | None = None,
    first: tuple[int, int] = (0, 0),
) -> xr.Dataset:
    """Simulate every spine of a block of replicates by the events engine.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    model : TurnoverModel
        Rates.
    start : Start
        Initial numbers and multipliers of formation, from :func:`synmodel.turnover.start.start_of`.
    times : (n_time,) array_like
        Sessions [day].
    seed : int
        Same seed, same spines as :func:`synmodel.turnover.simulate` with ``engine="events"``.
    drive : Dataset, optional
        A Drive; ``head_size`` moves the mean width.
    head_width : HeadWidth, optional
        Law of head widths; without it there are none.
    elimination_by_size : EliminationBySize, optional
        Elimination that falls with head width, whose law of widths takes the place of ``head_width``.
    first : (int, int)
        Numbers of the first replicate and of the first dendrite of the block: draws are keyed by them.

    Returns
    -------
    Dataset
        One row per spine (:data:`synmodel.core.schema.SPINES`), ordered by replicate and dendrite. ``spine_class`` is
        the number of the class at each session, -1 when the spine is not there: not yet formed, or lost.

    Raises
    ------
    SimulationError
        If the start is not one of this model, or the times do not rise.
    """
    return labelled(
        traced(
            model,
            start,
            times,
            seed=seed,
            knots=knots_of(drive),
            head_width=head_width,
            elimination_by_size=elimination_by_size,
            first=first,
        )
    )


def traced(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    knots: Knots,
    head_width: HeadWidth | None = None,
    elimination_by_size: EliminationBySize | None = None,
    first: tuple[int, int] = (0, 0),
) -> Rows:
    """The array layer of :func:`trace`."""
    times, folds = _checked(model, start, times, knots)
    check_names(model, folds, start.initial, start.scale)
    hazards = hazards_of(model, folds, times, elimination_by_size, knots.head_size)
    key = stream_key(seed, "turnover")
    expected = model.formation_rates.sum() * folds.formation_between(times).sum() * start.scale.ravel()
    born = _births(key, first, start.scale, hazards[:2], expected)
    deviation = np.empty((0, len(times) if elimination_by_size else 0))

    def fill(offset: Numbers, _: Numbers, words: Numbers, *rows: Array) -> None:
        nonlocal deviation
        deviation = np.full((len(words), deviation.shape[1]), np.nan)
        numbers = (start.initial, born, *hazards, offset, words, *rows, deviation)
        on_threads(fill_spines, offset.size, key, *first, *numbers)

    content = _rows(fill, start.initial.sum(axis=2) + born.number, times, first)
    if elimination_by_size is not None:
        return _with_widths(content, elimination_by_size.head_width, knots, deviation)
    return _with_widths(content, head_width, knots, seed)


class _Births(NamedTuple):
    """The spines that are born on each dendrite: where the first one's place is, how many there are, words and days."""

    place: Numbers
    number: Numbers
    words: Numbers
    days: Array


def _births(
    key: NDArray[np.uint64], first: tuple[int, int], scale: Array, hazards: tuple[Array, Numbers], expected: Array
) -> _Births:
    """All births, drawn once: there is room for more than are expected of each dendrite, and if need be once more."""
    number = np.empty(scale.shape, np.int64)
    room = np.ceil(expected + _SPARE * np.sqrt(expected) + _SPARE).astype(np.int64)
    while True:
        place = np.concatenate([[0], np.cumsum(room)])
        words, days = np.empty(place[-1], np.int64), np.empty(place[-1])
        on_threads(list_births, scale.size, key, *first, scale, *hazards, place, number, words, days)
        if (number.ravel() <= room).all():
            return _Births(place, number, words, days)
        room = number.ravel()


@dataclass(frozen=True)
class Coupling:
    """How the spines of animals interact.

    Parameters
    ----------
    interaction : Interaction
        Without any the law is that of :func:`trace`.
    length_um : float, optional
        Length of every dendrite, where numbers of the interaction are per um.
    group : int, optional
        Dendrites of an animal, which follow one another: those that share a pool. Default: all.
    """

    interaction: Interaction
    length_um: float | None = None
    group: int | None = None


@by_fields(coupling=Coupling)
def trace_coupled(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    coupling: Coupling,
    drive: xr.Dataset | None = None,
    head_width: HeadWidth | None = None,
    first: tuple[int, int] = (0, 0),
) -> xr.Dataset:
    """Simulate every spine of a block of replicates by the coupled engine.

    Parameters
    ----------
    model, start, times, drive, head_width, first
        As in :func:`trace`.
    seed : int
        Same seed, same numbers, gains and losses as :func:`synmodel.turnover.simulate` with ``engine="coupled"``.
    coupling : Coupling
        How spines interact; its fields may be given by keywords of their own.

    Returns
    -------
    Dataset
        As of :func:`trace`.

    Raises
    ------
    SimulationError
        If the start is not one of this model, the times do not rise, or dendrites cannot be parted into such groups.
    """
    knots = knots_of(drive)
    return labelled(
        traced_coupled(
            model, start, times, seed=seed, coupling=coupling, knots=knots, head_width=head_width, first=first
        )
    )


def traced_coupled(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    coupling: Coupling,
    knots: Knots,
    head_width: HeadWidth | None = None,
    first: tuple[int, int] = (0, 0),
) -> Rows:
    """The array layer of :func:`trace_coupled`."""
    interaction, n_dendrite = coupling.interaction, start.scale.shape[1]
    times, folds = _checked(model, start, times, knots, interaction)
    lengths = np.full(n_dendrite, 1.0 if coupling.length_um is None else coupling.length_um)
    course = course_of(model, folds, times, interaction.batch)
    numbers = coupling_of(interaction, model.n_class, lengths)
    unit = (coupling.group or n_dendrite) if interaction.pool else 1
    if n_dendrite % unit:
        message = f"coupling.group is {unit}; give a number that divides the {n_dendrite} dendrites of a replicate"
        raise SimulationError(message)
    key = stream_key(seed, "turnover")

    def fill(*rows: Array) -> None:
        state = (start.initial, start.scale, course, numbers, folds.edges, *rows)
        on_threads(fill_coupled, start.scale.size // unit, key, *first, unit, *state, block=1)

    return _with_widths(_rows(fill, _counted(fill, start, times), times, first), head_width, knots, seed)


def trace_sessions(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    drive: xr.Dataset | None = None,
    head_width: HeadWidth | None = None,
    first: tuple[int, int] = (0, 0),
) -> xr.Dataset:
    """Simulate the spines that sessions see, by the matrices of the sessions engine: no event between them is drawn.

    Parameters
    ----------
    model, start, times, drive, head_width, first
        As in :func:`trace`.
    seed : int
        Same law as :func:`trace`, other draws.

    Returns
    -------
    Dataset
        As of :func:`trace`; ``birth_day`` and ``death_day`` are NaN.

    Raises
    ------
    SimulationError
        If the start is not one of this model, the times do not rise, or there are more spines than keys.
    """
    knots = knots_of(drive)
    return labelled(traced_sessions(model, start, times, seed=seed, knots=knots, head_width=head_width, first=first))


def traced_sessions(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    *,
    seed: int,
    knots: Knots,
    head_width: HeadWidth | None = None,
    first: tuple[int, int] = (0, 0),
) -> Rows:
    """The array layer of :func:`trace_sessions`."""
    times, folds = _checked(model, start, times, knots)
    steps = compose(model, folds, times)
    gained = steps.newborn.max() * start.scale.max(initial=0.0)
    if max(start.initial.sum(axis=2).max(initial=0), 2 * gained, steps.newborn.size) >= TURNS:
        message = (
            f"{start.initial.sum(axis=2).max(initial=0)} spines at first, up to {gained:.3g} gained in each of "
            f"{len(steps.newborn)} intervals: engine 'sessions' names {TURNS}; use 'events', or smaller dendrites"
        )
        raise SimulationError(message)
    keys = (stream_key(seed, "steps between sessions"), stream_key(seed, "newborn between sessions"))
    matrices = (np.cumsum(steps.survival, axis=2), np.ascontiguousarray(steps.newborn))

    def fill(*rows: Array) -> None:
        on_threads(fill_sessions, start.scale.size, *keys, *first, start.initial, start.scale, *matrices, *rows)

    return _with_widths(_rows(fill, _counted(fill, start, times), times, first), head_width, knots, seed)


def _checked(
    model: TurnoverModel,
    start: Start,
    times: ArrayLike,
    knots: Knots,
    interaction: Interaction | None = None,
) -> tuple[Array, Folds]:
    """Sessions and folds of a block that can be simulated."""
    start.check(model)
    sessions = checked_times(times)
    folds = folds_on_cells(model, sessions, *knots)
    check_size(model, folds, sessions, start.initial, start.scale, interaction, kept=True)
    return sessions, folds


def labelled(spines: Rows) -> xr.Dataset:
    """Spines as a Dataset."""
    content = {name: (SPINES.variables[name].dims, each) for name, each in spines.items() if name != "time"}
    return stamped(xr.Dataset(content, {"time": spines["time"]}), SPINES)


def joined(spines: Sequence[xr.Dataset]) -> xr.Dataset:
    """The spines of several blocks with the same sessions as one Dataset, one after the other."""
    if len(spines) == 1:
        return spines[0]
    return labelled(in_one([arrays_of(block, SPINES) for block in spines]))


def in_one(spines: Sequence[Rows]) -> Rows:
    """The array layer of :func:`joined`."""
    if len(spines) == 1:
        return spines[0]
    content = {name: np.concatenate([block[name] for block in spines]) for name in spines[0] if name != "time"}
    return {**content, "time": spines[0]["time"]}


def _counted(fill: Fill, start: Start, times: Array) -> Numbers:
    """(replicate, dendrite) numbers of spines that a kernel would fill rows of: without rows it counts alone."""
    n_spine = np.zeros(start.scale.shape, np.int64)
    none = np.empty(0)
    fill(np.zeros_like(n_spine), n_spine, np.empty(0, np.int64), none, none, np.empty((0, len(times)), np.int8))
    return n_spine


def _rows(fill: Fill, n_spine: Numbers, times: Array, first: tuple[int, int]) -> Rows:
    """The rows that a kernel fills, so many of each dendrite."""
    offset = (np.cumsum(n_spine) - n_spine.ravel()).reshape(n_spine.shape)
    n = int(n_spine.sum())
    words, begun, ended, paths = np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty((n, len(times)), np.int8)
    fill(offset, n_spine, words, begun, ended, paths)
    n_replicate, n_dendrite = n_spine.shape
    replicates, dendrites = first[0] + np.arange(n_replicate), first[1] + np.arange(n_dendrite)
    return {
        "replicate": np.repeat(replicates, n_spine.sum(axis=1)),
        "dendrite": np.repeat(np.tile(dendrites, n_replicate), n_spine.ravel()),
        "spine_key": words,
        "birth_day": begun,
        "death_day": ended,
        "spine_class": paths,
        "time": times,
    }


def _with_widths(content: Rows, law: HeadWidth | None, knots: Knots, noise: int | Array) -> Rows:
    """Spines with their head widths: from deviations of ln w, or a seed to draw them by; none without a law."""
    if law is None:
        return content
    if isinstance(noise, np.ndarray):
        widths = law.median_um * np.exp(log_width_shift(content["time"], *knots.head_size, law.response) + noise)
    else:
        widths = np.full(content["spine_class"].shape, np.nan)
        widths[content["spine_class"] >= 0] = present_widths(content, law, knots, noise)
    return {**content, "head_width": widths}


def present_widths(spines: Rows, law: HeadWidth, knots: Knots, seed: int) -> Array:
    """Head widths of spines of one drive, those that :func:`traced` gives in ``head_width``.

    Parameters
    ----------
    spines : Rows
        Spines without head widths.
    law : HeadWidth
        Law of head widths.
    knots : Knots
        Of the drive; ``head_size`` moves the mean width.
    seed : int
        That of the spines.

    Returns
    -------
    (n,) ndarray
        Head widths of the sessions at which spines are there, one spine after the other: most are not at most [um].
    """
    replicate, dendrite, words, classes, times = (
        spines[name] for name in ("replicate", "dendrite", "spine_key", "spine_class", "time")
    )
    other = (replicate[1:] != replicate[:-1]) | (dendrite[1:] != dendrite[:-1])
    first = np.concatenate([np.arange(min(len(words), 1)), np.flatnonzero(other) + 1, [len(words)]])
    kept = np.concatenate([[0.0], np.exp(-law.reversion * np.diff(times))])
    shift = log_width_shift(times, *knots.head_size, law.response)
    key = stream_key(seed, "head width")
    number = np.empty(len(first) - 1, np.int64)
    on_threads(count_present, number.size, classes.reshape(-1), times.size, first, number)
    widths, place = np.empty(int(number.sum())), np.cumsum(number) - number
    rows, spread = (replicate, dendrite, words, classes, first, place), np.sqrt(1.0 - kept * kept) * law.log_sd
    on_threads(draw_deviations, number.size, key, *rows, kept, spread, law.log_sd, shift, widths)
    np.exp(widths, out=widths)
    widths *= law.median_um
    return widths
