"""Assays of a scenario: uncaging, blots, PET and head twitches as observation models of the same Exposure and Drive.

::

    Regimen -> Exposure -> Drive -> trials of uncaging, blots
                           Drive -> density of spines -> PET scans
               Exposure -> head twitches

Noise and baselines are parameters (``uncaging.*``, ``blot.*``, ``pet.*``, ``head_twitch.*``), which a scenario may
replace. Times are
those of the assay, in hours; the sessions of the scenario only say from when on its tissue is followed.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import signalling, turnover
from synmodel.core.settings import by_fields
from synmodel.imaging import head_twitches as twitches
from synmodel.imaging import pet, power, proteins, uncaging
from synmodel.imaging.course import fold_at
from synmodel.imaging.subgroups import Posthoc, analyse_trial
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation import Preparation, Setup, exposure_of, simulate

__all__ = [
    "at_dose",
    "blot",
    "blotting_of",
    "course_of",
    "density_folds",
    "expected_head_twitches",
    "head_twitches",
    "mean_signal",
    "posthoc",
    "protein_folds",
    "restoration",
    "scan",
    "scanner_of",
    "studies_that_find",
    "success_course",
    "twitching_of",
    "uncage",
    "uncaging_of",
]

Array = NDArray[np.float64]
Source = str | Path | Scenario
_PROTEINS = {"PSD-95": "psd95_gain", "synapsin I": "synapsin1_gain", "GluA1": "glua1_gain"}


def uncaging_of(scenario: Source, parameters: ParameterSet | None = None) -> uncaging.Uncaging:
    """Uncaging without drug, from the parameters of a scenario."""
    values = Setup(load(scenario)).at(parameters).values
    return uncaging.Uncaging(values["uncaging.probability"], values["uncaging.cv_animal"], values["uncaging.cv_neuron"])


def blotting_of(scenario: Source, parameters: ParameterSet | None = None) -> proteins.Blotting:
    """Blots of PSD-95, synapsin I and GluA1, from the parameters of a scenario."""
    values = Setup(load(scenario)).at(parameters).values
    gains = tuple((name, values[f"blot.{key}"]) for name, key in _PROTEINS.items())
    return proteins.Blotting(gains, values["blot.cv_animal"], values["blot.cv_replicate"])


def scanner_of(scenario: Source, parameters: ParameterSet | None = None) -> pet.Scanner:
    """PET without drug, from the parameters of a scenario."""
    values = Setup(load(scenario)).at(parameters).values
    keys = ("volume", "nondisplaceable_share", "spread_cv", "retest_sd", "region_correlation")
    return pet.Scanner(*(values[f"pet.{key}"] for key in keys))


def twitching_of(scenario: Source, parameters: ParameterSet | None = None) -> twitches.HeadTwitches:
    """Head twitches as a recording scores them, from the parameters of a scenario."""
    values = Setup(load(scenario)).at(parameters).values
    keys = ("baseline", "maximum", "exponent", "fading", "cv_animal")
    return twitches.HeadTwitches(*(values[f"head_twitch.{key}"] for key in keys))


def course_of(scenario: Source, hours: Iterable[float], parameters: ParameterSet | None = None) -> xr.Dataset:
    """The Drive of a scenario on a grid that reaches from its first session, or earlier, over all given hours."""
    with naming(scenario):
        return _reaching(scenario, hours).at(parameters).drive


def mean_signal(
    scenario: Source, signal: str, hours: tuple[float, float], parameters: ParameterSet | None = None
) -> float:
    """Mean of a state of the cascade, such as ``glutamate``, from one hour to another, as a dialysate collects it."""
    ready = _reaching(scenario, hours).at(parameters)
    exposure = _exposure(scenario, ready)
    arrows = signalling.arrows_of(ready.setup.plan, exposure["time"].to_numpy())
    start, end = _days(hours)
    course = signalling.signalling_states(exposure, ready.values, arrows)[signal].sel(time=slice(start, end))
    return float(course.integrate("time")) / float(end - start)


@by_fields(size=uncaging.Slices)
def uncage(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    size: uncaging.Slices,
    seed: int,
    arm: str | None = None,
) -> xr.Dataset:
    """Trials of glutamate uncaging, see :func:`synmodel.imaging.uncaging.uncage`; an arm has the scenario's name.

    Equation and evidence: :doc:`/model/imaging`.

    Examples
    --------
    >>> from synmodel.simulation import assays
    >>> size = {"animals": 6, "neurons": 4, "trials": 5, "replicates": 100, "seed": 1}
    >>> trials = assays.uncage("ketamine-mouse-single", hours=[2, 24], **size)
    >>> trials["success"].mean(("replicate", "animal", "neuron", "trial")).round(2).values.tolist()
    [0.49, 0.26]
    """
    plan, given = load(scenario), list(hours)
    drive, assay = course_of(scenario, given, parameters), uncaging_of(plan, parameters)
    return uncaging.uncage(drive, assay, _days(given), size=size, seed=seed, arm=plan.name if arm is None else arm)


@by_fields(size=uncaging.Slices)
def success_course(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    size: uncaging.Slices,
    seed: int,
    level: float = 0.95,
) -> xr.Dataset:
    """Success of uncaging in the course of a scenario, and how far assays of a size scatter around it.

    Returns
    -------
    Dataset
        ``exact`` mean success, and ``low`` and ``high`` between which the share of successes of simulated assays
        lies with probability ``level``, on ``hour``.
    """
    plan, given = load(scenario), list(hours)
    folds = fold_at(course_of(scenario, given, parameters), "evoked", _days(given))
    seen = uncage(scenario, parameters, hours=given, size=size, seed=seed)
    share = seen["success"].mean(("animal", "neuron", "trial"))
    low, high = np.quantile(share, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    exact = uncaging.expected_success(uncaging_of(plan, parameters), folds)
    return xr.Dataset({"exact": ("hour", exact), "low": ("hour", low), "high": ("hour", high)}, {"hour": given})


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
    """Western blots, see :func:`synmodel.imaging.proteins.blot`; an arm has the scenario's name.

    Equation and evidence: :doc:`/model/imaging`.

    Examples
    --------
    >>> from synmodel.simulation import assays
    >>> blots = assays.blot("ketamine-mouse-single", hours=[0, 6], animals=6, blots=2, replicates=50, seed=1)
    >>> blots["signal"].mean(("replicate", "animal", "blot")).sel(protein="PSD-95").round(1).values.tolist()
    [1.0, 1.5]
    """
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


def protein_folds(scenario: Source, hours: Iterable[float], parameters: ParameterSet | None = None) -> Array:
    """(n_time, 3) exact mean blots of PSD-95, synapsin I and GluA1 at some hours, relative to no drug."""
    given = list(hours)
    return proteins.expected_folds(
        course_of(scenario, given, parameters), blotting_of(scenario, parameters), _days(given)
    )


@by_fields(size=pet.Sample)
def scan(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    rescue: float = 0.0,
    size: pet.Sample,
    seed: int,
    arm: str | None = None,
) -> xr.Dataset:
    """PET scans, see :func:`synmodel.imaging.pet.scan`; an arm has the scenario's name.

    The drug changes the density of every subject as it changes that of the spines of the scenario's tissue
    (:func:`density_folds`), and restores the share ``rescue`` of a deficit at every scan after hour 0.

    Equation and evidence: :doc:`/model/imaging`.

    Examples
    --------
    >>> from synmodel.simulation import assays
    >>> scans = assays.scan("ketamine-human-infusion", hours=[-24, 24], subjects=12, replicates=50, seed=1)
    >>> mean = scans["true_volume"].mean(("replicate", "subject", "region"))
    >>> round(float(mean[1] / mean[0]), 2)
    1.13
    """
    plan, given = load(scenario), list(hours)
    return pet.scan(
        scanner_of(plan, parameters),
        _days(given),
        fold=density_folds(scenario, given, parameters),
        rescue=np.where(_days(given) > 0, rescue, 0.0),
        size=size,
        seed=seed,
        arm=plan.name if arm is None else arm,
    )


@by_fields(size=pet.Sample, analysis=Posthoc)
def posthoc(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    rescue: float = 0.0,
    size: pet.Sample,
    analysis: Posthoc,
    seed: int,
) -> xr.Dataset:
    """Simulated PET trials and what their post-hoc analysis finds.

    The parameters are those of :func:`scan` and of :func:`synmodel.imaging.subgroups.analyse_trial`.
    """
    scans = scan(scenario, parameters, hours=hours, rescue=rescue, size=size, seed=seed)
    return analyse_trial(scans, analysis=analysis, seed=seed)


def expected_head_twitches(scenario: Source, hours: Iterable[float], parameters: ParameterSet | None = None) -> Array:
    """(n_bin,) exact mean head twitches of a mouse between some hours, see :func:`head_twitches`."""
    edges = list(hours)
    return twitches.expected_twitches(
        twitching_of(scenario, parameters), _exposure(scenario, _reaching(scenario, edges).at(parameters)), _days(edges)
    )


def head_twitches(
    scenario: Source,
    parameters: ParameterSet | None = None,
    *,
    hours: Iterable[float],
    animals: int,
    replicates: int,
    seed: int,
    arm: str | None = None,
) -> xr.Dataset:
    """Head twitches of mice, see :func:`synmodel.imaging.head_twitches.count_twitches`.

    Equation and evidence: :doc:`/model/head_twitches`.

    Parameters
    ----------
    hours : iterable of float
        Edges of the bins, two or more: one number for a whole recording needs two, a time course one more than bins.
        The recording starts at the first.
    arm : str, optional
        Default: the scenario's name.

    Returns
    -------
    Dataset
        ``count`` (replicate, time, animal) and ``expected`` (time).
    """
    edges, plan = list(hours), load(scenario)
    return twitches.count_twitches(
        _exposure(scenario, _reaching(scenario, edges).at(parameters)),
        twitching_of(plan, parameters),
        _days(edges),
        animals=animals,
        replicates=replicates,
        seed=seed,
        arm=plan.name if arm is None else arm,
    )


def density_folds(scenario: Source, hours: Iterable[float], parameters: ParameterSet | None = None) -> Array:
    """(n_time,) exact mean density of spines at some hours, over that of the same subject without drug or condition.

    The fall with age and the first session's excess of young spines are in both and cancel.
    """
    load(scenario).turnover.demand_exact()
    given = list(hours)
    setup = _reaching(scenario, given)
    ready = setup.at(parameters)
    with naming(scenario):
        course = ready.drive
    if all((course[name] == 1).all() for name in ("formation", "maturation", "elimination")):
        return np.ones(len(given))
    means = []
    for drive in (course, None):
        steps = turnover.propagate(ready.tissue.model, setup.sessions, drive)
        spines = [ready.first_means]
        for survival, newborn in zip(steps.survival, steps.newborn, strict=True):
            spines.append(spines[-1] @ survival + newborn)
        means.append(np.array(spines).sum(axis=1))
    folds: Array = (means[0] / means[1])[np.searchsorted(setup.sessions, _days(given))]
    return folds


def _exposure(scenario: Source, ready: Preparation) -> xr.Dataset:
    """The Exposure of a scenario."""
    plan = ready.setup.plan
    with naming(scenario):
        return exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, ready.values, plan.spells)


def _days(hours: Iterable[float]) -> Array:
    return np.asarray(list(hours), float) / 24.0


def _reaching(scenario: Source, hours: Iterable[float]) -> Setup:
    """The scenario with sessions at all given hours too."""
    return Setup(load(scenario)).reaching(_days(hours).tolist())


def restoration(
    arm: Source, stressed: Source, control: Source, hours: Iterable[float], parameters: ParameterSet | None = None
) -> Array:
    """(n_time,) share of the deficit of spines under stress that an arm makes good, by exact mean densities."""
    given = list(hours)
    with_drug, under_stress, without = (density_folds(each, given, parameters) for each in (arm, stressed, control))
    share: Array = (with_drug - under_stress) / (without - under_stress)
    return share


def studies_that_find(
    scenario: Source,
    control: Source,
    quantity: str,
    parameters: ParameterSet | None = None,
    *,
    replicates: int,
    seed: int,
) -> xr.Dataset:
    """Simulated two-arm studies of the first interval: the difference that they report, and whether they find it.

    Parameters
    ----------
    scenario, control : str, Path or Scenario
        Both arms; other animals are in the other arm.
    quantity : {"gained", "lost"}
        Spines gained or lost as a fraction of those at the first session.
    replicates, seed : int
        Number of studies; seed of all draws.

    Returns
    -------
    Dataset
        ``difference`` of the arms' means over animals and ``found``, whether Welch's t over animals is significant at
        5 %, on ``replicate``.
    """
    fractions = []
    for shift, source in enumerate((scenario, control)):
        plan = load(source)
        early = plan.updated(schedule={"sessions": list(plan.schedule.sessions[:2])})
        seen = simulate(early, parameters, replicates=replicates, seed=seed + shift).isel(session=0, interval=0)
        fractions.append((seen[quantity] / seen["spine_count"]).mean("dendrite").to_numpy())
    first, second = fractions
    difference, found = first.mean(axis=-1) - second.mean(axis=-1), power.welch_rejects(first, second)
    return xr.Dataset({"difference": ("replicate", difference), "found": ("replicate", found)})


def at_dose(scenario: Source, amount: float) -> Scenario:
    """The scenario with another amount of its first dose, in the unit of that dose."""
    plan = load(scenario)
    regimen = plan.regimen.model_dump(exclude_none=True)
    first, *others = regimen["doses"]
    return plan.updated(regimen={**regimen, "doses": [{**first, "amount": float(amount)}, *others]})
