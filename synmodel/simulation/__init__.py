"""The one place where the rooms meet: from a scenario to Observations.

::

    Regimen -> Exposure -> Drive -> spines -> Observations

Every arrow is a public function, so each stage can be looked at. Between a scenario and any of them stands one object,
:class:`Setup`: simulations, expectations, courses and assays have their tissue, drive and start from it.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from synmodel.core.errors import SimulationError
from synmodel.core.progress import Progress
from synmodel.core.randomness import checked_seed
from synmodel.imaging import detection
from synmodel.imaging.expectation import Expected
from synmodel.library.own_entries import told
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation.blocks import blocks_of, observations_of, refuse_too_large, spines_of
from synmodel.simulation.mechanism import drive_function, drive_of, exposure_of, mechanism_of, parameters_of
from synmodel.simulation.setup import Preparation, Setup, expect
from synmodel.simulation.subjects import between_subjects
from synmodel.simulation.tissue import dendrite_length, first_density, tissue_of
from synmodel.turnover import spines as traces
from synmodel.turnover.arguments import whole_number

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
    "mechanism_of",
    "parameters_of",
    "simulate",
    "tissue_of",
]

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
        blocks = blocks_of(ready, first_replicate, replicates)
    pieces, done = [], 0
    for numbers in blocks:
        which = ready[int(numbers[0]) % len(ready)]
        with naming(scenario):
            pieces.append(detection.labelled(observations_of(which, numbers, seed)))
        done += len(numbers)
        if progress is not None:
            progress(done, replicates)
    observations = pieces[0] if len(pieces) == 1 else xr.concat(pieces, dim="replicate", data_vars="minimal")
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
        refuse_too_large(plan, float(ready.spines.sum()))
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
