"""Arms that tell two readings of the mechanism apart, as a document, a table and a figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from synmodel.analysis.planning.readings import Separation
from synmodel.core.plain import Json
from synmodel.library.provenance import provenance
from synmodel.report import figures
from synmodel.report.tables import add_row, notes_tables, plain_table

__all__ = ["separation_document", "separation_figure", "separation_tables"]

_SHOWN = 12
_DECISIVE = 3.0


def separation_document(readings: tuple[str, str], found: Sequence[Separation], *, seed: int) -> Json:
    """The ranking as plain data."""
    return {
        "between": list(readings),
        "arms": [
            {
                "arm": each.arm,
                "scenario": each.scenario.name,
                "expected_log_bayes_factor": None if each.note else each.mean,
                "if_first_is_true": None if each.note else each.if_first,
                "if_second_is_true": None if each.note else each.if_second,
                "note": each.note,
            }
            for each in found
        ],
        "notes": list(_notes(found)),
        "provenance": provenance(seed=seed),
    }


def _notes(found: Sequence[Separation]) -> list[str]:
    notes = [
        "six mice per arm with 13 dendrites each, beside as many that got the vehicle, on the days of the scenario",
        "both readings are fitted to the same published studies, so they differ only where these leave them open",
    ]
    if not any(not each.note and each.mean >= _DECISIVE for each in found):
        notes.append(f"no arm is expected to decide: ln Bayes factor {_DECISIVE:g} or more")
    return notes


def separation_tables(document: Json) -> list[Table]:
    """The best arms first, then what to read with care."""
    first, second = document["between"]
    table = plain_table(
        f"Arms that tell readings apart (first: {first}; second: {second}), expected ln Bayes factor of one study",
        "arm", "mean", "if the first is true", "if the second is true",
    )  # fmt: skip
    for each in document["arms"][:_SHOWN]:
        keys = ("expected_log_bayes_factor", "if_first_is_true", "if_second_is_true")
        cells = ["-" if each[key] is None else f"{each[key]:.2f}" for key in keys]
        add_row(table, each["arm"], *cells)
    return [table, *notes_tables(document["notes"])]


def separation_figure(readings: tuple[str, str], found: Sequence[Separation]) -> Figure:
    """Expected evidence of every arm for each reading, the best on top."""
    shown = [each for each in found if not each.note][:_SHOWN]
    with figures.style():
        figure = Figure(figsize=(8.4, 1.6 + 0.32 * max(len(shown), 1)), layout="constrained")
        axes = figure.subplots()
        places = -np.arange(len(shown), dtype=float)
        for shift, key, name, colour in (
            (0.19, "if_first", readings[0], "#0072B2"),
            (-0.19, "if_second", readings[1], "#D55E00"),
        ):
            axes.barh(places + shift, [getattr(each, key) for each in shown], height=0.36, color=colour,
                      label=f"if true: {name}")  # fmt: skip
        axes.axvline(_DECISIVE, color=figures.GREY, lw=0.8, ls=":")
        axes.set_yticks(places, [each.arm for each in shown])
        axes.set_xlabel("expected ln Bayes factor of one study (dotted: decisive)")
        axes.set_title("Arms that tell two readings apart")
        figure.legend(loc="outside lower center", fontsize=8, ncols=1)
    return figure
