"""A block of simulated experiments: starts, and the spines of all dendrites by the engine of the scenario."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import turnover
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging import observe
from synmodel.simulation.setup import Preparation
from synmodel.simulation.subjects import subjects_at
from synmodel.turnover.initial import Initial
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.start import Block, Start, start_of

__all__ = ["lognormal_quantile", "observations_of", "spines_of"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]


def observations_of(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset:
    """What a microscope reports of experiments, by their numbers."""
    cohort = ready.setup.plan.cohort
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
    """All spines of experiments; where subjects differ, every animal has a drive of its own."""
    cohort = ready.setup.plan.cohort
    animals, dendrites = cohort.animals, cohort.dendrites_per_animal
    drives = _drives(ready, replicates, seed)
    start, first = _start(ready, replicates, seed), int(replicates[0])
    if isinstance(drives, xr.Dataset):
        return _spines(ready, start, drives, seed, (first, 0))
    parts = []
    with thread_count(1):  # one animal is too little work to be shared
        for r, a in np.ndindex(len(replicates), animals):
            rows, columns = slice(r, r + 1), slice(a * dendrites, (a + 1) * dendrites)
            part = Start(start.initial[rows, columns], start.scale[rows, columns])
            parts.append(_spines(ready, part, drives[r][a], seed, (first + r, a * dendrites)))
    return turnover.joined(parts)


def _drives(ready: Preparation, replicates: Numbers, seed: int) -> xr.Dataset | list[list[xr.Dataset]]:
    """One drive for all, or where subjects differ one by replicate and animal."""
    setup = ready.setup
    if not setup.terms:
        return setup.drive_at(ready.parameters)  # and not kept, as a thousand experiments may have one each
    subjects = subjects_at(ready.parameters, setup.terms, seed, replicates, setup.plan.cohort.animals)
    return [[setup.drive_at(each) for each in animals] for animals in subjects]


def _spines(ready: Preparation, start: Start, drive: xr.Dataset, seed: int, first: tuple[int, int]) -> xr.Dataset:
    """All spines of a block of replicates and animals, by the engine of the scenario."""
    model, sessions, widths = ready.tissue.model, ready.setup.sessions, ready.tissue.head_width
    engine = ready.setup.plan.turnover.chosen_engine
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
