"""The one place where the rooms meet: from a scenario to Observations.

::

    Regimen -> Exposure -> Drive -> spines -> Observations

Every arrow is a public function, so each stage can be looked at; fits and simulations build the turnover model,
the scoring and the drive by the same functions from the same parameter values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import turnover
from synmodel.data import load_study
from synmodel.data.summaries import baseline_density
from synmodel.errors import SimulationError
from synmodel.imaging import Scoring, observe
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.mechanism import drive_function, drive_of, exposure_of, mechanism_of, parameters_of
from synmodel.own_entries import told
from synmodel.parameters import ParameterSet
from synmodel.provenance import provenance
from synmodel.randomness import checked_seed, stream_key, uniform_array
from synmodel.scenario import Scenario, load, naming
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
    drive: xr.Dataset | None = None,
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
    drive : Dataset, optional
        Drive in place of the one that the doses of the scenario make: an effect that is stated, and not the model's.
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
    if drive is None:
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
        provenance(seed=seed, scenario=plan.digest(), parameters=chosen.digest(), own=told(plan.own_entries())),
        scenario=plan.name,
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
