"""The figure of one simulated scenario: what the microscope would report, session by session."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synmodel.pharmacology import load_compound
from synmodel.report import figures
from synmodel.scenario import Dose, Scenario

__all__ = ["simulation_figure"]

Array = NDArray[np.float64]
_ROWS = {
    "formation_fraction": "spines gained\n(% per interval)",
    "elimination_fraction": "spines lost\n(% per interval)",
    "density_change": "spine density, change\nfrom first session (%)",
}
_CLOSEST_TICKS = 0.045
_TITLE_WIDTH, _SUBTITLE_WIDTH = 76, 108
_MINUS = "\N{MINUS SIGN}"
_LINE = "#999999"


def simulation_figure(plan: Scenario, document: Mapping[str, Any]) -> Figure:
    """Spines gained and lost per interval, and density, over the sessions of a scenario.

    Points are means over the simulated experiments; bars the SEM that one experiment would print, over animals
    (over dendrites where there is one animal); bands hold 95 % of the experiments. Dotted lines are doses; grey
    lines repeat what the interval before the first of them showed.

    Parameters
    ----------
    plan : Scenario
        What was simulated.
    document : mapping
        Its :func:`synmodel.report.documents.simulation_document`.
    """
    drugs = [dose for dose in plan.regimen.doses if load_compound(dose.compound).kind != "vehicle"]
    days = sorted(day for dose in drugs for day in dose.days)
    colour = _colour(drugs)
    # Names in a title are data: a dollar sign in them is no formula.
    with mpl.rc_context({**figures._STYLE, "text.parse_math": False}):
        figure = Figure(figsize=(7.4, 7.6), layout="constrained")
        panels = figure.subplots(len(_ROWS), 1, sharex=True)
        for axes, (quantity, label) in zip(panels, _ROWS.items(), strict=True):
            points = [entry for entry in document["summary"] if entry["quantity"] == quantity]
            _draw(axes, quantity, points, plan.cohort.animals > 1, colour)
            _continue_baseline(axes, quantity, points, days)
            axes.set_ylabel(label)
        _dress(panels, plan.schedule.sessions, days)
        title, subtitle = textwrap.wrap(plan.title or plan.name, _TITLE_WIDTH), _subtitle(plan, drugs, document)
        panels[0].set_title("\n".join([*title, *("" for _ in subtitle)]))
        panels[0].text(0, 1.03, "\n".join(subtitle), transform=panels[0].transAxes, **_SMALL)
        panels[-1].set_xlabel("day (imaging sessions)")
    return figure


_SMALL: dict[str, Any] = {"color": figures.GREY, "fontsize": 8, "va": "bottom"}


def _colour(drugs: Sequence[Dose]) -> str:
    """Colour of the combination, else of the first drug that has one, else grey."""
    names = list(dict.fromkeys(dose.compound for dose in sorted(drugs, key=lambda dose: dose.day)))
    known = (figures.COLOURS[name] for name in ("+".join(names), *names) if name in figures.COLOURS)
    return next(known, figures.GREY)


def _subtitle(plan: Scenario, drugs: Sequence[Dose], document: Mapping[str, Any]) -> list[str]:
    over = f"{plan.cohort.animals} animals" if plan.cohort.animals > 1 else "dendrites of one animal"
    given = "; ".join(map(_dose_text, drugs))
    lines = [
        f"dotted: {given}; grey: as before the dose" if given else "no drug",
        f"points: mean of {document['replicates']} simulated experiments; bars: SEM over {over}; "
        f"band: {document['level'] * 100:.0f} % of experiments",
    ]
    return [part for line in lines for part in textwrap.wrap(line, _SUBTITLE_WIDTH)]


def _dose_text(dose: Dose) -> str:
    series = f", {dose.repeat} times every {dose.every_days:g} d" if dose.repeat > 1 else ""
    infusion = f" over {dose.duration_min:g} min" if dose.duration_min else ""
    return f"{dose.compound} {dose.amount:g} {dose.unit} {dose.route}{infusion}{series}"


def _column(points: Sequence[Mapping[str, Any]], name: str) -> Array:
    return np.array([point[name] for point in points], float)


def _draw(axes: Axes, quantity: str, points: Sequence[Mapping[str, Any]], over_animals: bool, colour: str) -> None:
    """Points with bars, over a band: a step for what happens within an interval, a course for a state."""
    start, end = _column(points, "start_day"), _column(points, "end_day")
    mean, low, high = (100 * _column(points, name) for name in ("mean", "low", "high"))
    if quantity == "density_change":
        at = end
        course = np.append(start[:1], end)
        axes.fill_between(course, np.append(0, low), np.append(0, high), color=colour, alpha=0.18, linewidth=0)
        axes.plot(course, np.append(0, mean), color=colour, linewidth=1.6)
    else:
        at = _middle(start, end)
        for k, span in enumerate(zip(start, end, strict=True)):
            axes.fill_between(span, low[k], high[k], color=colour, alpha=0.18, linewidth=0)
            axes.plot(span, (mean[k], mean[k]), color=colour, linewidth=1.6)
    bars = 100 * _column(points, "mouse_sem" if over_animals else "sem_dendrite")
    axes.errorbar(at, mean, bars, fmt="o", color=colour, markersize=4, elinewidth=1.0, capsize=2, zorder=3)


def _is_far(sessions: Sequence[float]) -> bool:
    """Whether one last session lies so far off that the axis is compressed before it."""
    return sessions[-1] > figures._FAR_DAY and sum(day > figures._BREAK_DAY for day in sessions) == 1


def _middle(start: Array, end: Array) -> Array:
    """Middles of intervals as they appear on the axis."""
    if _is_far([*start[:1], *end]):
        return figures._stretch(0.5 * (figures._compress(start) + figures._compress(end)))
    return 0.5 * (start + end)


def _continue_baseline(axes: Axes, quantity: str, points: Sequence[Mapping[str, Any]], doses: Sequence[float]) -> None:
    """Zero for a change; else the last value before the first dose, over later intervals of the same length."""
    if quantity == "density_change":
        axes.axhline(0, color=_LINE, linewidth=0.8, zorder=0)
        return
    axes.set_ylim(bottom=0)
    start, end = _column(points, "start_day"), _column(points, "end_day")
    before = np.flatnonzero(end <= doses[0]) if doses else np.empty(0, int)
    if len(before):
        # More spines come and go in a longer interval, drug or not.
        alike = np.isclose(end - start, (end - start)[before[-1]], rtol=0.05) & (start >= start[before[-1]])
        level = 100 * points[before[-1]]["mean"]
        axes.hlines(np.full(alike.sum(), level), start[alike], end[alike], color=_LINE, linewidth=1.2, zorder=1)


def _dress(panels: Sequence[Axes], sessions: Sequence[float], doses: Sequence[float]) -> None:
    """Sessions as ticks, doses as dotted lines, a broken axis before a far session."""
    first, last = sessions[0], sessions[-1]
    margin = 0.02 * (figures._compress(np.array(last)) - first if _is_far(sessions) else last - first)
    end = last + margin
    if _is_far(sessions):
        end = figures._stretch(figures._compress(np.array(last)) + margin)
        gap = figures._stretch(np.array([figures._BREAK_DAY + 0.6, figures._BREAK_DAY + 1.0]))
    for axes in panels:
        if _is_far(sessions):
            axes.set_xscale("function", functions=(figures._compress, figures._stretch))
            foot = axes.get_xaxis_transform()
            axes.plot(gap, [0, 0], transform=foot, clip_on=False, color="white", linewidth=3, zorder=9)
            axes.text(gap.mean(), 0, "//", transform=foot, ha="center", va="center", fontsize=9, zorder=10)
        for day in doses:
            if first <= day <= last:
                axes.axvline(day, color="#777777", linewidth=1.0, linestyle=":", zorder=0)
        axes.set_xlim(float(first - margin), float(end))
        ticks = _apart(sessions)
        axes.set_xticks(ticks, [f"{day:g}".replace("-", _MINUS) for day in ticks])
        axes.minorticks_off()


def _apart(sessions: Sequence[float]) -> list[float]:
    """Sessions whose labels do not run into each other."""
    places = figures._compress(np.array(sessions)) if _is_far(sessions) else np.array(sessions)
    kept = [0]
    for k in range(1, len(places)):
        if places[k] - places[kept[-1]] >= _CLOSEST_TICKS * (places[-1] - places[0]):
            kept.append(k)
    return [sessions[k] for k in kept]
