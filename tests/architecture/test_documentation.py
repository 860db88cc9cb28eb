"""What the documentation promises: short seeded examples, one for each name to start from, equations with functions."""

import ast
import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

import synmodel

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = sorted((DOCS / "gallery").glob("plot_*.py"))
MOST_LINES = 25
API = re.findall(r"^\.\. auto(?:function|class):: (\S+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
ELSEWHERE = {
    "synmodel.inference.log_likelihood": synmodel.inference,
    "synmodel.data.Reading": synmodel.data.read_observations,
}
"""Names whose example stands with another, which page and tests show."""


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


def test_names_to_start_from_are_those_of_the_package_and_more():
    assert {f"synmodel.{name}" for name in synmodel.__all__} <= set(API)
    assert len(API) >= 30


@pytest.mark.parametrize("name", API)
def test_a_name_to_start_from_has_an_example(name):
    module, _, attribute = name.rpartition(".")
    shown = ELSEWHERE.get(name) or getattr(importlib.import_module(module), attribute)
    assert ">>>" in inspect.getdoc(shown)


def imported(tree):
    """Names that a script imports and what they are; those of the package have to be public."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for each in node.names:
                if node.module.startswith("synmodel"):
                    assert not each.name.startswith("_"), each.name
                    public = each.name in getattr(module, "__all__", dir(module)) or node.module == "synmodel"
                    assert public or importlib.util.find_spec(f"{node.module}.{each.name}"), each.name
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


MODEL = sorted((DOCS / "model").glob("*.md"))
ROLE = re.compile(r"\{py:(?:func|class|meth|mod|data)\}`~?(synmodel[\w.]*)`")
NEAR = 4
"""Lines below an equation in which what computes it is named."""


def equations(page):
    """First line of each displayed equation of a page, and the names near its end."""
    lines = page.read_text(encoding="utf-8").splitlines()
    fences = [at for at, line in enumerate(lines) if line.strip() in {"$$", ":::{math}"} or line.startswith("$$ (")]
    assert len(fences) % 2 == 0, page.name
    for begin, end in zip(fences[::2], fences[1::2], strict=True):
        yield lines[begin + 1], ROLE.findall("\n".join(lines[end + 1 : end + 1 + NEAR]))


@pytest.mark.parametrize("page", MODEL, ids=lambda page: page.stem)
def test_an_equation_names_what_computes_it_and_is_named_there(page):
    found = list(equations(page))
    assert found, f"{page.name} displays no equation"
    for equation, names in found:
        assert names, f"{page.name}: nothing near {equation!r} says what computes it"
        for name in names:
            said = inspect.getdoc(described(name)) or ""
            assert f"/model/{page.stem}" in said, f"{name} does not lead back to {page.name}"


def described(name):
    """What a name stands for: a function before a module of the same name, as pages write them."""
    module, _, attribute = name.rpartition(".")
    try:
        owner = importlib.import_module(module)
    except ModuleNotFoundError:
        owner = described(module)
    return getattr(owner, attribute)


def test_a_table_of_the_model_pages_holds_no_equation_without_a_name():
    for page in MODEL:
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("|") and re.search(r"\$[^$]*=[^$]*\$", line):
                assert ROLE.search(line), f"{page.name}: {line[:60]}"
