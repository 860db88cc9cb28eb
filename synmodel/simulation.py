"""The one place where the rooms meet: from a scenario to Observations.

::

    Regimen -> Exposure -> Drive -> spines -> Observations

Every arrow is a public function, so each stage can be looked at; fits and simulations build the turnover model,
the scoring and the drive by the same functions from the same parameter values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library, pharmacology, signalling, turnover
from synmodel.compiled import one_blas_thread
from synmodel.data import load_study
from synmodel.data.summaries import baseline_density
from synmodel.errors import ScenarioError, SimulationError
from synmodel.grid import time_grid
from synmodel.imaging import Scoring, observe
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.parameters import ParameterSet, default_parameters
from synmodel.provenance import provenance
from synmodel.randomness import checked_seed, stream_key, uniform_array
from synmodel.scenario import Dose, Scenario, Spell, Subject, load, naming
from synmodel.turnover.arguments import whole_number
from synmodel.turnover.heterogeneity import dendrite_nodes
from synmodel.turnover.initial import Initial
from synmodel.turnover.simulator import Start, start_of
from synmodel.turnover.size import HeadWidth

__all__ = [
    "Tissue",
    "drive_function",
    "drive_of",
    "expect",
    "expectation",
    "expectation_function",
    "exposure_of",
    "mechanism_of",
    "parameters_of",
    "simulate",
    "tissue_of",
]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
_BLOCK_SPINES = 250_000  # at a time: some 120 MB, and the arrays of a block stay near the processor
_MOST_REPLICATES = 10_000_000
_LAST_REPLICATE = 2**31
_PULSE_STEP_DAY = 0.02


@dataclass(frozen=True)
class Tissue:
    """What a study's parameters say of its tissue and scoring; births are per um."""

    model: turnover.TurnoverModel
    scoring: Scoring
    head_width: HeadWidth
    nascent_excess: float
    density_log_sd: float

    def initial_means(self, scored_density: float) -> Array:
        """(n_class,) mean spines per um by class at the first session, for a scored density [1/um].

        Nascent spines are ``nascent_excess`` times what births and dematuration sustain, short-lived ones what
        births sustain; mature ones make up the density.

        Raises
        ------
        SimulationError
            If the others alone exceed the density.
        """
        model, hit = self.model, [1.0 - miss for miss in self.scoring.miss]
        young = range(model.n_class - 1)
        leaving = [model.loss[c] + sum(model.transition[c][c + 1 :]) for c in young]
        births = model.births.tolist()
        means = [births[c] / leaving[c] for c in young]
        means[-1] *= self.nascent_excess
        nascent_per_mature = self.nascent_excess * model.transition[-1][-2] / leaving[-1]
        left = (
            scored_density - self.scoring.false_positive_per_um - sum(m * h for m, h in zip(means, hit, strict=False))
        )
        if left <= 0:
            message = (
                f"births of {model.births.sum():.3g} /um/day sustain {sum(means):.3g} young spines per um, more "
                f"than the {scored_density:.3g} spines per um scored; lower formation or nascent_excess"
            )
            raise SimulationError(message)
        mature = left / (hit[-1] + nascent_per_mature * hit[-2])
        means[-1] += nascent_per_mature * mature
        return np.array([*means, mature])


def parameters_of(scenario: Scenario, parameters: ParameterSet | None = None) -> ParameterSet:
    """Given or default parameters, with the values that the scenario replaces."""
    base = default_parameters() if parameters is None else parameters
    return base.replace(scenario.parameters) if scenario.parameters else base


def tissue_of(study: str, values: Mapping[str, float], *, births: float = 1.0, losses: float = 1.0) -> Tissue:
    """Turnover model and scoring of a study from parameter values by dotted name.

    Two classes, nascent and mature; with ``transient_formation`` above 0 a third, short-lived one before them.

    Parameters
    ----------
    births, losses : float
        Factors of all births and of all loss hazards, of an arm whose mice differ from the study's.
    """

    def of(key: str) -> float:
        return values[f"{study}.{key}"]

    classes, formation = ["nascent", "mature"], [of("formation"), 0.0]
    switches = [[0.0, of("maturation")], [of("dematuration"), 0.0]]
    loss = [of("loss_nascent"), of("loss_mature")]
    if of("transient_formation") > 0:
        classes, formation = ["transient", *classes], [of("transient_formation"), *formation]
        switches = [[0.0, 0.0, 0.0], *([0.0, *row] for row in switches)]
        loss = [of("transient_loss"), *loss]
    model = _trusted(
        turnover.TurnoverModel,
        classes=tuple(classes),
        formation=tuple(births * rate for rate in formation),
        transition=tuple(map(tuple, switches)),
        loss=tuple(losses * hazard for hazard in loss),
        formation_trend=of("formation_trend"),
        formation_cv_dendrite=of("formation_cv_dendrite"),
        formation_cv_animal=of("formation_cv_animal"),
    )
    return Tissue(
        model=model,
        scoring=Scoring((of("miss"),) * len(classes), of("false_positive_per_um"), of("length_cv")),
        head_width=_trusted(
            HeadWidth,
            median_um=of("head_width_median"),
            log_sd=of("head_width_log_sd"),
            reversion=of("head_reversion"),
            response=of("head_response"),
        ),
        nascent_excess=of("nascent_excess"),
        density_log_sd=of("density_log_sd"),
    )


def _trusted(kind: type[Any], **fields: Any) -> Any:
    """An instance without the checks of its own: a parameter has its support, and fits make thousands of them."""
    made = object.__new__(kind)
    made.__dict__.update(fields)
    return made


def exposure_of(
    doses: Sequence[Dose],
    subject: Subject,
    sessions: Sequence[float],
    values: Mapping[str, float],
    spells: Sequence[Spell] = (),
) -> xr.Dataset:
    """Exposure on a grid that is fine after every dose and spell and starts no later than the first of them."""
    return _exposures(doses, subject, sessions, spells)(values)


def _exposures(
    doses: Sequence[Dose], subject: Subject, sessions: Sequence[float], spells: Sequence[Spell]
) -> Callable[[Mapping[str, float]], xr.Dataset]:
    """:func:`exposure_of` for many parameter sets, most of which share their kinetics."""
    changes, corners = pharmacology.corners_of(doses)
    jumps, around = signalling.corners(spells)
    changes, corners = changes + jumps, corners + around
    grid = time_grid([*sessions, *(day for day in corners if day < max(sessions))], changes)
    kinetic = pharmacology.kinetic_parameters(doses, subject)
    known: dict[tuple[float, ...], dict[str, Array]] = {}

    def exposed(values: Mapping[str, float]) -> xr.Dataset:
        key = tuple(values[name] for name in kinetic)
        with one_blas_thread():
            if key not in known:
                known[key] = pharmacology.concentrations(doses, subject, grid, values)
            return pharmacology.exposure(doses, subject, grid, values, known[key])

    return exposed


def drive_of(scenario: Scenario, parameters: ParameterSet | None = None) -> xr.Dataset:
    """The Drive of a scenario, mechanistic or phenomenological as the scenario says.

    Raises
    ------
    ScenarioError
        If a dose has no kinetics for the subject; or, for the phenomenological drive, if it is not one that was
        fitted: compound, amount, route, species and genotype of an arm in the library.
    """
    return drive_function(scenario)(parameters_of(scenario, parameters))


def drive_function(scenario: Scenario) -> Callable[[ParameterSet], xr.Dataset]:
    """:func:`drive_of` for many parameter sets: what does not depend on them is computed once.

    Returns
    -------
    callable
        From a ParameterSet to a Drive.
    """
    doses, sessions = scenario.regimen.doses, scenario.schedule.sessions
    if scenario.drive == "mechanistic":
        exposures: dict[tuple[float, ...], xr.Dataset] = {}
        reads = pharmacology.exposure_parameters(doses, scenario.subject)
        exposed = _exposures(doses, scenario.subject, sessions, scenario.spells)

        def mechanistic(parameters: ParameterSet) -> xr.Dataset:
            values = parameters_of(scenario, parameters).as_floats()
            key = tuple(values[name] for name in reads)
            if key not in exposures:
                exposures[key] = exposed(values)
            arrows = signalling.arrows_of(scenario, exposures[key]["time"].to_numpy())
            return signalling.mechanistic_drive(exposures[key], values, arrows)

        return mechanistic
    _refuse_other_than_fitted(scenario)
    events = [(dose.compound, day) for dose in doses for day in dose.days]
    jumps, around = signalling.corners(scenario.spells)
    within = [day for day in around if sessions[0] < day < sessions[-1]]
    grid = time_grid([*sessions, *within], [day for _, day in events] + jumps, first_step=_PULSE_STEP_DAY)
    arrows = signalling.arrows_of(scenario, grid)

    def phenomenological(parameters: ParameterSet) -> xr.Dataset:
        return signalling.phenomenological_drive(events, grid, parameters_of(scenario, parameters).as_floats(), arrows)

    return phenomenological


def mechanism_of(scenario: Scenario, parameters: ParameterSet | None = None) -> xr.Dataset:
    """All that lies between the doses of a scenario and its spines, on one grid of time.

    Returns
    -------
    Dataset
        On ``time`` (and ``compound``), each with ``units`` and ``long_name``: the Exposure (concentrations, where a
        drug is given, and engaged receptors), the states of the cascade and the Drive. The folds of the Drive are named
        ``formation_fold`` and so on, states of the same effect ``formation_state``. For a phenomenological scenario
        the folds alone.
    """
    chosen = parameters_of(scenario, parameters)
    drive = drive_function(scenario)(chosen)
    folds = drive.rename({name: f"{name}_fold" for name in drive.data_vars})
    if scenario.drive != "mechanistic":
        return folds
    values, sessions = chosen.as_floats(), scenario.schedule.sessions
    exposure = exposure_of(scenario.regimen.doses, scenario.subject, sessions, values, scenario.spells)
    states = signalling.signalling_states(exposure, values, signalling.arrows_of(scenario, exposure["time"].to_numpy()))
    states = states.rename({name: f"{name}_state" for name in states.data_vars if name in drive})
    if exposure.sizes["compound"]:
        exposure["compound"].attrs["long_name"] = "given compounds and their metabolites"
    else:
        exposure = exposure.drop_dims("compound")
    return xr.merge([exposure, states, folds], join="exact", compat="equals", combine_attrs="override")


def _refuse_other_than_fitted(scenario: Scenario) -> None:
    """Raise unless every dose with a phenomenological effect is one of a study's arm: the effect knows no other."""
    subject = scenario.subject
    for index, dose in enumerate(scenario.regimen.doses):
        if f"{dose.compound}.formation_fold" not in default_parameters():
            continue
        fitted = {
            (fit.amount, fit.unit, fit.route, study.species)
            for study in map(load_study, library.names("studies"))
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


def expect(
    tissue: Tissue,
    sessions: Array,
    steps: turnover.Propagation,
    scored_density: float,
    length_um: float,
) -> Expected:
    """Exact expected statistics of one arm; the new spines of the first session after day 0 are followed."""
    reference = int(np.searchsorted(sessions, 0.0, side="right"))
    return expected_statistics(
        tissue.initial_means(scored_density),
        steps.survival,
        steps.newborn,
        tissue.scoring,
        length_um,
        reference if 0 < reference < len(sessions) else None,
        dendrite_nodes(tissue.density_log_sd, tissue.model.formation_cv_animal, tissue.model.formation_cv_dendrite),
    )


def expectation(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> Expected:
    """Exact expected statistics of a scenario: what :func:`simulate` reports on average, without simulation.

    Parameters
    ----------
    scenario : str, Path or Scenario
        Name in the library, TOML file, or object.
    parameters : ParameterSet, optional
        Default: those of the library, with the scenario's replacements.

    Raises
    ------
    SynmodelError
        With one line that names the fault, if the scenario cannot be run.
    """
    with naming(scenario):
        return expectation_function(load(scenario))(parameters)


def expectation_function(plan: Scenario) -> Callable[[ParameterSet | None], Expected]:
    """:func:`expectation` of a scenario for many parameter sets: what does not depend on them is computed once."""
    study, drive = load_study(plan.baseline), drive_function(plan)
    sessions = np.array(plan.schedule.sessions)
    length = plan.cohort.length_um or study.dendrite_length.to("um")
    density = plan.cohort.initial_density_per_um or baseline_density(plan.baseline, study.control)

    def expected(parameters: ParameterSet | None) -> Expected:
        chosen = parameters_of(plan, parameters)
        tissue = tissue_of(plan.baseline, chosen.as_floats())
        return expect(tissue, sessions, turnover.propagate(tissue.model, sessions, drive(chosen)), density, length)

    return expected


def simulate(
    scenario: str | Path | Scenario,
    parameters: ParameterSet | None = None,
    *,
    replicates: int,
    seed: int,
    first_replicate: int = 0,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Simulate the experiment of a scenario, as a microscope would report it.

    Parameters
    ----------
    scenario : str, Path or Scenario
        Name in the library, TOML file, or object.
    parameters : ParameterSet, optional
        Default: those of the library, with the scenario's replacements.
    replicates : int
        Number of times that the whole experiment is repeated, 1 to 10 million.
    seed : int
        Two scenarios with one seed share their draws and differ only by what the drug does.
    first_replicate : int
        Number of the first replicate: replicates 100 to 199 are the same whether 0 to 99 are run with them or not.
    progress : callable, optional
        Called with (replicates done, replicates asked for).

    Returns
    -------
    Dataset
        Observations (:data:`synmodel.schema.OBSERVATIONS`) with dims replicate, animal, dendrite and session
        or interval.

    Raises
    ------
    SynmodelError
        With one line that names the fault, if the scenario or an argument cannot be run.
    """
    plan = load(scenario)
    checked_seed(seed)
    replicates = whole_number("replicates", replicates, _MOST_REPLICATES)
    first_replicate = whole_number("first_replicate", first_replicate, _LAST_REPLICATE - replicates, least=0)
    chosen = parameters_of(plan, parameters)
    values = chosen.as_floats()
    study = load_study(plan.baseline)
    tissue = tissue_of(plan.baseline, values)
    with naming(scenario):
        drive = drive_of(plan, parameters)
    length = plan.cohort.length_um or study.dendrite_length.to("um")
    density = plan.cohort.initial_density_per_um or baseline_density(plan.baseline, study.control)
    means = tissue.initial_means(density) * length
    n_dendrite = plan.cohort.animals * plan.cohort.dendrites_per_animal
    block = max(1, int(_BLOCK_SPINES / (n_dendrite * means.sum() * 2)))
    pieces = []
    for done in range(0, replicates, block):
        numbers = first_replicate + np.arange(done, min(done + block, replicates))
        pieces.append(_simulate_block(plan, tissue, drive, means, length, numbers, seed))
        if progress is not None:
            progress(done + len(numbers), replicates)
    observations = pieces[0] if len(pieces) == 1 else xr.concat(pieces, dim="replicate", data_vars="minimal")
    observations.attrs.update(
        provenance(seed=seed, scenario=plan.digest(), parameters=chosen.digest()), scenario=plan.name
    )
    return observations


def _simulate_block(
    plan: Scenario,
    tissue: Tissue,
    drive: xr.Dataset,
    means: Array,
    length: float,
    replicates: NDArray[np.int64],
    seed: int,
) -> xr.Dataset:
    sessions = np.array(plan.schedule.sessions)
    animals, dendrites = plan.cohort.animals, plan.cohort.dendrites_per_animal
    start = _start(tissue, means, length, replicates, animals, dendrites, seed)
    spines = turnover.trace(
        tissue.model,
        start,
        sessions,
        seed=seed,
        drive=drive,
        head_width=tissue.head_width,
        first_replicate=int(replicates[0]),
    )
    return observe(
        spines,
        tissue.scoring,
        replicates=replicates,
        animals=animals,
        dendrites=dendrites,
        length_um=length,
        seed=seed,
    )


def _start(
    tissue: Tissue, means: Array, length: float, replicates: NDArray[np.int64], animals: int, dendrites: int, seed: int
) -> Start:
    """Poisson numbers around log-normal densities, and birth rates with their heterogeneity."""
    poisson = Initial(tuple(means.tolist()), poisson=True)
    density_scale = None
    if tissue.density_log_sd > 0:
        u = uniform_array(stream_key(seed, "density"), replicates[:, None], np.arange(animals * dendrites))
        density_scale = lognormal_quantile(u, tissue.density_log_sd)
    return start_of(
        tissue.model,
        poisson,
        replicates=replicates,
        animals=animals,
        dendrites=dendrites,
        length_um=length,
        seed=seed,
        density_scale=density_scale,
    )


def lognormal_quantile(u: Array, log_sd: float) -> Array:
    """Quantiles of the log-normal distribution with mean 1."""
    from scipy.special import ndtri

    quantile: Array = np.exp(log_sd * ndtri(u) - log_sd**2 / 2)
    return quantile
