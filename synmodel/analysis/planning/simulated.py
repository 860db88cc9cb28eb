"""Simulated studies of a plan, analysed as a laboratory would, and how often they find a difference.

Arms are simulated by :func:`synmodel.simulate`, under one seed but each with replicates of its own, so they are
independent, as those of a laboratory are; and bits depend neither on threads nor on blocks.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.planning.outcome import DendriteOutcome
from synmodel.core.progress import Progress
from synmodel.imaging.power import share_interval, welch_rejects
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario
from synmodel.simulation import simulate

__all__ = ["SimulatedShare", "dendrite_outcomes", "estimated", "fractions_of", "of_mice", "pooled_rejects"]

Array = NDArray[np.float64]
_BLOCK_DENDRITES = 40_000  # of which all observations are held at a time


@dataclass(frozen=True)
class SimulatedShare:
    """A share of simulated studies, with its Monte Carlo error and 95 % interval (Wilson's)."""

    estimate: float
    monte_carlo_error: float
    low: float
    high: float
    studies: int

    def document(self) -> dict[str, float]:
        """As plain data."""
        return asdict(self)


def estimated(hits: NDArray[np.bool_]) -> SimulatedShare:
    """The share of studies that hit."""
    share, low, high = share_interval(hits)
    return SimulatedShare(share, float(np.sqrt(share * (1 - share) / hits.size)), low, high, hits.size)


def dendrite_outcomes(
    plan: Scenario,
    outcomes: Sequence[DendriteOutcome],
    *,
    replicates: tuple[int, int],
    seed: int,
    parameters: ParameterSet | None = None,
    drive: xr.Dataset | None = None,
    progress: Progress | None = None,
) -> list[Array]:
    """Outcomes of every dendrite of one arm, each (study, mouse, dendrite); NaN without spines at a session.

    Parameters
    ----------
    plan : Scenario
        The arm: its sessions and cohort.
    outcomes : sequence of DendriteOutcome
        What is taken of a dendrite.
    replicates : (int, int)
        Number of the first study, and of how many there are.
    parameters, drive
        As in :func:`synmodel.simulate`.
    """
    sessions = plan.schedule.sessions
    weights = np.array([each.weights(sessions) for each in outcomes])
    first, n = replicates
    block = max(1, _BLOCK_DENDRITES // (plan.cohort.animals * plan.cohort.dendrites_per_animal))
    pieces = []
    for done in range(0, n, block):
        size = min(block, n - done)
        seen = simulate(plan, parameters, replicates=size, seed=seed, first_replicate=first + done, drive=drive)
        fractions = fractions_of(seen)
        pieces.append(np.stack([fractions[..., own != 0] @ own[own != 0] for own in weights]))
        if progress is not None:
            progress(done + size, n)
    return list(np.concatenate(pieces, axis=1))


def fractions_of(observations: xr.Dataset) -> Array:
    """(..., 2 n) fractions of formation and then of elimination over the n intervals."""
    before = observations["spine_count"].to_numpy()[..., :-1]
    before = np.where(before > 0, before, np.nan)
    return np.concatenate([observations[name].to_numpy() / before for name in ("gained", "lost")], axis=-1)


def of_mice(values: Array) -> Array:
    """(study, mouse) means over dendrites that could be scored."""
    scored = np.isfinite(values)
    return np.where(scored, values, 0.0).sum(axis=-1) / np.maximum(scored.sum(axis=-1), 1)


def pooled_rejects(first: Array, second: Array) -> NDArray[np.bool_]:
    """Whether a t-test finds a difference with dendrites as the unit, as it should not be done; (study,)."""
    one, other = (each.reshape(len(each), -1) for each in (first, second))
    return welch_rejects(_filled(one), _filled(other))


def _filled(values: Array) -> Array:
    """Dendrites that could not be scored, hardly any, take the mean of the others of their arm."""
    return np.where(np.isfinite(values), values, np.nanmean(values, axis=1, keepdims=True))
