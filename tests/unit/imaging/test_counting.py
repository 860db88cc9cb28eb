"""Words of spines in cases that can be counted by hand, and what is drawn of them."""

import numpy as np
import pytest
import xarray as xr

from synmodel.core.errors import SimulationError
from synmodel.imaging import summarise
from synmodel.imaging.counting import Laws, tallies_of
from synmodel.imaging.detection import Images, Scoring
from synmodel.imaging.words import words_of
from synmodel.library.parameters import default_parameters
from synmodel.scenario import load
from synmodel.simulation import histories, is_possible, simulate

SEES_ALL, SESSIONS = Scoring((0.0, 0.0)), np.array([-1.0, 1.0, 3.0])
STAYS = np.array([[[1.0, 0.0], [0.0, 0.0]]] * 2)  # all of class 0 stay, all of class 1 are lost
PLAN = load("psilocybin-mouse").updated(turnover={"engine": "counts"})


def drawn(survival, newborn, scoring, initial, reference_day=0.0):
    images = Images(SESSIONS, np.arange(1), 1, 1, 1.0, seed=1, reference_day=reference_day)
    start = np.array([[initial]]), np.ones((1, 1))
    return tallies_of(Laws(survival, newborn, scoring), *start, images, (0, 0))[:, 0, 0]


def test_words_by_hand():
    words = words_of([3.0, 2.0], STAYS, np.array([[0.5, 0.0], [0.0, 0.25]]), Scoring((0.0, 0.0), 0.1))
    found = {"".join(str(int(each)) for each in word): at for at, word in enumerate(words.scored)}
    first = dict.fromkeys(found, 0.0) | {"111": 3.0, "100": 2.0}
    formed = dict.fromkeys(found, 0.0) | {"011": 0.5, "001": 0.25}
    false = dict.fromkeys(found, 0.0) | dict.fromkeys(("100", "010", "001"), 0.1)
    for name, expected in {"first": first, "formed": formed, "false": false}.items():
        assert {word: getattr(words, name)[at] for word, at in found.items()} == expected


def test_what_cannot_differ_is_counted():
    none = np.zeros((2, 2))
    seen, gained, lost, again, followed = drawn(STAYS, none, SEES_ALL, [300, 21])
    np.testing.assert_array_equal(seen, [321, 300, 300])
    np.testing.assert_array_equal(lost, [0, 21, 0])
    assert not gained.any()
    assert not again.any()
    assert not followed.any()


def test_new_spines_are_followed_from_the_reference():
    seen, gained, _, again, followed = drawn(STAYS, np.array([[40.0, 0.0], [0.0, 0.0]]), SEES_ALL, [0, 0])
    assert seen[1] == gained[1] == again[1] > 10
    np.testing.assert_array_equal(again, followed)
    np.testing.assert_array_equal(again, [0, seen[1], seen[1]])
    later = drawn(STAYS, np.array([[40.0, 0.0], [0.0, 0.0]]), SEES_ALL, [0, 0], reference_day=2.0)
    assert not later[3:].any()


def test_words_come_in_the_order_of_their_letters():
    """So that scenarios that agree up to a session draw the same up to there."""
    laws = Laws(0.9 * STAYS, np.ones((2, 2)), Scoring((0.2, 0.1)))
    assert ["".join(str(int(each)) for each in word) for word in laws.scored] == [f"{w:03b}" for w in range(8)]


@pytest.mark.parametrize("miss", [(0.0, 0.0), (0.2, 0.1)])
def test_a_guide_begins_where_a_search_over_all_would(miss):
    laws = Laws(0.9 * STAYS, np.ones((2, 2)), Scoring(miss))
    n = laws.guide.shape[1]
    for row, guide in zip(laws.cumulated, laws.guide, strict=True):
        assert row[-1] > 1
        for entry, word in enumerate(guide):
            assert word == np.flatnonzero(row > entry / n)[0]


def test_observations_are_those_of_the_other_engines_without_head_widths():
    seen, other = simulate(PLAN, replicates=3, seed=1), simulate("psilocybin-mouse", replicates=3, seed=1)
    assert set(seen.data_vars) == set(other.data_vars) - {"head_width"}
    assert {name: seen[name].shape for name in seen} == {name: other[name].shape for name in seen}
    np.testing.assert_array_equal(
        seen["spine_count"].diff("session").to_numpy(), (seen["gained"] - seen["lost"]).to_numpy()
    )
    xr.testing.assert_equal(seen["length_um"], other["length_um"])
    assert "head_width_change" not in summarise(seen)["quantity"]


def test_a_drug_changes_nothing_before_its_dose_and_leaves_the_rest_close():
    drug, control = (
        simulate(load(name).updated(turnover={"engine": "counts"}), replicates=20, seed=1)
        for name in ("psilocybin-mouse", "saline-mouse")
    )
    before = {"session": drug["session"].to_numpy() < 0}
    xr.testing.assert_equal(drug["spine_count"].isel(before), control["spine_count"].isel(before))
    other = simulate(load("saline-mouse").updated(turnover={"engine": "counts"}), replicates=20, seed=2)
    last = {"session": -1}
    apart, together = ((drug - each)["spine_count"].isel(last).var() for each in (other, control))
    assert together < apart / 2


def test_subjects_who_differ_have_numbers_of_their_own_whatever_the_block(monkeypatch):
    small = PLAN.updated(cohort={"animals": 3, "dendrites_per_animal": 4})
    varied = small.updated(variability={"clearance": 0.4})
    whole = simulate(varied, replicates=3, seed=2)
    assert not whole["spine_count"].equals(simulate(small, replicates=3, seed=2)["spine_count"])
    monkeypatch.setattr("synmodel.simulation._BLOCK_SUBJECTS", 1)
    xr.testing.assert_identical(simulate(varied, replicates=3, seed=2), whole)


def test_what_it_cannot_do_is_refused():
    long = PLAN.updated(schedule={"sessions": list(range(13))})
    with pytest.raises(SimulationError, match=r"there are 13 sessions, and engine 'counts' takes up to 12; use"):
        simulate(long, replicates=1, seed=1)
    assert not is_possible(long, default_parameters())
    simulate(PLAN.updated(schedule={"sessions": list(range(12))}), replicates=1, seed=1)
    with pytest.raises(SimulationError, match=r"turnover.engine is \"counts\", which follows no spine; use"):
        histories(PLAN, seed=1)
