"""Open targets: binding against its closed form, signals against their equations, and worked examples."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synmodel import library
from synmodel.analysis.caveats import notes_of
from synmodel.data import Arm, load_study
from synmodel.inference.summaries.drives import Drives
from synmodel.inference.summaries.targets import arm_targets
from synmodel.library.parameters import default_parameters
from synmodel.library.targets import Target, load_target
from synmodel.pharmacology import Compound, load_compound
from synmodel.pharmacology.binding import Bound, open_target
from synmodel.report.mechanism_panels import _engaged
from synmodel.scenario import load, loads
from synmodel.scenario.conditions import Condition
from synmodel.signalling import signalling_states
from synmodel.simulation import simulate
from synmodel.simulation.mechanism import drive_of, exposure_of, mechanism_of

MODES = ("agonist", "antagonist", "block", "positive modulator")


def number(value, unit="1", **more):
    return {"value": value, "unit": unit, "status": "assumed", "source": "a test", "why": "a test"} | more


def target(name="R", **effects):
    """A target whose activation adds to signals: ``glutamate=-0.5`` lowers glutamate by half a unit."""
    tables = [
        {"on": on, "direction": "raises" if gain > 0 else "lowers", "gain": number(abs(gain))}
        for on, gain in effects.items()
    ]
    return Target(name=name, title=name, effects=tables)


def compound(name="x", like="5-MeO-DMT", keep=True, **targets):
    """A compound with the kinetics of another, and open targets beside the receptors of the package, or alone."""
    document = load_compound(like).model_dump(exclude_none=True) | {"name": name}
    document["targets"] = (document["targets"] if keep else {}) | targets
    return Compound(**document)


def at(mode, affinity, **more):
    return {"mode": mode, "affinity": number(affinity, "nM")} | {key: number(value) for key, value in more.items()}


def scenario(*doses, treatments="", species="mouse"):
    tables = "".join(
        f'[[regimen.doses]]\ncompound = "{name}"\namount = {amount}\nroute = "i.p."\n' for name, amount in doses
    )
    return loads(
        f'name = "s"\nbaseline = "shao2021"\n[subject]\nspecies = "{species}"\n{tables}{treatments}'
        "[schedule]\nsessions = [-3, -1, 1, 3, 7]\n"
    )


def exposed(plan, values=None):
    values = default_parameters().as_floats() | (values or {})
    return exposure_of(plan.regimen.doses, plan.subject, plan.schedule.sessions, values)


def peak(plan):
    return float(drive_of(plan)["formation"].max())


# -- binding ---------------------------------------------------------------------------------------------------


def closed_form(agonist, antagonist, blocker, modulator, efficacy=0.7, most=0.8, alpha=6.0):
    """Activation, block and occupancy of one ligand of each mode, written out state by state.

    States of the receptor at the agonists' site: free, A, B; at the modulator's: free, M. Weights are products of the
    relative concentrations, and alpha where A and M are both there.
    """
    weights = {
        (site, other): {"": 1.0, "A": agonist, "B": antagonist}[site]
        * {"": 1.0, "M": modulator}[other]
        * (alpha if (site, other) == ("A", "M") else 1.0)
        for site in ("", "A", "B")
        for other in ("", "M")
    }
    # B and the free receptor do not tell whether M is there, so their weights are those of the marginal.
    total = sum(weights.values())
    with_a, with_b = (sum(w for (site, _), w in weights.items() if site == letter) / total for letter in "AB")
    blocked = most * blocker / (1 + blocker)
    return (1 - blocked) * efficacy * with_a, 1 - (1 - blocked) * (1 - with_b), with_a + with_b


def engaged(agonist, antagonist, blocker, modulator):
    ligands = zip((agonist, antagonist, blocker, modulator), MODES, (0.7, 1.0, 0.8, 6.0), strict=True)
    found = open_target([Bound(np.array([x]), mode, strength) for x, mode, strength in ligands])
    return found.activation[0], found.block[0], found.occupancy[0]


CASES = [(1.0, 0.0, 0.0, 0.0), (2.0, 3.0, 0.0, 0.0), (0.3, 0.0, 0.5, 0.0), (0.3, 0.2, 0.4, 5.0), (10.0, 1.0, 2.0, 0.1)]


@pytest.mark.parametrize("relative", CASES)
def test_binding_is_its_closed_form(relative):
    np.testing.assert_allclose(engaged(*relative), closed_form(*relative), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("which", range(4))
def test_five_percent_in_an_affinity_is_caught(which):
    relative = [0.3, 0.2, 0.4, 5.0]
    wrong = list(relative)
    wrong[which] *= 1.05
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(engaged(*wrong), closed_form(*relative), rtol=1e-3)


RELATIVE = st.floats(0, 1e4)
STRENGTH = {"agonist": (0.01, 1.0), "block": (0.01, 1.0), "antagonist": (1.0, 1.0), "positive modulator": (1.0, 100.0)}
LIGANDS = st.lists(
    st.sampled_from(MODES).flatmap(
        lambda mode: st.tuples(RELATIVE, st.just(mode), st.floats(*STRENGTH[mode])).map(
            lambda each: Bound(np.array([each[0]]), each[1], each[2])
        )
    ),
    min_size=1,
    max_size=5,
)


@given(LIGANDS, RELATIVE)
def test_shares_are_shares_and_rise_and_fall_as_they_must(ligands, more):
    before = open_target(ligands)
    for share in before:
        assert 0 <= share[0] <= 1
    extra = {mode: open_target([*ligands, Bound(np.array([more]), mode, STRENGTH[mode][1])]) for mode in MODES}
    slack = 1e-9
    assert extra["agonist"].activation[0] >= before.activation[0] - slack, "a full agonist activates"
    assert extra["agonist"].occupancy[0] >= before.occupancy[0] - slack
    assert extra["antagonist"].activation[0] <= before.activation[0] + slack
    assert extra["antagonist"].block[0] >= before.block[0] - slack
    assert extra["block"].activation[0] <= before.activation[0] + slack
    assert extra["block"].occupancy[0] == before.occupancy[0], "a blocker does not compete"
    assert extra["positive modulator"].activation[0] >= before.activation[0] - slack
    if not any(each.mode == "agonist" for each in ligands):
        assert before.activation[0] == extra["positive modulator"].activation[0] == 0


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_partial_agonist_lowers_what_a_full_one_does(full, partial):
    alone = open_target([Bound(np.array([full]), "agonist")]).activation[0]
    both = open_target([Bound(np.array([full]), "agonist"), Bound(np.array([partial]), "agonist", 1e-6)])
    assert both.activation[0] < alone


def test_the_exposure_has_shares_by_target():
    """Of free concentrations, with the hill and the efficacy of the file; of a metabolite too."""
    two = [target("R"), target("S")]
    drug = compound(R=at("agonist", 30, efficacy=0.5, hill=2), S=at("block", 100))
    with library.using(entries=[*two, drug]):
        got = exposed(scenario(("x", 20)))
        parameters = default_parameters()
    free = got["free_concentration"].sel(compound="x")
    x = (free / 30) ** 2
    np.testing.assert_allclose(got["target_activation"].sel(target="R"), 0.5 * x / (1 + x), rtol=1e-12)
    np.testing.assert_allclose(got["target_block"].sel(target="S"), (free / 100) / (1 + free / 100), rtol=1e-12)
    assert not got["target_occupancy"].sel(target="S").any()
    assert parameters["x.R_affinity"].unit == "nM"
    assert parameters["x.R_affinity"].long_name == "half engagement of R of x"
    assert parameters.value("x.R_hill") == 2
    assert parameters["x.R_affinity"].prior.spread == 0.7


def test_compounds_compete_for_a_target():
    agonist, antagonist = compound("a", R=at("agonist", 30)), compound("b", "ketanserin", False, R=at("antagonist", 1))
    with library.using(entries=[target(), agonist, antagonist]):
        alone, both = exposed(scenario(("a", 20))), exposed(scenario(("a", 20), ("b", 50)))
    assert float(both["target_activation"].max()) < 0.5 * float(alone["target_activation"].max())


# -- signals ---------------------------------------------------------------------------------------------------


def states_at(share, effects, **values):
    """States of the cascade long after activation of a target rose to a share."""
    with library.using(entries=[target(**effects), compound(R=at("agonist", 3))]):
        values = default_parameters().as_floats() | values
        exposure = exposed(scenario(("x", 20)))
        times = np.linspace(0, 2, exposure.sizes["time"])
        constant = exposure * 0.0
        for name in ("target_activation", "target_block"):
            constant[name] = constant[name] + share
        for name, variable in constant.variables.items():
            variable.attrs = exposure[name].attrs
        return signalling_states(constant.assign_coords(time=("time", times, {"units": "day"})), values).isel(time=-1)


def test_signals_are_gain_times_share():
    """Steady states in closed form: BDNF = g + u, TrkB = phi(B) (1 + q) - phi(0) + u, mTORC1 = TrkB + u."""
    values = default_parameters().as_floats()
    basal, half = values["cascade.bdnf_basal"], values["cascade.bdnf_half"]

    def trkb(bdnf, gain=0.0, direct=0.0):
        return (basal + bdnf) / (basal + bdnf + half) * (1 + gain) - basal / (basal + half) + direct

    for effects, bdnf, expected in (
        ({"glutamate": 0.8}, 0.4, trkb(0.4)),
        ({"bdnf": 0.8}, 0.4, trkb(0.4)),
        ({"bdnf": 0.8, "glutamate": -0.2}, 0.3, trkb(0.3)),
        ({"glutamate": -0.8}, 0.0, 0.0),
        ({"trkb_gain": 2.0}, 0.0, trkb(0, gain=1.0)),
        ({"trkb": 0.5}, 0.0, 0.25),
    ):
        states = states_at(0.5, effects)
        np.testing.assert_allclose([states["bdnf"], states["trkb"]], [bdnf, expected], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(states["mtorc1"], states["trkb"], rtol=1e-9, atol=1e-12)
    assert float(states_at(0.5, {"mtorc1": 0.5})["mtorc1"]) == pytest.approx(0.25)
    assert float(states_at(0.5, {"d1_tone": 0.5})["evoked"]) > 0
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(states_at(0.5 * 1.05, {"trkb": 0.5})["trkb"], 0.25, rtol=1e-2)


def test_a_gain_is_a_parameter_that_a_scenario_replaces():
    drug = compound(R=at("agonist", 3))
    with library.using(entries=[target(glutamate=-0.5), drug]):
        name = load_target("R").gain_name(load_target("R").effects[0])
        assert name == "target.R_activation_glutamate"
        assert default_parameters()[name].prior.spread == 0.7
        plan = scenario(("x", 20))
        stronger = plan.updated(parameters={name: 5.0})
        assert peak(stronger) < peak(plan)
        assert set(plan.own_entries()) == {"compounds/x", "targets/R"}


def test_a_fit_reads_a_gain_where_a_compound_has_the_target():
    with library.using(entries=[target(glutamate=-0.5), compound(R=at("agonist", 3))]):
        drives = Drives("mechanistic", default_parameters())
        arm = arm_targets("shao2021", "psilocybin")
        name = "target.R_activation_glutamate"
        assert name not in drives.names(arm)
        mine = Arm(name="x", doses=scenario(("x", 20)).regimen.doses)
        other = replace(arm, arm=mine)
        assert {name, "x.R_affinity"} <= set(drives.names(other))
        values = default_parameters().as_floats()
        folds = [drives.folds(other, values | {name: gain})[1]["formation"].max() for gain in (0.5, 5.0)]
        assert folds[1] < folds[0]


# -- what a result says of them --------------------------------------------------------------------------------


def test_a_result_says_that_a_gain_is_assumed():
    with library.using(entries=[target("5-HT1A", glutamate=-0.5), compound(**{"5-HT1A": at("agonist", 3)})]):
        notes = notes_of(scenario(("x", 20)))
        assert any(note.startswith("the gain of 5-HT1A is assumed; no spine data inform it") for note in notes)
        assert not any("5-HT1A" in note for note in notes_of(scenario(("5-MeO-DMT", 20))))
        simulated = simulate(scenario(("x", 20)), replicates=1, seed=1)
        assert "targets/5-HT1A " in simulated.attrs["library_entries"]


def test_the_figure_shows_what_is_engaged():
    with library.using(entries=[target("R"), target("S"), compound(R=at("agonist", 3), S=at("block", 30))]):
        shown = _engaged(mechanism_of(scenario(("x", 20))))
    assert {"5-HT2A, membrane and inside", "R, activated", "S, blocked"} == set(shown)


# -- examples --------------------------------------------------------------------------------------------------


def test_an_inhibitory_5_ht1a_receptor_competes_with_5_ht2a():
    """5-MeO-DMT 20 mg/kg: less growth than by its 5-HT2A action alone, and more with the 5-HT1A receptor blocked."""
    inhibitory = target("5-HT1A", glutamate=-0.5)
    drug = compound(**{"5-HT1A": at("agonist", 3)})
    blocker = compound("way", "ketanserin", False, **{"5-HT1A": at("antagonist", 0.1)})
    with library.using(entries=[inhibitory, drug, blocker]):
        plain, both, rescued = (
            peak(scenario(*doses)) for doses in ([("5-MeO-DMT", 20)], [("x", 20)], [("x", 20), ("way", 5)])
        )
    assert 1 < both < 0.95 * plain
    assert both < rescued <= plain


def test_a_trkb_agonist_is_a_target_like_any():
    drug = compound("agonist", "5-MeO-DMT", False, TrkB=at("agonist", 500))
    blocked = Condition(name="no mTORC1", title="", kind="treatment", factors={"mtorc1": number(0.0)})
    with library.using(entries=[target("TrkB", trkb=1.0), drug, blocked]):
        mechanism = mechanism_of(scenario(("agonist", 10)))
        assert not mechanism["bdnf"].any(), "it needs no burst"
        assert mechanism["formation_fold"].max() > 1.1
        off = scenario(("agonist", 10), treatments='[[regimen.treatments]]\nname = "no mTORC1"\n')
        assert peak(off) == 1


def test_esketamine_by_the_nose_twice_a_week_for_four_weeks():
    plan = loads(
        'name = "s"\nbaseline = "phoumthipphavong2016"\n[subject]\nspecies = "human"\n'
        '[[regimen.doses]]\ncompound = "esketamine"\namount = 84\nunit = "mg"\nroute = "intranasal"\nrepeat = 8\n'
        "every_days = 3.5\n[schedule]\nsessions = [-3, -1, 1, 28]\n"
    )
    assert peak(plan) > peak(plan.updated(regimen={"doses": [plan.regimen.doses[0].model_copy(update={"repeat": 1})]}))


def test_ketamine_with_rapamycin_grows_nothing():
    assert peak(scenario(("ketamine", 10))) > 1.3
    assert peak(scenario(("ketamine", 10), treatments='[[regimen.treatments]]\nname = "rapamycin"\n')) == 1


def test_no_embedded_compound_has_an_open_target():
    assert library.names("targets") == []
    assert "target" not in mechanism_of(load("5-MeO-DMT-mouse")).coords
    assert load_study("shao2021").name == "shao2021"
