"""The figure of a planned study: power against mice, and which days tell most."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synmodel.analysis.planning import Design
from synmodel.analysis.planning.power import FEWEST_MICE
from synmodel.analysis.planning.simulated import SimulatedShare
from synmodel.report import figures

__all__ = ["design_figure"]

_SHADES = ("#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
_RED = "#D55E00"
_POINTS = 60
_LINEAR_DAY, _APART = 7.0, 1.4
_NAMES = {"scenario": "days of the scenario", "searched": "days that tell most", "recommended": "recommended"}


def design_figure(plan: Design) -> Figure:
    """Power curves with the recommended study, the days of three schedules, and intervals that they would give.

    Parameters
    ----------
    plan : Design
    """
    with figures.style():
        figure = Figure(figsize=(10.5, 4.6), layout="constrained")
        places = figure.add_gridspec(1, 2, width_ratios=(1.0, 1.15))
        left, right = figure.add_subfigure(places[0]), figure.add_subfigure(places[1])
        _draw_power(left.subplots(), plan)
        top, bottom = right.subplots(2, 1, height_ratios=(1.0, 1.1))
        _draw_days(top, plan)
        _draw_precision(bottom, plan)
    return figure


def _draw_power(axes: Axes, plan: Design) -> None:
    chosen = plan.chosen
    most = min(plan.limits.most_mice, max(12, math.ceil(1.8 * chosen.mice)))
    mice = np.unique(np.linspace(FEWEST_MICE, most, _POINTS).astype(int))
    curves = sorted(
        (dendrites, of) for (days, measure, dendrites), of in plan.grid.powers.items()
        if days == chosen.days.sessions and measure == chosen.measure
    )  # fmt: skip
    shades = _SHADES[-len(curves) :] if len(curves) <= len(_SHADES) else [_SHADES[-2]] * len(curves)
    for (dendrites, of), shade in zip(curves, shades, strict=True):
        own = dendrites == chosen.dendrites
        axes.plot(mice, [of(int(n)) for n in mice], color=shade, lw=2.4 if own else 1.2, label=f"{dendrites}")
    axes.axhline(plan.aim.power, color=figures.GREY, lw=0.8, ls=":")
    seen: SimulatedShare = plan.checked.least
    error = [[seen.estimate - seen.low], [seen.high - seen.estimate]]
    axes.errorbar(
        [chosen.mice], [seen.estimate], error, fmt="o", color=_RED, ms=6, capsize=3, zorder=5,
        label=f"{seen.studies} simulated studies",
    )  # fmt: skip
    axes.annotate(
        f"{chosen.mice} mice per arm,\n{chosen.dendrites} dendrites each", (chosen.mice, seen.estimate), (10, -16),
        textcoords="offset points", color=_RED, fontsize=8.5, va="top",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
    )  # fmt: skip
    axes.set(xlim=(0, most), ylim=(0, 1.02), xlabel="mice per arm", ylabel="power")
    axes.set_title(f"Power: {_effect_text(plan)}")
    axes.legend(title="dendrites per mouse", fontsize=8, title_fontsize=8, loc="lower right")


def _effect_text(plan: Design) -> str:
    if not plan.arms.effects:
        return "formation, as the model expects"
    return " and ".join(f"{each.quantity} × {each.fold:g}" for each in plan.arms.effects)


def _draw_days(axes: Axes, plan: Design) -> None:
    """Three schedules as dots over days; late days are drawn closer."""
    rows: list[tuple[str, Any, str]] = [
        (_NAMES["scenario"], plan.precision.published, figures.GREY),
        (_NAMES["searched"], plan.precision.searched, _SHADES[3]),
        (_NAMES["recommended"], plan.chosen.days.sessions, _RED),
    ]
    for at, (_, days, colour) in enumerate(rows):
        axes.plot([days[0], days[-1]], [-at, -at], color=colour, lw=0.8)
        axes.plot(days, np.full(len(days), -at), "o", color=colour, ms=6, clip_on=False)
    axes.axvline(plan.arms.dose_day, color="#777777", lw=0.8, ls=":")
    axes.set_xscale("symlog", linthresh=_LINEAR_DAY, linscale=0.8)
    ticks = _apart({day for _, days, _ in rows for day in days})
    axes.set_xticks(ticks, [f"{day:g}".replace("-", "\N{MINUS SIGN}") for day in ticks], fontsize=7.5)
    axes.minorticks_off()
    axes.set_yticks([0, -1, -2], [name for name, _, _ in rows])
    axes.set_ylim(-2.5, 0.5)
    axes.set_xlabel("day (dotted: dose)")
    axes.set_title("When to image")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _apart(days: set[float]) -> list[float]:
    """Days without those that would stand on the tick after them."""
    kept: list[float] = []
    for day in sorted(days, reverse=True):
        if not kept or day <= _LINEAR_DAY or _APART * day <= kept[-1]:
            kept.append(day)
    return kept[::-1]


def _draw_precision(axes: Axes, plan: Design) -> None:
    """Factors by which an effect is uncertain, before the study and after it."""
    precision = plan.precision
    kinds = (
        ("before the study", precision.prior, "#d0d0d0"),
        (_NAMES["scenario"], precision.sd_published, figures.GREY),
        (_NAMES["searched"], precision.sd_searched, _SHADES[3]),
    )
    places = -np.arange(len(precision.effects), dtype=float)
    for at, (name, sd, colour) in enumerate(kinds):
        bars = axes.barh(
            places + 0.26 * (1 - at), np.exp(1.96 * sd) - 1.0, height=0.24, left=1.0, color=colour, label=name
        )
        axes.bar_label(bars, [f"{np.exp(1.96 * each):.2g}" for each in sd], fontsize=7, padding=2)
    axes.set_xscale("log")
    axes.set_xlim(1.0, 1.35 * float(np.exp(1.96 * precision.prior.max())))
    ticks = [each for each in (1, 2, 3, 5, 10, 20) if each <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{each}" for each in ticks])
    axes.minorticks_off()
    axes.set_yticks(places, precision.effects)
    axes.set_ylim(places[-1] - 0.5, 0.5)
    axes.set_xlabel("uncertain by a factor of (95 %)")
    cohort = plan.arms.treated.cohort
    numbers = dict.fromkeys((len(precision.published), len(precision.searched)))
    axes.set_title(
        f"What {' and '.join(map(str, numbers))} sessions tell ({cohort.animals} mice × {cohort.dendrites_per_animal})"
    )
    axes.legend(fontsize=7.5, loc="lower right")
