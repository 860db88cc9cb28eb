"""Sweeps: what is varied, how cells are summarised, the journal, the result."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from command_line import names_in

import synmodel
from synmodel.analysis.sweeps import (
    RangeSample,
    load_plan,
    open_sweep,
    plan_of,
    run_plan,
    sobol_indices,
    store,
    sweep,
    work,
)
from synmodel.analysis.sweeps import journal as journals
from synmodel.analysis.sweeps.designs import Range, sample_design
from synmodel.analysis.sweeps.factors import changed, factors_of
from synmodel.core.errors import ScenarioError, SweepError, SynmodelError
from synmodel.imaging import summarise
from synmodel.scenario import load
from synmodel.simulation import simulate

pytestmark = pytest.mark.heavy

AMOUNT, EVERY = "scenario.regimen.doses[0].amount", "scenario.regimen.doses[0].every_days"
LOSS = "phoumthipphavong2016.loss_nascent"
SMALL = load("ketamine-mouse-single").updated(
    cohort={"animals": 2, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]}
)
GRID = {AMOUNT: [3, 30], LOSS: [0.5, 1.0, 2.0]}


def small(**options):
    return sweep(SMALL, **{"grid": GRID, "replicates": 6, "seed": 3, **options})


@pytest.fixture(scope="module")
def result():
    return small()


# -- what is varied --------------------------------------------------------------------------------------------


def test_paths_set_fields_and_parameters():
    scenario = changed(SMALL, {AMOUNT: 7, "scenario.cohort.animals": 4, LOSS: 0.7})
    assert scenario.regimen.doses[0].amount == 7
    assert scenario.cohort.animals == 4
    assert scenario.parameters[LOSS] == 0.7
    assert scenario.schedule == SMALL.schedule


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("scenario.regimen.doses[1].amount", 1, r"scenario.regimen.doses\[1\] is not there: .* has 1, counted from 0"),
        ("scenario.regimen.doses[0].amont", 1, r"doses\[0\].amont is not known; did you mean 'amount'\?"),
        ("scenario.regimn.doses[0].amount", 1, "scenario.regimn is not known; did you mean 'regimen'"),
        ("scenario.regimen.doses[0].amount", -1, r"doses\[0\].amount is -1"),
        ("scenario.drive.deep", 1, "scenario.drive.deep leads nowhere"),
        ("scenario.drive[0]", 1, r"scenario.drive\[0\] is not there: scenario.drive is no list"),
        ("scenario.regimen..amount", 1, "is not a path"),
        (LOSS, 1e9, "loss_nascent'] is 1e"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(path, value, expected):
    with pytest.raises(ScenarioError, match=expected) as error:
        changed(SMALL, {path: value})
    assert "\n" not in str(error.value)


def test_factors_have_short_names_units_and_meanings():
    factors = factors_of({AMOUNT: [1], LOSS: [0.5], "shao2021.loss_nascent": [0.5]}, [SMALL])
    assert [factor.name for factor in factors] == ["amount", LOSS, "shao2021.loss_nascent"]
    assert [factor.units for factor in factors] == ["mg/kg", "1/day", "1/day"]
    assert factors[1].long_name == "elimination hazard of a nascent spine"
    assert factors_of({"scenario.subject.genotype": ["wild-type"]}, [SMALL])[0].labels == ["wild-type"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"grid": {"shao2021.loss_nascnt": [1.0]}}, "did you mean 'shao2021.loss_nascent'"),
        ({"grid": {"scenario.regimen.doses[0].amont": [1.0]}}, "amont is not known; did you mean 'amount'"),
        ({"grid": {"zzz": [1]}}, "neither a parameter nor a scenario field"),
        ({"grid": {LOSS: []}}, "give a list of at least one value"),
        ({"grid": {LOSS: 1.0}}, "give a list of at least one value"),
        ({"grid": {"shao2021": {"loss_nascent": [1.0]}}}, '"shao2021.loss_nascent" = '),
        ({"grid": {LOSS: [1.0, 1.0]}}, "a level twice"),
        ({"grid": {}}, "grid is empty"),
        ({"grid": None}, "nothing given; give one of parameters, grid and sample"),
        ({"parameters": [{LOSS: 1}]}, "parameters and grid given"),
        ({"grid": None, "parameters": []}, "at least one mapping"),
        ({"grid": None, "parameters": [{LOSS: 1}, {AMOUNT: 1}]}, "all set the same names"),
        ({"grid": {AMOUNT: [1, -1]}}, r"cell 1 \(ketamine-mouse-single; .*amount = -1\): scenario"),
        ({"replicates": 0}, "replicates is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"control": "salin"}, "control is 'salin'"),
        ({"control": {"scenario.regimen.doses[5].amount": 1}}, r"doses\[5\] is not there"),
        ({"quantiles": [0.9, 0.1]}, "in rising order"),
        ({"quantities": ["density"]}, "quantity 'density' is not reported; did you mean 'density_change'"),
        ({"workers": 2}, "only the scheduler 'local' takes"),
        ({"grid": {LOSS: list(np.linspace(0.1, 1, 1001)), AMOUNT: list(range(1, 1001))}}, "1001000 cells; allowed"),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(options, expected):
    with pytest.raises(SynmodelError, match=expected) as error:
        small(**options)
    assert "\n" not in str(error.value)


def test_scenarios_need_names_of_their_own():
    with pytest.raises(SweepError, match="each needs a name of its own"):
        sweep([SMALL, SMALL], grid=GRID, replicates=1, seed=1)
    with pytest.raises(SweepError, match="there is no scenario"):
        sweep([], grid=GRID, replicates=1, seed=1)


# -- samples ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["latin-hypercube", "sobol"])
def test_samples_fill_their_ranges_evenly(method):
    """Of n points one lies in each n-th of every range: on its own scale."""
    ranges = {LOSS: Range(low=0.1, high=1.0, scale="log"), AMOUNT: Range(low=1, high=9)}
    design = sample_design(RangeSample(method=method, points=64, ranges=ranges), 1, [SMALL])
    logs = np.log10(np.array(design.factors[0].levels)) + 1
    linear = (np.array(design.factors[1].levels) - 1) / 8
    for u in (logs, linear):
        assert sorted(np.floor(u * 64).astype(int)) == list(range(64))
    again = sample_design(RangeSample(method=method, points=64, ranges=ranges), 1, [SMALL])
    other = sample_design(RangeSample(method=method, points=64, ranges=ranges), 2, [SMALL])
    assert again == design
    assert other != design


def test_whole_numbers_are_equally_likely():
    counts = np.bincount(Range(low=2, high=4, scale="whole").at(np.arange(300) / 300))
    assert counts.tolist() == [0, 0, 100, 100, 100]


def test_saltelli_matrices_share_columns():
    ranges = {LOSS: {"low": 0.5, "high": 2.0}, AMOUNT: {"low": 1, "high": 30, "scale": "log"}}
    design = plan_of(SMALL, sample={"method": "saltelli", "points": 8, "ranges": ranges}, replicates=1, seed=1).design
    assert (design.dims, design.shape, design.size) == (("matrix", "sample"), (4, 8), 32)
    loss, amount = (np.array(factor.levels).reshape(4, 8) for factor in design.factors)
    assert (loss[2] == loss[1]).all()
    assert (amount[2] == amount[0]).all()
    assert (loss[3] == loss[0]).all()
    assert (amount[3] == amount[1]).all()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"points": 12}, "points is 12; .* 8 or 16"),
        ({"points": 1}, "sample.points is 1"),
        ({"method": "sobl"}, "sample.method is 'sobl'"),
        ({"ranges": {}}, "sample.ranges"),
        ({"ranges": {LOSS: {"low": 2, "high": 1}}}, "low must be below high"),
        ({"ranges": {LOSS: {"low": 0, "high": 1, "scale": "log"}}}, "must be above 0"),
        ({"ranges": {LOSS: {"low": 0.5, "high": 1, "scale": "whole"}}}, "both are whole numbers"),
    ],
)
def test_a_sample_that_cannot_be_is_one_line(change, expected):
    sample = {"method": "sobol", "points": 8, "ranges": {LOSS: {"low": 0.5, "high": 2}}, **change}
    with pytest.raises(SynmodelError, match=expected):
        small(grid=None, sample=sample)


# -- numbers ---------------------------------------------------------------------------------------------------


def test_a_cell_is_the_simulation_of_its_scenario(result):
    """Mean, variance and quantiles against numpy on what synmodel.simulate gives, contrasts replicate by replicate."""
    scenario = changed(SMALL, {AMOUNT: 30, LOSS: 2.0})
    control = scenario.updated(regimen={"doses": []})
    drug, vehicle = (summarise(simulate(each, replicates=6, seed=3)) for each in (scenario, control))
    values, base = drug["mean"].to_numpy(), vehicle["mean"].to_numpy()
    cell = result.isel(scenario=0).sel(amount=30, **{"loss_nascent": 2.0})
    assert cell["quantity"].to_numpy().tolist() == drug["quantity"].to_numpy().tolist()
    np.testing.assert_array_equal(cell["end_day"], drug["end_day"])
    for prefix, each in (("", values), ("control_", base), ("contrast_", values - base)):
        np.testing.assert_array_equal(cell[prefix + "known"], np.isfinite(each).sum(axis=0))
        np.testing.assert_allclose(cell[prefix + "mean"], np.nanmean(each, axis=0), rtol=1e-13, atol=1e-16)
        np.testing.assert_allclose(cell[prefix + "variance"], np.nanvar(each, axis=0, ddof=1), rtol=1e-9, atol=1e-16)
        quantiles = np.nanquantile(each, cell["quantile"].to_numpy(), axis=0)
        np.testing.assert_allclose(cell[prefix + "quantiles"], quantiles, rtol=1e-13, atol=1e-16)
    assert result.attrs["design"] == "grid"
    assert result["amount"].attrs["units"] == "mg/kg"


def test_pieces_merge_to_the_whole(monkeypatch):
    """Mean and variance of a cell in five pieces are those of the replicates together; quantiles come near."""
    whole = small(replicates=100, grid={AMOUNT: [10]})
    monkeypatch.setattr(work, "_MOST_IN_PIECE", 20)
    pieces = small(replicates=100, grid={AMOUNT: [10]})
    for prefix in ("", "contrast_"):
        np.testing.assert_array_equal(whole[prefix + "known"], pieces[prefix + "known"])
        np.testing.assert_allclose(whole[prefix + "mean"], pieces[prefix + "mean"], rtol=1e-13, atol=1e-16)
        np.testing.assert_allclose(whole[prefix + "variance"], pieces[prefix + "variance"], rtol=1e-11, atol=1e-16)
        spread = np.sqrt(whole[prefix + "variance"].to_numpy())
        gap = np.abs((whole - pieces)[prefix + "quantiles"].sel(quantile=0.5).to_numpy())
        assert (gap <= 0.35 * spread).all()


def test_merging_bears_what_is_never_known():
    rng = np.random.Generator(np.random.Philox(key=1))
    values = rng.normal(size=(90, 4))
    values[:30, 1] = np.nan
    values[60:, 2] = np.nan
    values[:, 3] = np.nan
    records = np.stack([work._summary(part, (0.5,), "weibull") for part in np.split(values, 3)])
    total = work.merged(records)
    known = np.isfinite(values)
    np.testing.assert_array_equal(total[0], known.sum(axis=0))
    for column in range(3):
        x = values[known[:, column], column]
        np.testing.assert_allclose(total[1:3, column], [x.mean(), ((x - x.mean()) ** 2).sum()], rtol=1e-12)
    assert np.isnan(total[1:, 3]).all()


def test_quantiles_of_many_pieces_have_their_level():
    """The mean of the pieces' quantiles lies at its level within four standard errors; that of one 5 % off does not."""
    rng = np.random.Generator(np.random.Philox(key=2))
    u = rng.uniform(size=(400 * 1024, 1))  # of uniforms the quantile is its own level
    levels = (0.025, 0.5, 0.975)
    records = np.stack([work._summary(part, levels, "weibull") for part in np.split(u, 400)])
    found = work.merged(records)[work.ROWS :, 0]
    error = np.sqrt(np.array(levels) * (1 - np.array(levels)) / len(u))
    assert (np.abs(found - levels) < 4 * error).all()
    assert not (np.abs(found * 1.05 - levels) < 4 * error).any()


def test_without_a_control_and_with_another():
    alone = small(control="none", grid={AMOUNT: [10]})
    assert not any(name.startswith(("control", "contrast")) for name in alone.data_vars)
    same = small(control={AMOUNT: 10}, grid={AMOUNT: [10]})
    np.testing.assert_array_equal(same["mean"], alone["mean"])
    np.testing.assert_array_equal(same["contrast_mean"].fillna(0), 0)


def test_schedules_that_differ_are_reported_together():
    other = SMALL.updated(name="other", schedule={"sessions": [-1, 1, 5]})
    both = sweep([SMALL, other], grid={AMOUNT: [10]}, replicates=3, seed=1, quantities=["formation_fraction"])
    assert both["end_day"].to_numpy().tolist() == [1, 3, 5]
    known = both["known"].to_numpy()[:, 0]
    assert known.tolist() == [[3, 3, 0], [3, 0, 3]]
    assert np.isnan(both["mean"].to_numpy()[0, 0, 2])


def test_a_table_and_text_levels():
    rows = [
        {LOSS: 0.5, "scenario.subject.genotype": "wild-type"},
        {LOSS: 1, "scenario.subject.genotype": "5-HT2A knock-out"},
    ]
    found = small(grid=None, parameters=rows)
    assert found["genotype"].to_numpy().tolist() == ["wild-type", "5-HT2A knock-out"]
    assert found["mean"].dims == ("scenario", "sample", "point")
    by_grid = small(grid={LOSS: [0.5]})
    np.testing.assert_array_equal(found["mean"][:, 0], by_grid["mean"][:, 0])


def test_a_cell_that_cannot_be_simulated_is_reported_and_stops_no_other():
    formation = "phoumthipphavong2016.formation"
    found = small(grid={formation: [0.01, 2.9]})
    assert found["failed"].to_numpy()[0].tolist() == [0, 1]
    assert np.isnan(found["mean"].to_numpy()[0, 1]).all()
    assert (found["known"].to_numpy()[0, 1] == 0).all()
    assert np.isfinite(found["mean"].to_numpy()[0, 0]).any()
    assert "young spines" in json.loads(found.attrs["failures"])[0]
    with pytest.raises(SweepError, match=r"no cell can be simulated; cell 0: .*young spines"):
        small(grid={formation: [2.9]})


# -- on disk ---------------------------------------------------------------------------------------------------


def test_the_result_on_disk_is_the_result_in_memory(result, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_CHUNK_CELLS", 2)  # so that chunks are cut in both dims
    seen = []
    out = tmp_path / "deep" / "out"
    found = small(out=out, progress=lambda done, of: seen.append((done, of)))
    xr.testing.assert_identical(found.load(), result)
    assert seen == [(6 * k, 36) for k in range(7)]
    assert sorted(names_in(out)) == ["plan.json", "sweep.zarr"]
    xr.testing.assert_identical(open_sweep(out).load(), result)
    assert json.loads((out / "plan.json").read_text())["digest"] == result.attrs["scenario_digest"]
    again = []
    small(out=out, progress=lambda done, _: again.append(done))
    assert again == []
    small(out=out, netcdf=True)
    assert sorted(names_in(out)) == ["plan.json", "sweep.nc"]
    with open_sweep(out) as from_netcdf:
        xr.testing.assert_equal(from_netcdf, result)
        assert from_netcdf["mean"].attrs == result["mean"].attrs


def interrupted(out, after):
    """Run until some pieces are done, then fail."""

    def stop(done, _):
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(out=out, progress=stop)


def test_an_interrupted_sweep_goes_on(result, tmp_path):
    interrupted(tmp_path, after=12)
    assert not (tmp_path / "sweep.zarr").exists()
    with pytest.raises(SweepError, match="holds no finished sweep"):
        open_sweep(tmp_path)
    seen = []
    found = small(out=tmp_path, progress=lambda done, _: seen.append(done))
    assert seen == [12, 18, 24, 30, 36]
    xr.testing.assert_identical(found.load(), result)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_slot_that_was_half_written_is_done_again(result, tmp_path, damage):
    interrupted(tmp_path, after=18)
    journal = tmp_path / "cells.journal"
    content = bytearray(journal.read_bytes())
    size = len(content) // 3
    if damage == "cut":
        content = content[:-7]
    elif damage == "changed":
        content[size + 300] ^= 1
    else:
        content[:size] = bytes(size)
    journal.write_bytes(content)
    seen = []
    found = small(out=tmp_path, progress=lambda done, _: seen.append(done))
    assert seen == [12, 18, 24, 30, 36]
    xr.testing.assert_identical(found.load(), result)


def test_a_result_that_was_half_written_is_written_again(result, tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "merged", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        small(out=tmp_path)
    assert not (tmp_path / "sweep.zarr").exists()
    monkeypatch.undo()
    xr.testing.assert_identical(small(out=tmp_path).load(), result)
    assert sorted(names_in(tmp_path)) == ["plan.json", "sweep.zarr"]


def test_another_plan_does_not_go_on(tmp_path, monkeypatch):
    interrupted(tmp_path, after=6)
    with pytest.raises(SweepError, match=r"holds another sweep \(other replicates, seed\)"):
        small(out=tmp_path, replicates=7, seed=4)
    monkeypatch.setattr(journals, "made_with", lambda: "synmodel 9")
    with pytest.raises(SweepError, match=r"was begun with synmodel .*, this is synmodel 9"):
        small(out=tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(SweepError, match="is no plan of a sweep"):
        small(out=tmp_path)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(SweepError, match="is no plan of a sweep"):
        small(out=tmp_path)


def test_two_processes_do_not_share_a_folder(tmp_path):
    plan = plan_of(SMALL, grid=GRID, replicates=6, seed=3)
    journals.claim(plan, tmp_path)
    with journals.opened(plan, tmp_path), pytest.raises(SweepError, match="another process is working on"):
        run_plan(plan, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SweepError, match="cannot be written"):
        run_plan(plan, tmp_path / "file")


# -- Sobol indices ---------------------------------------------------------------------------------------------


def test_sobol_indices_of_the_ishigami_function():
    """Closed form: y = sin a + 7 sin^2 b + 0.1 c^4 sin a on (-pi, pi)^3 (Ishigami and Homma 1990)."""
    names = ["shao2021.formation_trend", "phoumthipphavong2016.formation_trend", "scenario.cohort.length_um"]
    ranges = {name: Range(low=-np.pi, high=np.pi) for name in names}
    design = sample_design(RangeSample(method="saltelli", points=2048, ranges=ranges), 1, [SMALL])
    a, b, c = (np.array(factor.levels).reshape(design.shape) for factor in design.factors)
    y = np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)
    constant = np.ones_like(y)
    dataset = xr.Dataset(
        {"mean": (("scenario", "matrix", "sample", "point"), np.stack([y, constant], axis=-1)[None])},
        {
            "scenario": ["s"], "matrix": ["A", "B", "a", "b", "c"], "quantity": ("point", ["y", "constant"]),
            "start_day": ("point", [0.0, 0.0]), "end_day": ("point", [1.0, 1.0]),
        },
        {"design": "saltelli"},
    )  # fmt: skip
    indices = sobol_indices(dataset, "mean", resamples=200).isel(scenario=0)
    variance = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2 + 7**2 / 8 + 0.1**2 * np.pi**8 * (1 / 18 - 1 / 50)
    alone = np.array([0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 7**2 / 8, 0]) / variance
    both = 0.1**2 * np.pi**8 * (1 / 18 - 1 / 50) / variance
    for order, exact in (("first_order", alone), ("total_order", alone + np.array([both, 0, both]))):
        found, low, high = (indices[order + end].to_numpy()[:, 0] for end in ("", "_low", "_high"))
        np.testing.assert_allclose(found, exact, atol=0.03)
        assert (low <= found).all()
        assert (found <= high).all()
        assert (high - low < 0.25).all()
    assert np.isnan(indices["first_order"].to_numpy()[:, 1]).all()
    xr.testing.assert_identical(indices, sobol_indices(dataset, "mean", resamples=200).isel(scenario=0))


def test_sobol_indices_of_a_sweep_and_what_they_refuse(result, tmp_path):
    ranges = {AMOUNT: {"low": 1, "high": 30, "scale": "log"}, "phoumthipphavong2016.miss": {"low": 0.01, "high": 0.011}}
    sample = {"method": "saltelli", "points": 8, "ranges": ranges}
    found = small(grid=None, sample=sample, out=tmp_path)
    indices = sobol_indices(tmp_path, resamples=50)
    assert indices["factor"].to_numpy().tolist() == ["amount", "miss"]
    gain = indices.isel(scenario=0, point=1)
    assert gain["quantity"] == "formation_fraction"
    assert float(gain["total_order"].sel(factor="amount")) > 0.8
    assert float(gain["total_order"].sel(factor="miss")) < 0.2
    with pytest.raises(SweepError, match="need a sample of the method saltelli, this design is grid"):
        sobol_indices(result)
    with pytest.raises(SweepError, match="output 'men' is not in the result; did you mean 'mean'"):
        sobol_indices(found, "men")
    with pytest.raises(SweepError, match="level is 2"):
        sobol_indices(found, level=2)


# -- files and the command line ----------------------------------------------------------------------------------

DOCUMENT = """
name = "mine"
scenarios = ["scenarios/mine.toml"]
replicates = 4
[fixed]
"scenario.cohort.animals" = 1
[grid]
"scenario.regimen.doses[0].amount" = [1, 10]
"""


@pytest.fixture
def document(tmp_path):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.toml").write_text(SMALL.to_toml())
    path = tmp_path / "mine.toml"
    path.write_text(DOCUMENT)
    return path


def test_a_plan_from_a_file(document):
    plan = load_plan(document)
    assert plan.n_cell == 2
    assert plan.scenarios == (changed(SMALL, {"scenario.cohort.animals": 1}),)
    assert plan.digest == load_plan(str(document)).digest
    (document.parent / "p.toml").write_text((synmodel.library.path_of("parameters", "mechanism")).read_text())
    document.write_text('base = "p.toml"\n' + DOCUMENT)
    assert load_plan(document).base.digest() != ""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("replicates = 4", "replicates = 4.5", "sweep.replicates is 4.5"),
        ("[fixed]", 'contrl = "none"\n[fixed]', "sweep.contrl is not known; did you mean 'control'"),
        ("scenarios/mine", "scenarios/other", "cannot read .*other.toml"),
        ('"scenario.regimen.doses[0].amount"', "shao2021.formation", '"shao2021.formation" = '),
        ("[1, 10]", "[1, 10", "not valid TOML"),
        ("animals", "animls", "animls is not known"),
    ],
)
def test_a_file_with_a_fault_is_one_line(document, old, new, expected):
    document.write_text(DOCUMENT.replace(old, new))
    with pytest.raises(SynmodelError, match=expected) as error:
        load_plan(document)
    assert str(document.parent) in str(error.value)
    assert "\n" not in str(error.value)


def test_embedded_sweeps_are_sound():
    names = synmodel.library.names("sweeps")
    assert names
    for name in names:
        assert load_plan(name).n_cell > 1


# -- numbers of other libraries, and names without an import -----------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        np.array([1, 3], "uint8"),
        np.array([1.0, 3.0]),
        xr.DataArray([1, 3]),
        xr.DataArray([1, 3]).to_series(),
        [np.float32(1), np.int64(3)],
    ],
)
def test_levels_are_lists_or_arrays(given):
    plain = plan_of(SMALL, grid={AMOUNT: [1, 3]}, replicates=1, seed=1)
    for way in ({"grid": {AMOUNT: given}}, {"parameters": [{AMOUNT: each} for each in given]}):
        plan = plan_of(SMALL, **way, replicates=1, seed=1)
        levels = plan.design.factors[0].levels
        assert levels == (1, 3)
        assert {type(level) for level in levels} <= {int, float}
        assert [plan.cell(n).scenario for n in (0, 1)] == [plain.cell(n).scenario for n in (0, 1)]
        assert len(plan.digest) == 64


def test_an_array_can_be_one_level():
    sessions = "scenario.schedule.sessions"
    for levels in ([np.array([-1, 1]), np.array([-1, 1, 3])], [(-1, np.int64(1)), [-1, 1, 3]]):
        plan = plan_of(SMALL, grid={sessions: levels}, replicates=1, seed=1)
        assert plan.cell(1).scenario.schedule.sessions == (-1, 1, 3)
        assert plan.design.factors[0].labels == ["[-1, 1]", "[-1, 1, 3]"]


def test_values_of_numpy_stand_in_a_scenario():
    scenario = changed(SMALL, {LOSS: np.int64(1), "scenario.cohort.animals": np.int8(4), AMOUNT: np.float32(2.5)})
    assert scenario == changed(SMALL, {LOSS: 1, "scenario.cohort.animals": 4, AMOUNT: 2.5})


@pytest.mark.parametrize("given", [np.array(1.0), np.array([]), np.float64(3)])
def test_an_array_without_levels_is_refused(given):
    with pytest.raises(SweepError, match=r"loss_nascent is (1.0|\[\]|3.0); give a list of at least one value"):
        small(grid={LOSS: given})


def test_modules_need_no_import_of_their_own():
    code = (
        "import synmodel\n"
        "print(synmodel.sweeps.open_sweep.__name__, synmodel.imaging.summarise.__name__, synmodel.sweep.__name__)\n"
        "for name in dir(synmodel): getattr(synmodel, name)\n"
        "print(synmodel.turnover.trace.__name__, synmodel.simulate is synmodel.simulation.simulate)\n"
        "synmodel.sweps"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.stdout.splitlines() == ["open_sweep summarise sweep", "trace True"]
    assert out.stderr.splitlines()[-1].startswith("AttributeError: module 'synmodel' has no attribute 'sweps'")
