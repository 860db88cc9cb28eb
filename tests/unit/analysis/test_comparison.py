"""Contrasts: the expected ones against simulated experiments, and their meaning."""

import numpy as np
import pytest

from synmodel.analysis.comparison import HORIZON_DAY, contrasts, effect_of, paired, study_scenario
from synmodel.analysis.embedded import embedded_arms


@pytest.fixture(scope="module")
def tables(fit):
    return {drug: contrasts(fit, drug, draws=120, seed=1) for drug in embedded_arms()}


@pytest.mark.parametrize("drug", embedded_arms())
def test_simulated_experiments_confirm_the_expected_contrasts(fit, tables, drug):
    """Within 5 standard errors; the drift of densities between dendrites, which the formulas leave out, is small."""
    table, _ = tables[drug]
    simulated = paired(drug, fit.in_library(embedded_arms()[drug].study, drug), replicates=300, seed=5)
    for i, quantity in enumerate(simulated["quantity"].to_numpy()):
        point = simulated.isel(point=i)
        interval = f"day_{float(point['start_day']):g}_to_{float(point['end_day']):g}"
        name = f"{quantity.removesuffix('_fraction')}_gain_{interval}"
        if name in table:
            difference = 100 * float(point["mean"]) - table[name].estimate
            assert abs(difference) < 5 * 100 * float(point["error"]) + 0.15, name
            assert float(point["variance_ratio"]) > 1.5


def test_intervals_hold_their_estimates(tables):
    for drug, (table, curves) in tables.items():
        for name, contrast in table.items():
            if np.isnan(contrast.estimate):
                assert drug == "ketamine"
                assert name.startswith("head_")
                assert "no head widths published" in contrast.note
            else:
                assert contrast.low <= contrast.high, name
                assert contrast.unit
        estimate, low, high = (curves["gain"].sel(bound=bound) for bound in ("estimate", "low", "high"))
        assert (low <= estimate + 1e-9).mean() > 0.95
        assert (estimate <= high + 1e-9).mean() > 0.95


def test_both_drugs_are_compared_in_the_same_terms(tables):
    ketamine, psilocybin = (set(table) for table, _ in tables.values())
    assert ketamine == psilocybin
    for wanted in (
        "formation_gain_day_-1_to_1",
        "extra_spine_days",
        "lasting_fraction",
        "head_width_gain_day_1",
        "density_onset_day",
        "density_duration_day",
    ):
        assert wanted in ketamine


def test_extrapolation_is_said(tables):
    assert "last session of the ketamine arm is day 15" in tables["ketamine"][0]["extra_spines_day_35"].note
    assert "extrapolated" not in tables["psilocybin"][0]["lasting_fraction"].note


def test_an_effect_without_effect_is_zero(fit):
    """With gains at the lower ends of their supports nothing is left of a dose but rounding."""
    vector = fit.vector.copy()
    for key in ("formation_gain", "maturation_gain", "stabilisation_gain", "head_size_gain"):
        at = fit.problem.free.index(f"cascade.{key}")
        vector[at] = fit.problem.lower[at]
    effect = effect_of("psilocybin", fit, vector)
    strong = effect_of("psilocybin", fit)
    assert abs(effect.gain).max() < 1e-3 * abs(strong.gain).max()
    assert (effect.formation_fold - 1).max() < 1e-3 * (strong.formation_fold - 1).max()
    assert effect.lasting == pytest.approx(effect.lasting_control, rel=1e-3)


def test_elimination_falls_and_formation_rises(fit):
    effect = effect_of("psilocybin", fit)
    assert effect.formation_fold.max() > 2
    assert effect.elimination_fold.min() < 0.7
    assert effect.formation_fold[-1] == pytest.approx(1, abs=1e-3)


def test_the_area_is_that_under_the_curve(fit, tables):
    effect = effect_of("psilocybin", fit)
    assert effect.day[0] == 0
    assert effect.day[-1] == HORIZON_DAY
    area = np.trapezoid(effect.gain, effect.day)
    assert tables["psilocybin"][0]["extra_spine_days"].estimate == pytest.approx(area)
    assert "maximum over days" in tables["psilocybin"][0]["peak_extra_spines"].long_name
    assert tables["psilocybin"][0]["peak_extra_spines"].estimate == pytest.approx(100 * effect.gain.max())
    assert effect.gain[0] == pytest.approx(0, abs=1e-9)
    assert effect.gain.max() > 0.05


def test_scenarios_of_the_comparison_are_those_of_the_studies():
    treated, control = (study_scenario("psilocybin", treated=given) for given in (True, False))
    assert treated.regimen.doses[0].compound == "psilocybin"
    assert control.regimen.doses == ()
    assert treated.cohort == control.cohort
    assert treated.drive == "mechanistic"
