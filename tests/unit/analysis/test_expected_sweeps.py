"""Sweeps of exact expectations: the model's own numbers cell by cell, draws as an axis, resumed, refused."""

import hashlib

import numpy as np
import pytest
from command_line import names_in
from hypothesis import given, settings
from hypothesis import strategies as st

from synmodel.analysis.intervals import scenario_draws
from synmodel.analysis.sweeps import (
    changed,
    load_plan,
    open_sweep,
    plan_of,
    run_plan,
    sobol_indices,
    sweep,
    work,
)
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.analysis.sweeps.outputs import exact_points_of, points_of
from synmodel.core.errors import SimulationError, SweepError, SynmodelError
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import Preparation, cells, expectation

pytestmark = pytest.mark.heavy

AMOUNT, LOSS = "scenario.regimen.doses[0].amount", "phoumthipphavong2016.loss_nascent"
SESSIONS = "scenario.schedule.sessions"
SMALL = load("ketamine-mouse-single").updated(schedule={"sessions": [-1, 1, 3]})
GRID = {AMOUNT: [3, 10, 30], LOSS: [0.5, 1.0]}
FIELDS = {
    "formation_fraction": "formation",
    "elimination_fraction": "elimination",
    "density_change": "density_change",
    "new_spine_persistence_seen": "persistence_seen",
    "new_spine_persistence_followed": "persistence_followed",
}


def exact(**options):
    return sweep(SMALL, **{"grid": GRID, "observe": "expected", "seed": 3, **options})


def by_itself(scenario, result, parameters=None):
    """Expectations of a scenario at the points of a result, computed without a sweep."""
    expected = expectation(scenario, parameters)
    flat = [value for field in FIELDS.values() for value in getattr(expected, field)]
    names = [name for name, field in FIELDS.items() for _ in getattr(expected, field)]
    assert result["quantity"].to_numpy().tolist() == names
    return np.array(flat)


@pytest.mark.parametrize("sessions", [(-3, -1, 1, 3), (-1, 0, 2), (0, 1, 2), (1, 2, 5), (-3, -1), (-1, 1)])
def test_points_are_those_of_a_simulated_experiment(sessions):
    simulated = [p for p in points_of("shao2021", sessions) if p.quantity in FIELDS]
    assert exact_points_of(tuple(map(float, sessions))) == simulated


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(0.1, 100), min_size=1, max_size=3, unique=True),
    st.floats(0.2, 3.0),
    st.lists(st.floats(0.05, 30), min_size=2, max_size=4, unique=True),
)
def test_a_cell_is_the_expectation_of_its_scenario(amounts, loss, days):
    sessions = [-1.0, *sorted(days)]
    result = sweep(SMALL, grid={AMOUNT: amounts, LOSS: [loss], SESSIONS: [sessions]}, observe="expected", seed=1)
    assert result["mean"].dims == ("scenario", "amount", "loss_nascent", "sessions", "point")
    for place, amount in enumerate(amounts):
        scenario = changed(SMALL, {AMOUNT: amount, LOSS: loss, SESSIONS: sessions})
        cell = result.isel(scenario=0, amount=place, loss_nascent=0, sessions=0)
        treated, vehicle = by_itself(scenario, result), by_itself(without_doses(scenario), result)
        assert cell["mean"].to_numpy().tobytes() == treated.tobytes()
        assert cell["control_mean"].to_numpy().tobytes() == vehicle.tobytes()
        assert cell["contrast_mean"].to_numpy().tobytes() == (treated - vehicle).tobytes()


def test_every_cell_is_evaluated_at_every_draw():
    result = exact(draws=6)
    assert result["mean"].dims == ("scenario", "amount", "loss_nascent", "draw", "point")
    sets = scenario_draws(load_posterior(), 6, 3)
    for a, amount in enumerate(GRID[AMOUNT]):
        for place, loss in enumerate(GRID[LOSS]):
            scenario = changed(SMALL, {AMOUNT: amount, LOSS: loss})
            for draw, parameters in enumerate(sets):
                cell = result["mean"].isel(scenario=0, amount=a, loss_nascent=place, draw=draw).to_numpy()
                assert cell.tobytes() == by_itself(scenario, result, parameters).tobytes()
    assert result.attrs["draws"] == 6
    assert "quantile" not in result.coords


def test_a_base_of_its_own_is_used():
    base = default_parameters().replace({"phoumthipphavong2016.maturation": 0.3})
    result = exact(base=base, control="none", quantities=["density_change"])
    cell = changed(SMALL, {AMOUNT: 10, LOSS: 0.5})
    expected = expectation(cell, base).density_change
    assert result["mean"].sel(amount=10, loss_nascent=0.5).to_numpy()[0].tobytes() == expected.tobytes()


def test_what_is_kept_leaves_no_trace(monkeypatch):
    before = exact(draws=5)
    monkeypatch.setattr("synmodel.simulation.mechanism._KEPT", 2)
    cells._family.cache_clear()
    assert exact(draws=5).identical(before)


def test_cells_that_differ_in_the_drug_alone_share_their_control(monkeypatch):
    """Nothing acts in a vehicle control, so no parameter of drugs and cascade does; of the tissue each counts."""
    work._MEMORY.clear()
    made, true = [], work._values
    monkeypatch.setattr(work, "_values", lambda *given: made.append(given[1]) or true(*given))
    mechanism = {"cascade.tau_bdnf": [0.1, 0.2, 0.3], "ketamine.mouse_volume": [2.0, 3.0]}
    result = exact(grid={**mechanism, LOSS: [0.5, 1.0]})
    assert len(made) == 12 + 2
    for loss in (0.5, 1.0):
        of_tissue = changed(without_doses(SMALL), {"cascade.tau_bdnf": 0.3, "ketamine.mouse_volume": 3.0, LOSS: loss})
        alike = result["control_mean"].sel(loss_nascent=loss).to_numpy().reshape(6, -1)
        assert (alike == by_itself(of_tissue, result)).all()
    stressed = SMALL.updated(subject={"stress": "restraint stress"})
    made.clear()
    sweep(stressed, grid={"cascade.tau_bdnf": [0.1, 0.2]}, observe="expected", seed=1)
    assert len(made) == 4


def test_few_controls_are_kept(monkeypatch):
    work._MEMORY.clear()
    monkeypatch.setattr(work, "_REMEMBERED_CONTROLS", 2)
    few = exact(grid={LOSS: [0.4, 0.5, 0.6, 0.7]})
    assert len(work._MEMORY) == 2
    monkeypatch.undo()
    assert exact(grid={LOSS: [0.4, 0.5, 0.6, 0.7]}).identical(few)


def test_an_impossible_draw_is_left_open_and_an_impossible_cell_said(monkeypatch):
    """More young spines than spines: such a draw is no dendrite."""
    true, calls = Preparation.expected.fget, []

    def sometimes(ready):
        calls.append(ready)
        if len(calls) == 1:
            raise SimulationError("no dendrite")
        return true(ready)

    def refused(_):
        raise SimulationError("no dendrite")

    monkeypatch.setattr(Preparation, "expected", property(sometimes))
    result = exact(draws=3, control="none")
    assert np.isnan(result["mean"]).any("point").sum() == 1
    assert not result["failed"].any()
    formation = {"phoumthipphavong2016.formation": [0.01, 3.0]}
    failed = sweep(SMALL, grid=formation, observe="expected", seed=1, control="none")
    assert failed["failed"].to_numpy().tolist() == [[0, 1]]
    assert "sustain" in failed.attrs["failures"]
    monkeypatch.setattr(Preparation, "expected", property(refused))
    with pytest.raises(SweepError, match="no cell can be simulated; cell 0: no dendrite"):
        exact(control="none")


# -- resumed, and anywhere -----------------------------------------------------------------------------------------


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_interrupted_sweep_goes_on_and_has_the_same_bytes(tmp_path, monkeypatch):
    plan = plan_of(SMALL, grid=GRID, observe="expected", draws=4, seed=3)
    run_plan(plan, tmp_path / "whole")

    def interrupt(done, of):
        assert of == 6
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, tmp_path / "interrupted", progress=interrupt)
    done, true = [], work._record
    monkeypatch.setattr(work, "_record", lambda *given: done.append(given) or true(*given))
    run_plan(plan, tmp_path / "interrupted")
    assert len(done) == 4
    assert digests(tmp_path / "interrupted") == digests(tmp_path / "whole")
    other = plan_of(SMALL, grid=GRID, observe="expected", draws=5, seed=3)
    with pytest.raises(SweepError, match=r"holds another sweep \(other draws\)"):
        run_plan(other, tmp_path / "whole")


def test_workers_do_not_matter(tmp_path):
    pytest.importorskip("distributed")
    plan = plan_of(SMALL, grid=GRID, observe="expected", draws=4, seed=3)
    run_plan(plan, tmp_path / "alone")
    run_plan(plan, tmp_path / "two", scheduler="local", workers=2)
    assert digests(tmp_path / "two") == digests(tmp_path / "alone")


# -- Sobol indices -------------------------------------------------------------------------------------------------

RANGES = {
    AMOUNT: {"low": 1, "high": 30, "scale": "log"},
    "scenario.cohort.animals": {"low": 2, "high": 9, "scale": "whole"},
}
SAMPLE = {"method": "saltelli", "points": 32, "ranges": RANGES}


@pytest.mark.parametrize("draws", [None, 3])
def test_sobol_indices_of_exact_cells(draws):
    """An exact expectation does not know how many animals there are, so all of the variance is that of the dose."""
    result = sweep(SMALL, sample=SAMPLE, observe="expected", draws=draws, seed=1, quantities="density_change")
    indices = sobol_indices(result, resamples=50).isel(scenario=0)
    assert (np.abs(indices["total_order"].sel(factor="animals")) < 1e-12).all()
    assert (np.abs(indices["total_order"].sel(factor="amount") - 1) < 0.3).all()


# -- documents -----------------------------------------------------------------------------------------------------

HEAD = 'name = "mine"\nscenarios = ["psilocybin-mouse"]\n[grid]\n"scenario.regimen.doses[0].amount" = [1, 2]\n'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('observe = "expected"\nreplicates = 5', "replicates is 5, but exact expectations have no replicates"),
        ('observe = "expect"', "sweep.observe is 'expect'"),
        ("", "sweep.replicates is missing; add it, or observe"),
        ('observe = "expected"\nquantiles = [0.5]', "quantiles are of replicates"),
        ("replicates = 5\nposterior = { draws = 5 }", "a posterior is an axis of exact expectations alone"),
        ('observe = "expected"\nposterior = { draws = 100000 }', "this posterior has 500: ask for 1 to 500"),
        ('observe = "expected"\nposterior = { draws = 0 }', "sweep.posterior.draws is 0"),
        ('observe = "expected"\nposterior = { file = "x.nc" }', "sweep.posterior.draws is missing"),
        ('observe = "expected"\nposterior = { draws = 5, file = "x.nc" }', "cannot read a posterior from"),
        ('observe = "expected"\nquantities = "head_width_change"', "has no exact expectation here"),
        ('observe = "expected"\nposterior = { draws = 5 }\nbase = "base.toml"', "base is given beside a posterior"),
        ('observe = "expected"\nposterior = { draws = 5 }\nfixed = { "scenario.drive" = "phenomenological" }',
         "the posterior is of the mechanism, and psilocybin-mouse has the drive phenomenological"),
    ],
)  # fmt: skip
def test_a_bad_document_is_one_line(tmp_path, lines, expected):
    (tmp_path / "base.toml").write_text("")
    (tmp_path / "mine.toml").write_text(lines + "\n" + HEAD)
    with pytest.raises(SynmodelError, match=expected.replace("[", r"\[")) as error:
        load_plan(tmp_path / "mine.toml")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "mine.toml"))


def test_a_posterior_needs_a_number_of_draws():
    with pytest.raises(SweepError, match="not how many draws"):
        exact(posterior=load_posterior())


def test_a_posterior_of_a_file_is_used(tmp_path):
    from synmodel import library

    path = library.posterior_path().with_name("without_shao2021.nc")
    (tmp_path / "mine.toml").write_text(f'observe = "expected"\nposterior = {{ draws = 3, file = "{path}" }}\n' + HEAD)
    assert load_plan(tmp_path / "mine.toml").draws.sets()[0] == scenario_draws(load_posterior(path), 3, 1)[0]


def test_the_verb_writes_and_tells_exact_cells(tmp_path, capsys, monkeypatch):
    import sys

    from synmodel.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["synmodel", "sweep", str(tmp_path / "mine.toml"), *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, capsys.readouterr()

    (tmp_path / "mine.toml").write_text('observe = "expected"\nposterior = { draws = 8 }\n' + HEAD)
    status, captured = run("--out", str(tmp_path / "out"), "--quiet")
    assert status == 0
    assert "2 cells (grid), exact expectations at 8 draws of the posterior" in captured.out
    assert "Lowest and highest cell minus control (95 % of the posterior)" in captured.out
    assert sorted(names_in(tmp_path / "out")) == ["plan.json", "summary.json", "sweep.zarr"]
    with open_sweep(tmp_path / "out") as result:
        assert result.sizes["draw"] == 8
    for option in (["--draws", "5"], ["--posterior", "joint.nc"]):
        status, captured = run("--out", str(tmp_path / "other"), *option)
        assert status == 2
        assert captured.err.count("\n") == 1
    assert not (tmp_path / "other").exists()
