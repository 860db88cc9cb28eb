"""The figure of one simulated scenario: what the microscope would report, session by session, beside the vehicle."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from synmodel.core.plain import Json
from synmodel.pharmacology import dose_text, drug_doses
from synmodel.report.days import BREAK_DAY, FAR_DAY, compress, stretch
from synmodel.report.mechanism_panels import draw_mechanism, panel_names
from synmodel.report.style import COLOURS, GREY, style
from synmodel.scenario import Dose, Scenario

__all__ = ["simulation_figure"]

Array = NDArray[np.float64]
_ROWS = {
    "formation_fraction": "spines gained\n(% per interval)",
    "elimination_fraction": "spines lost\n(% per interval)",
    "density_change": "spine density, change\nfrom day {first} (%)",
}
_DIGIT, _GAP = 0.0115, 0.01  # width of a digit of a tick, and room between two of them, as shares of the axis
_TITLE_WIDTH, _SUBTITLE_WIDTH, _WARNING_WIDTH = 76, 108, 92
_ROW_INCH = (1.7, 2.6)  # of the drive alone, and of four panels
_WARNING = "#B00020"
_MINUS = "\N{MINUS SIGN}"
_LINE, _DOSE, _FAINT = "#999999", "#777777", 0.18
_OTHER = "#A0458A"
"""Colour of drugs, and of combinations, that have none of their own; not grey, which is the vehicle."""
_ASIDE_INCH = 0.055
_ROOM_FOR_NAMES = 1.15
_SMALL: dict[str, Any] = {"color": GREY, "fontsize": 8, "va": "bottom"}


def simulation_figure(
    plan: Scenario,
    document: Json,
    mechanism: xr.Dataset | None = None,
    population: xr.Dataset | None = None,
) -> Figure:
    """Spines gained and lost per interval, and density, over the sessions of a scenario and of its vehicle control.

    What contradicts the scenario stands above all else; below it, with a mechanism, a row of what drives the spines.

    Points are means over the simulated experiments; bars the SEM that one experiment would print, over animals
    (over dendrites where there is one animal); bands hold 95 % of the experiments. Grey is the same without doses,
    where there are any; dotted lines are doses.

    Parameters
    ----------
    plan : Scenario
        What was simulated.
    document : mapping
        Its :func:`synmodel.report.documents.simulation_document`.
    mechanism : Dataset, optional
        Its :func:`synmodel.simulation.mechanism_of`.
    population : Dataset, optional
        Its :func:`synmodel.simulation.population.population_bands`, drawn as shades of the mechanism.
    """
    drugs, sessions = drug_doses(plan.regimen.doses), plan.schedule.sessions
    shown = {dose: [day for day in dose.days if _is_within(day, sessions)] for dose in drugs}
    shown = {dose: days for dose, days in shown.items() if days}
    compounds = list(dict.fromkeys(dose.compound for dose in sorted(shown, key=lambda dose: dose.day)))
    # Names in a title are data: a dollar sign in them is no formula.
    with style(), mpl.rc_context({"text.parse_math": False}):
        names = () if mechanism is None else panel_names(plan, mechanism)
        row = _ROW_INCH[len(names) > 1] if names else 0.0
        figure = Figure(figsize=(7.4, 7.6 + row), layout="constrained")
        said = [line for entry in document["contradictions"] for line in _folded(entry["line"])]
        if said:
            figure.suptitle("\n".join(said), x=0.01, ha="left", color=_WARNING, fontsize=9, fontweight="bold")
        top: SubFigure | None = None
        bottom: Figure | SubFigure = figure
        if names:
            places = figure.add_gridspec(2, 1, height_ratios=(row, 7.6), hspace=0.02)
            top, bottom = figure.add_subfigure(places[0]), figure.add_subfigure(places[1])
        panels = bottom.subplots(len(_ROWS), 1, sharex=True)
        for axes, (quantity, label) in zip(panels, _ROWS.items(), strict=True):
            _draw(axes, quantity, document["summary"], _sem(plan), _colour(drugs))
            _draw_expected(axes, quantity, document["expected"], _colour(drugs))
            if document["control"]:
                _draw(axes, quantity, document["control"], _sem(plan), GREY, aside=_ASIDE_INCH)
            if quantity != "density_change":
                axes.set_ylim(bottom=0)  # after all is drawn, as it ends the search for an upper end
            axes.set_ylabel(label.format(first=_day_text(sessions[0])))
        _dress(panels, sessions)
        for dose, days in shown.items():
            _mark(panels, dose, days, compounds.index(dose.compound) if len(compounds) > 1 else None)
        if len(compounds) > 1:
            panels[0].set_ylim(top=_ROOM_FOR_NAMES * panels[0].get_ylim()[1])
        title, subtitle = (
            textwrap.wrap(plan.title or plan.name, _TITLE_WIDTH),
            _subtitle(plan, drugs, [*shown], document, population if names else None),
        )
        heading = [*title, *("" for _ in subtitle)]
        if top is not None:
            top.suptitle("\n".join(title), x=0.01, ha="left", fontsize=10, fontweight="bold")
            heading = [""] * len(subtitle)
        panels[0].set_title("\n".join(heading))
        panels[0].text(0, 1.03, "\n".join(subtitle), transform=panels[0].transAxes, **_SMALL)
        panels[-1].set_xlabel(f"day (imaging sessions{_spacing(sessions)})")
        if top is not None and mechanism is not None:
            draw_mechanism(top.subplots(1, len(names), squeeze=False)[0], plan, mechanism, population)
    return figure


def _folded(line: str) -> list[str]:
    """A line folded to the width of the figure, but not between a number and its per cent."""
    return textwrap.wrap(line.replace(" %", "\N{NO-BREAK SPACE}%"), _WARNING_WIDTH)


def _colour(drugs: Sequence[Dose]) -> str:
    """Colour of the combination or of the one drug that has one, another for any other drugs, grey without any."""
    if not drugs:
        return GREY
    names = list(dict.fromkeys(dose.compound for dose in sorted(drugs, key=lambda dose: dose.day)))
    if "+".join(names) in COLOURS:
        return COLOURS["+".join(names)]
    known = [COLOURS[name] for name in names if name in COLOURS]
    return known[0] if len(known) == 1 else _OTHER


def _subtitle(
    plan: Scenario,
    drugs: Sequence[Dose],
    shown: Sequence[Dose],
    document: Json,
    population: xr.Dataset | None,
) -> list[str]:
    """What the marks mean, of those that are drawn."""
    parts = []
    if shown:
        parts.append(f"dotted: {'; '.join(map(_series_text, shown))}")
    if unseen := [dose for dose in drugs if dose not in shown]:
        parts.append(f"not within the sessions: {'; '.join(map(_series_text, unseen))}")
    parts.append("grey, open: the same animals without doses" if document["control"] else "no drug")
    n = document["replicates"]
    parts.append(f"points: mean of {n} simulated experiments" if n > 1 else "points: one simulated experiment")
    if any(math.isfinite(entry[_sem(plan)]) for entry in document["summary"]):
        over = f"{plan.cohort.animals} animals" if plan.cohort.animals > 1 else "dendrites of one animal"
        parts.append(f"bars: SEM over {over}")
    if n > 1:
        parts.append(f"band: {document['level'] * 100:.0f} % of experiments")
    if any(entry["low"] is not None for entry in document["expected"]):
        parts.append(f"dashed: where the mean itself lies, {document['level'] * 100:.0f} % of the posterior")
    if population is not None:
        parts.append(f"shades above: 50 and 90 % of {population.attrs['subjects']} subjects, line: the median one")
    return _packed(parts)


def _packed(parts: Sequence[str]) -> list[str]:
    """Lines of whole parts; one that is longer than a line is folded."""
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}; {part}" if lines[-1] else part
        if len(joined) <= _SUBTITLE_WIDTH:
            lines[-1] = joined
        else:
            lines += textwrap.wrap(part, _SUBTITLE_WIDTH)
    return [line for line in lines if line]


def _series_text(dose: Dose) -> str:
    series = f", {dose.repeat} times every {dose.every_days:g} d" if dose.repeat > 1 else ""
    return dose_text(dose) + series


def _sem(plan: Scenario) -> str:
    """The SEM that an experiment would print: one animal has dendrites only."""
    return "mouse_sem" if plan.cohort.animals > 1 else "sem_dendrite"


def _column(points: Sequence[Json], name: str) -> Array:
    return np.array([point[name] for point in points], float)


def _draw(axes: Axes, quantity: str, entries: Sequence[Json], sem: str, colour: str, aside: float = 0.0) -> None:
    """Points with bars, over a band: a step for what happens within an interval, a course for a state.

    The points of a control stand aside and its lines below, for before a dose both are the same numbers.
    """
    points = [entry for entry in entries if entry["quantity"] == quantity]
    line: Json = {"color": colour, "linewidth": 1.6, "zorder": 1.9 if aside else 2.0}
    start, end = _column(points, "start_day"), _column(points, "end_day")
    mean, low, high = (100 * _column(points, name) for name in ("mean", "low", "high"))
    if quantity == "density_change":
        at = end
        course = np.append(start[:1], end)
        axes.fill_between(course, np.append(0, low), np.append(0, high), color=colour, alpha=_FAINT, linewidth=0)
        axes.plot(course, np.append(0, mean), **line)
        axes.axhline(0, color=_LINE, linewidth=0.8, zorder=0)
    else:
        at = _middle(start, end)
        for k, span in enumerate(zip(start, end, strict=True)):
            axes.fill_between(span, low[k], high[k], color=colour, alpha=_FAINT, linewidth=0)
            axes.plot(span, (mean[k], mean[k]), **line)
    axes.errorbar(
        at,
        mean,
        100 * _column(points, sem),
        fmt="o",
        color=colour,
        markersize=4,
        markerfacecolor="white" if colour == GREY else colour,
        elinewidth=1.0,
        capsize=2,
        zorder=3,
        transform=axes.transData + ScaledTranslation(aside, 0, axes.figure.dpi_scale_trans),
    )


def _draw_expected(axes: Axes, quantity: str, entries: Sequence[Json], colour: str) -> None:
    """Where the posterior has the mean itself."""
    points = [entry for entry in entries if entry["quantity"] == quantity and entry["low"] is not None]
    if not points:
        return
    start, end = _column(points, "start_day"), _column(points, "end_day")
    low, high = (100 * _column(points, name) for name in ("low", "high"))
    line: dict[str, Any] = {"color": colour, "linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 2.5}
    for ends in (low, high):
        if quantity == "density_change":
            axes.plot(np.append(start[:1], end), np.append(0, ends), **line)
        else:
            axes.hlines(ends, start, end, **line)


def _is_within(day: float, sessions: Sequence[float]) -> bool:
    return sessions[0] <= day <= sessions[-1]


def _is_far(sessions: Sequence[float]) -> bool:
    """Whether one last session lies so far off that the axis is compressed before it."""
    return sessions[-1] > FAR_DAY and sum(day > BREAK_DAY for day in sessions) == 1


def _middle(start: Array, end: Array) -> Array:
    """Middles of intervals as they appear on the axis."""
    if _is_far([*start[:1], *end]):
        return stretch(0.5 * (compress(start) + compress(end)))
    return 0.5 * (start + end)


def _mark(panels: Sequence[Axes], dose: Dose, days: Sequence[float], row: int | None) -> None:
    """Dotted lines at doses; with a row, the compound's name beside the first of them."""
    colour = _DOSE if row is None else COLOURS.get(dose.compound, _DOSE)
    for axes in panels:
        for day in days:
            axes.axvline(day, color=colour, linewidth=1.2, linestyle=":", zorder=0)
    if row is not None:
        panels[0].annotate(
            dose.compound,
            (days[0], 1),
            xycoords=panels[0].get_xaxis_transform(),
            xytext=(3, -1 - 9 * row),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color=colour,
            bbox={"color": "white", "pad": 0.5},
        )


def _dress(panels: Sequence[Axes], sessions: Sequence[float]) -> None:
    """Sessions as ticks, a broken axis before a far session."""
    first, last = sessions[0], sessions[-1]
    margin = 0.02 * (compress(np.array(last)) - first if _is_far(sessions) else last - first)
    end = last + margin
    if _is_far(sessions):
        end = stretch(compress(np.array(last)) + margin)
        gap = stretch(np.array([BREAK_DAY + 0.6, BREAK_DAY + 1.0]))
    for axes in panels:
        if _is_far(sessions):
            axes.set_xscale("function", functions=(compress, stretch))
            foot = axes.get_xaxis_transform()
            axes.plot(gap, [0, 0], transform=foot, clip_on=False, color="white", linewidth=3, zorder=9)
            axes.text(gap.mean(), 0, "//", transform=foot, ha="center", va="center", fontsize=9, zorder=10)
        axes.set_xlim(float(first - margin), float(end))
        axes.set_xticks(sessions, _labels(sessions))
        axes.minorticks_off()


def _day_text(day: float) -> str:
    return f"{round(day, 2):g}".replace("-", _MINUS)


def _labels(sessions: Sequence[float]) -> list[str]:
    """Days of the sessions, empty where a label would run into another; first and last are always there."""
    places = compress(np.array(sessions)) if _is_far(sessions) else np.array(sessions)
    places = (places - places[0]) / (places[-1] - places[0])
    texts = [_day_text(day) for day in sessions]

    def are_apart(one: int, other: int) -> bool:
        return bool(places[other] - places[one] >= 0.5 * _DIGIT * len(texts[one] + texts[other]) + _GAP)

    kept, last = [0], len(texts) - 1
    for k in range(1, last):
        if are_apart(kept[-1], k) and are_apart(k, last):
            kept.append(k)
    return [text if k in (*kept, last) else "" for k, text in enumerate(texts)]


def _spacing(sessions: Sequence[float]) -> str:
    """How far sessions lie apart, where they do so unevenly: more spines come and go in a longer interval."""
    apart = np.diff(sessions)
    if np.allclose(apart, apart[0], rtol=0.05):
        return ""
    return f", {apart.min():.2g} to {apart.max():.3g} days apart"
