"""What drugs do in fits of single dendrites: doses of arms, mechanism, pulses with decays of their own."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synmodel.core.errors import DataError, FitError
from synmodel.data import read_observations, read_regimens, regimens_of
from synmodel.inference import DendriteData, DendriteProblem, histories_log_likelihood
from synmodel.inference.dendrites import baseline_of, parameters_for, template
from synmodel.inference.dendrites.calibration import Design, simulated_observations
from synmodel.inference.dendrites.effects import pulse_parameters
from synmodel.inference.dendrites.laplace import judge_laplace, laplace
from synmodel.inference.dendrites.maximum import judge_maximum, maximise
from synmodel.inference.dendrites.posterior import fit
from synmodel.inference.summaries.drives import Drives
from synmodel.inference.summaries.targets import arm_targets
from synmodel.library.parameters import ParameterSet, default_parameters

pytestmark = pytest.mark.heavy

KNOCK_OUT = "psilocybin:1:i.p.+genotype:5-HT2A knock-out"
DOSE = regimens_of(["psilocybin=psilocybin:1:i.p.:0"])


@pytest.fixture(scope="module")
def observations():
    priors = parameters_for(["lab"], []).joined(ParameterSet(pulse_parameters(["psilocybin"], template())))
    values = {**priors.as_floats(), "psilocybin.formation_fold": 3.0}
    return simulated_observations(Design(mice=3, dendrites=6), values, transient=False, seed=7)


def test_doses_as_text():
    found = regimens_of(
        ["a=ketanserin:1:i.p.:-0.01+psilocybin:0.3:i.p.", "b=", "ko=psilocybin:1:i.p.+genotype:5-HT2A knock-out"]
    )
    assert [(dose.compound, dose.amount, dose.day) for dose in found["a"].doses] == [
        ("ketanserin", 1.0, -0.01), ("psilocybin", 0.3, 0.0),
    ]  # fmt: skip
    assert found["b"].doses == ()
    assert found["ko"].genotype == "5-HT2A knock-out"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("psilocybin", "give NAME=compound:amount:route:day"),
        ("a=psilocybin:1", "is no dose"),
        ("a=psilocybin:much:i.p.", "amount is 'much'"),
        ("a=psilocybin:1:i.p.:monday", "day is 'monday'"),
        ("a=psilocybine:1:i.p.", "did you mean 'psilocybin'"),
        ("a=psilocybin:1:intrathecal", "psilocybin has kinetics for"),
        ("a=genotype:knockout", "genotype"),
    ],
)
def test_doses_that_are_none(text, words):
    with pytest.raises(DataError, match=words) as caught:
        regimens_of([text])
    assert "\n" not in str(caught.value)


def test_doses_as_a_table(tmp_path):
    (tmp_path / "arms.csv").write_text(
        "arm,compound,amount,route,day,genotype\nlow,psilocybin,0.3,i.p.,0,\ntwice,psilocybin,1,i.p.,0,\n"
        "twice,psilocybin,1,i.p.,2,\nvehicle,,,,,\nko,psilocybin,1,i.p.,0,5-HT2A knock-out\n"
    )
    found = read_regimens(tmp_path / "arms.csv")
    assert [dose.day for dose in found["twice"].doses] == [0.0, 2.0]
    assert found["vehicle"].doses == ()
    assert found["ko"].genotype == "5-HT2A knock-out"
    (tmp_path / "arms.csv").write_text("arm,compound,amount\nlow,psilocybin,0.3\n")
    with pytest.raises(DataError, match="has no column 'route'"):
        read_regimens(tmp_path / "arms.csv")


def test_the_mechanism_of_dendrites_is_that_of_the_summaries(observations):
    problem = DendriteProblem(DendriteData(observations, regimens=DOSE), "formation+elimination+mechanism")
    assert problem.free[-4:] == [
        "cascade.formation_gain", "cascade.tau_formation", "cascade.stabilisation_gain", "cascade.tau_stabilisation",
    ]  # fmt: skip
    values = problem.values(problem.parameters.pack(problem.free))
    arm = next(arm for arm in problem.arms if arm.arm == "psilocybin")
    knots, folds = problem.effects.folds(arm, values)
    target = replace(arm_targets("shao2021", "psilocybin"), sessions=arm.sessions)
    library = ParameterSet(each for each in default_parameters().values() if ".effect_on." not in each.name)
    wanted = {**library.as_floats(), "cascade.maturation_gain": 0.0}
    other_knots, other = Drives("mechanistic", library).folds(target, wanted)
    np.testing.assert_array_equal(knots, other_knots)
    for name, fold in folds.items():
        np.testing.assert_allclose(fold, other[name], rtol=1e-12, err_msg=name)
    assert folds["formation"].max() > 1.5
    # Twice the dose does more, and the knock-out nothing.
    for text, larger in (
        ("psilocybin=psilocybin:2:i.p.", True),
        ("psilocybin=psilocybin:1:i.p.+genotype:5-HT2A knock-out", False),
    ):
        given = DendriteProblem(DendriteData(observations, regimens=regimens_of([text])), problem.terms.name)
        own = next(arm for arm in given.arms if arm.arm == "psilocybin")
        peak = given.effects.folds(own, given.values(given.parameters.pack(given.free)))[1]["formation"].max()
        assert (peak > folds["formation"].max()) if larger else peak == pytest.approx(1.0)


def test_a_mechanism_needs_doses(observations):
    with pytest.raises(FitError, match="has no dose, which the mechanism needs; give it, such as --arm"):
        DendriteProblem(observations, "formation+mechanism")
    with pytest.raises(FitError, match="--arm names 'psylocybin', which is no arm of the table; did you mean"):
        DendriteProblem(DendriteData(observations, regimens=regimens_of(["psylocybin=psilocybin:1:i.p."])), "none")
    for terms, words in (
        ("formation+mechanism+alike", "alike is a term of pulses"),
        ("formation+studies", "add mechanism"),
    ):
        with pytest.raises(FitError, match=words):
            DendriteProblem(DendriteData(observations, regimens=DOSE), terms)


def test_an_effect_that_a_model_does_not_have_is_none(observations):
    none, formation = (DendriteProblem(observations, terms) for terms in ("none", "formation"))
    vector = formation.parameters.replace({"psilocybin.formation_fold": 1.0}).pack(formation.free)
    without = none.log_likelihood(vector[: len(none.free)])
    assert formation.log_likelihood(vector) == pytest.approx(without, rel=1e-12)
    elimination = DendriteProblem(observations, "elimination")
    assert elimination.values(elimination.parameters.pack(elimination.free))["psilocybin.formation_fold"] == 1.0


def test_decays_of_their_own(observations):
    one, own = (DendriteProblem(observations, f"formation+elimination{term}") for term in ("", "+decays"))
    assert [name for name in own.free if name.endswith("_decay")] == [
        "psilocybin.formation_decay", "psilocybin.elimination_decay",
    ]  # fmt: skip
    values = {"psilocybin.formation_fold": 2.0, "psilocybin.elimination_fold": 0.5}
    start = one.parameters.replace({**values, "psilocybin.decay": 3.0}).pack(one.free)
    decays = {"psilocybin.formation_decay": 3.0, "psilocybin.elimination_decay": 3.0}
    same = own.parameters.replace({**values, **decays}).pack(own.free)
    assert own.log_likelihood(same) == pytest.approx(one.log_likelihood(start), rel=1e-12)
    longer = own.parameters.replace({**values, **decays, "psilocybin.elimination_decay": 9.0}).pack(own.free)
    assert own.log_likelihood(longer) != pytest.approx(one.log_likelihood(start), rel=1e-6)


def test_a_knock_out_blocks_a_pulse(observations):
    arm = regimens_of([f"psilocybin={KNOCK_OUT}"])
    data = DendriteData(observations, regimens=arm)
    free = DendriteProblem(data, "formation+ketanserin")
    assert free.free[-1] == "psilocybin.blocked_by_5-HT2A_knock-out"
    blocked, none = DendriteProblem(data, "formation+blocked"), DendriteProblem(data, "none")
    vector = blocked.parameters.replace({"psilocybin.formation_fold": 3.0}).pack(blocked.free)
    assert blocked.log_likelihood(vector) == pytest.approx(none.log_likelihood(vector[: len(none.free)]), rel=1e-12)


def test_studies_have_factors(observations):
    problem = DendriteProblem(DendriteData(observations, regimens=DOSE), "formation+mechanism+studies")
    assert problem.free[-1] == "lab.effect_on.formation"
    arm = next(arm for arm in problem.arms if arm.arm == "psilocybin")
    start = problem.parameters.pack(problem.free)
    folds = [
        problem.effects.folds(arm, problem.values(start + at * np.eye(len(start))[-1]))[1]["formation"] for at in (0, 2)
    ]
    np.testing.assert_allclose(folds[1] - 1.0, np.e * (folds[0] - 1.0), rtol=1e-6)  # two steps of half a unit


def test_slopes(observations):
    problem = DendriteProblem(DendriteData(observations, regimens=DOSE), "formation+elimination+mechanism+arms")
    vector = problem.parameters.pack(problem.free) + 0.01
    found = problem.slopes(vector)
    for at in range(len(vector)):
        step = 1e-4 * np.eye(len(vector))[at]
        expected = (problem.log_likelihood(vector + step) - problem.log_likelihood(vector - step)) / 2e-4
        assert found[at] == pytest.approx(expected, rel=1e-6, abs=1e-6), problem.free[at]


@pytest.mark.slow
def test_curvature_against_profiles_and_sampling(observations):
    problem = DendriteProblem(observations, "formation")
    maximum = maximise(problem, seed=1)
    around = laplace(problem, maximum)
    curved = {each.name: each for each in judge_laplace(problem, maximum, around)}
    for profiled in judge_maximum(problem, maximum):
        if profiled.verdict == "identified":
            other = curved[profiled.name]
            assert np.log(other.high / other.low) == pytest.approx(np.log(profiled.high / profiled.low), rel=0.3)
    sampled = fit(observations, model="formation", engine="importance", seed=1, size=4096)
    evidence = sampled["sample_stats"].attrs["log_evidence"]
    assert around.log_evidence == pytest.approx(evidence, abs=1.0)


def test_tracked_spines_in_a_fit(tmp_path):
    """A table of spines is fitted by their histories, and one censored spine costs its own later record alone."""
    generator = np.random.default_rng(3)
    rows = []
    for mouse in ("a", "b"):
        for spine in range(12):
            there = np.cumprod(generator.random(4) > 0.15).astype(int)
            if spine > 8:
                there = there[::-1]
            rows.append([mouse, "d", f"s{spine}", 40.0, *there])
    table = pd.DataFrame(rows, columns=["mouse", "dendrite", "spine", "length_um", "0", "2", "4", "6"])
    table = table[table[["0", "2", "4", "6"]].sum(axis=1) > 0]
    table.to_csv(tmp_path / "presence.csv", index=False)
    reading = read_observations(tmp_path / "presence.csv")
    problem = DendriteProblem(DendriteData(reading.observations, [reading.presence]), "none")
    vector = problem.parameters.replace({"unknown.formation_cv_animal": 0.01}).pack(problem.free)
    model, composition = baseline_of("unknown", problem.values(vector), transient=False)
    expected = [
        histories_log_likelihood(
            replace(model, formation_cv_animal=0.0), present=own[["0", "2", "4", "6"]].to_numpy(), times=[0, 2, 4, 6],
            composition=composition, length_um=40.0, birth_effect="response",
        )[0]
        for _, own in table.groupby("mouse")
    ]  # fmt: skip
    np.testing.assert_allclose(problem.mouse_log_likelihood(vector), expected, atol=2e-3)  # 1 % between mice
    wrong = problem.parameters.replace({"unknown.formation_cv_animal": 0.01, "unknown.loss_mature": 0.0105})
    assert abs(problem.mouse_log_likelihood(wrong.pack(problem.free)) - expected).max() > 5e-3
    counted = DendriteProblem(reading.observations, "none")
    assert counted.n_intervals == problem.n_intervals == 6
    table = table.astype(object)
    table.loc[table.index[0], "4"] = ""
    table.to_csv(tmp_path / "censored.csv", index=False)
    again = read_observations(tmp_path / "censored.csv")
    kept = DendriteProblem(DendriteData(again.observations, [again.presence]), "none")
    assert kept.n_intervals == 6
