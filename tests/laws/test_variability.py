"""Subjects who differ, in closed form: one compartment after an intravenous bolus, where AUC = dose / clearance."""

import numpy as np
import pytest
from level import agrees
from scipy.stats import norm

from synmodel.library.parameters import default_parameters
from synmodel.pharmacology import load_compound
from synmodel.scenario import load
from synmodel.simulation.population import PERCENTILES, population_bands, subjects_of
from synmodel.simulation.subjects import deviations, subject_of, terms_of

SD, SUBJECTS = 0.07, 150
BASE = default_parameters()
HALF_LIFE, VOLUME = "ketamine.mouse_half_life", "ketamine.mouse_volume"


def plan(**spreads):
    dose = {"compound": "ketamine", "amount": 10.0, "route": "i.v."}
    return load("ketamine-mouse-single").updated(
        regimen={"doses": [dose]}, schedule={"sessions": [-1.0, 2.0]}, variability=spreads
    )


def closed_form(clearance=1.0):
    """Dose / CL [nM day] of the median subject, CL = ln 2 V / half-life."""
    micromoles = 10.0 / load_compound("ketamine").molar_mass.to("g/mol") * 1e3
    return micromoles * 1e3 / (clearance * np.log(2) * BASE.value(VOLUME) / BASE.value(HALF_LIFE))


@pytest.fixture(scope="module")
def areas():
    bands = population_bands(plan(clearance=SD, volume=0.2), subjects=SUBJECTS, seed=5)
    return bands["plasma_auc"].sel(compound="ketamine").to_numpy()


def z_of_areas(areas, clearance=1.0):
    """Z of the mean of ln AUC, and of the numbers of subjects below percentiles of its log-normal law."""
    logs = np.log(areas / closed_form(clearance)) / SD
    level = np.array(PERCENTILES) / 100
    below = (logs[:, None] < norm.ppf(level)).mean(axis=0)
    return np.append(np.sqrt(SUBJECTS) * logs.mean(), (below - level) / np.sqrt(level * (1 - level) / SUBJECTS))


def test_areas_have_the_percentiles_of_their_law(areas):
    assert agrees(z_of_areas(areas))


def test_a_clearance_five_percent_off_is_caught(areas):
    assert not agrees(z_of_areas(areas, 1.05))


def test_volumes_change_no_area():
    areas = population_bands(plan(volume=0.3), subjects=5, seed=1)["plasma_auc"].sel(compound="ketamine")
    np.testing.assert_allclose(areas, closed_form(), rtol=5e-4)  # by the trapezoids of the grid
    assert np.ptp(population_bands(plan(volume=0.3), subjects=5, seed=1)["plasma_peak"].to_numpy()[:, 0]) > 0


def test_bands_are_percentiles_of_the_curves_of_the_subjects():
    varied = plan(clearance=0.3, volume=0.2)
    bands = population_bands(varied, subjects=40, seed=2)
    hours = bands["time"].to_numpy()
    after = hours >= 0
    micromoles = 10.0 / load_compound("ketamine").molar_mass.to("g/mol") * 1e3
    curves = [
        1e3 * micromoles / each.value(VOLUME) * np.exp(-np.log(2) * hours[after] / each.value(HALF_LIFE))
        for each in subjects_of(varied, subjects=40, seed=2)
    ]
    seen = bands["plasma_concentration"].sel(compound="ketamine").to_numpy()[:, after]
    np.testing.assert_allclose(seen, np.percentile(curves, PERCENTILES, axis=0), rtol=1e-9, atol=1e-9)


def z_of_draws(factor=1.0):
    """Z of mean and variance of deviations of 40,000 subjects, and of the covariance of two quantities."""
    first, second = (deviations(f"{name} of ketamine", 3, np.arange(10_000), 4) for name in ("clearance", "volume"))
    z, n = factor * first.ravel(), first.size
    return np.array([z.mean() * np.sqrt(n), (z.var() - 1) * np.sqrt(n / 2), (z * second.ravel()).mean() * np.sqrt(n)])


def test_deviations_are_standard_normal_and_independent():
    assert agrees(z_of_draws())


def test_a_spread_five_percent_off_is_caught():
    assert not agrees(z_of_draws(1.05))


def test_what_a_deviation_does_to_parameters():
    """Half-life by V / CL, half-engagement by the inverse of potency, one z for all targets of a compound."""
    varied = plan(clearance=0.3, volume=0.2, potency=0.4)
    z = {f"{name} of ketamine": value for name, value in (("clearance", 1.0), ("volume", -0.5), ("potency", 2.0))}
    terms = [term for term in terms_of(varied) if term.quantity in z]
    subject = subject_of(BASE, terms, z)
    factors = {name: subject.value(name) / BASE.value(name) for name in {term.parameter for term in terms}}
    targets = [name for name in factors if "_ic50_" in name or name.endswith(("_kd", "_ec50"))]
    assert len(targets) >= 2
    np.testing.assert_allclose(factors[VOLUME], np.exp(-0.1))
    np.testing.assert_allclose(factors[HALF_LIFE], np.exp(-0.1 - 0.3))
    np.testing.assert_allclose([factors[name] for name in targets], np.exp(-0.8))
    assert set(factors) == {VOLUME, HALF_LIFE, *targets}
