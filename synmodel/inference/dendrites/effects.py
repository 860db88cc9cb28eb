"""What drugs do in a fit of single dendrites: a pulse for each drug, or doses through receptors and one cascade.

Both give the free parameters that a model's terms ask for, and the folds of an arm at given values. The mechanism is
that of the joint fit of group summaries (:mod:`synmodel.inference.summaries.drives`): the dose of an arm becomes a
concentration, blocks or activates receptors, and drives one cascade that all drugs and studies share. What no spine
count tells (kinetics, affinities, the levels at which slow drives end) stays at the values of the library.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import FitError
from synmodel.core.grid import time_grid
from synmodel.data.studies import Arm
from synmodel.inference.dendrites.arms import ArmData
from synmodel.inference.dendrites.terms import EFFECTS, Terms
from synmodel.inference.summaries.drives import Drives, after_genotype
from synmodel.library.parameters import Parameter, ParameterSet, Prior, default_parameters
from synmodel.pharmacology import acting_doses
from synmodel.scenario import Dose
from synmodel.signalling.phenomenology import effective_doses, pulse_folds
from synmodel.signalling.slopes import pulse_fold_slopes

__all__ = ["Effects", "Folds", "effects_for", "pulse_parameters", "safe_name"]

Array = NDArray[np.float64]
Folds = tuple[Array, dict[str, Array]]
"""Knots [day] and folds by effect of an arm; none without a drug."""

SHARED = "drugs"
"""Group of the parameters of a pulse that all drugs share."""

_FIRST_STEP_DAY, _PER_DECADE, _LARGEST_STEP_DAY = 0.05, 8, 1.0
_OF_CASCADE = {
    "formation": ("cascade.formation_gain", "cascade.tau_formation"),
    "maturation": ("cascade.maturation_gain",),
    "elimination": ("cascade.stabilisation_gain", "cascade.tau_stabilisation"),
}
_RECEPTOR = "serotonin.intracellular_gain"
_DECAY = "decay"
_BETWEEN_STUDIES = 0.5


class Effects(Protocol):
    """What drugs do."""

    free: list[str]
    parameters: list[Parameter]

    def values(self, values: dict[str, float]) -> dict[str, float]:
        """All values, those that follow from others added."""
        ...

    def folds(self, arm: ArmData, values: Mapping[str, float]) -> Folds:
        """Knots and folds of an arm."""
        ...

    def slopes(self, arm: ArmData, values: Mapping[str, float], names: Sequence[str]) -> dict[str, Array]:
        """Slopes of the folds of an arm in parameters, effect -> (name, n_knot); none without a drug."""
        ...


@cache  # asked for with every parameter of every evaluation
def safe_name(name: str) -> str:
    """A name without dots, blanks and slashes, which part the group from the key."""
    return re.sub(r"[.\s/]+", "_", name)


def effects_for(terms: Terms, arms: Sequence[ArmData], template: ParameterSet) -> Effects:
    """The mechanism if the terms say so, else pulses.

    Parameters
    ----------
    terms : Terms
    arms : sequence of ArmData
    template : ParameterSet
        Parameters of a ``drug``, to be named after each of them.

    Raises
    ------
    FitError
        If the dose of an arm is not known, which the mechanism needs.
    """
    return _Mechanism(terms, arms) if terms.mechanism else _Pulses(terms, arms, template)


class _Pulses:
    """A pulse for each drug."""

    def __init__(self, terms: Terms, arms: Sequence[ArmData], template: ParameterSet) -> None:
        self._terms = terms
        doses = [
            [(safe_name(compound), day) for compound, day in after_genotype(arm.doses, arm.genotype)] for arm in arms
        ]
        passive = {"saline", "ketanserin", *(safe_name(arm.genotype) for arm in arms)}
        self.drugs = sorted({compound for each in doses for compound, _ in each} - passive)
        blockers = sorted({compound for each in doses for compound, _ in each} & (passive - {"saline"}))
        groups = [*self.drugs, *([SHARED] if terms.alike else [])]
        absent = {fold for term, fold in EFFECTS.items() if term not in terms.effects}
        self.parameters = [
            # An effect that the model does not have is none, whatever a fit that has it starts from.
            replace(each, value=1.0) if each.name.partition(".")[2] in absent else each
            for each in pulse_parameters(groups, template, blockers, decays=terms.decays)
        ]
        self.free = list(self._free(doses, blockers))
        self._blocked = {f"{drug}.blocked_by_{other}": 1.0 for drug in self.drugs for other in blockers}
        self._doses = {id(arm): each for arm, each in zip(arms, doses, strict=True)}
        fixed = {parameter.name: parameter.value for parameter in self.parameters}
        self._knots = {id(arm): _pulse_grid(arm, self._doses[id(arm)], fixed) for arm in arms}

    def _free(self, doses: Sequence[Sequence[tuple[str, float]]], blockers: Sequence[str]) -> list[str]:
        if not self._terms.effects:
            return []
        names = []
        for drug in [SHARED] if self._terms.alike else self.drugs:
            names += [f"{drug}.{EFFECTS[term]}" for term in self._terms.effects]
            names += [f"{drug}.{key}" for key in self._decays()]
        if self._terms.ketanserin:
            for drug in self.drugs:
                met = {compound for each in doses if drug in dict(each) for compound, _ in each}
                names += [f"{drug}.blocked_by_{other}" for other in blockers if other in met]
        return names

    def _decays(self) -> list[str]:
        return [f"{term}_decay" for term in self._terms.effects] if self._terms.decays else [_DECAY]

    def values(self, values: dict[str, float]) -> dict[str, float]:
        if self._terms.alike:
            for drug in self.drugs:
                for key in (*EFFECTS.values(), *self._decays()):
                    values[f"{drug}.{key}"] = values[f"{SHARED}.{key}"]
        if self._terms.blocked:
            values.update(self._blocked)
        return values

    def folds(self, arm: ArmData, values: Mapping[str, float]) -> Folds:
        knots = self._knots[id(arm)]
        return knots, pulse_folds(self._doses[id(arm)], knots, values) if len(knots) else {}

    def slopes(self, arm: ArmData, values: Mapping[str, float], names: Sequence[str]) -> dict[str, Array]:
        knots = self._knots[id(arm)]
        if not len(knots):
            return {}
        slopes = {effect: np.zeros((len(names), len(knots))) for effect in (*EFFECTS, "head_size")}
        for name, found in pulse_fold_slopes(self._doses[id(arm)], knots, values, {}).items():
            drug, _, key = name.partition(".")
            shared = self._terms.alike and drug in self.drugs and key in (*EFFECTS.values(), *self._decays())
            followed = f"{SHARED}.{key}" if shared else name
            if followed in names:
                for effect, slope in found.items():
                    slopes[effect][list(names).index(followed)] += slope
        return slopes


def pulse_parameters(
    drugs: Sequence[str], template: ParameterSet, blockers: Sequence[str] = ("ketanserin",), *, decays: bool = False
) -> list[Parameter]:
    """The template's parameters of a ``drug`` for each drug, with one decay or one for each effect."""
    found = []
    for drug in drugs:
        for parameter in template.values():
            prefix, _, key = parameter.name.partition(".")
            own = [key] if prefix == "drug" else []
            if own == ["blocked_by"]:
                own = [f"blocked_by_{other}" for other in blockers]
            elif own == [_DECAY] and decays:
                own = [f"{term}_decay" for term in EFFECTS]
            found += [replace(parameter, name=f"{drug}.{each}") for each in own]
    return found


def _pulse_grid(arm: ArmData, doses: Sequence[tuple[str, float]], values: Mapping[str, float]) -> Array:
    drugs = [day for _, day, _ in effective_doses(doses, values)]
    if not drugs:
        return np.empty(0)
    return time_grid(
        arm.sessions, drugs, first_step=_FIRST_STEP_DAY, per_decade=_PER_DECADE, largest_step=_LARGEST_STEP_DAY
    )


class _Of(NamedTuple):
    """What a drive asks of a study."""

    name: str
    species: Literal["mouse"]


@dataclass(frozen=True, eq=False)
class _Target:
    """An arm as :class:`synmodel.inference.summaries.drives.Drives` takes it."""

    study: _Of
    arm: Arm
    sessions: Array
    identity: str


class _Mechanism:
    """One cascade for all drugs and studies."""

    def __init__(self, terms: Terms, arms: Sequence[ArmData]) -> None:
        library = default_parameters()
        # What studies differ in is not part of this fit: drugs act alike in all of them.
        self._library = ParameterSet(each for each in library.values() if ".effect_on." not in each.name)
        self._drives = Drives("mechanistic", self._library)
        self._targets = {id(arm): _target(arm) for arm in arms}
        acting = {dose.compound for arm in arms for dose in acting_doses(_doses_of(arm))}
        self.free = [name for term in terms.effects for name in _OF_CASCADE[term]]
        if len(acting) > 1 and terms.effects:
            self.free.append(_RECEPTOR)
        self.parameters = [self._library[name] for name in self.free]
        if terms.studies:
            own = _of_studies(terms, sorted({arm.study for arm in arms if arm.doses}))
            self._library = self._library.joined(ParameterSet(own))
            self.parameters += own
            self.free += [parameter.name for parameter in own]
            self._drives = Drives("mechanistic", self._library)
        self._values = self._library.as_floats()
        self._values.update({f"spread.{effect}": _BETWEEN_STUDIES for effect in _OF_CASCADE})
        if not terms.effects:
            self._targets = {}
        for term, names in _OF_CASCADE.items():
            if term not in terms.effects:
                self._values[names[0]] = 0.0

    def values(self, values: dict[str, float]) -> dict[str, float]:
        return {**self._values, **values}

    def folds(self, arm: ArmData, values: Mapping[str, float]) -> Folds:
        if id(arm) not in self._targets:
            return np.empty(0), {}
        return self._drives.folds(self._targets[id(arm)], values)

    def slopes(self, arm: ArmData, values: Mapping[str, float], names: Sequence[str]) -> dict[str, Array]:
        return self._drives.slopes(self._targets[id(arm)], values, names) if id(arm) in self._targets else {}


def _of_studies(terms: Terms, studies: Sequence[str]) -> list[Parameter]:
    """Factors of a study's effects on formation and elimination, in standard deviations."""
    return [
        Parameter(
            f"{safe_name(study)}.effect_on.{effect}", 0.0, "1", -4.0, 4.0, "linear",
            f"effect of drugs on {effect} in this study, in steps of {_BETWEEN_STUDIES:g} of its logarithm",
            "assumed", "starting value of a fit of single dendrites", why="a fit replaces it", prior=Prior(0.0, 1.0),
        )
        for study in studies for effect in ("formation", "elimination") if effect in terms.effects
    ]  # fmt: skip


def _doses_of(arm: ArmData) -> tuple[Dose, ...]:
    if arm.regimen is None:
        message = (
            f"arm {arm.arm} of study {arm.study} has no dose, which the mechanism needs; give it, such as "
            f'--arm "{arm.arm}=psilocybin:1:i.p.:0", or leave out the term mechanism'
        )
        raise FitError(message)
    return arm.regimen.doses


def _target(arm: ArmData) -> _Target:
    _doses_of(arm)
    assert arm.regimen is not None
    identity = f"{arm.study} {arm.regimen.model_dump_json()} {arm.sessions.tolist()}"
    return _Target(_Of(safe_name(arm.study), "mouse"), arm.regimen, arm.sessions, identity)
