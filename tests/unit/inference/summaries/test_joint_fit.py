"""The joint fit of group summaries: its data, its likelihood, what it shares, and what it predicts."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal, norm

from synmodel.core.errors import DataError, FitError, LibraryError, SimulationError
from synmodel.data import load_study
from synmodel.inference import SummaryProblem, joint_problem
from synmodel.inference.summaries import drives
from synmodel.inference.summaries import prediction as prediction_module
from synmodel.inference.summaries import problem as problem_module
from synmodel.inference.summaries.coordinates import Coordinates
from synmodel.inference.summaries.covariance import arm_correlation
from synmodel.inference.summaries.density import Density, weighted
from synmodel.inference.summaries.evidence import laplace_evidence
from synmodel.inference.summaries.joint import load_posterior, without_study
from synmodel.inference.summaries.prediction import Point, predict, read_folder
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.readings import READINGS, Reading, reading_named
from synmodel.inference.summaries.summary_fit import fit_problem
from synmodel.inference.summaries.targets import arm_targets
from synmodel.inference.summaries.validation import carried_over
from synmodel.inference.summaries.verdicts import verdicts_of
from synmodel.library.parameters import Parameter, Prior, default_parameters
from synmodel.signalling import signals
from synmodel.signalling.signals import Signals

pytestmark = pytest.mark.heavy

KETAMINE, PSILOCYBIN, PT, KO = STUDIES


def place(problem, study, arm):
    return next(i for i, t in enumerate(problem.arms) if (t.study.name, t.arm.name) == (study, arm))


# -- data ------------------------------------------------------------------------------------------------------


def test_sessions_without_fractions_are_used():
    target = arm_targets(PT, "psilocybin")
    assert target.sessions.tolist() == [-3, -1, 1, 3, 5, 7, 35, 65]
    number = {means.quantity: means.end.tolist() for means in target.means}
    assert number["formation_fraction"] == [-1, 1, 3, 5, 7]
    assert number["density_change"] == number["head_width_change"] == [-1, 1, 3, 5, 7, 35, 65]


def test_arms_say_their_genotype_and_cell_type():
    study = load_study(KO)
    assert study.arm("psilocybin+knock-out").genotype == "5-HT2A knock-out"
    assert {arm.cell_type for arm in study.arms} == {"pyramidal tract"}


# -- likelihood ------------------------------------------------------------------------------------------------


def test_every_study_is_described(fit):
    for study in STUDIES:
        chi2, n = fit.chi2(study, unit="mouse")
        assert chi2 / n < 0.9, study


def test_slopes_are_those_of_the_residuals(fit):
    problem, vector = fit.problem, fit.vector
    slopes = problem.jacobian(vector)
    generator = np.random.default_rng(1)
    for _ in range(3):
        direction = generator.standard_normal(len(vector)) / np.sqrt(len(vector))
        step = 1e-5 * direction
        rise = (problem.residuals(vector + step) - problem.residuals(vector - step)) / 2e-5
        np.testing.assert_allclose(slopes @ direction, rise, atol=2e-3 * np.abs(rise).max())


def test_residuals_of_an_arm_are_those_of_a_correlated_normal(fit):
    """Squares of the residuals against scipy's density of the published means."""
    problem = fit.problem
    at = place(problem, PSILOCYBIN, "ketanserin+saline")
    target = problem.arms[at]
    values = problem.values(problem.start())
    correlation = arm_correlation(target, problem.tissue(target, values), problem.course(target, values).steps)
    assert np.linalg.eigvalsh(correlation).min() > 0
    mean = np.concatenate([m.mean for m in target.means])
    sem = np.concatenate([m.sem("mouse") for m in target.means])
    prediction = problem.predict_arm(at, values)
    expected = np.concatenate([prediction.of(m.quantity)[m.at] for m in target.means])
    covariance = correlation * np.outer(sem, sem)
    residuals = problem.whitened(at, values)
    full = multivariate_normal.logpdf(mean, expected, covariance)
    constant = multivariate_normal.logpdf(expected, expected, covariance)
    assert -0.5 * residuals @ residuals == pytest.approx(full - constant, rel=1e-9)


def test_what_an_arm_has_of_its_own_moves_that_arm_alone(fit):
    problem = fit.problem
    name = f"{PSILOCYBIN}.formation_of.psilocybin"
    arms, terms = problem.affected(name)
    assert terms == []
    before = problem.predict(fit.values)
    after = problem.predict(fit.values | {name: fit.values[name] + 1.0})
    for key, prediction in before.items():
        same = np.array_equal(prediction.expected.formation, after[key].expected.formation)
        assert same == (key != (PSILOCYBIN, "psilocybin")), key
    assert place(problem, PSILOCYBIN, "psilocybin") in arms


def test_a_spread_of_nothing_is_no_difference(fit):
    values = fit.values | {"spread.arms": 0.0}
    target = arm_targets(KETAMINE, "ketamine")
    moved = values | {f"{KETAMINE}.formation_of.ketamine": 2.0}
    assert SummaryProblem.tissue(target, values) == SummaryProblem.tissue(target, moved)


def test_impossible_parameters_are_far_from_the_data(fit):
    vector = fit.vector.copy()
    vector[fit.problem.free.index(f"{PSILOCYBIN}.formation")] = np.log(2.9)
    residuals = fit.problem.residuals(vector)
    assert np.isfinite(residuals).all()
    assert np.abs(residuals).max() == 100


def test_a_tied_parameter_takes_the_value_of_the_other():
    problem = joint_problem([KETAMINE], reading=Reading("pulse, one decay"))
    values = problem.values(problem.start())
    assert values["ketamine.elimination_decay"] == values["ketamine.formation_decay"]
    assert "ketamine.elimination_decay" not in problem.free


def test_a_unit_that_is_none_is_refused():
    with pytest.raises(FitError, match="unit is 'cell'; the unit of replication is 'mouse' or 'dendrite'"):
        joint_problem([KETAMINE], unit="cell")


# -- readings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(READINGS))
def test_every_reading_gives_residuals(name):
    problem = joint_problem(reading=reading_named(name))
    assert np.isfinite(problem.residuals(problem.start())).all()


def test_an_unknown_reading_is_one_line():
    with pytest.raises(FitError, match="reading is 'pulse, own decay'; did you mean"):
        reading_named("pulse, own decay")


def growth(receptor, study, arm):
    problem = joint_problem(reading=Reading(receptor=receptor))
    values = problem.values(problem.start()) | {"ketanserin.antagonist_5ht2a_kb": 0.1, "serotonin.trkb_gain": 0.0}
    values |= {"trkb": 5.0} if receptor != "TrkB" else {"serotonin.trkb_gain": 5.0}
    return problem.predict(values)[study, arm].expected.formation[1]


def test_readings_differ_where_ketanserin_and_the_knock_out_tell():
    after, before = (growth("membrane", PSILOCYBIN, arm) for arm in ("ketanserin+psilocybin", "ketanserin+saline"))
    inside = growth("intracellular", PSILOCYBIN, "ketanserin+psilocybin")
    assert after - before < 0.3 * (inside - before)
    knocked, none = (growth("intracellular", KO, arm) for arm in ("psilocybin+knock-out", "saline+knock-out"))
    assert knocked == pytest.approx(none, rel=0.05)
    assert growth("TrkB", KO, "psilocybin+knock-out") > 1.3 * none


@dataclass(frozen=True)
class Fake:
    """A module that nobody has heard of: it adds glutamate while NMDA receptors are blocked."""

    gain: float
    prefix: ClassVar[str] = "fake"
    inputs: ClassVar[tuple[str, ...]] = ("nmda_block_pyramidal",)

    def signals(self, exposure):
        blocked = exposure["nmda_block_pyramidal"]
        nothing = np.zeros_like(blocked)
        return Signals(self.gain * blocked, nothing, nothing, nothing)


def test_a_new_module_takes_part_in_a_fit_by_itself(monkeypatch):
    known = signals.all_modules()
    monkeypatch.setattr("synmodel.inference.summaries.drives.all_modules", lambda: (*known, Fake))
    monkeypatch.setattr(signals, "all_modules", lambda: (*known, Fake))
    gain = Parameter("fake.gain", 0.0, "1", 0.0, 100.0, "linear", "gain", "assumed", "a test", "a test")
    base = default_parameters().joined(type(default_parameters())([gain]))
    problem = joint_problem([KETAMINE], parameters=base)
    freed = problem.altered(problem.parameters, [*problem.free, "fake.gain"])
    arms, _ = freed.affected("fake.gain")
    assert [freed.arms[at].arm.name for at in arms] == ["ketamine"]
    moved = freed.start()
    moved[-1] = 5.0
    assert np.abs(freed.residuals(moved) - freed.residuals(freed.start())).max() > 0.1


def expected_means(reading, changed, monkeypatch, *, per_decade, largest):
    """All expected means in SEM, on a grid of the drive with so many times per decade after a dose."""
    problem = joint_problem(reading=reading)
    with monkeypatch.context() as patch:
        for name in ("_PER_DECADE_OF_DRUG", "_PER_DECADE"):
            patch.setattr(drives, name, per_decade * getattr(drives, name))
        patch.setattr(drives, "_LARGEST_STEP_DAY", largest)
        values = problem.values(problem.start()) | changed
        return np.concatenate([
            prediction.of(means.quantity)[means.at] / means.sem("mouse")
            for at, target in enumerate(problem.arms)
            for prediction in [problem.predict_arm(at, values)]
            for means in target.means
        ])  # fmt: skip


@pytest.mark.parametrize(
    ("reading", "changed"),
    [(Reading(), {}), (Reading(delay=True), {"cascade.delay": 0.25}), (Reading("pulse"), {})],
    ids=["mechanism", "delayed", "pulse"],
)
def test_a_finer_grid_of_the_drive_changes_no_mean(reading, changed, monkeypatch):
    """Cells of half the length, and once more, move no mean by more than 0.06 of its SEM; longer ones do."""
    fit_grid, finer, finest, coarse = (
        expected_means(reading, changed, monkeypatch, per_decade=factor, largest=0.5 / factor)
        for factor in (1, 2, 4, 0.125)
    )
    assert np.abs(fit_grid - finest).max() < 0.06
    assert np.abs(finer - finest).max() < 0.6 * np.abs(fit_grid - finest).max() + 1e-6
    assert np.abs(coarse - finest).max() > 0.06


# -- coordinates, density, evidence ----------------------------------------------------------------------------


def test_coordinates_go_there_and_back_and_keep_volume(fit):
    coordinates = Coordinates(fit.problem)
    phi = coordinates.from_vector(fit.vector)
    np.testing.assert_allclose(coordinates.to_vector(phi), fit.vector, rtol=1e-12, atol=1e-12)
    slopes = coordinates.slopes(phi)
    assert np.linalg.slogdet(slopes)[1] == pytest.approx(coordinates.log_volume(phi), abs=1e-7)
    assert not np.allclose(slopes, np.eye(len(phi)))


def test_the_density_has_the_slope_that_it_says(fit):
    density = Density(fit.problem, fit.vector)
    u = np.full(density.n_dim, 0.05)
    value, gradient = density.with_gradient(u)
    assert value == density.log_density(u)
    for at in (0, density.n_dim // 2, density.n_dim - 1):
        step = np.zeros(density.n_dim)
        step[at] = 1e-4
        rise = (density.log_density(u + step) - density.log_density(u - step)) / 2e-4
        assert gradient[at] == pytest.approx(rise, abs=2e-3)


class Toy:
    """Residuals of independent normals: a problem whose posterior and evidence are known."""

    studies: ClassVar[list[str]] = []
    arms: ClassVar[list[str]] = []
    free: ClassVar[list[str]] = ["a.x", "a.y", "a.z"]
    lower, upper = np.full(3, -50.0), np.full(3, 50.0)
    centre, spread = np.array([1.0, -2.0, 0.5]), np.array([0.5, 2.0, 1.0])

    def residuals(self, vector):
        return (vector - self.centre) / self.spread

    def jacobian(self, _vector):
        return np.diag(1 / self.spread)


def test_weighted_draws_have_the_moments_and_the_evidence_of_a_normal():
    toy = Toy()
    sample = weighted(Density(toy, toy.centre), seed=1, size=4096)
    assert sample.log_evidence == pytest.approx(1.5 * np.log(2 * np.pi), abs=0.1)
    drawn = sample.draws(2000, 1)
    np.testing.assert_allclose(drawn.mean(axis=0), toy.centre, atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), toy.spread, rtol=0.06)
    assert sample.pareto_k < 0.7


def test_the_evidence_of_a_linear_problem_is_exact():
    """One parameter with a normal prior and one datum: the evidence is a normal density."""
    problem = joint_problem([KETAMINE])
    fit = fit_problem(problem, seed=1, starts=1)
    assert np.isfinite(laplace_evidence(fit))
    wider = problem.parameters.with_parameter(
        replace(problem.parameters["cascade.head_size_max"], prior=Prior(0.5, 1.0))
    )
    # Ketamine has no head widths, so a prior that nothing informs adds nothing to the evidence.
    other = fit_problem(problem.altered(wider, problem.free), seed=1, starts=1)
    assert laplace_evidence(other) == pytest.approx(laplace_evidence(fit), abs=0.05)


def test_verdicts_say_what_data_add(fit):
    told = {v.name: v for v in verdicts_of(fit, ["shao2021.formation", "cascade.formation_max"])}
    assert told["shao2021.formation"].verdict == "identified"
    assert told["cascade.formation_max"].verdict == "flat"


# -- the posterior that ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, *STUDIES])
def test_the_posterior_belongs_to_the_model_and_the_data(name):
    posterior = load_posterior() if name is None else without_study(name)
    for at in (0, len(posterior.vectors) // 2, -1):
        posterior.check(at)
    assert (posterior.vectors >= posterior.problem.lower).all()
    assert (posterior.vectors <= posterior.problem.upper).all()


def test_a_posterior_of_another_model_is_refused(monkeypatch):
    posterior = load_posterior()
    monkeypatch.setattr(problem_module, "_IMPOSSIBLE", 100.0)
    wrong = replace(posterior, log_posterior=posterior.log_posterior + 1.0)
    with pytest.raises(FitError, match="model or data have changed"):
        wrong.check(0)


def test_scenarios_of_another_laboratory_are_more_uncertain():
    posterior = load_posterior()
    seen = [posterior.problem.values(v)["cascade.stabilisation_gain"] for v in posterior.draws(300, 1)]
    new = [p.value("cascade.stabilisation_gain") for p in posterior.scenarios(300, 1)]
    assert np.log(new).std() > np.log(seen).std()


# -- prediction ------------------------------------------------------------------------------------------------


def test_scores_of_a_normal_prediction():
    generator = np.random.default_rng(1)
    centre = generator.standard_normal(20_000)
    point = Point("a", "density_change", -3, 1, 0.5, 0.5, 0.5, centre, centre + 0.5 * generator.standard_normal(20_000))
    sd = np.sqrt(1.25)
    z = 0.5 / sd
    crps = sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert point.crps == pytest.approx(crps, rel=0.03)
    assert point.log_density == pytest.approx(norm.logpdf(0.5, 0, sd), abs=0.02)
    assert point.holds(0.5)


def test_a_study_is_predicted_from_its_vehicle_arm(fit):
    """The joint fit predicts a study that it knows: most means inside their intervals, without their own drug arm."""
    study = load_study(KO)
    targets = [arm_targets(KO, arm.name) for arm in study.arms]
    prediction = predict(study, targets, posterior=fit, draws=200, seed=1)
    assert {point.arm for point in prediction.points} == {"psilocybin", "psilocybin+knock-out"}
    assert prediction.coverage(0.9) >= 0.8
    nothing = predict(study, targets, posterior=fit, draws=200, seed=1, dosed=False)
    assert prediction.mean_of("log_density") > nothing.mean_of("log_density")
    carried = carried_over(study, targets, [PSILOCYBIN, PT])
    assert len(carried.points) == len(prediction.points)


STUDY = """
name = "mine"
title = "t"
citation = "c"
doi = "d"
area = "a"
preparation = "p"
scoring = "s"
control = "saline"
persistence = "seen"
[dendrite_length]
value = 25
unit = "um"
status = "derived"
source = "s"
[[arms]]
name = "saline"
[[arms]]
name = "psilocybin"
doses = [{ compound = "psilocybin", amount = 1, route = "i.p." }]
"""
TABLE = """arm,quantity,start_day,end_day,mean,sem_dendrite
saline,baseline_density_per_um,,-3,0.48,0.01
saline,density_change,,-1,0.0,0.02
"""


@pytest.mark.parametrize(
    ("old", "new", "error", "words"),
    [
        ("saline,density", "salin,density", LibraryError, "has no arm 'salin'; did you mean 'saline'"),
        ("density_change", "density_chang", DataError, "line 3: quantity is 'density_chang'; did you mean"),
        ("0.0,0.02", "0.0,0", DataError, "line 3: sem_dendrite is 0; a SEM is above 0"),
        ("0.0,0.02", "x,0.02", DataError, "mean is 'x'; give a number, or nothing"),
        (",sem_dendrite", ",sem", DataError, "has no column sem_dendrite"),
        ("saline,baseline_density_per_um,,-3,0.48,0.01\n", "", DataError, "there is no baseline_density_per_um"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(tmp_path, old, new, error, words):
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "summaries.csv").write_text(TABLE.replace(old, new))
    with pytest.raises(error) as caught:
        read_folder(tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_few_draws_are_refused_before_any_work(fit, monkeypatch):
    """And those that are possible, at the end."""
    study = load_study("shao2021")
    targets = [arm_targets("shao2021", arm.name) for arm in study.arms]
    with monkeypatch.context() as patched:
        patched.setattr(prediction_module, "fit_problem", lambda *_, **__: pytest.fail("work has begun"))
        with pytest.raises(SimulationError, match="draws is 49; it must be a whole number of at least 50"):
            predict(study, targets, posterior=fit, draws=49, seed=1)

    def never(*_):
        message = "no such dendrite"
        raise SimulationError(message)

    monkeypatch.setattr(prediction_module, "_published", never)
    with pytest.raises(
        FitError, match=r"shao2021: in only 0 of 60 draws .* at least 50 are needed; give more draws, and"
    ):
        predict(study, targets, posterior=fit, draws=60, seed=1)


def test_a_study_without_a_drug_has_nothing_to_predict(tmp_path, fit):
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "summaries.csv").write_text(TABLE)
    study, targets = read_folder(tmp_path)
    with pytest.raises(FitError, match="no arm has a dose of an active compound"):
        predict(study, targets, posterior=fit)


def test_blocks_of_the_density_are_lower_triangular(fit):
    """A coordinate of one study moves no parameter of another."""
    density = Density(fit.problem, fit.vector)
    order = np.concatenate(density.blocks)
    root = density.root[np.ix_(order, order)]
    assert not np.triu(root, 1).any()
    sizes = [len(block) for block in density.blocks]
    inside = block_diag(*(np.ones((n, n)) for n in sizes)).astype(bool)
    inside[:, : sizes[0]] = True
    assert np.abs(root[~inside]).max() < 1e-8 * np.abs(root).max()
