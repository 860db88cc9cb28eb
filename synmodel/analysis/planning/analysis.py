"""How often simulated studies of a plan find a difference, by the analysis that the laboratory will use.

Welch's t over the means of mice is computed for all studies at once; a mixed model and the likelihood are fitted study
by study. Each also says how often it finds a difference between two arms without any: its type-I error, which is 5 % if
it does what it says.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.likelihood import likelihood_ratios
from synmodel.analysis.planning.options import Option
from synmodel.analysis.planning.outcome import DendriteOutcome
from synmodel.analysis.planning.power import Analysis
from synmodel.analysis.planning.simulated import SimulatedShare, dendrite_outcomes, estimated, of_mice, pooled_rejects
from synmodel.core.progress import Steps, stage
from synmodel.imaging.power import welch_rejects
from synmodel.inference.conventional.mixed_models import arm_differences
from synmodel.scenario import Scenario
from synmodel.simulation import simulate

__all__ = ["CheckedPower", "checked_power", "mixed_rejects"]

Array = NDArray[np.float64]
Hits = NDArray[np.bool_]
_LEVEL = 0.05
_CHI2 = 3.841458820694124
"""95 % quantile of chi-squared with one degree of freedom."""


class CheckedPower(NamedTuple):
    """What simulated studies of an option find.

    Attributes
    ----------
    power : dict
        Quantity -> share of studies that find its effect; over draws of the posterior with the error between draws.
    type_1, pooled : dict
        Quantity -> share of studies without an effect that find one all the same: by the analysis, and by a t-test over
        all dendrites as if they were independent.
    """

    power: dict[str, SimulatedShare]
    type_1: dict[str, SimulatedShare]
    pooled: dict[str, SimulatedShare]

    @property
    def least(self) -> SimulatedShare:
        """Power for the quantity that is found least often."""
        return min(self.power.values(), key=lambda each: each.estimate)


def checked_power(
    draws: Sequence[Arms],
    option: Option,
    outcomes: Sequence[DendriteOutcome],
    analysis: Analysis,
    *,
    studies: int,
    seed: int,
    progress: Steps | None = None,
) -> CheckedPower:
    """Simulate studies of an option and analyse them.

    Parameters
    ----------
    draws : sequence of Arms
        One for each draw of the posterior, among which the studies are divided, or one alone.
    option : Option
        Days, mice and dendrites.
    outcomes : sequence of DendriteOutcome
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
    names = [outcome.quantity for outcome in outcomes]
    found: list[_Found] = []
    for number, arms in enumerate(draws):
        inner = progress if len(draws) == 1 else None
        found.append(_find(arms, option, outcomes, analysis, (number * each, each), seed, inner))
        if progress is not None and len(draws) > 1:
            progress("studies", (number + 1) * each, len(draws) * each)

    def pooled_over(kind: int) -> dict[str, SimulatedShare]:
        return {name: estimated(np.concatenate([each[kind][at] for each in found])) for at, name in enumerate(names)}

    power = {name: _over_draws([each.power[at] for each in found]) for at, name in enumerate(names)}
    return CheckedPower(power, pooled_over(1), pooled_over(2) if found[0].pooled else {})


class _Found(NamedTuple):
    """Of each outcome, which studies find a difference: with the effect, without it, and without it if pooled."""

    power: list[Hits]
    type_1: list[Hits]
    pooled: list[Hits]


def _over_draws(hits: Sequence[Hits]) -> SimulatedShare:
    """Mean power over draws, which differ; of one draw Wilson's interval."""
    if len(hits) == 1:
        return estimated(hits[0])
    shares = np.array([each.mean() for each in hits])
    mean, error = float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares)))
    low, high = max(0.0, mean - 1.96 * error), min(1.0, mean + 1.96 * error)
    return SimulatedShare(mean, error, low, high, sum(each.size for each in hits))


_ARMS = ((0, "treated"), (1, "control"), (1, "control again"))
"""Which scenario each simulated arm is of, and what it is; the last stands in for a treated arm without any effect."""
_ARM_STRIDE = 2**24  # replicates of an arm, far more than are ever simulated


def _find(
    arms: Arms, option: Option, outcomes: Sequence[DendriteOutcome], analysis: Analysis, replicates: tuple[int, int],
    seed: int, progress: Steps | None,
) -> _Found:  # fmt: skip
    sessions = option.days.sessions
    plans, drives = arms.planned(sessions, option.mice, option.dendrites), arms.drives(sessions)
    first, n = replicates
    if analysis == "likelihood":
        treated, control, again = (
            simulate(
                plans[at],
                arms.parameters,
                replicates=n,
                seed=seed,
                first_replicate=first + place * _ARM_STRIDE,
                drive=drives[at],
            )
            for place, (at, _) in enumerate(_ARMS)
        )
        null, power = (
            [likelihood_ratios(arms, pair, each.quantity, progress=stage(progress, what)) for each in outcomes]
            for pair, what in (((again, control), "fits without the effect"), ((treated, control), "fits with it"))
        )
        critical = [max(_CHI2, float(np.quantile(each, 1 - _LEVEL))) for each in null]
        return _Found(
            [ratios > limit for ratios, limit in zip(power, critical, strict=True)],
            [ratios > _CHI2 for ratios in null],
            [],
        )
    return _tested(plans, drives, arms, outcomes, analysis, replicates, seed, progress)


def _tested(
    plans: Sequence[Scenario], drives: Sequence[xr.Dataset], arms: Arms, outcomes: Sequence[DendriteOutcome],
    analysis: Analysis, replicates: tuple[int, int], seed: int, progress: Steps | None,
) -> _Found:  # fmt: skip
    """By a test of one number per dendrite."""
    first, n = replicates
    treated, control, again = (
        dendrite_outcomes(
            plans[at], outcomes, replicates=(first + place * _ARM_STRIDE, n), seed=seed, parameters=arms.parameters,
            drive=drives[at], progress=stage(progress, f"simulated studies, {what}"),
        )
        for place, (at, what) in enumerate(_ARMS)
    )  # fmt: skip
    rejects = mixed_rejects if analysis == "mixed" else _welch_rejects
    return _Found(
        [rejects(*pair) for pair in zip(treated, control, strict=True)],
        [rejects(*pair) for pair in zip(again, control, strict=True)],
        [pooled_rejects(*pair) for pair in zip(again, control, strict=True)],
    )


def _welch_rejects(first: Array, second: Array) -> Hits:
    return welch_rejects(of_mice(first), of_mice(second), _LEVEL)


def mixed_rejects(treated: Array, control: Array, level: float = _LEVEL) -> Hits:
    """Whether a mixed model of dendrites, with mice as random intercepts, finds a difference (Wald).

    Parameters
    ----------
    treated, control : (n_study, n_mouse, n_dendrite) ndarray
        One number per dendrite; NaN where it could not be scored.
    """
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
