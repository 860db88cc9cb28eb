"""Are the intervals of the fit honest?

Simulated studies, fitted as the real one, must hold the truth as often as they say.
"""

from dataclasses import replace

import numpy as np
import pytest

from synmodel.imaging import summarise
from synmodel.inference import SummaryProblem, joint_problem
from synmodel.inference.summaries.readings import Reading
from synmodel.inference.summaries.summary_fit import fit_problem
from synmodel.inference.summaries.targets import Means, Persistence, arm_targets
from synmodel.library.parameters import default_parameters
from synmodel.scenario import Cohort, Regimen, Scenario, Schedule
from synmodel.simulation import simulate

STUDY = "shao2021"
EXPERIMENTS = 60
COHORTS = {"saline": 6, "psilocybin": 6, "ketanserin+saline": 4, "ketanserin+psilocybin": 4}


def simulated_targets(parameters, seed):
    """Per experiment the targets of every arm, as the paper would have printed them."""
    experiments = [[] for _ in range(EXPERIMENTS)]
    for number, target in enumerate(arm_targets(STUDY, name) for name in COHORTS):
        scenario = Scenario(
            name="calibration",
            baseline=STUDY,
            drive="phenomenological",
            regimen=Regimen(doses=target.arm.doses),
            schedule=Schedule(sessions=tuple(target.sessions)),
            cohort=Cohort(
                animals=COHORTS[target.arm.name],
                dendrites_per_animal=14,
                length_um=11 / target.density,
                initial_density_per_um=target.density,
            ),
        )
        seen = summarise(simulate(scenario, parameters, replicates=EXPERIMENTS, seed=seed + number))
        for k in range(EXPERIMENTS):
            experiments[k].append(as_published(target, seen.isel(replicate=k)))
    return experiments


def as_published(target, summary):
    def means(published):
        rows = summary.isel(point=np.flatnonzero(summary["quantity"].to_numpy() == published.quantity))
        sem = rows["sem_dendrite"].to_numpy()
        return Means(
            published.quantity,
            published.at,
            published.start,
            published.end,
            rows["mean"].to_numpy(),
            sem,
            sem * published.sem_mouse / published.sem_dendrite,
            rows["n_dendrites"].to_numpy(),
        )

    persistence = target.persistence
    if persistence is not None:
        rows = summary.isel(point=np.flatnonzero(summary["quantity"].to_numpy() == "new_spine_persistence_followed"))
        persistence = Persistence(persistence.end, rows["n_present"].to_numpy(), rows["n_new"].to_numpy())
    return replace(
        target,
        turnover=tuple(means(each) for each in target.turnover),
        head_width=means(target.head_width),
        persistence=persistence,
    )


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    """Turnover, scoring and pulses of one study, at the values of the library."""
    parameters = default_parameters()
    free = [
        name for name in joint_problem([STUDY], reading=Reading("pulse")).free
        if name in parameters and name.startswith((f"{STUDY}.", "psilocybin."))
    ]  # fmt: skip
    scores = []
    for targets in simulated_targets(parameters, seed=100):
        simulated = SummaryProblem(parameters, free, [STUDY], drive="phenomenological", targets=targets)
        truth = simulated.start()
        result = fit_problem(simulated, seed=1, starts=1, first=truth)
        scores.append((result.vector - truth) / np.sqrt(np.diag(result.covariance)))
    inside = np.abs(scores) < 1.96
    assert 0.90 <= inside.mean() <= 0.995, "95 % intervals, all parameters together"
    formation = inside[:, free.index("psilocybin.formation_fold")].mean()
    assert formation >= 0.85
    halved = np.abs(scores) < 1.96 / 2
    assert halved.mean() < 0.90, "intervals half as wide would be caught"
