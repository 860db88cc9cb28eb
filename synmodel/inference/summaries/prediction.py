"""Prediction of a study that the fit has not seen, and of every embedded one left out in turn.

What a new study gets: its own turnover and scoring, from its vehicle arms and from what its other arms showed before
the drug; then its drug arms, predicted by the joint posterior. A predicted mean is uncertain by

* the parameters of the mechanism (draws of the posterior),
* the turnover of this study and what its arms have of their own (importance sampling),
* the laboratory: effects differ between studies by a spread that was learnt,
* the sampling of the mean itself: its SEM, correlated with what the same dendrites showed before the drug. Changes
  share their first session, so an arm that was above it before the drug is expected above it afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from synmodel.core.errors import FitError, SimulationError
from synmodel.core.plain import Json
from synmodel.core.progress import Steps, stage
from synmodel.core.randomness import generator_of
from synmodel.data.studies import Study
from synmodel.inference.summaries.density import Density, weighted
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.folders import like_parameters, read_folder
from synmodel.inference.summaries.hierarchy import BASELINE, EFFECTS, joined, own_names
from synmodel.inference.summaries.joint import load_posterior
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.inference.summaries.summary_fit import fit_problem
from synmodel.inference.summaries.targets import ArmTargets, Means
from synmodel.library.parameters import ParameterSet, Prior, default_parameters
from synmodel.pharmacology import acting_doses, drug_doses
from synmodel.turnover.arguments import whole_number

__all__ = ["DRAWS", "Point", "Prediction", "coverage_range", "predict", "predict_folder", "read_folder"]

Array = NDArray[np.float64]
DRAWS = 800
_POINTS = 4096
_FEWEST = 50
_FEWEST_STUDIES = 3
_TISSUE_DRAWS = 400


@dataclass(frozen=True, eq=False)
class Point:
    """One predicted mean.

    ``sample`` (n_draw,) are draws of what the study would publish; ``centre`` (n_draw,) the same without ``error``, the
    standard deviation of its sampling given what its dendrites showed before the drug (at most the published ``sem``).
    ``observed`` is NaN where nothing was seen yet.
    """

    arm: str
    quantity: str
    start_day: float
    end_day: float
    observed: float
    sem: float
    error: float
    centre: Array
    sample: Array

    @property
    def log_density(self) -> float:
        """Logarithm of the predictive density at the observed mean."""
        from scipy.stats import norm  # on use: it takes a while to load

        terms = norm.logpdf(self.observed, self.centre, self.error)
        return float(logsumexp(terms) - np.log(len(terms)))

    @property
    def crps(self) -> float:
        """Continuous ranked probability score of the observed mean, from the draws: 0 is best."""
        ordered = np.sort(self.sample)
        n = len(ordered)
        spread = float(np.sum((2 * np.arange(1, n + 1) - n - 1) * ordered)) / n**2
        return float(np.abs(ordered - self.observed).mean()) - spread

    def holds(self, level: float) -> bool:
        """Whether the central interval of a level holds the observed mean."""
        low, high = np.quantile(self.sample, [(1 - level) / 2, (1 + level) / 2])
        return bool(low <= self.observed <= high)

    def document(self) -> Json:
        """The point as plain data."""
        low_90, low_50, high_50, high_90 = np.quantile(self.sample, [0.05, 0.25, 0.75, 0.95]).tolist()
        return {
            "arm": self.arm,
            "quantity": self.quantity,
            "start_day": self.start_day,
            "end_day": self.end_day,
            "observed": None if np.isnan(self.observed) else self.observed,
            "sem": self.sem,
            "mean": float(self.sample.mean()),
            "sd": float(self.sample.std(ddof=1)),
            "low_50": low_50,
            "high_50": high_50,
            "low_90": low_90,
            "high_90": high_90,
        }


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted means of the drug arms of a study after the dose.

    ``pareto_k`` says whether the calibration may be trusted: below 0.7.
    """

    study: Study
    points: list[Point]
    pareto_k: float = 0.0

    @property
    def seen(self) -> list[Point]:
        """Points with an observed mean."""
        return [point for point in self.points if not np.isnan(point.observed)]

    def coverage(self, level: float) -> float | None:
        """Share of the observed means that lie in their central interval; None where nothing was seen."""
        return float(np.mean([point.holds(level) for point in self.seen])) if self.seen else None

    def coverage_range(self, level: float) -> tuple[float, float] | None:
        """Range of the coverage in 95 of 100 studies like this one, were the prediction right; None without means."""
        return coverage_range(self.seen, level) if self.seen else None

    def mean_of(self, score: str) -> float | None:
        """Mean of ``log_density`` or ``crps`` over the points that were seen."""
        return float(np.mean([getattr(point, score) for point in self.seen])) if self.seen else None

    def document(self) -> Json:
        """The prediction as plain data."""
        return {
            "study": self.study.name,
            "points": [point.document() for point in self.points],
            "coverage": {"50": self.coverage(0.5), "90": self.coverage(0.9), "n": len(self.seen)},
            "coverage_expected": {"50": self.coverage_range(0.5), "90": self.coverage_range(0.9)},
            "log_predictive_density": self.mean_of("log_density"),
        }


def coverage_range(points: Sequence[Point], level: float) -> tuple[float, float]:
    """Range of the share of means in their central interval in 95 of 100 studies, were the prediction right.

    Means of a study err together, so a right prediction may hold far fewer of them than ``level``, or all. Draws of the
    points belong together row by row: each row is a study that might have been published.
    """
    samples = np.array([point.sample for point in points])
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=1)[..., None]
    held = ((samples >= low) & (samples <= high)).mean(axis=0)
    least, most = np.quantile(held, [0.025, 0.975]).tolist()
    return least, most


def predict_folder(
    folder: str | Path, *, posterior: Estimate | None = None, draws: int = DRAWS, seed: int = 1,
    progress: Steps | None = None,
) -> Prediction:  # fmt: skip
    """Predict the study in a folder; see :func:`predict`."""
    study, targets = read_folder(folder)
    return predict(study, targets, posterior=posterior, draws=draws, seed=seed, progress=progress)


def predict(
    study: Study,
    targets: Sequence[ArmTargets],
    *,
    posterior: Estimate | None = None,
    draws: int = DRAWS,
    seed: int = 1,
    dosed: bool = True,
    progress: Steps | None = None,
) -> Prediction:
    """Predict the drug arms of a study from its vehicle arms, its sessions before the drug, and a posterior.

    Parameters
    ----------
    study : Study
        Its arms, doses and scoring; of any dose of a compound of the library.
    targets : sequence of ArmTargets
        What was published; means of drug arms after the dose are compared with, not used, and may be NaN.
    posterior : Estimate, optional
        Default: the joint posterior of the library.
    draws : int
        Number of draws, at least 50.
    seed : int
        Of the draws.
    dosed : bool
        False predicts as if no dose did anything: the rival *no effect*.
    progress : callable, optional
        Called with (what, done, of).

    Raises
    ------
    SimulationError
        If fewer than 50 draws are asked for.
    FitError
        If no arm got a drug, nothing is known of the study without one, or fewer than 50 draws are possible.
    """
    draws = whole_number("draws", draws, least=_FEWEST)
    source = load_posterior() if posterior is None else posterior
    drugged = [target for target in targets if acting_doses(target.arm.doses)]
    if not drugged:
        message = f"{study.name}: no arm has a dose of an active compound, so there is nothing to predict"
        raise FitError(message)
    base = _baseline_parameters(study, source, seed)
    known = [before for target in targets if (before := _before_drug(target)) is not None]
    if not any(drug_doses(target.arm.doses) == () for target in known):
        message = f"{study.name}: there is no vehicle arm; give one, or sessions before the dose of another arm"
        if not known:
            raise FitError(message)
    own = [name for name in own_names(study) if "_of." in name]
    free = [*(f"{study.name}.{key}" for key in BASELINE), *own]
    without_drug = SummaryProblem(base, free, [study.name], unit=source.problem.unit, targets=known)
    mode = fit_problem(without_drug, seed=seed, starts=3).vector
    calibrated = weighted(Density(without_drug, mode), seed=seed, size=_POINTS, progress=stage(progress, "calibrating"))
    chosen = drugged if dosed else [_without_doses(target) for target in drugged]
    problem = SummaryProblem(
        base.replace(base.unpack(mode, free)), [], [study.name],
        unit=source.problem.unit, drive=source.problem.drive, targets=chosen,
    )  # fmt: skip
    generator = generator_of(seed, "prediction")
    of_arms: list[list[Array]] = [[] for _ in chosen]
    mechanism = source.draws(draws, seed)
    turnover = calibrated.draws(draws, seed)
    for number, (vector, own_vector) in enumerate(zip(mechanism, turnover, strict=True)):
        values = source.problem.values(vector) | base.unpack(own_vector, free)
        for effect in EFFECTS:
            values[f"{study.name}.effect_on.{effect}"] = float(generator.standard_normal())
        values = {**base.as_floats(), **values}
        try:
            means = [_published(problem, place, values) for place in range(len(chosen))]
        except SimulationError:
            continue  # more nascent spines than spines: not a possible dendrite
        for kept, each in zip(of_arms, means, strict=True):
            kept.append(each)
        if progress is not None:
            progress("predicting", number + 1, draws)
    if len(of_arms[0]) < _FEWEST:
        message = (
            f"{study.name}: in only {len(of_arms[0])} of {draws} draws a dendrite has no more nascent spines than "
            f"spines, and at least {_FEWEST} are needed; give more draws, and look at whether the vehicle arm gains as "
            "many spines as it loses"
        )
        raise FitError(message)
    points: list[Point] = []
    for place, (target, centres) in enumerate(zip(chosen, of_arms, strict=True)):
        sems = _sems(target, targets, source.problem.unit)
        points += _points(target, np.array(centres), sems, problem.correlation(place), generator)
    return Prediction(study, points, calibrated.pareto_k)


def _baseline_parameters(study: Study, source: Estimate, seed: int) -> ParameterSet:
    """The parameters with those of the turnover and scoring of a study, at their priors, and of its arms."""
    parameters, group = source.parameters, f"{study.name}."
    if any(name.startswith(group) for name in parameters):
        kept = [p for name, p in parameters.items() if not name.startswith(group)]
        known = [p for name, p in default_parameters().items() if name.startswith(group)]
    else:
        kept, known = list(parameters.values()), []
    if not known:
        known = like_parameters(study.name)
    priors = _tissue_priors(source, study.name, seed)
    begun = [
        replace(p, prior=prior, value=prior.centre) if (prior := priors.get(p.name.partition(".")[2], p.prior)) else p
        for p in known
    ]
    return joined(ParameterSet([*kept, *begun]), [study])


def _tissue_priors(source: Estimate, study: str, seed: int) -> dict[str, Prior]:
    """Prior of each number of the turnover and scoring of a new study: what the studies of the posterior have.

    The vehicle arm of a study with short intervals hardly tells turnover from scoring: without this, what the drug adds
    to formation would be lost in scoring that no study has. Its centre and variance are those of all draws of all
    studies, the variance times 1 + 1/m for m studies, as their mean is uncertain; normal, and without correlations (an
    approximation). Fewer than three studies say too little of how tissues differ: then the library's priors stay.
    """
    problem = source.problem
    others = [name for name in problem.studies if name != study]
    if len(others) < _FEWEST_STUDIES:
        return {}
    draws = source.draws(_TISSUE_DRAWS, seed)
    priors = {}
    for key in BASELINE:
        columns = [problem.free.index(f"{other}.{key}") for other in others if f"{other}.{key}" in problem.free]
        if len(columns) < _FEWEST_STUDIES:
            continue
        values = draws[:, columns]
        within = float(values.var(axis=0).mean())
        between = float(values.mean(axis=0).var(ddof=1))
        spread = np.sqrt((within + between) * (1.0 + 1.0 / len(columns)))
        parameter = problem.parameters[problem.free[columns[0]]]
        priors[key] = Prior(parameter.from_coordinate(float(values.mean())), float(spread))
    return priors


def _before_drug(target: ArmTargets) -> ArmTargets | None:
    """What an arm showed without a drug: all of a vehicle arm, of another what came before its first active dose."""
    acting = acting_doses(target.arm.doses)
    if not acting:
        return target
    first = min(day for dose in acting for day in dose.days)
    kept = tuple(each for means in target.turnover if (each := _until(means, first)) is not None)
    head = None if target.head_width is None else _until(target.head_width, first)
    sessions = target.sessions[target.sessions <= first]
    if len(sessions) < 2 or not kept:
        return None
    return replace(target, sessions=sessions, turnover=kept, head_width=head, persistence=None)


def _until(means: Means, day: float) -> Means | None:
    rows = (means.end <= day) & np.isfinite(means.mean)
    if not rows.any():
        return None
    names = ("at", "start", "end", "mean", "sem_dendrite", "sem_mouse", "n_dendrites")
    return Means(means.quantity, *(getattr(means, name)[rows] for name in names))


def _without_doses(target: ArmTargets) -> ArmTargets:
    return replace(target, arm=target.arm.model_copy(update={"doses": ()}))


def _published(problem: SummaryProblem, place: int, values: Mapping[str, float]) -> Array:
    """Expected means of an arm, in the order of its targets."""
    prediction = problem.predict_arm(place, values)
    return np.concatenate([prediction.of(means.quantity)[means.at] for means in problem.arms[place].means])


def _sems(target: ArmTargets, targets: Sequence[ArmTargets], unit: str) -> Array:
    """SEM of each mean of an arm; where it has none yet, the median of that quantity over the study's arms."""
    pieces = []
    for means in target.means:
        sem = means.sem(unit).copy()
        others = np.concatenate([m.sem(unit) for t in targets for m in t.means if m.quantity == means.quantity])
        if np.isnan(sem).any() and not np.isfinite(others).any():
            message = f"{target.study.name}: no SEM of {means.quantity} in any arm; give at least one"
            raise FitError(message)
        pieces.append(np.where(np.isfinite(sem), sem, np.nanmedian(others)))
    return np.concatenate(pieces)


def _points(
    target: ArmTargets, centres: Array, sems: Array, correlation: Array, generator: np.random.Generator
) -> Iterator[Point]:
    """Points after the first active dose (of an arm without one, after day 0), given the means before it."""
    acting = acting_doses(target.study.arm(target.arm.name).doses)
    first = min((day for dose in acting for day in dose.days), default=0.0)
    observed, ends = (np.concatenate([getattr(means, key) for means in target.means]) for key in ("mean", "end"))
    before = np.flatnonzero((ends <= first) & np.isfinite(observed))
    slopes = np.linalg.solve(correlation[np.ix_(before, before)], correlation[before]).T
    centres = centres + sems * ((observed[before] - centres[:, before]) / sems[before] @ slopes.T)
    left = correlation - slopes @ correlation[before]
    after = np.flatnonzero(ends > first)
    root = np.linalg.cholesky(left[np.ix_(after, after)])
    noise = generator.standard_normal((len(centres), len(after))) @ root.T
    quantities = [means.quantity for means in target.means for _ in means.at]
    starts = np.concatenate([means.start for means in target.means])
    for column, at in enumerate(after.tolist()):
        centre = centres[:, at]
        yield Point(
            target.arm.name, quantities[at], float(starts[at]), float(ends[at]), float(observed[at]), float(sems[at]),
            float(sems[at] * np.sqrt(left[at, at])), centre, centre + sems[at] * noise[:, column],
        )  # fmt: skip
