"""Predictions of studies: tables and figures, observed beside predicted."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from synmodel.core.plain import Json
from synmodel.inference.summaries.prediction import Prediction
from synmodel.report.figures import GREY, colours_of, panels, style
from synmodel.report.tables import add_row, number_text, plain_table

__all__ = ["prediction_figure", "prediction_tables", "validation_figure", "validation_tables"]

_NAMES = {
    "formation_fraction": "spines gained (%)",
    "elimination_fraction": "spines lost (%)",
    "density_change": "density, change (%)",
    "head_width_change": "head width, change (%)",
}
_RIVALS = {"log_predictive_density": "mechanism", "no_effect": "no effect", "carried_over": "carried over"}
_RIVAL_COLOURS = ("#0072B2", "#999999", "#E69F00")


def prediction_figure(prediction: Prediction) -> Figure:
    """Every predicted mean with its 50 and 90 % interval, and what was observed with its SEM, by arm and quantity."""
    arms = list(dict.fromkeys(point.arm for point in prediction.points))
    quantities = [name for name in _NAMES if any(point.quantity == name for point in prediction.points)]
    with style():
        figure, axes = panels(
            len(quantities), len(arms), size=(3.4 * max(len(arms), 2), 2.1 * len(quantities) + 0.4), sharey="row"
        )
        for column, arm in enumerate(arms):
            for row, quantity in enumerate(quantities):
                _draw(axes[row, column], prediction, arm, quantity)
            axes[0, column].set_title(arm)
            axes[-1, column].set_xlabel("session")
        for row, quantity in enumerate(quantities):
            axes[row, 0].set_ylabel(_NAMES[quantity])
        seen = prediction.coverage(0.9)
        told = (
            "" if seen is None else f": 90 % intervals hold {100 * seen:.0f} % of {len(prediction.seen)} observed means"
        )
        figure.suptitle(
            f"{prediction.study.name}, predicted from its vehicle arm and the joint posterior{told}",
            fontsize=10, ha="left", x=0.01,
        )  # fmt: skip
    return figure


def _draw(axes: Axes, prediction: Prediction, arm: str, quantity: str) -> None:
    points = [point for point in prediction.points if (point.arm, point.quantity) == (arm, quantity)]
    (colour,) = colours_of([arm])
    for at, point in enumerate(points):
        low, left, middle, right, high = 100 * np.quantile(point.sample, [0.05, 0.25, 0.5, 0.75, 0.95])
        axes.plot([at, at], [low, high], color=colour, linewidth=2.0, alpha=0.45, solid_capstyle="butt")
        axes.plot([at, at], [left, right], color=colour, linewidth=6.0, alpha=0.45, solid_capstyle="butt")
        axes.plot([at - 0.13, at + 0.13], [middle, middle], color=colour, linewidth=1.6)
        if not np.isnan(point.observed):
            axes.errorbar(at + 0.22, 100 * point.observed, 100 * point.sem, fmt="o", color="black", markersize=3.5,
                          elinewidth=0.9)  # fmt: skip
    axes.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(points)), [f"{point.end_day:g}" for point in points])
    axes.set_xlim(-0.6, max(len(points), 1) - 0.4)


def prediction_tables(document: Json) -> list[Table]:
    """Predicted means beside observed ones, and how well they agree."""
    table = plain_table(
        f"{document['study']}: predicted means [%]", "arm, quantity", "from day", "to day", "predicted", "50 %", "90 %",
        "observed", "SEM",
    )  # fmt: skip
    for point in document["points"]:
        p = {key: None if point[key] is None else 100 * point[key]
             for key in ("mean", "low_50", "high_50", "low_90", "high_90", "observed", "sem")}  # fmt: skip
        add_row(
            table,
            f"{point['arm']}, {point['quantity'].replace('_', ' ')}",
            f"{point['start_day']:g}",
            f"{point['end_day']:g}",
            number_text(p["mean"]),
            f"{number_text(p['low_50'])} to {number_text(p['high_50'])}",
            f"{number_text(p['low_90'])} to {number_text(p['high_90'])}",
            number_text(p["observed"]),
            number_text(p["sem"]),
        )
    scores = plain_table("How well they agree", "", "")
    coverage = document["coverage"]
    add_row(scores, "observed means", str(coverage["n"]))
    for level in ("50", "90"):
        add_row(
            scores, f"inside their {level} % interval", _held(coverage[level], document["coverage_expected"][level])
        )
    add_row(scores, "log predictive density per mean", number_text(document["log_predictive_density"]))
    return [table, scores]


def _held(share: float | None, expected: Sequence[float] | None) -> str:
    """Share of means that lie in their interval, and what a right prediction would give in 95 of 100 studies."""
    told = number_text(share)
    return told if expected is None else f"{told} ({number_text(expected[0])} to {number_text(expected[1])})"


def validation_tables(document: Json) -> list[Table]:
    """Each study left out: coverage, and log predictive density beside the rivals'."""
    table = plain_table(
        "Studies left out in turn (log predictive density per mean; more is better)", "study, arm", "means",
        "50 % holds (if right)", "90 % holds (if right)", "sd / SEM", *_RIVALS.values(),
    )  # fmt: skip
    for name, entry in document["studies"].items():
        rows = {name: entry, **{f"  {arm}": scores for arm, scores in entry["arms"].items()}}
        for label, scores in rows.items():
            add_row(
                table,
                label,
                str(scores["n"]),
                *(_held(scores[key], scores[f"{key}_expected"]) for key in ("coverage_50", "coverage_90")),
                *(number_text(scores[key]) for key in ("sd_over_sem", *_RIVALS)),
            )
    return [table]


def validation_figure(document: Json) -> Figure:
    """Left: log predictive density of the mechanism and of its rivals, by arm. Right: coverage of the intervals."""
    arms = [(name, arm, scores) for name, entry in document["studies"].items() for arm, scores in entry["arms"].items()]
    place = np.arange(len(arms))[::-1]
    with style():
        figure, axes = panels(1, 2, size=(9.6, 0.55 * len(arms) + 1.6), sharey=True, width_ratios=[2, 1])
        left, right = axes[0]
        lowest = min(s[key] for _, _, s in arms for key in _RIVALS if s[key] is not None)
        floor = max(lowest, -3.0)
        for (key, name), colour, size in zip(_RIVALS.items(), _RIVAL_COLOURS, (9, 6, 6), strict=True):
            known = [(max(s[key], floor), y) for (_, _, s), y in zip(arms, place, strict=True) if s[key] is not None]
            x, y = np.array(known).T
            left.plot(x, y, "o", color=colour, markersize=size, label=name, zorder=4 if size > 6 else 3)
        left.set_yticks(place, [f"{name}\n{arm}" for name, arm, _ in arms], fontsize=8)
        left.set_xlabel(f"log predictive density per mean (more is better; below {floor:.0f} shown there)")
        left.set_title("Predicted without having seen the study")
        left.legend(loc="lower left", fontsize=8)
        for level, key, marker in ((50, "coverage_50", "s"), (90, "coverage_90", "D")):
            ranges = 100 * np.array([s[f"{key}_expected"] for _, _, s in arms])
            apart = 0.12 if level == 90 else -0.12
            right.hlines(place + apart, *ranges.T, color=_RIVAL_COLOURS[0], linewidth=5, alpha=0.2)
            right.plot([100 * s[key] for _, _, s in arms], place + apart, marker, color=_RIVAL_COLOURS[0], markersize=5)
            right.axvline(level, color=GREY, linewidth=0.8, linestyle=":")
        right.set_xlim(0, 104)
        right.set_xlabel(
            "observed means inside the 50 % (squares)\nand 90 % (diamonds) intervals (%);\n"
            "band: 95 of 100 studies, if right"
        )
        right.set_title("Intervals")
        for each in (left, right):
            each.grid(axis="y", color="#eeeeee")
    return figure
