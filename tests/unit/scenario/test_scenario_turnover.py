"""The table [turnover] of a scenario: what is read, which engine runs, and the bits that it gives."""

import hashlib

import numba
import numpy as np
import pytest
import xarray as xr
from interpreted import interpreted

from synmodel.analysis.caveats import notes_of
from synmodel.analysis.intervals import expected_statistics
from synmodel.analysis.simulated import simulate_scenario
from synmodel.analysis.sweeps import plan_of, run_plan
from synmodel.core.errors import ScenarioError, SimulationError
from synmodel.report.sweeps import document, tables
from synmodel.scenario import load, loads
from synmodel.simulation import expectation, simulate
from synmodel.simulation.assays import density_folds
from synmodel.turnover import Interaction, TurnoverModel, joined, trace, trace_coupled, trace_sessions
from synmodel.turnover import simulate as simulate_spines
from synmodel.turnover.initial import Initial
from synmodel.turnover.simulator import thread_count
from synmodel.turnover.start import Start, start_of

pytestmark = pytest.mark.heavy

PLAIN = load("psilocybin-mouse").updated(cohort={"animals": 3, "dendrites_per_animal": 4})
CROWDING = {"crowding": {"n_max_per_um": 1.5}}
HOMEOSTASIS = {"homeostasis": {"steepness": 2.0}}
POOL = {"pool": {"shares_per_um": 1.5, "share": {"mature": 1.2}}}
ELIMINATION_BY_SIZE = {"elimination_by_size": {"steepness": 3.0, "most": 5.0}}
ALL = [CROWDING, HOMEOSTASIS, POOL, ELIMINATION_BY_SIZE, {**CROWDING, **HOMEOSTASIS, **POOL, "engine": "coupled"}]


@pytest.mark.parametrize("table", ALL)
def test_a_table_round_trips_and_counts_in_the_digest(table):
    plan = PLAIN.updated(turnover=table)
    again = loads(plan.to_toml())
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.digest() == plan.digest() != PLAIN.digest()


def test_a_table_that_says_nothing_leaves_the_digest():
    assert PLAIN.updated(turnover={"engine": "auto", "batch": 1}).digest() == PLAIN.digest()
    assert "turnover" not in PLAIN.to_toml()
    assert load("psilocybin-mouse").digest().startswith("dce382c1b2423a17")  # as before there was such a table


@pytest.mark.parametrize(
    ("table", "place", "allowed"),
    [
        ({"crowding": {"n_max_per_um": 0}}, "turnover.crowding.n_max_per_um is 0", "above 0 to 1000"),
        ({"crowding": {"n_max_per_um": 1e6}}, "turnover.crowding.n_max_per_um is 1000000.0", "above 0 to 1000"),
        ({"crowding": {}}, "turnover.crowding.n_max_per_um is missing", "spines per um"),
        ({"batch": 0}, "turnover.batch is 0", "1 to 1000"),
        ({"batch": 2.5}, "turnover.batch is 2.5", "1 to 1000"),
        ({"batch": 2, "engine": "events"}, 'engine "events" are independent', "with batch"),
        ({"crowdin": {}}, "turnover.crowdin is not known", "did you mean 'crowding'"),
        ({"homeostasis": {"steepness": 21}}, "turnover.homeostasis.steepness is 21", "0 to 20"),
        ({"pool": {"shares_per_um": 1, "share": {"matur": 1}}}, "turnover.pool.share['matur']", "'mature'"),
        ({"pool": {"shares_per_um": 1, "share": {"mature": -1}}}, "turnover.pool.share['mature'] is -1", "0 to 1000"),
        (
            {"elimination_by_size": {"steepness": 2, "most": 1}},
            "turnover.elimination_by_size.most is 1",
            "above 1 to 100",
        ),
        ({"engine": "fast"}, "turnover.engine is 'fast'", "'counts' or 'coupled'"),
        ({**CROWDING, "engine": "events"}, "turnover is", '"coupled" with crowding'),
        ({**CROWDING, "engine": "sessions"}, "turnover is", '"coupled" with crowding'),
        ({**CROWDING, "engine": "counts"}, "turnover is", '"coupled" with crowding'),
        ({**ELIMINATION_BY_SIZE, "engine": "counts"}, "turnover is", '"events" with elimination_by_size'),
        ({**ELIMINATION_BY_SIZE, "engine": "coupled"}, "turnover is", '"events" with elimination_by_size'),
        ({**ELIMINATION_BY_SIZE, **POOL}, "turnover is", "pool and elimination_by_size are both given"),
    ],
)
def test_a_fault_is_one_line(table, place, allowed):
    with pytest.raises(ScenarioError) as fault:
        PLAIN.updated(turnover=table)
    assert place in str(fault.value)
    assert allowed in str(fault.value)
    assert "\n" not in str(fault.value)


def test_absurd_work_is_refused():
    with pytest.raises(ScenarioError, match="shared by 2000 dendrites of an animal; allowed are 1000"):
        PLAIN.updated(turnover=POOL, cohort={"dendrites_per_animal": 2000})
    steep = PLAIN.updated(turnover={"homeostasis": {"steepness": 20.0, "n_star_per_um": 0.01}})
    with pytest.raises(SimulationError, match=r"multiplies elimination by .* at the first session"):
        simulate(steep, replicates=1, seed=1)


@pytest.mark.parametrize(
    ("table", "engine"),
    [
        ({}, "events"),
        (CROWDING, "coupled"),
        (HOMEOSTASIS, "coupled"),
        (POOL, "coupled"),
        (ELIMINATION_BY_SIZE, "events"),
        ({"homeostasis": {"steepness": 0.0}}, "events"),
        ({"engine": "coupled"}, "coupled"),
        ({"batch": 3}, "coupled"),
        ({"batch": 1}, "events"),
        ({"engine": "sessions"}, "sessions"),
        ({"engine": "counts"}, "counts"),
    ],
)
def test_the_engine_is_named(table, engine):
    assert simulate(PLAIN.updated(turnover=table), replicates=1, seed=1).attrs["engine"] == engine


@pytest.mark.parametrize(
    "table", [{"homeostasis": {"steepness": 0.0}}, {"elimination_by_size": {"steepness": 0.0, "most": 5.0}}]
)
def test_strength_0_gives_the_bits_of_the_plain_scenario(table):
    seen = simulate(PLAIN.updated(turnover=table), replicates=5, seed=3)
    xr.testing.assert_equal(seen, simulate(PLAIN, replicates=5, seed=3))


@pytest.mark.parametrize("table", [ELIMINATION_BY_SIZE, {"engine": "sessions"}, {"engine": "counts"}, ALL[-1]])
def test_threads_and_blocks_do_not_matter(table, monkeypatch):
    plan = PLAIN.updated(turnover=table)
    whole = simulate(plan, replicates=4, seed=3)
    if numba.config.NUMBA_NUM_THREADS > 1:
        with thread_count(1):
            xr.testing.assert_identical(simulate(plan, replicates=4, seed=3), whole)
    monkeypatch.setattr("synmodel.simulation._BLOCK_SPINES", 1)
    xr.testing.assert_identical(simulate(plan, replicates=4, seed=3), whole)
    xr.testing.assert_equal(
        simulate(plan, replicates=2, seed=3, first_replicate=2), whole.isel(replicate=slice(2, None))
    )


@pytest.mark.parametrize("table", [CROWDING, HOMEOSTASIS, POOL, ELIMINATION_BY_SIZE])
def test_what_has_no_exact_expectations_says_so(table):
    plan = PLAIN.updated(turnover=table)
    for exact in (expectation, expected_statistics, lambda each: density_folds(each, [24.0])):
        with pytest.raises(ScenarioError, match=r"ha(ve|s) no exact expectations; simulate it"):
            exact(plan)
    result = simulate_scenario(plan, replicates=1, seed=1, draws=3)
    assert result.expected is None
    assert any(
        "intervals of the posterior and the check against evidence are left out" in each for each in result.notes
    )
    assert notes_of(PLAIN) == [each for each in result.notes if each in notes_of(PLAIN)]


def test_a_sweep_says_what_it_leaves_out(tmp_path):
    plan = plan_of(
        [PLAIN.updated(turnover=CROWDING)],
        grid={"scenario.turnover.crowding.n_max_per_um": [1.0, 2.0]},
        replicates=2,
        seed=1,
    )
    result = run_plan(plan, tmp_path / "sweep")
    assert result["n_max_per_um"].attrs["units"] == "1/um"
    told = document(plan, result, None)
    assert "spines that interact (crowding) have no exact expectations" in told["notes"][0]
    assert any("no arm of" in note or "turnover without a drug" in note for note in told["notes"][1:])
    assert [table.title.plain for table in tables(told)][1] == "Read with care"


MODEL = TurnoverModel(("nascent", "mature"), 3.0, [[0, 0.3], [0.1, 0]], [0.6, 0.1], formation_cv_dendrite=0.4)
TIMES = np.array([0.0, 1.0, 4.0, 12.0])
DRIVE = xr.Dataset({"formation": ("time", [2.5, 0.6]), "elimination": ("time", [0.5, 1.5])}, {"time": [0.5, 2.0]})
INTERACTIONS = {
    "none": Interaction(),
    "crowding": Interaction(n_max=30),
    "batches": Interaction(batch=4),
    "all": Interaction(n_max=40, n_star=12, homeostasis=1.5, pool=160, pool_share=(1, 3), batch=2),
}


def begun():
    key = {"animals": 2, "dendrites": 3, "length_um": None, "seed": 2}
    return start_of(MODEL, Initial((3.0, 5.0), poisson=True), replicates=np.arange(30), **key)


def test_groups_that_leave_dendrites_over_are_refused():
    with pytest.raises(SimulationError, match=r"coupling\.group is 4; give a number that divides the 6 dendrites"):
        trace_coupled(MODEL, begun(), TIMES, seed=2, interaction=INTERACTIONS["all"], group=4, drive=DRIVE)


@pytest.mark.parametrize("name", INTERACTIONS)
def test_full_histories_are_those_that_the_coupled_engine_counts(name):
    """Numbers, gains and losses of every dendrite, bit by bit."""
    interaction = INTERACTIONS[name]
    counted = simulate_spines(
        MODEL, initial={"poisson": [3, 5]}, times=TIMES, replicates=30, animals=2, dendrites=3, drive=DRIVE,
        engine="coupled", interaction=interaction, seed=2,
    )  # fmt: skip
    spines = trace_coupled(MODEL, begun(), TIMES, seed=2, interaction=interaction, group=3, drive=DRIVE)
    classes, there = spines["spine_class"].to_numpy(), spines["spine_class"].to_numpy() >= 0
    row = spines["replicate"].to_numpy() * 6 + spines["dendrite"].to_numpy()

    def of_dendrites(spine):
        return np.bincount(row[spine], minlength=180).reshape(30, 6)

    for k in range(len(TIMES)):
        for c in range(2):
            np.testing.assert_array_equal(of_dendrites(classes[:, k] == c), counted["count"][:, :, k, c])
    for k in range(len(TIMES) - 1):
        np.testing.assert_array_equal(of_dendrites(there[:, k + 1] & ~there[:, k]), counted["gained"][:, :, k])
        np.testing.assert_array_equal(of_dendrites(there[:, k] & ~there[:, k + 1]), counted["lost"][:, :, k])
    formed = spines["birth_day"].to_numpy()[:, None] <= TIMES
    lost = spines["death_day"].to_numpy()[:, None] <= TIMES
    np.testing.assert_array_equal(formed & ~lost, there)
    for dendrite in range(180):
        names = spines["spine_key"].to_numpy()[row == dendrite]
        assert sorted(names) == list(range(len(names)))


def test_an_animal_alone_has_the_spines_that_it_has_among_others():
    start = begun()
    coupled = {"interaction": INTERACTIONS["all"], "group": 3}
    for run, more in ((trace, {}), (trace_sessions, {}), (trace_coupled, coupled)):
        whole = run(MODEL, start, TIMES, seed=2, drive=DRIVE, **more)
        parts = []
        for r in range(30):
            for d in (0, 3):
                part = Start(start.initial[r : r + 1, d : d + 3], start.scale[r : r + 1, d : d + 3])
                parts.append(run(MODEL, part, TIMES, seed=2, drive=DRIVE, first=(r, d), **more))
        xr.testing.assert_identical(joined(parts), whole)


def test_sessions_name_so_many_spines_and_no_more():
    many = Start(np.array([[[70_000, 0]]]), np.ones((1, 1)))
    with pytest.raises(SimulationError, match="70000 spines at first"):
        trace_sessions(MODEL, many, TIMES, seed=1)
    spines = trace_sessions(MODEL, begun(), TIMES, seed=1)
    for dendrite in range(6):
        names = spines["spine_key"].to_numpy()[(spines["dendrite"] == dendrite) & (spines["replicate"] == 0)]
        assert len(set(names)) == len(names)
    assert np.isnan(spines["birth_day"]).all()


def digests():
    """Of a few spines of both loops, in one line."""
    start = Start(begun().initial[:2], begun().scale[:2])
    spines = [
        trace_sessions(MODEL, start, TIMES, seed=2, drive=DRIVE),
        trace_coupled(MODEL, start, TIMES, seed=2, interaction=INTERACTIONS["all"], group=3, drive=DRIVE),
    ]
    names = ("spine_key", "birth_day", "death_day", "spine_class")
    parts = [each[name].to_numpy().tobytes() for each in spines for name in names]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_interpreted_code_gives_the_bits_of_compiled_code():
    assert interpreted(__file__, "digests()") == digests()
