"""Experiments for readers: tables for the terminal and the page of claims, from the documents that are written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rich.table import Table

from synmodel.core.plain import Json
from synmodel.core.renamed import told_today
from synmodel.report.tables import add_row, number_text, plain_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Compared",
    "Told",
    "claims_page",
    "draw_findings",
    "finding_cells",
    "listing",
    "mark_window",
    "outcome_tables",
]

_OFFSET = 0.18


class Compared(Protocol):
    """What :func:`draw_findings` reads of a finding."""

    @property
    def label(self) -> str:
        """What it is."""
        ...

    @property
    def model(self) -> float:
        """What the model says."""
        ...

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""
        ...

    @property
    def high(self) -> float | None:
        """Upper end of its interval."""
        ...

    @property
    def data(self) -> float | str | None:
        """What is published."""
        ...

    @property
    def data_low(self) -> float | None:
        """Lower end of its interval."""
        ...

    @property
    def data_high(self) -> float | None:
        """Upper end of its interval."""
        ...


def draw_findings(axes: "Axes", findings: Sequence[Compared], colours: Sequence[str]) -> None:
    """One line per finding: the model with its interval in its colour, what is published as a black diamond."""
    for place, (finding, colour) in enumerate(zip(findings, colours, strict=True)):
        published = finding.data if isinstance(finding.data, float) else None
        shift = 0.0 if published is None else _OFFSET
        _draw_interval(axes, place + shift, finding.model, finding.low, finding.high, colour, "o")
        if published is not None:
            _draw_interval(axes, place - shift, published, finding.data_low, finding.data_high, "black", "D")
    axes.set_yticks(range(len(findings)), [finding.label for finding in findings])
    axes.set_ylim(len(findings) - 0.5, -0.5)
    axes.axvline(0, color="#999999", linewidth=0.8, zorder=0)


def mark_window(axes: "Axes", start: float, end: float, text: str, *, strong: bool = True) -> None:
    """Shade a window of a logarithmic axis of time and say at its foot what is published of it."""
    axes.axvspan(start, end, color="#f2e8c9" if strong else "#eeeeee", zorder=0, linewidth=0)
    where = axes.get_xaxis_transform()
    axes.text((start * end) ** 0.5, 0.02, text, transform=where, ha="center", va="bottom", fontsize=7)


def _draw_interval(
    axes: "Axes", place: float, middle: float, low: float | None, high: float | None, colour: str, marker: str
) -> None:
    if low is not None and high is not None:
        axes.plot([low, high], [place, place], color=colour, linewidth=1.6)
    axes.plot(middle, place, marker, color=colour, markersize=5)


def listing(rows: Sequence[tuple[int, str, str, str]]) -> Table:
    """All experiments as (row, name, title, verdict)."""
    table = plain_table("Experiments: one for each claim", "row", "name", "claim", "verdict")
    for column in table.columns[1:]:
        column.justify = "left"
    table.columns[1].no_wrap = True
    for row, name, title, verdict in rows:
        add_row(table, str(row), name, title, verdict)
    return table


def outcome_tables(document: Json) -> list[Table]:
    """Findings, assumptions and verdict of one experiment."""
    document = told_today(document)
    findings = plain_table(
        f"Row {document['row']}: {document['title']}", "", "unit", "model (95 % interval)", "published", "known as"
    )
    findings.columns[4].justify = "left"
    for finding in document["findings"]:
        add_row(findings, finding["label"], finding["unit"], *finding_cells(finding), finding["status"])
    assumed = plain_table("Assumed")
    for text in document["assumptions"]:
        add_row(assumed, f"- {text}")
    verdict = plain_table(f"Verdict: {document['verdict']}" + (" (short run)" if document["short"] else ""))
    add_row(verdict, document["reason"])
    return [findings, assumed, verdict]


def finding_cells(finding: Json) -> tuple[str, str]:
    """Value of the model with its interval, and the published value."""
    model = number_text(finding["model"])
    if finding["low"] is not None and finding["high"] is not None:
        model += f" ({number_text(finding['low'])} to {number_text(finding['high'])})"
    data = finding["data"]
    published = data if isinstance(data, str) else number_text(data)
    if finding["data_low"] is not None and finding["data_high"] is not None:
        published += f" ({number_text(finding['data_low'])} to {number_text(finding['data_high'])})"
    return model, published


# -- the page of claims ----------------------------------------------------------------------------------------

_HEAD = """# The claims, one by one

A review of imaging studies tabulates what ketamine and psilocybin do to synapses. Each row of it is an experiment here:
what must be assumed, what the model says with its 95 % interval, what is published, and a verdict that follows from the
numbers. *Reproduced* and *contradicted* are said of the claim as it is worded; *not identifiable* where the data cannot
decide it. Published numbers are *measured* where they were seen in their source, *secondary* where another source tells
of them, *recalled* where neither was seen; no verdict rests on the last two without saying so.

`synmodel experiments` lists the rows, `synmodel experiment NAME --out DIR` runs one in under two minutes. This page is
made from the results of full runs by `python docs/claims.py`.
"""


class Told(Protocol):
    """What :func:`claims_page` reads of an experiment."""

    @property
    def name(self) -> str:
        """Of its folder."""
        ...

    @property
    def row(self) -> int:
        """Of the claim."""
        ...

    @property
    def title(self) -> str:
        """Of its README."""
        ...

    @property
    def sections(self) -> dict[str, str]:
        """Of its README."""
        ...

    @property
    def recorded(self) -> Json:
        """Document of its full run."""
        ...


def claims_page(experiments: Sequence[Told]) -> str:
    """The page of claims in Markdown: a table of verdicts, then every experiment with its numbers and figure."""
    rows = [(each, told_today(each.recorded)) for each in experiments]
    table = [
        f"| {each.row} | [{each.title}](#{each.name}) | {document['verdict']} |"
        for each, document in rows
    ]  # fmt: skip
    parts = [_HEAD, "\n".join(["| row | claim | verdict |", "|---|---|---|", *table])]
    parts += [_section(each, document) for each, document in rows]
    return "\n\n".join(parts) + "\n"


def _section(each: Told, document: Json) -> str:
    findings = [
        "| | unit | model (95 %) | published (95 %) | known as | source and note |",
        "|---|---|---|---|---|---|",
        *(_finding_row(finding) for finding in document["findings"]),
    ]
    return "\n\n".join(
        [
            f"({each.name})=\n## Row {each.row}: {each.title}",
            each.sections["Question"],
            f"**Verdict: {document['verdict']}.** {_sentence(document['reason'])}",
            each.sections["Result"].replace("](figure.png)", f"](../experiments/{each.name}/figure.png)"),
            "All numbers of the run:",
            "\n".join(findings),
            "Assumed: " + "; ".join(document["assumptions"]) + ".",
            f"```console\nsynmodel experiment {each.name} --out synmodel-{each.name}\n```",
        ]
    )


def _finding_row(finding: Json) -> str:
    model, published = finding_cells(finding)
    told = "; ".join(filter(None, (finding["data_source"], finding["note"])))
    cells = (finding["label"], finding["unit"], model, published, finding["status"], told)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
