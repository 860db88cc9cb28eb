"""The plan of a sweep: scenarios x design, replicates, seed, control and what is reported.

A plan says all that decides a number of the result, and its digest stands for it: a sweep that was interrupted goes on
only under the same digest.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from synmodel import library
from synmodel.analysis.sweeps.designs import Design, RangeSample, grid_design, sample_design, table_design
from synmodel.analysis.sweeps.draws import Draws, PosteriorDocument, draws_of
from synmodel.analysis.sweeps.factors import changed, plain, without_doses
from synmodel.analysis.sweeps.outputs import Point, exact_points_of, points_of
from synmodel.core.documents import Document, FrozenMapping, Number, OtherKind, Whole, parse_toml, read
from synmodel.core.errors import SweepError, SynmodelError, did_you_mean
from synmodel.core.plain import Json
from synmodel.core.randomness import checked_seed
from synmodel.core.settings import by_fields
from synmodel.inference.summaries.joint import Posterior, load_posterior
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario, load
from synmodel.scenario.turnover import digestible
from synmodel.turnover.arguments import whole_number

__all__ = ["Asked", "Cell", "Control", "Observe", "Plan", "SweepDocument", "load_plan", "plan_of"]

Control = str | Mapping[str, Any]
"""``"vehicle"``, ``"none"``, or values by path that make the control of a cell."""

Observe = Literal["experiments", "expected"]
"""Whether a cell is simulated experiments or its exact expectation."""

DEFAULT_QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
_MOST_CELLS = 1_000_000
_MOST_REPLICATES = 1_000_000_000
_CHECKED_CELLS = 20_000
_KEPT_CELLS = 2000  # some 10 MB
_FORMAT = 1


class Cell(NamedTuple):
    """One scenario and its control, None where there is none."""

    scenario: Scenario
    control: Scenario | None


@dataclass(frozen=True)
class Plan:
    """All that decides the numbers of a sweep; made by :func:`plan_of` or :func:`load_plan`."""

    name: str
    scenarios: tuple[Scenario, ...]
    base: ParameterSet | None
    design: Design
    replicates: int
    seed: int
    control: Control
    quantiles: tuple[float, ...]
    points: tuple[Point, ...]
    exact: bool = False
    draws: Draws | None = None
    checked: tuple[Cell, ...] = field(default=(), compare=False, repr=False)  # of few cells, so that none is made twice

    @property
    def n_cell(self) -> int:
        """Number of cells."""
        return len(self.scenarios) * self.design.size

    @property
    def dims(self) -> tuple[str, ...]:
        """Dims of the cells."""
        return ("scenario", *self.design.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dims of the cells."""
        return (len(self.scenarios), *self.design.shape)

    def cell(self, number: int) -> Cell:
        """The scenario of a cell and its control.

        Raises
        ------
        SweepError
            If the values of the cell make no valid scenario.
        """
        if self.checked:
            return self.checked[number]
        which, within = divmod(number, self.design.size)
        settings = self.design.settings(within)
        try:
            scenario = changed(self.scenarios[which], settings)
            if self.control == "none":
                return Cell(scenario, None)
            if isinstance(self.control, str):
                return Cell(scenario, without_doses(scenario))
            return Cell(scenario, changed(scenario, self.control))
        except SynmodelError as error:
            message = f"sweep: cell {number} ({self.place(number)}): {error}"
            raise SweepError(message) from error

    def place(self, number: int) -> str:
        """A cell in words: its scenario, and its values by path."""
        which, within = divmod(number, self.design.size)
        values = ", ".join(f"{path} = {value!r}" for path, value in self.design.settings(within).items())
        return f"{self.scenarios[which].name}; {values}"

    @cached_property
    def content(self) -> Json:
        """All that counts, as plain data."""
        own = library.in_use()
        exact = {"observe": "expected", "draws": "" if self.draws is None else self.draws.digest}
        return {
            **({"library": own.digest} if own else {}),
            "format": _FORMAT,
            "scenarios": [digestible(scenario.model_dump(mode="json")) for scenario in self.scenarios],
            "base": "" if self.base is None else self.base.digest(),
            "design": self.design.kind,
            "factors": [[factor.path, factor.name, list(factor.levels)] for factor in self.design.factors],
            "shape": list(self.design.shape),
            "replicates": self.replicates,
            "seed": self.seed,
            "control": self.control if isinstance(self.control, str) else dict(self.control),
            "quantiles": list(self.quantiles),
            "points": [list(point) for point in self.points],
            **(exact if self.exact else {}),
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()


def _unquoted(given: object) -> Any:
    """One path as well as several; a name stands for a list of one."""
    return [given] if isinstance(given, str) else given


class SweepDocument(Document):
    """A sweep as a TOML file."""

    other_kind = OtherKind("scenarios", "baseline", "this is a scenario; run it with `synmodel simulate FILE`")

    name: str = Field(min_length=1)
    title: str = ""
    scenarios: Annotated[tuple[str, ...], BeforeValidator(_unquoted)] = Field(
        min_length=1, description="name scenarios of the library, see `synmodel scenarios`, or TOML files"
    )
    observe: Observe = "experiments"
    replicates: Annotated[Whole, Field(ge=1, le=_MOST_REPLICATES)] | None = None
    posterior: PosteriorDocument | None = None
    seed: Whole = Field(default=1, ge=0)
    control: Any = "vehicle"
    base: str = Field(default="", description="a TOML file of parameters, such as `synmodel fit` writes")
    quantities: Annotated[tuple[str, ...], BeforeValidator(_unquoted)] = ()
    quantiles: tuple[Number, ...] = DEFAULT_QUANTILES
    fixed: Mapping[str, Any] = Field(default=FrozenMapping({}), description="values by quoted path, for all cells")
    grid: Mapping[str, Any] | None = None
    sample: RangeSample | None = None
    parameters: tuple[Mapping[str, Any], ...] | None = None


def load_plan(source: str | Path) -> Plan:
    """A plan from the library by name, or from a TOML file by path.

    Raises
    ------
    SynmodelError
        One line; that of a file begins with its path.
    """
    is_file = isinstance(source, Path) or source.endswith(".toml") or "/" in source
    path = Path(source) if is_file else library.path_of("sweeps", str(source))
    try:
        document = read(SweepDocument, parse_toml(path, SweepError), "sweep", SweepError)
        scenarios = [changed(load(_beside(path, name)), document.fixed) for name in document.scenarios]
        return plan_of(scenarios, asked=_asked(document, path.parent), name=document.name)
    except SynmodelError as error:
        if str(path) in str(error):  # a file that cannot be read says so itself
            raise
        message = f"{path}: {error}"
        raise type(error)(message) from error


def _asked(document: SweepDocument, folder: Path) -> "Asked":
    """What a document asks; files are named relative to the one that names them."""
    own, file = document.posterior, "" if document.posterior is None else document.posterior.file
    return Asked(
        seed=document.seed,
        parameters=document.parameters,
        grid=document.grid,
        sample=document.sample,
        observe=document.observe,
        replicates=document.replicates,
        draws=None if own is None else own.draws,
        posterior=load_posterior(folder / file) if file else None,
        control=document.control,
        base=ParameterSet.from_toml(folder / document.base) if document.base else None,
        quantities=document.quantities,
        quantiles=document.quantiles,
    )


def _beside(path: Path, name: str) -> str | Path:
    """A scenario file is named relative to the file that names it."""
    return path.parent / name if name.endswith(".toml") or "/" in name else name


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of a sweep, as its TOML file says it: what is varied, how it is observed, and what is reported.

    One of ``parameters``, ``grid`` and ``sample`` says what is varied.

    Parameters
    ----------
    seed : int
        Of all draws. Cells share them, so that they differ only by what was varied.
    parameters : sequence of mapping
        One mapping per cell, all with the same paths: ``{"shao2021.loss_nascent": 1.0}``.
    grid : mapping
        Levels by path, all combinations: ``{"scenario.regimen.doses[0].amount": [1, 3, 10]}``; lists or arrays of one
        dimension.
    sample : RangeSample or mapping
        ``{"method": "sobol", "points": 64, "ranges": {path: {"low": 0.5, "high": 2.0, "scale": "log"}}}``; methods
        are ``latin-hypercube``, ``sobol`` and ``saltelli`` (for :func:`synmodel.sobol_indices`).
    observe : {"experiments", "expected"}
        Whether a cell is simulated experiments, or its exact expectation (:func:`synmodel.simulation.expectation`).
    replicates : int
        Simulated experiments per cell, up to 1000 million. Memory does not grow with them. Exact cells have none.
    draws : int, optional
        Of exact cells: draws of the posterior at which each is evaluated, the same for all. Default: none; each has the
        parameters of the library.
    posterior : Posterior, optional
        Of which; default: that of the library.
    control : str or mapping
        ``"vehicle"`` (no doses, the default), ``"none"``, or values by path that make the control of each cell.
    base : ParameterSet, optional
        Parameters before anything is varied; default: those of the library.
    quantities : str or sequence of str
        Statistics to report; default: all.
    quantiles : sequence of float
        Levels in rising order. Exact up to 1024 replicates, see :mod:`synmodel.analysis.sweeps.work` for more.
    """

    seed: int
    parameters: Sequence[Mapping[str, Any]] | None = None
    grid: Mapping[str, Sequence[Any] | NDArray[Any]] | None = None
    sample: RangeSample | Mapping[str, Any] | None = None
    observe: Observe = "experiments"
    replicates: int | None = None
    draws: int | None = None
    posterior: Posterior | None = None
    control: Control = "vehicle"
    base: ParameterSet | None = None
    quantities: str | Sequence[str] = ()
    quantiles: Sequence[float] = DEFAULT_QUANTILES

    def design(self, scenarios: Sequence[Scenario]) -> Design:
        """The cells, by the one way that is given.

        Raises
        ------
        SynmodelError
            If there is not one way, or its values do not fit the scenarios.
        """
        ways = {"parameters": self.parameters, "grid": self.grid, "sample": self.sample}
        chosen = [way for way, content in ways.items() if content is not None]
        if len(chosen) != 1:
            message = f"sweep: {' and '.join(chosen) or 'nothing'} given; give one of parameters, grid and sample"
            raise SweepError(message)
        if self.grid is not None:
            return grid_design(self.grid, scenarios)
        if self.parameters is not None:
            return table_design(self.parameters, scenarios)
        given = self.sample
        document = (
            given if isinstance(given, RangeSample) else read(RangeSample, dict(given or {}), "sample", SweepError)
        )
        return sample_design(document, checked_seed(self.seed), scenarios)


@by_fields(asked=Asked)
def plan_of(
    scenarios: str | Path | Scenario | Sequence[str | Path | Scenario], *, asked: Asked, name: str = "sweep"
) -> Plan:
    """A checked plan; the arguments are those of :func:`synmodel.sweep`.

    Raises
    ------
    SynmodelError
        One line, if a cell is no valid scenario or an argument is not allowed.
    """
    given = [scenarios] if isinstance(scenarios, str | Path | Scenario) else list(scenarios)
    if not given:
        message = "sweep: there is no scenario; give at least one"
        raise SweepError(message)
    loaded = tuple(load(each) for each in given)
    names = [scenario.name for scenario in loaded]
    if len(set(names)) < len(names):
        message = f"sweep: scenarios are named {', '.join(names)}; each needs a name of its own"
        raise SweepError(message)
    seed, design = checked_seed(asked.seed), asked.design(loaded)
    if len(loaded) * design.size > _MOST_CELLS:
        message = f"sweep: {len(loaded) * design.size} cells; allowed are {_MOST_CELLS}: split the sweep"
        raise SweepError(message)
    levels = tuple(float(level) for level in asked.quantiles)
    if not all(0 <= level <= 1 for level in levels) or list(levels) != sorted(set(levels)):
        message = f"sweep: quantiles is {list(asked.quantiles)}; give levels from 0 to 1 in rising order"
        raise SweepError(message)
    exact = _checked_observe(asked, levels)
    if exact and asked.draws is not None:
        _check_posterior(loaded, asked.base)
    bare = Plan(
        name=name,
        scenarios=loaded,
        base=asked.base,
        design=design,
        replicates=0 if exact else whole_number("replicates", asked.replicates, _MOST_REPLICATES),
        seed=seed,
        control=_checked_control(asked.control),
        quantiles=() if exact else levels,
        points=(),
        exact=exact,
        draws=draws_of(asked.draws, seed, asked.posterior) if exact and asked.draws is not None else None,
    )
    if bare.n_cell <= _KEPT_CELLS:
        bare = replace(bare, checked=tuple(map(bare.cell, range(bare.n_cell))))
    return replace(bare, points=_points_of(bare, _unquoted(asked.quantities)))


def _checked_observe(asked: Asked, quantiles: tuple[float, ...]) -> bool:
    """Whether cells are exact.

    Raises
    ------
    SweepError
        If an argument belongs to the other way to observe.
    """
    if asked.observe not in get_args(Observe):
        message = f"sweep: observe is {asked.observe!r}; give 'experiments' (simulated) or 'expected' (exact)"
        raise SweepError(message)
    if asked.observe == "experiments":
        if asked.replicates is None:
            message = 'sweep.replicates is missing; add it, or observe = "expected" for exact expectations'
            raise SweepError(message)
        if asked.draws is not None or asked.posterior is not None:
            message = 'sweep: a posterior is an axis of exact expectations alone; add observe = "expected"'
            raise SweepError(message)
        return False
    if asked.replicates is not None:
        message = f"sweep: replicates is {asked.replicates}, but exact expectations have no replicates; leave it out"
        raise SweepError(message)
    if quantiles != DEFAULT_QUANTILES:
        message = "sweep: quantiles are of replicates, and exact expectations have none; leave them out"
        raise SweepError(message)
    if asked.posterior is not None and asked.draws is None:
        message = "sweep: a posterior is given, but not how many draws of it; give draws"
        raise SweepError(message)
    return True


def _check_posterior(scenarios: Sequence[Scenario], base: ParameterSet | None) -> None:
    """Refuse what draws of the posterior do not apply to.

    Raises
    ------
    SweepError
        For parameters of a sweep's own, or where no mechanism drives a scenario.
    """
    if base is not None:
        message = "sweep: base is given beside a posterior, whose draws set all parameters; leave out one of the two"
        raise SweepError(message)
    for scenario in scenarios:
        if scenario.drive != "mechanistic":
            message = (
                f"sweep: the posterior is of the mechanism, and {scenario.name} has the drive {scenario.drive}; leave "
                'posterior out, or set drive = "mechanistic"'
            )
            raise SweepError(message)


def _checked_control(control: object) -> Control:
    if isinstance(control, Mapping):
        return {str(path): plain(value) for path, value in control.items()}
    if control not in ("vehicle", "none"):
        message = (
            f"sweep: control is {control!r}; give 'vehicle' (no doses), 'none', or a table of values by path that "
            'make the control: {"scenario.regimen.doses[0].amount" = 1}'
        )
        raise SweepError(message)
    return str(control)


def _check_effect(plan: Plan, baselines: set[str]) -> None:
    """Refuse to vary a parameter of the tissue of a study on which no cell rests: it would change nothing.

    Raises
    ------
    SweepError
        If there is one.
    """
    for factor in plan.design.factors:
        study, _, rest = factor.path.partition(".")
        if study in library.names("studies") and study not in baselines:
            used = " and ".join(sorted(baselines))
            message = (
                f"sweep: {factor.path} changes nothing, as no scenario has the baseline {study} but {used}: "
                f"vary {sorted(baselines)[0]}.{rest}, or change scenario.baseline"
            )
            raise SweepError(message)


def _points_of(plan: Plan, quantities: Sequence[str]) -> tuple[Point, ...]:
    """What is reported of any cell: the statistics of all schedules that occur. Cells are checked on the way."""
    step = max(1, plan.n_cell // _CHECKED_CELLS)
    schedules: dict[tuple[str, tuple[float, ...]], None] = {}
    for number in chain(range(0, plan.n_cell, step), [plan.n_cell - 1]):
        for scenario in filter(None, plan.cell(number)):
            schedules[scenario.baseline, scenario.schedule.sessions] = None
    _check_effect(plan, {baseline for baseline, _ in schedules})
    points: dict[Point, None] = {}
    for baseline, sessions in schedules:
        points |= dict.fromkeys(exact_points_of(sessions) if plan.exact else points_of(baseline, sessions))
    known = dict.fromkeys(point.quantity for point in points)
    for quantity in quantities:
        if quantity not in known:
            none = "has no exact expectation here" if plan.exact else "is not reported"
            message = f"sweep: quantity {quantity!r} {none}; {did_you_mean(quantity, known)}"
            raise SweepError(message)
    return tuple(point for point in points if not quantities or point.quantity in quantities)
