"""Figures of fits of single dendrites: effects with what was seen and predicted, and models side by side."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synmodel.core.plain import Json
from synmodel.report import figures

__all__ = ["dendrite_figure", "figure_of", "models_figure"]

_QUANTITIES = {
    "formation_fraction": "spines gained\n(% per interval)",
    "elimination_fraction": "spines lost\n(% per interval)",
}
_SURVIVAL = "new_spine_survival"
_EFFECTS = {
    "formation_fold": "formation",
    "maturation_fold": "maturation",
    "elimination_fold": "elimination",
}
_STRONG = 3.0
_LINE = "#999999"


def figure_of(document: Json) -> Figure:
    """The figure of one fit, or of several side by side, from :func:`synmodel.report.dendrites.document`."""
    if "comparison" in document:
        return models_figure({"models side by side": document["comparison"]})
    return dendrite_figure(document)


def dendrite_figure(found: Json, *, look: str = "page") -> Figure:
    """Effects of the drugs above; below, by arm, what was seen in each interval beside what the model predicts.

    Points are means over dendrites; bands hold 95 % of what the fitted model would have seen on the same
    dendrites. A fit without a posterior shows the effects alone.

    Parameters
    ----------
    found : mapping
        One fit of :func:`synmodel.report.dendrites.document`.
    look : str
        One of :data:`synmodel.report.style.LOOKS`.
    """
    cells = found.get("predictive", [])
    arms = list(dict.fromkeys((cell["study"], cell["arm"]) for cell in cells))
    with figures.style(look), mpl.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(max(6.4, 2.9 * len(arms) + 0.9), 6.8 if arms else 2.4), layout="constrained")
        grid = figure.add_gridspec(1 + 2 * bool(arms), max(len(arms), 1), height_ratios=[0.8, *[1, 1] * bool(arms)])
        _draw_effects(figure.add_subplot(grid[0, :]), found)
        for row, (quantity, label) in enumerate(_QUANTITIES.items() if arms else ()):
            first: Axes | None = None
            for column, arm in enumerate(arms):
                axes = figure.add_subplot(grid[1 + row, column], sharey=first)
                first = first or axes
                _draw_arm(axes, [c for c in cells if (c["study"], c["arm"]) == arm and c["quantity"] == quantity], arm)
                axes.set_title(arm[1] if row == 0 else "")
                axes.set_ylabel(label if column == 0 else "")
                axes.set_xlabel("interval up to day" if row == 1 else "")
            tops = [100 * max(cell["high"], cell["observed"]) for cell in cells if cell["quantity"] == quantity]
            if first is not None:
                first.set_ylim(0, 1.05 * max(tops))
    return figure


def _draw_effects(axes: Axes, found: Json) -> None:
    rows = []
    for name, entry in found["parameters"].items():
        drug, _, key = name.partition(".")
        if key in _EFFECTS:
            rows.append((f"{drug}: {_EFFECTS[key]}", drug, entry))
    drugs = list(dict.fromkeys(drug for _, drug, _ in rows))
    colours = dict(zip(drugs, figures.colours_of(drugs), strict=True))
    for place, (_, drug, entry) in enumerate(rows):
        colour = colours[drug]
        axes.plot([entry["low"], entry["high"]], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot(entry["estimate"], place, "o", color=colour, markersize=6)
        axes.annotate(
            f"{entry['estimate']:.2g} ({entry['low']:.2g} to {entry['high']:.2g})",
            (1.0, place), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=8, color=colour,
        )  # fmt: skip
    axes.axvline(1.0, color=_LINE, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    ticks = [0.2, 0.5, 1, 2, 5, 10]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [label for label, *_ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("peak effect of one dose, fold over baseline (95 % interval)")
    axes.set_title(f"{found['model']}: {found['n_dendrite_intervals']} intervals of dendrites, {found['n_mice']} mice")


def _draw_arm(axes: Axes, cells: list[Json], arm: tuple[str, str]) -> None:
    place = np.arange(len(cells))
    colour = figures.COLOURS.get(arm[1], figures.GREY)
    low, high, middle, seen = (
        100 * np.array([cell[name] for cell in cells]) for name in ("low", "high", "median", "observed")
    )
    axes.bar(place, high - low, 0.7, low, color=colour, alpha=0.2, linewidth=0)
    axes.hlines(middle, place - 0.35, place + 0.35, color=colour, linewidth=1.6)
    outside = (seen < low) | (seen > high)
    axes.plot(place, seen, "o", color="black", markersize=4.5)
    axes.plot(place[outside], seen[outside], "o", color="none", markeredgecolor="black", markersize=10)
    ends = [cell["end_day"] for cell in cells]
    axes.set_xticks(place, [f"{day:g}" for day in ends])
    before = sum(day <= 0 for day in ends)
    axes.axvline(before - 0.5, color=_LINE, linewidth=0.8, linestyle=":")


def models_figure(comparisons: Mapping[str, list[Json]]) -> Figure:
    """Log evidence and prediction of left-out mice of every model, as differences from the best of its data.

    Parameters
    ----------
    comparisons : mapping
        Title -> rows of ``comparison`` of :func:`synmodel.report.dendrites.document`.
    """
    height = 1.2 + 0.3 * sum(len(rows) + 1.6 for rows in comparisons.values())
    with figures.style():
        figure = Figure(figsize=(8.2, height), layout="constrained")
        ratios = [len(rows) + 1.2 for rows in comparisons.values()]
        panels = figure.subplots(len(comparisons), 1, gridspec_kw={"height_ratios": ratios}, squeeze=False)[:, 0]
        for axes, (title, rows) in zip(panels, comparisons.items(), strict=True):
            _draw_models(axes, sorted(rows, key=lambda row: -row["log_evidence"]))
            axes.set_title(title)
        panels[-1].set_xlabel("difference from the best model (log scale from 1; to the left: worse)")
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside upper right", frameon=False, fontsize=8, ncols=2
        )
    return figure


def _draw_models(axes: Axes, rows: list[Json]) -> None:
    place = np.arange(len(rows))
    evidence = np.array([row["evidence_difference"] for row in rows])
    elpd = np.array([row["elpd_difference"] for row in rows])
    error = np.array([row["elpd_difference_error"] for row in rows])
    axes.axvspan(-_STRONG, 1, color="#eeeeee", zorder=0)
    axes.plot(evidence, place - 0.12, "o", color="black", markersize=6, label="log evidence")
    axes.errorbar(
        elpd, place + 0.16, xerr=error, fmt="s", color="#777777", markersize=4, elinewidth=1.2,
        label="elpd of mice left out (with standard error)",
    )  # fmt: skip
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(min(evidence.min(), (elpd - error).min()) * 1.6 - 1, 1)
    axes.set_yticks(place, [row["model"] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
