"""The shape of the package: documented names, small modules, light import, no hidden randomness."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import synmodel

PACKAGE = Path(synmodel.__file__).parent
MODULES = sorted(
    info.name for info in pkgutil.walk_packages([str(PACKAGE)], "synmodel.") if not info.name.endswith("__main__")
)


TEXT = ("read_text", "write_text")
HELP = "from synmodel.cli import app; app(['--help'], standalone_mode=False)"


@pytest.mark.parametrize("name", ["synmodel", *MODULES])
def test_every_public_name_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__, name
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        if inspect.isfunction(value) or inspect.isclass(value):
            assert inspect.getdoc(value), f"{name}.{public}"


def test_no_module_outgrows_a_reader():
    for path in PACKAGE.rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 450, path
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef):
                # Functions within are read and counted on their own.
                inner = sum(_length(each) for each in node.body if isinstance(each, ast.FunctionDef))
                assert _length(node) - inner <= 110, f"{path.name}: {node.name}"


def _length(node):
    return node.end_lineno - node.lineno


SEEDS_ANOTHER_PROGRAM = "by_simulation.py"
"""pyABC draws from numpy's global generator and no other; its adapter seeds that one and gives it back (tested)."""


def test_no_global_randomness_and_no_utils():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != SEEDS_ANOTHER_PROGRAM:
            assert not re.search(r"np\.random\.(?!SeedSequence|Generator|Philox)", text), path
        assert "utils" not in path.name


HEAVY = ("numba", "scipy", "xarray", "matplotlib", "pandas", "zarr", "distributed")


@pytest.mark.parametrize("code", ["import synmodel", "import synmodel.cli", HELP])
def test_import_is_light(code):
    """What a user waits for before anything happens: told by the modules that are loaded, not by a clock."""
    code += f"; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


NEEDED = "import synmodel.analysis.simulated, synmodel.analysis.contrasts, synmodel.report.documents"
"""What `simulate` and `compare A B` load."""
OPTIMISERS_AND_READERS = (
    "iminuit", "scipy.optimize", "dynesty", "synmodel.data.reading", "synmodel.inference.dendrites",
    "synmodel.inference.conventional", "synmodel.inference.summaries.chains",
)  # fmt: skip


def test_commands_that_fit_nothing_load_no_optimiser_and_no_reader_of_tables():
    code = f"{NEEDED}; import sys; print([m for m in {OPTIMISERS_AND_READERS} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_public_names_resolve():
    for name in synmodel.__all__:
        assert getattr(synmodel, name) is not None
    assert synmodel.__version__
    assert set(synmodel.__all__) <= set(dir(synmodel))
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        _ = synmodel.simulat


def test_text_is_utf_8_whatever_the_locale():
    """A library may change the locale of the process, and with it what a file without a named encoding is read as."""
    unnamed = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TEXT:
                ours = isinstance(node.func.value, ast.Name) and node.func.value.id == "files"  # which names its own
                if not ours and "encoding" not in {keyword.arg for keyword in node.keywords}:
                    unnamed.append(f"{path.name}:{node.lineno}")
    assert not unnamed


def test_no_piece_of_a_message_stands_alone():
    """Two strings in a row are one only inside of brackets; the second line of a message is easily lost."""
    lost = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.While | ast.With | ast.Try):
                lines = [*node.body, *getattr(node, "orelse", [])]
                first = 1 if isinstance(node, ast.FunctionDef) else 0  # its docstring
                lost += [f"{path.name}:{line.lineno}" for line in lines[first:] if is_text(line)]
    assert not lost


def is_text(line):
    value = line.value if isinstance(line, ast.Expr) else None
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str))
