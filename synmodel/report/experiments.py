"""Experiments for readers: tables for the terminal and the page of claims, from the documents that are written."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from synmodel.report.tables import add_row, number_text, plain_table

__all__ = ["finding_cells", "listing", "outcome_tables"]


def listing(rows: Sequence[tuple[int, str, str, str]]) -> Table:
    """All experiments as (row, name, title, verdict)."""
    table = plain_table("Experiments: one for each claim", "row", "name", "claim", "verdict")
    for column in table.columns[1:]:
        column.justify = "left"
    table.columns[1].no_wrap = True
    for row, name, title, verdict in rows:
        add_row(table, str(row), name, title, verdict)
    return table


def outcome_tables(document: dict[str, Any]) -> list[Table]:
    """Findings, assumptions and verdict of one experiment."""
    findings = plain_table(
        f"Row {document['row']}: {document['title']}", "", "unit", "model (95 % interval)", "published", "status"
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


def finding_cells(finding: dict[str, Any]) -> tuple[str, str]:
    """Value of the model with its interval, and the published value."""
    model = number_text(finding["model"])
    if finding["low"] is not None and finding["high"] is not None:
        model += f" ({number_text(finding['low'])} to {number_text(finding['high'])})"
    data = finding["data"]
    return model, data if isinstance(data, str) else number_text(data)
