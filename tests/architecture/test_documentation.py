"""What the documentation promises of its examples: short, public, seeded."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = sorted((DOCS / "gallery").glob("plot_*.py"))
MOST_LINES = 25


def test_the_gallery_has_what_it_promises():
    assert len(SCRIPTS) >= 12


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_the_gallery_is_short_public_and_seeded(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    head, *body = tree.body
    assert isinstance(head.value, ast.Constant), "a script begins with its title and what it shows"
    lines = {line for node in body for line in range(node.lineno, node.end_lineno + 1)}
    assert len(lines) <= MOST_LINES
    names = dict(imported(tree))
    assert any(isinstance(node, ast.Name) and node.id == "figure" for node in ast.walk(tree)), "nothing is shown"
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = resolved(call.func, names)
        if inspect.isfunction(function) and "seed" in inspect.signature(function).parameters:
            # ** may hold it: then the script has one such mapping, with a seed in it.
            given = {keyword.arg for keyword in call.keywords}
            assert "seed" in given or (None in given and '"seed"' in path.read_text(encoding="utf-8")), call.lineno


def imported(tree):
    """Names that a script imports and what they are; those of the package have to be public."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for each in node.names:
                if node.module.startswith("synmodel"):
                    assert not each.name.startswith("_"), each.name
                    assert each.name in getattr(module, "__all__", dir(module)) or node.module == "synmodel", each.name
                yield each.asname or each.name, getattr(module, each.name)
        elif isinstance(node, ast.Import):
            for each in node.names:
                yield each.asname or each.name, importlib.import_module(each.name)


def resolved(node, names):
    """What is called, as far as it follows from the imports."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolved(node.value, names)
        return getattr(owner, node.attr, None) if owner is not None else None
    return None
