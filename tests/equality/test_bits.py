"""The same seed gives the same bits: threads, blocks, compiled or interpreted."""

import hashlib
from dataclasses import replace

import numba
import numpy as np
import pytest
import xarray as xr
from interpreted import interpreted

from synmodel import simulation
from synmodel.imaging import summarise
from synmodel.scenario import load
from synmodel.turnover import TurnoverModel, simulate, tables, trace
from synmodel.turnover.initial import Initial
from synmodel.turnover.start import start_of

SESSIONS = [-3.0, -1.0, 1.0, 3.0, 34.0]
THREE = TurnoverModel(
    ("filopodium", "thin", "mushroom"),
    (2.0, 0.3, 0.0),
    [[0, 0.5, 0.05], [0.03, 0, 0.1], [0, 0.02, 0]],
    [1.5, 0.15, 0.005],
    formation_cv_dendrite=0.4,
    formation_trend=0.01,
)
START = {"poisson": [2, 10, 80]}
DRIVE = xr.Dataset(
    {"formation": ("time", [2.7, 0.5]), "elimination": ("time", [0.5, 1.2]), "maturation": ("time", [1.5, 0.0])},
    {"time": [0.0, 2.5]},
)


def run(replicates=40, **options):
    design = {"initial": START, "times": SESSIONS, "drive": DRIVE, "dendrites": 3, "seed": 99}
    return simulate(THREE, replicates=replicates, **{**design, **options})


def digest(dataset):
    return hashlib.sha256(
        b"".join(dataset[name].to_numpy().tobytes() for name in ("count", "gained", "lost"))
    ).hexdigest()


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_threads_do_not_matter(engine):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread on this machine")
    assert digest(run(engine=engine, threads=1)) == digest(run(engine=engine, threads=2))


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_a_replicate_does_not_depend_on_how_many_are_run(engine):
    few, many = run(10, engine=engine), run(50, engine=engine)
    for name in few.data_vars:
        np.testing.assert_array_equal(few[name], many[name][:10])


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_another_seed_gives_other_spines(engine):
    assert digest(run(engine=engine)) != digest(run(engine=engine, seed=100))


@pytest.mark.parametrize("length_um", [None, [1.0, 0.3, 2.0]])
@pytest.mark.parametrize("times", [SESSIONS, [-5.0, -4.0, -3.0, -2.0, 4.0, 5.0, 6.0]])
@pytest.mark.parametrize("trend", [0.0, 0.01])
def test_tables_of_probabilities_change_no_bit(monkeypatch, length_um, times, trend):
    """Also where intervals have the same elimination, or newborn as well, and share their rows."""
    model = replace(THREE, formation_cv_dendrite=0.0, formation_trend=trend)
    design = {"initial": START, "times": times, "drive": DRIVE, "dendrites": 3, "length_um": length_um, "seed": 99}
    monkeypatch.setattr(tables, "_FEW", 0)
    with_tables = digest(simulate(model, replicates=400, **design))
    monkeypatch.setattr(tables, "_FEW", 10**9)
    assert with_tables == digest(simulate(model, replicates=400, **design))


def test_interpreted_code_gives_the_bits_of_compiled_code():
    engines = ("sessions", "events", "coupled")
    plain = interpreted(__file__, f"[digest(run(3, engine=engine)) for engine in {engines}]")
    assert plain == [digest(run(3, engine=engine)) for engine in engines]


def test_full_histories_are_those_that_are_counted():
    counted = run(20, engine="events")
    key = {"animals": 1, "dendrites": 3, "length_um": None, "seed": 99}
    start = start_of(THREE, Initial((2.0, 10.0, 80.0), poisson=True), replicates=np.arange(20), **key)
    spines = trace(THREE, start, np.array(SESSIONS), seed=99, drive=DRIVE)
    classes = spines["spine_class"].to_numpy()
    for k in range(len(SESSIONS)):
        for c in range(3):
            here = classes[:, k] == c
            count = np.zeros((20, 3), int)
            np.add.at(count, (spines["replicate"].to_numpy()[here], spines["dendrite"].to_numpy()[here]), 1)
            np.testing.assert_array_equal(count, counted["count"][:, :, k, c])
    alive = np.isinf(spines["death_day"].to_numpy())
    assert ((classes[:, -1] >= 0) == alive).all()
    assert (spines["birth_day"] <= spines["death_day"]).all()


def test_blocks_of_replicates_do_not_matter(monkeypatch):
    scenario = load("psilocybin-mouse")
    whole = simulation.simulate(scenario, replicates=6, seed=3)
    monkeypatch.setattr(simulation, "_BLOCK_SPINES", 1)
    seen = []
    blocks = simulation.simulate(scenario, replicates=6, seed=3, progress=lambda done, of: seen.append((done, of)))
    xr.testing.assert_identical(whole, blocks)
    assert seen == [(k, 6) for k in range(1, 7)]


def test_scenarios_share_draws_until_the_dose():
    """A drug changes nothing before it is given, and only what follows from it afterwards."""
    drug = simulation.simulate("psilocybin-mouse", replicates=20, seed=3)
    vehicle = simulation.simulate("saline-mouse", replicates=20, seed=3)
    before = {"session": slice(0, 2)}
    np.testing.assert_array_equal(drug["spine_count"].isel(before), vehicle["spine_count"].isel(before))
    np.testing.assert_array_equal(drug["lost"][..., 0], vehicle["lost"][..., 0])
    assert float(drug["spine_count"][..., 3].mean()) > float(vehicle["spine_count"][..., 3].mean())


def test_shared_draws_make_contrasts_sharper():
    drug = summarise(simulation.simulate("psilocybin-mouse", replicates=60, seed=3))["mean"]
    paired = drug - summarise(simulation.simulate("saline-mouse", replicates=60, seed=3))["mean"]
    separate = drug - summarise(simulation.simulate("saline-mouse", replicates=60, seed=4))["mean"]
    turnover = np.isin(drug["quantity"], ["formation_fraction", "elimination_fraction", "density_change"])
    after = turnover & (drug["end_day"].to_numpy() > 0)
    ratio = separate.var("replicate").to_numpy()[after] / paired.var("replicate").to_numpy()[after]
    assert np.median(ratio) > 3
    assert ratio.min() > 1.5


def test_saline_is_the_drug_free_model():
    """A dose of saline and no dose at all give the same bits."""
    scenario = load("saline-mouse")
    from synmodel.scenario import Dose, Regimen

    dosed = scenario.updated(regimen=Regimen(doses=(Dose(compound="saline", amount=1, route="i.p."),)))
    for name in ("spine_count", "gained", "lost", "head_width"):
        a, b = (simulation.simulate(each, replicates=10, seed=1)[name] for each in (scenario, dosed))
        np.testing.assert_array_equal(a, b)
