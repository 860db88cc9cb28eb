"""How often simulated studies of a plan find a difference, by the analysis that the laboratory will use.

Welch's t over the means of mice is computed for all studies at once; a mixed model and the likelihood are fitted study by
study. Each also says how often it finds a difference between two arms without any: its type-I error, which is 5 % if it
does what it says.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synmodel.errors import DesignError
from synmodel.imaging.power import welch_rejects
from synmodel.inference.mixed_models import INSTALL, arm_differences, available
from synmodel.planning.arms import Arms
from synmodel.planning.likelihood import likelihood_rejects
from synmodel.planning.options import Option
from synmodel.planning.outcome import Outcome
from synmodel.planning.power import Analysis
from synmodel.planning.simulated import Estimated, dendrite_outcomes, estimated, of_mice, pooled_rejects
from synmodel.simulation import simulate

__all__ = ["Checked", "checked_power", "mixed_rejects"]

Array = NDArray[np.float64]
Hits = NDArray[np.bool_]
Steps = Callable[[str, int, int], None]
_LEVEL = 0.05


class Checked(NamedTuple):
    """What simulated studies of an option find.

    Attributes
    ----------
    power : dict
        Quantity -> share of studies that find its effect; over draws of the posterior with the error between draws.
    type_1, pooled : dict
        Quantity -> share of studies without an effect that find one all the same: by the analysis, and by a t-test over
        all dendrites as if they were independent.
    """

    power: dict[str, Estimated]
    type_1: dict[str, Estimated]
    pooled: dict[str, Estimated]

    @property
    def least(self) -> Estimated:
        """Power for the quantity that is found least often."""
        return min(self.power.values(), key=lambda each: each.estimate)


def checked_power(
    draws: Sequence[Arms],
    option: Option,
    outcomes: Sequence[Outcome],
    analysis: Analysis,
    *,
    studies: int,
    seed: int,
    progress: Steps | None = None,
) -> Checked:
    """Simulate studies of an option and analyse them.

    Parameters
    ----------
    draws : sequence of Arms
        One for each draw of the posterior, among which the studies are divided, or one alone.
    option : Option
        Days, mice and dendrites.
    outcomes : sequence of Outcome
        What is taken of a dendrite.
    analysis : {"welch", "mixed", "likelihood"}
    studies : int
        Number of studies, rounded up to a multiple of the draws.
    seed : int
        Of the simulations.
    progress : callable, optional
        Called with (what, done, of).
    """
    each = -(-studies // len(draws))
    found: list[list[Hits]] = []
    for number, arms in enumerate(draws):
        part = None if progress is None or len(draws) > 1 else progress
        found.append(_powers(arms, option, outcomes, analysis, (number * each, each), seed, part))
        if progress is not None and len(draws) > 1:
            progress("studies", (number + 1) * each, len(draws) * each)
    names = [outcome.quantity for outcome in outcomes]
    power = {name: _over_draws([hits[at] for hits in found]) for at, name in enumerate(names)}
    null, pooled = _nulls(draws[0], option, outcomes, analysis, each * len(draws), seed, progress)
    return Checked(
        power,
        {name: estimated(hits) for name, hits in zip(names, null, strict=True)},
        {name: estimated(hits) for name, hits in zip(names, pooled, strict=True)},
    )


def _over_draws(hits: Sequence[Hits]) -> Estimated:
    """Mean power over draws, which differ; of one draw Wilson's interval."""
    if len(hits) == 1:
        return estimated(hits[0])
    shares = np.array([each.mean() for each in hits])
    mean, error = float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares)))
    low, high = max(0.0, mean - 1.96 * error), min(1.0, mean + 1.96 * error)
    return Estimated(mean, error, low, high, sum(each.size for each in hits))


_TREATED, _CONTROL, _NULL = range(3)
_ARM_STRIDE = 2**24  # replicates of an arm, far more than are ever simulated


def _powers(
    arms: Arms, option: Option, outcomes: Sequence[Outcome], analysis: Analysis, replicates: tuple[int, int],
    seed: int, progress: Steps | None,
) -> list[Hits]:  # fmt: skip
    """Of each outcome, which studies find the effect."""
    return _rejections(arms, option, outcomes, analysis, (_TREATED, _CONTROL), replicates, seed, progress)[0]


def _nulls(
    arms: Arms, option: Option, outcomes: Sequence[Outcome], analysis: Analysis, studies: int, seed: int,
    progress: Steps | None,
) -> tuple[list[Hits], list[Hits]]:  # fmt: skip
    """The same of studies without any effect, by the analysis and with dendrites pooled."""
    return _rejections(arms, option, outcomes, analysis, (_NULL, _CONTROL), (0, studies), seed, progress)


def _rejections(
    arms: Arms, option: Option, outcomes: Sequence[Outcome], analysis: Analysis, pair: tuple[int, int],
    replicates: tuple[int, int], seed: int, progress: Steps | None,
) -> tuple[list[Hits], list[Hits]]:  # fmt: skip
    sessions = option.days.sessions
    plans = arms.planned(sessions, option.mice, option.dendrites)
    drives = arms.drives(sessions)
    first, n = replicates
    which = [0 if arm == _TREATED else 1 for arm in pair]
    what = "studies with the effect" if _TREATED in pair else "studies without it"
    starts = [arm * _ARM_STRIDE + first for arm in pair]
    if analysis == "likelihood":
        seen = [
            simulate(plans[at], arms.parameters, replicates=n, seed=seed, first_replicate=start, drive=drives[at])
            for at, start in zip(which, starts, strict=True)
        ]
        report = None if progress is None else lambda done, of: progress(what, done, of)
        return [likelihood_rejects(arms, seen, each.quantity, progress=report) for each in outcomes], []
    both = []
    for part, (at, start) in enumerate(zip(which, starts, strict=True)):
        report = None if progress is None else lambda done, of, part=part: progress(what, part * of + done, 2 * of)
        both.append(dendrite_outcomes(
            plans[at], outcomes, replicates=(start, n), seed=seed, parameters=arms.parameters, drive=drives[at],
            progress=report,
        ))  # fmt: skip
    pairs = list(zip(*both, strict=True))
    if analysis == "mixed":
        hits = [mixed_rejects(*pair) for pair in pairs]
    else:
        hits = [welch_rejects(of_mice(treated), of_mice(control)) for treated, control in pairs]
    return hits, [pooled_rejects(*pair) for pair in pairs]


def mixed_rejects(treated: Array, control: Array, level: float = _LEVEL) -> Hits:
    """Whether a mixed model of dendrites, with mice as random intercepts, finds a difference (Wald).

    Parameters
    ----------
    treated, control : (study, mouse, dendrite) ndarray
        One number per dendrite; NaN where it could not be scored.

    Raises
    ------
    DesignError
        If statsmodels is not installed.
    """
    if not available():
        raise DesignError(INSTALL)
    return np.array([_mixed_p(*pair) < level for pair in zip(treated, control, strict=True)])


def _mixed_p(treated: Array, control: Array) -> float:
    pieces = []
    for arm, values in enumerate((control, treated)):
        mouse, dendrite = np.indices(values.shape)
        pieces.append(pd.DataFrame({
            "value": values.ravel(), "session": 0.0, "treated": float(arm),
            "mouse": [f"{arm}/{m}" for m in mouse.ravel()],
            "dendrite": [f"{arm}/{m}/{d}" for m, d in zip(mouse.ravel(), dendrite.ravel(), strict=True)],
        }))  # fmt: skip
    table = pd.concat(pieces, ignore_index=True)
    return float(arm_differences(table[np.isfinite(table["value"])]).p[0])
