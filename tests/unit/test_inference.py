"""The fit of the embedded summaries: what it reaches, what it says, and the pieces it is made of."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from synmodel.data.summaries import FITTED
from synmodel.errors import FitError
from synmodel.inference import SummaryProblem, free_parameters
from synmodel.inference.covariance import residual_correlation
from synmodel.inference.summary_fit import fit_problem
from synmodel.inference.targets import arm_targets
from synmodel.inference.variants import fit_mechanism, fit_variants
from synmodel.inference.verdicts import _blocks, judge, profile
from synmodel.parameters import default_parameters

KETAMINE, PSILOCYBIN = "phoumthipphavong2016", "shao2021"


def test_the_fit_describes_both_studies(fit):
    for study, most in ((PSILOCYBIN, 1.3), (KETAMINE, 1.6)):
        total, n = fit.chi2(study)
        assert total / n <= most
        assert fit.problem.n_parameters(study) < n / 3
    assert fit.chi2(PSILOCYBIN)[1] == 66
    assert fit.chi2(KETAMINE)[1] == 36
    assert fit.found >= 2, "several starts end in one minimum"


def test_every_arm_and_quantity_is_described(fit):
    """No arm hides a misfit behind the others: none is beyond chance at 0.1 % with SEM over dendrites."""
    residuals = fit.problem.residuals(fit.vector, with_prior=False)
    for target, quantity, where in fit.problem.layout():
        if quantity in FITTED:
            means = next(m for m in target.turnover if m.quantity == quantity)
            scaled = residuals[where] * means.sem("mouse") / means.sem("dendrite")
            chance = chi2.sf(np.sum(scaled**2), len(scaled))
            assert chance > 1e-3, (target.study.name, target.arm.name, quantity)


def test_estimates_are_those_of_the_library(fit):
    """The defaults of scenarios are this fit's estimates; tests/golden/adopt_fit.py writes them."""
    library = default_parameters()
    error = np.sqrt(np.diag(fit.covariance))
    for i, name in enumerate(fit.problem.free):
        shift = library[name].to_coordinate(library.value(name)) - fit.vector[i]
        assert abs(shift) < 0.05 * error[i], name


def test_drugs_raise_births(fit):
    for drug in ("ketamine", "psilocybin"):
        i = fit.problem.free.index(f"{drug}.formation_fold")
        assert fit.vector[i] - 1.96 * np.sqrt(fit.covariance[i, i]) > 0


def test_the_covariance_of_means_widens_intervals(fit):
    ratio = np.diag(fit.covariance) / np.diag(fit.naive_covariance)
    assert ratio.max() > 1.3
    assert ratio.min() > 0.9
    assert np.allclose(fit.covariance, fit.covariance.T)
    correlation = residual_correlation(fit.problem, fit.vector)
    assert np.allclose(np.diag(correlation), 1)
    assert np.linalg.eigvalsh(correlation).min() > -1e-8


def test_draws_stay_in_their_supports(fit):
    draws = fit.draws(500, seed=3)
    assert ((draws >= fit.problem.lower) & (draws <= fit.problem.upper)).all()
    assert np.array_equal(draws[:20], fit.draws(20, seed=3))
    identified = [fit.problem.free.index(name) for name in ("psilocybin.head_fold", "psilocybin.formation_fold")]
    errors = np.sqrt(np.diag(fit.covariance)[identified])
    # Independent draws would be off by 1/sqrt(500) errors in the mean, and by 1/sqrt(1000) in the standard deviation.
    assert (abs(draws[:, identified].mean(axis=0) - fit.vector[identified]) < 0.2 * errors / np.sqrt(500)).all()
    np.testing.assert_allclose(draws[:, identified].std(axis=0), errors, rtol=0.5 / np.sqrt(1000))


def test_draws_follow_the_covariance_whatever_the_signs_of_its_eigenvectors(fit, monkeypatch):
    """LAPACK may turn any of them round; the draws of a fit are the same all the same."""
    before, eigh = fit.draws(16, seed=3), np.linalg.eigh

    def turned(matrix):
        values, vectors = eigh(matrix)
        return values, vectors * np.where(np.arange(len(values)) % 2, 1.0, -1.0)

    monkeypatch.setattr(np.linalg, "eigh", turned)
    np.testing.assert_allclose(fit.draws(16, seed=3), before, rtol=1e-9)


def test_the_unit_of_replication_changes_certainty_more_than_estimates(fit):
    problem = SummaryProblem(fit.parameters, fit.problem.free, unit="dendrite")
    by_dendrite = fit_problem(problem, seed=1, starts=1)
    error = np.sqrt(np.diag(fit.covariance))
    assert np.abs(by_dendrite.vector - fit.vector).max() < 1.5 * error.max()
    assert np.median(np.diag(by_dendrite.covariance) / np.diag(fit.covariance)) < 0.9
    with pytest.raises(FitError, match="unit is 'mice'; the unit of replication is 'mouse' or 'dendrite'"):
        SummaryProblem(fit.parameters, fit.problem.free, unit="mice")


def test_free_parameters_follow_the_studies():
    parameters = default_parameters()
    only = free_parameters(parameters, [KETAMINE])
    assert all(name.startswith((KETAMINE, "ketamine")) for name in only)
    assert "ketamine.head_fold" not in only, "no head widths of ketamine were published"
    assert "psilocybin.head_fold" in free_parameters(parameters, [PSILOCYBIN])


def test_studies_that_share_nothing_are_blocks(fit):
    blocks = fit.problem.blocks()
    assert [studies for studies, _ in blocks] == [[KETAMINE], [PSILOCYBIN]]
    assert sorted(name for _, names in blocks for name in names) == sorted(fit.problem.free)
    whole = fit.problem.residuals(fit.vector)
    parts = [block.problem.residuals(block.vector) for block in _blocks(fit)]
    assert np.sum(whole**2) == pytest.approx(sum(np.sum(part**2) for part in parts))


def test_layout_covers_all_residuals(fit):
    data = fit.problem.residuals(fit.vector, with_prior=False)
    covered = np.concatenate([np.arange(where.start, where.stop) for _, _, where in fit.problem.layout()])
    assert np.array_equal(np.sort(covered), np.arange(len(data)))
    assert len(fit.problem.residuals(fit.vector)) == len(data) + len(fit.problem.prior_residuals(fit.vector))


def test_impossible_dendrites_are_far_away(fit):
    vector = fit.vector.copy()
    vector[fit.problem.free.index("shao2021.formation")] = np.log(3.0)
    residuals = fit.problem.residuals(vector, with_prior=False)
    assert (residuals == 100).all()


def test_density_between_sessions_passes_through_the_sessions(fit):
    target = next(t for t in fit.problem.arms if t.arm.name == "psilocybin")
    days = np.array([-1.0, 0.3, 1.0, 2.2, 3.0, 5.0, 7.0, 20.0, 34.0])
    dense = fit.problem.density_change(target, fit.values, days)
    expected = fit.problem.predict(fit.values)[PSILOCYBIN, "psilocybin"].expected.density_change
    np.testing.assert_allclose(dense[np.isin(days, target.sessions)], expected, atol=3e-4)


def test_halving_the_grid_of_the_fit_moves_nothing(fit, monkeypatch):
    """By more than 0.1 % of the spines."""
    from synmodel.inference import problem as module

    coarse = fit.problem.predict(fit.values)
    for name, value in (("FIRST_STEP_DAY", 0.025), ("PER_DECADE", 20), ("LARGEST_STEP_DAY", 0.25)):
        monkeypatch.setattr(module, name, value)
    fine = SummaryProblem(fit.parameters, fit.problem.free).predict(fit.values)
    for where, prediction in coarse.items():
        for ours, theirs in zip(prediction.expected, fine[where].expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=5e-4)


def test_persistence_is_a_probability_of_what_was_counted():
    target = arm_targets(PSILOCYBIN, "psilocybin")
    assert target.persistence.present.tolist() == [32, 30, 25, 18]
    assert target.persistence.new.tolist() == [53] * 4
    assert arm_targets(PSILOCYBIN, "ketanserin+saline").persistence is None


def test_readings_of_the_same_data(fit):
    changes = {each.variant.name: each.change for each in fit_variants(fit, seed=1)}
    assert changes["births only"] < 9, "no effect beyond births is needed"
    assert changes["no effect on births"] > 4
    assert changes["no effect of ketamine on births"] > 8
    assert changes["no effect of psilocybin on births"] < 1, "other effects can take the place of births"
    assert changes["no scoring flips"] > 15
    assert changes["first session in balance"] > 15
    assert changes["ketanserin blocks all"] > 100
    assert abs(changes["ketanserin blocks some"]) < 0.5
    assert changes["short-lived spines, no scoring flips"] < changes["no scoring flips"]


def test_readings_of_one_study_are_each_fitted_once(fit, monkeypatch):
    """For one drug "no effect on births" and "no effect of this drug on births" are one reading."""
    free = free_parameters(fit.parameters, [KETAMINE])
    index = [fit.problem.free.index(name) for name in free]
    alone = replace(
        fit, problem=fit.problem.altered(fit.parameters, free, studies=[KETAMINE]), vector=fit.vector[index]
    )
    monkeypatch.setattr("synmodel.inference.variants.fit_problem", lambda *_, **__: alone)
    names = [each.variant.name for each in fit_variants(alone, seed=1)]
    assert names == [
        "births only",
        "no effect on births",
        "no scoring flips",
        "short-lived spines, no scoring flips",
        "first session in balance",
    ]


def test_mechanisms(fit):
    """One cascade for both drugs fits; a membrane 5-HT2A reading does not, as ketanserin would block it."""
    fits = fit_mechanism(fit, seed=1)
    objective = {reading: each.objective for reading, each in fits.items()}
    assert objective["membrane 5-HT2A"] > objective["intracellular 5-HT2A"] + 20
    assert objective["TrkB"] == pytest.approx(objective["intracellular 5-HT2A"], abs=1.0)
    best = fits["intracellular 5-HT2A"]
    for study, most in ((PSILOCYBIN, 1.3), (KETAMINE, 1.6)):
        total, n = best.chi2(study)
        assert total / n < most
    library = default_parameters()
    assert library.value("cascade.tau_formation") == pytest.approx(best.values["cascade.tau_formation"], rel=0.02)


@pytest.mark.slow
def test_verdicts(fit):
    """Profiles by MINOS, and what the likelihood alone can exclude."""
    verdicts = {each.name: each for each in judge(fit)}
    assert list(verdicts) == fit.problem.free
    for name in ("ketamine.formation_fold", "psilocybin.formation_fold", "psilocybin.head_fold", "shao2021.miss"):
        assert verdicts[name].verdict == "identified"
    assert verdicts["ketamine.maturation_fold"].verdict == "flat"
    assert verdicts["psilocybin.maturation_fold"].verdict != "identified"
    assert verdicts["ketamine.decay"].verdict == "one-sided"
    assert "at least" in verdicts["ketamine.decay"].sentence
    for each in verdicts.values():
        assert each.low <= each.estimate <= each.high
    i = fit.problem.free.index("psilocybin.head_fold")
    reach = 1.96 * np.sqrt(fit.covariance[i, i])
    head = verdicts["psilocybin.head_fold"]
    assert np.log([head.low, head.high]) == pytest.approx(fit.vector[i] + np.array([-reach, reach]), abs=0.004)


def test_a_profile_is_a_parabola_where_the_data_are_clear(fit):
    values, rise, bound = profile(fit, ["psilocybin.head_fold"], points=7)["psilocybin.head_fold"]
    i = fit.problem.free.index("psilocybin.head_fold")
    expected = (np.log(values) - fit.vector[i]) ** 2 / fit.naive_covariance[i, i]
    near = expected < 4.5
    assert near.sum() == 5
    np.testing.assert_allclose(rise[near], expected[near], atol=1.2)
    assert rise[[0, -1]].min() > 8
    inflation = fit.covariance[i, i] / fit.naive_covariance[i, i]
    assert bound == pytest.approx(chi2.ppf(0.95, 1) * max(1.0, inflation))


def test_predictions_follow_every_value_that_they_read():
    """Also those that are not free: nothing stale comes out of the memory."""
    base = default_parameters()
    problem = SummaryProblem(base, free_parameters(base, ["shao2021"]), ["shao2021"])
    values = base.as_floats()
    first = problem.predict(values)["shao2021", "saline"].expected.formation
    false = problem.predict({**values, "shao2021.false_positive_per_um": 0.02})["shao2021", "saline"].expected.formation
    assert (false > first + 0.01).all()
    mechanism = problem.altered(base, ["nmda.hill"], drive="mechanistic", studies=["shao2021"])
    ketamine = SummaryProblem(base, ["nmda.hill"], ["phoumthipphavong2016"], drive="mechanistic")
    at = ketamine.start()
    assert np.abs(ketamine.residuals(at - 0.3) - ketamine.residuals(at)).max() > 1e-3
    assert mechanism.n_parameters("shao2021") == 1


def test_a_structural_fault_is_an_error_not_a_bad_residual():
    base = default_parameters()
    targets = [arm_targets("shao2021", name) for name in ("psilocybin", "ketanserin+psilocybin")]
    shifted = replace(targets[1], sessions=targets[1].sessions + np.linspace(0, 0.1, len(targets[1].sessions)))
    problem = SummaryProblem(base, free_parameters(base, ["shao2021"]), ["shao2021"], targets=[targets[0], shifted])
    with pytest.raises(FitError, match="must share their sessions"):
        problem.residuals(problem.start())
