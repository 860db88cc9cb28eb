"""The fit of single dendrites: from a table to a likelihood, a maximum and a posterior."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from lab import SESSIONS, TRUTH, table
from typer.testing import CliRunner

from synmodel import inference
from synmodel.cli import app
from synmodel.core.errors import DataError, FitError, SynmodelError
from synmodel.data import read_observations, select
from synmodel.inference.dendrites import DendriteProblem, baseline_of
from synmodel.inference.dendrites.arms import doses_of
from synmodel.inference.dendrites.by_simulation import fit_by_simulation
from synmodel.inference.dendrites.maximum import judge_maximum, maximise
from synmodel.inference.dendrites.predictive import SURVIVAL, cells_of, observed_statistics, predicted_statistics
from synmodel.inference.dendrites.selection import compare_models, left_out
from synmodel.inference.dendrites.terms import read_terms
from synmodel.inference.likelihood import animals_log_likelihood
from synmodel.library.parameters import ParameterSet
from synmodel.signalling import phenomenological_drive

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "counts.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def observations(file):
    return read_observations(file).observations


@pytest.fixture(scope="module")
def problem(observations):
    return DendriteProblem(observations, "formation")


@pytest.fixture(scope="module")
def maximum(problem):
    return maximise(problem, seed=1, starts=2)


def vector_of(problem, values):
    return problem.parameters.replace({k: v for k, v in values.items() if k in problem.parameters}).pack(problem.free)


def test_the_problem_is_the_likelihood_of_its_arms(problem, observations):
    vector = vector_of(problem, TRUTH)
    total = []
    for arm in ("psilocybin", "saline"):
        own = select(observations, arm=arm)
        model, composition = baseline_of("lab", TRUTH, transient=False)
        own_arm = problem.arms[[each.arm for each in problem.arms].index(arm)]
        grid = problem.effects.folds(own_arm, problem.values(vector))[0]
        drive = None if arm == "saline" else phenomenological_drive([("psilocybin", 0.0)], grid, TRUTH)
        counts = {
            name: own[name].to_numpy().reshape(-1, own[name].shape[-1]).astype(int) for name in ("gained", "lost")
        }
        total.append(
            animals_log_likelihood(
                model,
                n0=own["spine_count"].to_numpy()[:, :, 0].ravel().astype(int),
                **counts,
                times=SESSIONS,
                animal=np.repeat(own["mouse"].to_numpy(), own.sizes["dendrite"]),
                composition=composition,
                drive=drive,
                length_um=40.0,
                birth_effect="response",
            )
        )
    np.testing.assert_allclose(problem.mouse_log_likelihood(vector), np.concatenate(total), rtol=1e-10)
    assert problem.mice == [f"lab/{arm}/m{m}" for arm in ("psilocybin", "saline") for m in range(4)]
    assert problem.n_intervals == 2 * 4 * 12 * 5


def test_the_prior_transform_covers_the_supports(problem):
    u = np.linspace(0, 1, 501)
    vectors = np.array([problem.prior_transform(np.full(len(problem.free), each)) for each in u])
    assert (np.diff(vectors, axis=0) >= 0).all()
    np.testing.assert_allclose(vectors[0], problem.lower, atol=1e-6)
    np.testing.assert_allclose(vectors[-1], problem.upper, atol=1e-6)
    fold = problem.free.index("psilocybin.formation_fold")
    assert np.exp(vectors[250, fold]) == pytest.approx(1.24, abs=0.3), "near the centre of the prior, 1"


@pytest.mark.slow
def test_the_maximum_finds_what_was_simulated(problem, maximum):
    assert maximum.log_posterior >= problem.log_likelihood(vector_of(problem, TRUTH)) - 30
    verdicts = {each.name: each for each in judge_maximum(problem, maximum)}
    formation = verdicts["psilocybin.formation_fold"]
    assert formation.low < 3.0 < formation.high
    assert formation.low > 1.3, "the effect is seen"
    assert formation.verdict == "identified"
    assert verdicts["lab.formation"].low < 0.03 < verdicts["lab.formation"].high
    assert verdicts["lab.loss_mature"].low < 0.01 < verdicts["lab.loss_mature"].high


def test_predictive_statistics_hold_the_data_that_the_model_made(problem):
    vectors = [vector_of(problem, TRUTH)] * 200
    predicted = predicted_statistics(problem, vectors, seed=1)
    observed = observed_statistics(problem)
    assert predicted.shape == (200, len(cells_of(problem)))
    low, high = np.quantile(predicted, [0.001, 0.999], axis=0)
    assert ((observed >= low) & (observed <= high)).mean() > 0.9
    tripled = vector_of(problem, {**TRUTH, "lab.formation": 0.09})
    wrong = predicted_statistics(problem, [tripled] * 50, seed=1)
    assert ((observed < wrong.min(axis=0)) | (observed > wrong.max(axis=0))).mean() > 0.3


def test_arms_may_differ_before_any_drug(observations):
    problem = DendriteProblem(observations, "formation+arms")
    assert "lab-psilocybin.formation_ratio" in problem.free
    assert "lab-saline.formation_ratio" not in problem.free
    vector = vector_of(problem, TRUTH)
    plain = DendriteProblem(observations, "formation")
    assert problem.log_likelihood(vector) == pytest.approx(plain.log_likelihood(vector_of(plain, TRUTH)))
    vector[problem.free.index("lab-psilocybin.loss_ratio")] = np.log(3.0)
    assert problem.log_likelihood(vector) < plain.log_likelihood(vector_of(plain, TRUTH)) - 10


def test_a_rare_third_class_changes_nothing(problem, observations):
    three = DendriteProblem(observations, "formation+transient")
    vector = vector_of(three, {**TRUTH, "lab.transient_formation": 0.0005, "lab.transient_fraction": 0.0005})
    assert three.log_likelihood(vector) == pytest.approx(problem.log_likelihood(vector_of(problem, TRUTH)), abs=15)


def test_posterior_as_a_tree(observations, tmp_path):
    small = observations.isel(dendrite=slice(0, 2))
    tree = inference.fit(small, model="none", engine="nested", seed=1, size=60, draws=120)
    assert {"posterior", "prior", "log_likelihood", "sample_stats", "posterior_predictive", "observed_data"} <= set(
        tree.children
    )
    assert tree["posterior"]["lab.formation"].dims == ("chain", "draw")
    assert tree["posterior"]["lab.formation"].attrs["units"] == "1/um/day"
    assert tree["log_likelihood"]["mouse"].sizes["mouse_label"] == 8
    low, high = np.quantile(tree["posterior"]["lab.formation"], [0.005, 0.995])
    assert low < 0.03 < high
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    again = xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf")
    np.testing.assert_array_equal(again["posterior"]["lab.formation"], tree["posterior"]["lab.formation"])
    assert again.attrs["model"] == "none"


@pytest.mark.slow
def test_the_command_line_fits_a_table(file, tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["fit", "--data", str(file), "--model", "formation", "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    document = json.loads((out / "fit.json").read_text())
    assert document["model"] == "formation"
    assert document["parameters"]["psilocybin.formation_fold"]["low"] > 1
    assert (out / "fit.nc").exists()
    assert "psilocybin.formation_fold" in done.output
    assert "lab: psilocybin minus saline, %, beside what formation expects (mixed model over dendrites)" in done.output
    first = document["conventional"]["rows"][0]
    assert (first["quantity"], first["end_day"]) == ("formation_fraction", 1.0)
    assert first["model_difference"] == pytest.approx(first["welch_difference"], abs=0.1)
    assert first["model_difference"] > 0.05, "formation is threefold"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("formatio", r"'formatio' is no term: did you mean 'formation'\?"),
        ("none+formation", "give each term once"),
        ("formation+formation", "give each term once"),
        ("transient", "give each term once"),
    ],
)
def test_terms_that_make_no_model(model, message):
    with pytest.raises(FitError, match=message):
        read_terms(model)


def test_doses_of_arms():
    assert doses_of("lab", "ketanserin + Psilocybin") == (("ketanserin", 0.0), ("psilocybin", 0.0))
    assert doses_of("lab", "Vehicle") == ()
    assert doses_of("shao2021", "psilocybin") == (("psilocybin", 0.0),)


def test_data_that_cannot_be_fitted(observations):
    with pytest.raises(FitError, match="no two sessions of a dendrite"):
        DendriteProblem(observations.assign(gained=observations["gained"] + 1), "formation")
    with pytest.raises(FitError, match="engine is 'mcmc'"):
        inference.fit(observations, engine="mcmc", seed=1)
    formation = DendriteProblem(observations, "formation").parameters["lab.formation"]
    with pytest.raises(FitError, match=r"there is no parameter 'lab.birth'"):
        DendriteProblem(observations, "formation", ParameterSet([replace(formation, name="lab.birth")]))
    with pytest.raises(SynmodelError, match="one experiment at a time"):
        DendriteProblem(observations.expand_dims(replicate=2), "formation")


def test_flagged_dendrites_are_left_out(file, tmp_path):
    rows = pd.read_csv(file)
    rows["damaged"] = ((rows["mouse"] == "m1") & (rows["dendrite"] == "d2") & (rows["day"] == 3)).astype(int)
    rows.to_csv(tmp_path / "flagged.csv", index=False)
    seen = read_observations(tmp_path / "flagged.csv").observations
    kept = select(seen, without=["damaged"])
    assert int(seen["gained"].notnull().sum() - kept["gained"].notnull().sum()) == 2 * 5
    with pytest.raises(DataError, match="did you mean 'damaged'"):
        select(seen, without=["damage"])


def test_all_drugs_may_share_one_effect(observations):
    """With one drug it is the plain model under other names; with two, both follow the shared parameters."""
    alike, plain = DendriteProblem(observations, "formation+alike"), DendriteProblem(observations, "formation")
    assert alike.free == [name.replace("psilocybin", "drugs") for name in plain.free]
    shared = {name.replace("psilocybin", "drugs"): value for name, value in TRUTH.items()}
    assert alike.log_likelihood(vector_of(alike, shared)) == plain.log_likelihood(vector_of(plain, TRUTH))


def test_ketanserin_may_block_all(observations):
    arm = np.where(observations["arm"] == "psilocybin", "ketanserin+psilocybin", "saline")
    renamed = observations.assign_coords(arm=("animal", arm))
    blocked, shared = (DendriteProblem(renamed, f"formation{term}") for term in ("+blocked", ""))
    vector = vector_of(blocked, TRUTH)
    without = vector_of(shared, {**TRUTH, "psilocybin.formation_fold": 1.0})
    assert blocked.log_likelihood(vector) == pytest.approx(shared.log_likelihood(without), rel=1e-12)
    assert blocked.log_likelihood(vector) < shared.log_likelihood(vector) - 5


def test_tables_of_several_files_are_one_fit(observations):
    parts = [observations.isel(animal=observations["arm"].to_numpy() == arm) for arm in ("psilocybin", "saline")]
    together, apart = DendriteProblem(observations, "formation"), DendriteProblem(parts, "formation")
    vector = vector_of(together, TRUTH)
    np.testing.assert_array_equal(together.mouse_log_likelihood(vector), apart.mouse_log_likelihood(vector))
    with pytest.raises(FitError, match="arm saline of study lab stands in several"):
        DendriteProblem([observations, parts[1]], "formation")


def test_new_spines_followed_are_a_check_and_not_a_datum(observations, problem):
    seen = np.full((*observations["spine_count"].shape,), np.nan)
    seen[:, :, 2], seen[:, :, 4] = 2, 1  # new on day 1, half of them there on day 5
    seen[0, 0, 4] = np.nan
    followed = observations.drop_vars(["spine_count", "gained", "lost"]).assign(
        spine_count=observations["spine_count"] * np.nan,
        gained=observations["gained"] * np.nan,
        lost=observations["lost"] * np.nan,
        new_spines_seen=(("animal", "dendrite", "session"), seen),
    )
    both = DendriteProblem([observations, followed], "formation")
    vector = vector_of(problem, TRUTH)
    np.testing.assert_array_equal(both.mouse_log_likelihood(vector), problem.mouse_log_likelihood(vector))
    cells = [(cell.arm, cell.start_day, cell.end_day) for cell in cells_of(both) if cell.quantity == SURVIVAL]
    assert cells == [("psilocybin", 1.0, 5.0), ("saline", 1.0, 5.0)]
    at = [cell.quantity == SURVIVAL for cell in cells_of(both)]
    np.testing.assert_array_equal(observed_statistics(both)[at], 0.5)
    predicted = predicted_statistics(both, [vector] * 300, seed=1)[:, at]
    # Two days to form in, four days on: newborn composition times survival, in closed form.
    arm, _, courses = both.courses(vector)[0]
    newborn = courses.newborn[0, 1] / courses.newborn[0, 1].sum()
    expected = (newborn @ courses.survival[0, 2] @ courses.survival[0, 3]).sum()
    n = next(cohort.n_new for cohort in arm.cohorts)
    error = np.sqrt(expected * (1 - expected) / n / 300)
    assert abs(predicted[:, 0].mean() - expected) < 5 * error
    assert abs(predicted[:, 0].mean() * 1.05 - expected) > 5 * error


@pytest.fixture(scope="module")
def compared(observations):
    small = observations.isel(dendrite=slice(0, 4))
    return compare_models(small, ["none", "formation"], seed=1, size=512, draws=200)


def test_models_side_by_side(compared):
    tree, table = compared
    assert list(tree.children) == ["none", "formation"]
    assert table["evidence_difference"].max() == 0
    assert (table["log_evidence_error"] < 0.2).all()
    best = str(table["model"][int(np.argmax(table["log_evidence"].to_numpy()))].item())
    assert str(table["verdict"].sel(model=best).item()) == "highest evidence"
    by_mouse, pareto = left_out(tree["formation"])
    assert by_mouse.shape == pareto.shape == (8,)
    assert float(table["elpd"].sel(model="formation")) == pytest.approx(by_mouse.sum())


def test_mice_left_out_as_arviz_has_them(compared):
    """Equal where no draw is repeated; with each draw five times arviz finds no tail to fit, and weights do."""
    arviz_stats = pytest.importorskip("arviz_stats")
    values = np.random.default_rng(1).normal(-2.0, 0.4, (1, 600, 8))
    tree = compared[0]["formation"].copy()
    for draws in (values, np.repeat(values[:, :120], 5, axis=1)):
        tree["log_likelihood"] = xr.Dataset({"mouse": (("chain", "draw", "mouse_label"), draws)})
        tree["posterior"] = xr.Dataset({"x": (("chain", "draw"), draws[..., 0])})
        elpd, pareto = left_out(tree)
        assert np.isfinite(elpd).all()
        if draws is values:
            theirs = arviz_stats.loo(tree, var_name="mouse", pointwise=True)
            np.testing.assert_allclose(elpd, theirs.elpd_i, rtol=1e-12)
            np.testing.assert_allclose(pareto, theirs.pareto_k, rtol=1e-12)


@pytest.mark.slow
def test_importance_and_nested_sampling_agree(observations, compared):
    small = observations.isel(dendrite=slice(0, 4))
    nested = inference.fit(small, model="formation", engine="nested", seed=2, size=100, draws=50)
    stats, other = nested["sample_stats"].attrs, compared[1].sel(model="formation")
    error = np.hypot(stats["log_evidence_error"], float(other["log_evidence_error"]))
    assert abs(stats["log_evidence"] - float(other["log_evidence"])) < 4 * error
    assert np.isnan(stats["pareto_k"])


def test_finished_models_are_kept_until_all_are(observations, tmp_path):
    small, checkpoint = observations.isel(dendrite=slice(0, 1)), tmp_path / "run"
    one = inference.fit(small, model="none", engine="importance", seed=1, size=64, draws=50)
    one.to_netcdf(tmp_path / "run.none.nc", engine="h5netcdf")
    options = {"seed": 1, "size": 64, "draws": 50, "checkpoint": checkpoint}
    tree, _ = compare_models(small, ["none", "formation"], **options)
    np.testing.assert_array_equal(tree["none"]["posterior"]["lab.formation"], one["posterior"]["lab.formation"])
    assert not list(tmp_path.iterdir())
    one.to_netcdf(tmp_path / "run.none.nc", engine="h5netcdf")
    with pytest.raises(FitError, match="belongs to another run"):
        compare_models(small, ["none", "formation"], **{**options, "seed": 2})


def test_a_keyword_that_a_fit_does_not_know_is_named(observations):
    counts = {"n0": [1], "gained": [[0]], "lost": [[0]], "times": [0, 1]}
    for call, unknown in (
        (partial(inference.fit, observations), "chains"),
        (partial(compare_models, observations, ["none", "formation"]), "sampler"),
        (partial(inference.calibrate, inference.Design(), "none", replicates=1), "checkpoint"),
        (partial(fit_by_simulation, None, ParameterSet([]), **counts), "count"),
    ):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{unknown}'"):
            call(seed=1, **{unknown: None})


def test_comparisons_that_are_none(observations):
    for models, engine in (
        (["formation"], "importance"),
        (["formation", "formation"], "importance"),
        (["formation", "none"], "map"),
    ):
        with pytest.raises(FitError, match="give two or more different ones"):
            compare_models(observations, models, engine=engine, seed=1)


def test_the_command_line_compares_models(file, tmp_path):
    out = tmp_path / "out"
    models = ["--model", "none", "--model", "formation"]
    done = CliRunner().invoke(
        app, ["fit", "--data", str(file), *models, "--size", "128", "--out", str(out), "--quiet", "--json"]
    )
    assert done.exit_code == 0, done.output
    document = json.loads((out / "fit.json").read_text())
    assert json.loads(done.stdout) == document
    assert {row["model"] for row in document["comparison"]} == {"none", "formation"}
    assert {cell["quantity"] for cell in document["models"]["formation"]["predictive"]} >= {"formation_fraction"}
    best = max(document["comparison"], key=lambda row: row["log_evidence"])["model"]
    assert document["conventional"]["model"] == best
    rows = document["conventional"]["rows"]
    assert {(row["arm"], row["control"]) for row in rows} == {("psilocybin", "saline")}
    assert len(rows) == 3 * 4, "three quantities at four sessions after the dose"
    assert all(row["mixed_low"] < row["mixed_difference"] < row["mixed_high"] for row in rows)
    assert all(row["model_difference"] is not None for row in rows)
    assert len((out / "conventional.csv").read_text().splitlines()) == 1 + len(rows)
    assert (out / "fit.png").stat().st_size > 10_000
    assert set(xr.open_datatree(out / "fit.nc", engine="h5netcdf").children) == {"none", "formation"}


def test_a_table_without_lengths_is_fitted_and_says_so(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = pd.read_csv(file).drop(columns="length_um")
    rows[rows["mouse"].isin(["m0", "m1"])].to_csv("short.csv", index=False)
    options = ["--model", "none", "--engine", "importance", "--size", "256", "--out", "lab", "--quiet"]
    done = CliRunner().invoke(app, ["fit", "--data", "short.csv", *options])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "lab" / "fit.json").read_text())
    assert any("has a length: 40 um was taken" in note for note in document["read_with_care"])
