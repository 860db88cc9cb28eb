"""Scenarios made ready together, such as the cells of a sweep, or one scenario at draws of the parameters.

What neither amounts of doses nor parameters touch is made once for a family of scenarios. Drives that differ in these
amounts, or in numbers of receptors and of the cascade, are integrated as the rows of one array. Every row has the bits
that it has alone, so it does not matter which cells are neighbours.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from synmodel import library, pharmacology
from synmodel.core.documents import FrozenMapping
from synmodel.core.errors import SynmodelError
from synmodel.library import Own
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Dose, Scenario
from synmodel.simulation.mechanism import folds_of_many, parameters_of
from synmodel.simulation.setup import Preparation, Setup
from synmodel.simulation.tissue import tissue_names
from synmodel.turnover.hazards import Knots

__all__ = ["prepared", "prepared_at", "setup_of"]

Array = NDArray[np.float64]
Values = tuple[tuple[str, float], ...]
Drive = tuple[tuple[float, ...], Values]
"""Amounts of the doses, and values that a scenario replaces: all in which drives of a family differ."""
Ready = Preparation | SynmodelError

_NUMBERS_AT_ONCE = 65_536  # of an array of rows; some forty are there at once, in 20 MB that stay near the processor
_MOST_ROWS = 256


def prepared(scenarios: Iterable[Scenario], base: ParameterSet | None) -> Iterator[Ready]:
    """Scenarios at their parameters, in their order, with the knots of their drives where these are made together.

    Parameters
    ----------
    scenarios : iterable of Scenario
        Those of a family should follow one another.
    base : ParameterSet or None
        Parameters that scenarios replace some of; None: those of the library.

    Yields
    ------
    Preparation or SynmodelError
        An error in place of a scenario that has none; what cannot be run tells so when it is used.
    """
    run: list[Scenario] = []
    latest: _Family | None = None
    for scenario in scenarios:
        family = _family_of(scenario)
        if latest is not None and (family is not latest or len(run) >= latest.most_rows):
            yield from latest.prepared(run, base)
            run = []
        if isinstance(family, SynmodelError):
            latest = None
            yield family
            continue
        latest = family
        run.append(scenario)
    if latest is not None:
        yield from latest.prepared(run, base)


def setup_of(scenario: Scenario) -> Setup:
    """The setup of a scenario without the parameters that it replaces, shared with others of its family."""
    family = _family_of(scenario)
    if isinstance(family, SynmodelError):
        raise family
    return family.setup_of(scenario)


def prepared_at(setup: Setup, sets: Sequence[ParameterSet]) -> Iterator[Preparation]:
    """A scenario at many parameter sets, in their order, with the knots of its drives where these are made together.

    Parameters
    ----------
    setup : Setup
        Of the scenario.
    sets : sequence of ParameterSet
        Complete, see :func:`synmodel.simulation.mechanism.parameters_of`.
    """
    most = _most_rows(setup) if len(sets) > 1 and _together(setup) else 1
    for begin in range(0, len(sets), most):
        some = sets[begin : begin + most]
        given = _knots_at(setup, some) if len(some) > 1 else [None]
        for parameters, knots in zip(some, given, strict=True):
            yield Preparation(setup, parameters, knots)


def _knots_at(setup: Setup, sets: Sequence[ParameterSet]) -> Sequence[Knots | None]:
    """Knots of a scenario's drives at parameter sets; nothing for each if they differ in what rows must share."""
    values = [each.as_floats() for each in sets]
    names = list(values[0])
    none = [None] * len(sets)
    if any(list(each) != names for each in values):
        return none
    matrix = np.array([list(each.values()) for each in values])
    of_tissue = {*tissue_names(setup.plan.baseline)}
    differ = [at for at in np.flatnonzero((matrix != matrix[0]).any(axis=0)) if names[at] not in of_tissue]
    if not _alone(setup.plan).isdisjoint(names[at] for at in differ):
        return none
    numbers: dict[str, float | Array] = dict(values[0])
    numbers |= {names[at]: matrix[:, at : at + 1].copy() for at in differ}
    try:
        return _rows_of(setup, [setup.plan.regimen.doses], numbers, len(sets))
    except SynmodelError:
        return none  # one of them has no drive, which is told where it alone is made


def _rows_of(
    setup: Setup, regimens: Sequence[Sequence[Dose]], values: Mapping[str, float | Array], n_row: int
) -> list[Knots]:
    """Knots of drives that are integrated as the rows of one array, see :func:`folds_of_many`."""
    times, _ = setup.folds_on_grid
    folds = folds_of_many(setup.plan, regimens, times, values)
    whole = {name: np.broadcast_to(each, (n_row, len(times))) for name, each in folds.items()}
    return [Knots(times, {name: np.array(each[row]) for name, each in whole.items()}) for row in range(n_row)]


def _together(setup: Setup) -> bool:
    """Whether drives can be made together: doses or conditions act by the mechanism, alike in all subjects."""
    plan = setup.plan
    try:
        acts = pharmacology.drug_doses(plan.regimen.doses) or plan.spells or plan.subject.genotype != "wild-type"
        setup.demand_drive()
        return (
            plan.drive == "mechanistic"
            and bool(acts)
            and setup.stated is None
            and not setup.terms
            and not pharmacology.open_targets(plan.regimen.doses, plan.subject)
        )
    except SynmodelError:
        return False  # each tells why when it is used


def _alone(plan: Scenario) -> frozenset[str]:
    """Parameters in which drives that are made together must not differ."""
    return frozenset(pharmacology.fixed_parameters(plan.regimen.doses, plan.subject)) | {"cascade.delay"}


def _most_rows(setup: Setup) -> int:
    """Drives that are made at once: memory is bounded whatever the grid of time."""
    return min(_MOST_ROWS, max(1, _NUMBERS_AT_ONCE // len(setup.folds_on_grid[0])))


def _family_of(scenario: Scenario) -> "_Family | SynmodelError":
    """The family of a scenario, or why it has none: a compound is not known, say."""
    regimen = scenario.regimen
    series = tuple(tuple(part for name, part in dose if name != "amount") for dose in regimen.doses)
    other = tuple(part for name, part in scenario if name not in ("parameters", "regimen"))
    try:
        return _family(_Key((series, regimen.treatments, other), scenario), library.in_use())
    except SynmodelError as error:
        return error


class _Key:
    """A hashable value that brings a scenario along."""

    def __init__(self, value: Hashable, scenario: Scenario) -> None:
        self.value, self.scenario = value, scenario

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.value == other.value


@lru_cache(maxsize=4)
def _family(key: _Key, _: Own) -> "_Family":
    """The last ones are kept: cells of a sweep follow one another, and so do their controls."""
    return _Family(_bare(key.scenario))


def _bare(scenario: Scenario) -> Scenario:
    return scenario.model_copy(update={"parameters": FrozenMapping({})})


def _amounts(scenario: Scenario) -> tuple[float, ...]:
    return tuple(dose.amount for dose in scenario.regimen.doses)


class _Family:
    """Scenarios that differ in amounts of doses and in parameters alone."""

    def __init__(self, plan: Scenario) -> None:
        self._first = self._latest = Setup(plan)
        self._of_tissue = frozenset(tissue_names(plan.baseline))

    def setup_of(self, scenario: Scenario) -> Setup:
        """A setup of its doses; the last one is kept, as cells often differ in parameters alone."""
        if _amounts(scenario) != _amounts(self._latest.plan):
            self._latest = self._first.alike(_bare(scenario))
        return self._latest

    @cached_property
    def together(self) -> bool:
        """Whether drives can be made together."""
        return _together(self._first)

    @cached_property
    def alone(self) -> frozenset[str]:
        """Parameters in which drives that are made together must not differ."""
        return _alone(self._first.plan)

    @cached_property
    def most_rows(self) -> int:
        """Scenarios that are made ready at once."""
        return _most_rows(self._first) if self.together else 1

    def prepared(self, scenarios: Sequence[Scenario], base: ParameterSet | None) -> Iterator[Ready]:
        """Scenarios of the family, see :func:`prepared`; not more than ``most_rows``."""
        sets = [_parameters(scenario, base) for scenario in scenarios]
        drives = [self._drive_of(scenario) for scenario in scenarios]
        sound = {drive: each for drive, each in zip(drives, sets, strict=True) if not isinstance(each, SynmodelError)}
        knots = self._knots_of(sound) if self.together else {}
        for scenario, drive, parameters in zip(scenarios, drives, sets, strict=True):
            try:
                setup = self.setup_of(scenario)
            except SynmodelError as error:
                yield error
                continue
            yield (
                parameters
                if isinstance(parameters, SynmodelError)
                else Preparation(setup, parameters, knots.get(drive))
            )

    def _drive_of(self, scenario: Scenario) -> Drive:
        replaced = scenario.parameters.items()
        return _amounts(scenario), tuple(item for item in replaced if item[0] not in self._of_tissue)

    def _knots_of(self, drives: Mapping[Drive, ParameterSet]) -> dict[Drive, Knots]:
        """Knots of different drives, at the parameters of a scenario that has each."""
        runs: dict[Values, list[Drive]] = {}
        for drive in drives:
            runs.setdefault(tuple(item for item in drive[1] if item[0] in self.alone), []).append(drive)
        found: dict[Drive, Knots] = {}
        for rows in runs.values():
            try:
                found |= self._rows_of(rows, [drives[row] for row in rows])
            except SynmodelError:
                continue  # of one of them, which is told where it alone is made
        return found

    def _rows_of(self, rows: Sequence[Drive], sets: Sequence[ParameterSet]) -> dict[Drive, Knots]:
        """Knots of drives that are integrated as the rows of one array."""
        names = dict.fromkeys(name for _, replaced in rows for name, _ in replaced if name not in self.alone)
        values: dict[str, float | Array] = dict(sets[0].as_floats())
        for name in names:
            column = np.array([each.value(name) for each in sets])[:, None]
            values[name] = column if (column != column[0]).any() else column[0, 0]
        amounts = [amount for amount, _ in rows]
        several = amounts if any(each != amounts[0] for each in amounts) else amounts[:1]
        doses = self._first.plan.regimen.doses
        regimens = [
            [dose.model_copy(update={"amount": amount}) for dose, amount in zip(doses, each, strict=True)]
            for each in several
        ]
        return dict(zip(rows, _rows_of(self._first, regimens, values, len(rows)), strict=True))


def _parameters(scenario: Scenario, base: ParameterSet | None) -> ParameterSet | SynmodelError:
    try:
        return parameters_of(scenario, base)
    except SynmodelError as error:
        return error
