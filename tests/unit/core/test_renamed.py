"""Words of before: each still works, is told once, and leaves digests and bits as they were."""

import logging
import pickle
from dataclasses import replace

import numpy as np
import pytest

import synmodel
from synmodel import turnover
from synmodel.analysis.sweeps import changed
from synmodel.core import renamed
from synmodel.core.errors import ScenarioError
from synmodel.core.renamed import told_today
from synmodel.inference.dendrites.terms import read_terms
from synmodel.scenario import load
from synmodel.scenario.conditions import Condition, load_condition
from synmodel.scenario.turnover import Turnover
from synmodel.simulation import tissue_of
from synmodel.turnover import HeadWidth, TurnoverModel, simulate

NOW = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], elimination=[0.5, 0.01])
BY_SIZE = {"steepness": 3.0, "most": 5.0}


@pytest.fixture(autouse=True)
def told(monkeypatch, caplog):
    monkeypatch.setattr(renamed, "_TOLD", set())
    caplog.set_level(logging.INFO, logger="synmodel")
    return caplog


def test_a_word_of_before_is_told_once(told):
    assert [read_terms("births+transient").name for _ in range(2)] == ["formation+transient"] * 2
    assert told.messages == ["the term births is called formation now; the old word still works"]


def test_a_model_by_its_words_of_before(told):
    model = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], loss=[0.5, 0.01])
    assert model == NOW
    assert replace(model, loss=(1.0, 0.1)).elimination == (1.0, 0.1)
    assert replace(model, elimination=(1.0, 0.1)).loss == (1.0, 0.1)
    assert model.births.tolist() == NOW.formation_rates.tolist()
    assert pickle.loads(pickle.dumps(model)) == NOW
    assert len(told.messages) == 3
    with pytest.raises(TypeError, match="unexpected keyword argument 'lost'"):
        TurnoverModel(("spine",), 1.0, [[0]], [0.1], lost=1)


def test_words_of_today_are_not_told(told):
    assert NOW.elimination == (0.5, 0.01)
    load("saline-mouse").updated(turnover={"elimination_by_size": BY_SIZE})
    load_condition("restraint stress")
    assert told.messages == []


def test_digests_are_those_of_before():
    """Recorded before the words were renamed."""
    model = TurnoverModel(("a", "b"), NOW.formation, NOW.transition, NOW.elimination)
    assert model.digest().startswith("2beab92d86c6c569")
    plan = load("saline-mouse").updated(turnover={"elimination_by_size": BY_SIZE})
    assert plan.digest().startswith("6dad8acd62d29572")
    assert load("saline-mouse").updated(turnover={"size_loss": BY_SIZE}).digest() == plan.digest()


def test_a_scenario_by_its_words_of_before():
    plan = synmodel.load_scenario("saline-mouse").updated(turnover={"size_loss": BY_SIZE})
    assert "[turnover.elimination_by_size]" in plan.to_toml()
    steeper = changed(plan, {"scenario.turnover.size_loss.steepness": 4.0})
    assert steeper.turnover.elimination_by_size.steepness == 4.0
    message = "size_loss and elimination_by_size are both given, and are the same; leave size_loss out"
    with pytest.raises(ScenarioError, match=message):
        plan.updated(turnover={"size_loss": BY_SIZE, "elimination_by_size": BY_SIZE})


def test_a_condition_by_its_words_of_before():
    now = load_condition("restraint stress")
    arrows = {"formation_rate": "births", "elimination_hazard": "losses"}
    content = now.model_dump()
    before = {arrows[name]: factor for name, factor in content["factors"].items()}
    assert Condition(**(content | {"factors": before})) == now


def test_functions_by_their_words_of_before():
    law = turnover.SizeLoss(HeadWidth(0.5, 0.3, 0.1, 2.0), steepness=4.0, most=5.0)
    assert type(law) is turnover.EliminationBySize
    given = {"initial": [5, 5], "times": [0.0, 2.0], "replicates": 3, "engine": "events"}
    now = simulate(NOW, elimination_by_size=law, **given)
    assert np.array_equal(simulate(NOW, size_loss=law, **given)["count"], now["count"])
    values = synmodel.default_parameters().as_floats()
    before = tissue_of("shao2021", values, births=1.1, losses=0.9)
    assert before == tissue_of("shao2021", values, formation_factor=1.1, elimination_factor=0.9)


def test_recorded_texts_are_told_in_words_of_today():
    recorded = {"reason": "Births are up, losses down", "findings": [{"label": "births in 2 h", "model": 1.0}]}
    today = renamed.told_today(recorded)
    assert today["reason"] == "Formation rates are up, elimination hazards down"
    assert today["findings"] == [{"label": "formation rates in 2 h", "model": 1.0}]


def test_a_function_is_not_given_both_words():
    model = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    with pytest.raises(TypeError, match="size_loss and elimination_by_size, which are the same"):
        simulate(model, initial=[3], times=[0.0, 1.0], seed=1, size_loss=None, elimination_by_size=None)


def test_a_path_is_not_given_by_both_words():
    both = {f"scenario.turnover.{word}.most": 2.0 for word in ("size_loss", "elimination_by_size")}
    plan = load("saline-mouse").model_copy(update={"turnover": Turnover(elimination_by_size=BY_SIZE)})
    with pytest.raises(ScenarioError, match="are the same field"):
        changed(plan, both)


def test_states_of_before_are_read():
    """As a pickle from before holds them."""
    model = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    earlier = {("loss" if name == "elimination" else name): value for name, value in vars(model).items()}
    again = object.__new__(TurnoverModel)
    again.__setstate__(earlier)
    assert again == model
    table = Turnover(elimination_by_size={"steepness": 1.0, "most": 3.0})
    state = table.__getstate__()
    old = {("size_loss" if name == "elimination_by_size" else name): value for name, value in vars(table).items()}
    other = Turnover.__new__(Turnover)
    other.__setstate__({**state, "__dict__": old, "__pydantic_fields_set__": {"size_loss"}})
    assert other == table
    assert other.size_loss == table.elimination_by_size


def test_a_recorded_path_stays():
    assert told_today({"file": "losses/births.csv"}) == {"file": "losses/births.csv"}
