"""Modules are found by their names of before the rooms, and are the same objects."""

import importlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import synmodel
from synmodel.core.module_names import earlier_names, present_name

pytestmark = pytest.mark.heavy

OF_BEFORE = (Path(__file__).with_name("names_of_before.txt")).read_text(encoding="utf-8").split()
"""All modules of the last state without rooms."""


@pytest.mark.parametrize("name", OF_BEFORE)
def test_every_name_of_before_is_the_module_of_today(name):
    module = importlib.import_module(name)
    assert module is importlib.import_module(present_name(name) or name)
    assert module.__name__ == module.__spec__.name == (present_name(name) or name)
    parent, _, child = name.rpartition(".")
    if parent in ("synmodel", "synmodel.inference"):
        assert getattr(importlib.import_module(parent), child) is module


def test_the_table_has_no_name_that_never_was():
    assert set(earlier_names()) <= set(OF_BEFORE)
    assert present_name("synmodel.turnover.size") == present_name("numpy") == present_name("synmodel") == ""


def test_functions_that_share_the_name_of_a_module_stay():
    """To import a module is to name it in its package, and a package may have a function of that name."""
    code = (
        "import synmodel.measuring.conclusions, synmodel.measuring, synmodel.analysis.measuring as now\n"
        "assert callable(now.conclusions) and synmodel.measuring is now\n"
        "import synmodel.measuring.conclusions\n"
        "assert callable(now.conclusions)\n"
    )
    run([], code)


@pytest.mark.parametrize(
    "first", ["errors", "sweeps.store", "exporting.optional", "cli_end", "scenario_turnover", "inference.problem"]
)
def test_a_name_of_before_may_come_first_and_warns_of_nothing(first):
    old = f"synmodel.{first}"
    run(
        ["-W", "error"],
        f"import {old}, sys; from {present_name(old)} import __doc__; assert sys.modules['{old}'].__doc__",
    )


def test_pickles_of_before_are_read():
    from synmodel.library.parameters import default_parameters

    now = pickle.dumps(default_parameters(), protocol=2)
    before = now.replace(b"csynmodel.library.parameters\n", b"csynmodel.parameters\n")
    assert before != now
    assert pickle.loads(before) == default_parameters()


def test_what_is_patched_by_either_name_is_patched(monkeypatch):
    from synmodel.analysis import workflows

    monkeypatch.setattr("synmodel.workflows.fit_summaries", None)
    assert workflows.fit_summaries is None


def test_a_module_that_never_was_is_not_found():
    for name in ("synmodel.error", "synmodel.sweeps.stores", "synmodel.analysis.sweep"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    with pytest.raises(AttributeError, match=r"module 'synmodel\.analysis' has no attribute 'sweep'"):
        _ = synmodel.analysis.sweep


def test_modules_of_a_room_need_no_import():
    run([], "import synmodel; synmodel.analysis.sweeps.sweep, synmodel.core.errors, synmodel.library.parameters")
    run([], "import synmodel; synmodel.sweeps.sweep, synmodel.inference.problem.STUDIES, synmodel.errors")


def test_few_names_stand_at_the_top():
    folder = Path(synmodel.__file__).parent
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert len(names - {"__init__", "__main__"}) <= 14


def run(options, code):
    done = subprocess.run([sys.executable, *options, "-c", code], env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
