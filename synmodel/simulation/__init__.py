"""The one place where the rooms meet: from a scenario to Observations.

::

    Regimen -> Exposure -> Drive -> spines -> Observations

Every arrow is a public function, so each stage can be looked at. Between a scenario and any of them stands one object,
:class:`Setup`: simulations, expectations, courses and assays have their tissue, drive and start from it.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.progress import Progress
from synmodel.core.randomness import checked_seed
from synmodel.imaging import detection, summary
from synmodel.imaging.expectation import Expected
from synmodel.library.own_entries import told
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation.blocks import observations_of, spines_of
from synmodel.simulation.mechanism import drive_function, drive_of, exposure_of, mechanism_of, parameters_of
from synmodel.simulation.setup import Preparation, Setup, expect
from synmodel.simulation.subjects import between_subjects
from synmodel.simulation.tissue import dendrite_length, first_density, tissue_of
from synmodel.turnover import spines as traces
from synmodel.turnover.arguments import whole_number
from synmodel.turnover.bounds import MOST_ROWS

__all__ = [
    "Preparation",
    "Setup",
    "dendrite_length",
    "drive_function",
    "drive_of",
    "expect",
    "expectation",
    "expectation_function",
    "expected_spines",
    "exposure_of",
    "first_density",
    "histories",
    "is_possible",
    "means_of",
    "mechanism_of",
    "parameters_of",
    "simulate",
    "tissue_of",
]

_BLOCK_SPINES = 250_000  # at a time: some 120 MB, and the arrays of a block stay near the processor
_KEPT_OF_COUNTS = 8  # spines that take as much memory as the numbers of a dendrite whose spines are not followed
_LARGEST_ARRAY = 30 << 20  # of a block, in bytes
_BLOCK_SUBJECTS = 60  # with drives of their own: some seconds between reports of progress
_MOST_SUBJECTS = 1_000_000  # with drives of their own: some hours
_MOST_REPLICATES = 10_000_000
_LAST_REPLICATE = 2**31


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


def expectation_function(plan: Scenario) -> Callable[[ParameterSet | None], Expected]:
    """:func:`expectation` of a scenario for many parameter sets: what does not depend on them is computed once."""
    plan.turnover.demand_exact()
    setup = Setup(plan)
    setup.demand_drive()
    return lambda parameters: setup.at(parameters).expected


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
    setup = Setup(plan, drive)
    ready = [setup.at(each) for each in _several(parameters)]
    with naming(scenario):
        blocks = _blocks_of(ready, first_replicate, replicates)
    pieces, done = [], 0
    for numbers in blocks:
        which = ready[int(numbers[0]) % len(ready)]
        with naming(scenario):
            pieces.append(observations_of(which, numbers, seed))
        done += len(numbers)
        if progress is not None:
            progress(done, replicates)
    observations = detection.labelled(_in_one(pieces))
    sets = [each.parameters for each in ready]
    observations.attrs.update(
        provenance(seed=seed, scenario=plan.digest(), parameters=_digest(sets), own=told(plan.own_entries())),
        scenario=plan.name,
        engine=plan.turnover.chosen_engine,
        differs=between_subjects(plan if drive is None else plan.updated(variability={}), sets[0]),
    )
    if len(sets) > 1:
        observations.attrs["parameter_sets"] = str(len(sets))
    return observations


def means_of(
    ready: Preparation, first: int, replicates: int, seed: int
) -> tuple[list[tuple[str, float, float]], NDArray[np.float64]]:
    """Quantity, start and end [day] of every published statistic, and its value in each replicate, (replicate, point).

    What :func:`synmodel.imaging.means` tells of :func:`simulate`, without labels in between.

    Raises
    ------
    SynmodelError
        As of :func:`simulate`.
    """
    blocks = [observations_of(ready, numbers, seed) for numbers in _blocks_of([ready], first, replicates)]
    return summary.means_of(_in_one(blocks))


def _in_one(blocks: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """What is reported of several blocks of replicates, one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    return {
        name: each if name == "session" else np.concatenate([block[name] for block in blocks])
        for name, each in blocks[0].items()
    }


def _blocks_of(ready: Sequence[Preparation], first: int, replicates: int) -> Iterator[NDArray[np.int64]]:
    """Numbers of replicates, a block of which is simulated at a time; each uses one of the preparations in turn.

    Raises
    ------
    SynmodelError
        If a preparation cannot be simulated, or there is too much to simulate.
    """
    _keep_memory()
    setup = ready[0].setup
    cohort = setup.plan.cohort
    for each in ready:
        each.refuse_impossible()
    if ready[0].given is None:
        setup.demand_drive()
    n_dendrite, spines = cohort.animals * cohort.dendrites_per_animal, float(ready[0].spines.sum())
    _refuse_too_large(setup.plan, spines)
    kept = _KEPT_OF_COUNTS if setup.plan.turnover.chosen_engine == "counts" else spines * 2
    block = max(1, int(_BLOCK_SPINES / (n_dendrite * kept)))
    if setup.terms:
        _refuse_too_many(replicates, cohort.animals)
        block = min(block, max(1, _BLOCK_SUBJECTS // cohort.animals))
    if len(ready) > 1:
        block = 1  # each replicate has parameters of its own
    return (first + np.arange(done, min(done + block, replicates)) for done in range(0, replicates, block))


@cache
def _keep_memory() -> None:
    """Have the memory of the arrays of a block kept for those of the next.

    The allocator of glibc hands it back to the system, which has to fill each page with zeros again, unless an array as
    large was once given back. Of this one no page is used; other allocators do not mind.
    """
    np.empty(_LARGEST_ARRAY, np.uint8)


def _refuse_too_large(plan: Scenario, spines: float) -> None:
    """Refuse an experiment whose spines, with about as many formed as there are, do not fit into memory."""
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
    """Every spine of one simulated experiment before a microscope sees it: formation, elimination, class at sessions.

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
        ready = Setup(plan).at(parameters)
        ready.refuse_impossible()
        number = whole_number("replicate", replicate, _LAST_REPLICATE, least=0)
        _refuse_too_large(plan, float(ready.spines.sum()))
        return traces.labelled(spines_of(ready, np.array([number]), seed))


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


def is_possible(plan: Scenario, parameters: ParameterSet) -> bool:
    """Whether a scenario can be simulated with parameters: some ask for more nascent spines than there are spines."""
    try:
        Setup(plan).at(parameters).refuse_impossible()
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
    ready = Setup(plan).at(parameters)
    ready.refuse_impossible()
    days = plan.schedule.sessions[-1] - plan.schedule.sessions[0]
    each = ready.spines.sum() + ready.tissue.model.formation_rates.sum() * ready.setup.length_um * days
    return float(each) * plan.cohort.animals * plan.cohort.dendrites_per_animal
