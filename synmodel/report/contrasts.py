"""Scenarios compared: the document for JSON, the Dataset, and tables for the terminal."""

import hashlib
from dataclasses import asdict

import xarray as xr
from rich.table import Table

from synmodel.analysis.caveats import contradiction_lines
from synmodel.analysis.contrasts import MEASURES, Compared
from synmodel.analysis.intervals import with_ends
from synmodel.analysis.lineup import Entry
from synmodel.core.plain import Json
from synmodel.inference.summaries.estimate import LEVEL
from synmodel.library.provenance import provenance
from synmodel.report.documents import contradiction_entries
from synmodel.report.tables import add_row, notes_tables, number_text, plain_table

__all__ = ["compared_dataset", "compared_document", "compared_tables"]

SIGN = "a minus b"
_MOST_PAIRS = 6  # that are printed
_ROUNDING = 1e-9
_WORDS = {
    "formation_fraction": "spines gained",
    "elimination_fraction": "spines lost",
    "density_change": "density, change",
    "head_width_change": "head width, change",
    "extra_spines": "extra spines",
    "extra_spines_peak": "extra spines at their peak",
    "extra_spines_peak_day": "day of the peak",
    "extra_spines_onset": "from day, above half the peak",
    "extra_spines_duration": "for days, above half the peak",
    "extra_spines_area": "area under extra spines",
}


def compared_document(result: Compared, *, seed: int, parameters: str) -> Json:
    """Everything that a comparison of scenarios says.

    ``contradictions`` are what the evidence of the library says against a scenario. ``scenarios`` holds for each what
    it is, what is ``expected`` by interval, its ``reference`` and the ``effects`` against it; ``contrasts`` all
    differences, each ``a`` minus ``b`` as ``sign`` says; fractions and changes have the unit 1. ``notes`` say what to
    read with care.

    Parameters
    ----------
    seed : int
        Of the comparison.
    parameters : str
        Digest of the parameters at the estimate.
    """
    digests = "".join(each.plan.digest() for each in result.lineup.entries)
    asked, used = result.draws
    against = [(label, each) for label, checked in result.checked.items() for each in contradiction_entries(checked)]
    return {
        "contradictions": [
            {**entry, "scenario": label, "line": line}
            for (label, entry), line in zip(against, contradiction_lines(result.checked), strict=True)
        ],
        "notes": result.notes,
        "level": LEVEL,
        "sign": SIGN,
        "control": result.lineup.control,
        "draws": {"asked": asked, "used": used},
        "scenarios": [_scenario_entry(result, each) for each in result.lineup.entries],
        "contrasts": [_contrast_entry(asdict(each)) for each in result.contrasts],
        "provenance": provenance(
            seed=seed, scenario=hashlib.sha256(digests.encode()).hexdigest(), parameters=parameters
        ),
    }


def _scenario_entry(result: Compared, entry: Entry) -> Json:
    of_scenario = result.dataset["expected"].sel(scenario=entry.label).dropna("point", how="all")
    ends = with_ends(of_scenario.transpose("draw", "point").to_numpy())
    keys = zip(*(of_scenario[name].to_numpy().tolist() for name in ("quantity", "start_day", "end_day")), strict=True)
    return {
        "name": entry.label,
        "title": entry.plan.title,
        "digest": entry.plan.digest(),
        "reference": result.lineup.reference(entry).label,
        "expected": [
            {"quantity": quantity, "start_day": start, "end_day": end, "mean": mean, "low": low, "high": high}
            for (quantity, start, end), (mean, low, high) in zip(keys, ends.T.tolist(), strict=True)
        ],
        "effects": [
            {**asdict(each), "long_name": MEASURES[each.quantity][1]}
            for each in result.effects
            if each.scenario == entry.label
        ],
        "scenario": entry.plan.model_dump(mode="json", exclude_none=True),
    }


def _contrast_entry(entry: Json) -> Json:
    """A contrast as plain data; ``simulated`` is there if experiments were simulated."""
    mean, error = entry.pop("simulated"), entry.pop("error")
    return entry if mean is None else entry | {"simulated": {"mean": mean, "error": error}}


def compared_dataset(result: Compared, document: Json) -> xr.Dataset:
    """The Dataset of a comparison; contradictions and notes are its first attributes, where there are any."""
    remarks = {
        "contradictions": "; ".join(entry["line"] for entry in document["contradictions"]),
        "notes": "; ".join(document["notes"]),
    }
    remarks = {name: text for name, text in remarks.items() if text}
    return result.dataset.assign_attrs(remarks | {"sign": SIGN} | document["provenance"])


# -- tables ----------------------------------------------------------------------------------------------------


def compared_tables(document: Json) -> list[Table]:
    """What to read with care, extra spines scenario beside scenario, then one table for each pair."""
    tables = notes_tables(document["notes"])
    effects = [entry for entry in document["scenarios"] if entry["effects"]]
    if effects:
        tables.append(_effects_table(effects))
    pairs: dict[tuple[str, str], list[Json]] = {}
    for entry in document["contrasts"]:
        pairs.setdefault((entry["a"], entry["b"]), []).append(entry)
    levels = {
        (scenario["name"], *_key(entry)): entry["mean"]
        for scenario in document["scenarios"]
        for entry in scenario["expected"]
    }
    shown = list(pairs.items())[:_MOST_PAIRS]
    tables += [_pair_table(pair, entries, levels) for pair, entries in shown]
    if len(pairs) > len(shown):
        tables.append(plain_table(f"{len(pairs) - len(shown)} more pairs are in comparison.json"))
    return tables


def _key(entry: Json) -> tuple[str, float, float]:
    return entry["quantity"], entry["start_day"], entry["end_day"]


def _text(value: float | None, unit: str) -> str:
    """Fractions in per cent."""
    return number_text(None if value is None else 100 * _told(value) if unit == "1" else value)


def _told(value: float) -> float:
    """A fraction, or 0 where it is what summing over cells of time leaves."""
    return 0.0 if abs(value) < _ROUNDING else value


def _interval(entry: Json) -> str:
    text = _text(entry["estimate"], entry["unit"])
    if entry["low"] is None or entry["estimate"] is None:
        return text
    return f"{text} ({_text(entry['low'], entry['unit'])} to {_text(entry['high'], entry['unit'])})"


def _unit(entry: Json) -> str:
    return {"1": "%", "day": "spine-days" if entry["quantity"].endswith("_area") else "day"}[entry["unit"]]


def _effects_table(scenarios: list[Json]) -> Table:
    table = plain_table(
        "Extra spines, of the spines at the first session (95 % interval)", "", "unit",
        *(f"{entry['name']} − {entry['effects'][0]['reference']}" for entry in scenarios),
    )  # fmt: skip
    for name in MEASURES:
        entries = [next(e for e in scenario["effects"] if e["quantity"] == name) for scenario in scenarios]
        mark = " *" if any(entry["note"] for entry in entries) else ""
        add_row(table, _WORDS[name] + mark, _unit(entries[0]), *map(_interval, entries))
    for note in dict.fromkeys(entry["note"] for scenario in scenarios for entry in scenario["effects"]):
        if note:
            add_row(table, f"* {note}", "", *("" for _ in scenarios))
    return table


def _pair_table(
    pair: tuple[str, str], entries: list[Json], levels: dict[tuple[str, str, float, float], float]
) -> Table:
    """Differences of one pair; what is the same in both is left out, as before a first dose."""
    a, b = pair
    simulated = any("simulated" in entry for entry in entries)
    table = plain_table(
        f"{a} − {b}", "", "from day", "to day", "unit", "first", "second", "difference (95 % interval)",
        *(["simulated"] if simulated else []),
    )  # fmt: skip
    for column in table.columns:
        column.no_wrap = True
    for entry in entries:
        if entry["estimate"] == 0 and entry["low"] in (0, None) and entry["high"] in (0, None):
            continue
        level = levels.get((a, *_key(entry)))
        other = levels.get((b, *_key(entry)), None if level is None else level - entry["estimate"])
        check = entry.get("simulated")
        add_row(
            table,
            _WORDS[entry["quantity"]],
            f"{entry['start_day']:g}",
            f"{entry['end_day']:g}",
            _unit(entry),
            *("" if value is None else _text(value, "1") for value in (level, other)),
            _interval(entry),
            *([f"{_text(check['mean'], '1')} ± {_text(check['error'], '1')}" if check else ""] if simulated else []),
        )
    if not table.row_count:
        add_row(table, "no difference", *("" for _ in table.columns[1:]))
    return table
