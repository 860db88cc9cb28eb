"""Plans of studies: effects, moments, power, days, costs, and the choice among them."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import synmodel
from synmodel.analysis.planning import Aim, Costs, Limits, StatedEffect, best_days, design, simulated
from synmodel.analysis.planning.analysis import checked_power, mixed_rejects
from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.assumptions import cost_assumptions, spreads_of
from synmodel.analysis.planning.effects import parse_effect, stated_drive
from synmodel.analysis.planning.information import information_of
from synmodel.analysis.planning.likelihood import likelihood_ratios
from synmodel.analysis.planning.options import DaySet, Option
from synmodel.analysis.planning.outcome import DendriteOutcome, outcome_weights
from synmodel.analysis.planning.power import contrast_of, fewest_mice, welch_power
from synmodel.analysis.planning.readings import arms_to_try, divergence, separate
from synmodel.core.errors import DesignError, SynmodelError
from synmodel.inference.summaries.joint import load_posterior
from synmodel.scenario import load
from synmodel.simulation import drive_of, expectation, simulate
from synmodel.turnover.simulator import thread_count

pytestmark = pytest.mark.heavy

DAYS = (-3.0, -1.0, 1.0, 3.0, 7.0)
SPREAD = {"shao2021.formation_cv_animal": 0.3, "shao2021.formation_cv_dendrite": 0.2}


def arms(*effects, **how):
    plans = [load(name).updated(parameters=SPREAD) for name in ("psilocybin-mouse", "saline-mouse")]
    return Arms(*plans, tuple(parse_effect(each, **how) for each in effects))


# -- effects ---------------------------------------------------------------------------------------------------


@given(st.floats(0.1, 5.0), st.floats(0.5, 20.0), st.floats(0.5, 20.0))
def test_cells_hold_the_average_of_a_stated_effect(fold, lasts, decay):
    effect = StatedEffect("formation", 1.0 + fold, lasts, decay)
    edges = np.array([-2.0, -0.5, 0.3, 4.0, 25.0])
    fine = np.linspace(edges[:-1], edges[1:], 20_001)
    curve = np.where((fine > 0) & (fine < lasts), fold * np.exp(-np.maximum(fine, 0.0) / decay), 0.0)
    assert effect.averages(edges) == pytest.approx(1.0 + curve.mean(axis=0), abs=5e-3 * fold)


def test_a_stated_effect_multiplies_the_drive_of_the_control():
    control = drive_of(load("ketamine-mouse-single"))
    drive = stated_drive(control, [StatedEffect("elimination", 0.5, lasts=3.0)], 34.0)
    for name in control.data_vars:
        was = control[name].interp(time=drive["time"], method="zero", kwargs={"fill_value": "extrapolate"})
        factor = (drive[name] / was).where(drive["time"] > 0, drop=True)
        inside = factor["time"] < 2.9
        assert factor[inside].values == pytest.approx(0.5 if name == "elimination" else 1.0)
        assert factor[factor["time"] > 3.1].values == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("formation", "write it as formation=1.3"),
        ("formation=much", "write it as formation=1.3"),
        ("formation=nan", "write it as formation=1.3"),
        ("formation=0", "a fold of the rate is 0.01 to 100"),
        ("formation=-1", "a fold of the rate is 0.01 to 100"),
        ("formation=1.0", "no study finds an effect that is none"),
        ("formaton=1.3", "did you mean 'formation'"),
    ],
)
def test_effects_that_cannot_be(text, says):
    with pytest.raises(DesignError, match=says):
        Aim(text)


# -- moments and power -------------------------------------------------------------------------------------------


def test_means_are_those_of_the_exact_expectation():
    both = arms()
    for plan, course in zip(both.planned(DAYS, 6, 13), both.courses(DAYS), strict=True):
        exact = expectation(plan)
        mean = course.moments(DAYS).mean
        assert mean == pytest.approx(np.concatenate([exact.formation, exact.elimination]), rel=1e-5)


def test_sessions_among_candidates_are_those_sessions_alone():
    both = arms("formation=2", lasts=7.0)
    alone, among = (both.courses(days)[0].moments(DAYS) for days in (DAYS, sorted({*DAYS, -7.0, 0.5, 2.0, 14.0})))
    assert among.mean == pytest.approx(alone.mean, rel=1e-9)
    assert among.within == pytest.approx(alone.within, rel=1e-6)


def test_mice_that_are_alike_do_not_vary_but_by_their_dendrites():
    plans = [
        load(name).updated(parameters={"shao2021.formation_cv_animal": 0.0, "shao2021.formation_cv_dendrite": 0.0})
        for name in ("psilocybin-mouse", "saline-mouse")
    ]
    moments = Arms(*plans).courses(DAYS)[1].moments(DAYS)
    assert np.abs(moments.between).max() < 1e-15
    assert moments.of_mouse(10) == pytest.approx(moments.within / 10)
    assert np.linalg.eigvalsh(moments.within).min() > 0


@given(st.floats(0.2, 3.0), st.floats(0.5, 2.0), st.integers(3, 40))
def test_power_rises_with_mice_and_with_the_effect(difference, ratio, mice):
    variances = np.array([1.0]), np.array([ratio])
    power = welch_power(np.array([difference]), variances, mice)
    assert 0.0 < power < 1.0 + 1e-12
    assert welch_power(np.array([difference]), variances, mice + 1) >= power - 1e-9
    assert welch_power(np.array([1.1 * difference]), variances, mice) >= power - 1e-9
    assert welch_power(-np.array([difference]), variances, mice) == pytest.approx(power)
    assert welch_power(np.array([difference]), variances, mice, wald=True) > power - 1e-9


def test_without_an_effect_power_is_the_level():
    for mice in (3, 5, 20):
        alike = welch_power(np.zeros(1), (np.ones(1), np.ones(1)), mice)[0]
        assert 0.035 < alike < 0.0505  # Welch's t holds its level, and falls short of it with few mice


def test_fewest_mice_are_the_fewest():
    contrast = contrast_of(
        [arms("formation=2", lasts=7.0)], DAYS, DAYS, DendriteOutcome("formation", "level", 0.0, 7.0)
    )
    mice = fewest_mice(lambda n: contrast.power(n, 13), 0.8, 60)
    assert contrast.power(mice, 13) >= 0.8 > contrast.power(mice - 1, 13)
    assert fewest_mice(lambda n: contrast.power(n, 13), 0.8, mice - 1) is None


def test_outcomes_weigh_intervals():
    assert outcome_weights(DAYS, 0.0, 7.0, "level") == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    assert outcome_weights(DAYS, 0.0, 3.0, "change") == pytest.approx([-1, 1 / 2, 1 / 2, 0])
    with pytest.raises(DesignError, match="no interval before the dose"):
        outcome_weights(DAYS[1:], 0.0, 7.0, "change")
    with pytest.raises(DesignError, match="ends after day 0 and by day"):
        outcome_weights(DAYS, 0.0, 0.5, "level")


# -- days ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effects", [("formation=2",), ()])
def test_exchange_finds_the_best_of_all_days(effects):
    pool, n = (-7.0, -3.0, -1.0, 1.0, 2.0, 4.0, 7.0, 14.0, 34.0), 5
    both = arms(*effects, **({"decay": 4.0} if effects else {}))
    information = information_of(both, None if effects else load_posterior(), pool, mice=6, dendrites=13, seed=1)

    def allowed(days):
        return sum(day <= 0 for day in days) >= 2

    days, value = best_days(information.criterion, pool, n, allowed=allowed)
    every = {days: information.criterion(days) for days in itertools.combinations(pool, n) if allowed(days)}
    assert value == pytest.approx(min(every.values()), rel=1e-3)
    assert days in every


def test_more_sessions_tell_more_and_the_prior_is_an_upper_end():
    information = information_of(arms("formation=2", decay=3.0), None, DAYS, mice=6, dendrites=13, seed=1)
    assert np.all(information.sd(DAYS) < information.sd(DAYS[:-1]))
    assert np.all(information.sd(DAYS[:-1]) < information.prior_sd)


def test_days_that_cannot_be_chosen():
    with pytest.raises(DesignError, match="no 4 of the 3 candidate"):
        best_days(lambda _: 0.0, [1, 2, 3], 4)
    with pytest.raises(DesignError, match="of the days 1 are before the dose"):
        Limits(candidate_days=(-1.0, 1.0, 2.0)).pool(0.0)
    with pytest.raises(DesignError, match="day nan is among the days"):
        Limits(candidate_days=(-1.0, -2.0, math.nan)).pool(0.0)


# -- what may be asked for -----------------------------------------------------------------------------------------


def test_a_bill_adds_up():
    bill = Costs(cost_per_mouse=100, cost_per_hour=10, hours_per_session=1, hours_per_dendrite=0.5).bill(3, 4, 5)
    assert bill.hours == 2 * 3 * 5 * (1 + 4 * 0.5)
    assert bill.cost == 2 * 3 * 100 + 10 * bill.hours
    assert Costs(cost_per_mouse=1).complete.given == cost_assumptions() | {"cost_per_mouse": 1}
    with pytest.raises(DesignError, match="--cost-per-hour is -1"):
        Costs(cost_per_hour=-1)


def test_spreads_are_those_of_the_fit_of_dendrites():
    import json
    from pathlib import Path

    table = Path(synmodel.__file__).parents[1] / "docs" / "results" / "all_dendrites.json"
    if not table.is_file():
        pytest.skip("the documentation is not beside the package")
    fitted = json.loads(table.read_text())["mechanism"]["parameters"]
    for study in ("shao2021", "phoumthipphavong2016", "shaoliao2025_pt", "shaoliao2025_ko"):
        for level, key in (("mouse", "animal"), ("dendrite", "dendrite")):
            ours, theirs = spreads_of(study)[level], fitted[f"{study}.formation_cv_{key}"]
            assert ours.value == pytest.approx(theirs["estimate"], abs=1e-3)
            assert (ours.low, ours.high) == pytest.approx((theirs["low"], theirs["high"]), abs=1e-3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Aim(power=0.05), "--power is 0.05"),
        (lambda: Aim(power=1.0), "--power is 1"),
        (lambda: Aim(power=math.nan), "--power is nan"),
        (lambda: Aim(analysis="wald"), "--analysis is 'wald'"),
        (lambda: Aim(measure="levels"), "did you mean 'level'"),
        (lambda: Aim(studies=1), "--studies is 1; give 100 to 100000"),
        (lambda: Aim(lasts=3.0), "give --effect as well"),
        (lambda: Aim("formation=2", decay=-1.0), "--decay is -1"),
        (lambda: Aim(("formation=2", "formation=3")), "names formation twice"),
        (lambda: Aim(analysis="likelihood"), "give --effect, such as"),
        (lambda: Limits(sessions=2), "--sessions is 2; give 3 to 12"),
        (lambda: Limits(days=(-1.0, 1.0)), "--days gives 2 days"),
        (lambda: Limits(days=DAYS, sessions=5), "give one of the two"),
        (lambda: Limits(dendrites=(0,)), "--dendrites is"),
        (lambda: Limits(most_mice=1), "--most-mice is 1"),
        (lambda: Limits(budget=0), "--budget is 0"),
        (lambda: Limits(before=0), "--before is 0"),
    ],
)
def test_what_cannot_be_asked_for(make, says):
    with pytest.raises(DesignError, match=says):
        make()


@pytest.mark.parametrize(
    ("scenario", "control", "aim", "limits", "says"),
    [
        ("psilocybin", "saline-mouse", {}, {}, "has no scenario 'psilocybin'"),
        ("psilocybin-mouse", "saline-mouse-2016", {}, {}, "arms of one study share it"),
        ("saline-mouse", "saline-mouse", {}, {}, "gives no drug"),
        ("psilocybin-mouse", "psilocybin-mouse", {}, {}, "give a control without the drug"),
        (
            "psilocybin-mouse",
            "saline-mouse",
            {"effects": "formation=1.05"},
            {"days": DAYS},
            "power 0.8 is not reached with up to 100",
        ),
        (
            "psilocybin-mouse",
            "saline-mouse",
            {"effects": "formation=2"},
            {"days": DAYS, "budget": 10.0},
            "the cheapest study that",
        ),
        (
            "psilocybin-mouse",
            "saline-mouse",
            {"effects": "formation=2"},
            {"before": 7, "candidate_days": range(-8, 8)},
            "too few for 7 before the dose",
        ),
        ("psilocybin-mouse", "saline-mouse", {"effects": "formation=2", "until": 0.5}, {"days": DAYS}, "by day 0.5"),
    ],
)
def test_studies_that_cannot_be_planned(scenario, control, aim, limits, says):
    with pytest.raises(SynmodelError, match=says) as caught:
        design(scenario, control, aim=Aim(**aim, studies=100), limits=Limits(**limits))
    assert "\n" not in str(caught.value)


# -- the plan as a whole -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan():
    return design(
        "psilocybin-mouse",
        "saline-mouse",
        aim=Aim("formation=2", studies=200),
        limits=Limits(days=DAYS, dendrites=(8, 13)),
    )


def test_the_choice_is_the_cheapest_that_reaches_the_power(plan):
    costs = [each.bill.cost for each in plan.grid.reached]
    assert plan.chosen.bill.cost == min(costs)
    assert plan.chosen.power >= 0.8
    assert plan.checked.least.low < plan.chosen.power < plan.checked.least.high
    assert plan.checked.type_1["formation"].low < 0.05 < plan.checked.type_1["formation"].high


def test_a_plan_is_a_scenario_that_runs(plan):
    for own in plan.scenarios():
        seen = simulate(own, replicates=1, seed=1)
        assert seen.sizes["animal"] == plan.chosen.mice
        assert seen.sizes["dendrite"] == plan.chosen.dendrites
        assert tuple(seen["session"].values) == DAYS


def test_mice_that_differ_more_ask_for_more_of_them(plan):
    needed = [mice for _, _, mice in plan.sensitivity]
    assert needed == sorted(needed)
    assert needed[0] <= plan.chosen.mice <= needed[1]


def test_bits_do_not_depend_on_threads_or_blocks(monkeypatch):
    both, outcome = arms("formation=2", lasts=7.0), DendriteOutcome("formation", "level", 0.0, 7.0)
    own, drive = both.planned(DAYS, 3, 4)[0], both.drives(DAYS)[0]

    def values(replicates=(0, 9)):
        return simulated.dendrite_outcomes(own, [outcome], replicates=replicates, seed=5, drive=drive)[0]

    whole = values()
    with thread_count(1):
        assert np.array_equal(values(), whole)
    monkeypatch.setattr(simulated, "_BLOCK_DENDRITES", 24)
    assert np.array_equal(values(), whole)
    assert np.array_equal(values((4, 5)), whole[4:])


def test_power_under_the_posterior_is_the_mean_over_draws():
    draws = [arms().at(each) for each in load_posterior().scenarios(6, 3)]
    outcome = DendriteOutcome("formation", "level", 0.0, 7.0)
    together = contrast_of(draws, DAYS, DAYS, outcome).power(6, 13)
    apart = [contrast_of([each], DAYS, DAYS, outcome).power(6, 13) for each in draws]
    assert together == pytest.approx(np.mean(apart))
    assert max(apart) - min(apart) > 0.05
    option = Option(DaySet(DAYS, ""), "level", 4, 4, together, Costs().bill(4, 4, 5))
    found = checked_power(draws, option, [outcome], "welch", studies=60, seed=1)
    assert found.least.studies == 60
    assert found.least.monte_carlo_error > 0


def test_a_mixed_model_of_balanced_dendrites_is_the_contrast_of_mice():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(8, 2, 6, 8)) + 1.5 * rng.normal(size=(8, 2, 6, 1))
    treated, control = noise[:, 0] + 1.0, noise[:, 1]
    means = [each.mean(axis=2) for each in (treated, control)]
    error = np.sqrt(sum(each.var(axis=1, ddof=1) for each in means) / 6)
    wald = np.abs(means[0].mean(axis=1) - means[1].mean(axis=1)) / error > 1.96
    assert np.array_equal(mixed_rejects(treated, control), wald)


def test_the_likelihood_ratio_finds_a_large_effect_and_is_never_negative():
    both = arms("formation=4", lasts=7.0)
    plans, drives = both.planned(DAYS, 3, 5), both.drives(DAYS)
    seen = [simulate(plans[at], replicates=2, seed=2, first_replicate=10 * at, drive=drives[at]) for at in (0, 1)]
    null = simulate(plans[1], replicates=2, seed=2, first_replicate=20, drive=drives[1])
    with_effect, without = (likelihood_ratios(both, [one, seen[1]], "formation") for one in (seen[0], null))
    assert np.all(without > -1e-3)
    assert np.all(without < with_effect)
    assert with_effect.sum() > 20.0


def test_a_drive_in_place_of_doses_is_used():
    plain = load("saline-mouse").updated(schedule={"sessions": DAYS})
    drive = drive_of(plain)
    same = simulate(plain, replicates=2, seed=1, drive=drive)
    xr.testing.assert_identical(same, simulate(plain, replicates=2, seed=1))
    other = simulate(plain, replicates=2, seed=1, drive=stated_drive(drive, [StatedEffect("formation", 5.0)], 7.0))
    assert other["gained"].sum() > 1.3 * same["gained"].sum()


# -- readings of the mechanism -------------------------------------------------------------------------------------

MEMBRANE, TRKB = "membrane, one cascade, saturating", "TrkB, one cascade, saturating"


@given(st.floats(-3, 3), st.floats(0.2, 5), st.floats(-3, 3), st.floats(0.2, 5))
def test_divergence_of_two_normal_laws(m, s, n, t):
    found = divergence(np.array([m, n]), np.diag([s**2, 1.0]), np.array([n, n]), np.diag([t**2, 1.0]))
    assert found == pytest.approx(math.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5, abs=1e-9)
    assert found >= -1e-12


def test_arms_are_tried_at_several_doses_of_the_drug_alone():
    (name, plan), *_ = arms_to_try(["psilocybin-mouse-ketanserin"], [3.0])
    assert name == "psilocybin-mouse-ketanserin, 3 mg/kg"
    amounts = {dose.compound: dose.amount for dose in plan.regimen.doses}
    before = {dose.compound: dose.amount for dose in load("psilocybin-mouse-ketanserin").regimen.doses}
    assert amounts == {**before, "psilocybin": 3.0}
    assert len(arms_to_try()) == 3 * len({plan.name for _, plan in arms_to_try()})


@pytest.mark.parametrize(
    ("between", "says"),
    [
        ((MEMBRANE, MEMBRANE), "give two readings"),
        ((MEMBRANE, "TrkB"), "reading is 'TrkB'"),
        ((MEMBRANE, "TrkB, one cascade per drug, saturating"), "scenarios follow readings with one cascade"),
    ],
)
def test_readings_that_cannot_be_told_apart(between, says):
    with pytest.raises(SynmodelError, match=says):
        separate(between, arms_to_try(["psilocybin-mouse"]))
    with pytest.raises(DesignError, match="gives no drug"):
        arms_to_try(["saline-mouse"])


@pytest.mark.slow
def test_the_knockout_tells_trkb_from_the_receptor():
    """Without 5-HT2A one reading expects an effect of psilocybin and the other none; in wild-type mice both do."""
    names = ["psilocybin-mouse", "psilocybin-mouse-knockout"]
    best, other = separate((MEMBRANE, TRKB), arms_to_try(names, [1.0]))
    assert best.scenario.name == "psilocybin-mouse-knockout"
    assert best.mean > 3.0 > 1.0 > other.mean
    more = separate((MEMBRANE, TRKB), arms_to_try(names[1:], [1.0]), mice=12)
    assert more[0].mean > best.mean
