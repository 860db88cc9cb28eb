"""A block of simulated experiments: starts, and the spines of all dendrites by the engine of the scenario."""

from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import turnover
from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging.counting import Laws, tallies_of
from synmodel.imaging.detection import Images, reported, scored
from synmodel.simulation.setup import Preparation
from synmodel.simulation.subjects import subjects_at
from synmodel.turnover.bounds import check_size
from synmodel.turnover.hazards import folds_between
from synmodel.turnover.initial import Initial
from synmodel.turnover.propagation import compose
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.size import HeadWidth
from synmodel.turnover.spines import PresentWidths
from synmodel.turnover.start import Block, Start, start_of

__all__ = ["lognormal_quantile", "observations_of", "spines_of"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]


def observations_of(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset:
    """What a microscope reports of experiments, by their numbers."""
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
            spines.append(_spines(ready, part, seed, None))
            if "head_width" not in spines[-1]:
                widths.append(turnover.present_widths(spines[-1], ready.tissue.head_width, part.drive, seed))
    return reported(images, scoring, *scored(images, scoring, turnover.joined(spines), _joined(widths)))


def _joined(widths: list[PresentWidths]) -> PresentWidths | None:
    """Head widths of several parts, one after the other; none where spines have theirs."""
    if len(widths) < 2:
        return widths[0] if widths else None
    sizes = np.cumsum([0, *(len(each.values) for each in widths[:-1])])
    return PresentWidths(
        np.concatenate([each.first + size for each, size in zip(widths, sizes, strict=True)]),
        np.concatenate([each.values for each in widths]),
    )


def _threads(ready: Preparation) -> AbstractContextManager[None]:
    """One thread where subjects differ: one animal is too little work to be shared."""
    return thread_count(1 if ready.setup.terms else None)


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
    widths, parts = ready.tissue.head_width, _parts(ready, replicates, seed)
    with _threads(ready):
        return turnover.joined([_spines(ready, part, seed, widths) for part in parts])


class _Part(NamedTuple):
    """Dendrites with one drive, and the numbers of their first replicate and dendrite."""

    start: Start
    drive: xr.Dataset
    first: tuple[int, int]


def _parts(ready: Preparation, replicates: Numbers, seed: int) -> list[_Part]:
    """All dendrites of a block at once or, where subjects differ, those of each animal."""
    cohort = ready.setup.plan.cohort
    dendrites, first = cohort.dendrites_per_animal, int(replicates[0])
    drives, start = _drives(ready, replicates, seed), _start(ready, replicates, seed)
    if isinstance(drives, xr.Dataset):
        return [_Part(start, drives, (first, 0))]
    parts = []
    for r, a in np.ndindex(len(replicates), cohort.animals):
        rows, columns = slice(r, r + 1), slice(a * dendrites, (a + 1) * dendrites)
        part = Start(start.initial[rows, columns], start.scale[rows, columns])
        parts.append(_Part(part, drives[r][a], (first + r, a * dendrites)))
    return parts


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


def _spines(ready: Preparation, part: _Part, seed: int, widths: HeadWidth | None) -> xr.Dataset:
    """All spines of dendrites with one drive, by the engine of the scenario; with head widths if losses need them."""
    model, sessions = ready.tissue.model, ready.setup.sessions
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
