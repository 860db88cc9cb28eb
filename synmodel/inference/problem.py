r"""The fit of group summaries as a least-squares problem.

::

    -2 log L = sum over means ((published - expected) / SEM)^2 + binomial deviance of new-spine persistence

with exact expectations (:mod:`synmodel.imaging.expectation`), the arms of a study sharing its baseline, scoring
and age trend, and arms with the same drug sharing its effects. Weak priors are further squares. Published means
of the same dendrites are not independent; the likelihood treats them as if they were (a composite likelihood),
and :mod:`synmodel.inference.covariance` puts the correlation back into the uncertainty.

The change of mean head width is e^s (1 + n SEM^2 / 2) - 1 with the shift s of ln w: the second term is the
bias of a mean of ratios, from the published SEM itself (second order).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.data import load_study
from synmodel.errors import FitError, SimulationError
from synmodel.grid import time_grid
from synmodel.imaging.expectation import Expected
from synmodel.inference.targets import ArmTargets, Persistence, Unit, arm_targets
from synmodel.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Subject
from synmodel.signalling.cascade import cascade_folds
from synmodel.signalling.phenomenology import effective_doses, pulse_folds
from synmodel.signalling.signals import collect
from synmodel.simulation import EXPOSURE_PARAMETERS, Tissue, expect, exposure_of, tissue_of
from synmodel.turnover import Propagation
from synmodel.turnover.hazards import folds_on_cells
from synmodel.turnover.propagation import compose
from synmodel.turnover.size import log_width_shift

__all__ = ["STUDIES", "ArmPrediction", "SummaryProblem", "free_parameters"]

Array = NDArray[np.float64]
DriveKind = Literal["phenomenological", "mechanistic"]

STUDIES = ("phoumthipphavong2016", "shao2021")
"""Studies of the library that are fitted jointly."""

_BASELINE = ("formation", "loss_nascent", "maturation", "loss_mature", "miss", "nascent_excess", "formation_trend")
_EFFECTS = ("formation_fold", "maturation_fold", "elimination_fold", "decay", "head_fold", "head_decay")
_MECHANISM = ("nmda", "serotonin", "cascade", "blocker")
_IMPOSSIBLE = 100.0
FIRST_STEP_DAY, PER_DECADE, LARGEST_STEP_DAY = 0.05, 10, 0.5


class ArmPrediction(NamedTuple):
    """Expected statistics of one arm and the change of mean head width (empty if not published)."""

    expected: Expected
    head_width: Array


def free_parameters(parameters: ParameterSet, studies: Sequence[str] = STUDIES) -> list[str]:
    """Names that the phenomenological fit of these studies frees: baselines, then effects of their drugs.

    An effect on head width is freed only where a study of the drug publishes head widths.
    """
    names = [f"{study}.{key}" for study in studies for key in _BASELINE]
    with_head: dict[str, bool] = {}
    for study in studies:
        for arm in load_study(study).arms:
            for dose in arm.doses:
                if f"{dose.compound}.formation_fold" in parameters:
                    has_head = arm_targets(study, arm.name).head_width is not None
                    with_head[dose.compound] = with_head.get(dose.compound, False) or has_head
    for drug, has_head in with_head.items():
        names += [f"{drug}.{key}" for key in _EFFECTS if has_head or not key.startswith("head_")]
    return names


class _ArmCourse(NamedTuple):
    """What happens to spines under one drug: sessions, propagation between them, shift of ln head width."""

    sessions: Array
    steps: Propagation
    shift: Array


class SummaryProblem:
    """Residuals of the published summaries as a function of free parameters.

    Parameters
    ----------
    parameters : ParameterSet
        All values, also of what is not free.
    free : sequence of str
        Names of the free parameters, the order of the vector.
    studies : sequence of str
        Names of studies.
    unit : {"mouse", "dendrite"}
        Unit of replication, whose SEM weighs the residuals.
    drive : {"phenomenological", "mechanistic"}
        How doses become folds.
    targets : sequence of ArmTargets, optional
        Published numbers by arm; default: those of the library for all arms of the studies.
    """

    def __init__(
        self,
        parameters: ParameterSet,
        free: Sequence[str],
        studies: Sequence[str] = STUDIES,
        *,
        unit: Unit = "mouse",
        drive: DriveKind = "phenomenological",
        targets: Sequence[ArmTargets] | None = None,
    ) -> None:
        if unit not in ("mouse", "dendrite"):
            message = f"unit is {unit!r}; the unit of replication is 'mouse' or 'dendrite'"
            raise FitError(message)
        self.parameters = parameters
        self.free = list(free)
        self.studies = list(studies)
        self.unit = unit
        self.drive = drive
        self.lower, self.upper = parameters.bounds(self.free)
        if targets is None:
            targets = [arm_targets(study, arm.name) for study in studies for arm in load_study(study).arms]
        self.arms = list(targets)
        self._fixed = parameters.as_floats()
        self._affects = {study: self._names_affecting(study, self.free) for study in studies}
        self._reads = {study: self._names_affecting(study, list(parameters)) for study in studies}
        self._memory: dict[str, tuple[tuple[float, ...], dict[str, ArmPrediction]]] = {}
        self._exposures: dict[tuple[object, ...], xr.Dataset] = {}
        self._grids: dict[tuple[str, str, bytes], Array] = {}
        self._targets = {study: [t for t in self.arms if t.study.name == study] for study in studies}

    # -- parameters ------------------------------------------------------------------------------------------

    def _names_affecting(self, study: str, names: Sequence[str]) -> list[str]:
        compounds = {dose.compound for arm in load_study(study).arms for dose in arm.doses}
        groups = {study, *(_MECHANISM if self.drive == "mechanistic" else compounds)}
        return [name for name in names if name.partition(".")[0] in groups]

    def n_parameters(self, study: str) -> int:
        """Number of free parameters on which the predictions for a study depend."""
        return len(self._affects[study])

    def blocks(self) -> list[tuple[list[str], list[str]]]:
        """Studies that share free parameters, with those parameters: blocks can be fitted on their own."""
        blocks: list[tuple[list[str], list[str]]] = []
        for study in self.studies:
            joined, names = [study], set(self._affects[study])
            for other in list(blocks):
                if names & set(other[1]):
                    blocks.remove(other)
                    joined, names = other[0] + joined, names | set(other[1])
            blocks.append((joined, [name for name in self.free if name in names]))
        return blocks

    def altered(
        self,
        parameters: ParameterSet,
        free: Sequence[str],
        *,
        studies: Sequence[str] | None = None,
        drive: DriveKind | None = None,
    ) -> "SummaryProblem":
        """The same data with other parameters or another drive, or those of some studies only."""
        chosen = self.studies if studies is None else studies
        return SummaryProblem(
            parameters,
            free,
            chosen,
            unit=self.unit,
            drive=self.drive if drive is None else drive,
            targets=[target for target in self.arms if target.study.name in chosen],
        )

    def start(self) -> Array:
        """Vector of the given parameter values."""
        return self.parameters.pack(self.free)

    def values(self, vector: Array) -> dict[str, float]:
        """All parameter values by name at a vector."""
        return {**self._fixed, **self.parameters.unpack(vector, self.free)}

    # -- predictions -----------------------------------------------------------------------------------------

    def predict(self, values: Mapping[str, float]) -> dict[tuple[str, str], ArmPrediction]:
        """Expected statistics of every arm, by (study, arm)."""
        predictions = {}
        for study in self.studies:
            for arm, prediction in self._predict_study(study, values).items():
                predictions[study, arm] = prediction
        return predictions

    def _predict_study(self, study: str, values: Mapping[str, float]) -> dict[str, ArmPrediction]:
        key = tuple(values[name] for name in self._reads[study])
        # A finite difference in one study's parameter leaves the others' predictions as they were.
        if study in self._memory and self._memory[study][0] == key:
            return self._memory[study][1]
        tissue = tissue_of(study, values)
        predictions: dict[str, ArmPrediction] = {}
        computed: dict[tuple[object, ...], _ArmCourse] = {}
        for target in sorted(self._targets[study], key=lambda each: -len(each.sessions)):
            drug = self._drug(target, values)
            if drug not in computed:
                computed[drug] = self._course(target, tissue, values)
            predictions[target.arm.name] = _prediction(target, tissue, computed[drug])
        self._memory[study] = (key, predictions)
        return predictions

    def course(self, target: ArmTargets, values: Mapping[str, float]) -> "_ArmCourse":
        """Propagation and shift of head width of an arm between its own sessions."""
        return self._course(target, tissue_of(target.study.name, values), values)

    def density_change(self, target: ArmTargets, values: Mapping[str, float], days: Array) -> Array:
        """Expected change of scored density relative to the first session, on other days than the sessions.

        Parameters
        ----------
        days : (n,) ndarray
            Rising, after the first session [day].
        """
        denser = replace(target, sessions=np.concatenate([target.sessions[:1], days]), head_width=None)
        tissue = tissue_of(target.study.name, values)
        return _prediction(denser, tissue, self._course(denser, tissue, values)).expected.density_change

    def _course(self, target: ArmTargets, tissue: Tissue, values: Mapping[str, float]) -> "_ArmCourse":
        knots, folds = self._folds(target, values)
        cells = folds_on_cells(tissue.model, target.sessions, knots, folds)
        shift = np.zeros(len(target.sessions))
        if "head_size" in folds:
            shift = log_width_shift(target.sessions, knots, folds["head_size"], tissue.head_width.response)
        return _ArmCourse(target.sessions, compose(tissue.model, cells, target.sessions), shift)

    def _drug(self, target: ArmTargets, values: Mapping[str, float]) -> tuple[object, ...]:
        """What makes the course of an arm: arms of a study in which it is equal share one course."""
        if self.drive == "mechanistic":
            return drug_doses(target.arm.doses)
        return tuple(effective_doses(_events(target), values))

    def _folds(self, target: ArmTargets, values: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        """Knots [day] and folds by effect of the drive of an arm; none without drug."""
        if not self._drug(target, values):
            return np.empty(0), {}
        events = _events(target)
        where = (target.study.name, target.arm.name, target.sessions.tobytes())
        if self.drive == "mechanistic":
            key = (*where, *(values[name] for name in EXPOSURE_PARAMETERS))
            if key not in self._exposures:
                subject = Subject(species=target.study.species)
                self._exposures[key] = exposure_of(target.arm.doses, subject, target.sessions.tolist(), values)
            exposure = self._exposures[key]
            times = exposure["time"].to_numpy()
            return times, cascade_folds(times, collect(exposure, values), values)
        if where not in self._grids:
            days = [day for _, day in events]
            self._grids[where] = time_grid(
                target.sessions, days, first_step=FIRST_STEP_DAY, per_decade=PER_DECADE, largest_step=LARGEST_STEP_DAY
            )
        grid = self._grids[where]
        return grid, pulse_folds(events, grid, values)

    # -- residuals -------------------------------------------------------------------------------------------

    def residuals(self, vector: Array, *, with_prior: bool = True) -> Array:
        """Standardised residuals whose squares add up to -2 log L (and -2 log prior), up to a constant.

        Where the parameters are impossible (more nascent spines than spines) all are large.
        """
        try:
            predictions = self.predict(self.values(vector))
        except SimulationError:
            size = sum(len(self._arm_residuals(target, None)) for target in self.arms)
            data = np.full(size, _IMPOSSIBLE)
        else:
            data = np.concatenate([self._arm_residuals(t, predictions[t.study.name, t.arm.name]) for t in self.arms])
        return np.concatenate([data, self.prior_residuals(vector)]) if with_prior else data

    def prior_residuals(self, vector: Array) -> Array:
        """Distance of each free parameter with a prior from its centre, in units of its spread."""
        distances = []
        for name, coordinate in zip(self.free, vector.tolist(), strict=True):
            parameter = self.parameters[name]
            if parameter.prior is not None:
                centre = parameter.to_coordinate(parameter.prior.centre)
                distances.append((coordinate - centre) / parameter.prior.spread)
        return np.array(distances)

    def _arm_residuals(self, target: ArmTargets, prediction: ArmPrediction | None) -> Array:
        """Residuals of one arm in the order of :meth:`layout`; without a prediction only their number counts."""
        pieces = []
        fitted: Sequence[Array] = (
            prediction.expected[:3] if prediction is not None else [m.mean for m in target.turnover]
        )
        for means, curve in zip(target.turnover, fitted, strict=True):
            pieces.append((means.mean - curve) / means.sem(self.unit))
        if target.head_width is not None:
            head = prediction.head_width if prediction is not None else target.head_width.mean
            pieces.append((target.head_width.mean - head) / target.head_width.sem(self.unit))
        if target.persistence is not None:
            if prediction is None:
                pieces.append(np.zeros(len(target.persistence.end)))
            else:
                pieces.append(self.persistence_residuals(target, target.persistence, prediction.expected))
        return np.concatenate(pieces)

    @staticmethod
    def expected_persistence(target: ArmTargets, persistence: Persistence, expected: Expected) -> Array:
        """Expected persistence at the published sessions, by the study's definition."""
        later = target.sessions[target.sessions > 0][1:]
        chosen = expected.persistence_followed if target.study.persistence == "followed" else expected.persistence_seen
        return chosen[np.searchsorted(later, persistence.end)]

    def persistence_residuals(self, target: ArmTargets, persistence: Persistence, expected: Expected) -> Array:
        """Signed square roots of binomial deviances.

        Spines followed until first absent are a multinomial: each session is a binomial of those left. Spines
        looked for at each session are taken as binomials of their own.
        """
        probability = self.expected_persistence(target, persistence, expected)
        trials = persistence.new
        if target.study.persistence == "followed":
            trials = np.concatenate([persistence.new[:1], persistence.present[:-1]])
            probability = probability / np.concatenate([[1.0], probability[:-1]])
        return signed_root_deviance(persistence.present, trials, probability)

    def layout(self) -> list[tuple[ArmTargets, str, slice]]:
        """Which residuals belong to which arm and quantity."""
        blocks: list[tuple[ArmTargets, str, slice]] = []
        at = 0
        for target in self.arms:
            sizes = [(means.quantity, len(means.end)) for means in target.turnover]
            if target.head_width is not None:
                sizes.append((target.head_width.quantity, len(target.head_width.end)))
            if target.persistence is not None:
                sizes.append(("new_spine_persistence", len(target.persistence.end)))
            for quantity, size in sizes:
                blocks.append((target, quantity, slice(at, at + size)))
                at += size
        return blocks


def _events(target: ArmTargets) -> list[tuple[str, float]]:
    return [(dose.compound, day) for dose in target.arm.doses for day in dose.days]


def _prediction(target: ArmTargets, tissue: Tissue, course: _ArmCourse) -> ArmPrediction:
    """Expected statistics of an arm from the course of its drug, cut at the arm's last session."""
    n = len(target.sessions)
    if not np.array_equal(course.sessions[:n], target.sessions):
        message = f"{target.study.name}: arms with one drug must share their sessions, up to the last of each"
        raise FitError(message)
    steps = Propagation(*(each[: n - 1] for each in course.steps))
    expected = expect(tissue, target.sessions, steps, target.density, target.study.dendrite_length.to("um"))
    head = np.empty(0)
    if target.head_width is not None:
        bias = target.head_width.n_dendrites * target.head_width.sem_dendrite**2 / 2
        head = np.exp(course.shift[1:n]) * (1.0 + bias) - 1.0
    return ArmPrediction(expected, head)


def signed_root_deviance(successes: Array, trials: Array, probability: Array) -> Array:
    """Residuals whose squares are the deviances of binomial counts; (n,) each."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    failures = trials - successes
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(successes > 0, successes * np.log(successes / (trials * p)), 0.0)
        misses = np.where(failures > 0, failures * np.log(failures / (trials * (1 - p))), 0.0)
    deviance = np.maximum(2 * (hits + misses), 0.0)
    return np.sign(successes - trials * p) * np.sqrt(deviance)
