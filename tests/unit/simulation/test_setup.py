"""One object between a scenario and all that is simulated or expected of it."""

import numpy as np
import pytest
import xarray as xr

from synmodel.core.errors import ScenarioError
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import Preparation, Setup, drive_of, expectation, simulate
from synmodel.simulation.courses import course_function, course_of
from synmodel.simulation.tissue import tissue_names, tissue_of
from synmodel.turnover import propagate

KETAMINE = load("ketamine-mouse-single")


def test_its_parts_are_those_of_the_public_functions():
    ready = Setup(KETAMINE).at()
    xr.testing.assert_identical(ready.drive, drive_of(KETAMINE))
    for one, other in zip(ready.expected, expectation(KETAMINE), strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_part_is_made_once():
    setup = Setup(KETAMINE)
    ready = setup.at()
    assert ready.drive is ready.drive
    assert ready.tissue is ready.tissue
    assert setup.drive_at is setup.drive_at


def test_replacements_hold_at_any_parameters_but_not_in_those_that_are_complete():
    plan = KETAMINE.updated(parameters={f"{KETAMINE.baseline}.miss": 0.1})
    name, given = f"{plan.baseline}.miss", default_parameters()
    assert Setup(plan).at(given).values[name] == 0.1
    assert Preparation(Setup(plan), given).values[name] == given.value(name)


def test_a_stated_drive_takes_the_place_of_the_doses():
    stated = drive_of(KETAMINE.updated(regimen={"doses": []}))
    ready = Setup(KETAMINE, stated).at()
    assert ready.drive is stated
    seen = simulate(KETAMINE, drive=stated, replicates=2, seed=1)
    vehicle = simulate(KETAMINE.updated(regimen={"doses": []}), replicates=2, seed=1)
    np.testing.assert_array_equal(seen["gained"], vehicle["gained"])


def test_a_setup_reaches_further_and_not_less_far():
    setup = Setup(KETAMINE)
    last = setup.sessions[-1]
    assert setup.until(float(last)) is setup
    longer = setup.until(float(last) + 10)
    assert longer.at().drive["time"].to_numpy()[-1] > last
    days = np.array([setup.sessions[0], last, last + 10])
    for one, other in zip(course_of(longer.at(), days), course_function(KETAMINE, days)(None), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_cannot_be_expected_is_refused():
    crowded = KETAMINE.updated(turnover={"crowding": {"n_max_per_um": 3.0}})
    with pytest.raises(ScenarioError, match="crowding"):
        _ = Setup(crowded).at().expected


def test_a_tissue_reads_the_names_that_are_told():
    """Drives are kept for sets that differ in these alone, so one more or less would give the drive of another set."""

    class Told(dict):
        def __getitem__(self, name):
            read.add(name)
            return super().__getitem__(name)

    read: set[str] = set()
    with_transient = default_parameters().replace({"shao2021.transient_formation": 0.1})
    tissue_of("shao2021", Told(with_transient.as_floats()))
    assert read == set(tissue_names("shao2021"))


def test_a_drive_that_is_kept_is_that_of_its_parameters():
    setup, given = Setup(KETAMINE), default_parameters()
    changes = [
        {"cascade.tau_bdnf": 0.3},
        {},
        {f"{KETAMINE.baseline}.loss_nascent": 0.9},
        {"ketamine.mouse_volume": 3.0},
    ]
    for change in changes * 2:
        parameters = given.replace(change)
        xr.testing.assert_identical(setup.at(parameters).drive, drive_of(KETAMINE, parameters))
    setup.at(given).drive["formation"][:] = 7.0  # is the caller's own
    xr.testing.assert_identical(setup.at(given).drive, drive_of(KETAMINE))


@pytest.mark.parametrize("plan", ["ketamine-mouse-daily5", "ketamine-human-infusion", "psilocybin-mouse"])
def test_steps_are_those_of_the_labelled_drive(plan):
    ready = Setup(load(plan)).at()
    for one, other in zip(ready.steps(), propagate(ready.tissue.model, ready.setup.sessions, ready.drive), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", ["ketamine-mouse-daily5", "psilocybin-mouse"])
@pytest.mark.parametrize("is_stated", [False, True])
def test_folds_are_those_of_the_labelled_drive(name, is_stated):
    plan = load(name)
    ready = Setup(plan, drive_of(plan) * 0.5 if is_stated else None).at()
    times, folds = ready.knots
    np.testing.assert_array_equal(times, ready.drive["time"])
    assert list(folds) == list(ready.drive.data_vars)
    for effect, fold in folds.items():
        np.testing.assert_array_equal(fold, ready.drive[effect])


def test_a_stated_drive_makes_the_course_of_its_doses():
    days = np.unique([*KETAMINE.schedule.sessions, 0.1, 0.3])
    stated, made = course_of(Setup(KETAMINE, drive_of(KETAMINE)).at(), days), course_of(Setup(KETAMINE).at(), days)
    assert np.ptp(made.formation_fold) > 0
    for one, other in zip(stated, made, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_acts_without_drug_and_condition():
    """All folds are exactly 1 at any parameters, on which controls of sweeps are shared."""
    setup = Setup(KETAMINE.updated(regimen={"doses": []}))
    names = [name for name in default_parameters() if name.startswith(("cascade.", "nmda.", "serotonin."))]
    assert names
    base = default_parameters()
    moved = base.replace({name: min(1.3 * base.value(name), base[name].upper) for name in names})
    for parameters in (base, moved):
        drive = Setup(setup.plan).at(parameters).drive
        assert all((drive[name] == 1.0).all() for name in drive.data_vars)
