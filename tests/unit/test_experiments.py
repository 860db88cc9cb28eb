"""Experiments: what an outcome must say, what a README must say, and that both say the same."""

import json
import sys

import pytest

from synmodel import experiments, library
from synmodel.cli import main
from synmodel.experiments import ExperimentError, Finding, Outcome
from synmodel.report.figures import panels

NAMES = experiments.names()
LONGEST = 80


def finding(**changes):
    values = {
        "label": "births", "model": 2.0, "low": 1.0, "high": 3.0, "unit": "1", "data": None, "data_source": "",
        "status": "derived", "note": "",
    }  # fmt: skip
    return Finding(**(values | changes))


def outcome(**changes):
    figure, _ = panels(1, 1, size=(2, 2))
    values = {
        "verdict": "reproduced", "reason": "2 of 2", "findings": (finding(),), "assumptions": ("none",),
        "figure": figure, "dataset": None,
    }  # fmt: skip
    return Outcome(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "guessed"}, "finding 'births': status is 'guessed'; allowed is measured, derived, assumed"),
        ({"low": 4.0}, "the interval 4 to 3 is upside down"),
        ({"data": 2.1}, "data is 2.1 without data_source"),
    ],
)
def test_a_finding_that_hides_something_is_refused(changes, message):
    with pytest.raises(ExperimentError, match=message):
        finding(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": "plausible"}, "verdict is 'plausible'; allowed is reproduced, contradicted, not identifiable"),
        ({"findings": ()}, "without findings"),
        (
            {"findings": (finding(data=2.0, data_source="a review", status="secondary"),)},
            "finding 'births' is secondary; the reason must say what of the verdict is secondary",
        ),
    ],
)
def test_an_outcome_that_hides_something_is_refused(changes, message):
    with pytest.raises(ExperimentError, match=message):
        outcome(**changes)


def test_numbers_that_were_not_seen_may_be_shown_when_the_reason_says_so():
    shown = finding(data="0.5", data_source="a review", status="recalled")
    assert outcome(findings=(shown,), reason="it rests on no recalled number").findings == (shown,)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty folder in the place of the experiments."""
    monkeypatch.setattr(library, "experiments_path", lambda: tmp_path)
    folder = tmp_path / "births"
    folder.mkdir()
    (folder / "run.py").write_text("def run(*, short, seed, progress=None):\n    return 1\n")
    return folder


README = """# Row 1: births

## Question
Do they rise?
## Command
## Result
## Assumed
## Verdict

**Verdict: reproduced**: yes.
"""


def test_a_readme_is_read(shelf):
    (shelf / "README.md").write_text(README)
    entry = experiments.entry("births")
    assert (entry.row, entry.title, entry.verdict) == (1, "births", "reproduced")
    assert entry.sections["Question"] == "Do they rise?"
    with pytest.raises(ExperimentError, match=r"holds no outcome\.json; run `synmodel experiment births --out"):
        _ = entry.recorded


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# Row 1: births", "# Births", "has no heading; begin it with `# Row 1: title`"),
        ("## Assumed", "", "has no section 'Assumed'; it needs Question, Command, Result, Assumed, Verdict"),
        ("reproduced", "proven", "has no line `\\*\\*Verdict: ...\\*\\*` with one of reproduced, contradicted"),
    ],
)
def test_a_readme_that_lacks_something_is_refused(shelf, old, new, message):
    (shelf / "README.md").write_text(README.replace(old, new))
    with pytest.raises(ExperimentError, match=message):
        experiments.entry("births")


def test_a_script_that_returns_something_else_is_refused(shelf):
    (shelf / "README.md").write_text(README)
    with pytest.raises(ExperimentError, match="returned int; run\\(\\) returns an Outcome"):
        experiments.run("births")


def command(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["synmodel", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    return end.value.code or 0, captured.out, captured.err


def test_an_unknown_experiment_is_one_line(capsys, monkeypatch, tmp_path):
    status, out, err = command(capsys, monkeypatch, "experiment", "birth", "--out", tmp_path / "o")
    assert (status, out) == (2, "")
    assert err.startswith("synmodel: there is no experiment 'birth'; ")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_list_says_row_and_verdict(capsys, monkeypatch):
    status, out, _ = command(capsys, monkeypatch, "experiments", "--json")
    assert status == 0
    listed = json.loads(out)["experiments"]
    assert list(listed) == NAMES
    for name, told in listed.items():
        entry = experiments.entry(name)
        assert told == {"row": entry.row, "title": entry.title, "verdict": entry.verdict}
    status, out, _ = command(capsys, monkeypatch, "experiments")
    assert all(name in out for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_is_small_and_shows_its_figure(name):
    folder = experiments.folder_of(name)
    assert len((folder / "run.py").read_text().splitlines()) <= LONGEST
    assert (folder / "figure.png").is_file()
    assert "figure.png" in experiments.entry(name).sections["Result"]
    assert f"synmodel experiment {name}" in experiments.entry(name).sections["Command"]
