"""Scenarios made ready together: each has the bits that it has alone, whoever its neighbours are."""

import numpy as np
import pytest

from synmodel.analysis.sweeps import changed
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.core.errors import SynmodelError
from synmodel.imaging import means
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import default_parameters
from synmodel.pharmacology import concentrations, concentrations_of_many
from synmodel.pharmacology.binding import trapped_block
from synmodel.scenario import load
from synmodel.signalling.cascade import low_pass
from synmodel.simulation import Setup, cells, means_of, simulate
from synmodel.simulation.mechanism import parameters_of

AMOUNT = "scenario.regimen.doses[0].amount"
MOUSE, KETAMINE = load("psilocybin-mouse"), load("ketamine-mouse-single")
TWO = MOUSE.updated(
    regimen={
        "doses": [
            {"compound": "psilocybin", "amount": 1, "route": "i.p.", "repeat": 2, "every_days": 3},
            {"compound": "ketanserin", "amount": 1, "route": "i.p.", "day": -0.02},
        ]
    }
)
INFUSED = KETAMINE.updated(
    subject={"species": "human"},
    regimen={"doses": [{"compound": "ketamine", "amount": 0.5, "route": "i.v.", "duration_min": 40}]},
)
GRIDS = {
    "dose": (MOUSE, [{AMOUNT: amount} for amount in (0.1, 1.0, 3.3, 10.0)]),
    "doses": (TWO, [{AMOUNT: a, "scenario.regimen.doses[1].amount": b} for a in (0.5, 2.0) for b in (0.1, 1.0)]),
    "infusion": (INFUSED, [{AMOUNT: amount} for amount in (0.1, 0.5, 1.0)]),
    "cascade": (MOUSE, [{"cascade.tau_bdnf": t, "cascade.formation_gain": g} for t in (0.1, 0.7) for g in (0.2, 5.0)]),
    "most": (KETAMINE, [{"cascade.formation_max": most, AMOUNT: 3.0 * most} for most in (0.5, 1.0, 4.0)]),
    "delay": (MOUSE, [{"cascade.delay": delay, AMOUNT: amount} for delay in (0.0, 0.3) for amount in (1.0, 2.0)]),
    "trapping": (KETAMINE, [{"nmda.unblock_half_life": t, AMOUNT: a} for t in (0.0, 0.2) for a in (1.0, 9.0)]),
    "hill": (KETAMINE, [{"nmda.hill": hill, AMOUNT: a} for hill in (1.0, 1.7, 2.0) for a in (1.0, 9.0)]),
    "kinetics": (MOUSE, [{"psilocin.mouse_half_life": half, AMOUNT: a} for half in (0.01, 0.05) for a in (1.0, 2.0)]),
    "tissue": (MOUSE, [{"shao2021.loss_nascent": loss, "cascade.tau_trkb": 0.1} for loss in (0.3, 0.6)]),
    "spell": (KETAMINE.updated(subject={"stress": "restraint stress"}), [{AMOUNT: a} for a in (1.0, 9.0)]),
}


def bits(ready):
    """Bytes of all folds of a drive, and of what is expected."""
    knots = ready.knots
    return b"".join(
        [knots.days.tobytes(), *(each.tobytes() for each in knots.folds.values()), *map(bytes, ready.expected)]
    )


@pytest.mark.parametrize("name", GRIDS)
def test_a_row_has_the_bits_that_it_has_alone(name):
    plan, settings = GRIDS[name]
    scenarios = [changed(plan, each) for each in settings]
    together = list(cells.prepared(scenarios, None))
    assert all(each.given is not None for each in together)
    alone = [bits(Setup(each).at()) for each in scenarios]
    assert len(set(alone)) > 1
    assert [bits(each) for each in together] == alone
    assert [bits(each) for each in cells.prepared(scenarios[::-1], None)] == alone[::-1]


@pytest.mark.parametrize(
    ("plan", "together"), [(MOUSE, True), (TWO, True), (KETAMINE, True), (without_doses(MOUSE), False)]
)
def test_a_draw_has_the_bits_that_it_has_alone(plan, together):
    sets = [parameters_of(plan, each) for each in load_posterior().scenarios(7, 1)]
    many = list(cells.prepared_at(Setup(plan), sets))
    assert all((each.given is not None) == together for each in many)
    assert [bits(each) for each in many] == [bits(Setup(plan).at(each)) for each in sets]


@pytest.mark.parametrize("name", ["psilocin.mouse_half_life", "cascade.delay", "nmda.hill"])
def test_draws_that_differ_in_what_rows_share_are_made_one_by_one(name):
    at = default_parameters()
    sets = [at, at.replace({name: 1.1 * at.value(name) + 0.01})]
    assert [each.given for each in cells.prepared_at(Setup(TWO), sets)] == [None, None]


def test_cells_of_several_families_keep_their_order(monkeypatch):
    scenarios = [changed(plan, each) for plan, settings in GRIDS.values() for each in settings]
    scenarios = scenarios[::2] + scenarios[1::2]
    whole = [bits(each) for each in cells.prepared(scenarios, None)]
    monkeypatch.setattr(cells, "_MOST_ROWS", 2)
    cells._family.cache_clear()
    assert [bits(each) for each in cells.prepared(scenarios, None)] == whole


def test_memory_is_bounded_by_numbers_and_rows(monkeypatch):
    asked = []
    true = cells.folds_of_many
    monkeypatch.setattr(cells, "folds_of_many", lambda *given: asked.append(len(given[1])) or true(*given))
    monkeypatch.setattr(cells, "_NUMBERS_AT_ONCE", 3 * len(Setup(MOUSE).folds_on_grid[0]))
    cells._family.cache_clear()
    list(cells.prepared([changed(MOUSE, {AMOUNT: 1.0 + k}) for k in range(8)], None))
    cells._family.cache_clear()
    assert asked == [3, 3, 2]


def test_cells_that_share_a_drive_integrate_it_once(monkeypatch):
    asked = []
    true = cells.folds_of_many
    monkeypatch.setattr(cells, "folds_of_many", lambda *given: asked.append(len(given[1])) or true(*given))
    losses = [{AMOUNT: a, "shao2021.loss_nascent": loss} for loss in (0.3, 0.5, 0.7) for a in (1.0, 2.0)]
    list(cells.prepared([changed(MOUSE, each) for each in losses], None))
    assert asked == [2]


def test_what_is_not_made_together_is_made_alone():
    """Drives that are fitted pulses, subjects who differ, and no drug at all."""
    plans = [
        MOUSE.updated(drive="phenomenological"),
        MOUSE.updated(variability={"clearance": 0.3}),
        MOUSE.updated(regimen={}),
    ]
    for plan in plans:
        (ready,) = cells.prepared([plan], None)
        assert ready.given is None
        assert bits(ready) == bits(Setup(plan).at())


def test_an_error_stays_with_its_cell():
    """A drug without kinetics in man, and a parameter beyond its support, beside sound ones."""
    far = default_parameters()["cascade.tau_bdnf"].upper * 2
    man = MOUSE.updated(
        subject={"species": "human"}, regimen={"doses": [{"compound": "ketanserin", "amount": 1, "route": "i.p."}]}
    )
    beyond = MOUSE.model_copy(update={"parameters": {"cascade.tau_bdnf": far}})
    one, other, wrong, again = cells.prepared([MOUSE, man, beyond, MOUSE], None)
    assert bits(one) == bits(again) == bits(Setup(MOUSE).at())
    assert isinstance(wrong, SynmodelError)
    with pytest.raises(SynmodelError, match="ketanserin"):
        _ = other.expected


def test_base_parameters_count():
    base = default_parameters().replace({"cascade.formation_gain": 1.0, "cascade.tau_bdnf": 0.9})
    scenarios = [changed(MOUSE, {"cascade.tau_bdnf": tau, AMOUNT: 2.0}) for tau in (0.2, 0.4)]
    for ready, plan in zip(cells.prepared(scenarios, base), scenarios, strict=True):
        assert bits(ready) == bits(Setup(plan).at(base))


@pytest.mark.parametrize("blocks", [1, 250_000])
def test_means_are_those_of_labelled_experiments(blocks, monkeypatch):
    monkeypatch.setattr("synmodel.simulation._BLOCK_SPINES", blocks)
    plan = KETAMINE.updated(cohort={"animals": 2, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]})
    points, values = means_of(Setup(plan).at(), 5, 4, seed=3)
    labelled, expected = means(simulate(plan, replicates=4, seed=3, first_replicate=5))
    assert points == labelled
    assert values.tobytes() == expected.tobytes()


def test_concentrations_of_many_are_those_of_each():
    times = np.linspace(-0.5, 4.0, 200)
    values = default_parameters().as_floats()
    regimens = [TWO.regimen.doses, changed(TWO, {AMOUNT: 7.0}).regimen.doses]
    many = concentrations_of_many(regimens, TWO.subject, times, values)
    for row, doses in enumerate(regimens):
        one = concentrations(doses, TWO.subject, times, values)
        assert one.keys() == many.keys()
        assert all(np.array_equal(one[name], many[name][row]) for name in one)
        assert max(map(np.max, one.values())) > 0


def test_rows_of_a_filter_and_of_trapped_block_are_those_of_each():
    times = np.sort(np.random.default_rng(1).uniform(0, 3, 60))
    target = np.random.default_rng(2).uniform(0, 2, (4, 60))
    taus = np.array([0.1, 0.3, 1.0, 9.0])[:, None]
    together = low_pass(times, target, taus)
    one_input = low_pass(times, target[0], taus)
    blocked = trapped_block(times, target, 1.3, 0.2)
    several = low_pass(times, np.stack([target, target[::-1]]), taus)  # rows of rows, which share their time constants
    for row, tau in enumerate(taus[:, 0]):
        assert np.array_equal(several[:, row], low_pass(times, target[[row, 3 - row]], tau))
        assert np.array_equal(together[row], low_pass(times, target[row], tau))
        assert np.array_equal(one_input[row], low_pass(times, target[0], tau))
        assert np.array_equal(blocked[row], trapped_block(times, target[row], 1.3, 0.2))
