"""What does an experiment cost as the microscope reports it, beside the bare counts of the same dendrites?"""

import numpy as np
import pytest

from synmodel import turnover
from synmodel.analysis.sweeps import sweep
from synmodel.data import load_study
from synmodel.data.summaries import baseline_density
from synmodel.scenario import load
from synmodel.simulation import drive_of, parameters_of, simulate, tissue_of

REPLICATES = 200
PLAN = load("ketamine-mouse-single")
STUDY = load_study(PLAN.baseline)
TISSUE = tissue_of(PLAN.baseline, parameters_of(PLAN).as_floats())
LENGTH = STUDY.dendrite_length.to("um")
MEANS = TISSUE.initial_means(baseline_density(STUDY.name, STUDY.control)) * LENGTH
START = {"poisson": dict(zip(TISSUE.model.classes, MEANS.tolist(), strict=True))}
DESIGN = {"initial": START, "times": PLAN.schedule.sessions, "drive": drive_of(PLAN), "length_um": LENGTH}


def exact(seen):
    """Mean numbers at sessions: of spines, or of those that are scored."""
    per_um = {"initial": {"poisson": dict(zip(TISSUE.model.classes, (MEANS / LENGTH).tolist(), strict=True))}}
    design = {name: DESIGN[name] for name in ("times", "drive")}
    means = LENGTH * turnover.moments(TISSUE.model, **per_um, **design)["count_mean"].to_numpy()
    if not seen:
        return means.sum(axis=1)
    return means @ (1.0 - np.array(TISSUE.scoring.miss)) + TISSUE.scoring.false_positive_per_um * LENGTH


def agrees(counts, seen):
    """Means over replicates, each of all its dendrites, lie within five standard errors of the exact ones."""
    error = counts.std(axis=0, ddof=1) / np.sqrt(len(counts))
    assert (np.abs(counts.mean(axis=0) - exact(seen)) < 5 * error).all()


@pytest.mark.parametrize("engine", ["events", "sessions", "counts"])
def test_experiments(benchmark, engine):
    plan = PLAN.updated(turnover={"engine": engine})
    out = benchmark.pedantic(lambda: simulate(plan, replicates=REPLICATES, seed=1), rounds=7, warmup_rounds=1)
    agrees(out["spine_count"].mean(("animal", "dendrite")).to_numpy(), seen=True)


@pytest.mark.parametrize("engine", ["sessions", "events"])
def test_counts_alone(benchmark, engine):
    n = {"animals": PLAN.cohort.animals, "dendrites": PLAN.cohort.dendrites_per_animal}

    def run():
        return turnover.simulate(TISSUE.model, **DESIGN, **n, replicates=REPLICATES, seed=1, engine=engine)

    out = benchmark.pedantic(run, rounds=7, warmup_rounds=1)
    agrees(out["count"].sum("spine_class").mean("dendrite").to_numpy(), seen=False)


def test_a_cell_of_a_sweep(benchmark):
    """The experiments, those of the control, and their summaries."""
    grid = {"scenario.regimen.doses[0].amount": [10]}
    out = benchmark.pedantic(lambda: sweep(PLAN, grid=grid, replicates=REPLICATES, seed=1), rounds=5, warmup_rounds=1)
    assert (out["known"] == REPLICATES).all()
