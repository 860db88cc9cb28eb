"""Subjects of a scenario who differ: what is read, whose draws they are, and what is written of them."""

import json

import numba
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from synmodel.analysis.caveats import notes_of
from synmodel.analysis.intervals import scenario_draws
from synmodel.analysis.simulated import simulate_scenario
from synmodel.analysis.sweeps.factors import changed
from synmodel.cli import app
from synmodel.core.errors import ScenarioError, SimulationError
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load, loads
from synmodel.simulation import drive_of, expectation, is_possible, mechanism_of, simulate
from synmodel.simulation.population import population_bands, subjects_of
from synmodel.simulation.subjects import between_subjects, terms_of
from synmodel.turnover.simulator import thread_count

pytestmark = pytest.mark.heavy

PLAIN = load("psilocybin-mouse").updated(cohort={"animals": 3, "dendrites_per_animal": 4})
SPREADS = {"clearance": 0.3, "volume": 0.2, "potency": {"log_sd": 0.3, "status": "measured", "source": "mine"}}
VARIED = PLAIN.updated(variability=SPREADS)
NOTHING = PLAIN.updated(variability=dict.fromkeys(SPREADS, 1e-18))  # differs by less than the last bit
BASE = default_parameters()


def test_a_table_round_trips_and_counts_in_the_digest():
    again = loads(VARIED.to_toml())
    assert again == VARIED
    assert hash(again) == hash(VARIED)
    assert again.digest() == VARIED.digest() != PLAIN.digest()
    assert PLAIN.updated(variability={}).digest() == PLAIN.digest()
    assert "clearance = 0.3" in VARIED.to_toml()
    assert changed(VARIED, {"scenario.variability.clearance": 0.5}).variability["clearance"].log_sd == 0.5


@pytest.mark.parametrize(
    ("table", "place", "allowed"),
    [
        ({"clearance": -0.1}, "variability.clearance.log_sd is -0.1", "greater than or equal to 0"),
        ({"clearance": 30}, "variability.clearance.log_sd is 30", "less than or equal to 1.5"),
        ({"clearance": "wide"}, "variability.clearance.log_sd is 'wide'", "a number"),
        ({"clearence": 0.3}, "variability['clearence'] is not known", "did you mean 'clearance'"),
        ({"volume": {"log_sd": 0.2, "status": "measured"}}, "variability.volume", "without source"),
        ({"volume": {"sd": 0.2}}, "variability.volume.log_sd is missing", "add it"),
        ({"psilocin": {"mouse_volume": 0.2}}, "variability['psilocin']", '"psilocin.mouse_volume" = 0.2'),
        ({"shao2021.formation": 0.2}, "variability['shao2021.formation']", "shao2021.formation_cv_animal"),
        ({"cascade.gain_formation_other": 0.2}, "variability['cascade.gain_formation_other']", "not known"),
    ],
)
def test_a_fault_is_one_line(table, place, allowed):
    with pytest.raises(ScenarioError) as fault:
        PLAIN.updated(variability=table)
    assert place in str(fault.value)
    assert allowed in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_drive_without_concentrations_has_no_clearance():
    with pytest.raises(ScenarioError, match=r"variability\.clearance needs concentrations"):
        PLAIN.updated(drive="phenomenological", variability={"clearance": 0.3})
    varied = PLAIN.updated(drive="phenomenological", variability={"psilocybin.formation_fold": 0.3})
    bands = population_bands(varied, subjects=20, seed=1)
    assert "free_concentration" not in bands
    assert np.ptp(bands["formation_fold"].to_numpy(), axis=0).max() > 0.1


def test_a_named_parameter_takes_the_place_of_the_general_spread():
    names = {"psilocin.mouse_half_life": 0.25}
    terms = terms_of(PLAIN.updated(variability={**SPREADS, **names}))
    assert [term.quantity for term in terms if term.parameter in names] == list(names)
    assert not terms_of(VARIED.updated(regimen={}))


def test_what_differs_is_one_line():
    line = between_subjects(VARIED, BASE)
    for part in (
        "clearance of psilocin, psilocybin (log sd 0.3, assumed)",
        "potency of psilocin (log sd 0.3, measured)",
    ):
        assert part in line
    assert "formation (cv 0.5, shao2021)" in line
    alike = BASE.replace({"shao2021.formation_cv_animal": 0.0})
    assert between_subjects(PLAIN, alike) == "Between subjects nothing differs but chance"


@pytest.mark.parametrize("engine", ["events", "coupled"])
def test_no_spread_gives_the_bits_of_the_plain_scenario(engine):
    plain, nothing = (each.updated(turnover={"engine": engine}) for each in (PLAIN, NOTHING))
    xr.testing.assert_equal(simulate(nothing, replicates=4, seed=3), simulate(plain, replicates=4, seed=3))


def test_no_spread_leaves_one_curve():
    bands, mechanism, exact = population_bands(NOTHING, subjects=4, seed=1), mechanism_of(PLAIN), expectation(PLAIN)
    for name in ("plasma_concentration", "agonism_5ht2a", "formation_fold", "elimination_fold"):
        for each in bands[name].transpose("percentile", ...):
            np.testing.assert_array_equal(each, mechanism[name])
    for each in bands["formation_fraction"]:
        np.testing.assert_array_equal(each, exact.formation)
    np.testing.assert_allclose(bands["density_change_mean"], exact.density_change, rtol=1e-14)


def test_threads_blocks_and_numbers_of_replicates_do_not_matter(monkeypatch):
    whole = simulate(VARIED, replicates=4, seed=3)
    if numba.config.NUMBA_NUM_THREADS > 1:
        with thread_count(1):
            xr.testing.assert_identical(simulate(VARIED, replicates=4, seed=3), whole)
    monkeypatch.setattr("synmodel.simulation._BLOCK_SUBJECTS", 1)
    xr.testing.assert_identical(simulate(VARIED, replicates=4, seed=3), whole)
    last = simulate(VARIED, replicates=2, seed=3, first_replicate=2)
    xr.testing.assert_equal(last, whole.isel(replicate=slice(2, None)))


def test_absurd_work_is_refused():
    with pytest.raises(SimulationError, match="of 3 animals that each have a drive of their own; allowed are 1000000"):
        simulate(VARIED, replicates=400_000, seed=1)
    with pytest.raises(SimulationError, match="subjects is 20000; it must be a whole number from 1 to 10000"):
        population_bands(VARIED, subjects=20_000)


def test_scenarios_share_their_subjects():
    """Half the dose, the same deviations: all that a subject has of its own is in its parameters."""
    regimen = VARIED.regimen.model_dump()
    half = VARIED.updated(regimen={"doses": [{**regimen["doses"][0], "amount": 0.5}]})
    sets = [subjects_of(each, subjects=5, seed=7) for each in (VARIED, half)]
    assert [a.digest() for a in sets[0]] == [b.digest() for b in sets[1]]
    assert len({each.digest() for each in sets[0]}) == 5
    assert subjects_of(VARIED, subjects=2, seed=8)[0].digest() != sets[0][0].digest()


def test_an_animal_has_the_drive_of_its_subject():
    """The first animal of each replicate is simulated as a scenario of its own with the parameters of that subject."""
    one = VARIED.updated(cohort={"animals": 1, "dendrites_per_animal": 4})
    seen = simulate(VARIED, replicates=3, seed=5)
    for number, subject in enumerate(subjects_of(VARIED, subjects=3, seed=5)):
        alone = simulate(one.updated(variability={}), subject, replicates=1, seed=5, first_replicate=number)
        np.testing.assert_array_equal(seen["spine_count"][number, 0], alone["spine_count"][0, 0])
        np.testing.assert_array_equal(seen["gained"][number, 0], alone["gained"][0, 0])


def test_a_replaced_parameter_is_the_median_of_the_subjects():
    replaced = VARIED.updated(parameters={"psilocin.mouse_half_life": 0.1})
    values = [each.value("psilocin.mouse_half_life") for each in subjects_of(replaced, subjects=200, seed=1)]
    assert np.median(values) == pytest.approx(0.1, rel=0.1)
    assert np.std(np.log(values)) == pytest.approx(np.hypot(0.3, 0.2), rel=0.15)
    bands = population_bands(replaced, subjects=30, seed=1)
    assert np.ptp(bands["plasma_auc"].sel(compound="psilocin").to_numpy()) > 0


def test_animals_differ_in_formation_as_the_parameters_say():
    """What the posterior says of mice, formation_cv_animal, is what simulated mice have."""
    wide = load("saline-mouse").updated(cohort={"animals": 20, "dendrites_per_animal": 30})
    spread = {}
    for cv in (0.0, 0.5):
        values = {"shao2021.formation_cv_animal": cv, "shao2021.formation_cv_dendrite": 0.0}
        gained = simulate(wide, BASE.replace(values), replicates=10, seed=1)["gained"][..., -1]  # over 27 days
        of_mice = gained.mean("dendrite").to_numpy().ravel()
        spread[cv] = of_mice.var() / of_mice.mean() ** 2
    assert np.sqrt(spread[0.5] - spread[0.0]) == pytest.approx(0.5, rel=0.25)


def test_replicates_take_parameters_in_turn():
    sets = [BASE, BASE.replace({"shao2021.formation": 0.02}), BASE.replace({"shao2021.loss_mature": 0.02})]
    seen = simulate(PLAIN, sets, replicates=5, seed=2)
    assert seen.attrs["parameter_sets"] == "3"
    for number in range(5):
        alone = simulate(PLAIN, sets[number % 3], replicates=1, seed=2, first_replicate=number)
        xr.testing.assert_equal(seen.isel(replicate=[number]), alone)
    xr.testing.assert_equal(simulate(PLAIN, [BASE], replicates=5, seed=2), simulate(PLAIN, replicates=5, seed=2))
    with pytest.raises(SimulationError, match="parameters is an empty sequence"):
        simulate(PLAIN, [], replicates=1, seed=1)


def test_draws_of_the_posterior_widen_what_experiments_report():
    plan = load("psilocybin-mouse")
    draws = [each for each in scenario_draws(load_posterior(), 24, 1) if is_possible(plan, each)]
    assert len(draws) > 15
    counts = [simulate(plan, each, replicates=24, seed=4)["spine_count"] for each in (None, draws)]
    known, unknown = (each.mean(("animal", "dendrite")) for each in counts)
    spread = [(each.isel(session=-1) / each.isel(session=0)).std() for each in (known, unknown)]
    assert spread[1] > 1.5 * spread[0]


def test_the_job_says_what_it_did():
    result = simulate_scenario(VARIED, replicates=3, seed=1, draws=0, posterior_draws=4, subjects=10)
    assert result.population is not None
    assert result.population.attrs["subjects"] == "10"
    assert "median subject" in " ".join(notes_of(VARIED))
    assert "draws of the posterior in turn" in result.notes[-1]
    assert simulate_scenario(PLAIN, replicates=1, seed=1, draws=0).population is None
    with pytest.raises(SimulationError, match="phenomenological"):
        simulate_scenario(PLAIN.updated(drive="phenomenological"), replicates=1, seed=1, posterior_draws=4)


def test_spines_that_interact_may_have_subjects_who_differ():
    both = VARIED.updated(turnover={"crowding": {"n_max_per_um": 1.5}})
    bands = population_bands(both, subjects=3, seed=1)
    assert "no exact expectations" in bands.attrs["note"]
    assert "formation_fraction" not in bands
    assert simulate(both, replicates=2, seed=1).attrs["engine"] == "coupled"


def test_the_library_has_men_who_differ():
    plan = load("psilocybin-human-population")
    assert len({term.quantity for term in terms_of(plan)}) == 6
    assert all(spread.why for spread in plan.variability.values())
    assert (drive_of(plan)["formation"] >= 1).all()


def test_the_command_writes_percentiles_and_says_what_differs(tmp_path):
    path, out = tmp_path / "mine.toml", tmp_path / "out"
    path.write_text(VARIED.to_toml())
    arguments = [
        "simulate",
        str(path),
        "--out",
        str(out),
        "--replicates",
        "2",
        "--draws",
        "0",
        "--subjects",
        "12",
        "--quiet",
    ]
    told = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert between_subjects(VARIED, BASE) in told
    assert "population.nc" in told.splitlines()[-1]
    document = json.loads((out / "summary.json").read_text())
    assert document["between_subjects"] == between_subjects(VARIED, BASE)
    assert document["engine"] == "events"
    with xr.open_dataset(out / "population.nc", engine="h5netcdf") as bands:
        assert bands["percentile"].values.tolist() == [5, 25, 50, 75, 95]
        assert bands.attrs["scenario_digest"] == VARIED.digest()
        assert all({"units", "long_name"} <= set(each.attrs) for each in bands.data_vars.values())
    path.write_text(PLAIN.to_toml())
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert not (out / "population.nc").exists()  # percentiles of other subjects are not left beside
