"""Assays of a scenario: uncaging, western blots and PET as observation models of the same Drive and tissue.

::

    Regimen -> Exposure -> Drive -> trials of uncaging, blots
                           Drive -> density of spines -> PET scans

Noise and baselines are parameters (``uncaging.*``, ``blot.*``, ``pet.*``), which a scenario may replace. Times are
those of the assay, in hours; the sessions of the scenario only say from when on its tissue is followed.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import turnover
from synmodel.data import load_study
from synmodel.data.summaries import baseline_density
from synmodel.imaging import pet, proteins, uncaging
from synmodel.parameters import ParameterSet
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation import drive_of, parameters_of, tissue_of

__all__ = ["blot", "blotting_of", "course_of", "density_folds", "scan", "scanner_of", "uncage", "uncaging_of"]

Array = NDArray[np.float64]
Source = str | Path | Scenario
_PROTEINS = {"PSD-95": "psd95_gain", "synapsin I": "synapsin1_gain", "GluA1": "glua1_gain"}


def uncaging_of(scenario: Source, parameters: ParameterSet | None = None) -> uncaging.Uncaging:
    """Uncaging without drug, from the parameters of a scenario."""
    values = parameters_of(load(scenario), parameters).as_floats()
    return uncaging.Uncaging(values["uncaging.probability"], values["uncaging.cv_animal"], values["uncaging.cv_neuron"])


def blotting_of(scenario: Source, parameters: ParameterSet | None = None) -> proteins.Blotting:
    """Blots of PSD-95, synapsin I and GluA1, from the parameters of a scenario."""
    values = parameters_of(load(scenario), parameters).as_floats()
    gains = tuple((name, values[f"blot.{key}"]) for name, key in _PROTEINS.items())
    return proteins.Blotting(gains, values["blot.cv_animal"], values["blot.cv_replicate"])


def scanner_of(scenario: Source, parameters: ParameterSet | None = None) -> pet.Scanner:
    """PET without drug, from the parameters of a scenario."""
    values = parameters_of(load(scenario), parameters).as_floats()
    keys = ("volume", "nondisplaceable_share", "spread_cv", "retest_sd", "region_correlation")
    return pet.Scanner(*(values[f"pet.{key}"] for key in keys))


def course_of(scenario: Source, hours: Iterable[float], parameters: ParameterSet | None = None) -> xr.Dataset:
    """The Drive of a scenario on a grid that reaches from its first session, or earlier, over all given hours."""
    plan = load(scenario)
    with naming(scenario):
        return drive_of(_reaching(plan, hours), parameters)


def uncage(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    animals: int,
    neurons: int,
    trials: int,
    replicates: int,
    seed: int,
    arm: str | None = None,
) -> xr.Dataset:
    """Trials of glutamate uncaging, see :func:`synmodel.imaging.uncaging.uncage`; an arm has the scenario's name."""
    plan, given = load(scenario), list(hours)
    return uncaging.uncage(
        course_of(scenario, given, parameters),
        uncaging_of(plan, parameters),
        _days(given),
        animals=animals,
        neurons=neurons,
        trials=trials,
        replicates=replicates,
        seed=seed,
        arm=plan.name if arm is None else arm,
    )


def blot(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    animals: int,
    blots: int,
    replicates: int,
    seed: int,
    arm: str | None = None,
) -> xr.Dataset:
    """Western blots, see :func:`synmodel.imaging.proteins.blot`; an arm has the scenario's name."""
    plan, given = load(scenario), list(hours)
    return proteins.blot(
        course_of(scenario, given, parameters),
        blotting_of(plan, parameters),
        _days(given),
        animals=animals,
        blots=blots,
        replicates=replicates,
        seed=seed,
        arm=plan.name if arm is None else arm,
    )


def scan(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    rescue: float = 0.0,
    subjects: int,
    regions: int = 1,
    replicates: int,
    seed: int,
    arm: str | None = None,
) -> xr.Dataset:
    """PET scans, see :func:`synmodel.imaging.pet.scan`; an arm has the scenario's name.

    The drug changes the density of every subject as it changes that of the spines of the scenario's tissue
    (:func:`density_folds`), and restores the share ``rescue`` of a deficit at every scan after hour 0.
    """
    plan, given = load(scenario), list(hours)
    return pet.scan(
        scanner_of(plan, parameters),
        _days(given),
        fold=density_folds(scenario, given, parameters),
        rescue=np.where(_days(given) > 0, rescue, 0.0),
        subjects=subjects,
        regions=regions,
        replicates=replicates,
        seed=seed,
        arm=plan.name if arm is None else arm,
    )


def density_folds(scenario: Source, hours: Iterable[float], parameters: ParameterSet | None = None) -> Array:
    """(n_time,) exact mean density of spines at some hours, over that of the same subject without drug or condition.

    The fall with age and the first session's excess of young spines are in both and cancel.
    """
    plan = load(scenario)
    given = list(hours)
    tissue = tissue_of(plan.baseline, parameters_of(plan, parameters).as_floats())
    study = load_study(plan.baseline)
    density = plan.cohort.initial_density_per_um or baseline_density(plan.baseline, study.control)
    sessions = np.unique([*_reaching(plan, given).schedule.sessions])
    means = []
    for drive in (course_of(scenario, given, parameters), None):
        steps = turnover.propagate(tissue.model, sessions, drive)
        spines = [tissue.initial_means(density)]
        for survival, newborn in zip(steps.survival, steps.newborn, strict=True):
            spines.append(spines[-1] @ survival + newborn)
        means.append(np.array(spines).sum(axis=1))
    folds: Array = (means[0] / means[1])[np.searchsorted(sessions, _days(given))]
    return folds


def _days(hours: Iterable[float]) -> Array:
    return np.asarray(list(hours), float) / 24.0


def _reaching(plan: Scenario, hours: Iterable[float]) -> Scenario:
    """The scenario with sessions at all given hours too."""
    sessions = sorted({*plan.schedule.sessions, *_days(hours).tolist()})
    return plan.updated(schedule={"sessions": sessions})
