"""One object between a scenario and all that is simulated or expected of it."""

import numpy as np
import pytest
import xarray as xr

from synmodel.core.errors import ScenarioError
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import Preparation, Setup, drive_of, expectation, simulate
from synmodel.simulation.courses import course_function, course_of

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
