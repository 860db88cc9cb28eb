"""The verbs of the joint posterior: what they write, and how they refuse."""

import json
import sys

import pandas as pd
import pytest

from synmodel import library
from synmodel.cli import main

pytestmark = pytest.mark.heavy


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["synmodel", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture
def folder(tmp_path):
    """The wild-type mice of a library's study under another name, without what its drug arm showed on day 3."""
    text = library.path_of("studies", "shaoliao2025_ko").read_text()
    head, *arms = text.split("[[arms]]")
    (tmp_path / "study.toml").write_text("[[arms]]".join([head.replace("shaoliao2025_ko", "mine"), *arms[:2]]))
    table = pd.read_csv(library.summaries_path())
    table = table[(table["study"] == "shaoliao2025_ko") & table["arm"].isin(["saline", "psilocybin"])]
    later = (table["arm"] == "psilocybin") & (table["end_day"] == 3)
    table.loc[later, ["mean", "sem_dendrite", "mouse_mean", "mouse_sem"]] = float("nan")
    table.drop(columns="study").to_csv(tmp_path / "summaries.csv", index=False)
    return tmp_path


def test_a_study_is_predicted(monkeypatch, folder, tmp_path):
    assert run(monkeypatch, "predict", folder, "--out", tmp_path / "out", "--draws", 100, "--quiet") in (0, None)
    document = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert set(document) >= {"points", "coverage", "log_predictive_density"}
    assert set(document["coverage"]) == {"50", "90", "n"}
    assert document["coverage"]["n"] == 4
    low, high = document["coverage_expected"]["90"]
    assert 0.0 <= low <= high <= 1.0
    for point in document["points"]:
        assert set(point) == {
            "arm", "quantity", "start_day", "end_day", "observed", "sem", "mean", "sd",
            "low_50", "high_50", "low_90", "high_90",
        }  # fmt: skip
        assert (point["observed"] is None) == (point["end_day"] == 3)
        assert point["low_90"] < point["low_50"] < point["high_50"] < point["high_90"]
    growth = next(p for p in document["points"] if p["quantity"] == "formation_fraction")
    assert growth["mean"] > 0.13
    assert (tmp_path / "out" / "prediction.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("predict", "nowhere"), "nowhere has no study.toml; give a folder with study.toml and summaries.csv"),
        (("predict", "nowhere", "--posterior", "none.nc"), "cannot read a posterior from none.nc"),
        (("predict", "nowhere", "--draws", "3"), "100"),
        (("validate", "--seed", "-1"), "seed is -1"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(monkeypatch, capsys, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments, "--out", "out", "--quiet") == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
