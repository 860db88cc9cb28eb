"""From the doses of an arm to folds of its hazards, fast enough for a fit: what a parameter does not touch is kept."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from synmodel.core.grid import MINUTE, time_grid
from synmodel.data import Arm
from synmodel.inference.summaries.drive_slopes import effect_factor_slopes, pulse_slopes_of, signal_slopes
from synmodel.inference.summaries.hierarchy import EFFECTS, SCALED, effect_factor
from synmodel.library.parameters import ParameterSet
from synmodel.library.targets import PREFIX, load_target
from synmodel.pharmacology import (
    concentrations,
    corners_of,
    drug_doses,
    engagement,
    exposure_parameters,
    fixed_parameters,
    kinetic_parameters,
    open_targets,
)
from synmodel.scenario import Dose, Subject
from synmodel.signalling.cascade import SLOW, fast_states, slow_folds
from synmodel.signalling.phenomenology import effective_doses, pulse_folds, pulse_names
from synmodel.signalling.signals import Signals, all_modules, collect
from synmodel.signalling.slopes import FAST, fast_slopes, slow_fold_slopes

__all__ = ["Dosed", "Drives", "after_genotype", "numbers_of"]

Array = NDArray[np.float64]
_FIRST_STEP_DAY, _PER_DECADE, _LARGEST_STEP_DAY = 0.05, 10, 0.5
_OWN = ".cascade_"
_OTHERWISE = ("evoked", "protein", "d1")  # of the cascade, but of no hazard of a spine
_FIRST_MINUTE, _PER_DECADE_OF_DRUG = MINUTE, 24


class _Study(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def species(self) -> Literal["mouse"]: ...


class Dosed(Protocol):
    """An arm: its study, its doses and genotype, its sessions [day], and a text that says all this."""

    @property
    def study(self) -> _Study:
        """Name and species."""
        ...

    @property
    def arm(self) -> Arm:
        """Doses and genotype."""
        ...

    @property
    def sessions(self) -> Array:
        """(n,) days."""
        ...

    @property
    def identity(self) -> str:
        """Equal for arms with the same study, doses and sessions."""
        ...


Numbers = Callable[[Mapping[str, float]], tuple[float, ...]]


def numbers_of(names: Sequence[str]) -> Numbers:
    """A function from all values to those of some names, one at least: a key of what depends on these alone."""
    return itemgetter(*names, names[0])  # a tuple also of one


class Drives:
    """Folds of the arms of a problem.

    Parameters
    ----------
    kind : {"mechanistic", "phenomenological"}
        How doses become folds.
    parameters : ParameterSet
        Whose names say on what a drive may depend.
    """

    def __init__(self, kind: Literal["mechanistic", "phenomenological"], parameters: ParameterSet) -> None:
        self.kind = kind
        # Gains of open targets count where a compound has the target.
        groups = {*(module.prefix for module in all_modules()), "cascade", "blocker"} - {PREFIX}
        self._mechanism = [
            name for name in parameters
            if name.partition(".")[0] in groups and not any(key in name for key in _OTHERWISE)
        ]  # fmt: skip
        self._parameters = parameters
        self._grids: dict[str, Array] = {}
        self._plasma: dict[str, tuple[tuple[float, ...], dict[str, Array]]] = {}
        self._fast: dict[str, tuple[tuple[float, ...], dict[str, Array], Array]] = {}
        self._slow = ["cascade.delay", *(f"cascade.{key}" for name in SLOW for key in _keys_of(name))]
        self._names: dict[tuple[str, str], Sequence[str]] = {}
        self._getters: dict[tuple[str, str], Numbers] = {}
        self._sources: dict[str, dict[str, str]] = {}
        self._folds: dict[str, tuple[tuple[float, ...], Array, dict[str, Array]]] = {}

    def names(self, target: Dosed) -> list[str]:
        """Names of all parameters on which the folds of an arm depend; none without drug."""
        doses = drug_doses(target.arm.doses)
        if not doses:
            return []
        study = target.study.name
        shared = [f"spread.{effect}" for effect in EFFECTS] + [f"{study}.effect_on.{effect}" for effect in EFFECTS]
        shared = [name for name in shared if name in self._parameters]
        if self.kind == "phenomenological":
            return [*shared, *pulse_names(_events(target), self._parameters)]
        own = [name for dose in doses for name in self._parameters if name.startswith(f"{dose.compound}{_OWN}")]
        exposed = exposure_parameters(doses, _subject(target))
        engaged = map(load_target, open_targets(doses, _subject(target)))
        own += [each.gain_name(effect) for each in engaged for effect in each.effects]
        return [*shared, *self._mechanism, *own, *(name for name in exposed if name not in self._mechanism)]

    def folds(self, target: Dosed, values: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        """Knots [day] and folds by effect of the drive of an arm; none without drug."""
        names = self.names_of(target)
        if not names:
            return np.empty(0), {}
        where = target.identity
        key = self._numbers("all", where, names, values)
        if where not in self._folds or self._folds[where][0] != key:
            made = self._mechanistic if self.kind == "mechanistic" else self._phenomenological
            self._folds[where] = (key, *made(target, values, where))
        return self._folds[where][1:]

    def slopes(self, target: Dosed, values: Mapping[str, float], names: Sequence[str]) -> dict[str, Array]:
        """Slopes of :meth:`folds` in parameters, effect -> (name, n_knot); none without drug.

        Exact but for parameters of the kinetics and of open targets (:func:`.drive_slopes.signal_slopes`).
        """
        if not self.names_of(target) or not len(self.folds(target, values)[0]):
            return {}
        if self.kind == "phenomenological":
            return pulse_slopes_of(target.study.name, _events(target), self._grids[target.identity], values, names)
        return self._mechanistic_slopes(target, values, names)

    def _mechanistic_slopes(self, target: Dosed, values: Mapping[str, float], names: Sequence[str]) -> dict[str, Array]:
        where, subject = target.identity, _subject(target)
        elimination = self.folds(target, values)[1]["elimination"]
        times, (_, engaged, mtorc1) = self._grids[where], self._fast[where]
        fast = set(self._found("fast", where, lambda: self._fast_names(target)))
        moved = [name for name in names if name in fast]
        of_signals, of_cascade = [n for n in moved if n not in FAST], [n for n in moved if n in FAST]
        d_mtorc1 = np.zeros((len(names), len(times)))
        if moved:
            exposed = set(self._found("exposed", where, lambda: exposure_parameters(target.arm.doses, subject)))
            fixed = set(self._found("fixed", where, lambda: fixed_parameters(target.arm.doses, subject)))
            together = "target" not in engaged and fixed.isdisjoint(of_signals)

            def signals(given: Mapping[str, float], moved: Sequence[str]) -> Signals:
                rows = np.size(given[moved[0]]) if together else 0
                there = engaged if exposed.isdisjoint(moved) else self._engaged(target, subject, times, given, rows)
                return collect(there, given)

            changes = signal_slopes(signals, values, of_signals, together=together)
            ordered = [*of_signals, *of_cascade]
            places = [names.index(name) for name in ordered]
            d_mtorc1[places] = fast_slopes(times, collect(engaged, values), values, ordered, changes)
        altered, of_slow = self._altered(target, values), self._altered_slopes(target, values, names)
        return slow_fold_slopes(times, mtorc1, elimination, altered, d_mtorc1, of_slow)

    def names_of(self, target: Dosed) -> Sequence[str]:
        """:meth:`names`, found once."""
        return self._found("all", target.identity, lambda: self.names(target))

    def _found(self, kind: str, where: str, find: Callable[[], Sequence[str]]) -> Sequence[str]:
        """Names that are looked for once for each arm."""
        if (kind, where) not in self._names:
            self._names[kind, where] = find()
        return self._names[kind, where]

    def _numbers(self, kind: str, where: str, names: Sequence[str], values: Mapping[str, float]) -> tuple[float, ...]:
        """Values of names that :meth:`_found` found, to tell whether one has changed."""
        if (kind, where) not in self._getters:
            self._getters[kind, where] = numbers_of(names)
        return self._getters[kind, where](values)

    def _phenomenological(
        self, target: Dosed, values: Mapping[str, float], where: str
    ) -> tuple[Array, dict[str, Array]]:
        events = _events(target)
        if not effective_doses(events, values):
            return np.empty(0), {}
        if where not in self._grids:
            self._grids[where] = time_grid(
                target.sessions, [day for _, day in events],
                first_step=_FIRST_STEP_DAY, per_decade=_PER_DECADE, largest_step=_LARGEST_STEP_DAY,
            )  # fmt: skip
        grid = self._grids[where]
        factors = {effect: effect_factor(target.study.name, effect, values) for effect in EFFECTS}
        return grid, pulse_folds(events, grid, values, factors)

    def _mechanistic(self, target: Dosed, values: Mapping[str, float], where: str) -> tuple[Array, dict[str, Array]]:
        doses, subject = target.arm.doses, _subject(target)
        if where not in self._grids:
            self._grids[where] = _grid(doses, target.sessions)
        times = self._grids[where]
        fast = self._found("fast", where, lambda: self._fast_names(target))
        key = self._numbers("fast", where, fast, values)
        if where not in self._fast or self._fast[where][0] != key:
            engaged = self._engaged(target, subject, times, values)
            self._fast[where] = key, engaged, fast_states(times, collect(engaged, values), values)["mtorc1"]
        return times, slow_folds(times, self._fast[where][2], self._altered(target, values))

    def _given(self, target: Dosed) -> dict[str, str]:
        """Parameter of the slow drives -> the name of the one that has its value for an arm."""
        if target.identity not in self._sources:
            given = {name: name for name in self._slow}
            for name in self.names_of(target):
                # A drug may have a cascade of its own, in readings that ask whether all share one.
                if _OWN in name:
                    given["cascade." + name.partition(_OWN)[2]] = name
            self._sources[target.identity] = given
        return self._sources[target.identity]

    def _altered(self, target: Dosed, values: Mapping[str, float]) -> dict[str, float]:
        """Parameters of the slow drives of an arm, times the factors of its study."""
        altered = {name: values[given] for name, given in self._given(target).items()}
        for effect, scaled in SCALED.items():
            for name in scaled:
                altered[name] *= effect_factor(target.study.name, effect, values)
        return altered

    def _altered_slopes(self, target: Dosed, values: Mapping[str, float], names: Sequence[str]) -> dict[str, Array]:
        """Slopes of :meth:`_altered` that are not 0, name of a parameter -> (name,)."""
        study, given = target.study.name, self._given(target)
        factor = dict.fromkeys(given, 1.0)
        slopes: dict[str, Array] = {}
        for effect, scaled in SCALED.items():
            for name in scaled:
                factor[name] = effect_factor(study, effect, values)
                for at, of_factor in effect_factor_slopes(study, effect, values, names):
                    slopes.setdefault(name, np.zeros(len(names)))[at] += values[given[name]] * of_factor
        for name, source in given.items():
            if source in names:
                slopes.setdefault(name, np.zeros(len(names)))[names.index(source)] += factor[name]
        return slopes

    def _engaged(
        self, target: Dosed, subject: Subject, times: Array, values: Mapping[str, float], rows: int = 0
    ) -> dict[str, Array]:
        """Engaged receptors of an arm, in rows if values have them; concentrations are kept, fits hardly move them."""
        where = target.identity
        doses = target.arm.doses
        kinetic = self._found("kinetic", where, lambda: kinetic_parameters(doses, subject))
        key = self._numbers("kinetic", where, kinetic, values)
        if where not in self._plasma or self._plasma[where][0] != key:
            self._plasma[where] = key, concentrations(doses, subject, times, values)
        plasma = self._plasma[where][1]
        if rows:
            plasma = {name: np.broadcast_to(each, (rows, len(times))) for name, each in plasma.items()}
        return engagement(plasma, subject, values, times)

    def _fast_names(self, target: Dosed) -> list[str]:
        """Names of the parameters of an arm up to mTORC1."""
        slow = {*self._slow, *(name for name in self.names_of(target) if _OWN in name)}
        return [name for name in self.names_of(target) if name not in slow and not _of_hierarchy(name)]


def _grid(doses: tuple[Dose, ...], sessions: Array) -> Array:
    """Fine after every dose; checked against twice as many cells by a test of refinement."""
    changes, corners = corners_of(doses)
    within = [day for day in corners if day < sessions[-1]]
    return time_grid(
        [*sessions.tolist(), *within], changes,
        first_step=_FIRST_MINUTE, per_decade=_PER_DECADE_OF_DRUG, largest_step=_LARGEST_STEP_DAY,
    )  # fmt: skip


def _keys_of(name: str) -> tuple[str, str, str]:
    return f"{name}_gain", f"{name}_max", f"tau_{name}"


def _of_hierarchy(name: str) -> bool:
    return name.startswith("spread.") or ".effect_on." in name


def _subject(target: Dosed) -> Subject:
    return _subject_of(target.study.species, target.arm.genotype)


@cache
def _subject_of(species: Literal["mouse"], genotype: str) -> Subject:
    return Subject(species=species, genotype=genotype)


def _events(target: Dosed) -> list[tuple[str, float]]:
    return after_genotype([(dose.compound, day) for dose in target.arm.doses for day in dose.days], target.arm.genotype)


def after_genotype(doses: Sequence[tuple[str, float]], genotype: str) -> list[tuple[str, float]]:
    """Doses after a genotype that is not wild-type, which a pulse can only take for something given before them."""
    first = min((day for _, day in doses), default=0.0)
    return [*([] if genotype == "wild-type" else [(genotype, first)]), *doses]
