"""Head twitches: the data of the library, the assay of a scenario and the likelihood."""

import tomllib

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import gammaln
from scipy.stats import nbinom, poisson

from synmodel import library
from synmodel.core.documents import read
from synmodel.core.errors import FitError, LibraryError, SchemaError, SimulationError
from synmodel.core.schema import HEAD_TWITCHES, conform
from synmodel.data.twitches import TwitchRecording, load_twitches
from synmodel.imaging import head_twitches
from synmodel.inference.summaries.twitch_profile import fit_twitches, twitch_profile
from synmodel.inference.summaries.twitch_terms import count_deviance, dispersion_norm, signed_root, variance_deviance
from synmodel.inference.summaries.twitches import RECORDINGS, TwitchData
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import assays, exposure_of

KB, EC50 = "ketanserin.antagonist_5ht2a_kb", "psilocin.agonist_5ht2a_ec50"
HALF_HOUR = [0.0, 0.5]


@pytest.fixture(scope="module")
def data():
    return TwitchData()


@pytest.fixture(scope="module")
def values():
    return {**default_parameters().as_floats(), KB: 0.2}


# -- data ----------------------------------------------------------------------------------------------------------


def test_recordings_are_documents():
    assert tuple(library.names("head_twitches")) == RECORDINGS
    for name in RECORDINGS:
        recording = load_twitches(name)
        assert recording.name == name
        assert recording.citation
        for group in recording.groups:
            assert group.source
            assert not group.fitted or all(dose.compound in ("psilocybin", "ketanserin") for dose in group.doses)


def test_the_six_mice_of_psilocybin_are_used_once():
    groups = load_twitches("aboharb2025").groups
    assert [group.mice for group in groups if "psilocybin" in group.name] == [6]
    assert all(not group.counts for group in groups)  # summaries only


def test_a_group_without_its_numbers_is_refused():
    document = tomllib.loads(library.path_of("head_twitches", "shao2021").read_text())
    del document["groups"][0]["counts"]
    with pytest.raises(LibraryError, match=r"groups\[0\].*give either counts, or mice, mean and sd"):
        read(TwitchRecording, document, "head_twitches.shao2021", LibraryError)


# -- assay ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["saline-mouse", "saline-mouse-ketanserin", "psilocybin-mouse-knockout"])
def test_without_agonism_the_number_is_the_baseline_exactly(name):
    baseline = assays.twitching_of(name).baseline
    assert assays.expected_head_twitches(name, HALF_HOUR).tolist() == [baseline * (0.5 / 24)]


def test_twitches_rise_with_the_dose_and_fall_with_ketanserin():
    few, many = (
        assays.expected_head_twitches(assays.at_dose("psilocybin-mouse", dose), HALF_HOUR)[0] for dose in (0.1, 1.0)
    )
    blocked = assays.expected_head_twitches("psilocybin-mouse-ketanserin", HALF_HOUR)[0]
    baseline = assays.twitching_of("psilocybin-mouse").baseline * 0.5 / 24
    assert baseline < few < many
    assert baseline < blocked < many


def test_bins_add_up_and_carry_their_passport():
    hours = [0.0, 0.1, 0.25, 0.5]
    seen = assays.head_twitches("psilocybin-mouse", hours=hours, animals=3, replicates=2, seed=5)
    conform(seen, HEAD_TWITCHES)
    assert dict(seen.sizes) == {"replicate": 2, "time": 3, "animal": 3}
    whole = assays.expected_head_twitches("psilocybin-mouse", HALF_HOUR)[0]
    assert float(seen["expected"].sum()) == pytest.approx(whole, rel=1e-4)
    assert seen["count"].attrs["units"] == "1"
    with pytest.raises(SchemaError):
        conform(seen.drop_vars("expected"), HEAD_TWITCHES)


def test_a_mouse_keeps_its_draws_when_others_are_added():
    few, many = (
        assays.head_twitches("psilocybin-mouse", hours=HALF_HOUR, animals=n, replicates=2, seed=5)["count"]
        for n in (2, 5)
    )
    assert (many.isel(animal=slice(2)) == few).all()


def test_mean_is_that_of_a_finer_grid():
    plan = load("psilocybin-mouse")
    values = default_parameters().as_floats()
    fine = np.linspace(0.0, 0.5, 2001) / 24
    course = exposure_of(plan.regimen.doses, plan.subject, fine.tolist(), values)
    assay = assays.twitching_of(plan)
    exact = head_twitches.expected_twitches(assay, course, np.array(HALF_HOUR) / 24)
    assert assays.expected_head_twitches(plan, HALF_HOUR) == pytest.approx(exact, rel=2e-4)


def test_what_cannot_be_recorded_is_refused():
    with pytest.raises(SimulationError, match="negative number or an exponent of 0"):
        head_twitches.HeadTwitches(-1.0, 1.0)
    with pytest.raises(SimulationError, match="give two or more, rising"):
        assays.expected_head_twitches("psilocybin-mouse", [0.5])
    with pytest.raises(SimulationError, match="give two or more, rising"):
        assays.expected_head_twitches("psilocybin-mouse", [0.5, 0.0])
    with pytest.raises(SimulationError, match="0 animals"):
        assays.head_twitches("psilocybin-mouse", hours=HALF_HOUR, animals=0, replicates=1, seed=1)


# -- terms of the likelihood -----------------------------------------------------------------------------------------


def test_terms_are_the_negative_binomial_law_of_scipy():
    count, mean, size = np.meshgrid([0.0, 1.0, 7.0, 408.0], [0.01, 3.0, 400.0], [0.5, 11.0, 1e4], indexing="ij")
    terms = count_deviance(count, mean, size) + dispersion_norm(count, size)
    law = nbinom.logpmf(count, size, size / (size + mean)) - poisson.logpmf(count, np.maximum(count, 1e-300))
    np.testing.assert_allclose(terms, -2 * law, rtol=1e-6, atol=2e-6)


def test_deviances_vanish_at_what_is_seen_and_roots_have_signs():
    seen, size = np.array([3.0, 9.0]), np.array([2.0, 5.0])
    assert count_deviance(seen, seen, size).tolist() == [0.0, 0.0]
    assert variance_deviance(seen, seen, size).tolist() == [0.0, 0.0]
    assert signed_root(np.array([4.0, 4.0]), np.array([-1.0, 1.0])).tolist() == [-2.0, 2.0]


# -- likelihood ------------------------------------------------------------------------------------------------------


def minus_twice_log_likelihood(data, values):
    """The counts by scipy, one by one; sums as sums; variances and landmarks by their densities."""
    rows = {(row.recording, row.what): row for row in data.expected(values)}
    size, total = values["head_twitch.cv_animal"] ** -2, 0.0
    for name in RECORDINGS:
        recording = load_twitches(name)
        for group in recording.groups:
            if not group.fitted:
                continue
            mean = rows[name, group.name].expected
            for count in group.counts:
                total -= 2 * nbinom.logpmf(count, size, size / (size + mean))
            if group.mice:
                n, variance = group.mice, mean + mean**2 / size
                # a sum that is rounded: the law at a number that is not whole differs by a constant factor only
                k, r = n * group.mean, n * size
                log_law = gammaln(k + r) - gammaln(r) + r * np.log(r / (r + n * mean))
                total -= 2 * (log_law + k * np.log(n * mean / (r + n * mean)))
                total += (n - 1) * (np.log(variance) + group.sd**2 / variance)
        for each in recording.landmarks:
            expected = rows[name, each.quantity].expected
            off = np.log(each.value / expected) if each.scale == "log" else each.value - expected
            total += (off / each.sd) ** 2
    return total


def test_squares_are_minus_twice_the_log_likelihood(data, values):
    changes = [
        {},
        {KB: 5.0},
        {EC50: 20.0, "head_twitch.fading": 20.0},
        {"head_twitch.cv_animal": 0.6, "head_twitch.maximum": 4000.0},
        {"head_twitch.exponent": 1.7, "head_twitch.shao2021_baseline": 20.0},
        {"head_twitch.course_window": 0.09, "head_twitch.shao2021_window": 0.03},
    ]
    constants = []
    for change in changes:
        changed = {**values, **change}
        constants.append((data.residuals(changed) ** 2).sum() - minus_twice_log_likelihood(data, changed))
    np.testing.assert_allclose(constants, constants[0], atol=1e-6)


def test_residuals_depend_on_the_free_names_and_on_all_of_them(data, values):
    assert {KB, EC50, "head_twitch.maximum", "head_twitch.fading"} <= set(data.free_names)
    before = data.residuals(values)
    for name in set(data.free_names) - {"psilocybin.mouse_volume"}:  # of the prodrug, which binds nothing
        assert np.abs(data.residuals({**values, name: 1.05 * values[name]}) - before).max() > 1e-5, name
    np.testing.assert_array_equal(data.residuals({name: values[name] for name in data.free_names}), before)


def test_residuals_are_smooth_enough_for_finite_differences(data, values):
    for name in (KB, EC50, "head_twitch.exponent", "head_twitch.fading"):
        slopes = [
            (data.residuals({**values, name: values[name] * (1 + h)}) - data.residuals(values)) / h
            for h in (1e-5, 1e-6)
        ]
        np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-2, atol=1e-3)


def test_means_agree_with_the_assay(data, values):
    rows = {(row.recording, row.what): row.expected for row in data.expected(values)}
    hour = values["head_twitch.aboharb2025_window"] * 24
    plan = load("psilocybin-mouse")
    assert assays.expected_head_twitches(plan, [0.0, hour])[0] == pytest.approx(
        rows["aboharb2025", "psilocybin"], rel=2e-3
    )
    assert rows["aboharb2025", "saline"] == values["head_twitch.baseline"] * values["head_twitch.aboharb2025_window"]


def test_median_effective_dose_is_that_of_the_assay(data, values):
    window = values["head_twitch.glatfelter2022_window"] * 24
    baseline = assays.expected_head_twitches("saline-mouse", [0.0, window])[0]

    def number(dose):
        return assays.expected_head_twitches(assays.at_dose("psilocybin-mouse", dose), [0.0, window])[0] - baseline

    exact = brentq(lambda dose: number(dose) - 0.5 * number(1.0), 0.01, 1.0, rtol=1e-4)
    row = next(row for row in data.expected(values) if row.what == "median_effective_dose")
    assert row.expected == pytest.approx(exact, rel=5e-3)


def test_abolished_twitches_speak_for_a_strong_block(data, values):
    costs = [(data.residuals({**values, KB: kb}) ** 2).sum() for kb in (0.02, 0.2, 2.0, 20.0)]
    assert np.all(np.diff(costs) > 0)
    assert costs[2] - costs[0] > 6


def test_only_ratios_of_concentrations_are_told(data, values):
    """Three times the free ketanserin with three times the K_B, and likewise psilocin, change nothing."""
    scaled = {**values, KB: 3.0 * values[KB], EC50: 2.0 * values[EC50]}
    scaled["psilocin.mouse_kp_uu"] *= 2.0
    scaled["ketanserin.mouse_fraction_unbound"] *= 3.0
    np.testing.assert_allclose(data.residuals(scaled), data.residuals(values), rtol=1e-9, atol=1e-9)
    assert np.abs(data.residuals({**scaled, "psilocin.mouse_kp_uu": values["psilocin.mouse_kp_uu"]})).max() > 1e-3


def test_a_dose_below_the_ladder_is_found(data, values):
    """Very potent: all doses of the ladder saturate, and the dose still falls in proportion to the EC50."""
    doses = []
    for ec50 in (1e-4, 1e-5):
        rows = data.expected({**values, EC50: ec50})
        doses.append(next(row.expected for row in rows if row.what == "median_effective_dose"))
    assert 0 < doses[1] < doses[0] < 1e-3


# -- profiles --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parameters():
    return default_parameters()


def test_the_profile_bounds_the_block_from_one_side(data, parameters):
    free = ["head_twitch.maximum", "head_twitch.shao2021_scale", "head_twitch.fading"]
    found = twitch_profile(data, parameters, KB, [0.02, 0.2, 0.5, 2.0, 20.0], free)
    assert found.excess[0] == 0
    assert np.all(np.diff(found.excess) > 0)
    low, high = found.interval()
    assert low == pytest.approx(0.02)
    assert 0.2 < high < 2.0


def test_a_fit_of_nothing_is_the_cost_itself(data, parameters):
    same, cost = fit_twitches(data, parameters, [])
    assert same is parameters
    assert cost == pytest.approx((data.residuals(parameters.as_floats()) ** 2).sum())


def test_a_profile_that_cannot_be_is_refused(data, parameters):
    with pytest.raises(FitError, match="rising values above 0"):
        twitch_profile(data, parameters, KB, [2.0, 1.0])
    with pytest.raises(FitError, match=r"do not depend on cascade\.tau_bdnf"):
        twitch_profile(data, parameters, "cascade.tau_bdnf", [1.0, 2.0])


def test_without_fading_half_time_and_median_dose_contradict_each_other(data, parameters):
    """Why the rate fades: a power of the agonism alone leaves one of both out."""
    free = ["head_twitch.maximum", "head_twitch.shao2021_scale", "head_twitch.exponent", EC50]
    held = parameters.replace({KB: 0.2, "head_twitch.fading": 0.01})
    _, without = fit_twitches(data, held, free)
    _, with_fading = fit_twitches(data, held, [*free, "head_twitch.fading"], start=None)
    assert without - with_fading > 6
