"""The verb that plans: its contract, its files, and what it refuses."""

import json

import pytest
import xarray as xr
from command_line import names_in, run

pytestmark = pytest.mark.heavy

ARMS = ("design", "--scenario", "psilocybin-mouse", "--control", "saline-mouse")
FILES = {"design.json", "design.nc", "design.png", "design.svg", "study.toml", "control.toml"}


def test_a_plan_is_printed_written_and_simulated(capsys, monkeypatch, tmp_path):
    few = ("--effect", "formation=3", "--days", "-3,-1,2,7", "--dendrites", "8,20", "--studies", "100", "--quiet")
    status, out, _ = run(capsys, monkeypatch, *ARMS, *few, "--out", tmp_path / "plan", "--json")
    assert status == 0
    document = json.loads(out)
    assert document == json.loads((tmp_path / "plan" / "design.json").read_text())
    best = document["recommended"]
    assert best["sessions"] == [-3, -1, 2, 7]
    assert names_in(tmp_path / "plan") == FILES
    # Eight and twenty were tried, so either is an edge.
    assert [note for note in document["notes"] if "--dendrites may find a cheaper plan" in note]
    power = document["power"]
    assert power["low"] <= power["estimate"] <= power["high"]
    assert power["monte_carlo_error"] == pytest.approx((power["estimate"] * (1 - power["estimate"]) / 100) ** 0.5)
    with xr.open_dataset(tmp_path / "plan" / "design.nc") as dataset:
        place = {"measure": best["measure"], "dendrites": best["dendrites_per_mouse"], "mice": best["mice_per_arm"]}
        assert float(dataset["power"].sel(place).squeeze()) == pytest.approx(power["analytic"])
    study = tmp_path / "plan" / "study.toml"
    few = ("--replicates", "2", "--draws", "0", "--quiet", "--json")
    status, out, _ = run(capsys, monkeypatch, "simulate", study, "--out", tmp_path / "seen", *few)
    assert status == 0
    cohort = json.loads(out)["scenario"]["cohort"]
    assert (cohort["animals"], cohort["dendrites_per_animal"]) == (best["mice_per_arm"], best["dendrites_per_mouse"])


def test_the_tables_say_what_to_do(capsys, monkeypatch, tmp_path):
    few = ("--effect", "elimination=0.2", "--days", "-3,-1,2,7", "--dendrites", "30", "--studies", "100")
    costs = ("--cost-per-mouse", "1", "--cost-per-hour", "2", "--hours-per-session", "3", "--hours-per-dendrite", "4")
    status, out, err = run(capsys, monkeypatch, *ARMS, *few, *costs, "--out", tmp_path)
    assert status == 0
    for text in (
        "What to do",
        "mice per arm",
        "false alarms",
        "elimination does not differ between mice",
        "Written to",
    ):
        assert text in out
    assert "assumed, as it was not given" not in out
    assert "may find a cheaper plan" not in out, "one number was asked for"
    assert "simulated studies" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--effect", "formation=0"), "a fold of the rate is 0.01 to 100"),
        (("--effect", "formation=x"), "write it as formation=1.3"),
        (("--effect", "formation=1"), "no study finds an effect that is none"),
        (("--power", "1.2"), "--power is 1.2"),
        (("--sessions", "2"), "--sessions is 2; give 3 to 12"),
        (("--days", "-1,x,3"), "--days is '-1,x,3'"),
        (("--dendrites", "many"), "--dendrites is 'many'"),
        (("--studies", "1"), "--studies is 1"),
        (("--seed", "-1"), "seed is -1"),
        (("--analysis", "anova"), "--analysis is 'anova'"),
        (("--control", "nothing"), "no scenario 'nothing'"),
        (("--between", "pulse", "pulse, one decay"), "reading is 'pulse'"),
        (("--between", "a", "b", "--doses", "0"), "--doses is [0.0]"),
        (("--for-predicting", "pulse"), "reading is 'pulse'"),
        (("--arms", "psilocybin-mouse"), "--arms goes with --between"),
        (("--doses", "1,2"), "--doses goes with --between"),
        (("--lasts", "3", "--decay", "2"), "an effect lasts, or it falls"),
        (("--for-predicting", "intracellular, one cascade, saturating"), "the model itself"),
        (("--for-predicting", "a", "--between", "b", "c"), "give one of them"),
        (("--between", "a", "b", "--arms", "saline-mouse"), "saline-mouse gives no drug"),
        (("--effect", "formation=1.01", "--days", "-3,-1,2,7"), "power 0.8 is not reached with up to 100 mice"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(capsys, monkeypatch, tmp_path, arguments, says):
    status, out, err = run(capsys, monkeypatch, *ARMS, *arguments, "--out", tmp_path / "none", "--quiet")
    assert status == 2
    assert out == ""
    assert says in err
    assert err.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_both_arms_are_asked_for(capsys, monkeypatch):
    status, _, err = run(capsys, monkeypatch, "design", "--scenario", "psilocybin-mouse")
    assert status == 2
    assert err.startswith("synmodel: --control is missing")
