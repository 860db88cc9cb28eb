"""A scenario and its vehicle control simulated on the same draws, with all that is said beside them."""

from dataclasses import dataclass

import xarray as xr

from synmodel.analysis import intervals
from synmodel.analysis.caveats import notes_of
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.core.errors import SimulationError
from synmodel.core.progress import Steps, stage
from synmodel.imaging import summarise
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import ParameterSet
from synmodel.pharmacology import drug_doses
from synmodel.scenario import Scenario
from synmodel.simulation import is_possible, mechanism_of, simulate
from synmodel.simulation.checking import Checked, checks_of
from synmodel.simulation.population import population_bands
from synmodel.simulation.subjects import terms_of

__all__ = ["SUBJECTS", "Simulated", "simulate_scenario"]

SUBJECTS = 500
"""Number of subjects behind percentiles, by default."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated scenario.

    Attributes
    ----------
    observations, summary : Dataset
        Of the scenario.
    control : Dataset or None
        Summary of the same animals without doses; None where no drug is given.
    notes : list of str
        What to read with care, see :func:`synmodel.analysis.caveats.notes_of`; contradictions with the evidence come
        first.
    mechanism : Dataset
        From concentrations to the drive of spines, see :func:`synmodel.simulation.mechanism_of`.
    checked : list of Checked
        The evidence of the library whose conditions the scenario meets, see
        :func:`synmodel.simulation.checking.checks_of`.
    expected : Dataset or None
        Exact means at the estimate and at draws of the posterior, see
        :func:`synmodel.analysis.intervals.expected_statistics`; None, and nothing is checked, where spines interact or
        are lost by their size: a note says so.
    population : Dataset or None
        Percentiles over subjects, see :func:`synmodel.simulation.population.population_bands`; None where they do not
        differ.
    """

    observations: xr.Dataset
    summary: xr.Dataset
    control: xr.Dataset | None
    notes: list[str]
    mechanism: xr.Dataset
    checked: list[Checked]
    expected: xr.Dataset | None
    population: xr.Dataset | None = None


def simulate_scenario(
    plan: Scenario,
    *,
    replicates: int,
    seed: int,
    draws: int = intervals.DRAWS,
    posterior_draws: int = 0,
    subjects: int = SUBJECTS,
    posterior: Estimate | None = None,
    progress: Steps | None = None,
) -> Simulated:
    """A scenario and its vehicle control, on the same draws, and how sure the model is of what they have in common.

    Parameters
    ----------
    replicates : int
        Of the experiment.
    draws : int
        Of the posterior, for the intervals; 0 for none. The phenomenological drive has none.
    posterior_draws : int
        Of the posterior, which the replicates take in turn, so that they also differ by what is not known of the
        parameters; 0: all replicates are at the estimate.
    subjects : int
        Behind percentiles over subjects, where the scenario says how they differ; 0 for none.
    posterior : Estimate, optional
        In place of the one of the library, whose estimate the parameters of the library are.
    seed, progress
        As in :func:`synmodel.analysis.workflows.compare_drugs`.

    Raises
    ------
    SimulationError
        For ``posterior_draws`` of a scenario with a phenomenological drive, or if no draw makes a possible dendrite.
    """
    parameters = None if posterior is None else posterior.typical()
    taken = _draws_in_turn(plan, posterior_draws, posterior, seed) if posterior_draws else parameters
    sets: list[ParameterSet] = []
    exact = not plan.turnover.why_not_exact
    if exact and draws and plan.drive == "mechanistic":
        sets = intervals.scenario_draws(load_posterior() if posterior is None else posterior, draws, seed)
    observations = simulate(plan, taken, replicates=replicates, seed=seed, progress=stage(progress, "simulating"))
    alone = without_doses(plan) if drug_doses(plan.regimen.doses) else None
    control = None
    if alone is not None:
        report = stage(progress, "simulating the control")
        control = summarise(simulate(alone, taken, replicates=replicates, seed=seed, progress=report))
    expected, checked = None, []
    if exact:
        report = stage(progress, "intervals of the posterior")
        expected = intervals.expected_statistics(plan, parameters, control=alone, draws=sets, progress=report)
        checked = checks_of(plan, parameters, draws=sets)
    population = None
    if subjects and terms_of(plan):
        report = stage(progress, "subjects")
        population = population_bands(plan, parameters, subjects=subjects, seed=seed, progress=report)
    notes = notes_of(plan, checked)
    if posterior_draws:
        notes.append(f"each experiment has parameters of its own, of {len(taken or ())} draws of the posterior in turn")
    return Simulated(
        observations, summarise(observations), control, notes, mechanism_of(plan, parameters), checked, expected,
        population,
    )  # fmt: skip


def _draws_in_turn(plan: Scenario, number: int, posterior: Estimate | None, seed: int) -> list[ParameterSet]:
    """Draws of the posterior with which a scenario can be simulated."""
    if plan.drive != "mechanistic":
        message = (
            f"posterior_draws is {number}, and the drive of {plan.name!r} is phenomenological, of which the posterior "
            'knows nothing; set drive = "mechanistic" or posterior_draws to 0'
        )
        raise SimulationError(message)
    sets = intervals.scenario_draws(load_posterior() if posterior is None else posterior, number, seed)
    possible = [each for each in sets if is_possible(plan, each)]
    if not possible:
        message = f"none of {number} draws of the posterior makes a possible dendrite of {plan.name!r}; take more draws"
        raise SimulationError(message)
    return possible
