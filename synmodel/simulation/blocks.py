"""A block of simulated experiments: starts, and the spines of all dendrites by the engine of the scenario."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging.detection import scored
from synmodel.simulation.setup import Preparation
from synmodel.simulation.subjects import subjects_at
from synmodel.turnover.hazards import Knots
from synmodel.turnover.initial import Initial
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.spines import (
    Coupling,
    Rows,
    in_one,
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
