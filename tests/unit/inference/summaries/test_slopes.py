"""Exact slopes of the fits that ship against central differences."""

import sys

import numpy as np
import pytest
import slopes as differences
from slopes import RELATIVE, STEP, along, check, error, rise

from synmodel.core.errors import FitError
from synmodel.inference.summaries.chains import sample_chains
from synmodel.inference.summaries.density import Density
from synmodel.inference.summaries.readings import READINGS, joint_problem
from synmodel.inference.summaries.twitches import TwitchData
from synmodel.library.parameters import default_parameters

pytestmark = pytest.mark.heavy


def near(problem, seed=1, spread=0.1):
    """A point near the start, inside of all supports."""
    generator = np.random.default_rng(seed)
    vector = problem.start() + spread * generator.standard_normal(len(problem.free))
    return np.clip(vector, problem.lower + 0.02, problem.upper - 0.02)


def step_of(name):
    """Trends are small numbers that count for months; landmarks of head twitches are linear between times."""
    return 1e-4 if name.endswith("trend") or name.startswith("head_twitch") else STEP


@pytest.mark.parametrize(
    "reading",
    [
        "intracellular, one cascade, saturating",
        "membrane, one cascade per drug, not saturating, delayed",
        "intracellular, one cascade, saturating, mature spines protected",
        "pulse, own decays",
        "pulse, one decay",
    ],
)
def test_slopes_of_residuals(reading):
    problem = joint_problem(reading=READINGS[reading], with_spreads=True)
    vector = near(problem)
    found = problem.jacobian(vector)
    for at, name in enumerate(problem.free):
        check(found[:, at], along(problem.residuals, vector, at, step_of(name)))


def test_a_wrong_slope_of_a_hazard_is_told(monkeypatch):
    """The whole chain with one of its first links 5 % off."""
    from synmodel.turnover import slopes as of_turnover

    problem = joint_problem(("shao2021",))
    vector, at = near(problem), problem.free.index("shao2021.maturation")
    expected = along(problem.residuals, vector, at, STEP)
    check(problem.jacobian(vector)[:, at], expected)
    right = of_turnover.cross_slopes

    def wrong(*given):
        right(*given)
        given[-1][0][..., 0, 1] *= differences.PLANTED

    monkeypatch.setattr(of_turnover, "cross_slopes", wrong)
    assert error(problem.jacobian(vector)[:, at], expected) > RELATIVE


def test_the_spread_of_arms_moves_the_arms_that_have_factors():
    problem = joint_problem(with_spreads=True)
    vector = near(problem)
    rows = problem.jacobian(vector, with_prior=False)[:, problem.free.index("spread.arms")]
    moved = {target.arm.name for target, _, rows_of in problem.layout() if np.any(rows[rows_of])}
    assert "psilocybin" in moved
    assert "saline+knock-out" in moved
    controls = {target.study.control for target in problem.arms}
    assert not moved & controls
    # What was computed at one spread is not taken for another.
    first = problem.residuals(vector, with_prior=False)
    vector[problem.free.index("spread.arms")] *= 1.5
    assert np.abs(problem.residuals(vector, with_prior=False) - first).max() > 1e-3


def test_tied_parameters_add_up():
    reading = READINGS["pulse, one decay"]
    problem = joint_problem(reading=reading)
    assert problem.tied["psilocybin.elimination_decay"] == "psilocybin.formation_decay"
    vector, at = near(problem), problem.free.index("psilocybin.formation_decay")
    check(problem.jacobian(vector)[:, at], along(problem.residuals, vector, at, STEP))


def test_parameters_that_no_fit_frees_have_slopes_too():
    """Differences between dendrites, kinetics, scoring."""
    names = [
        "shao2021.formation_cv_dendrite", "shao2021.density_log_sd", "shao2021.false_positive_per_um",
        "shao2021.dematuration", "shao2021.head_response", "psilocin.mouse_kp_uu", "psilocybin.mouse_half_life",
        "cascade.bdnf_basal", "cascade.tau_trkb", "blocker.mtorc1", "psilocin.agonist_5ht2a_maximum",
    ]  # fmt: skip
    base = joint_problem(("shao2021",))
    inside = {
        "blocker.mtorc1": 0.8, "shao2021.density_log_sd": 0.2, "shao2021.formation_cv_dendrite": 0.4,
        "shao2021.false_positive_per_um": 0.005, "shao2021.dematuration": 0.003, "cascade.bdnf_basal": 0.1,
    }  # fmt: skip
    problem = base.altered(base.parameters.replace(inside), [name for name in names if name in base.parameters])
    vector = problem.start()
    found = problem.jacobian(vector, with_prior=False)
    for at, name in enumerate(problem.free):
        size = abs(vector[at]) or 0.1 if problem.parameters[name].scale == "linear" else 1.0
        expected = along(lambda x: problem.residuals(x, with_prior=False), vector, at, 3e-4 * size)
        assert error(found[:, at], expected) < 1e-5, name
        assert np.any(expected), name


def test_impossible_parameters_have_no_slopes():
    problem = joint_problem(("shao2021",))
    vector = problem.start()
    vector[problem.free.index("shao2021.formation")] = problem.upper[problem.free.index("shao2021.formation")]
    vector[problem.free.index("shao2021.loss_nascent")] = problem.lower[problem.free.index("shao2021.loss_nascent")]
    assert np.max(problem.residuals(vector, with_prior=False)) == 100.0
    assert np.all(np.isfinite(problem.jacobian(vector)))


@pytest.mark.parametrize("kind", ["mechanistic", "phenomenological"])
def test_slopes_of_drives(kind):
    reading = READINGS["intracellular, one cascade, saturating" if kind == "mechanistic" else "pulse, own decays"]
    problem = joint_problem(("shao2021",), reading=reading, with_spreads=True)
    values = problem.values(near(problem))
    target = next(each for each in problem.arms if each.arm.name == "ketanserin+psilocybin")
    names = [name for name in problem.drives.names_of(target) if values[name] != 0.0]
    found = problem.drives.slopes(target, values, names)
    for at, name in enumerate(names):

        def folds(h, name=name):
            there = values | {name: values[name] + h}
            return {effect: fold.copy() for effect, fold in problem.drives.folds(target, there)[1].items()}

        size = abs(values[name]) * STEP
        for effect, slopes in found.items():
            expected = rise(lambda h, effect=effect, folds=folds: folds(h)[effect], size)
            if np.abs(expected).max() * abs(values[name]) > 1e-3:
                # Also those of signals, by differences, as it is said there.
                assert error(slopes[at], expected) < 1e-7, (name, effect)


def test_slopes_of_head_twitches():
    data, values = TwitchData(), default_parameters().as_floats()
    names = [*TwitchData.FREE, *TwitchData.PHARMACOLOGY, "psilocin.agonist_5ht2a_maximum"]
    found = data.slopes(values, names)
    for at, name in enumerate(names):

        def residuals(h, name=name):
            return data.residuals(values | {name: values[name] * (1 + h)})

        check(found[:, at] * values[name], rise(residuals, STEP))


def test_the_gradient_of_the_density(fit):
    density = Density(fit.problem, fit.vector)
    u = 0.1 * np.random.default_rng(1).standard_normal(density.n_dim)
    check(density.with_gradient(u)[1], np.array([along(density.log_density, u, at, STEP) for at in range(len(u))]))


def test_samplers_of_chains_are_named_and_known(fit, monkeypatch):
    with pytest.raises(FitError, match="sampler is 'nuts'"):
        sample_chains(fit.problem, fit.vector, seed=1, sampler="nuts")
    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(FitError, match=r"needs nutpie .*pip install 'synmodel\[nuts\]'"):
        sample_chains(fit.problem, fit.vector, seed=1, chains=1, processes=1, sampler="no-u-turn")
