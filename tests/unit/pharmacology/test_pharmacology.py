"""Kinetics and binding against closed forms, a numerical integrator, and published values."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from synmodel import library
from synmodel.core.documents import Evidence, parse_toml, read
from synmodel.core.errors import LibraryError, ScenarioError
from synmodel.core.grid import MINUTE, time_grid
from synmodel.library.drug_numbers import canonical, chain_fault, entries_of, with_priors
from synmodel.library.parameters import default_parameters
from synmodel.pharmacology import Compound, exposure, exposure_parameters, load_compound
from synmodel.pharmacology.binding import channel_block, gaddum, trapped_block
from synmodel.pharmacology.kinetics import amounts_after_dose, compartments_of
from synmodel.scenario import Dose, Subject

HOUR = 1 / 24
MOUSE, HUMAN = Subject(), Subject(species="human")
KETAMINE_IP = Dose(compound="ketamine", amount=10, route="i.p.")
PSILOCYBIN_IP = Dose(compound="psilocybin", amount=1, route="i.p.")
KETANSERIN_IP = Dose(compound="ketanserin", amount=1, route="i.p.", day=-10 * MINUTE)
INFUSION = Dose(compound="ketamine", amount=0.5, route="i.v.", duration_min=40)
CAPSULE = Dose(compound="psilocybin", amount=25, unit="mg", route="oral")


def plasma(dose, subject, name, times):
    """ng/mL."""
    result = exposure([dose], subject, np.asarray(times))
    molar_mass = load_compound(name).molar_mass.value
    return result["plasma_concentration"].sel(compound=name).to_numpy() * molar_mass * 1e-3


def test_one_compartment_is_the_bateman_function():
    system = compartments_of("ketanserin", "mouse", default_parameters().as_floats())
    depot, _ = system.depot["i.p."]
    start = np.zeros(2)
    start[depot] = 1.0
    since = np.linspace(0, 0.5, 40)
    ka, ke = np.log(2) / (3 * MINUTE), np.log(2) / (2 * HOUR)
    bateman = ka / (ka - ke) * (np.exp(-ke * since) - np.exp(-ka * since))
    amounts = amounts_after_dose(system.matrix, start, since)[:, system.central["ketanserin"]]
    np.testing.assert_allclose(amounts, bateman, rtol=1e-10, atol=1e-14)


def test_two_compartments_and_metabolites_against_an_integrator():
    system = compartments_of("ketamine", "human", default_parameters().as_floats())
    start = np.zeros(len(system.rates))
    start[system.central["ketamine"]] = 2.1
    length = 40 * MINUTE
    times = np.linspace(0, 1.5, 30)

    def rate(t, x):
        return system.matrix @ x + (start / length if t <= length else 0.0)

    first = solve_ivp(rate, (0, length), 0 * start, rtol=1e-10, atol=1e-12, dense_output=True)
    later = solve_ivp(rate, (length + 1e-12, 1.5), first.y[:, -1], rtol=1e-10, atol=1e-12, dense_output=True)
    numerical = np.where(times[:, None] <= length, first.sol(times).T, later.sol(np.maximum(times, length + 1e-9)).T)
    np.testing.assert_allclose(amounts_after_dose(system.matrix, start, times, length), numerical, rtol=2e-6, atol=1e-9)


def test_human_ketamine_peaks_as_published():
    """185 ng/mL (0.78 uM) after 0.5 mg/kg over 40 min; terminal half-life 180 min; one compartment gives 125."""
    times = np.linspace(0, 1, 1441)
    course = plasma(INFUSION, HUMAN, "ketamine", times)
    assert course.max() == pytest.approx(185, rel=0.005)
    assert times[course.argmax()] == pytest.approx(40 * MINUTE, abs=MINUTE)
    late = times > 0.6
    half_life = -np.log(2) / np.polyfit(times[late], np.log(course[late]), 1)[0]
    assert half_life * 1440 == pytest.approx(180, rel=0.01)
    kinetics = load_compound("ketamine").kinetics["human"]
    volume = (kinetics.volume.value + kinetics.peripheral_volume.value) * 70
    assert volume == pytest.approx(252, rel=1e-3)
    assert kinetics.clearance.value * 70 == pytest.approx(79, rel=1e-3)
    k, v = 79 / 252, 252 / 70
    assert 0.5 / (40 / 60) / (k * v) * (1 - np.exp(-k * 40 / 60)) * 1e3 == pytest.approx(125, rel=0.01)


def test_human_psilocin_peaks_as_published():
    """17 ng/mL about 2 h after 25 mg oral psilocybin; psilocybin itself stays low."""
    times = np.linspace(0, 0.5, 721)
    course = plasma(CAPSULE, HUMAN, "psilocin", times)
    assert course.max() == pytest.approx(17, rel=0.01)
    assert times[course.argmax()] * 24 == pytest.approx(2.0, abs=0.1)


def test_human_occupancy_reaches_the_published_level():
    """Occupancy up to about 72 % after 3 to 30 mg; 17 ug/L gives 0.766 x 17 / (17 + 1.97), the prior of the fit."""
    times = np.linspace(0, 0.5, 721)
    centre = default_parameters()["psilocin.agonist_5ht2a_ec50"].prior.centre
    values = default_parameters().as_floats() | {"psilocin.agonist_5ht2a_ec50": centre}
    result = exposure([CAPSULE], HUMAN, times, values)
    assert float(result["agonism_5ht2a"].max()) == pytest.approx(0.766 * 17 / 18.97, rel=0.01)
    strong = exposure([CAPSULE.model_copy(update={"amount": 30.0})], HUMAN, times, values)
    assert 0.68 < float(strong["agonism_5ht2a"].max()) < 0.73


def test_nmda_block_meets_the_two_published_points():
    """Half of the current at 1 uM, 80 % at 10 uM, with two equally weighted sites of slope 1: the prior of the fit."""
    targets = load_compound("ketamine").targets
    for micromolar, blocked in ((1.0, 0.5), (10.0, 0.8)):
        sites = [
            channel_block(np.array(micromolar * 1e3 / half.centre), 1.0)
            for half in (targets.nmda_ic50_interneuron, targets.nmda_ic50_pyramidal)
        ]
        assert np.mean(sites) == pytest.approx(blocked, abs=0.002)
    assert targets.nmda_ic50_interneuron.value < targets.nmda_ic50_pyramidal.value


def test_every_number_of_a_compound_shows_its_prior():
    shown = with_priors(parse_toml(library.path_of("compounds", "ketanserin"), LibraryError))
    numbers = [entry for _, _, entry in entries_of(shown)]
    assert len(numbers) == 7
    for entry in numbers:
        assert {"value", "unit", "prior", "source", "status"} <= set(entry)
        assert entry["prior"]["spread"] > 0
    assert shown["targets"]["antagonist_5ht2a_kb"]["prior"] == {"centre": 2.0, "spread": 1.0}


FAULTY = {
    "unbound fraction": (("kinetics", "mouse", "fraction_unbound", "value"), 3.0, "value 3 is no fraction"),
    "unit of EC50": (("targets", "antagonist_5ht2a_kb", "unit"), "mg", "unit is 'mg'; it must be a concentration"),
    "unit of time": (("kinetics", "mouse", "half_life", "unit"), "nM", "unit is 'nM'; it must be a time"),
    "molar mass": (("molar_mass",), None, "it has kinetics and no molar_mass; add it"),
}


@pytest.mark.parametrize("name", list(FAULTY))
def test_a_faulty_number_of_a_compound_is_one_line(name):
    path, value, words = FAULTY[name]
    document = parse_toml(library.path_of("compounds", "ketanserin"), LibraryError)
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(LibraryError) as caught:
        read(Compound, document, "compounds.mine", LibraryError)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_concentration_by_mass_is_converted():
    given = Evidence(value=10.0, unit="ng/mL", status="measured", source="a test")
    assert canonical("agonist_5ht2a_ec50", given, 200.0) == pytest.approx(50.0)
    with pytest.raises(ValueError, match="the compound has no molar_mass"):
        canonical("agonist_5ht2a_ec50", given, None)


def test_a_metabolite_of_itself_is_found(tmp_path, monkeypatch):
    """Over two compounds: a becomes b, and b becomes a."""
    folder = tmp_path / "compounds"
    folder.mkdir()
    for name, other in (("a", "b"), ("b", "a")):
        text = f'name = "{name}"\n[[kinetics.mouse.metabolites]]\ncompound = "{other}"\n'
        (folder / f"{name}.toml").write_text(text)
    monkeypatch.setattr(library, "_ROOT", tmp_path)
    assert "a is a metabolite of itself (a -> b -> a, mouse); break the chain" in chain_fault("a")


def test_changed_numbers_change_the_exposure():
    values = default_parameters().as_floats()
    grid = np.linspace(-0.02, 0.1, 400)
    tight, loose = (
        exposure([KETANSERIN_IP, PSILOCYBIN_IP], MOUSE, grid, values | {"ketanserin.antagonist_5ht2a_kb": kb})
        for kb in (0.02, 50.0)
    )
    assert float(tight["agonism_5ht2a"].max()) < 0.05 * float(loose["agonism_5ht2a"].max())
    names = exposure_parameters([KETANSERIN_IP, PSILOCYBIN_IP], MOUSE)
    assert {"ketanserin.antagonist_5ht2a_kb", "psilocin.mouse_half_life"} <= set(names)


def test_gaddum_shifts_the_agonist_curve_in_parallel():
    agonist = np.array([0.1, 1.0, 10.0])
    np.testing.assert_allclose(gaddum(agonist * 13.0, np.full(3, 12.0)), gaddum(agonist, np.zeros(3)))


def test_trapped_block_relaxes_to_equilibrium_and_outlasts_clearance():
    times = np.linspace(0, 1, 20001)
    relative = np.where(times < 0.1, 5.0, 0.0)
    fast = trapped_block(times, relative, 1.0, 0.0)
    slow = trapped_block(times, relative, 1.0, 0.25)
    np.testing.assert_array_equal(fast, channel_block(relative, 1.0))
    numerical = solve_ivp(
        lambda t, b: np.log(2) / 0.25 * ((5.0 if t < 0.1 else 0.0) * (1 - b) - b),
        (0, 0.1),
        [0.0],
        rtol=1e-10,
        atol=1e-12,
    )
    assert slow[2000] == pytest.approx(numerical.y[0, -1], rel=1e-3)
    assert slow[7000] / slow[2000] == pytest.approx(0.5, rel=1e-3)


def test_doses_superpose():
    grid = time_grid([-1, 6], [0, 1, 2, 3, 4])
    series = exposure([KETAMINE_IP.model_copy(update={"repeat": 5})], MOUSE, grid)
    single = sum(
        exposure([KETAMINE_IP.model_copy(update={"day": float(day)})], MOUSE, grid)["plasma_concentration"]
        for day in range(5)
    )
    np.testing.assert_allclose(series["plasma_concentration"], single, rtol=1e-12, atol=1e-12)
    double = exposure([KETAMINE_IP.model_copy(update={"amount": 20.0})], MOUSE, grid)
    once = exposure([KETAMINE_IP], MOUSE, grid)
    np.testing.assert_allclose(double["plasma_concentration"], 2 * once["plasma_concentration"], rtol=1e-12)


def test_no_dose_and_saline_leave_everything_at_zero():
    grid = time_grid([-1, 2], [])
    for doses in ([], [Dose(compound="saline", amount=1, route="i.p.")]):
        result = exposure(doses, MOUSE, grid)
        for name in ("nmda_block_interneuron", "nmda_block_pyramidal", "agonism_5ht2a", "trkb_bound"):
            assert not result[name].any()
        assert result.sizes["compound"] == 0


def test_nothing_precedes_the_dose():
    grid = time_grid([-1, 2], [0])
    result = exposure([KETAMINE_IP], MOUSE, grid)
    before = result.sel(time=result["time"] < 0)
    assert not before["free_concentration"].any()


def test_ketanserin_and_knock_out_act_on_agonism_alone():
    grid = time_grid([-1, 2], [-10 * MINUTE, 0])
    alone = exposure([PSILOCYBIN_IP], MOUSE, grid)
    blocked = exposure([KETANSERIN_IP, PSILOCYBIN_IP], MOUSE, grid)
    knocked_out = exposure([PSILOCYBIN_IP], Subject(genotype="5-HT2A knock-out"), grid)
    assert float(blocked["agonism_5ht2a"].max()) < 0.4 * float(alone["agonism_5ht2a"].max())
    np.testing.assert_allclose(blocked["agonism_5ht2a_intracellular"], alone["agonism_5ht2a"], atol=1e-12)
    assert not knocked_out["agonism_5ht2a"].any()
    assert not knocked_out["agonism_5ht2a_intracellular"].any()
    np.testing.assert_allclose(knocked_out["trkb_bound"], alone["trkb_bound"])


def test_mouse_psilocin_is_calibrated_on_head_twitches():
    """Half of the receptors are engaged at the peak of the median effective dose; the peak comes at about 7 min."""
    times = np.linspace(0, 60 * MINUTE, 601)
    result = exposure([PSILOCYBIN_IP.model_copy(update={"amount": 0.2})], MOUSE, times)
    psilocin = result["free_concentration"].sel(compound="psilocin").to_numpy()
    assert psilocin.max() == pytest.approx(9.644, rel=0.01)
    assert times[psilocin.argmax()] * 1440 == pytest.approx(6.5, abs=0.5)


@pytest.mark.parametrize(
    ("dose", "subject", "peak", "hours"),
    [
        (Dose(compound="LSD", amount=0.2, unit="mg", route="oral"), HUMAN, 4.5, (1.45, 1.55)),
        (Dose(compound="MK-801", amount=0.1, route="i.p."), MOUSE, 2.7, (0.25, 0.4)),
    ],
    ids=lambda each: getattr(each, "compound", None),
)
def test_compounds_peak_as_published(dose, subject, peak, hours):
    times = np.linspace(0, 0.25, 3601)
    course = plasma(dose, subject, dose.compound, times)
    assert course.max() == pytest.approx(peak, rel=0.01)
    assert hours[0] < times[course.argmax()] * 24 < hours[1]


def test_esketamine_by_its_label():
    """Peak within 20 to 40 min, terminal half-life of 7 to 12 h, half of a nasal dose and a twelfth of an oral one."""
    nasal = Dose(compound="esketamine", amount=84, unit="mg", route="intranasal")
    times = np.linspace(0, 3, 4321)
    courses = {
        route: plasma(nasal.model_copy(update={"route": route}), HUMAN, "esketamine", times)
        for route in ("i.v.", "intranasal", "oral")
    }
    late = times > 2
    half_life = -np.log(2) / np.polyfit(times[late], np.log(courses["intranasal"][late]), 1)[0]
    assert 7 < half_life * 24 < 12
    assert 20 < times[courses["intranasal"].argmax()] * 1440 < 40
    areas = {route: np.trapezoid(course, times) for route, course in courses.items()}
    assert areas["intranasal"] / areas["i.v."] == pytest.approx(0.48, rel=0.01)
    assert areas["oral"] / areas["intranasal"] == pytest.approx(0.08 / 0.48, rel=0.01)
    assert areas["i.v."] == pytest.approx(84e3 / 114 / 24, rel=0.02)  # dose over clearance


def test_norketamine_in_man_peaks_as_published():
    """Within an hour of an i.v. dose, at 2.7 ng/mL for each mg of ketamine."""
    times = np.linspace(0, 0.5, 721)
    course = plasma(Dose(compound="ketamine", amount=10, unit="mg", route="i.v."), HUMAN, "norketamine", times)
    assert 30 <= times[course.argmax()] * 1440 <= 60
    assert course.max() == pytest.approx(27, rel=0.03)


def test_hydroxynorketamine_is_absorbed_as_published():
    injected, swallowed = (
        plasma(Dose(compound="hydroxynorketamine", amount=10, route=route), MOUSE, "hydroxynorketamine", GRID)
        for route in ("i.p.", "oral")
    )
    assert np.trapezoid(swallowed, GRID) / np.trapezoid(injected, GRID) == pytest.approx(0.49 / 0.79, rel=0.01)


GRID = np.linspace(0, 5, 5001)


def test_arketamine_is_the_weaker_half_of_ketamine():
    """(S) is taken as 3.5 times as potent: equal parts of both block as the racemate before the fit."""
    racemic = default_parameters()["ketamine.nmda_ic50_interneuron"].prior.centre
    halves = [load_compound(f"{kind}ketamine").targets.nmda_ic50_interneuron.value for kind in ("es", "ar")]
    assert halves[1] / halves[0] == pytest.approx(3.5, rel=0.01)
    assert sum(0.5 / each for each in halves) == pytest.approx(1 / racemic, rel=0.01)


def test_uptake_by_a_route_counts_only_where_it_is_taken():
    """What a metabolite would do if it were given itself is no parameter of its parent."""
    names = exposure_parameters([KETAMINE_IP], MOUSE)
    assert "ketamine.mouse_ip_half_life" in names
    assert "hydroxynorketamine.mouse_volume" in names
    assert not any(name.startswith("hydroxynorketamine.mouse_oral") for name in names)
    oral = exposure_parameters([Dose(compound="hydroxynorketamine", amount=1, route="oral")], MOUSE)
    assert "hydroxynorketamine.mouse_oral_bioavailability" in oral
    assert not any(name.startswith("hydroxynorketamine.mouse_ip") for name in oral)


def test_unknown_route_and_compound_are_refused():
    grid = time_grid([-1, 2], [0])
    with pytest.raises(ScenarioError, match=r"doses\[0\].route is 'oral'; ketamine in mouse has kinetics for: i"):
        exposure([KETAMINE_IP.model_copy(update={"route": "oral"})], MOUSE, grid)
    with pytest.raises(LibraryError, match="no kinetics for human; it has: mouse"):
        exposure([KETANSERIN_IP.model_copy(update={"route": "i.v."})], HUMAN, grid)
    with pytest.raises(LibraryError, match="no compound 'ketamin'; did you mean 'ketamine'"):
        load_compound("ketamin")
