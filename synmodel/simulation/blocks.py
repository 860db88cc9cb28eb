"""A block of simulated experiments: starts, and the spines of all dendrites by the engine of the scenario."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging import summary
from synmodel.imaging.detection import scored
from synmodel.scenario import Scenario
from synmodel.simulation.setup import Preparation
from synmodel.simulation.subjects import subjects_at
from synmodel.turnover.bounds import MOST_ROWS
from synmodel.turnover.hazards import Knots, knots_of
from synmodel.turnover.initial import Initial
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.spines import (
    Coupling,
    Rows,
    in_one,
    labelled,
    traced,
    traced_coupled,
    traced_sessions,
)
from synmodel.turnover.start import Block, Start, start_of

__all__ = ["blocks_of", "lognormal_quantile", "means_of", "observations_of", "refuse_too_large", "spines_of"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
Published = tuple[str, float, float]
_BLOCK_SPINES = 250_000  # at a time: some 120 MB, and the arrays of a block stay near the processor
_BLOCK_SUBJECTS = 60  # with drives of their own: some seconds between reports of progress
_MOST_SUBJECTS = 1_000_000  # with drives of their own: some hours


def blocks_of(ready: Sequence[Preparation], first: int, replicates: int) -> list[Numbers]:
    """Numbers of replicates, a block of which is simulated at a time; each uses one of the preparations in turn.

    Raises
    ------
    SynmodelError
        If a preparation cannot be simulated, or there is too much to simulate.
    """
    setup = ready[0].setup
    cohort = setup.plan.cohort
    for each in ready:
        each.refuse_impossible()
    setup.demand_drive()
    n_dendrite, spines = cohort.animals * cohort.dendrites_per_animal, float(ready[0].spines.sum())
    refuse_too_large(setup.plan, spines)
    block = max(1, int(_BLOCK_SPINES / (n_dendrite * spines * 2)))
    if setup.terms:
        _refuse_too_many(replicates, cohort.animals)
        block = min(block, max(1, _BLOCK_SUBJECTS // cohort.animals))
    if len(ready) > 1:
        block = 1  # each replicate has parameters of its own
    return [first + np.arange(done, min(done + block, replicates)) for done in range(0, replicates, block)]


def refuse_too_large(plan: Scenario, spines: float) -> None:
    """Refuse an experiment whose spines, with about as many formed as there are, do not fit into memory."""
    cohort = plan.cohort
    rows = 2.0 * spines * cohort.animals * cohort.dendrites_per_animal * len(plan.schedule.sessions)
    if not rows <= MOST_ROWS:
        message = (
            f"the scenario has about {rows:.2g} spines times sessions: {cohort.animals} animals with "
            f"{cohort.dendrites_per_animal} dendrites of {spines:.3g} spines in {len(plan.schedule.sessions)} "
            f"sessions; allowed are {MOST_ROWS:.0e}: make the cohort smaller, and ask for more replicates"
        )
        raise SimulationError(message)


def _refuse_too_many(replicates: int, animals: int) -> None:
    """Refuse more animals that differ than some hours are enough for."""
    if replicates * animals > _MOST_SUBJECTS:
        message = (
            f"replicates is {replicates}, of {animals} animals that each have a drive of their own; allowed are "
            f"{_MOST_SUBJECTS} animals in all: ask for fewer replicates, or leave variability out of the scenario"
        )
        raise SimulationError(message)


def observations_of(ready: Preparation, replicates: Numbers, seed: int) -> dict[str, NDArray[Any]]:
    """What a microscope reports of experiments, by their numbers: arrays by the names of OBSERVATIONS."""
    cohort = ready.setup.plan.cohort
    return scored(
        spines_of(ready, replicates, seed),
        ready.tissue.scoring,
        replicates=replicates,
        animals=cohort.animals,
        dendrites=cohort.dendrites_per_animal,
        length_um=ready.setup.length_um,
        seed=seed,
    )


def means_of(ready: Preparation, first: int, replicates: int, seed: int) -> tuple[list[Published], Array]:
    """Quantity, start and end [day] of every published statistic, and its value in each replicate, (replicate, point).

    What :func:`synmodel.imaging.means` tells of :func:`synmodel.simulation.simulate`, without labels in between.

    Raises
    ------
    SynmodelError
        As of :func:`blocks_of`.
    """
    blocks = [observations_of(ready, numbers, seed) for numbers in blocks_of([ready], first, replicates)]
    if len(blocks) == 1:
        return summary.means_of(blocks[0])
    together = {
        name: each if name == "session" else np.concatenate([block[name] for block in blocks])
        for name, each in blocks[0].items()
    }
    return summary.means_of(together)


def spines_of(ready: Preparation, replicates: Numbers, seed: int) -> Rows:
    """All spines of experiments, by the names of SPINES; where subjects differ, every animal has a drive of its own."""
    cohort = ready.setup.plan.cohort
    animals, dendrites = cohort.animals, cohort.dendrites_per_animal
    start, first = _start(ready, replicates, seed), int(replicates[0])
    if not ready.setup.terms:
        return _rows(ready, start, ready.knots, seed, (first, 0))
    subjects = subjects_at(ready.parameters, ready.setup.terms, seed, replicates, animals)
    parts = []
    with thread_count(1):  # one animal is too little work to be shared
        for r, a in np.ndindex(len(replicates), animals):
            rows, columns = slice(r, r + 1), slice(a * dendrites, (a + 1) * dendrites)
            part = Start(start.initial[rows, columns], start.scale[rows, columns])
            knots = ready.setup.knots_at(subjects[r][a])
            parts.append(_rows(ready, part, knots, seed, (first + r, a * dendrites)))
    return in_one(parts)


def _spines(ready: Preparation, start: Start, drive: xr.Dataset, seed: int, first: tuple[int, int]) -> xr.Dataset:
    """:func:`_rows` of a labelled drive, labelled."""
    return labelled(_rows(ready, start, knots_of(drive), seed, first))


def _rows(ready: Preparation, start: Start, knots: Knots, seed: int, first: tuple[int, int]) -> Rows:
    """All spines of a block of replicates and animals, by the engine of the scenario."""
    model, sessions, widths = ready.tissue.model, ready.setup.sessions, ready.tissue.head_width
    engine = ready.setup.plan.turnover.chosen_engine
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
