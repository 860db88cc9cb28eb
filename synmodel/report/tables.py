"""Tables for the terminal, made from the same documents that are written as JSON."""

import math
from typing import Any

from rich.table import Table
from rich.text import Text

__all__ = ["comparison_tables", "entry_tables", "fit_tables", "simulation_tables"]


_READABLE = 16


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if number == 0 else "right", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    """Add a row as it is: in a plain string rich would take [words] for markup and drop them."""
    table.add_row(*map(Text, cells))


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3g}"


def _interval(entry: dict[str, Any]) -> str:
    if entry["estimate"] is None or not math.isfinite(entry["estimate"]):
        return "no data"
    return f"{_number(entry['estimate'])} ({_number(entry['low'])} to {_number(entry['high'])})"


def _effect(entry: dict[str, Any] | None) -> str:
    """An interval, and below it what limits it."""
    if entry is None:
        return "no data"
    return "\n".join(filter(None, (_interval(entry), entry.get("note"))))


def _goodness(document: dict[str, Any]) -> Table:
    table = _table(
        "How well the fit describes each study (formation, elimination, density)",
        "study", "points", "parameters", "chi2 (SEM over dendrites)", "per point", "chi2 (SEM over mice)",
    )  # fmt: skip
    for study, entry in document["fits"].items():
        _add(
            table,
            study,
            str(entry["n_points"]),
            str(entry["n_parameters"]),
            f"{entry['chi2']:.1f}",
            f"{entry['chi2'] / entry['n_points']:.2f}",
            f"{entry['chi2_mouse']:.1f}",
        )
    return table


def comparison_tables(document: dict[str, Any]) -> list[Table]:
    """Goodness of fit, effects on turnover, and contrasts, drug beside drug."""
    drugs = list(document["drugs"])
    effects = _table("Peak effect of one dose, fold over baseline (95 % interval; 1 is no effect)", "", *drugs)
    parameters = document["parameters"]
    for key, label in (
        ("formation_fold", "births of spines"),
        ("maturation_fold", "maturation"),
        ("elimination_fold", "losses"),
        ("decay", "decay of these effects [day]"),
        ("head_fold", "head width"),
    ):
        _add(effects, label, *(_effect(parameters.get(f"{drug}.{key}")) for drug in drugs))
    contrasts = _table("What follows (drug minus control, 95 % interval)", "", "unit", *drugs)
    names = list(document["drugs"][drugs[0]])
    for name in names:
        if name.startswith("elimination_gain"):
            continue
        first = document["drugs"][drugs[0]][name]
        cells = [_interval(document["drugs"][drug][name]) for drug in drugs]
        _add(contrasts, first["long_name"].removesuffix(": drug minus control"), first["unit"], *cells)
    notes = _table("Read with care")
    for text in document["notes"]:
        _add(notes, "- " + text)
    return [_goodness(document), effects, contrasts, notes]


def fit_tables(document: dict[str, Any]) -> list[Table]:
    """Goodness of fit, parameters with verdicts, other readings, mechanisms."""
    parameters = _table("Parameters", "name", "estimate (95 % interval)", "unit", "verdict")
    for name, entry in document["parameters"].items():
        _add(parameters, name, _interval(entry), entry["unit"], entry["verdict"])
    variants = _table(
        "Other readings of the data: rise of -2 log likelihood (about 4 per parameter speaks against a reading)",
        "reading", "rise", "extra parameters",
    )  # fmt: skip
    for entry in document["variants"]:
        extra = "".join(f", {key} = {_number(value)}" for key, value in entry["values"].items())
        _add(
            variants,
            entry["name"] + extra,
            f"{entry['change_in_minus_2_log_likelihood']:+.1f}",
            f"{entry['extra_parameters']:+d}",
        )
    tables = [_goodness(document), parameters, variants]
    if document["mechanisms"]:
        mechanisms = _table("Mechanism of psilocybin under one cascade for both drugs", "reading", "-2 log posterior")
        for reading, entry in document["mechanisms"].items():
            _add(mechanisms, reading, f"{entry['minus_2_log_posterior']:.1f}")
        tables.append(mechanisms)
    return tables


def simulation_tables(document: dict[str, Any]) -> list[Table]:
    """Mean over simulated experiments of what each would report."""
    table = _table(
        f"{document['scenario']['name']}: mean of {document['replicates']} simulated experiments",
        "quantity", "from day", "to day", "mean", "SEM over dendrites", "SEM over animals",
    )  # fmt: skip
    for entry in document["summary"]:
        _add(
            table,
            entry["quantity"],
            f"{entry['start_day']:g}",
            f"{entry['end_day']:g}",
            _number(entry["mean"]),
            _number(entry["sem_dendrite"]),
            _number(entry["mouse_sem"]),
        )
    return [table]


def entry_tables(kind: str, name: str, document: dict[str, Any]) -> list[Table]:
    """A library entry: its texts, then every number with unit, status and source."""
    texts = _table(f"{name} ({kind})", "", "")
    texts.columns[1].justify = "left"
    numbers = _table("Numbers", "what", "value", "unit", "status", "source")
    numbers.columns[4].justify = "left"
    for column in numbers.columns[1:4]:
        column.no_wrap = True  # on a narrow terminal names and sources are folded, not numbers ...
    numbers.columns[0].min_width = numbers.columns[4].min_width = _READABLE  # ... and not to two letters a line
    _walk(document, "", texts, numbers)
    if not texts.row_count:
        numbers.title = texts.title
    return [table for table in (texts, numbers) if table.row_count]


def _walk(value: Any, path: str, texts: Table, numbers: Table) -> None:
    if isinstance(value, dict) and "value" in value and "status" in value:
        why = f" - {value['why']}" if value.get("why") else ""
        seen = f" [{value['seen']}]" if value.get("seen") else ""
        _add(numbers, path, f"{value['value']:.6g}", value["unit"], value["status"], value["source"] + seen + why)
    elif isinstance(value, dict):
        for key, entry in value.items():
            _walk(entry, f"{path}.{key}" if path else key, texts, numbers)
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        for number, entry in enumerate(value):
            _walk(entry, f"{path}[{number}]", texts, numbers)
    else:
        _add(texts, path, ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip())
