"""Assays of scenarios: what they take, share and refuse."""

import numpy as np
import pytest
import xarray as xr

from synmodel import library
from synmodel.core.errors import ScenarioError, SimulationError
from synmodel.core.schema import IMMUNOBLOT, PET_SCANS, UNCAGING, conform
from synmodel.imaging import pet, proteins, subgroups, uncaging
from synmodel.imaging.course import fold_at
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import assays

KETAMINE, SALINE = "ketamine-mouse-single", "saline-mouse-2016"
SLICES = {"animals": 3, "neurons": 2, "trials": 4, "replicates": 3}


def test_every_assay_shows_its_passport_and_shares_its_draws():
    for seed in (1, 2):
        trials = assays.uncage(KETAMINE, hours=[2, 12], seed=seed, **SLICES)
        conform(trials, UNCAGING)
        again = assays.uncage(KETAMINE, hours=[2, 12], seed=seed, **{**SLICES, "replicates": 2, "animals": 2})
        xr.testing.assert_equal(again["success"], trials["success"][:2, :, :2])
    same = assays.uncage(SALINE, hours=[2, 12], seed=1, arm=KETAMINE, **SLICES)["success"]
    own = assays.uncage(SALINE, hours=[2, 12], seed=1, **SLICES)["success"]
    drug = assays.uncage(KETAMINE, hours=[2, 12], seed=1, **SLICES)["success"]
    assert (drug >= same).all(), "the same mice, with a larger hazard"
    assert not own.equals(same)
    blots = assays.blot(KETAMINE, hours=[6], animals=3, blots=2, replicates=2, seed=1)
    conform(blots, IMMUNOBLOT)
    assert blots["protein"].to_numpy().tolist() == ["PSD-95", "synapsin I", "GluA1"]
    scans = assays.scan("ketamine-human-infusion", hours=[-24, 24], subjects=4, replicates=2, seed=1)
    conform(scans, PET_SCANS)
    still = assays.scan("ketamine-human-infusion", hours=[-24, 24], subjects=9, replicates=1, seed=1)
    xr.testing.assert_equal(still["volume"][:, :4], scans["volume"][:1])


@pytest.mark.parametrize("name", library.names("scenarios"))
def test_no_drug_changes_no_density(name):
    plan = load(name).updated(regimen={"doses": []})
    np.testing.assert_allclose(assays.density_folds(plan, [-24, 2, 24, 240]), 1.0, rtol=1e-12)


def test_density_folds_are_those_of_simulated_spines():
    """True spines of dendrites with and without drug that share their draws."""
    from synmodel import simulation, turnover

    plan = load(KETAMINE)
    hours = [24.0, 72.0, 240.0]
    tissue = simulation.tissue_of(plan.baseline, default_parameters().as_floats())
    start = {"poisson": (tissue.initial_means(0.30) * 40).tolist()}
    means = []
    for drive in (simulation.drive_of(plan), None):
        counts = turnover.simulate(
            tissue.model,
            initial=start,
            times=[-3.0, 1.0, 3.0, 10.0],
            drive=drive,
            length_um=40.0,
            replicates=4000,
            dendrites=1,
            seed=5,
        )
        means.append(counts["count"].sum("spine_class").mean(("replicate", "dendrite")).to_numpy()[1:])
    plan = plan.updated(cohort={"initial_density_per_um": 0.30})
    np.testing.assert_allclose(assays.density_folds(plan, hours), means[0] / means[1], rtol=0.01)
    np.testing.assert_array_less(1.02, means[0] / means[1])


def test_a_drive_is_read_between_the_middles_of_its_cells():
    drive = xr.Dataset({"evoked": ("time", [1.0, 2.0, 4.0])}, {"time": [0.0, 1.0, 3.0]})
    np.testing.assert_allclose(fold_at(drive, "evoked", np.array([0.0, 0.5, 1.25, 3.0])), [1.0, 1.0, 1.5, 4.0])
    with pytest.raises(SimulationError, match=r"runs from day 0 to 3; give times within, not \[4.0\]"):
        fold_at(drive, "evoked", np.array([4.0]))
    with pytest.raises(SimulationError, match="has no 'protein', only evoked; use a mechanistic drive"):
        fold_at(drive, "protein", np.array([1.0]))


def test_assays_of_a_phenomenological_drive_are_refused_in_one_line():
    plan = load(KETAMINE).updated(drive="phenomenological")
    with pytest.raises(SimulationError, match=r"has no 'evoked'.*use a mechanistic drive"):
        assays.uncage(plan, hours=[2], seed=1, **SLICES)
    with pytest.raises(ScenarioError, match=r"sessions\[\d\] is .*: allowed is -36500 to 36500 days"):
        assays.uncage(KETAMINE, hours=[1e9], seed=1, **SLICES)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: uncaging.Uncaging(1.0), "uncaging has probability 1, .* a probability is above 0 and below 1"),
        (lambda: uncaging.Uncaging(0.5, -1), "a variation 0 or more"),
        (lambda: proteins.Blotting((), 0.1, 0.1), "name a protein"),
        (lambda: proteins.Blotting((("a", 1.0),), -0.1, 0.1), "numbers of 0 or more"),
        (lambda: pet.Scanner(20, 1.0, 0.1, 0.1), "is not possible; volume is above 0, shares are 0 to below 1"),
        (lambda: pet.Scanner(20, 0.1, 0.1, 0.1, 1.5), "a correlation 0 to 1"),
        (lambda: assays.uncage(KETAMINE, hours=[2], seed=1, **{**SLICES, "trials": 0}), "0 trials"),
        (lambda: assays.blot(KETAMINE, hours=[2], animals=0, blots=1, replicates=1, seed=1), "0 animals"),
        (lambda: assays.scan(KETAMINE, hours=[2], subjects=0, replicates=1, seed=1), "0 subjects"),
        (
            lambda: subgroups.posthoc_finding(*(np.zeros((1, 4, 1)),) * 3, lowest=[5]),
            r"lowest is \[5\]; give sizes of subgroups from 3 to the 4 subjects",
        ),
    ],
)
def test_what_is_refused(make, line):
    with pytest.raises(SimulationError, match=line):
        make()


def test_parameters_of_assays_can_be_replaced_in_a_scenario():
    plan = load(KETAMINE).updated(parameters={"uncaging.probability": 0.4, "blot.glua1_gain": 2.0, "pet.volume": 10.0})
    assert assays.uncaging_of(plan).probability == 0.4
    assert dict(assays.blotting_of(plan).gains)["GluA1"] == 2.0
    assert assays.scanner_of(plan).volume == 10.0


def test_one_animal_has_no_interval():
    one = assays.blot(KETAMINE, hours=[6], animals=1, blots=2, replicates=1, seed=1)
    with pytest.raises(SimulationError, match="one animal; a fold change with an interval needs two"):
        proteins.fold_change(one, one)


SIZE = {"neurons": 4, "trials": 5}


def test_a_course_of_success_lies_within_its_band():
    course = assays.success_course(KETAMINE, hours=[2, 24], animals=6, replicates=2000, seed=3, **SIZE)
    assert (course["low"] < course["exact"]).all()
    assert (course["exact"] < course["high"]).all()
    wide = assays.success_course(KETAMINE, hours=[2, 24], animals=2, replicates=2000, seed=3, **SIZE)
    assert ((wide["high"] - wide["low"]) > (course["high"] - course["low"])).all()
    np.testing.assert_allclose(wide["exact"], course["exact"])


def test_blots_average_to_their_expected_folds():
    expected = assays.protein_folds(KETAMINE, [2, 72])
    assert expected.shape == (2, 3)
    seen = assays.blot(KETAMINE, hours=[2, 72], animals=4, blots=2, replicates=3000, seed=2)["signal"]
    np.testing.assert_allclose(seen.mean(("replicate", "animal", "blot")), expected, rtol=0.01)


def test_a_mean_signal_is_the_integral_of_its_course():
    from synmodel import signalling, simulation

    plan = load(KETAMINE)
    values = default_parameters().as_floats()
    given = simulation.exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, values)
    states = signalling.signalling_states(given, values)
    fine = np.linspace(0.0, 0.5, 4001) / 24
    course = np.interp(fine, states["time"], states["glutamate"])
    assert assays.mean_signal(plan, "glutamate", (0.0, 0.5)) == pytest.approx(course.mean(), rel=2e-3)
    silent = plan.updated(subject={"genotype": "val66met"})
    assert assays.mean_signal(silent, "bdnf", (0, 1)) == pytest.approx(0.2 * assays.mean_signal(plan, "bdnf", (0, 1)))
    assert assays.mean_signal(SALINE, "glutamate", (0, 1)) == 0


def test_another_dose_changes_nothing_else():
    plan = assays.at_dose("ketamine-mouse-ketanserin", 3)
    base = load("ketamine-mouse-ketanserin")
    assert plan.regimen.doses[0].amount == 3
    assert plan.regimen.doses[1:] == base.regimen.doses[1:]
    assert plan.schedule == base.schedule
    with pytest.raises(ScenarioError, match=r"doses\[0\].amount is -1"):
        assays.at_dose(KETAMINE, -1)


def test_restoration_is_none_without_drug_and_all_without_stress():
    control = load(SALINE)
    stressed = control.updated(subject={"stress": {"name": "restraint stress", "to_day": 0.0}})
    for arm, share in ((stressed, 0.0), (control, 1.0)):
        np.testing.assert_allclose(assays.restoration(arm, stressed, control, [24, 240]), share, atol=1e-12)
    rescued = load(KETAMINE).updated(subject={"stress": {"name": "restraint stress", "to_day": 0.0}})
    assert (assays.restoration(rescued, stressed, control, [24, 240]) > 0.2).all()


def test_studies_find_what_is_there_and_at_its_level_what_is_not():
    control = load(SALINE)
    same = assays.studies_that_find(control, control, "lost", replicates=150, seed=5)
    assert abs(float(same["difference"].mean())) < 4 * float(same["difference"].std()) / 150**0.5
    assert float(same["found"].mean()) < 0.12
    stressed = control.updated(subject={"stress": "restraint stress"})
    lost = assays.studies_that_find(stressed, control, "lost", replicates=150, seed=5)
    gained = assays.studies_that_find(stressed, control, "gained", replicates=150, seed=5)
    assert float(lost["difference"].mean()) > 0.015
    assert float(gained["difference"].mean()) < -0.015
    assert float(lost["found"].mean()) > max(0.15, 2 * float(same["found"].mean()))


def test_posthoc_of_a_scenario_is_the_analysis_of_its_scans():
    size = {"subjects": 12, "replicates": 5, "seed": 2}
    scans = assays.scan("ketamine-human-infusion", hours=[-24, 24], rescue=0.5, **size)
    by_hand = subgroups.analyse_trial(scans, choose=0, before=0, after=1, lowest=[6], coupling=0.5, seed=2)
    whole = assays.posthoc(
        "ketamine-human-infusion",
        hours=[-24, 24],
        rescue=0.5,
        choose=0,
        before=0,
        after=1,
        lowest=[6],
        coupling=0.5,
        **size,
    )
    xr.testing.assert_identical(whole, by_hand)
