"""Contrasts between a drug and its control: the same dendrites, with and without the dose.

Two kinds of answer, for two kinds of question:

* :func:`contrasts`: the expected effect, exact, with an interval from the uncertainty of the fit (draws of the joint
  posterior, or of a fit's Gaussian approximation).
* :func:`paired`: simulated experiments under shared draws. Their mean confirms the expectation through the whole
  chain of imaging; simulated with separate draws they show what one repeat of a study would report.

Each drug is compared within its own study: baselines and scoring differ between studies, effects do not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Literal, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.embedded import embedded_arm
from synmodel.core.errors import FitError, SimulationError
from synmodel.core.progress import Progress
from synmodel.core.randomness import stream_key
from synmodel.data import load_study
from synmodel.data.summaries import baseline_density
from synmodel.imaging import summarise
from synmodel.inference.summaries.estimate import LEVEL, Estimate
from synmodel.inference.summaries.targets import arm_targets
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Cohort, Regimen, Scenario, Schedule
from synmodel.simulation import expect, simulate
from synmodel.simulation.courses import half_peak
from synmodel.turnover import Propagation
from synmodel.turnover.arguments import whole_number
from synmodel.turnover.hazards import folds_on_cells
from synmodel.turnover.moments import newborn_means
from synmodel.turnover.propagation import compose
from synmodel.turnover.size import log_width_shift

__all__ = [
    "FEWEST_DRAWS", "Contrast", "Effect", "contrasts", "effect_of", "paired", "study_scenario", "with_interval",
]  # fmt: skip

Array = NDArray[np.float64]
T = TypeVar("T")

HORIZON_DAY = 35.0
SESSIONS = (-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 34.0)
"""Sessions at which both drugs are compared."""

_OF_FIRST_DAY = ("density_onset_day", "formation_onset_day", "extra_spines_day_1")
"""Contrasts that hang on the first day, in which no session lies."""

_OF_LAST_DAY = ("extra_spine_days", "extra_spines_day_35", "extra_spines_kept_day_34")

_FINE_DAYS = np.concatenate([np.arange(0.0, 1.0, 1 / 12), np.arange(1.0, 8.0, 0.25)])
FEWEST_DRAWS = 50
"""Of the parameters, behind a 95 % interval."""


@dataclass(frozen=True)
class Contrast:
    """One number that compares a drug with its control.

    ``estimate`` is NaN where the studies hold nothing to estimate it from; ``note`` says why, or what limits it.
    """

    long_name: str
    estimate: float
    low: float
    high: float
    unit: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Effect:
    """Expected course of a drug and its control on the same dendrites.

    Attributes
    ----------
    day : (n,) ndarray
        Time since the dose [day].
    treated, control : (n,) ndarray
        Spines there, relative to the spines of the control at day 0.
    formation_fold : (n,) ndarray
        Formation, fold over baseline.
    elimination_fold : (n,) ndarray
        Elimination hazards, fold over baseline.
    formation_gain : (n_interval,) ndarray
        Scored formation fraction, drug minus control.
    elimination_gain : (n_interval,) ndarray
        Scored elimination fraction, drug minus control.
    lasting, lasting_control : float
        Of the spines formed between days -1 and 1 and there on day 1, the share there on day 34.
    head_width, head_width_late : float
        Mean head width on day 1, and on day 34, over that of the control, minus 1.
    """

    day: Array
    treated: Array
    control: Array
    formation_fold: Array
    elimination_fold: Array
    formation_gain: Array
    elimination_gain: Array
    lasting: float
    lasting_control: float
    head_width: float
    head_width_late: float

    @property
    def gain(self) -> Array:
        """(n,) extra spines, as a fraction of the control's spines at day 0."""
        return self.treated - self.control


def effect_of(drug: str, estimate: Estimate, vector: Array | None = None) -> Effect:
    """Expected effect of one dose of a drug in the tissue of its study.

    Parameters
    ----------
    drug : str
        Name of one of :func:`synmodel.analysis.embedded.embedded_arms`.
    estimate : Estimate
        Whose drive, mechanistic or pulse, is followed.
    vector : (n_free,) ndarray, optional
        Draw of the estimate's free parameters; default: the estimate itself.
    """
    target = arm_targets(embedded_arm(drug).study, drug)
    values = estimate.problem.values(estimate.vector if vector is None else vector)
    tissue = estimate.problem.tissue(target, values)
    study, density = target.study, target.density
    days = _days()
    knots, folds = estimate.problem.drives.folds(replace(target, sessions=days), values)
    start = tissue.initial_means(density)
    zero = int(np.searchsorted(days, 0.0))
    courses = {}
    for name, course in (("treated", folds), ("control", {})):
        steps = compose(tissue.model, folds_on_cells(tissue.model, days, knots, course), days)
        there = (start @ steps.cumulative() + newborn_means(steps)).sum(axis=1)
        at_sessions = steps.joined(np.searchsorted(days, SESSIONS))
        expected = expect(tissue, np.array(SESSIONS), at_sessions, density, study.dendrite_length.to("um"))
        courses[name] = (there, expected, _lasting(at_sessions))
    control_now = courses["control"][0][zero]
    shift = log_width_shift(np.array([1.0, SESSIONS[-1]]), knots, folds["head_size"], tissue.head_width.response)
    cell = np.clip(np.searchsorted(knots, days[zero:], side="right") - 1, 0, None)
    return Effect(
        day=days[zero:],
        treated=courses["treated"][0][zero:] / control_now,
        control=courses["control"][0][zero:] / control_now,
        formation_fold=folds["formation"][cell],
        elimination_fold=folds["elimination"][cell],
        formation_gain=courses["treated"][1].formation - courses["control"][1].formation,
        elimination_gain=courses["treated"][1].elimination - courses["control"][1].elimination,
        lasting=courses["treated"][2],
        lasting_control=courses["control"][2],
        head_width=float(np.expm1(shift[0])),
        head_width_late=float(np.expm1(shift[1])),
    )


@cache
def _days() -> Array:
    """Days at which effects are followed: sessions, every half-day, and more within the first week."""
    return np.unique(np.concatenate([SESSIONS, _FINE_DAYS, np.arange(0.0, HORIZON_DAY + 0.5)]))


def _lasting(steps: Propagation) -> float:
    """Share of the spines formed in the interval -1 to 1 (index 1) that are there at the last session."""
    new = steps.newborn[1]
    there = new
    for matrix in steps.survival[2:]:
        there = there @ matrix
    return float(there.sum() / new.sum())


def _scalars(effect: Effect) -> dict[str, tuple[float, str, str]]:
    """Every contrast of one effect as (value, unit, meaning)."""
    table: dict[str, tuple[float, str, str]] = {}
    for (start, end), formation, elimination in zip(
        pairwise(SESSIONS[1:]), effect.formation_gain[1:], effect.elimination_gain[1:], strict=True
    ):
        for name, gain in (("formation", formation), ("elimination", elimination)):
            meaning = f"{name} fraction, day {start:g} to {end:g}: drug minus control"
            table[f"{name}_gain_day_{start:g}_to_{end:g}"] = (100 * gain, "percentage points", meaning)
    gain = effect.gain
    table["extra_spine_days"] = (
        float(np.trapezoid(gain, effect.day)),
        "day",
        "extra spines over five weeks: area under the gain, spine-days per baseline spine",
    )
    for day in (1, 7):
        there = 100 * float(gain[np.searchsorted(effect.day, day)])
        table[f"extra_spines_day_{day}"] = (there, "%", f"extra spines on day {day}, of the control's on day 0")
    table["extra_spines_day_35"] = (100 * float(gain[-1]), "%", "extra spines on day 35, of the control's on day 0")
    table["peak_extra_spines"] = (
        100 * float(gain.max()),
        "%",
        "largest number of extra spines, of the control's on day 0 (the maximum over days, never below 0, so its "
        "interval differs from the band of the figure at any one day)",
    )
    table["lasting_fraction"] = (
        effect.lasting, "1", "of the spines new on day 1, the share still there on day 34"
    )  # fmt: skip
    table["lasting_fraction_gain"] = (
        effect.lasting - effect.lasting_control, "1", "the same, drug minus control"
    )  # fmt: skip
    table["head_width_gain_day_1"] = (100 * effect.head_width, "%", "mean head width on day 1: drug over control")
    for name, what, late, peak in (
        ("extra_spines", "of the largest number of extra spines", gain[np.searchsorted(effect.day, 34)], gain.max()),
        ("head_width", "of the gain of mean head width on day 1", effect.head_width_late, effect.head_width),
    ):
        kept = 100 * float(late / peak) if peak else math.nan
        table[f"{name}_kept_day_34"] = (kept, "%", f"{what}, the share left on day 34")
    table["formation_peak_fold"] = (
        float(effect.formation_fold.max()),
        "1",
        "formation at its highest, fold over baseline",
    )
    table["elimination_lowest_fold"] = (
        float(effect.elimination_fold.min()),
        "1",
        "elimination at its lowest, fold over baseline",
    )
    for name, curve, what in (
        ("density", gain, "extra spines"),
        ("formation", effect.formation_fold - 1.0, "the change of formation rates"),
        ("elimination", effect.elimination_fold - 1.0, "the change of elimination hazards"),
    ):
        onset, last = half_peak(effect.day, curve)
        table[f"{name}_onset_day"] = (onset, "day", f"first day at which {what} exceed half their peak")
        table[f"{name}_duration_day"] = (last, "day", f"last day at which {what} exceed half their peak")
    return table


def contrasts(
    fit: Estimate, drug: str, *, draws: int = 512, seed: int = 1, progress: Progress | None = None
) -> tuple[dict[str, Contrast], xr.Dataset]:
    """Expected contrasts of a drug with 95 % intervals, and the curves behind them.

    Parameters
    ----------
    fit : Estimate
        Of the study that shows the drug.
    drug : str
        Name of one of :func:`synmodel.analysis.embedded.embedded_arms`.
    draws : int
        Number of parameter draws.
    seed : int
        Of the draws.

    Returns
    -------
    contrasts : dict of str to Contrast
    curves : Dataset
        ``gain``, ``formation_fold`` and ``elimination_fold`` on (bound, day) with bounds estimate, low and high.

    Raises
    ------
    SimulationError
        If fewer than 50 draws are asked for.
    FitError
        If fewer than 50 of them are possible parameter values.
    """
    draws = whole_number("draws", draws, least=FEWEST_DRAWS)
    best = effect_of(drug, fit)
    estimates = _scalars(best)
    effects = _of_draws(fit, draws, seed, lambda vector: effect_of(drug, fit, vector), progress)
    scalars = [_scalars(effect) for effect in effects]
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    table = {}
    for name, (value, unit, meaning) in estimates.items():
        if name.startswith("head_") and arm_targets(embedded_arm(drug).study, drug).head_width is None:
            table[name] = Contrast(meaning, math.nan, math.nan, math.nan, unit, f"{drug}: no head widths published")
            continue
        low, high = np.nanquantile([each[name][0] for each in scalars], tails)
        table[name] = Contrast(meaning, value, float(low), float(high), unit, _note(fit, drug, name, high))
    curves = xr.Dataset(
        {
            name: (
                ("bound", "day"),
                np.stack([getattr(best, name), *np.quantile([getattr(each, name) for each in effects], tails, axis=0)]),
            )
            for name in ("gain", "formation_fold", "elimination_fold")
        },
        coords={"bound": ["estimate", "low", "high"], "day": best.day},
    )
    curves["day"].attrs.update(units="day", long_name="time since the dose")
    curves["gain"].attrs.update(units="1", long_name="extra spines, as a fraction of the control's on day 0")
    curves["formation_fold"].attrs.update(units="1", long_name="formation, fold over baseline")
    curves["elimination_fold"].attrs.update(units="1", long_name="elimination hazards, fold over baseline")
    return table, curves


def _note(fit: Estimate, drug: str, name: str, high: float) -> str:
    """What limits a contrast, in words."""
    notes = []
    last_session = max(
        target.sessions[-1]
        for target in fit.problem.arms
        if target.study.name == embedded_arm(drug).study and target.arm.name == drug
    )
    beyond = name.startswith("lasting") or name in _OF_LAST_DAY
    if (beyond or name.endswith("7_to_34")) and last_session < SESSIONS[-1]:
        notes.append(f"extrapolated: the last session of the {drug} arm is day {last_session:g}")
    if name.endswith("duration_day") and high >= HORIZON_DAY:
        notes.append(f"cut at day {HORIZON_DAY:g}; the data do not bound it from above")
    if name in _OF_FIRST_DAY:
        notes.append("no session lies between the dose and day 1; the rise within that day rests on priors")
    return "; ".join(notes)


def with_interval(
    fit: Estimate,
    quantity: Callable[[ParameterSet], Any],
    *,
    draws: int = 512,
    seed: int = 1,
    progress: Progress | None = None,
) -> Array:
    """Any quantity that follows from the parameters, with its 95 % interval from the uncertainty of a fit.

    Parameters
    ----------
    fit : Estimate
        What is uncertain is what it leaves free.
    quantity : callable
        From a ParameterSet to a number or an array of numbers, always of one shape.
    draws : int
        Number of parameter draws.
    seed : int
        Of the draws.

    Returns
    -------
    (3, ...) ndarray
        Estimate, low and high.

    Raises
    ------
    SimulationError
        If fewer than 50 draws are asked for.
    FitError
        If fewer than 50 of them are possible parameter values.
    """
    draws = whole_number("draws", draws, least=FEWEST_DRAWS)
    best, free = fit.parameters, fit.problem.free
    drawn = _of_draws(fit, draws, seed, lambda vector: quantity(best.replace(best.unpack(vector, free))), progress)
    tails = np.nanquantile(np.array(drawn, float), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return np.stack([np.asarray(quantity(best), float), *tails])


def _of_draws(
    fit: Estimate, draws: int, seed: int, function: Callable[[Array], T], progress: Progress | None
) -> list[T]:
    """What follows from each draw of the parameters that is possible."""
    found = []
    for number, vector in enumerate(fit.draws(draws, seed)):
        try:
            found.append(function(vector))
        except SimulationError:
            continue  # more nascent spines than spines: not a possible dendrite
        if progress is not None:
            progress(number + 1, draws)
    if len(found) < FEWEST_DRAWS:
        message = (
            f"only {len(found)} of {draws} parameter draws are possible, where a dendrite has no more nascent spines "
            f"than spines, and at least {FEWEST_DRAWS} are needed; give more draws, or fit more data"
        )
        raise FitError(message)
    return found


def study_scenario(
    drug: str, *, treated: bool, drive: Literal["mechanistic", "phenomenological"] = "mechanistic"
) -> Scenario:
    """The scenario of a drug's study: its design and doses."""
    shown = embedded_arm(drug)
    study = load_study(shown.study)
    arm = study.arm(drug)
    return Scenario(
        name=f"{study.name}-{drug if treated else 'control'}",
        baseline=study.name,
        drive=drive,
        regimen=Regimen(doses=arm.doses if treated else ()),
        schedule=Schedule(sessions=SESSIONS),
        cohort=Cohort(
            animals=shown.cohort.animals,
            dendrites_per_animal=shown.cohort.dendrites_per_animal,
            initial_density_per_um=baseline_density(study.name, drug),
        ),
    )


def _another(seed: int) -> int:
    """A seed whose draws have nothing to do with those of ``seed`` or of its neighbours."""
    return int(stream_key(seed, "separate control")[0])


def paired(drug: str, parameters: ParameterSet, *, replicates: int, seed: int) -> xr.Dataset:
    """Simulated contrasts of a study's statistics between drug and control.

    Parameters
    ----------
    drug : str
        Name of one of :func:`synmodel.analysis.embedded.embedded_arms`.
    parameters : ParameterSet
        Usually those of a fit.
    replicates : int
        Simulated experiments.
    seed : int
        Drug and control share it, so each replicate is the same animals with and without drug; for what one
        repeat of the study would report, the control is simulated again with other draws.

    Returns
    -------
    Dataset
        On ``point`` (coordinates ``quantity``, ``start_day``, ``end_day``): ``mean`` of the paired differences,
        its Monte Carlo error ``error``, ``experiment_low`` and ``experiment_high`` (95 % of experiments with
        separate groups), and ``variance_ratio`` (separate over shared draws).
    """
    treated = summarise(simulate(study_scenario(drug, treated=True), parameters, replicates=replicates, seed=seed))
    control = study_scenario(drug, treated=False)
    same = summarise(simulate(control, parameters, replicates=replicates, seed=seed))
    other = summarise(simulate(control, parameters, replicates=replicates, seed=_another(seed)))
    shared = treated["mean"] - same["mean"]
    separate = treated["mean"] - other["mean"]
    tails = separate.quantile([(1 - LEVEL) / 2, (1 + LEVEL) / 2], dim="replicate")
    return xr.Dataset(
        {
            "mean": shared.mean("replicate"),
            "error": shared.std("replicate", ddof=1) / np.sqrt(replicates),
            "experiment_low": tails.isel(quantile=0, drop=True),
            "experiment_high": tails.isel(quantile=1, drop=True),
            "variance_ratio": separate.var("replicate") / shared.var("replicate"),
        }
    )
