"""Reports: tables, documents and files say what the data say, whatever characters these hold."""

import re

import pytest
from rich.console import Console

from synmodel.report import documents, figures, tables
from synmodel.workflows import Comparison


def printed(made):
    """The tables as text, with runs of white space as one blank."""
    console = Console(width=200, record=True, quiet=False, file=None)
    with console.capture() as capture:
        for table in made:
            console.print(table)
    return re.sub(r"\s+", " ", capture.get())


def test_square_brackets_are_printed():
    """Rich takes [words] in a plain string for markup."""
    entry = {"half_life": {"value": 3, "unit": "[h]", "status": "measured", "source": "x", "seen": "verified"}}
    text = printed(tables.entry_tables("compounds", "a[/b]", {"note": "[bold]", **entry}))
    for words in ("a[/b] (compounds)", "[bold]", "[h]", "x [verified]"):
        assert words in text


def test_a_scenario_may_have_brackets_in_its_name():
    document = {"scenario": {"name": "mine [/b]"}, "replicates": 3, "summary": []}
    assert "mine [/b]: mean of 3 simulated experiments" in printed(tables.simulation_tables(document))


def test_the_decay_of_effects_keeps_its_unit():
    document = {"fits": {}, "drugs": {"ketamine": {}}, "parameters": {}, "notes": ["[note]"]}
    text = printed(tables.comparison_tables(document))
    assert "decay of these effects [day]" in text
    assert "- [note]" in text


def texts_of(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("unit", ["mouse", "dendrite"])
def test_a_comparison_names_and_draws_its_unit_of_replication(fit, unit):
    problem = fit.problem
    before = problem.unit
    problem.unit = unit
    try:
        notes = " ".join(documents.comparison_document(Comparison(fit, {}, {}, {}))["notes"])
        figure = figures.comparison_figure(fit, {}, seed=1)
    finally:
        problem.unit = before
    other = {"mouse": "dendrite", "dendrite": "mouse"}[unit]
    assert f"rest on the {unit} as the unit of replication" in notes
    assert f"{unit} as unit" in texts_of(figure)
    assert f"{other} as unit" not in texts_of(figure)
    target = next(t for t in problem.arms if t.study.name == "phoumthipphavong2016" and t.arm.name == "saline")
    bars = figure.axes[0].containers[0].lines[2][0].get_segments()
    drawn = [(segment[1][1] - segment[0][1]) / 2 for segment in bars]
    assert drawn == pytest.approx(100 * target.turnover[0].sem(unit))
