"""Exact simulation of counts, gains and losses at sessions, by three engines with one law.

``sessions`` draws survivors, class moves and newcomers between sessions from the exact transition matrices: its
cost does not depend on the number of events. ``events`` follows every spine from birth to loss. ``coupled`` is the
direct method, for spines that interact (:class:`synmodel.turnover.Interaction`). All are parallel over replicates and
dendrites; every draw is a function of (seed, replicate, dendrite, decision), so the bits do not depend on threads.
"""

import hashlib
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, get_args

import numba
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.errors import SimulationError, did_you_mean
from synmodel.randomness import stream_key
from synmodel.schema import TRAJECTORY, stamped
from synmodel.turnover.arguments import LARGEST_NUMBER, number_array, whole_number
from synmodel.turnover.bounds import check_size
from synmodel.turnover.clockwork import hazards_of
from synmodel.turnover.hazards import Folds, checked_times, folds_between
from synmodel.turnover.heterogeneity import birth_scale
from synmodel.turnover.initial import Initial, read_initial
from synmodel.turnover.interaction import Interaction
from synmodel.turnover.kernels import coupled, events, sessions
from synmodel.turnover.kernels.lockstep import LANES, lockstep
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import compose
from synmodel.turnover.size import SizeLoss, head_size_of
from synmodel.turnover.tables import tabulated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Engine", "Start", "coupling_of", "course_of", "simulate", "start_of", "thread_count"]

Engine = Literal["sessions", "events", "coupled"]
_NUMBERS = f"whole numbers from 0 to {LARGEST_NUMBER}, (replicate, dendrite, class)"
_MULTIPLIERS = "finite numbers of 0 or more, (replicate, dendrite)"


class Start:
    """Initial numbers and birth multipliers of a block of replicates.

    Attributes
    ----------
    initial : (replicate, dendrite, class) ndarray of int
    scale : (replicate, dendrite) ndarray
        Multiplier of the birth rate: length times heterogeneity.

    Raises
    ------
    SimulationError
        If the shapes do not match, or numbers are not whole.
    """

    def __init__(self, initial: ArrayLike, scale: ArrayLike) -> None:
        numbers, multipliers = np.asarray(initial), np.asarray(scale)
        if numbers.dtype.kind != "i":
            numbers = _whole(number_array("initial", initial, _NUMBERS))
        if multipliers.dtype.kind != "f":
            multipliers = number_array("scale", scale, _MULTIPLIERS)
        if numbers.ndim != 3:
            message = f"initial has shape {numbers.shape}; give {_NUMBERS}"
            raise SimulationError(message)
        if multipliers.shape != numbers.shape[:2]:
            message = (
                f"scale has shape {multipliers.shape}; give one number per dendrite, (replicate, dendrite) as in "
                f"initial: {numbers.shape[:2]}"
            )
            raise SimulationError(message)
        # Writable, as for arrays that are not the loops would be compiled a second time.
        self.initial = np.require(numbers, np.int64, ["C", "W"])
        self.scale = np.require(multipliers, np.float64, ["C", "W"])

    def check(self, model: TurnoverModel) -> None:
        """Refuse numbers that no model, or not this one, can start from; the compiled loops look at none of them.

        Raises
        ------
        SimulationError
            If there are other classes than those of the model, or a number is negative, too large or not finite.
        """
        n_class = self.initial.shape[2]
        if n_class != model.n_class:
            message = (
                f"start.initial has numbers of {n_class} classes; give {model.n_class}, one for each of the classes "
                f"{', '.join(model.classes)}"
            )
            raise SimulationError(message)
        bad = self.initial[(self.initial < 0) | (self.initial > LARGEST_NUMBER)]
        if bad.size:
            message = f"start.initial holds {bad[0]}; give {_NUMBERS}"
            raise SimulationError(message)
        wrong = self.scale[~(np.isfinite(self.scale) & (self.scale >= 0))]
        if wrong.size:
            message = f"start.scale holds {wrong[0]:g}; give {_MULTIPLIERS}"
            raise SimulationError(message)


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    bad = numbers[~(np.abs(numbers) <= LARGEST_NUMBER) | (numbers != np.floor(numbers))]
    if bad.size:
        message = f"initial holds {bad[0]:g}; give {_NUMBERS}"
        raise SimulationError(message)
    return numbers


def simulate(
    model: TurnoverModel,
    *,
    initial: Any,
    times: ArrayLike,
    replicates: int = 1000,
    dendrites: int = 1,
    drive: xr.Dataset | None = None,
    seed: int = 1,
    engine: Engine = "sessions",
    animals: int = 1,
    length_um: ArrayLike | None = None,
    threads: int | None = None,
    interaction: Interaction | None = None,
    size_loss: SizeLoss | None = None,
) -> xr.Dataset:
    """Simulate spines of one or more dendrites at imaging sessions.

    Parameters
    ----------
    model : TurnoverModel
        Rates; births are per dendrite, or per um where ``length_um`` is given.
    initial : mapping, sequence or str
        Spines at the first session: ``{"nascent": 2, "mature": 35}`` fixed, ``{"poisson": {...}}`` Poisson with
        these means, ``{"poisson": 37}`` Poisson with this total in stationary proportions, ``"stationary"``; or
        an array (dendrite, class) of fixed numbers of each dendrite.
    times : (n_time,) array_like
        Sessions [day]; the state at the first one is ``initial``.
    replicates, animals, dendrites : int
        Independent replicates, animals in each, and dendrites per animal.
    drive : Dataset, optional
        Folds ``formation`` (births), ``maturation`` (switches to a later class), ``elimination`` (all losses)
        on ``time`` (day), each constant from its time to the next and 1 before the first.
    seed : int
        The same seed gives the same bits for any number of threads.
    engine : {"sessions", "events", "coupled"}
        All follow the same law; see the module's docstring.
    length_um : float or (animals * dendrites,) array_like, optional
        Length of each dendrite [um]; multiplies births.
    threads : int, optional
        Number of threads; default: all.
    interaction : Interaction, optional
        How spines interact; needs ``engine="coupled"``.
    size_loss : SizeLoss, optional
        Losses that fall with head width; needs ``engine="events"``.

    Returns
    -------
    Dataset
        ``count`` (replicate, dendrite, time, spine_class), ``gained`` and ``lost`` (replicate, dendrite,
        interval); dendrites of all animals follow one another, coordinate ``animal`` tells whose they are.
        Its attributes tell engine, seed, model, and what was given of drive, interaction and size_loss.

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
    _check_engine(engine, interaction, size_loss)
    sizes = {"replicates": replicates, "animals": animals, "dendrites": dendrites}
    replicates, animals, dendrites = (whole_number(name, size, LARGEST_NUMBER) for name, size in sizes.items())
    folds = folds_between(model, session_days, drive)
    start = start_of(
        model, _each_dendrite(model, initial, animals * dendrites), replicates=np.arange(replicates),
        animals=animals, dendrites=dendrites, length_um=length_um, seed=seed,
    )  # fmt: skip
    start.check(model)
    check_size(model, folds, session_days, start.initial, start.scale, interaction)
    n_dendrite = animals * dendrites
    count = np.zeros((replicates, n_dendrite, len(session_days), model.n_class), np.int32)
    gained, lost = np.zeros((2, replicates, n_dendrite, len(session_days) - 1), np.int32)
    key = stream_key(seed, "turnover")
    with thread_count(threads):
        if engine == "sessions":
            steps = tabulated(compose(model, folds, session_days), start.initial, start.scale)
            sessions.run_sessions(key, 0, start.initial, start.scale, steps, count, gained, lost)
        elif engine == "events":
            hazards = hazards_of(model, folds, session_days, size_loss, head_size_of(drive))
            events.tally(key, 0, start.initial, start.scale, *hazards, count, gained, lost)
        else:
            effects = interaction or Interaction()
            coupling = coupling_of(effects, model.n_class, _lengths(length_um, n_dendrite))
            course = course_of(model, folds, session_days)
            _couple(key, start, course, coupling, dendrites if effects.pool else None, count, gained, lost)
    dataset = xr.Dataset(
        {
            "count": (("replicate", "dendrite", "time", "spine_class"), count),
            "gained": (("replicate", "dendrite", "interval"), gained),
            "lost": (("replicate", "dendrite", "interval"), lost),
        },
        coords={
            "time": session_days,
            "spine_class": list(model.classes),
            "animal": ("dendrite", np.repeat(np.arange(animals), dendrites)),
            "start_day": ("interval", session_days[:-1]),
            "end_day": ("interval", session_days[1:]),
        },
        attrs=_origin(engine, seed, model, drive, interaction, size_loss),
    )
    return stamped(dataset, TRAJECTORY)


def _origin(
    engine: str,
    seed: int,
    model: TurnoverModel,
    drive: xr.Dataset | None,
    interaction: Interaction | None,
    size_loss: SizeLoss | None,
) -> dict[str, str]:
    """What shaped the numbers, as far as it was given."""
    origin = {"engine": engine, "seed": str(seed), "model_digest": model.digest()}
    if interaction is not None:
        origin["interaction"] = _shown_effects(interaction)
    if size_loss is not None:
        origin["size_loss"] = repr(size_loss)
    if drive is not None:
        origin["drive_digest"] = _digest_of(drive)
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


def _check_engine(engine: str, interaction: Interaction | None, size_loss: SizeLoss | None) -> None:
    if engine not in get_args(Engine):
        message = f"engine is {engine!r}; {did_you_mean(str(engine), get_args(Engine))}"
        raise SimulationError(message)
    if interaction is not None and size_loss is not None:
        message = "interaction and size_loss are both given, and no engine simulates them together; give one of the two"
        raise SimulationError(message)
    if interaction is not None and engine != "coupled":
        message = f"engine is {engine!r}, whose spines are independent; use engine='coupled' with an interaction"
        raise SimulationError(message)
    if size_loss is not None and engine != "events":
        message = f"engine is {engine!r}, which knows no head widths; use engine='events' with a size_loss"
        raise SimulationError(message)


def _couple(
    key: NDArray[np.uint64],
    start: Start,
    course: coupled.Course,
    coupling: coupled.Coupling,
    group: int | None,
    *tallies: NDArray[np.int32],
) -> None:
    """Fill the tallies by the direct method, in groups of dendrites that share a pool or one by one in lockstep."""
    if group is not None:
        coupled.run_units(key, 0, group, start.initial, start.scale, course, coupling, *tallies)
        return
    n_replicate, n_dendrite, n_class = start.initial.shape
    flat = [each.reshape(-1, *each.shape[2:]) for each in tallies]
    block = _block(n_replicate * n_dendrite)
    lockstep(key, 0, block, start.initial, start.scale, course, coupling, (0,) * n_class, *flat)


def start_of(
    model: TurnoverModel,
    initial: Initial | NDArray[np.int64],
    *,
    replicates: NDArray[np.int64],
    animals: int,
    dendrites: int,
    length_um: ArrayLike | None,
    seed: int,
    density_scale: NDArray[np.float64] | None = None,
) -> Start:
    """Initial numbers and birth multipliers of a block of consecutive replicates.

    ``density_scale`` (replicate, dendrite) multiplies the means of Poisson initial numbers; an array (dendrite,
    class) are fixed numbers of each dendrite.
    """
    n_dendrite = animals * dendrites
    shape = (len(replicates), n_dendrite, model.n_class)
    if isinstance(initial, np.ndarray):
        numbers = np.broadcast_to(initial, shape)
    elif initial.poisson:
        means = np.require(np.broadcast_to(initial.array, shape), np.float64, ["C", "W"])
        if density_scale is not None:
            means = means * density_scale[:, :, None]
        numbers = np.empty(shape, np.int64)
        sessions.draw_initial(stream_key(seed, "initial"), int(replicates[0]), means, numbers)
    else:
        numbers = np.broadcast_to(initial.array.astype(np.int64), shape)
    scale = birth_scale(
        stream_key(seed, "birth rate"),
        replicates,
        animals,
        dendrites,
        model.formation_cv_animal,
        model.formation_cv_dendrite,
    )
    return Start(numbers, scale if length_um is None else scale * _lengths(length_um, n_dendrite))


def _each_dendrite(model: TurnoverModel, initial: Any, n_dendrite: int) -> Initial | NDArray[np.int64]:
    """Initial numbers of all dendrites alike, or (dendrite, class) of each."""
    if not (isinstance(initial, np.ndarray) and initial.ndim > 1):
        return read_initial(model, initial)
    meaning = f"whole numbers from 0 to {LARGEST_NUMBER}, (dendrite, class): ({n_dendrite}, {model.n_class})"
    numbers = number_array("initial", initial, meaning)
    if numbers.shape != (n_dendrite, model.n_class):
        message = f"initial is an array of shape {numbers.shape}; give {meaning}"
        raise SimulationError(message)
    bad = numbers[~((numbers >= 0) & (numbers <= LARGEST_NUMBER) & (numbers == np.floor(numbers)))]
    if bad.size:
        message = f"initial holds {bad[0]:g}; give {meaning}"
        raise SimulationError(message)
    return numbers.astype(np.int64)


def _lengths(length_um: ArrayLike | None, n_dendrite: int) -> NDArray[np.float64]:
    """(n_dendrite,) lengths, 1 where none are given: rates are then per dendrite."""
    if length_um is None:
        return np.ones(n_dendrite)
    lengths = number_array("length_um", length_um, "one positive length [um] or one for each dendrite")
    if lengths.shape not in ((), (n_dendrite,)) or not np.all(np.isfinite(lengths)) or np.any(lengths <= 0):
        message = (
            f"length_um has shape {lengths.shape}; give one positive length [um] "
            f"or one for each of the {n_dendrite} dendrites"
        )
        raise SimulationError(message)
    return np.array(np.broadcast_to(lengths, n_dendrite))


def course_of(model: TurnoverModel, folds: Folds, times: NDArray[np.float64]) -> coupled.Course:
    """The flat arrays of the coupled kernel, built here and nowhere else."""
    ends = folds.edges[1:]
    at = np.searchsorted(times, ends)
    switches = np.asarray(model.transition, float)
    return coupled.Course(
        step=np.diff(folds.edges),
        formation=np.ascontiguousarray(folds.formation),
        maturation=np.ascontiguousarray(folds.maturation),
        elimination=np.ascontiguousarray(folds.elimination),
        session=np.where(times[np.minimum(at, len(times) - 1)] == ends, at, -1),
        births=model.births,
        loss=np.asarray(model.loss, float),
        forward=np.triu(switches, 1),
        backward=np.tril(switches, -1),
    )


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
