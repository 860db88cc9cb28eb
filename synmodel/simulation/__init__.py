"""The one place where the rooms meet: from a scenario to Observations.

``Regimen -> Exposure -> Drive -> spines -> Observations``: every arrow is a public function, so each stage can be
looked at; fits and simulations build the turnover model, the scoring and the drive by the same functions.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import turnover
from synmodel.core.errors import SimulationError
from synmodel.core.randomness import checked_seed, stream_key, uniform_array
from synmodel.imaging import observe
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.library.own_entries import told
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation.mechanism import drive_function, drive_of, exposure_of, mechanism_of, parameters_of, unreplaced
from synmodel.simulation.subjects import between_subjects, deviations, subject_of, terms_of
from synmodel.simulation.tissue import Tissue, dendrite_length, first_density, tissue_of
from synmodel.turnover.arguments import whole_number
from synmodel.turnover.bounds import MOST_ROWS
from synmodel.turnover.heterogeneity import dendrite_nodes
from synmodel.turnover.initial import Initial
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.start import Start, start_of

__all__ = [
    "drive_function",
    "drive_of",
    "expect",
    "expectation",
    "expectation_function",
    "expected_spines",
    "exposure_of",
    "histories",
    "is_possible",
    "mechanism_of",
    "parameters_of",
    "simulate",
    "tissue_of",
]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
Drives = xr.Dataset | list[list[xr.Dataset]]
_BLOCK_SPINES = 250_000  # at a time: some 120 MB, and the arrays of a block stay near the processor
_BLOCK_SUBJECTS = 60  # with drives of their own: some seconds between reports of progress
_MOST_SUBJECTS = 1_000_000  # with drives of their own: some hours
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

    Of a scenario whose subjects differ in drugs (``variability``) they are those of the median subject; for means over
    subjects see :func:`synmodel.simulation.population.population_bands`.

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


def expectation_function(
    plan: Scenario, drive: Callable[[ParameterSet], xr.Dataset] | None = None
) -> Callable[[ParameterSet | None], Expected]:
    """:func:`expectation` of a scenario for many parameter sets: what does not depend on them is computed once.

    ``drive`` takes the place of :func:`drive_function` where the same drives serve something else as well.
    """
    plan.turnover.demand_exact()
    drive, sessions = drive or drive_function(plan), np.array(plan.schedule.sessions)
    density, length = first_density(plan), dendrite_length(plan)

    def expected(parameters: ParameterSet | None) -> Expected:
        chosen = parameters_of(plan, parameters)
        tissue = tissue_of(plan.baseline, chosen.as_floats())
        return expect(tissue, sessions, turnover.propagate(tissue.model, sessions, drive(chosen)), density, length)

    return expected


def simulate(
    scenario: str | Path | Scenario,
    parameters: ParameterSet | Sequence[ParameterSet] | None = None,
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
    parameters : ParameterSet or sequence of ParameterSet, optional
        Default: those of the library, with the scenario's replacements. Several sets, such as draws of a
        posterior, are used in turn, one per replicate, so that results also vary by what is not known of them.
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
        Observations (:data:`synmodel.core.schema.OBSERVATIONS`) with dims replicate, animal, dendrite and session
        or interval. Attributes name the ``engine`` that ran and what ``differs`` between subjects.

    Raises
    ------
    SynmodelError
        With one line that names the fault, if the scenario or an argument cannot be run.

    Examples
    --------
    >>> import synmodel
    >>> synmodel.simulate("psilocybin-mouse", replicates=5, seed=1)["spine_count"].shape  # the last: sessions
    (5, 6, 13, 7)
    """
    plan = load(scenario)
    checked_seed(seed)
    replicates = whole_number("replicates", replicates, _MOST_REPLICATES)
    first_replicate = whole_number("first_replicate", first_replicate, _LAST_REPLICATE - replicates, least=0)
    sets = [parameters_of(plan, each) for each in _several(parameters)]
    with naming(scenario):
        setups = [_setup_of(plan, each) for each in sets]
        drives = _drives_of(plan, seed) if drive is None else _the_same(drive)
    n_dendrite = plan.cohort.animals * plan.cohort.dendrites_per_animal
    _refuse_too_large(plan, float(setups[0].means.sum()))
    block = max(1, int(_BLOCK_SPINES / (n_dendrite * setups[0].means.sum() * 2)))
    if terms_of(plan):
        _refuse_too_many(replicates, plan.cohort.animals)
        block = min(block, max(1, _BLOCK_SUBJECTS // plan.cohort.animals))
    if len(sets) > 1:
        block = 1  # each replicate has parameters of its own
    pieces = []
    for done in range(0, replicates, block):
        numbers = first_replicate + np.arange(done, min(done + block, replicates))
        which = int(numbers[0]) % len(sets)
        with naming(scenario):
            of_block = drives(sets[which], numbers)
        pieces.append(_simulate_block(plan, setups[which], of_block, numbers, seed))
        if progress is not None:
            progress(done + len(numbers), replicates)
    observations = pieces[0] if len(pieces) == 1 else xr.concat(pieces, dim="replicate", data_vars="minimal")
    observations.attrs.update(
        provenance(seed=seed, scenario=plan.digest(), parameters=_digest(sets), own=told(plan.own_entries())),
        scenario=plan.name,
        engine=plan.turnover.chosen_engine,
        differs=between_subjects(plan if drive is None else plan.updated(variability={}), sets[0]),
    )
    if len(sets) > 1:
        observations.attrs["parameter_sets"] = str(len(sets))
    return observations


def _refuse_too_large(plan: Scenario, spines: float) -> None:
    """Refuse an experiment whose spines, with about as many born as there are, do not fit into memory."""
    cohort = plan.cohort
    rows = 2.0 * spines * cohort.animals * cohort.dendrites_per_animal * len(plan.schedule.sessions)
    if not rows <= MOST_ROWS:
        message = (
            f"the scenario has about {rows:.2g} spines times sessions: {cohort.animals} animals with "
            f"{cohort.dendrites_per_animal} dendrites of {spines:.3g} spines in {len(plan.schedule.sessions)} "
            f"sessions; allowed are {MOST_ROWS:.0e}: make the cohort smaller, and ask for more replicates"
        )
        raise SimulationError(message)


def _refuse_too_many(replicates: int, animals: int) -> None:
    """Refuse more animals that differ than some hours are enough for."""
    if replicates * animals > _MOST_SUBJECTS:
        message = (
            f"replicates is {replicates}, of {animals} animals that each have a drive of their own; allowed are "
            f"{_MOST_SUBJECTS} animals in all: ask for fewer replicates, or leave variability out of the scenario"
        )
        raise SimulationError(message)


def histories(
    scenario: str | Path | Scenario, parameters: ParameterSet | None = None, *, seed: int, replicate: int = 0
) -> xr.Dataset:
    """Every spine of one simulated experiment as it is, before a microscope sees it: birth, loss, class at sessions.

    Parameters
    ----------
    scenario, parameters, seed
        As of :func:`simulate`, which observes these very spines.
    replicate : int
        Number of the experiment.

    Returns
    -------
    Dataset
        :data:`synmodel.core.schema.SPINES`; ``dendrite`` counts through all animals.

    Raises
    ------
    SynmodelError
        As of :func:`simulate`.
    """
    with naming(scenario):
        plan = load(scenario)
        checked_seed(seed)
        chosen = parameters_of(plan, parameters)
        setup, block = (
            _setup_of(plan, chosen),
            np.array([whole_number("replicate", replicate, _LAST_REPLICATE, least=0)]),
        )
        _refuse_too_large(plan, float(setup.means.sum()))
        drives = _drives_of(plan, seed)(chosen, block)
        return _spines_of_block(plan, setup, drives, block, seed)


def _several(parameters: ParameterSet | Sequence[ParameterSet] | None) -> Sequence[ParameterSet | None]:
    if parameters is None or isinstance(parameters, ParameterSet):
        return [parameters]
    if not parameters:
        message = "parameters is an empty sequence; give one or more ParameterSets, or None for those of the library"
        raise SimulationError(message)
    return list(parameters)


def _digest(sets: Sequence[ParameterSet]) -> str:
    """Digest of one set, or of several together."""
    if len(sets) == 1:
        return sets[0].digest()
    return hashlib.sha256("".join(each.digest() for each in sets).encode()).hexdigest()


def _drives_of(plan: Scenario, seed: int) -> Callable[[ParameterSet, NDArray[np.int64]], Drives]:
    """The drives of a block of replicates: one for all, or where subjects differ one by replicate and animal."""
    drive, terms, animals = drive_function(unreplaced(plan)), terms_of(plan), plan.cohort.animals

    def drives(parameters: ParameterSet, replicates: NDArray[np.int64]) -> Drives:
        if not terms:
            return drive(parameters)
        z = {name: deviations(name, seed, replicates, animals) for name in {term.quantity for term in terms}}
        return [
            [
                drive(subject_of(parameters, terms, {name: float(each[r, a]) for name, each in z.items()}))
                for a in range(animals)
            ]
            for r in range(len(replicates))
        ]

    return drives


def _the_same(drive: xr.Dataset) -> Callable[[ParameterSet, NDArray[np.int64]], Drives]:
    """A stated drive, for all subjects."""
    return lambda *_: drive


@dataclass(frozen=True, eq=False)
class _Setup:
    """What the parameters say of the dendrites of a scenario; ``means`` are the spines of one at the first session."""

    tissue: Tissue
    length_um: float
    means: Array
    interaction: turnover.Interaction
    size_loss: turnover.SizeLoss | None


def _setup_of(plan: Scenario, parameters: ParameterSet) -> _Setup:
    tissue, length = tissue_of(plan.baseline, parameters.as_floats()), dendrite_length(plan)
    means = tissue.initial_means(first_density(plan))
    asked, size_loss = plan.turnover, None
    if asked.size_loss is not None and asked.selects:
        size_loss = turnover.SizeLoss(tissue.head_width, asked.size_loss.steepness, asked.size_loss.most)
    return _Setup(tissue, length, means * length, _interaction_of(plan, tissue, means, length), size_loss)


def is_possible(plan: Scenario, parameters: ParameterSet) -> bool:
    """Whether a scenario can be simulated with parameters: some ask for more nascent spines than there are spines."""
    try:
        _setup_of(plan, parameters_of(plan, parameters))
    except SimulationError:
        return False
    return True


def expected_spines(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> float:
    """Spines that one replicate of a scenario has to follow, on average and without a drug: a measure of its work.

    Raises
    ------
    SynmodelError
        If the scenario cannot be run.
    """
    plan = load(scenario)
    setup = _setup_of(plan, parameters_of(plan, parameters))
    days = plan.schedule.sessions[-1] - plan.schedule.sessions[0]
    each = setup.means.sum() + setup.tissue.model.births.sum() * setup.length_um * days
    return float(each) * plan.cohort.animals * plan.cohort.dendrites_per_animal


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
    return turnover.Interaction(**parts, batch=asked.batch)


def _simulate_block(
    plan: Scenario, setup: _Setup, drives: Drives, replicates: NDArray[np.int64], seed: int
) -> xr.Dataset:
    return observe(
        _spines_of_block(plan, setup, drives, replicates, seed),
        setup.tissue.scoring,
        replicates=replicates,
        animals=plan.cohort.animals,
        dendrites=plan.cohort.dendrites_per_animal,
        length_um=setup.length_um,
        seed=seed,
    )


def _spines_of_block(
    plan: Scenario, setup: _Setup, drives: Drives, replicates: NDArray[np.int64], seed: int
) -> xr.Dataset:
    animals, dendrites = plan.cohort.animals, plan.cohort.dendrites_per_animal
    start, first = _start(setup, replicates, animals, dendrites, seed), int(replicates[0])
    if isinstance(drives, xr.Dataset):
        return _spines(plan, setup, start, drives, seed, (first, 0))
    parts = []
    with thread_count(1):  # one animal is too little work to be shared
        for r, a in np.ndindex(len(replicates), animals):
            rows, columns = slice(r, r + 1), slice(a * dendrites, (a + 1) * dendrites)
            part = Start(start.initial[rows, columns], start.scale[rows, columns])
            parts.append(_spines(plan, setup, part, drives[r][a], seed, (first + r, a * dendrites)))
    return turnover.joined(parts)


def _spines(
    plan: Scenario, setup: _Setup, start: Start, drive: xr.Dataset, seed: int, first: tuple[int, int]
) -> xr.Dataset:
    """All spines of a block of replicates and animals, by the engine of the scenario."""
    model, sessions = setup.tissue.model, np.array(plan.schedule.sessions)
    common: dict[str, Any] = {"seed": seed, "drive": drive, "head_width": setup.tissue.head_width, "first": first}
    if plan.turnover.chosen_engine == "events":
        return turnover.trace(model, start, sessions, size_loss=setup.size_loss, **common)
    if plan.turnover.chosen_engine == "sessions":
        return turnover.trace_sessions(model, start, sessions, **common)
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
