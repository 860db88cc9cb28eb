"""Simulated uncaging, blots and PET against their closed forms, each with a companion in which a number is 5 % off."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from level import Z_BOUND, agrees, z_of_mean
from scipy.stats import binom, fisher_exact

from synmodel.core.randomness import stream_key, uniform_array
from synmodel.imaging import pet, power, proteins, subgroups, uncaging, uncaging_design

DRIVE = xr.Dataset({"evoked": ("time", [1.0, 2.4]), "protein": ("time", [1.0, 1.5])}, {"time": [-1.0, 1.0]})
DAYS = np.array([-1.0, 1.0])  # at the ends of a drive its folds are those of the first and the last time


# -- uncaging ------------------------------------------------------------------------------------------------------

ASSAY = uncaging.Uncaging(0.25, cv_animal=0.5, cv_neuron=0.8)
SIZE = {"animals": 3, "neurons": 4, "trials": 5, "replicates": 20_000}


@pytest.fixture(scope="module")
def shares():
    """(replicate, time, animal) share of successes."""
    trials = uncaging.uncage(DRIVE, ASSAY, DAYS, seed=4, **SIZE)
    return trials["success"].mean(("neuron", "trial")).to_numpy()


def z_of_success(shares, assay, neurons=4):
    z = []
    for time, fold in enumerate((1.0, 2.4)):
        mean = uncaging.expected_success(assay, fold)
        variance = uncaging.success_variance(assay, fold, neurons, 5)
        of_mice = shares[:, time].ravel()
        z.append(z_of_mean(of_mice, mean, variance))
        square = (of_mice - mean) ** 2
        z.append((square.mean() - variance) / (square.std() / np.sqrt(len(square))))
    return np.array(z)


def test_success_has_its_mean_and_variance(shares):
    assert uncaging.expected_success(ASSAY, 1.0) == pytest.approx(0.25, rel=1e-9)
    assert agrees(z_of_success(shares, ASSAY))


@pytest.mark.parametrize(
    "planted",
    [{"probability": 0.2625}, {"cv_animal": 0.57}, {"cv_neuron": 0.91}],
    ids=lambda change: next(iter(change)),
)
def test_an_assay_off_is_caught(shares, planted):
    assert not agrees(z_of_success(shares, replace(ASSAY, **planted)))


def test_success_without_variation_is_the_plain_formula():
    plain = uncaging.Uncaging(0.25)
    assert plain.hazard == pytest.approx(-np.log(0.75), rel=1e-10)
    assert uncaging.expected_success(plain, 2.4) == pytest.approx(1 - 0.75**2.4, rel=1e-10)
    p = 1 - 0.75**2.4
    assert uncaging.success_variance(plain, 2.4, 4, 5) == pytest.approx(p * (1 - p) / 20, rel=1e-9)


def test_moments_over_mice_against_integration():
    """Gamma-distributed hazards at both levels, by brute force over quantiles."""
    from synmodel.core.gamma import gamma_quantile

    u = (np.arange(2000) + 0.5) / 2000
    mouse, neuron = gamma_quantile(u, 0.5)[:, None], gamma_quantile(u, 0.8)[None, :]
    p = -np.expm1(-ASSAY.hazard * 2.4 * mouse * neuron)
    assert uncaging.expected_success(ASSAY, 2.4) == pytest.approx(p.mean(), rel=1e-3)
    of_mouse, within = p.mean(axis=1), (p * (1 - p)).mean() / 20 + p.var(axis=1).mean() / 4
    assert uncaging.success_variance(ASSAY, 2.4, 4, 5) == pytest.approx(of_mouse.var() + within, rel=3e-3)


# -- power ---------------------------------------------------------------------------------------------------------


def test_power_of_fishers_test_against_scipy():
    for n in (5, 12):
        k = np.arange(n + 1)
        rejects = np.array([[fisher_exact([[a, n - a], [b, n - b]]).pvalue <= 0.05 for b in k] for a in k])
        by_scipy = (np.outer(binom.pmf(k, n, 0.2), binom.pmf(k, n, 0.7)) * rejects).sum()
        assert power.fisher_power(0.2, 0.7, n) == pytest.approx(by_scipy, abs=1e-10)


def simulated_power(first, second, trials, draws=4000):
    u = uniform_array(stream_key(9, "power"), np.arange(draws)[:, None], np.arange(2))
    a, b = binom.ppf(u[:, 0], trials, first).astype(int), binom.ppf(u[:, 1], trials, second).astype(int)
    seen = {pair: fisher_exact([[pair[0], trials - pair[0]], [pair[1], trials - pair[1]]]).pvalue <= 0.05
            for pair in set(zip(a.tolist(), b.tolist(), strict=True))}  # fmt: skip
    return np.mean([seen[pair] for pair in zip(a.tolist(), b.tolist(), strict=True)]), draws


def test_power_of_independent_trials_against_simulation():
    exact = power.fisher_power(0.25, 0.5, 85)
    share, draws = simulated_power(0.25, 0.5, 85)
    assert abs(share - exact) < Z_BOUND * np.sqrt(exact * (1 - exact) / draws)
    off = power.fisher_power(0.25, 0.45, 85)
    assert abs(share - off) > Z_BOUND * np.sqrt(off * (1 - off) / draws)


def test_trials_for_power_stay_above_it():
    n = power.fisher_trials(0.25, 0.5)
    assert n == 85
    assert power.fisher_power(0.25, 0.5, n - 1) < 0.9
    assert min(power.fisher_power(0.25, 0.5, more) for more in range(n, n + 11)) >= 0.9


def test_welchs_power_of_normal_numbers():
    from scipy.special import ndtri

    draws, animals, effect = 40_000, 6, 1.3
    z = ndtri(uniform_array(stream_key(3, "welch"), np.arange(draws)[:, None, None], np.arange(2)[:, None],
                            np.arange(animals)))  # fmt: skip
    share = power.welch_rejects(z[:, 0], 1.5 * z[:, 1] + effect).mean()
    exact = power.welch_power(effect, (1.0, 2.25), animals)
    # Satterthwaite's degrees of freedom are an approximation: they cost a point of power.
    assert abs(share - exact) < 0.02
    assert abs(share - power.welch_power(1.2 * effect, (1.0, 2.25), animals)) > 0.02
    assert not power.welch_rejects(np.ones((1, 4)), np.ones((1, 4)))[0]
    assert power.welch_rejects(np.ones((1, 4)), np.zeros((1, 4)))[0]


# -- blots ---------------------------------------------------------------------------------------------------------

BLOTTING = proteins.Blotting((("PSD-95", 1.0), ("GluA1", 0.4)), cv_animal=0.2, cv_replicate=0.3)


@pytest.fixture(scope="module")
def blots():
    return proteins.blot(DRIVE, BLOTTING, [1.0], animals=4, blots=3, replicates=40_000, seed=5)


def z_of_blots(blots, assay, drive=DRIVE):
    folds = proteins.expected_folds(drive, assay, [1.0])[0]
    of_animals = blots["signal"].mean("blot").to_numpy()[:, 0]
    z = []
    for protein, fold in enumerate(folds):
        signal = of_animals[..., protein].ravel()
        variance = fold**2 * assay.relative_variance(3)
        z.append(z_of_mean(signal, fold, variance))
        square = (signal - fold) ** 2
        z.append((square.mean() - variance) / (square.std() / np.sqrt(len(square))))
    return np.array(z)


def test_blots_have_their_mean_and_variance(blots):
    np.testing.assert_allclose(proteins.expected_folds(DRIVE, BLOTTING, [1.0]), [[1.5, 1.2]])
    assert agrees(z_of_blots(blots, BLOTTING))


def test_blots_off_are_caught(blots):
    off = (("PSD-95", 1.05), ("GluA1", 0.42))
    assert not agrees(z_of_blots(blots, replace(BLOTTING, gains=off)))
    assert not agrees(z_of_blots(blots, replace(BLOTTING, cv_animal=0.21)))
    assert not agrees(z_of_blots(blots, replace(BLOTTING, cv_replicate=0.315)))


def test_blots_of_one_animal_share_its_level(blots):
    """Covariance of two blots of one animal: fold^2 cv_animal^2; of two proteins: none."""
    signal = blots["signal"].to_numpy()[:, 0]
    first, second = signal[..., 0, 0].ravel(), signal[..., 1, 0].ravel()
    product = (first - 1.5) * (second - 1.5)
    error = product.std() / np.sqrt(len(product))
    assert abs(product.mean() - 1.5**2 * 0.2**2) < Z_BOUND * error
    other = (first - 1.5) * (signal[..., 0, 1].ravel() - 1.2)
    assert abs(other.mean()) < Z_BOUND * other.std() / np.sqrt(len(other))


def test_fold_change_is_found_and_its_interval_covers(blots):
    control = proteins.blot(DRIVE, BLOTTING, [-1.0], animals=4, blots=3, replicates=40_000, seed=5, arm="control")
    control = control.assign_coords(time=blots["time"])
    found = proteins.fold_change(blots, control)
    ratio = np.log(found["fold"].to_numpy())
    assert abs(ratio[..., 0].mean() - np.log(1.5)) < Z_BOUND * ratio[..., 0].std() / np.sqrt(len(ratio))
    covered = ((found["low"] < 1.5) & (found["high"] > 1.5)).isel(protein=0).mean()
    assert 0.945 < float(covered) < 0.965  # Welch is a little conservative with four animals in each arm


# -- PET -----------------------------------------------------------------------------------------------------------

SCANNER = pet.Scanner(20.0, 0.15, 0.15, 0.085, 0.7)
SUBJECTS, LOWEST = 20, 10


@pytest.fixture(scope="module")
def retest():
    return pet.scan(SCANNER, [-1.0, 1.0], subjects=SUBJECTS, replicates=20_000, seed=6)["volume"].to_numpy()[..., 0]


def z_of_retest(volume, scanner):
    first, second = (volume[:, :, scan] / 20.0 - 1 for scan in (0, 1))
    change = second - first
    wanted = {
        "variance": (first**2, scanner.measured_cv**2),
        "covariance": (first * second, scanner.reliability * scanner.measured_cv**2),
        "change": (change**2, scanner.retest_sd**2),
    }
    return np.array([(a.mean() - b) / (a.std() / np.sqrt(a.size)) for a, b in wanted.values()])


def test_scans_have_their_covariance(retest):
    assert agrees(z_of_retest(retest, SCANNER))


@pytest.mark.parametrize("planted", [{"spread_cv": 0.1575}, {"retest_sd": 0.08925}], ids=lambda x: next(iter(x)))
def test_a_scanner_off_is_caught(retest, planted):
    assert not agrees(z_of_retest(retest, replace(SCANNER, **planted)))


def null_findings(volume, scanner=SCANNER):
    baseline = volume[:, :, :1]
    change = (volume[:, :, 1:] - baseline) / scanner.volume
    nothing = subgroups.improvements(
        np.zeros(change.shape[:2]), coupling=0.5, outcomes=1, outcome_correlation=0.0, seed=8
    )
    return subgroups.posthoc_finding(baseline, change, nothing, lowest=[LOWEST]), baseline, change


def test_regression_to_the_mean_is_the_closed_form(retest):
    found, _, _ = null_findings(retest)
    rise = found["mean_change"].to_numpy().ravel()
    exact = pet.expected_rise(SCANNER, SUBJECTS, LOWEST)
    error = rise.std() / np.sqrt(len(rise))
    assert abs(rise.mean() - exact) < Z_BOUND * error
    # The limit of many subjects, (1 - rho) s phi(0) / (1/2), is 4 % off for twenty.
    many = (1 - SCANNER.reliability) * SCANNER.measured_cv * 2 / np.sqrt(2 * np.pi)
    assert pet.expected_rise(SCANNER, 20_000, 10_000) == pytest.approx(many, rel=1e-3)
    assert many > 1.03 * exact
    off = pet.expected_rise(replace(SCANNER, retest_sd=1.05 * 0.085), SUBJECTS, LOWEST)
    assert abs(rise.mean() - off) > Z_BOUND * error


def test_correlation_of_baseline_and_change_has_its_exact_power(retest):
    """Change falls with the baseline by regression alone: r = -sqrt((1 - rho) / 2)."""
    _, baseline, change = null_findings(retest)
    a = baseline[..., 0] - baseline[..., 0].mean(axis=1, keepdims=True)
    b = -(change[..., 0] - change[..., 0].mean(axis=1, keepdims=True))
    r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    truth = np.sqrt((1 - SCANNER.reliability) / 2)
    share = (r > subgroups._critical_correlation(SUBJECTS, 0.025)).mean()
    exact = subgroups.correlation_power(truth, SUBJECTS)
    assert abs(share - exact) < Z_BOUND * np.sqrt(exact * (1 - exact) / len(r))
    off = subgroups.correlation_power(1.2 * truth, SUBJECTS)
    assert abs(share - off) > Z_BOUND * np.sqrt(exact * (1 - exact) / len(r))
    assert subgroups.correlation_power(0.0, SUBJECTS) == pytest.approx(0.025, rel=1e-9)


def test_a_second_baseline_takes_regression_out():
    volume = pet.scan(SCANNER, [-8.0, -1.0, 1.0], subjects=SUBJECTS, replicates=20_000, seed=7)["volume"].to_numpy()
    change = (volume[:, :, 2] - volume[:, :, 1]) / SCANNER.volume
    nothing = subgroups.improvements(
        np.zeros(change.shape[:2]), coupling=0.0, outcomes=1, outcome_correlation=0.0, seed=8
    )
    found = subgroups.posthoc_finding(volume[:, :, 0], change, nothing, lowest=[LOWEST])
    for name in ("rises", "correlates"):
        share = float(found[name].mean())
        assert abs(share - 0.025) < Z_BOUND * np.sqrt(0.025 * 0.975 / 20_000), name
    # Both at once: the tests use independent parts of normal numbers.
    assert float(found["found"].mean()) == pytest.approx(0.025**2, abs=Z_BOUND * 0.025 / np.sqrt(20_000))


def test_a_rise_has_the_power_of_students_t():
    volume = pet.scan(SCANNER, [-8.0, -1.0, 1.0], fold=[1, 1, 1.06], subjects=SUBJECTS, replicates=8000, seed=7)
    change = (volume["volume"][:, :, 2] - volume["volume"][:, :, 1]).to_numpy()
    t = change.mean(axis=(1, 2)) / (change[..., 0].std(axis=1, ddof=1) / np.sqrt(SUBJECTS))
    from scipy.special import stdtrit

    share = (t > stdtrit(SUBJECTS - 1, 0.975)).mean()
    # A fold multiplies a density that varies, so the change varies a little more than two scans do.
    sd = np.hypot(SCANNER.retest_sd, 0.06 * SCANNER.spread_cv)
    exact = subgroups.mean_power(0.06 * 0.85 / sd, SUBJECTS)
    assert abs(share - exact) < Z_BOUND * np.sqrt(exact * (1 - exact) / 8000)
    off = subgroups.mean_power(0.07 * 0.85 / sd, SUBJECTS)
    assert abs(share - off) > Z_BOUND * np.sqrt(exact * (1 - exact) / 8000)


def test_regions_and_outcomes_correlate_as_asked():
    scans = pet.scan(SCANNER, [-1.0, 1.0], subjects=5, regions=3, replicates=8000, seed=3)
    true = scans["true_volume"].to_numpy()[:, :, 0].reshape(-1, 3) / 20 - 1
    error = (scans["volume"] - scans["true_volume"]).to_numpy()[:, :, 0].reshape(-1, 3)
    for numbers in (true, error):
        r = np.corrcoef(numbers.T)[np.triu_indices(3, 1)]
        assert np.abs(np.arctanh(r) - np.arctanh(0.7)).max() < Z_BOUND / np.sqrt(len(numbers) / 5)
    rescued = pet.scan(SCANNER, [-1.0, 1.0], rescue=[0, 0.5], subjects=40, replicates=400, seed=3)
    true = rescued["true_volume"].to_numpy()[..., 0]
    deficit = np.maximum(0.0, 20.0 - true[:, :, 0])
    np.testing.assert_allclose(true[:, :, 1] - true[:, :, 0], 0.5 * deficit, atol=1e-9)
    change = true[:, :, 1] - true[:, :, 0]
    better = subgroups.improvements(change, coupling=0.6, outcomes=2, outcome_correlation=0.5, seed=2)
    standard = (change - change.mean(axis=1, keepdims=True)) / change.std(axis=1, keepdims=True)
    assert (standard[..., None] * better).mean() == pytest.approx(0.6, abs=0.03)


# -- designs -------------------------------------------------------------------------------------------------------


def test_designs_agree_with_their_closed_forms():
    draws = {"replicates": 4000, "seed": 11}
    error = Z_BOUND * np.sqrt(0.25 / 4000)
    alone = uncaging_design.independent_power((0.25, 0.5), [40, 85], **draws)
    assert np.abs(alone["simulated"] - alone["exact"]).max() < error
    assert np.abs(alone["simulated"] - [power.fisher_power(0.25, 0.42, n) for n in (40, 85)]).max() > error
    assay = uncaging.Uncaging(0.25, 0.2, 0.4)
    nested = uncaging_design.nested_power(assay, (0.25, 0.5), [7, 10], neurons=4, trials=5, **draws)
    assert nested["trials"].to_numpy().tolist() == [140, 200]
    # Shares of 20 trials are not quite normal: three points of power.
    assert np.abs(nested["simulated"] - nested["exact"]).max() < 0.03
    np.testing.assert_allclose(
        uncaging.expected_success(assay, uncaging_design.folds_for(assay, (0.1, 0.5))), (0.1, 0.5)
    )
    size = {"animals": 6, "neurons": 4, "trials": 5}
    pooled = uncaging_design.pooled_rejections(uncaging.Uncaging(0.25), (0.25, 0.25), **size, **draws)
    assert abs(pooled - power.fisher_power(0.25, 0.25, 120)) < error
    assert uncaging_design.pooled_rejections(ASSAY, (0.25, 0.25), **size, **draws) > 0.09, "mice that differ"


def test_monte_carlo_intervals():
    """Wilson's interval by its defining equation, and the interval of a mean."""
    hits = np.arange(200) < 13
    share, low, high = power.share_interval(hits)
    assert share == 0.065
    for end in (low, high):
        assert abs(share - end) / np.sqrt(end * (1 - end) / 200) == pytest.approx(1.959964, rel=1e-5)
    assert power.share_interval(np.zeros(50, bool))[:2] == (0.0, 0.0)
    assert 0 < power.share_interval(np.zeros(50, bool))[2] < 0.08
    mean, low, high = power.mean_interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, high - mean) == pytest.approx((2.0, 1.959964 / np.sqrt(3)), rel=1e-5)
    assert high - mean == pytest.approx(mean - low)
