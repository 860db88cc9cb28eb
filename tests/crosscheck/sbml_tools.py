"""Runs of an exported model by other programs, and the course of synmodel beside them."""

import numpy as np
import pytest

from synmodel.report.exporting import model_of
from synmodel.report.exporting.sbml import to_sbml
from synmodel.simulation import dendrite_length, drive_of, first_density, mechanism_of, parameters_of, tissue_of
from synmodel.turnover import moments
from synmodel.turnover.model import TurnoverModel

ENGAGED = (
    "nmda_block_interneuron",
    "nmda_block_pyramidal",
    "agonism_5ht2a",
    "agonism_5ht2a_intracellular",
    "trkb_bound",
)
FOLDS = ("formation_fold", "maturation_fold", "elimination_fold", "head_size_fold", "protein_fold", "evoked_fold")
STATES = ("glutamate", "bdnf", "trkb", "mtorc1", "evoked_state", "formation_state", "stabilisation", "head_size_state")


def sbml_of(plan):
    return to_sbml(model_of(plan))


def by_roadrunner(text, times, names, relative=1e-9, absolute=1e-10):
    """(n_time,) courses by name; times are those of the file, from 0."""
    roadrunner = pytest.importorskip("roadrunner", reason="libroadrunner is not installed")
    runner = roadrunner.RoadRunner(text)
    runner.integrator.relative_tolerance = relative
    runner.integrator.absolute_tolerance = absolute
    runner.integrator.maximum_num_steps = 100_000
    runner.timeCourseSelections = ["time", *names]
    result = runner.simulate(times=list(map(float, times)))
    return {name: np.array(result[:, place]) for place, name in enumerate(names, start=1)}


def by_copasi(text, times, names):
    """As :func:`by_roadrunner`."""
    basico = pytest.importorskip("basico", reason="copasi-basico is not installed")
    model = basico.load_model_from_string(text)
    try:
        basico.set_task_settings(
            "Time-Course",
            {"method": {"Relative Tolerance": 1e-9, "Absolute Tolerance": 1e-10, "Max Internal Steps": 1_000_000}},
            model=model,
        )
        frame = basico.run_time_course(values=list(map(float, times)), use_sbml_id=True, model=model)
        missing = [name for name in names if name not in frame]
        assert not missing, missing
        return {name: frame[name].to_numpy() for name in names}
    finally:
        basico.remove_datamodel(model)


def distance(found, expected):
    """Largest difference over the largest value of what is expected; absolute where nothing is."""
    return float(np.max(np.abs(found - expected)) / (np.max(np.abs(expected)) or 1.0))


def of_synmodel(scenario):
    """Concentrations, engaged receptors and states on the grid of a run, by the names of the file."""
    mechanism = mechanism_of(scenario)
    courses = {name: mechanism[name].to_numpy() for name in (*ENGAGED, *STATES)}
    for name in ("plasma_concentration", "free_concentration"):
        if name in mechanism:
            for compound in mechanism["compound"].to_numpy():
                identity = str(compound).replace("-", "_")
                identity = identity if identity[0].isalpha() else f"_{identity}"
                courses[f"{name}_{identity}"] = mechanism[name].sel(compound=compound).to_numpy()
    folds = {name: mechanism[name].to_numpy()[:-1] for name in FOLDS}
    return mechanism["time"].to_numpy(), courses, folds


def spines_of_synmodel(scenario):
    """Exact moments of one dendrite."""
    values = parameters_of(scenario).as_floats()
    tissue, length = tissue_of(scenario.baseline, values), dendrite_length(scenario)
    model = TurnoverModel(
        tissue.model.classes,
        [rate * length for rate in tissue.model.formation],
        tissue.model.transition,
        tissue.model.elimination,
        formation_trend=tissue.model.formation_trend,
    )
    initial = {"poisson": list(tissue.initial_means(first_density(scenario)) * length)}
    return moments(model, initial=initial, times=scenario.schedule.sessions, drive=drive_of(scenario))
