"""What to measure next: the rankings as plain data, tables and a figure."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table

from synmodel.analysis.measuring import Ranking
from synmodel.core.plain import Json
from synmodel.report.figures import GREY, panels, style
from synmodel.report.tables import add_row, number_text, plain_table

__all__ = ["measuring_document", "measuring_figure", "measuring_tables"]

_SHOWN, _FIXED_SHOWN = 14, 3
_FIXED, _FITTED, _EXPERIMENT = "#D55E00", "#0072B2", "#009E73"
_NOTES = (
    "share: of the variance of a conclusion, what would go if the number became known exactly; numbers are correlated, "
    "so each has also what it tells of the others, and shares do not add up to 1",
    "Sobol indices are over numbers that the joint fit holds fixed, independent, each over what the data leave of its "
    "prior, with the data fitted again",
    "reduction: the expected share of the variance that the measurement removes, conclusion and measurement taken as "
    "jointly normal; it is made in a laboratory that no study is of, and conclusions are of the typical laboratory",
)


def measuring_document(ranking: Ranking) -> Json:
    """Conclusions with their intervals, and numbers and measurements from the most to the least telling."""
    result = ranking.result
    titles = result["conclusion"].to_numpy().tolist()
    conclusions = [
        {"name": title, "unit": unit, **{key: values[at] for key, values in columns.items()}}
        for columns in [_columns(result, "median", "low", "high", "laboratory_share", "fixed_share")]
        for at, (title, unit) in enumerate(zip(titles, result["unit"].to_numpy().tolist(), strict=True))
    ]
    return {
        "draws": int(result.attrs["draws"]),
        "points": int(result.attrs["points"]),
        "conclusions": conclusions,
        "chance": float(result["chance"]),
        "numbers": _numbers(ranking),
        "fixed_numbers": _fixed(ranking),
        "measurements": _measurements(ranking),
        "notes": list(_NOTES),
    }


def _columns(result: xr.Dataset, *names: str) -> dict[str, list[float]]:
    return {name: result[name].to_numpy().tolist() for name in names}


def _most(row: NDArray[np.float64], result: xr.Dataset) -> Json:
    """Mean over conclusions, and the conclusion on which a share is largest."""
    at = int(np.argmax(row))
    return {
        "mean": float(np.mean(row)),
        "largest": float(row[at]),
        "largest_on": str(result["conclusion"].to_numpy()[at]),
    }


def _sorted(entries: list[Json]) -> list[Json]:
    return sorted(entries, key=lambda entry: -entry["mean"])


def _numbers(ranking: Ranking) -> list[Json]:
    """Every uncertain number with its share of each conclusion."""
    result, parameters = ranking.result, ranking.ensemble.posterior.problem.parameters
    entries = []
    for at, name in enumerate(result["number"].to_numpy().tolist()):
        row, left = result["share"].to_numpy()[at], float(result["spread_left"].to_numpy()[at])
        entries.append({
            "name": name, "long_name": parameters[name].long_name, "kind": str(result["kind"].to_numpy()[at]),
            "status": parameters[name].status, **_most(row, result), "spread_left": left, "shares": row.tolist(),
        })  # fmt: skip
    return _sorted(entries)


def _fixed(ranking: Ranking) -> list[Json]:
    """Numbers that the fit holds fixed, with Sobol indices where they were not screened out.

    ``mean`` and ``largest`` are the total index times the share of the variance that all of these numbers make.
    """
    result = ranking.result
    factors = result["factor"].to_numpy().tolist()
    entries = []
    for at, each in enumerate(ranking.ensemble.fixed):
        name = each.parameter.name
        entry = {
            "name": name, "long_name": each.parameter.long_name, "value": each.parameter.value,
            "unit": each.parameter.unit, "status": each.parameter.status, "spread": each.spread,
            "spread_left": float(ranking.ensemble.spreads[at]),
            "linear_share": result["linear_share"].to_numpy()[at].tolist(),
        }  # fmt: skip
        if name in factors:
            rows = {key: result[key].sel(factor=name).to_numpy() for key in _ORDERS}
            whole = rows["total_order"] * result["fixed_share"].to_numpy()
            entry |= {**_most(whole, result), **{key: row.tolist() for key, row in rows.items()}}
        else:
            entry |= {"mean": 0.0, "screened": "linear share below 2 % on every conclusion"}
        entries.append(entry)
    return _sorted(entries)


_ORDERS = tuple(order + end for order in ("first_order", "total_order") for end in ("", "_low", "_high"))


def _measurements(ranking: Ranking) -> list[Json]:
    result = ranking.result
    entries = []
    for at, each in enumerate(ranking.measurements):
        rows = {key: result[key].to_numpy()[at] for key in ("reduction", "reduction_low", "reduction_high")}
        entries.append({
            "name": each.name, **_most(rows["reduction"], result), "error_sd": list(each.error_sd), "error": each.why,
            **{key: row.tolist() for key, row in rows.items()},
        })  # fmt: skip
    return _sorted(entries)


# -- tables --------------------------------------------------------------------------------------------------------


def measuring_tables(document: Json) -> list[Table]:
    """Tables for the terminal."""
    conclusions = plain_table(
        f"Main conclusions, typical laboratory ({document['draws']} draws of all that is uncertain)",
        "conclusion", "unit", "median (95 %)",
    )  # fmt: skip
    for entry in document["conclusions"]:
        ends = f"{number_text(entry['median'])} ({number_text(entry['low'])} to {number_text(entry['high'])})"
        add_row(conclusions, entry["name"], entry["unit"], ends)
    numbers = plain_table(
        "Numbers: share of the variance that knowing them removes", "number", "held", "status", "mean", "largest", "on"
    )
    for entry in document["numbers"][:_SHOWN]:
        held = "fixed" if entry["kind"] == "fixed" else "fitted"
        add_row(numbers, entry["name"], held, entry["status"], *_shares(entry))
    fixed = plain_table(
        "Numbers that the fit holds fixed: Sobol indices with interactions, of the whole variance",
        "number",
        "status",
        "mean",
        "largest",
        "on",
    )
    for entry in document["fixed_numbers"][:_SHOWN]:
        if "largest" in entry:
            add_row(fixed, entry["name"], entry["status"], *_shares(entry))
    measurements = plain_table(
        "Measurements: share of the variance that they are expected to remove", "measurement", "mean", "largest", "on"
    )
    for entry in document["measurements"]:
        add_row(measurements, entry["name"], *_shares(entry))
    return [conclusions, numbers, fixed, measurements]


def _shares(entry: Json) -> list[str]:
    return [f"{100 * entry['mean']:.1f} %", f"{100 * entry['largest']:.0f} %", entry["largest_on"]]


# -- figure --------------------------------------------------------------------------------------------------------


def measuring_figure(document: Json) -> Figure:
    """Ranked bars: numbers on the left, measurements on the right; a bar is the mean over conclusions, a dot is one.

    The first numbers that are held fixed are shown wherever they stand.
    """
    first_fixed = [each for each in document["numbers"] if each["kind"] == "fixed"][:_FIXED_SHOWN]
    numbers = [*document["numbers"][: _SHOWN - _FIXED_SHOWN]]
    numbers += [each for each in first_fixed if each not in numbers]
    measurements = document["measurements"][:_SHOWN]
    with style():
        figure, axes = panels(1, 2, size=(12.5, 5.6))
        left, right = axes[0]
        colours = [_FIXED if entry["kind"] == "fixed" else _FITTED for entry in numbers]
        _bars(left, [(_label(entry), entry["mean"], entry["shares"]) for entry in numbers], colours)
        _bars(
            right,
            [(entry["name"], entry["mean"], entry["reduction"]) for entry in measurements],
            [_EXPERIMENT] * _SHOWN,
        )
        left.axvline(100 * document["chance"], color="black", linestyle=":", linewidth=1.2, label="chance (95 %)")
        left.set_title("What it hangs on")
        left.set_xlabel("variance that goes if the number becomes known (%)")
        for colour, text in ((_FIXED, "held fixed: priors alone"), (_FITTED, "fitted: joint posterior")):
            left.barh([np.nan], [np.nan], color=colour, label=text)
        left.plot([np.nan], [np.nan], "o", color=GREY, markersize=3, label="one conclusion")
        left.legend(loc="lower right")
        right.set_title("What would remove it")
        right.set_xlabel("expected reduction of variance (%)")
    return figure


def _label(entry: Json) -> str:
    """A number in words, with its study where it is one of a study."""
    group = entry["name"].partition(".")[0]
    what = entry["long_name"].replace(", in standard deviations between studies", "").replace(" in this study", "")
    return f"{what} ({_STUDIES[group]})" if group in _STUDIES else what


_STUDIES = {
    "phoumthipphavong2016": "Phoumthipphavong 2016",
    "shao2021": "Shao 2021",
    "shaoliao2025_pt": "Shao, Liao 2025, PT",
    "shaoliao2025_ko": "Shao, Liao 2025, knock-out",
}


def _bars(axes: Axes, rows: list[tuple[str, float, list[float]]], colours: list[str]) -> None:
    for at, ((_, mean, shares), colour) in enumerate(zip(rows, colours, strict=False)):
        axes.barh(at, 100 * mean, color=colour, height=0.62)
        axes.plot(100 * np.maximum(shares, 0.0), np.full(len(shares), at), "o", color=GREY, markersize=3, alpha=0.7)
    axes.set_yticks(range(len(rows)), [_wrapped(name) for name, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(left=0)


def _wrapped(name: str, width: int = 40) -> str:
    """A name in two lines where it is long."""
    if len(name) <= width:
        return name
    at = name.rfind(" ", 0, width)
    return name[:at] + "\n" + name[at + 1 :]
