"""What a simulation asks for, weighed before any loop begins: numbers that fit, and an end in sight.

Numbers are kept as 32-bit integers. The largest that can be expected follows from the exact means: the mean and ten
standard deviations of a Poisson number, as numbers of independent spines do not spread wider; formation in batches of b
have b times its variance. The work follows from the number of spines that are ever there.
"""

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.turnover.arguments import LARGEST_NUMBER
from synmodel.turnover.hazards import Folds
from synmodel.turnover.interaction import Interaction
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.moments import newborn_means
from synmodel.turnover.propagation import compose

__all__ = ["MOST_ROWS", "MOST_SPINES", "check_names", "check_size"]

Array = NDArray[np.float64]
MOST_SPINES = 1e12
"""Spines of all replicates and dendrites that are counted; to draw so many takes some hours on many cores."""
MOST_ROWS = 5e8
"""Spines times sessions of a block whose histories are kept, in about 10 GB."""
_DEVIATIONS = 10.0
_MOST_NAMES = 1 << 24
"""Spines of a dendrite, those at first and those formed within a strip, that the events engine has names for."""


def check_size(
    model: TurnoverModel,
    folds: Folds,
    times: Array,
    initial: NDArray[np.int64],
    scale: Array,
    interaction: Interaction | None = None,
    *,
    kept: bool = False,
    transient: bool = False,
) -> None:
    """Refuse a simulation whose numbers would not fit, or that would not end.

    Parameters
    ----------
    model, folds
        Rates and their folds, on cells that break at every session.
    times : (n_time,) ndarray
        Sessions [day].
    initial : (replicate, dendrite, class) ndarray
        Spines at the first session.
    scale : (replicate, dendrite) ndarray
        Multipliers of formation.
    interaction : Interaction, optional
        Spines below the number that homeostasis holds are lost less often; batches spread numbers.
    kept : bool
        Whether the history of every spine is kept, and not their numbers alone.
    transient : bool
        Whether spines that are formed and lost between two sessions are counted as well.

    Raises
    ------
    SimulationError
        With what is expected and what is allowed.
    """
    if not initial.size:
        return
    if interaction is not None and interaction.homeostasis > 0:
        model = model.scaled(1.0, float(np.exp(-interaction.homeostasis)))
    with np.errstate(over="ignore", invalid="ignore"):
        formation = model.formation_rates.sum() * folds.formation_between(times)
        steps = compose(model, folds, times)
        most = initial.reshape(-1, model.n_class).max(axis=0)
        there = (most @ steps.cumulative() + scale.max() * newborn_means(steps)).sum(axis=1)
        gained = scale.max() * steps.newborn.sum(axis=1)
        if transient:
            gained = scale.max() * formation
        expected = np.maximum(there, np.concatenate([[0.0], gained]))
        # At an interval's end a spine is there or lost: no more are lost than were there.
        batch = 1 if interaction is None else interaction.batch
        largest = expected + _DEVIATIONS * np.sqrt(batch * expected)
        everything = float(initial.sum(dtype=float) + scale.sum() * formation.sum())
    wrong = ~(largest <= LARGEST_NUMBER)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        number = np.nan_to_num(expected[at], nan=np.inf)
        message = (
            f"{number:.3g} spines are expected on a dendrite on day {times[at]:g}, and numbers are kept up to "
            f"{LARGEST_NUMBER}; lower the initial numbers, formation, lengths, their trend, or the time"
        )
        raise SimulationError(message)
    most = MOST_ROWS / len(times) if kept else MOST_SPINES
    if not everything <= most:
        message = (
            f"{everything:.3g} spines are to be followed in all replicates and dendrites; allowed are {most:.2g}: ask "
            "for fewer replicates, dendrites, new spines, days or sessions"
        )
        raise SimulationError(message)


def check_names(model: TurnoverModel, folds: Folds, initial: NDArray[np.int64], scale: Array) -> None:
    """Refuse dendrites with more spines than the events engine can tell apart: draws are keyed by their names.

    Raises
    ------
    SimulationError
        With what is expected and what is allowed.
    """
    formed = model.formation_rates.sum() * scale.max(initial=0.0) * (folds.edges[-1] - folds.edges[0])
    largest = max(float(initial.sum(axis=2).max(initial=0)), formed + _DEVIATIONS * np.sqrt(formed))
    if not largest < _MOST_NAMES:
        message = (
            f"about {largest:.3g} spines are expected on a dendrite, and the events engine names {_MOST_NAMES}; "
            "use engine='sessions' or 'coupled', or smaller dendrites"
        )
        raise SimulationError(message)
