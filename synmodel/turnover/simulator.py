"""Exact simulation of counts, gains and losses at sessions, by three engines with one law.

``sessions`` draws survivors, class moves and newcomers between sessions from the exact transition matrices: its
cost does not depend on the number of events. ``events`` follows every spine from formation to elimination. ``coupled``
is the direct method, for spines that interact (:class:`synmodel.turnover.Interaction`). All are parallel over
replicates and dendrites; every draw is a function of (seed, replicate, dendrite, decision), so the bits do not depend
on threads.
"""

import hashlib
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key
from synmodel.core.renamed import takes_earlier_arguments
from synmodel.core.schema import TRAJECTORY, stamped
from synmodel.core.settings import by_fields
from synmodel.core.threads import on_threads
from synmodel.turnover.arguments import whole_number
from synmodel.turnover.bounds import check_names, check_size
from synmodel.turnover.clockwork import hazards_of
from synmodel.turnover.hazards import Folds, checked_times, folds_between
from synmodel.turnover.interaction import Interaction
from synmodel.turnover.kernels import coupled, events, sessions
from synmodel.turnover.kernels.lockstep import LANES, lockstep
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import compose
from synmodel.turnover.resets import Stretch, assembled, stretches, told_resets
from synmodel.turnover.settings import Acting, Method, Size
from synmodel.turnover.size import head_size_of
from synmodel.turnover.start import Block, Start, lengths_of, numbers_of, start_of
from synmodel.turnover.tables import tabulated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["coupling_of", "course_of", "simulate", "thread_count"]


@takes_earlier_arguments
@by_fields(size=Size, acting=Acting, method=Method)
def simulate(
    model: TurnoverModel,
    *,
    initial: object,
    times: ArrayLike,
    drive: xr.Dataset | None = None,
    seed: int = 1,
    size: Size,
    acting: Acting,
    method: Method,
) -> xr.Dataset:
    """Simulate spines of one or more dendrites at imaging sessions.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    model : TurnoverModel
        Rates; formation is per dendrite, or per um where ``length_um`` is given.
    initial : mapping, sequence or str
        Spines at the first session: ``{"nascent": 2, "mature": 35}`` fixed, ``{"poisson": {...}}`` Poisson with
        these means, ``{"poisson": 37}`` Poisson with this total in stationary proportions, ``"stationary"``; or
        an array (dendrite, class) of fixed numbers of each dendrite.
    times : (n_time,) array_like
        Sessions [day]; the state at the first one is ``initial``.
    drive : Dataset, optional
        Folds ``formation``, ``maturation`` (transitions to a later class), ``elimination`` (of all classes)
        on ``time`` (day), each constant from its time to the next and 1 before the first.
    seed : int
        The same seed gives the same bits for any number of threads.
    size : Size
        Independent ``replicates`` (1000), ``animals`` in each and ``dendrites`` per animal (1), and ``length_um`` of
        each dendrite, float or (animals * dendrites,), which multiplies formation. Fields of this and of the following
        are given by keywords of their own.
    acting : Acting
        ``interaction`` of spines (needs ``engine="coupled"``), ``elimination_by_size`` (needs ``engine="events"``), and
        ``resets``: days on which all spines are replaced, and by which, as in ``initial``.
    method : Method
        ``engine``, "sessions" (default), "events" or "coupled", which follow one law; number of ``threads``
        (all); ``transient``, whether to count the spines that are formed and lost between two sessions.

    Returns
    -------
    Dataset
        ``count`` (replicate, dendrite, time, spine_class), ``gained`` and ``lost`` (replicate, dendrite,
        interval), and ``transient`` of the same dims where asked for; dendrites of all animals follow one another,
        coordinate ``animal`` tells whose they are.
        Its attributes tell engine, seed, model, and what was given of drive, interaction and elimination_by_size.

    Raises
    ------
    SimulationError
        For arguments that cannot be run.

    Examples
    --------
    >>> model = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
    >>> out = simulate(model, initial={"mature": 35}, times=[0, 2, 4], replicates=10, seed=1)
    >>> out["count"].dims
    ('replicate', 'dendrite', 'time', 'spine_class')
    """
    session_days = checked_times(times)
    method.check(acting)
    block, engine = size.block(), method.engine
    runs = [
        _Run.of(stretch, model, drive, acting.interaction, block, seed=seed, transient=method.transient)
        for stretch in stretches(session_days, initial, acting.resets)
    ]
    effects = acting.interaction or Interaction()
    coupling = coupling_of(effects, model.n_class, lengths_of(block.length_um, block.n_dendrite))
    parts = []
    for run in runs:
        tallies = _Tallies.zeros(run.start.initial.shape, len(run.days), transient=method.transient)
        parts.append((run.stretch, tallies.labelled(run.days, model.classes, block.animals)))
        if run.folds is None:
            tallies.present[:, :, 0] = run.start.initial
            continue
        key = stream_key(seed, f"turnover{run.stretch.name}")
        with thread_count(method.threads):
            if engine == "sessions":
                _between_sessions(key, seed, model, run.folds, run.days, run.start, tallies)
            elif engine == "events":
                check_names(model, run.folds, run.start.initial, run.start.scale)
                hazards = hazards_of(model, run.folds, run.days, acting.elimination_by_size, head_size_of(drive))
                initial, scale = run.start.initial, run.start.scale
                on_threads(events.tally, scale.size, key, 0, initial, scale, *hazards, *tallies)
            else:
                course = course_of(model, run.folds, run.days, effects.batch)
                _couple(key, run.start, course, coupling, block.dendrites if effects.pool else 1, tallies)
    origin = _origin(engine, seed, model, drive, acting)
    return stamped((assembled(parts, session_days) if acting.resets else parts[0][1]).assign_attrs(origin), TRAJECTORY)


class _Run(NamedTuple):
    """A stretch without a reset: what its dendrites start from, and the folds; none where it is a single session."""

    stretch: Stretch
    start: Start
    folds: Folds | None

    @property
    def days(self) -> NDArray[np.float64]:
        """Days of the stretch."""
        return self.stretch.days

    @staticmethod
    def of(
        stretch: Stretch,
        model: TurnoverModel,
        drive: xr.Dataset | None,
        interaction: Interaction | None,
        block: Block,
        *,
        seed: int,
        transient: bool,
    ) -> "_Run":
        """A run whose numbers fit.

        Raises
        ------
        SimulationError
            If they do not.
        """
        with stretch.naming():
            numbers = numbers_of(model, stretch.initial, block.n_dendrite)
        start = start_of(model, numbers, block=block, seed=seed, stream=f"initial{stretch.name}")
        start.check(model)
        if len(stretch.days) == 1:
            return _Run(stretch, start, None)
        folds = folds_between(model, stretch.days, drive)
        check_size(model, folds, stretch.days, start.initial, start.scale, interaction, transient=transient)
        return _Run(stretch, start, folds)


class _Tallies(NamedTuple):
    """What the loops fill: ``present`` (replicate, dendrite, time, class), and for each interval the rest.

    ``transient`` has no interval where it is not asked for.
    """

    present: NDArray[np.int32]
    gained: NDArray[np.int32]
    lost: NDArray[np.int32]
    transient: NDArray[np.int32]

    @staticmethod
    def zeros(shape: tuple[int, ...], n_time: int, *, transient: bool) -> "_Tallies":
        """Empty tallies for initial numbers of a shape (replicate, dendrite, class)."""
        n_replicate, n_dendrite, n_class = shape
        intervals = (n_replicate, n_dendrite, n_time - 1)
        unseen = intervals if transient else (n_replicate, n_dendrite, 0)
        return _Tallies(
            np.zeros((n_replicate, n_dendrite, n_time, n_class), np.int32),
            np.zeros(intervals, np.int32),
            np.zeros(intervals, np.int32),
            np.zeros(unseen, np.int32),
        )

    def labelled(self, days: NDArray[np.float64], classes: Sequence[str], animals: int) -> xr.Dataset:
        """The tallies with their dims and days."""
        each = ("replicate", "dendrite", "interval")
        content = {
            "count": (("replicate", "dendrite", "time", "spine_class"), self.present),
            "gained": (each, self.gained),
            "lost": (each, self.lost),
        }
        if self.transient.shape[2]:
            content["transient"] = (each, self.transient)
        coords = {
            "time": days,
            "spine_class": list(classes),
            "animal": ("dendrite", np.repeat(np.arange(animals), self.present.shape[1] // animals)),
            "start_day": ("interval", days[:-1]),
            "end_day": ("interval", days[1:]),
        }
        return xr.Dataset(content, coords)


def _between_sessions(
    key: NDArray[np.uint64],
    seed: int,
    model: TurnoverModel,
    folds: Folds,
    days: NDArray[np.float64],
    start: Start,
    tallies: _Tallies,
) -> None:
    """Fill the tallies by the draws between sessions.

    Spines that are lost again are a Poisson number of their own: a Poisson process is thinned by what becomes of each.
    """
    propagation = compose(model, folds, days)
    steps = tabulated(propagation, start.initial, start.scale)
    classes = tuple(range(len(model.classes)))
    on_threads(
        sessions.run_sessions, start.scale.size, key, 0, start.initial, start.scale, steps, classes, *tallies[:3]
    )
    if tallies.transient.shape[2]:
        formation = model.formation_rates.sum() * folds.formation_between(days)
        means = np.maximum(formation - propagation.newborn.sum(axis=1), 0.0)
        key = stream_key(seed, "transient")
        on_threads(sessions.draw_transient, start.scale.size, key, 0, means, start.scale, tallies.transient)


def _origin(engine: str, seed: int, model: TurnoverModel, drive: xr.Dataset | None, acting: Acting) -> dict[str, str]:
    """What shaped the numbers, as far as it was given."""
    origin = {"engine": engine, "seed": str(seed), "model_digest": model.digest()}
    if acting.interaction is not None:
        origin["interaction"] = _shown_effects(acting.interaction)
    if acting.elimination_by_size is not None:
        origin["elimination_by_size"] = repr(acting.elimination_by_size)
    if drive is not None:
        origin["drive_digest"] = _digest_of(drive)
    if acting.resets:
        origin["resets"] = told_resets(acting.resets)
    return origin


def _shown_effects(interaction: Interaction) -> str:
    """The interaction as it was written, without what it leaves at the default."""
    given = {each.name: getattr(interaction, each.name) for each in fields(interaction)}
    kept = [f"{each.name}={given[each.name]!r}" for each in fields(interaction) if given[each.name] != each.default]
    return f"Interaction({', '.join(kept)})"


def _digest_of(drive: xr.Dataset) -> str:
    """Short SHA-256 of times and folds."""
    digest = hashlib.sha256()
    for name in ("time", *sorted(map(str, drive.data_vars))):
        digest.update(name.encode() + np.ascontiguousarray(drive[name].to_numpy(), "<f8").tobytes())
    return digest.hexdigest()[:16]


def _couple(
    key: NDArray[np.uint64],
    start: Start,
    course: coupled.Course,
    coupling: coupled.Coupling,
    together: int,
    tallies: _Tallies,
) -> None:
    """Fill the tallies by the direct method, in groups of dendrites that share a pool or one by one in lockstep."""
    if together > 1 or coupling.share.any() or tallies.transient.shape[2]:
        units = start.scale.size // together
        numbers = (start.initial, start.scale, course, coupling, *tallies)
        on_threads(coupled.run_units, units, key, 0, together, *numbers, block=1)
        return
    flat = [each.reshape(-1, *each.shape[2:]) for each in tallies[:3]]
    block, n = _block(start.scale.size), start.scale.size
    moves = moves_of(course)
    on_threads(lockstep, n, key, 0, start.initial, start.scale, course, coupling, moves, *flat, block=block)


def course_of(model: TurnoverModel, folds: Folds, times: NDArray[np.float64], batch: int) -> coupled.Course:
    """The flat arrays of the coupled kernel, built here and nowhere else; formation is that of batches."""
    ends = folds.edges[1:]
    at = np.searchsorted(times, ends)
    transitions = np.asarray(model.transition, float)
    return coupled.Course(
        step=np.diff(folds.edges),
        formation=np.ascontiguousarray(folds.formation),
        maturation=np.ascontiguousarray(folds.maturation),
        elimination=np.ascontiguousarray(folds.elimination),
        session=np.where(times[np.minimum(at, len(times) - 1)] == ends, at, -1),
        births=model.formation_rates / batch,
        loss=np.asarray(model.elimination, float),
        forward=np.triu(transitions, 1),
        backward=np.tril(transitions, -1),
    )


def moves_of(course: coupled.Course) -> tuple[tuple[int, ...], ...]:
    """Which events there are, as the lengths of four tuples: for each a kernel is compiled that has no others.

    Classes; those up to the last one into which spines are born; classes that a switch goes forward, and backward.
    """
    n_class = course.loss.size
    born = 1 + np.flatnonzero(course.births).max(initial=-1)
    ahead = max((j - c for c, j in np.argwhere(course.forward)), default=0)
    back = max((c - j for c, j in np.argwhere(course.backward)), default=0)
    return tuple((0,) * int(n) for n in (n_class, born, ahead, back))


def _block(n: int) -> int:
    """Dendrites per task: enough to fill the lanes many times over, and several tasks per thread."""
    return max(LANES, min(16 * LANES, -(-n // (4 * numba.get_num_threads()))))


def coupling_of(interaction: Interaction, n_class: int, lengths: NDArray[np.float64]) -> coupled.Coupling:
    """Interaction as the numbers of the coupled kernel."""
    none = np.zeros_like(lengths)
    return coupled.Coupling(
        crowding=none if interaction.n_max is None else 1.0 / (interaction.n_max * lengths),
        balance=none if interaction.n_star is None else 1.0 / (interaction.n_star * lengths),
        steepness=float(interaction.homeostasis),
        share=np.array(interaction.shares(n_class)),
        batch=float(interaction.batch),
    )


@contextmanager
def thread_count(threads: int | None) -> "Iterator[None]":
    """Run the compiled loops within on this number of threads.

    Raises
    ------
    SimulationError
        If there are not so many.
    """
    if threads is None:
        yield
        return
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    number = whole_number("threads", threads)
    if number > most:
        message = f"threads is {threads}; this machine allows 1 to {most}"
        raise SimulationError(message)
    before = numba.get_num_threads()
    numba.set_num_threads(number)
    try:
        yield
    finally:
        numba.set_num_threads(before)
