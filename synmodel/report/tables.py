"""Tables for the terminal, made from the same documents that are written as JSON."""

import math
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from synmodel.core.plain import Json

__all__ = [
    "add_row",
    "comparison_tables",
    "entry_tables",
    "fit_tables",
    "notes_tables",
    "number_text",
    "plain_table",
    "simulation_tables",
]


_READABLE = 16
_ROUNDING = 1e-9
_DOES = (
    ("formation_peak_fold", "formation at its highest, fold"),
    ("formation_duration_day", "above half of that until day"),
    ("elimination_lowest_fold", "elimination at its lowest, fold"),
    ("elimination_duration_day", "beyond half of that until day"),
    ("extra_spines_day_7", "extra spines on day 7 [%]"),
    ("extra_spines_day_35", "extra spines on day 35 [%]"),
)


def plain_table(title: str, *columns: str) -> Table:
    """A table without lines; the first column is flushed left, the others right."""
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if number == 0 else "right", overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row as it is: in a plain string rich would take [words] for markup and drop them."""
    table.add_row(*map(Text, cells))


def notes_tables(notes: Iterable[str], title: str = "Read with care") -> list[Table]:
    """One table of a line for each note; none where there are no notes."""
    table = plain_table(title, "")
    for note in notes:
        add_row(table, f"- {note}")
    return [table] if table.row_count else []


def number_text(value: float | None) -> str:
    """Three digits, a dash for nothing, and 0 for what is rounding."""
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) < _ROUNDING:
        return "0"
    return f"{value:.3g}"


def _interval(entry: Json) -> str:
    if entry["estimate"] is None or not math.isfinite(entry["estimate"]):
        return "no data"
    return f"{number_text(entry['estimate'])} ({number_text(entry['low'])} to {number_text(entry['high'])})"


def _goodness(document: Json) -> Table:
    table = plain_table(
        "How well the fit describes each study (formation, elimination, density)",
        "study", "points", "parameters", "chi2 (SEM over dendrites)", "per point", "chi2 (SEM over mice)",
    )  # fmt: skip
    for study, entry in document["fits"].items():
        add_row(
            table,
            study,
            str(entry["n_points"]),
            str(entry["n_parameters"]),
            f"{entry['chi2']:.1f}",
            f"{entry['chi2'] / entry['n_points']:.2f}",
            f"{entry['chi2_mouse']:.1f}",
        )
    return table


def comparison_tables(document: Json) -> list[Table]:
    """Goodness of fit, effects on turnover, and contrasts, drug beside drug."""
    drugs = list(document["drugs"])
    effects = plain_table("What one dose does: the mechanism, and the pulse beside it (95 % interval)", "", *drugs)
    for key, label in _DOES:
        for source, name in (("drugs", ""), ("pulse", ", pulse")):
            add_row(effects, label + name, *(_interval(document[source][drug][key]) for drug in drugs))
    mechanism = plain_table("The mechanism that both drugs share (median, 95 % interval)", "", "unit", "", "")
    for name, entry in document["parameters"].items():
        add_row(mechanism, name, entry["unit"], _interval(entry), entry["note"])
    contrasts = plain_table("What follows (drug minus control, 95 % interval)", "", "unit", *drugs)
    names = list(document["drugs"][drugs[0]])
    for name in names:
        if name.startswith("elimination_gain"):
            continue
        first = document["drugs"][drugs[0]][name]
        cells = [_interval(document["drugs"][drug][name]) for drug in drugs]
        add_row(contrasts, first["long_name"].removesuffix(": drug minus control"), first["unit"], *cells)
    claims = plain_table("What a review claims, and whether this fit supports it", "", "drug", "claim", "support")
    for column in claims.columns[1:]:
        column.justify = "left"
    for cell in document.get("claims", ()):
        add_row(claims, cell["feature"], cell["drug"], cell["wording"], f"{cell['support']}: {cell['reason']}")
    shown = [_goodness(document), effects, contrasts, mechanism, _readings(document), claims]
    return [*shown, *notes_tables(document["notes"])]


def fit_tables(document: Json) -> list[Table]:
    """Goodness of fit, parameters with verdicts, other readings, mechanisms."""
    parameters = plain_table("Parameters", "name", "estimate (95 % interval)", "unit", "verdict")
    for name, entry in document["parameters"].items():
        add_row(parameters, name, _interval(entry), entry["unit"], entry["verdict"])
    return [_goodness(document), parameters, _readings(document), *notes_tables(document["notes"])]


def _readings(document: Json) -> Table:
    table = plain_table(
        "Readings of the data (evidence by Laplace approximation; above 3 more is decisive)",
        "reading", "parameters", "-2 log likelihood", "AIC", "ln evidence",
    )  # fmt: skip
    best = max(entry["log_evidence"] for entry in document["readings"])
    for entry in document["readings"]:
        add_row(
            table,
            entry["name"] + (f" ({entry['note']})" if entry["note"] else ""),
            str(entry["n_parameters"]),
            f"{entry['minus_2_log_likelihood']:.1f}",
            f"{entry['aic']:.1f}",
            f"{entry['log_evidence'] - best:+.1f}",
        )
    return table


def simulation_tables(document: Json) -> list[Table]:
    """Mean over simulated experiments of what each would report, beside the same without doses; then the notes."""
    control = document["control"]
    table = plain_table(
        f"{document['scenario']['name']}: mean of {document['replicates']} simulated experiments "
        f"(engine {document['engine']})",
        "quantity", "from day", "to day", *(["vehicle"] if control else []), "mean",
        "SEM over dendrites", "SEM over animals",
    )  # fmt: skip
    expected = [entry for entry in document["expected"] if entry["low"] is not None]
    for number, entry in enumerate(document["summary"]):
        add_row(
            table,
            entry["quantity"],
            f"{entry['start_day']:g}",
            f"{entry['end_day']:g}",
            *([number_text(control[number]["mean"])] if control else []),
            number_text(entry["mean"]),
            number_text(entry["sem_dendrite"]),
            number_text(entry["mouse_sem"]),
        )
    return [table, *([_expected_table(expected)] if expected else []), *notes_tables(document["notes"])]


def _expected_table(entries: list[Json]) -> Table:
    """Exact means with their intervals, of sessions in which doses make a difference."""
    against = [entry for entry in entries if "difference" in entry]
    table = plain_table(
        "What the model expects in another laboratory, with 95 % of the joint posterior",
        "quantity", "from day", "to day", "expected", "95 %",
        *(["against vehicle", "95 %"] if against else []),
    )  # fmt: skip
    for entry in entries:
        if against and not entry["difference"]:
            continue  # before the first dose
        cells = [entry["quantity"], f"{entry['start_day']:g}", f"{entry['end_day']:g}"]
        for name in ["mean", "difference"] if against else ["mean"]:
            before = "" if name == "mean" else f"{name}_"
            ends = (number_text(entry[f"{before}{end}"]) for end in ("low", "high"))
            cells += [number_text(entry[name]), " to ".join(ends)]
        add_row(table, *cells)
    return table


def entry_tables(kind: str, name: str, document: Json) -> list[Table]:
    """A library entry: its texts, then every number with unit, status and source."""
    texts = plain_table(f"{name} ({kind})", "", "")
    texts.columns[1].justify = "left"
    numbers = plain_table("Numbers", "what", "value", "unit", "status", "source")
    numbers.columns[4].justify = "left"
    for column in numbers.columns[1:4]:
        column.no_wrap = True  # on a narrow terminal names and sources are folded, not numbers ...
    numbers.columns[0].min_width = numbers.columns[4].min_width = _READABLE  # ... and not to two letters a line
    _walk(document, "", texts, numbers)
    if not texts.row_count:
        numbers.title = texts.title
    return [table for table in (texts, numbers) if table.row_count]


def _walk(value: object, path: str, texts: Table, numbers: Table) -> None:
    if isinstance(value, dict) and "value" in value and "status" in value:
        why = f" - {value['why']}" if value.get("why") else ""
        seen = f" [{value['seen']}]" if value.get("seen") else ""
        add_row(numbers, path, f"{value['value']:.6g}", value["unit"], value["status"], value["source"] + seen + why)
    elif isinstance(value, dict):
        for key, entry in value.items():
            _walk(entry, f"{path}.{key}" if path else key, texts, numbers)
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        for number, entry in enumerate(value):
            _walk(entry, f"{path}[{number}]", texts, numbers)
    else:
        add_row(texts, path, ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip())
