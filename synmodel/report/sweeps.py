"""A finished sweep in words: what was varied, where each statistic is lowest and highest, and what explains it."""

import json
import warnings
from dataclasses import asdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rich.table import Table

from synmodel.analysis.caveats import notes_of_several
from synmodel.analysis.sweeps import Plan
from synmodel.analysis.sweeps.factors import Factor
from synmodel.core.errors import SynmodelError
from synmodel.core.plain import Json
from synmodel.inference.summaries.estimate import LEVEL
from synmodel.library.evidence import all_checks
from synmodel.report.tables import add_row, notes_tables, number_text, plain_table
from synmodel.simulation.checking import Contradiction, contradictions, day_of

__all__ = ["document", "tables"]

_MOST_VALUES = 30_000_000
_MOST_MATCHED, _MOST_CHECKED = 2000, 24
_PROVENANCE = ("synmodel_version", "seed", "scenario_digest", "parameters_digest", "python_version", "libraries")


def document(plan: Plan, result: xr.Dataset, indices: xr.Dataset | None, expected: xr.Dataset | None = None) -> Json:
    """Plain data for JSON and the tables; extremes have an interval where exact means with theirs are given."""
    against = _contradictions(plan)
    return {
        "contradictions": against,
        "notes": [*(entry["line"] for entry in against), *_caveats(plan)],
        "sweep": plan.name,
        "cells": plan.n_cell,
        "failed_cells": int(result.attrs["failed_cells"]),
        "failures": [_failure(plan, entry) for entry in json.loads(result.attrs["failures"])],
        **_observed(plan),
        "design": plan.design.kind,
        "control": result.attrs["control"],
        "scenarios": [scenario.name for scenario in plan.scenarios],
        "factors": [_factor(factor) for factor in plan.design.factors],
        "extremes": _extremes(plan, result, expected),
        "sobol": [] if indices is None else _sobol(indices),
        "provenance": {
            name: result.attrs[name]
            for name in _PROVENANCE
            if name in result.attrs
        },
    }  # fmt: skip


def _observed(plan: Plan) -> Json:
    """How a cell was observed: how often it was simulated, or at how many draws its expectation is known."""
    if not plan.exact:
        return {"replicates": plan.replicates}
    return {"observe": "expected", "draws": 0 if plan.draws is None else len(plan.draws)}


def _caveats(plan: Plan) -> list[str]:
    """What the scenarios ask beyond their studies, as they are before anything is varied."""
    plans = {scenario.name: scenario for scenario in plan.scenarios}
    return notes_of_several(plans, dict.fromkeys(plans, ()), [])


def _contradictions(plan: Plan) -> list[Json]:
    """The worst contradiction of each piece of evidence over the cells; of many cells some are looked at."""
    looked = np.unique(np.linspace(0, plan.n_cell - 1, min(plan.n_cell, _MOST_MATCHED)).astype(int)).tolist()
    meeting = [number for number in looked if _meets(plan, number)]
    chosen = meeting[:: max(1, -(-len(meeting) // _MOST_CHECKED))]
    found: dict[str, list[tuple[int, Contradiction]]] = {}
    for number in chosen:
        try:
            against = contradictions(plan.cell(number).scenario, plan.base)
        except SynmodelError:  # a cell that cannot be simulated is among the failures
            continue
        for each in against:
            found.setdefault(each.check, []).append((number, each))
    entries = []
    for cells in found.values():
        number, worst = max(cells, key=lambda cell: abs(cell[1].difference or 0.0))
        where = f"in {len(cells)} of {len(chosen)} cells that were checked, most in {plan.place(number)}"
        entries.append({**asdict(worst), "cell": plan.place(number), "line": f"{worst.line}; {where}"})
    return entries


def _meets(plan: Plan, number: int) -> bool:
    """Whether a cell meets the conditions of some evidence that has a number."""
    try:
        scenario = plan.cell(number).scenario
    except SynmodelError:
        return False
    return any(check.change is not None and day_of(check, scenario) is not None for check in all_checks())


def _failure(plan: Plan, entry: str) -> dict[str, str]:
    """A failed cell by its scenario and its values, and why."""
    cell, _, why = entry.removeprefix("cell ").partition(": ")
    return {"cell": plan.place(int(cell)), "reason": why}


def _factor(factor: Factor) -> Json:
    labels = factor.labels
    numbers = all(isinstance(label, float) for label in labels)
    ends = {"low": min(labels), "high": max(labels)} if numbers else {"levels": list(dict.fromkeys(labels))[:20]}
    return {"name": factor.name, "path": factor.path, "unit": factor.units, "n": len(set(labels)), **ends}


def _extremes(plan: Plan, result: xr.Dataset, expected: xr.Dataset | None) -> list[Json]:
    """Cells in which each statistic (its contrast, where there is a control) is lowest and highest.

    With a posterior as an axis these are medians over its draws, with their 95 % intervals.
    """
    variable = "mean" if plan.control == "none" else "contrast_mean"
    if result[variable].size > _MOST_VALUES:
        return []
    values, ends = _over_draws(plan, result[variable].to_numpy(), expected)
    found = []
    for column, point in enumerate(plan.points):
        if not np.isfinite(values[:, column]).any():
            continue
        entry: Json = {**point._asdict(), "variable": variable}
        for name, cell in (("lowest", np.nanargmin(values[:, column])), ("highest", np.nanargmax(values[:, column]))):
            which, within = divmod(int(cell), plan.design.size)
            settings = plan.design.settings(within)
            named = {factor.name: settings[factor.path] for factor in plan.design.factors}
            entry[name] = {"value": float(values[cell, column]), "scenario": plan.scenarios[which].name, **named}
            for end, bounds in ends.items():
                entry[name][end] = None if np.isnan(bounds[cell, column]) else float(bounds[cell, column])
        found.append(entry)
    return found


def _over_draws(
    plan: Plan, given: NDArray[np.float64], expected: xr.Dataset | None
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """(cell, point) values, and the ends of their intervals where these are known."""
    shape = plan.n_cell, len(plan.points)
    if plan.draws is not None:
        at_draws = given.reshape(plan.n_cell, len(plan.draws), len(plan.points))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a failed cell, or a point that a cell does not report
            low, middle, high = np.nanquantile(at_draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=1)
        return middle, {"low": low, "high": high}
    if expected is None:
        return given.reshape(shape), {}
    name = "expected" if plan.control == "none" else "contrast"
    return given.reshape(shape), {end: expected[f"{name}_{end}"].to_numpy().reshape(shape) for end in ("low", "high")}


def _sobol(indices: xr.Dataset) -> list[Json]:
    found = []
    for s, scenario in enumerate(indices["scenario"].to_numpy().tolist()):
        for p in range(indices.sizes["point"]):
            for f, factor in enumerate(indices["factor"].to_numpy().tolist()):
                at = {"scenario": s, "factor": f, "point": p}
                numbers = {str(name): float(indices[name].isel(at)) for name in indices.data_vars}
                labels = {name: indices[name].to_numpy()[p].item() for name in ("quantity", "start_day", "end_day")}
                found.append({"scenario": scenario, **labels, "factor": factor, **numbers})
    return found


def tables(document: Json) -> list[Table]:
    """Tables for the terminal."""
    failed = f", {document['failed_cells']} failed" if document["failed_cells"] else ""
    varied = plain_table(
        f"{document['sweep']}: {document['cells']} cells ({document['design']}){failed}, {_each(document)}",
        "varied", "unit", "values", "from", "to",
    )  # fmt: skip
    for factor in document["factors"]:
        ends = [number_text(factor["low"]), number_text(factor["high"])] if "low" in factor else ["", ""]
        add_row(varied, factor["path"], factor["unit"], str(factor["n"]), *ends)
    # Contradictions are the first notes, and the first lines of all already.
    found = [varied, *notes_tables(document["notes"][len(document["contradictions"]) :])]
    if document["failures"]:
        some = f"{len(document['failures'])} of {document['failed_cells']}"
        failures = plain_table(f"Cells that cannot be simulated ({some})", "cell", "reason")
        for failure in document["failures"]:
            add_row(failures, failure["cell"], failure["reason"])
        found.append(failures)
    if document["extremes"]:
        what = "cell minus control" if document["extremes"][0]["variable"] == "contrast_mean" else "mean"
        sure = " (95 % of the posterior)" if document["extremes"][0]["lowest"].get("low") is not None else ""
        extremes = plain_table(
            f"Lowest and highest {what}{sure}", "statistic", "from day", "to day", "lowest", "at", "highest", "at"
        )
        for entry in document["extremes"]:
            ends = [text for name in ("lowest", "highest") for text in _place(document, entry[name])]
            add_row(extremes, entry["quantity"], f"{entry['start_day']:g}", f"{entry['end_day']:g}", *ends)
        found.append(extremes)
    if document["sobol"]:
        shares = plain_table(
            "Sobol indices (95 % interval): share of the variance over the ranges",
            "statistic", "from day", "to day", "factor", "alone", "with interactions",
        )  # fmt: skip
        for entry in document["sobol"]:
            both = [
                f"{number_text(entry[order])} ({number_text(entry[f'{order}_low'])} to "
                f"{number_text(entry[f'{order}_high'])})"
                for order in ("first_order", "total_order")
            ]
            days = f"{entry['start_day']:g}", f"{entry['end_day']:g}"
            add_row(shares, entry["quantity"], *days, entry["factor"], *both)
        found.append(shares)
    return found


def _each(document: Json) -> str:
    if "replicates" in document:
        return f"{document['replicates']} simulated experiments each"
    draws = f" at {document['draws']} draws of the posterior" if document["draws"] else ""
    return f"exact expectations{draws}"


def _place(document: Json, entry: Json) -> list[str]:
    """Value of an extreme and the cell in which it is found."""
    names = [factor["name"] for factor in document["factors"]]
    where = [
        f"{name} {entry[name]:.4g}" if isinstance(entry[name], float) else f"{name} {entry[name]}" for name in names
    ]
    if len(document["scenarios"]) > 1:
        where.insert(0, entry["scenario"])
    value = number_text(entry["value"])
    if entry.get("low") is not None:
        value += f" ({number_text(entry['low'])} to {number_text(entry['high'])})"
    return [value, ", ".join(where)]
