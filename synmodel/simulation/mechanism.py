"""From the doses of a scenario to the drive of its spines.

::

    Regimen -> Exposure -> states of the cascade -> Drive

Its functions are also those of :mod:`synmodel.simulation`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library, pharmacology, signalling
from synmodel.core.compiled import one_blas_thread
from synmodel.core.errors import ScenarioError
from synmodel.core.grid import time_grid
from synmodel.data import load_study
from synmodel.library.parameters import ParameterSet, default_parameters
from synmodel.scenario import Dose, Scenario, Spell, Subject, load
from synmodel.turnover.hazards import checked_folds

__all__ = [
    "drive_function",
    "drive_of",
    "drives_at",
    "exposure_of",
    "folds_of_many",
    "folds_on_grid",
    "mechanism_function",
    "mechanism_of",
    "mechanisms_at",
    "parameters_of",
]

Array = NDArray[np.float64]
_PULSE_STEP_DAY = 0.02
_KEPT = 256  # results that many parameter sets share; of subjects, who share none, no more are kept either
Folding = Callable[[Mapping[str, float]], Mapping[str, Array]]
Key = TypeVar("Key")
Result = TypeVar("Result")


def parameters_of(scenario: Scenario, parameters: ParameterSet | None = None) -> ParameterSet:
    """Given or default parameters, with the values that the scenario replaces."""
    base = default_parameters() if parameters is None else parameters
    return base.replace(scenario.parameters) if scenario.parameters else base


def exposure_of(
    doses: Sequence[Dose],
    subject: Subject,
    sessions: Sequence[float],
    values: Mapping[str, float],
    spells: Sequence[Spell] = (),
) -> xr.Dataset:
    """Exposure on a grid that is fine after every dose and spell and starts no later than the first of them."""
    grid, plasma_at = _plasma(doses, subject, sessions, spells)
    with one_blas_thread():
        return pharmacology.exposure(doses, subject, grid, values, plasma_at(values))


def _plasma(
    doses: Sequence[Dose], subject: Subject, sessions: Sequence[float], spells: Sequence[Spell]
) -> tuple[Array, Callable[[Mapping[str, float]], dict[str, Array]]]:
    """The grid of a scenario, and concentrations on it for many parameter sets, most of which share their kinetics."""
    changes, corners = pharmacology.corners_of(doses)
    jumps, around = signalling.corners(spells)
    changes, corners = changes + jumps, corners + around
    grid = _grid((*sessions, *(day for day in corners if day < max(sessions))), tuple(changes)).copy()
    kinetic = pharmacology.kinetic_parameters(doses, subject)
    known: dict[tuple[float, ...], dict[str, Array]] = {}

    def plasma(values: Mapping[str, float]) -> dict[str, Array]:
        key = tuple(values[name] for name in kinetic)
        return _remembered(known, key, lambda: pharmacology.concentrations(doses, subject, grid, values))

    return grid, plasma


@lru_cache(maxsize=16)
def _grid(days: tuple[float, ...], changes: tuple[float, ...]) -> Array:
    """The grid of time, which doses of any amount on the same days share."""
    grid = time_grid(days, changes)
    grid.setflags(write=False)
    return grid


def _remembered(known: dict[Key, Result], key: Key, make: Callable[[], Result]) -> Result:
    """A result that was made before, or is made now; the oldest ones are forgotten."""
    if key not in known:
        if len(known) >= _KEPT:
            del known[next(iter(known))]
        known[key] = make()
    return known[key]


def drive_of(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> xr.Dataset:
    """The Drive of a scenario, mechanistic or phenomenological as the scenario says.

    Parameters
    ----------
    scenario : str, Path or Scenario
        Name in the library, TOML file or object: its doses, subject, conditions and days.
    parameters : ParameterSet, optional
        Default: those of the library, with the scenario's replacements.

    Returns
    -------
    Dataset
        A Drive (:data:`synmodel.core.schema.DRIVE`): folds of formation, maturation, elimination and head size on
        ``time`` [day], each constant from its time to the next.

    Raises
    ------
    ScenarioError
        If a dose has no kinetics for the subject; or, for the phenomenological drive, if it is not one that was
        fitted: compound, amount, route, species and genotype of an arm in the library.

    Examples
    --------
    >>> import synmodel
    >>> drive = synmodel.drive_of("psilocybin-mouse")
    >>> {name: round(float(drive[name].sel(time=1, method="nearest")), 2) for name in ("formation", "elimination")}
    {'formation': 2.23, 'elimination': 0.43}
    """
    return drive_function(load(scenario))(parameters)


def drive_function(scenario: Scenario) -> Callable[[ParameterSet | None], xr.Dataset]:
    """:func:`drive_of` for many parameter sets: what does not depend on them is computed once.

    Returns
    -------
    callable
        From a ParameterSet to a Drive.
    """
    drive = drives_at(scenario)
    return lambda parameters: drive(parameters_of(scenario, parameters))


def drives_at(scenario: Scenario) -> Callable[[ParameterSet], xr.Dataset]:
    """:func:`drive_function` for complete parameters, such as a subject's: the scenario replaces none of them."""
    times, folds_at = folds_on_grid(scenario)
    return lambda parameters: signalling.drive_of_folds(times, folds_at(parameters.as_floats()))


def folds_on_grid(scenario: Scenario, of_tissue: Sequence[str] = ()) -> tuple[Array, Folding]:
    """The array layer of :func:`drives_at`: times (n_time,), and folds by effect there, at values by dotted name.

    ``of_tissue`` are names of parameters on which no drive depends, so that sets which differ in them alone share it.
    """
    if scenario.drive == "mechanistic":
        return _mechanistic(scenario, of_tissue)
    _refuse_other_than_fitted(scenario)
    sessions = scenario.schedule.sessions
    events = [(dose.compound, day) for dose in scenario.regimen.doses for day in dose.days]
    jumps, around = signalling.corners(scenario.spells)
    within = [day for day in around if sessions[0] < day < sessions[-1]]
    times = time_grid([*sessions, *within], [day for _, day in events] + jumps, first_step=_PULSE_STEP_DAY)
    arrows = signalling.arrows_of(scenario, times)
    return times, lambda values: checked_folds(signalling.phenomenological_folds(events, times, values, arrows))


def _mechanistic(scenario: Scenario, of_tissue: Sequence[str]) -> tuple[Array, Folding]:
    """Folds, and engaged receptors before them, are kept: many parameter sets differ in the tissue alone."""
    doses, subject = scenario.regimen.doses, scenario.subject
    reads = pharmacology.exposure_parameters(doses, subject)
    times, plasma_at = _plasma(doses, subject, scenario.schedule.sessions, scenario.spells)
    arrows = signalling.arrows_of(scenario, times)
    # Where nothing acts all folds are 1, whatever the values.
    is_idle = not pharmacology.drug_doses(doses) and arrows == signalling.NEUTRAL
    known_engaged: dict[tuple[float, ...], dict[str, Array]] = {}
    known: dict[tuple[object, ...], Mapping[str, Array]] = {}

    def engaged_at(values: Mapping[str, float]) -> dict[str, Array]:
        with one_blas_thread():
            return pharmacology.engagement(plasma_at(values), subject, values, times)

    def made(values: Mapping[str, float]) -> Mapping[str, Array]:
        key = tuple(values[name] for name in reads)
        engaged = _remembered(known_engaged, key, lambda: engaged_at(values))
        return checked_folds(signalling.cascade_folds(times, engaged, values, arrows))

    def folds_at(values: Mapping[str, float]) -> Mapping[str, Array]:
        other = {} if is_idle else dict(values)
        for name in of_tissue:
            other.pop(name, None)
        return _remembered(known, (tuple(other), tuple(other.values())), lambda: made(values))

    return times, folds_at


def folds_of_many(
    scenario: Scenario, regimens: Sequence[Sequence[Dose]], times: Array, values: Mapping[str, float | Array]
) -> Mapping[str, Array]:
    """Folds by effect of a mechanistic scenario for rows that differ in amounts of doses, or in numbers.

    Parameters
    ----------
    scenario : Scenario
        Its subject and conditions.
    regimens : sequence of sequences of Dose
        Of each row, or one for all; all on the days of the scenario.
    times : (n_time,) ndarray
        The grid of the scenario [day], see :func:`folds_on_grid`.
    values : mapping
        Numbers by dotted name; (row, 1) where rows differ, which none may in
        :func:`synmodel.pharmacology.fixed_parameters`, the delay of the cascade or numbers of open targets.

    Returns
    -------
    mapping
        Each (row, n_time), or with one row for all.

    Raises
    ------
    SynmodelError
        If a row has no drive.
    """
    subject = scenario.subject
    numbers: Any = values  # floats where they must be
    with one_blas_thread():
        plasma = pharmacology.concentrations_of_many(regimens, subject, times, numbers)
        reads = pharmacology.exposure_parameters(scenario.regimen.doses, subject)
        rows = max((len(numbers[name]) for name in reads if np.ndim(numbers[name])), default=0)
        if rows:
            plasma = {
                name: np.array(np.broadcast_to(each, (rows, len(times))), order="C") for name, each in plasma.items()
            }
        engaged = pharmacology.engagement(plasma, subject, numbers, times)
    arrows = signalling.arrows_of(scenario, times)
    return checked_folds(signalling.cascade_folds(times, engaged, numbers, arrows))


def mechanism_of(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> xr.Dataset:
    """All that lies between the doses of a scenario and its spines, on one grid of time.

    Parameters
    ----------
    scenario, parameters
        As in :func:`drive_of`.

    Returns
    -------
    Dataset
        On ``time`` (and ``compound``), each with ``units`` and ``long_name``: the Exposure (concentrations, where a
        drug is given, and engaged receptors), the states of the cascade and the Drive. The folds of the Drive are named
        ``formation_fold`` and so on, states of the same effect ``formation_state``. For a phenomenological scenario
        the folds alone.
    """
    return mechanism_function(load(scenario))(parameters)


def mechanism_function(scenario: Scenario) -> Callable[[ParameterSet | None], xr.Dataset]:
    """:func:`mechanism_of` for many parameter sets: what does not depend on them is computed once."""
    mechanism = mechanisms_at(scenario)
    return lambda parameters: mechanism(parameters_of(scenario, parameters))


def mechanisms_at(scenario: Scenario) -> Callable[[ParameterSet], xr.Dataset]:
    """:func:`mechanism_function` for complete parameters, as :func:`drives_at`."""
    if scenario.drive != "mechanistic":
        drives = drives_at(scenario)
        return lambda parameters: _as_folds(drives(parameters))
    doses, subject = scenario.regimen.doses, scenario.subject
    times, plasma_at = _plasma(doses, subject, scenario.schedule.sessions, scenario.spells)
    arrows = signalling.arrows_of(scenario, times)

    def mechanism(parameters: ParameterSet) -> xr.Dataset:
        values = parameters.as_floats()
        with one_blas_thread():
            exposure = pharmacology.exposure(doses, subject, times, values, plasma_at(values))
        drive = signalling.mechanistic_drive(exposure, values, arrows)
        states = signalling.signalling_states(exposure, values, arrows)
        states = states.rename({name: f"{name}_state" for name in states.data_vars if name in drive})
        if exposure.sizes["compound"]:
            exposure["compound"].attrs["long_name"] = "given compounds and their metabolites"
        else:
            exposure = exposure.drop_dims("compound")
        together = [exposure, states, _as_folds(drive)]
        return xr.merge(together, join="exact", compat="equals", combine_attrs="override")

    return mechanism


def _as_folds(drive: xr.Dataset) -> xr.Dataset:
    """The Drive under names that are not those of states."""
    return drive.rename({name: f"{name}_fold" for name in drive.data_vars})


def _refuse_other_than_fitted(scenario: Scenario) -> None:
    """Raise unless every dose with a phenomenological effect is one of a study's arm: the effect knows no other."""
    subject = scenario.subject
    for index, dose in enumerate(scenario.regimen.doses):
        if f"{dose.compound}.formation_fold" not in default_parameters():
            continue
        # Effects of a compound of the package were fitted to the studies of the package, whatever others there are.
        own = library.place_of("compounds", dose.compound) is not None
        fitted = {
            (fit.amount, fit.unit, fit.route, study.species)
            for study in map(load_study, library.names("studies", own=own))
            for arm in study.arms
            for fit in arm.doses
            if fit.compound == dose.compound
        }
        given = (dose.amount, dose.unit, dose.route, subject.species)
        if given in fitted and subject.genotype == "wild-type" and dose.duration_day == 0:
            continue
        known = " or ".join(
            f"{amount:g} {unit} {route} in {species}" for amount, unit, route, species in sorted(fitted)
        )
        message = (
            f"scenario.regimen.doses[{index}] is {dose.amount:g} {dose.unit} {dose.route} in {subject.species} "
            f"({subject.genotype}); the phenomenological drive knows {dose.compound} only as fitted, {known} "
            '(wild-type): set drive = "mechanistic" for another dose or subject'
        )
        raise ScenarioError(message)
