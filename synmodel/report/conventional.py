"""The conventional analysis of single dendrites beside the fitted model, as JSON, CSV and a table for the terminal."""

import math

from rich.table import Table

from synmodel.core.plain import Json
from synmodel.inference.conventional import COLUMNS, Conventional
from synmodel.inference.conventional.mixed_models import NOT_INSTALLED
from synmodel.report.tables import add_row, notes_tables, plain_table

__all__ = ["conventional_csv", "conventional_document", "conventional_tables"]

_CARE = (
    "the mixed model's interval is Wald's and narrow for a handful of mice; Welch's rests on mice alone; "
    "no p is corrected for the number of tests",
    "the tests do not know how the arms differed before any drug",
    "n are dendrites of the arm and its control; the model knows those with counts alone (last column)",
)
_NAMES = {
    "formation_fraction": "formation",
    "elimination_fraction": "elimination",
    "density_change": "density",
}


def conventional_document(analysis: Conventional) -> Json:
    """The analysis as plain data: ``columns`` with units, ``rows``, the ``model`` beside them, and notes."""
    return {
        "model": analysis.model,
        "columns": {name: {"unit": unit, "long_name": text} for name, (unit, text) in COLUMNS.items()},
        "rows": analysis.table.to_dict("records"),
        "notes": [*analysis.notes, *(_CARE if len(analysis.table) else ())],
    }


def conventional_csv(analysis: Conventional) -> str:
    """The rows as CSV, one heading line with the names of the columns; cells that are not known are empty."""
    return analysis.table.to_csv(index=False, lineterminator="\n")


def conventional_tables(found: Json) -> list[Table]:
    """One table for each study, arm and its control, from :func:`conventional_document`."""
    rows, shown = found["rows"], []
    for study, arm, control in dict.fromkeys((row["study"], row["arm"], row["control"]) for row in rows):
        own = [row for row in rows if (row["study"], row["arm"], row["control"]) == (study, arm, control)]
        shown.append(
            _table(
                f"{study}: {arm} minus {control}, %, beside what {found['model']} expects (mixed model over dendrites)",
                own,
            )
        )
    remarks = sorted({row[key] for row in rows for key in ("mixed_note", "welch_note")} - {"", NOT_INSTALLED})
    notes = (*found["notes"], *(f"{remark} (see conventional.csv)" for remark in remarks))
    return [*shown, *notes_tables(notes, "Of the tests")]


def _table(title: str, rows: list[Json]) -> Table:
    heads = ("day", "mice", "n", "mixed model", "p", "Welch over mice", "p", "g", "model", "n")
    table = plain_table(title, "", *heads)
    last = ""
    for row in rows:
        name = _NAMES[row["quantity"]]
        add_row(table, name if name != last else "", *_cells(row))
        last = name
    return table


def _cells(row: Json) -> tuple[str, ...]:
    return (
        f"{row['start_day']:g} to {row['end_day']:g}",
        f"{row['n_mice']}/{row['n_mice_control']}",
        f"{row['n_dendrites']}/{row['n_dendrites_control']}",
        _interval(row, "mixed"),
        _p(row["mixed_p"]),
        _interval(row, "welch"),
        _p(row["welch_p"]),
        _number(row["hedges_g"], "+.2f"),
        _number(100 * row["model_difference"], "+.1f"),
        f"{row['model_dendrites']}/{row['model_dendrites_control']}",
    )


def _interval(row: Json, test: str) -> str:
    middle, low, high = (100 * row[f"{test}_{name}"] for name in ("difference", "low", "high"))
    if math.isnan(middle):
        return "-"
    return f"{middle:+.1f}" if math.isnan(low) else f"{middle:+.1f} ({low:.1f} to {high:.1f})"


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "<.001" if value < 0.001 else f"{value:.3f}"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else f"{value:{form}}"
