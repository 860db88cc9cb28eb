"""What lies between doses and spines: one Dataset, and the row of panels above the spines."""

import numpy as np
import pytest
import xarray as xr

from synmodel import library
from synmodel.analysis.simulated import simulate_scenario
from synmodel.analysis.sweeps import changed
from synmodel.core.errors import LibraryError
from synmodel.core.schema import DRIVE, EXPOSURE
from synmodel.report import documents
from synmodel.report.mechanism_panels import panel_names
from synmodel.report.simulation_figure import simulation_figure
from synmodel.scenario import load
from synmodel.signalling import arrows_of, signalling_states
from synmodel.simulation import drive_of, exposure_of, mechanism_of, parameters_of

FOUR = ("concentration", "occupancy", "cascade", "drive")


def chain(plan):
    """The public functions of the chain, one by one."""
    values = parameters_of(plan).as_floats()
    exposure = exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, values, plan.spells)
    states = signalling_states(exposure, values, arrows_of(plan, exposure["time"].to_numpy()))
    return exposure, states, drive_of(plan)


@pytest.mark.parametrize("name", library.names("scenarios"))
def test_a_mechanism_is_the_chain_in_one_dataset(name, tmp_path):
    plan = load(name)
    mechanism = mechanism_of(plan)
    exposure, states, drive = chain(plan)
    for variable in exposure.data_vars:
        if exposure.sizes["compound"] or "compound" not in exposure[variable].dims:
            assert np.array_equal(mechanism[variable], exposure[variable])
    for variable in states.data_vars:
        assert np.array_equal(mechanism[f"{variable}_state" if variable in drive else variable], states[variable])
    for variable in drive.data_vars:
        assert np.array_equal(mechanism[f"{variable}_fold"], drive[variable])
    for variable in {**mechanism.data_vars, "time": mechanism["time"]}:
        assert {"units", "long_name"} <= set(mechanism[variable].attrs), variable
    mechanism.to_netcdf(tmp_path / "m.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "m.nc", engine="h5netcdf") as again:
        assert again.identical(mechanism)


def test_a_scenario_may_be_named():
    assert mechanism_of("psilocybin-mouse").identical(mechanism_of(load("psilocybin-mouse")))
    assert drive_of("psilocybin-mouse").identical(drive_of(load("psilocybin-mouse")))
    with pytest.raises(LibraryError, match=r"did you mean .psilocybin-mouse."):
        drive_of("psilocybin-mous")


def test_a_mechanism_has_every_stage():
    mechanism = mechanism_of("ketamine-mouse-single")
    always = {name for name, quantity in EXPOSURE.variables.items() if not quantity.optional}
    assert set(mechanism.data_vars) & set(EXPOSURE.variables) == always
    assert {"glutamate", "bdnf", "trkb", "mtorc1", "stabilisation", "formation_state"} <= set(mechanism.data_vars)
    assert {f"{name}_fold" for name in DRIVE.variables} <= set(mechanism.data_vars)
    assert "ketamine" in mechanism["compound"]


def test_without_a_drug_or_a_mechanism_there_is_less():
    saline = mechanism_of(load("saline-mouse"))
    assert "compound" not in saline.dims
    assert (saline["mtorc1"] == 0).all()
    assert (saline["formation_fold"] == 1).all()
    pulse = mechanism_of(load("psilocybin-mouse").updated(drive="phenomenological"))
    assert all(name.endswith("_fold") for name in pulse.data_vars)


def drawn(plan):
    result = simulate_scenario(plan, replicates=2, seed=1, draws=10)
    figure = simulation_figure(plan, documents.simulation_document(plan, result), result.mechanism)
    figure.canvas.draw()
    names = panel_names(plan, result.mechanism)
    row = {axes.get_label(): axes for axes in figure.axes if axes.get_label() in FOUR}
    assert tuple(row) == names
    assert len(figure.axes) == 3 + len(names)
    return result.mechanism, row


def named(axes):
    return {text.get_text() for text in axes.get_legend().get_texts()} - {""}


@pytest.mark.parametrize(
    ("name", "receptors", "compounds"),
    [
        ("ketamine-mouse-single", {"NMDA-R, interneuron", "NMDA-R, pyramidal"}, {"ketamine", "norketamine"}),
        ("ketamine-mouse-daily5", {"NMDA-R, interneuron"}, {"ketamine"}),
        ("psilocybin-human-oral", {"5-HT2A, membrane and inside", "TrkB"}, {"psilocin"}),
        ("psilocybin-mouse-ketanserin", {"5-HT2A, membrane", "5-HT2A, inside"}, {"psilocin", "ketanserin"}),
        ("ketamine-human-infusion", {"NMDA-R, interneuron"}, {"ketamine"}),
        ("ketamine-mouse-daily21", {"NMDA-R, interneuron"}, {"ketamine"}),
    ],
)
def test_the_row_tells_the_story_from_dose_to_drive(name, receptors, compounds):
    plan = load(name)
    mechanism, row = drawn(plan)
    assert tuple(row) == FOUR
    assert compounds <= named(row["concentration"])
    assert receptors <= named(row["occupancy"])
    assert {"BDNF", "TrkB", "mTORC1"} == named(row["cascade"])
    formation, elimination = row["drive"].get_lines()[1:3]
    inside = mechanism.sel(time=slice(plan.schedule.sessions[0], plan.schedule.sessions[-1]))
    assert np.array_equal(formation.get_ydata(), inside["formation_fold"])
    assert np.array_equal(elimination.get_ydata(), inside["elimination_fold"])
    assert row["drive"].get_xlim() == (plan.schedule.sessions[0], plan.schedule.sessions[-1])
    assert row["concentration"].get_xlim()[1] == row["occupancy"].get_xlim()[1]
    for axes in (row["occupancy"], row["cascade"]):
        low, high = axes.get_ylim()
        for line in axes.get_lines():
            assert low <= np.min(line.get_ydata())
            assert np.max(line.get_ydata()) <= high or plan.regimen.doses[0].repeat > 1


@pytest.mark.parametrize(
    "settings",
    [
        {"regimen.doses[0].day": -30},
        {"regimen.doses[0].amount": 1e-6},
        {"regimen.doses[0].compound": "ketanserin"},
        {"regimen.doses[0].repeat": 100, "regimen.doses[0].every_days": 0.01},
        {"subject.genotype": "5-HT2A knock-out"},
    ],
)
def test_odd_doses_are_drawn(settings):
    drawn(changed(load("psilocybin-mouse"), {f"scenario.{path}": value for path, value in settings.items()}))


@pytest.mark.parametrize(
    "plan",
    [
        load("saline-mouse"),
        load("psilocybin-mouse").updated(drive="phenomenological"),
        changed(load("psilocybin-mouse"), {"scenario.regimen.doses[0].day": 40}),
    ],
)
def test_a_vehicle_a_pulse_and_a_dose_that_is_not_seen_have_the_drive_alone(plan):
    mechanism, row = drawn(plan)
    assert tuple(row) == ("drive",)
    changed = bool((mechanism["formation_fold"] != 1).any())
    assert ("formation, unchanged" in named(row["drive"])) != changed
