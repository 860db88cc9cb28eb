"""The one place where the rooms meet: from a scenario to Observations.

::

    Regimen -> Exposure -> Drive -> spines -> Observations

Every arrow is a public function, so each stage can be looked at; fits and simulations build the turnover model,
the scoring and the drive by the same functions from the same parameter values.
"""

import math
from collections.abc import Callable
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
from synmodel.imaging import observe
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.mechanism import drive_function, drive_of, exposure_of, mechanism_of, parameters_of
from synmodel.parameters import ParameterSet
from synmodel.provenance import provenance
from synmodel.randomness import checked_seed, stream_key, uniform_array
from synmodel.scenario import Scenario, load, naming
from synmodel.tissue import Tissue, tissue_of
from synmodel.turnover.arguments import whole_number
from synmodel.turnover.heterogeneity import dendrite_nodes
from synmodel.turnover.initial import Initial
from synmodel.turnover.simulator import Start, start_of

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
_MOST_LOSSES = 1000.0  # of a homeostasis, at the first session: beyond, all spines are lost at once


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
        With one line that names the fault, if the scenario cannot be run, or has no exact expectations: spines that
        interact, or are lost by their size.
    """
    with naming(scenario):
        return expectation_function(load(scenario))(parameters)


def expectation_function(plan: Scenario) -> Callable[[ParameterSet | None], Expected]:
    """:func:`expectation` of a scenario for many parameter sets: what does not depend on them is computed once."""
    plan.turnover.demand_exact()
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
        or interval. Its attribute ``engine`` names the engine that ran.

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
    with naming(scenario):
        setup = _setup_of(plan, chosen)
        drive = drive_of(plan, parameters)
    n_dendrite = plan.cohort.animals * plan.cohort.dendrites_per_animal
    block = max(1, int(_BLOCK_SPINES / (n_dendrite * setup.means.sum() * 2)))
    pieces = []
    for done in range(0, replicates, block):
        numbers = first_replicate + np.arange(done, min(done + block, replicates))
        pieces.append(_simulate_block(plan, setup, drive, numbers, seed))
        if progress is not None:
            progress(done + len(numbers), replicates)
    observations = pieces[0] if len(pieces) == 1 else xr.concat(pieces, dim="replicate", data_vars="minimal")
    observations.attrs.update(
        provenance(seed=seed, scenario=plan.digest(), parameters=chosen.digest()),
        scenario=plan.name,
        engine=plan.turnover.chosen_engine,
    )
    return observations


@dataclass(frozen=True, eq=False)
class _Setup:
    """What the parameters say of the dendrites of a scenario; ``means`` are the spines of one at the first session."""

    tissue: Tissue
    length_um: float
    means: Array
    interaction: turnover.Interaction
    size_loss: turnover.SizeLoss | None


def _setup_of(plan: Scenario, parameters: ParameterSet) -> _Setup:
    study, tissue = load_study(plan.baseline), tissue_of(plan.baseline, parameters.as_floats())
    length = plan.cohort.length_um or study.dendrite_length.to("um")
    density = plan.cohort.initial_density_per_um or baseline_density(plan.baseline, study.control)
    means = tissue.initial_means(density)
    asked, size_loss = plan.turnover, None
    if asked.size_loss is not None and asked.selects:
        size_loss = turnover.SizeLoss(tissue.head_width, asked.size_loss.steepness, asked.size_loss.most)
    return _Setup(tissue, length, means * length, _interaction_of(plan, tissue, means, length), size_loss)


def _interaction_of(plan: Scenario, tissue: Tissue, means: Array, length: float) -> turnover.Interaction:
    """The interaction of a scenario; ``means`` are spines per um at the first session, on dendrites of a length."""
    asked, density = plan.turnover, float(means.sum())
    parts: dict[str, Any] = {}
    if asked.crowding is not None:
        parts["n_max"] = asked.crowding.n_max_per_um
    if asked.homeostasis is not None:
        steepness, n_star = asked.homeostasis.steepness, asked.homeostasis.n_star_per_um or density
        factor = math.exp(min(steepness * (density / n_star - 1.0), 700.0))
        if factor > _MOST_LOSSES:
            message = (
                f"scenario.turnover.homeostasis multiplies losses by {factor:.2g} at the first session, with "
                f"{density:.2g} spines per um for {n_star:g}; allowed is {_MOST_LOSSES:g}: lower steepness or raise "
                "n_star_per_um"
            )
            raise SimulationError(message)
        parts |= {"n_star": n_star, "homeostasis": steepness}
    if asked.pool is not None:
        parts["pool"] = asked.pool.shares_per_um * length * plan.cohort.dendrites_per_animal
        parts["pool_share"] = [asked.pool.share.get(name, 1.0) for name in tissue.model.classes]
    return turnover.Interaction(**parts)


def _simulate_block(
    plan: Scenario, setup: _Setup, drive: xr.Dataset, replicates: NDArray[np.int64], seed: int
) -> xr.Dataset:
    animals, dendrites = plan.cohort.animals, plan.cohort.dendrites_per_animal
    start = _start(setup, replicates, animals, dendrites, seed)
    return observe(
        _spines(plan, setup, start, drive, seed, (int(replicates[0]), 0)),
        setup.tissue.scoring,
        replicates=replicates,
        animals=animals,
        dendrites=dendrites,
        length_um=setup.length_um,
        seed=seed,
    )


def _spines(
    plan: Scenario, setup: _Setup, start: Start, drive: xr.Dataset, seed: int, first: tuple[int, int]
) -> xr.Dataset:
    """All spines of a block of replicates and animals, by the engine of the scenario."""
    model, sessions = setup.tissue.model, np.array(plan.schedule.sessions)
    common: dict[str, Any] = {"seed": seed, "drive": drive, "head_width": setup.tissue.head_width, "first": first}
    if plan.turnover.chosen_engine == "events":
        return turnover.trace(model, start, sessions, size_loss=setup.size_loss, **common)
    return turnover.trace_coupled(
        model,
        start,
        sessions,
        interaction=setup.interaction,
        length_um=setup.length_um,
        group=plan.cohort.dendrites_per_animal,
        **common,
    )


def _start(setup: _Setup, replicates: NDArray[np.int64], animals: int, dendrites: int, seed: int) -> Start:
    """Poisson numbers around log-normal densities, and birth rates with their heterogeneity."""
    poisson = Initial(tuple(setup.means.tolist()), poisson=True)
    density_scale, spread = None, setup.tissue.density_log_sd
    if spread > 0:
        u = uniform_array(stream_key(seed, "density"), replicates[:, None], np.arange(animals * dendrites))
        density_scale = lognormal_quantile(u, spread)
    return start_of(
        setup.tissue.model,
        poisson,
        replicates=replicates,
        animals=animals,
        dendrites=dendrites,
        length_um=setup.length_um,
        seed=seed,
        density_scale=density_scale,
    )


def lognormal_quantile(u: Array, log_sd: float) -> Array:
    """Quantiles of the log-normal distribution with mean 1."""
    from scipy.special import ndtri

    quantile: Array = np.exp(log_sd * ndtri(u) - log_sd**2 / 2)
    return quantile
