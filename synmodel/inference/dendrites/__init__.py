r"""The fit of single dendrites: exact log-likelihood of every mouse as a function of named parameters.

For each arm of each study the model is that of :mod:`synmodel.turnover`: formation per um, two hidden classes (three
with ``transient``), constant baseline rates, and the drug's effects (:mod:`synmodel.inference.dendrites.effects`).
Gains and losses enter through the exact likelihood (:mod:`synmodel.inference.likelihood`) given the number of spines at
the start of each run of sessions; where only fractions were published, summed over the numbers that explain them.
Formation differs between the dendrites of a mouse and between mice (gamma; integrated, not sampled), from the first
session on: the number of spines at the start tells nothing of them, because the arms of a study differ in density
before any drug and no arm is in balance.

Arms of a study share its baseline (with ``arms``, up to factors of formation and elimination); arms with the same drug
share its effects (with ``alike``, all drugs share one).

Spines that are overlooked once count as a loss and a gain; with ``transient`` the third class takes up
scores that last one session, whatever they are. Misses have no exact likelihood of counts here.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.errors import FitError, did_you_mean
from synmodel.inference.dendrites.arms import ArmData, Dendrites, arms_of
from synmodel.inference.dendrites.effects import effects_for, safe_name
from synmodel.inference.dendrites.priors import Priors
from synmodel.inference.dendrites.slopes import (
    ArmCourse,
    arm_directions,
    course_slopes,
    mouse_slopes,
    open_log_probability,
)
from synmodel.inference.dendrites.terms import Terms, read_terms
from synmodel.inference.likelihood.animals import animals_log_probability
from synmodel.inference.likelihood.blocks import LengthLaw
from synmodel.inference.likelihood.courses import Courses, courses_on
from synmodel.inference.likelihood.evidence import Evidence, together
from synmodel.inference.summaries.differences import scale_slopes
from synmodel.library.parameters import ParameterSet
from synmodel.turnover import TurnoverModel
from synmodel.turnover.hazards import Cells, cells_of, folds_of

__all__ = ["DendriteProblem", "baseline_of", "parameters_for", "template"]

Array = NDArray[np.float64]

_BASELINE = ("formation", "loss_nascent", "maturation", "loss_mature", "nascent_fraction")
_TRANSIENT = ("transient_formation", "transient_loss", "transient_fraction")
_SPREAD = ("formation_cv_dendrite", "formation_cv_animal")
_STEP, _SMALL_STEP = 1e-4, 1e-5
_LENGTHS = ("length_median", "length_spread", "length_change")


def parameters_for(studies: Sequence[str], arms: Sequence[str]) -> ParameterSet:
    """Starting values, supports and weak priors for any studies and arms, from a template of the library."""
    chosen = []
    for group, names in (("study", studies), ("arm", arms)):
        for name in names:
            for parameter in template().values():
                prefix, _, key = parameter.name.partition(".")
                if prefix == group:
                    chosen.append(replace(parameter, name=f"{safe_name(name)}.{key}"))
    return ParameterSet(chosen)


@cache
def template() -> ParameterSet:
    """Parameters of a ``study``, an ``arm`` and a ``drug``, to be named after each of them."""
    return ParameterSet.from_toml(library.path_of("templates", "dendrites"))


class DendriteProblem:
    """Log-likelihood of every mouse at a vector of free parameters.

    Parameters
    ----------
    observations : Dataset, or several, or DendriteData
        Observations with ``arm``, ``study`` and ``mouse`` on ``animal``.
    model : str
        Terms of :mod:`synmodel.inference.dendrites.terms`, for instance ``"formation+elimination"``.
    parameters : ParameterSet, optional
        Replaces starting values, supports or priors by name.

    Raises
    ------
    FitError
        For observations or a model that cannot be fitted.
    """

    def __init__(self, observations: Dendrites, model: str, parameters: ParameterSet | None = None) -> None:
        self.terms: Terms = read_terms(model)
        self.arms = arms_of(observations)
        self.studies = sorted({arm.study for arm in self.arms})
        self._others = _other_arms(self.arms)
        self.effects = effects_for(self.terms, self.arms, template())
        base = parameters_for(self.studies, list(self._others.values()))
        base = base.joined(ParameterSet(self.effects.parameters))
        if parameters is not None:
            base = _overridden(base, parameters)
        self.parameters = base
        self.free = self._free_names()
        self.lower, self.upper = base.bounds(self.free)
        self.mice = [mouse for arm in self.arms for mouse in arm.mice]
        self._fixed = base.as_floats()
        self.prior = Priors(base, self.free)
        self._cells: dict[tuple[int, int], Cells] = {}

    def _free_names(self) -> list[str]:
        keys = [*_BASELINE, *(_TRANSIENT if self.terms.transient else ()), *_SPREAD]
        told = {arm.study for arm in self.arms if arm.of_fractions}
        names = [
            f"{safe_name(study)}.{key}"
            for study in self.studies
            for key in (*keys, *(_LENGTHS if study in told else ()))
        ]
        if self.terms.arms:
            names += [f"{arm}.{key}" for arm in self._others.values() for key in ("formation_ratio", "loss_ratio")]
        return [*names, *self.effects.free]

    @property
    def n_intervals(self) -> int:
        """Number of intervals of dendrites that enter the likelihood."""
        return sum(arm.n_intervals for arm in self.arms)

    def values(self, vector: Array) -> dict[str, float]:
        """All parameter values by name at a vector."""
        return self.effects.values({**self._fixed, **self.parameters.unpack(vector, self.free)})

    def prior_transform(self, cube: Array) -> Array:
        """From the unit cube to a vector, see :class:`synmodel.inference.dendrites.priors.Priors`."""
        return self.prior.transform(cube)

    def log_likelihood_at(self, cube: Array) -> float:
        """Log-likelihood at a point of the unit cube of the prior."""
        return self.log_likelihood(self.prior_transform(cube))

    def log_prior(self, vector: Array) -> float:
        """Logarithm of the prior density, up to a constant."""
        return self.prior.log_density(vector)

    def digest(self) -> str:
        """SHA-256 of data, model and parameters: what a run is of."""
        content = hashlib.sha256(f"{self.terms.name} {self.parameters.digest()}".encode())
        for arm in self.arms:
            content.update(repr((arm.study, arm.arm, arm.doses, arm.regimen, arm.mice)).encode())
            for array in arm.arrays():
                content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()

    def log_likelihood(self, vector: Array) -> float:
        """Sum over mice."""
        return float(self.mouse_log_likelihood(vector).sum())

    def mouse_log_likelihood(self, vector: Array) -> Array:
        """(mouse,) exact log-probabilities, formation of dendrites and mice integrated out; order of ``mice``."""
        values = self.values(vector)
        by_study = groupby(self.arms, key=lambda arm: arm.study)
        return np.concatenate([self._of_arms(list(arms), values) for _, arms in by_study])

    def _of_arms(self, arms: Sequence[ArmData], values: Mapping[str, float]) -> Array:
        """The same of some arms of one study, in which births differ alike."""
        pieces, mice, n = list[Evidence](), list[NDArray[np.int64]](), 0
        for arm in arms:
            model, courses = self.course(arm, values)
            evidence, mouse = arm.evidence(courses, self._length_law(arm, values))
            pieces.append(evidence)
            mice.append(mouse + n)
            n += len(arm.mice)
        return animals_log_probability(together(pieces), model, np.concatenate(mice), n, "response")

    def slopes(self, vector: Array, arms: Sequence[ArmData] | None = None) -> Array:
        """(n_free,) slopes of the log-likelihood, or of that of some arms only.

        Exact, but for the part of records in which something is open, which takes central differences
        (:mod:`synmodel.inference.dendrites.slopes`).
        """
        total: Array = sum((self._mouse_slopes(vector, arm).sum(axis=0) for arm in self._chosen(arms)), np.zeros(1))
        return total

    def rough_slopes(self, vector: Array) -> Array:
        """The same with one-sided differences, in half the time: good enough to climb by."""
        total: Array = sum((self._mouse_slopes(vector, arm, rough=True).sum(axis=0) for arm in self.arms), np.zeros(1))
        return total

    def information(self, vector: Array) -> Array:
        """(n_free,) sums over mice of squared slopes: about the curvature of the log-likelihood at its maximum."""
        total: Array = sum(((self._mouse_slopes(vector, arm) ** 2).sum(axis=0) for arm in self.arms), np.zeros(1))
        return total

    def _chosen(self, arms: Sequence[ArmData] | None) -> Sequence[ArmData]:
        return self.arms if arms is None else arms

    def _mouse_slopes(self, vector: Array, arm: ArmData, *, rough: bool = False) -> Array:
        """(mouse, n_free) slopes of every mouse of an arm; 0 in parameters that do not concern it."""
        slopes = np.zeros((len(arm.mice), len(vector)))
        places = [at for at, name in enumerate(self.free) if self.concerns(name, arm)]
        values = self.values(vector)
        found, u, weight = self._complete_slopes(arm, values, [self.free[at] for at in places])
        if not np.all(np.isfinite(found)):  # probabilities that underflow
            for at in places:
                slopes[:, at] = self._differences(vector, at, lambda there: self._of_arms([arm], there))
            return slopes
        slopes[:, places] = found * scale_slopes(self.parameters, self.free, vector)[places]
        if arm.has_open:

            def open_records(there: Mapping[str, float]) -> Array:
                law = self._length_law(arm, there)
                return open_log_probability(arm, self._course(arm, there), law, u, weight)

            here = open_records(values) if rough else None
            for at in places:
                slopes[:, at] += self._differences(vector, at, open_records, here)
        return slopes

    def _complete_slopes(
        self, arm: ArmData, values: Mapping[str, float], names: Sequence[str]
    ) -> tuple[Array, Array, Array]:
        """(mouse, name) slopes in the values of parameters, see :func:`.slopes.mouse_slopes`."""
        course, study = self._course(arm, values), safe_name(arm.study)
        other = self._others.get((arm.study, arm.arm))
        directions = arm_directions(names, study, other, course, values, self.effects.slopes(arm, values, names))
        slopes = course_slopes(course, arm.sessions, directions, balance=arm.starts_later)
        return mouse_slopes(arm, course, slopes, directions, self._length_law(arm, values))

    def _differences(
        self, vector: Array, at: int, function: Callable[[Mapping[str, float]], Array], here: Array | None = None
    ) -> Array:
        """(mouse,) slopes in one parameter: central differences, or one-sided ones from what it is ``here``."""
        ends, where = ([], []) if here is None else ([here], [vector[at]])
        inward = _SMALL_STEP if vector[at] + _SMALL_STEP <= self.upper[at] else -_SMALL_STEP
        for step in (_STEP, -_STEP) if here is None else (inward,):
            moved = vector.copy()
            moved[at] = np.clip(vector[at] + step, self.lower[at], self.upper[at])
            where.append(moved[at])
            ends.append(function(self.values(moved)))
        return np.asarray((ends[0] - ends[1]) / (where[0] - where[1]))

    def concerns(self, name: str, arm: ArmData) -> bool:
        """Whether what an arm has seen depends on a parameter."""
        group = name.partition(".")[0]
        if group == safe_name(arm.study):
            return bool(arm.doses) or not name.startswith(f"{group}.effect_on.")
        if group in self._others.values():
            return self._others.get((arm.study, arm.arm)) == group
        return bool(arm.doses)

    def _length_law(self, arm: ArmData, values: Mapping[str, float]) -> LengthLaw | None:
        if not arm.of_fractions:
            return None
        return LengthLaw(*(values[f"{safe_name(arm.study)}.{key}"] for key in _LENGTHS))

    def course(self, arm: ArmData, values: Mapping[str, float]) -> tuple[TurnoverModel, Courses]:
        """Turnover model of an arm's study and its course through the arm's sessions."""
        found = self._course(arm, values)
        return found.model, found.courses

    def _course(self, arm: ArmData, values: Mapping[str, float]) -> ArmCourse:
        model, composition = baseline_of(safe_name(arm.study), values, transient=self.terms.transient)
        other = self._others.get((arm.study, arm.arm))
        if other is not None:
            model = model.scaled(values[f"{other}.formation_ratio"], values[f"{other}.loss_ratio"])
        knots, folds = self.effects.folds(arm, values)
        key = (id(arm), len(knots))  # no parameter moves the knots of an arm
        if key not in self._cells:
            self._cells[key] = cells_of(arm.sessions, knots, trend=False)
        cells = self._cells[key]
        on_cells = folds_of(model, cells, folds)
        # Only a run that starts later needs the balance of formation and elimination.
        courses = courses_on(model, on_cells, arm.sessions, composition, balance=arm.starts_later)
        return ArmCourse(model, cells, on_cells, courses)

    def courses(self, vector: Array) -> list[tuple[ArmData, TurnoverModel, Courses]]:
        """Every arm with its model and course at a vector."""
        values = self.values(vector)
        return [(arm, *self.course(arm, values)) for arm in self.arms]


def baseline_of(study: str, values: Mapping[str, float], *, transient: bool) -> tuple[TurnoverModel, Array]:
    """Turnover model of a study, formation per um, and class probabilities at the first session."""
    names = (*_BASELINE, *_SPREAD, *(_TRANSIENT if transient else ()))
    of = {name: values[f"{study}.{name}"] for name in names}
    nascent = of["nascent_fraction"]
    composition = np.array([nascent, 1.0 - nascent])
    if transient:
        short = of["transient_fraction"]
        composition = np.array([short, *(1.0 - short) * composition])
    return _model_of(tuple(of.items())), composition


@lru_cache(maxsize=64)  # the arms of a study share it
def _model_of(baseline: tuple[tuple[str, float], ...]) -> TurnoverModel:
    of = dict(baseline)
    classes, formation, elimination = (
        ["nascent", "mature"],
        [of["formation"], 0.0],
        [of["loss_nascent"], of["loss_mature"]],
    )
    transitions = np.array([[0.0, of["maturation"]], [0.0, 0.0]])
    if "transient_formation" in of:
        classes, formation, elimination = (
            ["transient", *classes],
            [of["transient_formation"], *formation],
            [of["transient_loss"], *elimination],
        )
        transitions = np.pad(transitions, ((1, 0), (1, 0)))
    return TurnoverModel(
        classes=classes,
        formation=formation,
        transition=transitions.tolist(),
        elimination=elimination,
        formation_cv_dendrite=of["formation_cv_dendrite"],
        formation_cv_animal=of["formation_cv_animal"],
    )


def _other_arms(arms: Sequence[ArmData]) -> dict[tuple[str, str], str]:
    """Names in the parameter set of all arms but the first control (or first arm) of each study."""
    others = {}
    for study in {arm.study for arm in arms}:
        own = [arm for arm in arms if arm.study == study]
        control = next((arm for arm in own if all(drug == "saline" for drug, _ in arm.doses)), own[0])
        for arm in own:
            if arm is not control:
                others[arm.study, arm.arm] = f"{safe_name(study)}-{safe_name(arm.arm)}"
    return dict(sorted(others.items()))


def _overridden(base: ParameterSet, given: ParameterSet) -> ParameterSet:
    for name in given:
        if name not in base:
            message = f"there is no parameter {name!r} in this fit; {did_you_mean(name, base)}"
            raise FitError(message)
    return ParameterSet(given[name] if name in given else base[name] for name in base)
