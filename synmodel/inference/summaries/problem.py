r"""The joint fit of group summaries as a least-squares problem.

::

    -2 log L = sum over arms r' R^-1 r + binomial deviance of new-spine persistence + further terms

    r = (published - expected) / SEM

with exact expectations (:mod:`synmodel.imaging.expectation`) and the correlation R of means that come from the same
dendrites (:mod:`synmodel.inference.summaries.covariance`), held at the values with which the problem is made. Priors
are further squares.

What arms share: an arm has the turnover, scoring and age trend of its study, but formation and elimination of its own
mice, which differ by a factor before any drug; all arms share one mechanism (``mechanistic``: from the dose through
receptors and cascade) or one pulse per drug (``phenomenological``), whose effects differ between studies by a factor::

    formation of an arm    = formation of the study * exp(s_arms z)
    elimination of an arm  = elimination of the study * exp(s_arms z')
    effect in a study   = effect * exp(s_studies u)          z, z', u normal with spread 1

The spreads s are learnt with everything else; the names are in :mod:`synmodel.inference.summaries.hierarchy`.

The change of mean head width is e^s (1 + n SEM^2 / 2) - 1 with the shift s of ln w: the second term is the
bias of a mean of ratios, from the published SEM itself (second order).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from synmodel.core.errors import FitError, SimulationError
from synmodel.core.settings import by_fields
from synmodel.data import load_study
from synmodel.imaging.expectation import Expected
from synmodel.inference.summaries.arm_slopes import ArmState
from synmodel.inference.summaries.covariance import arm_correlation
from synmodel.inference.summaries.drives import Drives, numbers_of
from synmodel.inference.summaries.hierarchy import ARMS, arm_factors
from synmodel.inference.summaries.problem_slopes import Columns, columns_of, problem_rows
from synmodel.inference.summaries.targets import ArmTargets, Persistence, Unit, arm_targets
from synmodel.library.parameters import ParameterSet
from synmodel.simulation import expect
from synmodel.simulation.tissue import Tissue, tissue_of
from synmodel.turnover.hazards import Cells, cells_of, folds_of
from synmodel.turnover.propagation import compose
from synmodel.turnover.size import log_width_shift

__all__ = ["STUDIES", "ArmPrediction", "DriveKind", "Driven", "SummaryProblem", "Term"]

Array = NDArray[np.float64]
DriveKind = Literal["phenomenological", "mechanistic"]

STUDIES = ("phoumthipphavong2016", "shao2021", "shaoliao2025_pt", "shaoliao2025_ko")
"""Studies of the library that are fitted jointly."""

_IMPOSSIBLE = 100.0


class ArmPrediction(NamedTuple):
    """Expected statistics of one arm and the change of mean head width, each over all intervals of its sessions."""

    expected: Expected
    head_width: Array

    def of(self, quantity: str) -> Array:
        """(n_interval,) expectation of a published quantity."""
        return self.head_width if quantity == "head_width_change" else getattr(self.expected, _FIELDS[quantity])


_FIELDS = {
    "formation_fraction": "formation",
    "elimination_fraction": "elimination",
    "density_change": "density_change",
}


class Term(Protocol):
    """Data beside the spines that add to the likelihood, such as head twitches."""

    name: str

    @property
    def free_names(self) -> Sequence[str]:
        """Names of the parameters on which it depends."""
        ...

    def residuals(self, values: Mapping[str, float]) -> Array:
        """Residuals whose squares add up to -2 log L, up to a constant."""
        ...

    def content(self) -> object:
        """All its data as plain values, for a digest."""
        ...


@dataclass(frozen=True)
class Driven:
    """How doses become folds, and where those of elimination act.

    Parameters
    ----------
    drive : {"mechanistic", "phenomenological"}
        How doses become folds.
    protected : (2,) tuple of bool
        Whether the drive of elimination acts on nascent and on mature spines.
    """

    drive: DriveKind = "mechanistic"
    protected: tuple[bool, bool] = (True, True)


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
    driven : Driven
        How doses become folds; its fields may be given by keywords of their own.
    targets : sequence of ArmTargets, optional
        Published numbers by arm; default: those of the library for all arms of the studies.
    tied : mapping, optional
        Name -> name of the parameter whose value it takes.
    terms : sequence of Term
        Further data.
    """

    @by_fields(driven=Driven)
    def __init__(
        self,
        parameters: ParameterSet,
        free: Sequence[str],
        studies: Sequence[str] = STUDIES,
        *,
        unit: Unit = "mouse",
        driven: Driven,
        targets: Sequence[ArmTargets] | None = None,
        tied: Mapping[str, str] | None = None,
        terms: Sequence[Term] = (),
    ) -> None:
        if unit not in ("mouse", "dendrite"):
            message = f"unit is {unit!r}; the unit of replication is 'mouse' or 'dendrite'"
            raise FitError(message)
        self.parameters = parameters
        self.free = list(free)
        self.studies = list(studies)
        self.unit = unit
        self.drive, self.protected = driven.drive, driven.protected
        self.tied = dict(tied or {})
        self.terms = tuple(terms)
        self.lower, self.upper = parameters.bounds(self.free)
        if targets is None:
            targets = [arm_targets(study, arm.name) for study in studies for arm in load_study(study).arms]
        self.arms = [target for study in studies for target in targets if target.study.name == study]
        self._fixed = parameters.as_floats()
        self.drives = Drives(driven.drive, parameters)
        self._reads = [self._read_by(target) for target in self.arms]
        self._read = [numbers_of(names) for names in self._reads]
        self._cells: dict[tuple[str, int], Cells] = {}
        self._memory: dict[int, tuple[tuple[float, ...], ArmPrediction]] = {}
        self._states: dict[int, tuple[tuple[float, ...], ArmState]] = {}

    # -- parameters ------------------------------------------------------------------------------------------

    def _read_by(self, target: ArmTargets) -> list[str]:
        """Names of all parameters on which the expectation of an arm depends."""
        study = target.study.name
        names = [name for name in self.parameters if name.partition(".")[0] == study]
        if any(f"{study}.{key}_of.{target.arm.name}" in names for key in ("formation", "elimination")):
            names.append(ARMS)
        return [*names, *(name for name in self.drives.names(target) if name not in names)]

    @property
    def reads(self) -> list[str]:
        """Names of all parameters on which the residuals depend, free or not, sorted."""
        of_terms = [name for term in self.terms for name in term.free_names]
        return sorted({*self.free, *of_terms, *(name for reads in self._reads for name in reads)})

    def affected(self, name: str) -> tuple[list[int], list[int]]:
        """Places of the arms and of the terms whose residuals depend on a free parameter."""
        names = {name, *(tie for tie, other in self.tied.items() if other == name)}
        arms = [i for i, reads in enumerate(self._reads) if not names.isdisjoint(reads)]
        return arms, [i for i, term in enumerate(self.terms) if not names.isdisjoint(term.free_names)]

    def n_parameters(self, study: str) -> int:
        """Number of free parameters on which the predictions for a study depend."""
        places = {i for i, target in enumerate(self.arms) if target.study.name == study}
        return sum(not places.isdisjoint(self.affected(name)[0]) for name in self.free)

    def altered(
        self,
        parameters: ParameterSet,
        free: Sequence[str],
        *,
        studies: Sequence[str] | None = None,
        drive: DriveKind | None = None,
        tied: Mapping[str, str] | None = None,
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
            tied=self.tied if tied is None else tied,
            terms=self.terms,
            protected=self.protected,
        )

    def start(self) -> Array:
        """Vector of the given parameter values."""
        return self.parameters.pack(self.free)

    def values(self, vector: Array) -> dict[str, float]:
        """All parameter values by name at a vector."""
        values = {**self._fixed, **self.parameters.unpack(vector, self.free)}
        for name, other in self.tied.items():
            values[name] = values[other]
        return values

    # -- predictions -----------------------------------------------------------------------------------------

    def predict(self, values: Mapping[str, float]) -> dict[tuple[str, str], ArmPrediction]:
        """Expected statistics of every arm, by (study, arm)."""
        return {
            (target.study.name, target.arm.name): self.predict_arm(place, values)
            for place, target in enumerate(self.arms)
        }

    def predict_arm(self, place: int, values: Mapping[str, float]) -> ArmPrediction:
        """Expected statistics of one arm."""
        key = self._read[place](values)
        if place not in self._memory or self._memory[place][0] != key:
            state = self.state(place, values)
            self._memory[place] = key, _prediction(self.arms[place], state.tissue, state)
        return self._memory[place][1]

    def state(self, place: int, values: Mapping[str, float]) -> ArmState:
        """What the expectations of an arm follow from; the last one is kept."""
        key, target = self._read[place](values), self.arms[place]
        if place not in self._states or self._states[place][0] != key:
            self._states[place] = key, self._course(target, self.tissue(target, values), values)
        return self._states[place][1]

    def remembered(self) -> dict[int, tuple[tuple[float, ...], ArmPrediction]]:
        """What the arms were computed at last, to :meth:`remember` after a step that is not taken."""
        return dict(self._memory)

    def remember(self, kept: dict[int, tuple[tuple[float, ...], ArmPrediction]]) -> None:
        """Go back to what :meth:`remembered` gave."""
        self._memory.update(kept)

    @staticmethod
    def tissue(target: ArmTargets, values: Mapping[str, float]) -> Tissue:
        """Turnover and scoring of an arm before any drug."""
        formation, elimination = arm_factors(target.study, target.arm.name, values)
        return tissue_of(target.study.name, values, formation_factor=formation, elimination_factor=elimination)

    def course(self, target: ArmTargets, values: Mapping[str, float]) -> ArmState:
        """Propagation and shift of head width of an arm between its own sessions."""
        return self._course(target, self.tissue(target, values), values)

    def expected_on(self, target: ArmTargets, values: Mapping[str, float], days: Array) -> ArmPrediction:
        """Expectations of an arm with other sessions, the first of which must be its own first.

        Parameters
        ----------
        days : (n,) ndarray
            Rising, after the first session [day].
        """
        denser = replace(target, sessions=np.concatenate([target.sessions[:1], days]), head_width=None)
        tissue = self.tissue(target, values)
        return _prediction(denser, tissue, self._course(denser, tissue, values))

    def _course(self, target: ArmTargets, tissue: Tissue, values: Mapping[str, float]) -> ArmState:
        knots, folds = self.drives.folds(target, values)
        key = (target.identity, len(knots))
        if key not in self._cells:
            self._cells[key] = cells_of(target.sessions, knots, trend=True)
        where = self._cells[key]
        cells = folds_of(tissue.model, where, folds)
        shift = np.zeros(len(target.sessions))
        if "head_size" in folds:
            shift = log_width_shift(target.sessions, knots, folds["head_size"], tissue.head_width.response)
        steps = compose(tissue.model, cells, target.sessions, self.protected)
        return ArmState(tissue, where, cells, knots, folds.get("head_size", np.empty(0)), steps, shift)

    # -- residuals -------------------------------------------------------------------------------------------

    def residuals(self, vector: Array, *, with_prior: bool = True) -> Array:
        """Independent residuals whose squares add up to -2 log L (and -2 log prior), up to a constant.

        Where the parameters are impossible (more nascent spines than spines) those of the arm are all large.
        """
        values = self.values(vector)
        pieces = [self.whitened(place, values) for place in range(len(self.arms))]
        pieces += [term.residuals(values) for term in self.terms]
        if with_prior:
            pieces.append(self.prior_residuals(vector))
        return np.concatenate(pieces)

    def jacobian(self, vector: Array, *, with_prior: bool = True) -> Array:
        """(n_residual, n_free) slopes of :meth:`residuals`, exact (:mod:`synmodel.inference.summaries.problem_slopes`).

        Those of an arm whose parameters are impossible are 0.
        """
        slopes = problem_rows(self, self._columns, vector)
        return np.concatenate([slopes, self._prior_slopes]) if with_prior else slopes

    @cached_property
    def _columns(self) -> tuple[list[Columns], list[Columns]]:
        """For each arm, and for each term, the parameters that move it."""
        of_arms = [columns_of(names, self.free, self.tied) for names in self._reads]
        return of_arms, [columns_of(term.free_names, self.free, self.tied) for term in self.terms]

    @cached_property
    def _with_prior(self) -> tuple[NDArray[np.int64], Array, Array]:
        """Places, centres and spreads of the free parameters with a prior."""
        rows = []
        for place, name in enumerate(self.free):
            parameter = self.parameters[name]
            if parameter.prior is not None:
                rows.append((place, parameter.to_coordinate(parameter.prior.centre), parameter.prior.spread))
        places, centres, spreads = zip(*rows, strict=True) if rows else ((), (), ())
        return np.array(places, int), np.array(centres, float), np.array(spreads, float)

    @cached_property
    def _prior_slopes(self) -> Array:
        places, _, spreads = self._with_prior
        slopes = np.zeros((len(places), len(self.free)))
        slopes[np.arange(len(places)), places] = 1.0 / spreads
        return slopes

    def prior_residuals(self, vector: Array) -> Array:
        """Distance of each free parameter with a prior from its centre, in units of its spread."""
        places, centres, spreads = self._with_prior
        return (vector[places] - centres) / spreads

    def standardised(self, place: int, values: Mapping[str, float]) -> Array:
        """(published - expected) / SEM of one arm, then its persistence, in the order of :meth:`layout`."""
        target, prediction = self.arms[place], self.predict_arm(place, values)
        pieces = [(m.mean - prediction.of(m.quantity)[m.at]) / m.sem(self.unit) for m in target.means]
        if target.persistence is not None:
            pieces.append(self.persistence_residuals(target, target.persistence, prediction.expected))
        return np.concatenate(pieces)

    def all_standardised(self, vector: Array) -> Array:
        """:meth:`standardised` of all arms: what goodness of fit is counted in; correlated, unlike the residuals."""
        values = self.values(vector)
        return np.concatenate([self.standardised(place, values) for place in range(len(self.arms))])

    def whitened(self, place: int, values: Mapping[str, float]) -> Array:
        """Independent residuals of one arm, all large where its parameters are impossible."""
        target = self.arms[place]
        n = sum(len(m.at) for m in target.means)
        try:
            residuals = self.standardised(place, values)
        except SimulationError:
            self._memory[place] = (), self._memory[place][1] if place in self._memory else _NOTHING
            return np.full(n + (0 if target.persistence is None else len(target.persistence.end)), _IMPOSSIBLE)
        return np.concatenate([self.whitening[place] @ residuals[:n], residuals[n:]])

    def correlation(self, place: int) -> Array:
        """Correlation of an arm's means, in the order of :meth:`standardised`, at the parameters' values."""
        target, values = self.arms[place], self.values(self.start())
        return arm_correlation(target, self.tissue(target, values), self.course(target, values).steps)

    @cached_property
    def whitening(self) -> list[Array]:
        """Inverse Cholesky factors of the correlation of each arm's means."""
        inverses = []
        for place in range(len(self.arms)):
            factor = np.linalg.cholesky(self.correlation(place))
            inverses.append(solve_triangular(factor, np.eye(len(factor)), lower=True))
        return inverses

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
        """Which of :meth:`all_standardised` belong to which arm and quantity."""
        blocks: list[tuple[ArmTargets, str, slice]] = []
        at = 0
        for target in self.arms:
            sizes = [(means.quantity, len(means.at)) for means in target.means]
            if target.persistence is not None:
                sizes.append(("new_spine_persistence", len(target.persistence.end)))
            for quantity, size in sizes:
                blocks.append((target, quantity, slice(at, at + size)))
                at += size
        return blocks


_NOTHING = ArmPrediction(Expected(*(np.empty(0),) * 5), np.empty(0))


def _prediction(target: ArmTargets, tissue: Tissue, course: ArmState) -> ArmPrediction:
    """Expected statistics of an arm from the course of its spines."""
    expected = expect(tissue, target.sessions, course.steps, target.density, target.study.dendrite_length.to("um"))
    bias = np.zeros(len(target.sessions) - 1)
    if target.head_width is not None:
        known = target.head_width.n_dendrites * target.head_width.sem_dendrite**2 / 2
        bias[target.head_width.at] = np.nan_to_num(known)  # nothing was published yet of a session that is planned
    return ArmPrediction(expected, np.exp(course.shift[1:] - course.shift[0]) * (1.0 + bias) - 1.0)


def signed_root_deviance(successes: Array, trials: Array, probability: Array) -> Array:
    """Residuals whose squares are the deviances of binomial counts; (n,) each."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    failures = trials - successes
    with np.errstate(divide="ignore", invalid="ignore"):
        hits = np.where(successes > 0, successes * np.log(successes / (trials * p)), 0.0)
        misses = np.where(failures > 0, failures * np.log(failures / (trials * (1 - p))), 0.0)
    deviance = np.maximum(2 * (hits + misses), 0.0)
    return np.sign(successes - trials * p) * np.sqrt(deviance)
