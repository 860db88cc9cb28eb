"""The log file, the installation for a report of a bug, and completion of the shell."""

import logging
import re
import time
from importlib.metadata import version

import pytest
from command_line import run

from synmodel.cli import log as cli_log
from synmodel.cli.output import progress

pytestmark = pytest.mark.heavy

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR) .+")


def test_a_log_says_what_ran_and_how_it_ended(capsys, monkeypatch, tmp_path):
    log = tmp_path / "run.log"
    assert run(capsys, monkeypatch, "--log", log, "scenarios")[0] == 0
    status, _, fault = run(capsys, monkeypatch, "--log", log, "show", "nothing of this name")
    assert status == 2
    lines = log.read_text().splitlines()
    assert all(LINE.match(line) for line in lines)
    texts = [line.split(" ", 2)[2] for line in lines]
    assert texts[0] == f"INFO synmodel {version('synmodel')}: --log {log} scenarios"
    assert texts[1] == "INFO ended with status 0"
    assert texts[-1].startswith("ERROR ended with status 2: ")
    assert texts[-1].removeprefix("ERROR ended with status 2: ")[:200] in fault  # which is cut where it is long
    assert not cli_log.is_open()
    assert not [each for each in logging.getLogger("synmodel").handlers if isinstance(each, logging.FileHandler)]
    before = log.read_text()
    run(capsys, monkeypatch, "scenarios")
    assert log.read_text() == before


@pytest.mark.parametrize("quiet", [True, False])
def test_progress_goes_into_the_log_with_times(capsys, tmp_path, quiet):
    log = tmp_path / "run.log"
    cli_log.open_log(log)
    with progress(quiet) as steps:
        for done in (0, 1, 2):
            steps("fitting", done, 2)
    cli_log.ended(0)
    text = log.read_text()
    assert "fitting: 0 of 2" in text
    assert re.search(r"fitting: 2 of 2, took \d+:\d\d:\d\d", text)
    assert ("synmodel: fitting: 2 of 2" in capsys.readouterr().err) != quiet


def test_lines_of_progress_tell_the_time_left(capsys, monkeypatch):
    clock = iter([0.0, 40.0, 100.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with progress(False) as steps:
        steps("fitting", 0, 10)
        steps("fitting", 4, 10)
        steps("fitting", 10, 10)
    assert capsys.readouterr().err.splitlines() == [
        "synmodel: fitting: 0 of 10",
        "synmodel: fitting: 4 of 10, 0:01:00 left",
        "synmodel: fitting: 10 of 10, took 0:01:40",
    ]


def test_a_quiet_command_without_a_log_tells_no_progress(capsys):
    with progress(True) as steps:
        steps("fitting", 0, 2)
        steps("fitting", 2, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["missing/run.log", "."])
def test_a_log_that_cannot_be_written_is_one_line(capsys, monkeypatch, tmp_path, place):
    status, said, fault = run(capsys, monkeypatch, "--log", tmp_path / place, "scenarios")
    assert (status, said) == (2, "")
    assert fault.startswith("synmodel: --log is ")
    assert fault.count("\n") == 1


def test_the_version_with_all_that_a_report_of_a_bug_needs(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path))
    status, said, _ = run(capsys, monkeypatch, "--version", "--verbose")
    assert status == 0
    entries = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in said.splitlines() if "  " in line)
    assert entries["synmodel"] == version("synmodel")
    for name in ("numpy", "numba", "xarray", "typer", "matplotlib", "jinja2"):
        assert entries[name] == version(name)
    assert {"Python", "platform", "processors", "threads", "encoding"} <= set(entries)
    assert re.search(r"numba \d+", entries["threads"])
    assert entries["compiled code"].startswith(str(tmp_path))
    assert entries["SYNMODEL_CACHE_DIR"] == str(tmp_path)
    assert run(capsys, monkeypatch, "--version")[1] == f"{version('synmodel')}\n"


def test_verbose_alone_is_refused(capsys, monkeypatch):
    status, _, fault = run(capsys, monkeypatch, "--verbose", "scenarios")
    assert status == 2
    assert "--verbose goes with --version" in fault


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_the_shell(capsys, monkeypatch, shell):
    """The script names the command, and the command answers the script with its verbs."""
    from typer import completion

    monkeypatch.setattr(completion, "_get_shell_name", lambda: shell, raising=False)
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: shell, raising=False)
    status, said, _ = run(capsys, monkeypatch, "--show-completion")
    assert status == 0
    assert "_SYNMODEL_COMPLETE" in said


def test_completion_answers_with_verbs(capsys, monkeypatch):
    monkeypatch.setenv("_SYNMODEL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "synmodel comp")
    monkeypatch.setenv("COMP_CWORD", "1")
    status, said, _ = run(capsys, monkeypatch)
    assert status == 0
    assert set(said.split()) == {"compare", "compounds"}
