r"""The fit of single dendrites: exact log-likelihood of every mouse as a function of named parameters.

For each arm of each study the model is that of :mod:`synmodel.turnover`: births per um, two hidden classes (three
with ``transient``), constant baseline rates, and the drug's effects (:mod:`synmodel.inference.dendrites.effects`).
Gains and losses enter through the exact likelihood (:mod:`synmodel.inference.likelihood`) given the number of spines at
the start of each run of sessions; where only fractions were published, summed over the numbers that explain them.
Births differ between the dendrites of a mouse and between mice (gamma; integrated, not sampled), from the first
session on: the number of spines at the start tells nothing of them, because the arms of a study differ in density
before any drug and no arm is in balance.

Arms of a study share its baseline (with ``arms``, up to factors of births and losses); arms with the same drug share
its effects (with ``alike``, all drugs share one).

Spines that are overlooked once count as a loss and a gain; with ``transient`` the third class takes up
scores that last one session, whatever they are. Misses have no exact likelihood of counts here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.errors import FitError, did_you_mean
from synmodel.inference.dendrites.arms import ArmData, Dendrites, arms_of
from synmodel.inference.dendrites.effects import effects_for, safe_name
from synmodel.inference.dendrites.priors import Priors
from synmodel.inference.dendrites.terms import Terms, read_terms
from synmodel.inference.likelihood.animals import animals_log_probability
from synmodel.inference.likelihood.blocks import LengthLaw
from synmodel.inference.likelihood.courses import Courses, courses_on
from synmodel.library.parameters import ParameterSet
from synmodel.turnover import TurnoverModel
from synmodel.turnover.hazards import folds_on_cells

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
        """(mouse,) exact log-probabilities, births of dendrites and mice integrated out; order of ``mice``."""
        values = self.values(vector)
        return np.concatenate([self._of_arm(arm, values) for arm in self.arms])

    def _of_arm(self, arm: ArmData, values: Mapping[str, float]) -> Array:
        model, courses = self.course(arm, values)
        evidence, mouse = arm.evidence(courses, self._length_law(arm, values))
        return animals_log_probability(evidence, model, mouse, len(arm.mice), "response")

    def slopes(self, vector: Array, arms: Sequence[ArmData] | None = None) -> Array:
        """(n_free,) slopes of the log-likelihood, by central differences of those arms that a parameter concerns.

        Those of some of the ``arms`` only, if they are given.
        """
        chosen = self.arms if arms is None else arms
        return np.array([self._mouse_slopes(vector, at, chosen).sum() for at in range(len(vector))])

    def rough_slopes(self, vector: Array) -> Array:
        """The same by one-sided differences, in half the time: good enough to climb by."""
        values = self.values(vector)
        here = {id(arm): float(self._of_arm(arm, values).sum()) for arm in self.arms}
        slopes = np.zeros(len(vector))
        for at, name in enumerate(self.free):
            moved = vector.copy()
            moved[at] += _SMALL_STEP if vector[at] + _SMALL_STEP <= self.upper[at] else -_SMALL_STEP
            there = self.values(moved)
            arms = [arm for arm in self.arms if self.concerns(name, arm)]
            change = sum(float(self._of_arm(arm, there).sum()) - here[id(arm)] for arm in arms)
            slopes[at] = change / (moved[at] - vector[at])
        return slopes

    def information(self, vector: Array) -> Array:
        """(n_free,) sums over mice of squared slopes: about the curvature of the log-likelihood at its maximum."""
        return np.array([(self._mouse_slopes(vector, at, self.arms) ** 2).sum() for at in range(len(vector))])

    def _mouse_slopes(self, vector: Array, at: int, arms: Sequence[ArmData]) -> Array:
        """Slopes in one parameter of every mouse that it concerns."""
        chosen = [arm for arm in arms if self.concerns(self.free[at], arm)]
        if not chosen:
            return np.zeros(0)
        ends, where = [], []
        for step in (_STEP, -_STEP):
            moved = vector.copy()
            moved[at] = np.clip(vector[at] + step, self.lower[at], self.upper[at])
            values = self.values(moved)
            where.append(moved[at])
            ends.append(np.concatenate([self._of_arm(arm, values) for arm in chosen]))
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
        model, composition = baseline_of(safe_name(arm.study), values, transient=self.terms.transient)
        other = self._others.get((arm.study, arm.arm))
        if other is not None:
            births, loss = values[f"{other}.formation_ratio"], values[f"{other}.loss_ratio"]
            model = replace(
                model,
                formation=[births * each for each in model.births.tolist()],
                loss=[loss * each for each in model.loss],
            )
        knots, folds = self.effects.folds(arm, values)
        cells = folds_on_cells(model, arm.sessions, knots, folds)
        # Only a run that starts later needs the balance of births and losses.
        balance = arm.starts_later
        return model, courses_on(model, cells, arm.sessions, composition, balance=balance)

    def courses(self, vector: Array) -> list[tuple[ArmData, TurnoverModel, Courses]]:
        """Every arm with its model and course at a vector."""
        values = self.values(vector)
        return [(arm, *self.course(arm, values)) for arm in self.arms]


def baseline_of(study: str, values: Mapping[str, float], *, transient: bool) -> tuple[TurnoverModel, Array]:
    """Turnover model of a study, births per um, and class probabilities at the first session."""

    def of(key: str) -> float:
        return values[f"{study}.{key}"]

    nascent = of("nascent_fraction")
    classes, births, losses = ["nascent", "mature"], [of("formation"), 0.0], [of("loss_nascent"), of("loss_mature")]
    switches = np.array([[0.0, of("maturation")], [0.0, 0.0]])
    composition = np.array([nascent, 1.0 - nascent])
    if transient:
        short = of("transient_fraction")
        classes, births, losses = (
            ["transient", *classes],
            [of("transient_formation"), *births],
            [of("transient_loss"), *losses],
        )
        switches = np.pad(switches, ((1, 0), (1, 0)))
        composition = np.array([short, *(1.0 - short) * composition])
    model = TurnoverModel(
        classes=classes,
        formation=births,
        transition=switches.tolist(),
        loss=losses,
        formation_cv_dendrite=of("formation_cv_dendrite"),
        formation_cv_animal=of("formation_cv_animal"),
    )
    return model, composition


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
