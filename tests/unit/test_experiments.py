"""Experiments: what an outcome must say, what a README must say, and that both say the same."""

import json
import sys

import pytest

from synmodel import experiments, library
from synmodel.cli import main
from synmodel.core import manifest
from synmodel.core.renamed import told_today
from synmodel.experiments import ExperimentError, Finding, Outcome
from synmodel.report.experiments import claims_page
from synmodel.report.figures import panels

pytestmark = pytest.mark.heavy

NAMES = experiments.names()
LONGEST = 80


def finding(**changes):
    values = {
        "label": "formation", "model": 2.0, "low": 1.0, "high": 3.0, "unit": "1", "data": None, "data_source": "",
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
        ({"status": "guessed"}, "finding 'formation': status is 'guessed'; allowed is measured, derived, assumed"),
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
            "finding 'formation' is secondary; the reason must say what of the verdict is secondary",
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
    folder = tmp_path / "formation"
    folder.mkdir()
    (folder / "run.py").write_text("def run(*, short, seed, progress=None):\n    return 1\n")
    return folder


README = """# Row 1: formation

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
    entry = experiments.entry("formation")
    assert (entry.row, entry.title, entry.verdict) == (1, "formation", "reproduced")
    assert entry.sections["Question"] == "Do they rise?"
    with pytest.raises(ExperimentError, match=r"holds no outcome\.json; run `synmodel experiment formation --out"):
        _ = entry.recorded


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# Row 1: formation", "# Formation", "has no heading; begin it with `# Row 1: title`"),
        ("## Assumed", "", "has no section 'Assumed'; it needs Question, Command, Result, Assumed, Verdict"),
        ("reproduced", "proven", "has no line `\\*\\*Verdict: ...\\*\\*` with one of reproduced, contradicted"),
    ],
)
def test_a_readme_that_lacks_something_is_refused(shelf, old, new, message):
    (shelf / "README.md").write_text(README.replace(old, new))
    with pytest.raises(ExperimentError, match=message):
        experiments.entry("formation")


def test_a_script_that_returns_something_else_is_refused(shelf):
    (shelf / "README.md").write_text(README)
    with pytest.raises(ExperimentError, match="returned int; run\\(\\) returns an Outcome"):
        experiments.run("formation")


def command(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["synmodel", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    return end.value.code or 0, captured.out, captured.err


def test_an_unknown_experiment_is_one_line(capsys, monkeypatch, tmp_path):
    status, out, err = command(capsys, monkeypatch, "experiment", "formatio", "--out", tmp_path / "o")
    assert (status, out) == (2, "")
    assert err.startswith("synmodel: there is no experiment 'formatio'; ")
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


@pytest.fixture(scope="module")
def short_runs():
    """Outcome of every experiment in short form, run once."""
    memory = {}

    def run(name):
        if name not in memory:
            memory[name] = experiments.run(name, short=True, seed=1)
        return memory[name]

    return run


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_what_the_readme_says(short_runs, name):
    entry = experiments.entry(name)
    assert short_runs(name).verdict == entry.verdict
    assert entry.recorded["verdict"] == entry.verdict


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_run_is_of_this_code_and_agrees(short_runs, name):
    """The same findings and published numbers; intervals meet, for both runs have a Monte Carlo error."""
    recorded = experiments.entry(name).recorded
    now = experiments.outcome_document(name, short_runs(name), seed=1, short=True)
    assert not recorded["short"]
    assert recorded["provenance"]["experiment_digest"] == now["provenance"]["experiment_digest"], (
        f"run.py or a scenario changed: synmodel experiment {name} --out experiments/{name}"
    )
    labels = [told_today([f["label"] for f in each["findings"]]) for each in (recorded, now)]
    assert labels[0] == labels[1]
    for before, after in zip(recorded["findings"], now["findings"], strict=True):
        assert after["data"] == before["data"]
        if before["low"] is not None and before["high"] is not None:
            assert after["low"] <= before["high"], before["label"]
            assert before["low"] <= after["high"], before["label"]
        else:
            assert after["model"] == pytest.approx(before["model"], rel=0.1, abs=0.5), before["label"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_full_run_gives_the_recorded_numbers(name):
    recorded = experiments.entry(name).recorded
    now = experiments.outcome_document(name, experiments.run(name, seed=int(recorded["provenance"]["seed"])), seed=1)
    assert now["verdict"] == recorded["verdict"]
    for before, after in zip(recorded["findings"], now["findings"], strict=True):
        spread = abs(before["high"] - before["low"]) if before["low"] is not None else abs(before["model"])
        for end in ("model", "low", "high"):
            if before[end] is None:
                assert after[end] is None, before["label"]
                continue
            assert after[end] == pytest.approx(before[end], rel=0.02, abs=0.1 * spread + 1e-3), before["label"]


def test_the_page_of_claims_is_up_to_date():
    page = experiments.folder_of(NAMES[0]).parents[1] / "docs" / "claims.md"
    if not page.is_file():
        pytest.skip("an installed package has no documentation")
    entries = [experiments.entry(name) for name in NAMES]
    assert page.read_text(encoding="utf-8") == claims_page(entries), "run python docs/claims.py"


def test_an_experiment_writes_all_or_nothing(capsys, monkeypatch, shelf, tmp_path_factory):
    """With version, seed and digests; the same bytes again; nothing where the outcome is not valid."""
    (shelf / "README.md").write_text(README)
    (shelf / "run.py").write_text(
        "import xarray as xr\n"
        "from synmodel.experiments import Finding, Outcome\n"
        "from synmodel.report.figures import panels\n\n"
        "def run(*, short, seed, progress=None):\n"
        "    figure, _ = panels(1, 1, size=(2, 2))\n"
        "    finding = Finding('formation', seed, 1, None, 'fold', 'rise', 'a page', 'recalled')\n"
        "    data = xr.Dataset({'formation': ('time', [1.0])})\n"
        "    reason = 'it is ' + ('recalled' if seed < 9 else 'true')\n"
        "    return Outcome('reproduced', reason, (finding,), (), figure, data)\n"
    )
    out = tmp_path_factory.mktemp("outcome")
    written = {}
    for place in ("a", "b"):
        status, stdout, _ = command(
            capsys, monkeypatch, "experiment", "formation", "--out", out / place, "--seed", 7, "--json"
        )
        assert status == 0
        written[place] = {path.name: path.read_bytes() for path in (out / place).iterdir()}
    assert written["a"] == written["b"]
    assert set(written["a"]) == {*experiments.FILES, manifest.NAME}
    document = json.loads(written["a"]["outcome.json"])
    assert document == json.loads(stdout)
    assert document["findings"][0] == {
        "label": "formation", "model": 7.0, "low": 1.0, "high": None, "unit": "fold", "data": "rise",
        "data_source": "a page", "status": "recalled", "note": "", "data_low": None, "data_high": None,
    }  # fmt: skip
    assert document["provenance"]["seed"] == "7"
    assert len(document["provenance"]["experiment_digest"]) == 64
    for content in (written["a"][name] for name in experiments.FILES):
        assert document["provenance"]["experiment_digest"].encode() in content
    status, _, err = command(capsys, monkeypatch, "experiment", "formation", "--out", out / "c", "--seed", 9)
    assert status == 2
    assert "finding 'formation' is recalled" in err
    assert not (out / "c").exists()
