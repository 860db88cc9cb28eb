"""A block of simulated experiments: starts, and the spines of all dendrites by the engine of the scenario."""

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging.counting import Laws, tallies_of
from synmodel.imaging.detection import Images, reported, scored
from synmodel.simulation.setup import Preparation
from synmodel.simulation.subjects import subjects_at
from synmodel.turnover.bounds import check_size
from synmodel.turnover.hazards import Knots, folds_on_cells
from synmodel.turnover.initial import Initial
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import compose
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.size import HeadWidth
from synmodel.turnover.spines import (
    Coupling,
    Rows,
    in_one,
    present_widths,
    traced,
    traced_coupled,
    traced_sessions,
)
from synmodel.turnover.start import Block, Start, start_of

__all__ = ["lognormal_quantile", "observations_of", "spines_of"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
_MOST_KEPT = 10_000  # dendrites of a start that is kept: a megabyte


def observations_of(ready: Preparation, replicates: Numbers, seed: int) -> dict[str, NDArray[Any]]:
    """What a microscope reports of experiments, by their numbers: arrays by the names of OBSERVATIONS."""
    setup, scoring = ready.setup, ready.tissue.scoring
    cohort = setup.plan.cohort
    images = Images(setup.sessions, replicates, cohort.animals, cohort.dendrites_per_animal, setup.length_um, seed=seed)
    parts = _parts(ready, replicates, seed)
    with _threads(ready):
        if setup.plan.turnover.chosen_engine == "counts":
            tallies = [_tallies(ready, part, images).reshape(5, -1, len(setup.sessions)) for part in parts]
            return reported(images, scoring, np.concatenate(tallies, axis=1))
        spines, widths = [], []
        for part in parts:
            spines.append(_rows(ready, part, seed, None))
            if "head_width" not in spines[-1]:
                widths.append(present_widths(spines[-1], ready.tissue.head_width, part.knots, seed))
    together = widths[0] if len(widths) == 1 else np.concatenate(widths) if widths else None
    return reported(images, scoring, *scored(images, scoring, in_one(spines), together))


def _threads(ready: Preparation) -> AbstractContextManager[None]:
    """One thread where subjects differ: one animal is too little work to be shared."""
    return thread_count(1 if ready.setup.terms else None)


def spines_of(ready: Preparation, replicates: Numbers, seed: int) -> Rows:
    """All spines of experiments, by the names of SPINES; where subjects differ, every animal has a drive of its own.

    Raises
    ------
    SimulationError
        If the engine of the scenario follows no spine.
    """
    if ready.setup.plan.turnover.chosen_engine == "counts":
        message = (
            'scenario.turnover.engine is "counts", which follows no spine; use "events" or "sessions" for histories'
        )
        raise SimulationError(message)
    parts = _parts(ready, replicates, seed)
    with _threads(ready):
        return in_one([_rows(ready, part, seed, ready.tissue.head_width) for part in parts])


class _Part(NamedTuple):
    """Dendrites with one drive, and the numbers of their first replicate and dendrite."""

    start: Start
    knots: Knots
    first: tuple[int, int]


def _parts(ready: Preparation, replicates: Numbers, seed: int) -> list[_Part]:
    """All dendrites of a block at once or, where subjects differ, those of each animal."""
    animals, dendrites = ready.setup.plan.cohort.animals, ready.setup.plan.cohort.dendrites_per_animal
    start, first = _start(ready, replicates, seed), int(replicates[0])
    if not ready.setup.terms:
        return [_Part(start, ready.knots, (first, 0))]
    subjects = subjects_at(ready.parameters, ready.setup.terms, seed, replicates, animals)
    parts = []
    for r, a in np.ndindex(len(replicates), animals):
        rows, columns = slice(r, r + 1), slice(a * dendrites, (a + 1) * dendrites)
        part = Start(start.initial[rows, columns], start.scale[rows, columns])
        parts.append(_Part(part, ready.setup.knots_at(subjects[r][a]), (first + r, a * dendrites)))
    return parts


def _tallies(ready: Preparation, part: _Part, images: Images) -> Numbers:
    """Tallies of dendrites with one drive."""
    model, start = ready.tissue.model, part.start
    folds = folds_on_cells(model, images.sessions, *part.knots)
    check_size(model, folds, images.sessions, start.initial, start.scale)
    steps = compose(model, folds, images.sessions)
    return tallies_of(
        Laws(steps.survival, steps.newborn, ready.tissue.scoring), start.initial, start.scale, images, part.first
    )


def _rows(ready: Preparation, part: _Part, seed: int, widths: HeadWidth | None) -> Rows:
    """All spines of dendrites with one drive, by the engine of the scenario; with head widths if losses need them."""
    model, sessions = ready.tissue.model, ready.setup.sessions
    engine, (start, knots, first) = ready.setup.plan.turnover.chosen_engine, part
    if engine == "events":
        return traced(
            model,
            start,
            sessions,
            seed=seed,
            knots=knots,
            head_width=widths,
            first=first,
            elimination_by_size=ready.elimination_by_size,
        )
    if engine == "sessions":
        return traced_sessions(model, start, sessions, seed=seed, knots=knots, head_width=widths, first=first)
    return traced_coupled(
        model,
        start,
        sessions,
        seed=seed,
        knots=knots,
        head_width=widths,
        first=first,
        coupling=Coupling(ready.interaction, ready.setup.length_um, ready.setup.plan.cohort.dendrites_per_animal),
    )


class _Begun(NamedTuple):
    """All on which a start depends."""

    model: TurnoverModel
    spines: tuple[float, ...]
    density_log_sd: float
    length_um: float
    first: int
    replicates: int
    animals: int
    dendrites: int
    seed: int


def _start(ready: Preparation, replicates: Numbers, seed: int) -> Start:
    """Poisson numbers around log-normal densities, and rates of formation with their heterogeneity."""
    cohort = ready.setup.plan.cohort
    begun = _Begun(
        ready.tissue.model,
        tuple(ready.spines.tolist()),
        ready.tissue.density_log_sd,
        ready.setup.length_um,
        int(replicates[0]),
        len(replicates),
        cohort.animals,
        cohort.dendrites_per_animal,
        seed,
    )
    few = begun.replicates * begun.animals * begun.dendrites <= _MOST_KEPT
    return _kept_start(begun) if few else _made_start(begun)


@lru_cache(maxsize=2)
def _kept_start(begun: _Begun) -> Start:
    """The last ones are kept, which no engine writes to: a scenario and its control often share it, and so do doses."""
    return _made_start(begun)


def _made_start(begun: _Begun) -> Start:
    replicates, spread = begun.first + np.arange(begun.replicates), begun.density_log_sd
    density_scale = None
    if spread > 0:
        dendrites = np.arange(begun.animals * begun.dendrites)
        u = uniform_array(stream_key(begun.seed, "density"), replicates[:, None], dendrites)
        density_scale = lognormal_quantile(u, spread)
    block = Block(replicates, begun.animals, begun.dendrites, begun.length_um)
    poisson = Initial(begun.spines, poisson=True)
    return start_of(begun.model, poisson, block=block, seed=begun.seed, density_scale=density_scale)


def lognormal_quantile(u: Array, log_sd: float) -> Array:
    """Quantiles of the log-normal distribution with mean 1."""
    from scipy.special import ndtri

    quantile: Array = np.exp(log_sd * ndtri(u) - log_sd**2 / 2)
    return quantile
