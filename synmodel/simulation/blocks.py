"""A block of simulated experiments: starts, and the spines of all dendrites by the engine of the scenario."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import turnover
from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging import observe
from synmodel.imaging.counting import Laws, tallies_of
from synmodel.imaging.detection import Images, reported
from synmodel.simulation.setup import Preparation
from synmodel.simulation.subjects import subjects_at
from synmodel.turnover.bounds import check_size
from synmodel.turnover.hazards import folds_between
from synmodel.turnover.initial import Initial
from synmodel.turnover.propagation import compose
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.start import Block, Start, start_of

__all__ = ["lognormal_quantile", "observations_of", "spines_of"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]


def observations_of(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset:
    """What a microscope reports of experiments, by their numbers."""
    cohort = ready.setup.plan.cohort
    if ready.setup.plan.turnover.chosen_engine == "counts":
        return _counted(ready, replicates, seed)
    return observe(
        spines_of(ready, replicates, seed),
        ready.tissue.scoring,
        replicates=replicates,
        animals=cohort.animals,
        dendrites=cohort.dendrites_per_animal,
        length_um=ready.setup.length_um,
        seed=seed,
    )


def spines_of(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset:
    """All spines of experiments; where subjects differ, every animal has a drive of its own.

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
    with thread_count(1 if ready.setup.terms else None):  # one animal is too little work to be shared
        return turnover.joined([_spines(ready, part, seed) for part in _parts(ready, replicates, seed)])


class _Part(NamedTuple):
    """Dendrites with one drive, and the numbers of their first replicate and dendrite."""

    start: Start
    drive: xr.Dataset
    first: tuple[int, int]


def _parts(ready: Preparation, replicates: Numbers, seed: int) -> Iterator[_Part]:
    """All dendrites of a block at once or, where subjects differ, those of each animal."""
    cohort = ready.setup.plan.cohort
    dendrites, first = cohort.dendrites_per_animal, int(replicates[0])
    drives, start = _drives(ready, replicates, seed), _start(ready, replicates, seed)
    if isinstance(drives, xr.Dataset):
        yield _Part(start, drives, (first, 0))
        return
    for r, a in np.ndindex(len(replicates), cohort.animals):
        rows, columns = slice(r, r + 1), slice(a * dendrites, (a + 1) * dendrites)
        part = Start(start.initial[rows, columns], start.scale[rows, columns])
        yield _Part(part, drives[r][a], (first + r, a * dendrites))


def _counted(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset:
    """What is reported of experiments, drawn from its law."""
    setup, scoring = ready.setup, ready.tissue.scoring
    cohort = setup.plan.cohort
    images = Images(setup.sessions, replicates, cohort.animals, cohort.dendrites_per_animal, setup.length_um, seed=seed)
    with thread_count(1 if setup.terms else None):  # as above
        tallies = [_tallies(ready, part, images) for part in _parts(ready, replicates, seed)]
    return reported(images, scoring, np.concatenate([each.reshape(5, -1, len(setup.sessions)) for each in tallies], 1))


def _tallies(ready: Preparation, part: _Part, images: Images) -> Numbers:
    """Tallies of dendrites with one drive."""
    model, start = ready.tissue.model, part.start
    folds = folds_between(model, images.sessions, part.drive)
    check_size(model, folds, images.sessions, start.initial, start.scale)
    steps = compose(model, folds, images.sessions)
    return tallies_of(
        Laws(steps.survival, steps.newborn, ready.tissue.scoring), start.initial, start.scale, images, part.first
    )


def _drives(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset | list[list[xr.Dataset]]:
    """One drive for all, or where subjects differ one by replicate and animal."""
    setup = ready.setup
    if not setup.terms:
        return setup.drive_at(ready.parameters)  # and not kept, as a thousand experiments may have one each
    subjects = subjects_at(ready.parameters, setup.terms, seed, replicates, setup.plan.cohort.animals)
    return [[setup.drive_at(each) for each in animals] for animals in subjects]


def _spines(ready: Preparation, part: _Part, seed: int) -> xr.Dataset:
    """All spines of dendrites with one drive, by the engine of the scenario."""
    model, sessions, widths = ready.tissue.model, ready.setup.sessions, ready.tissue.head_width
    engine, (start, drive, first) = ready.setup.plan.turnover.chosen_engine, part
    if engine == "events":
        return turnover.trace(
            model,
            start,
            sessions,
            seed=seed,
            drive=drive,
            head_width=widths,
            first=first,
            elimination_by_size=ready.elimination_by_size,
        )
    if engine == "sessions":
        return turnover.trace_sessions(model, start, sessions, seed=seed, drive=drive, head_width=widths, first=first)
    return turnover.trace_coupled(
        model,
        start,
        sessions,
        seed=seed,
        drive=drive,
        head_width=widths,
        first=first,
        coupling=turnover.Coupling(
            ready.interaction, ready.setup.length_um, ready.setup.plan.cohort.dendrites_per_animal
        ),
    )


def _start(ready: Preparation, replicates: Numbers, seed: int) -> Start:
    """Poisson numbers around log-normal densities, and rates of formation with their heterogeneity."""
    cohort, spread = ready.setup.plan.cohort, ready.tissue.density_log_sd
    poisson = Initial(tuple(ready.spines.tolist()), poisson=True)
    density_scale = None
    if spread > 0:
        dendrites = np.arange(cohort.animals * cohort.dendrites_per_animal)
        u = uniform_array(stream_key(seed, "density"), replicates[:, None], dendrites)
        density_scale = lognormal_quantile(u, spread)
    block = Block(replicates, cohort.animals, cohort.dendrites_per_animal, ready.setup.length_um)
    return start_of(ready.tissue.model, poisson, block=block, seed=seed, density_scale=density_scale)


def lognormal_quantile(u: Array, log_sd: float) -> Array:
    """Quantiles of the log-normal distribution with mean 1."""
    from scipy.special import ndtri

    quantile: Array = np.exp(log_sd * ndtri(u) - log_sd**2 / 2)
    return quantile
