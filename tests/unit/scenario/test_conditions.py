"""Genotypes, stress and treatments: what is read, which arrow they act on, and times given in hours."""

import shutil

import numpy as np
import pytest
import xarray as xr

from synmodel import library, signalling, simulation
from synmodel.core.errors import LibraryError, ScenarioError
from synmodel.core.grid import refined
from synmodel.library.parameters import default_parameters
from synmodel.pharmacology import exposure
from synmodel.scenario import Scenario, load, loads
from synmodel.scenario.conditions import ARROWS, condition_names, load_condition

HOURS = """
name = "hours"
baseline = "phoumthipphavong2016"
[[regimen.doses]]
compound = "ketamine"
amount = 10
route = "i.p."
hours = HOURS_OF_DOSE
[schedule]
sessions_hours = [-24, 1, 2, 6, 24]
"""


def with_treatments(*treatments, name="ketamine-mouse-single", **subject):
    base = load(name)
    return base.updated(
        regimen={**base.regimen.model_dump(), "treatments": list(treatments)},
        subject={**base.subject.model_dump(exclude_none=True), **subject},
    )


def drive(*treatments, **subject):
    return simulation.drive_of(with_treatments(*treatments, **subject))


@pytest.mark.parametrize("name", library.names("conditions"))
def test_every_embedded_condition_is_sound(name):
    condition = load_condition(name)
    assert condition.name == name
    assert condition.factors or condition.adds
    for evidence in (*condition.factors.values(), *condition.adds.values()):
        assert evidence.unit == "1"
        assert evidence.source


@pytest.mark.parametrize("name", library.names("conditions"))
def test_a_scenario_with_a_condition_round_trips(name):
    plan = (
        load("saline-mouse").updated(subject={"genotype": name})
        if name in condition_names("genotype")
        else with_treatments({"name": name, "from_day": -1, "to_day": 2.5, "strength": 0.5})
    )
    assert loads(plan.to_toml()) == plan
    assert loads(plan.to_toml()).digest() == plan.digest()
    assert plan.digest() != load("saline-mouse").digest()


def test_documents_without_conditions_do_not_mention_them():
    for name in library.names("scenarios"):
        text = load(name).to_toml()
        assert "stress" not in text
        assert "treatments" not in text


@pytest.mark.parametrize(
    ("subject", "treatments", "line"),
    [
        ({"genotype": "val66mat"}, [], r"scenario.subject.genotype is 'val66mat': did you mean 'val66met'\?"),
        ({"stress": "restraint"}, [], r"stress.name is 'restraint': did you mean 'restraint stress'\?"),
        ({"stress": "rapamycin"}, [], "stress .*rapamycin is a treatment; it stands under regimen.treatments"),
        ({}, ["val66met"], r"regimen.treatments\[0\].name is 'val66met': known names are|did you mean"),
        ({}, [{"name": "rapamycin", "strength": 1.5}], r"treatments\[0\].strength is 1.5: it must be less than"),
        ({}, [{"name": "lithium", "from_day": 2, "to_day": 1}], "lithium ends on day 1, not after day 2"),
        ({}, [{"name": "lithium", "from_day": 2, "from_hours": 48}], "'from_hours'. stands beside from_day; give one"),
        ({}, [{"name": "lithium", "from_hours": "now"}], "'from_hours'. is 'now'; give a number of hours"),
    ],
)
def test_a_fault_gets_one_line(subject, treatments, line):
    with pytest.raises(ScenarioError, match=line) as caught:
        with_treatments(*treatments, **subject)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[factors.mtorc2]\nvalue = 0.5", r"conditions.mine.factors\['mtorc2'\] is not known; did you mean 'mtorc1'\?"),
        ("[factors.bdnf]\nvalue = -0.5", r"factors\['bdnf'\] is -0.5; a factor on it is 0 or more"),
        ("[factors.formation_decay]\nvalue = 0", r"factors\['formation_decay'\] is 0; a factor on it is above 0"),
        ("[adds.dopamine]\nvalue = 1", r"adds\['dopamine'\] is not known"),
        ("[factors.5ht2a]\nvalue = 0", "give an antagonist as a dose"),
        ("", "neither"),
    ],
)
def test_a_broken_condition_gets_one_line(tmp_path, monkeypatch, text, line):
    own_library(tmp_path, monkeypatch, text)
    with pytest.raises(LibraryError, match=line):
        load_condition("mine")


def own_library(tmp_path, monkeypatch, text):
    shutil.copytree(library._ROOT, tmp_path / "library")
    if text:
        text += '\nunit = "1"\nstatus = "assumed"\nsource = "mine"\nwhy = "a test"\n'
    entry = tmp_path / "library" / "conditions" / "mine.toml"
    entry.write_text(f'name = "mine"\ntitle = "Mine"\nkind = "treatment"\n{text}')
    monkeypatch.setattr(library, "_ROOT", tmp_path / "library")


def test_a_new_condition_is_a_new_file(tmp_path, monkeypatch):
    own_library(tmp_path, monkeypatch, "[factors.trkb]\nvalue = 0.0")
    assert "mine" in condition_names("treatment")
    assert (drive("mine")["formation"] == 1).all()
    assert drive()["formation"].max() > 1.5


def test_each_condition_acts_on_its_arrow_alone():
    plain = drive()
    blocked = {
        "rapamycin": {"formation", "maturation", "elimination", "head_size", "protein"},
        "SCH23390": {"evoked"},
    }
    for name, effects in blocked.items():
        treated = drive(name)
        for effect in map(str, plain.data_vars):
            if effect in effects:
                assert (treated[effect] == 1).all(), (name, effect)
            else:
                np.testing.assert_array_equal(treated[effect], plain[effect])
    halfway = drive({"name": "SCH23390", "strength": 0.5})["evoked"]
    np.testing.assert_allclose(halfway - 1, (plain["evoked"] - 1) / 2, rtol=1e-12, atol=1e-12)
    impaired = drive(genotype="val66met")["formation"].max() - 1
    assert 0.1 * (plain["formation"].max() - 1) < impaired < 0.5 * (plain["formation"].max() - 1)
    stressed = drive(stress="restraint stress")
    np.testing.assert_allclose(stressed["formation"], 0.7 * plain["formation"], rtol=1e-12)
    np.testing.assert_allclose(stressed["elimination"], 1.3 * plain["elimination"], rtol=1e-12)
    np.testing.assert_array_equal(stressed["evoked"], plain["evoked"])


@pytest.mark.parametrize("name", [*condition_names("genotype"), "rapamycin", "SCH23390", "lithium"])
def test_no_drug_is_exactly_no_drive(name):
    plan = load("saline-mouse")
    if name in condition_names("genotype"):
        plan = plan.updated(subject={"genotype": name})
    else:
        plan = plan.updated(regimen={"treatments": [{"name": name, "from_day": -2, "to_day": 2}]})
    folds = simulation.drive_of(plan)
    assert all((folds[effect] == 1.0).all() for effect in folds.data_vars)


def test_a_spell_holds_while_it_lasts():
    plain = drive()
    late = drive({"name": "rapamycin", "from_day": 1.0})
    early = drive({"name": "rapamycin", "from_hours": -1, "to_hours": 6})
    day = {"time": 5.0, "method": "ffill"}
    assert float(late["formation"].sel(**day)) == pytest.approx(float(plain["formation"].sel(**day)), rel=1e-3)
    assert float(early["formation"].sel(**day)) == pytest.approx(1, abs=5e-3)
    stressed = drive(stress={"name": "restraint stress", "from_day": 2.0, "to_day": 4.0})
    formation = stressed["formation"] / np.interp(stressed["time"], plain["time"], plain["formation"])
    for inside, fold in ((1.5, 1.0), (2.0, 0.7), (3.5, 0.7), (4.0, 1.0), (9.0, 1.0)):
        assert float(formation.sel(time=inside, method="ffill")) == pytest.approx(fold, rel=5e-3), (
            inside
        )  # cells of two grids


def test_lithium_stretches_the_decay_by_its_factor():
    values = default_parameters().as_floats()
    plan = with_treatments({"name": "lithium", "from_day": 1.0})
    given = simulation.exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, values, plan.spells)
    times = given["time"].to_numpy()
    states = signalling.signalling_states(given, values, signalling.arrows_of(plan, times))
    state = states["formation"]
    at = lambda day: float(state.isel(time=int(np.searchsorted(times, day))))  # noqa: E731
    tau = values["cascade.tau_formation"]
    assert at(13.0) / at(5.0) == pytest.approx(np.exp(-0.3 * 8.0 / tau), rel=1e-3)
    assert at(13.0) / at(5.0) > np.exp(-8.0 / tau) * 1.5


def test_dopamine_alone_raises_evoked_spinogenesis():
    spell = {"name": "D1 activation", "from_hours": -0.5, "to_hours": 0}
    plan = load("saline-mouse-2016").updated(regimen={"treatments": [spell]})
    folds = simulation.drive_of(plan)
    values = default_parameters().as_floats()
    reach = 0.9 * values["cascade.evoked_d1_gain"] * -np.expm1(-0.5 / 24 / values["cascade.tau_evoked"])
    assert float(folds["evoked"].max()) == pytest.approx(1 + reach, rel=1e-3)
    assert (folds["formation"] == 1).all()


def test_the_phenomenological_drive_has_no_cascade():
    plan = load("psilocybin-mouse").updated(drive="phenomenological")
    stressed = plan.updated(subject={"stress": "restraint stress"})
    np.testing.assert_allclose(
        simulation.drive_of(stressed)["elimination"], 1.3 * simulation.drive_of(plan)["elimination"], rtol=1e-12
    )
    doses = plan.regimen.model_dump()["doses"]
    with pytest.raises(
        ScenarioError,
        match=r"no arrow 'mtorc1' for a genotype.* only formation_rate, maturation_hazard, elimination_hazard",
    ):
        simulation.drive_of(plan.updated(regimen={"doses": doses, "treatments": ["rapamycin"]}))


def test_hours_are_days():
    text = HOURS.replace("HOURS_OF_DOSE", "0.5")
    plan = loads(text)
    assert plan.schedule.sessions == (-1.0, 1 / 24, 2 / 24, 0.25, 1.0)
    assert plan.regimen.doses[0].day == 0.5 / 24
    assert loads(plan.to_toml()) == plan
    with pytest.raises(
        ScenarioError, match=r"schedule\['sessions_hours'\] stands beside sessions; give one of the two"
    ):
        loads(text + "sessions = [-1, 1]\n")
    with pytest.raises(ScenarioError, match=r"'sessions_hours'\] is \[1, 'two'\]; give numbers of hours"):
        loads(text.replace("[-24, 1, 2, 6, 24]", "[1, 'two']"))
    with pytest.raises(ScenarioError, match=r"sessions .*does not come after"):
        loads(text.replace("[-24, 1, 2, 6, 24]", "[2, 1]"))


def test_the_grid_is_fine_enough_for_hours():
    """Halving every cell moves no expected count between sessions an hour apart by more than 0.1 %."""
    from synmodel.turnover import moments

    spell = {"name": "rapamycin", "from_hours": 0.5, "to_hours": 3}
    plan = loads(HOURS.replace("HOURS_OF_DOSE", "0")).updated(subject={"stress": "restraint stress"})
    values = default_parameters().as_floats()
    tissue = simulation.tissue_of(plan.baseline, values)
    for treatments in ((), (spell,)):
        doses = plan.regimen.model_dump()["doses"]
        case = plan.updated(regimen={"doses": doses, "treatments": list(treatments)})
        coarse = simulation.exposure_of(case.regimen.doses, case.subject, case.schedule.sessions, values, case.spells)
        fine = exposure(case.regimen.doses, case.subject, refined(coarse["time"].to_numpy()))
        seen = []
        for given in (coarse, fine):
            arrows = signalling.arrows_of(case, given["time"].to_numpy())
            folds = signalling.mechanistic_drive(given, values, arrows)
            start = {"poisson": (tissue.initial_means(0.3) * 40).tolist()}
            seen.append(moments(tissue.model, initial=start, times=case.schedule.sessions, drive=folds))
        for variable in ("count_mean", "gained_mean", "lost_mean"):
            xr.testing.assert_allclose(seen[0][variable], seen[1][variable], rtol=1e-3)


def test_every_arrow_is_used_where_it_says():
    """A factor of one half on any arrow of the cascade changes the drive of ketamine or the knock-out's agonism."""
    values = {**default_parameters().as_floats(), "cascade.stabilisation_gain": 5.0}
    plan = load("ketamine-mouse-single")
    given = simulation.exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, values)
    n_time = given.sizes["time"]
    plain = signalling.mechanistic_drive(given, values)
    for arrow in ARROWS:
        if arrow == "5ht2a":
            continue
        halved = signalling.mechanistic_drive(given, values, signalling.Arrows({arrow: np.full(n_time, 0.5)}))
        assert any(not halved[effect].equals(plain[effect]) for effect in plain.data_vars), arrow


def test_a_scenario_is_still_hashable():
    assert len({with_treatments("rapamycin"), with_treatments("rapamycin"), with_treatments("lithium")}) == 2
    assert isinstance(with_treatments("rapamycin"), Scenario)
