"""The recorded predictions and rankings belong to the model as it is, and say what it says."""

import importlib.util
import json
import math
from pathlib import Path

import pytest

from synmodel.imaging.power import welch_power
from synmodel.inference.summaries.joint import load_posterior
from synmodel.scenario import load

RESULTS = Path(__file__).parents[3] / "docs" / "results"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("predictions", RESULTS / "predictions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recorded():
    return json.loads((RESULTS / "predictions.json").read_text())


def test_scenarios_of_all_arms_are_there(script):
    plans = script.arms()
    assert {path.stem for path in (RESULTS / "predictions").glob("*.toml")} == set(plans)
    for name, plan in plans.items():
        assert load(RESULTS / "predictions" / f"{name}.toml") == plan
    for experiment in script.EXPERIMENTS_OF:
        first, second = (plans[arm] for arm in experiment.arms)
        assert first.schedule.sessions == second.schedule.sessions
        assert first.baseline == second.baseline


def test_recorded_predictions_are_those_of_the_model(script, recorded):
    plans, typical = script.arms(), [load_posterior().typical()]
    assert len(recorded["experiments"]) == len(script.EXPERIMENTS_OF) >= 6
    for experiment, entry in zip(script.EXPERIMENTS_OF, recorded["experiments"], strict=True):
        assert entry["name"] == experiment.name
        found = script.contrasts(experiment, plans, typical, "mechanistic")[0]
        assert entry["estimate"] == pytest.approx(found, rel=1e-6, abs=1e-9)
        assert entry["estimate"] != pytest.approx(1.05 * found, rel=1e-6, abs=1e-9) or abs(found) < 1e-9


def test_recorded_fits_of_rivals_are_of_these_data(script, recorded):
    assert script.FITTED.stat().st_size < 200_000
    fitted = json.loads(script.FITTED.read_text())
    plans = script.arms()
    assert set(fitted) == set(script.RIVALS)
    for at, name in enumerate(script.RIVALS):
        sets = script.rival_sets(name, fitted[name], "psilocybin")
        assert len(sets) == script.RIVAL_DRAWS + 1
        drive = "phenomenological" if name.startswith("pulse") else "mechanistic"
        for experiment, entry in zip(script.EXPERIMENTS_OF, recorded["experiments"], strict=True):
            if experiment.name == "day-2":  # which every reading can say something of
                found = script.contrasts(experiment, plans, sets[:1], drive)[0]
                assert entry["rivals"][at]["estimate"] == pytest.approx(found, rel=1e-6)
    with pytest.raises(SystemExit, match="belongs to other data or another model; run this with --refit"):
        script.rival_sets(name, fitted[name] | {"digest": "0"}, "psilocybin")


def test_each_drug_has_its_own_cascade_where_a_reading_says_so(script):
    name = "intracellular, one cascade per drug, saturating"
    entry = json.loads(script.FITTED.read_text())[name]
    ours, theirs = (script.rival_sets(name, entry, drug)[0] for drug in ("psilocybin", "ketamine"))
    own = entry["rows"][0][entry["names"].index("ketamine.cascade_formation_gain")]
    assert theirs.value("cascade.formation_gain") == own != ours.value("cascade.formation_gain")


def test_the_smallest_study_is_the_smallest(script):
    for difference, spread in ((3.0, (20.0, 9.0)), (1.0, (9.0, 7.0)), (12.0, (4.0, 4.0))):
        n = script.mice(difference, spread)
        assert welch_power(difference, spread, n) >= 0.8
        assert n == 2 or welch_power(difference, spread, n - 1) < 0.8
        assert script.mice(-difference, spread) == n
        assert script.mice(0.9 * difference, spread) >= n
    assert script.mice(0.0, (1.0, 1.0)) is None
    assert script.mice(math.nan, (1.0, 1.0)) is None


def test_the_recorded_ranking_is_of_these_parameters():
    document = json.loads((RESULTS / "measure-next.json").read_text())
    assert document["provenance"]["parameters_digest"] == load_posterior().problem.parameters.digest()
