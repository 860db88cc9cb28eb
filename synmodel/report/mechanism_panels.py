"""What drives the spines of a scenario, in one row: free drug, engaged receptors, cascade, and the drive over days.

The first three panels are zooms on the first dose, each as long as what it shows takes to rise and fall; the last
one runs over the sessions. A phenomenological scenario, and one without a drug, has the last one alone.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from synmodel.pharmacology import drug_doses
from synmodel.report.style import COLOURS
from synmodel.scenario import Scenario

__all__ = ["draw_mechanism", "panel_names"]

Array = NDArray[np.float64]
_RECEPTORS = {
    "nmda_block_interneuron": ("NMDA-R, interneuron", "#D55E00"),
    "nmda_block_pyramidal": ("NMDA-R, pyramidal", "#E9A368"),
    "agonism_5ht2a": ("5-HT2A, membrane", "#0072B2"),
    "agonism_5ht2a_intracellular": ("5-HT2A, inside", "#56B4E9"),
    "trkb_bound": ("TrkB", "#009E73"),
}
_BOTH = " and inside"
_CASCADE = {"bdnf": ("BDNF", "#8C6BB1"), "trkb": ("TrkB", "#009E73"), "mtorc1": ("mTORC1", "#222222")}
_FOLDS = {"formation_fold": ("formation", "#B2182B"), "elimination_fold": ("elimination", "#2166AC")}
_DRUGS = {"ketamine": COLOURS["ketamine"], "psilocin": COLOURS["psilocybin"]}
_TARGETS = ("#CC79A7", "#CCBB44", "#555555", "#AA4499")
_OTHERS = ("#555555", "#999999", "#CCBB44", "#C5A3CF")
_LINE = "#999999"
_SEEN, _PRESENT = 0.01, 0.001  # what is engaged by less, or below this share of the highest compound, is not drawn
_FALLEN = 0.03
_NOTHING = 1e-6  # of a cascade that could reach 1: rounding
_MOST_COMPOUNDS = 4
_SHADE = 0.18
_LEGEND: dict[str, Any] = {
    "loc": "lower left", "bbox_to_anchor": (-0.06, 0.98), "fontsize": 7, "title_fontsize": 8, "alignment": "left",
    "frameon": False, "handlelength": 1.2, "borderpad": 0.1, "labelspacing": 0.15, "handletextpad": 0.5,
}  # fmt: skip


def panel_names(plan: Scenario, mechanism: xr.Dataset) -> tuple[str, ...]:
    """The panels that a scenario has, from the left; of a dose after the last session there is nothing to show."""
    if drug_doses(plan.regimen.doses) and (mechanism.get("free_concentration", xr.DataArray(0.0)) > 0).any():
        return ("concentration", "occupancy", "cascade", "drive")
    return ("drive",)


def draw_mechanism(
    panels: Sequence[Axes], plan: Scenario, mechanism: xr.Dataset, population: xr.Dataset | None = None
) -> None:
    """Draw the row into axes, one for each of :func:`panel_names`; a population as shades around its median subject."""
    names = panel_names(plan, mechanism)
    draw = {"concentration": _concentration, "occupancy": _occupancy, "cascade": _cascade, "drive": _drive}
    for number, (name, axes) in enumerate(zip(names, panels, strict=True)):
        axes.set_label(name)
        draw[name](axes, plan, mechanism)
        if population is not None:
            _shade(axes, name, plan, population)
        axes.tick_params(labelsize=7)
        axes.xaxis.label.set_fontsize(7.5)
        if number:
            axes.annotate("→", (0, 0.5), (-0.27, 0.5), "axes fraction", ha="center", fontsize=12, color=_LINE)
    most = max(len(_named(axes)) for axes in panels)
    for axes in panels:
        # Above the curves, and as many lines in each, so that the headings stand in one row.
        blank = [Line2D([], [], linestyle="") for _ in range(most - len(_named(axes)))]
        labels = [str(line.get_label()) for line in _named(axes)] + [""] * len(blank)
        axes.legend([*_named(axes), *blank], labels, title=axes.get_title("left"), **_LEGEND)
        axes.set_title("")


def _shade(axes: Axes, panel: str, plan: Scenario, population: xr.Dataset) -> None:
    """Where the middle 50 and 90 % of subjects are, around each curve of a panel but those of the cascade."""
    days = population["time"].to_numpy()
    for line in _named(axes):
        courses = _shaded(panel, str(line.get_label()), population)
        if courses is None:
            continue
        x = days if panel == "drive" else _since(plan, population)
        step: Literal["post"] | None = "post" if panel == "drive" else None
        for low, high in ((5, 95), (25, 75)):
            lower, upper = (courses.sel(percentile=each).to_numpy() for each in (low, high))
            axes.fill_between(x, lower, upper, color=line.get_color(), alpha=_SHADE, linewidth=0, step=step, zorder=1)
        if panel in ("concentration", "drive"):
            first, last = axes.get_xlim()
            lowest, highest = courses.sel(percentile=[5, 95]).to_numpy()[:, (x >= first) & (x <= last)]
            bottom, top = axes.get_ylim()
            least = bottom if panel == "concentration" else min(bottom, lowest.min() / 1.15)
            axes.set_ylim(least, max(top, 1.15 * highest.max()))


def _shaded(panel: str, label: str, population: xr.Dataset) -> xr.DataArray | None:
    """Percentiles of the curve with a label, in the units of its panel."""
    if panel == "concentration":
        return population["free_concentration"].sel(compound=label)
    if panel == "occupancy":
        return 100 * population[next(name for name, (text, _) in _RECEPTORS.items() if label in (text, text + _BOTH))]
    if panel == "drive":
        return population[next(name for name, (text, _) in _FOLDS.items() if label.startswith(f"{text},"))]
    return None


def _named(axes: Axes) -> list[Line2D]:
    """Lines that have a name."""
    return [line for line in axes.lines if not str(line.get_label()).startswith("_")]


def _since(plan: Scenario, mechanism: xr.Dataset) -> Array:
    """Hours since the first dose."""
    first = min(start for dose in drug_doses(plan.regimen.doses) for start in dose.days)
    hours: Array = 24 * (mechanism["time"].to_numpy() - first)
    return hours


def _end(hours: Array, courses: Sequence[Array], until: float) -> float:
    """Hours until all courses have fallen to a small share of their peaks, within the time to the next dose."""
    shown = hours <= until
    last = 0.0
    for course in courses:
        size = np.abs(course[shown])
        if size.max() > 0:
            last = max(last, float(hours[shown][size > _FALLEN * size.max()][-1]))
    return min(max(1.05 * last, 0.5), until)


def _until_next(plan: Scenario, hours: Array) -> float:
    """Hours from the first dose to the next one of the same drug, or to the end."""
    starts = sorted(day for dose in drug_doses(plan.regimen.doses)[:1] for day in dose.days)
    return min(24 * (starts[1] - starts[0]), 48.0) if len(starts) > 1 else float(hours[-1])


def _compounds(mechanism: xr.Dataset) -> list[tuple[str, Array]]:
    """Free concentrations of the compounds that matter, highest first."""
    free = mechanism["free_concentration"]
    courses = [(str(name), free.sel(compound=name).to_numpy()) for name in free["compound"].to_numpy().tolist()]
    courses.sort(key=lambda each: -each[1].max())
    highest = courses[0][1].max()
    return [each for each in courses if each[1].max() > _PRESENT * highest][:_MOST_COMPOUNDS]


def _concentration(axes: Axes, plan: Scenario, mechanism: xr.Dataset) -> None:
    hours, courses = _since(plan, mechanism), _compounds(mechanism)
    others = iter(_OTHERS)
    for name, course in courses:
        colour = _DRUGS.get(name) or next(others)
        axes.plot(hours, course, color=colour, linewidth=1.4, label=name)
    peaks = [course.max() for _, course in courses]
    axes.set_yscale("log")
    axes.set_ylim(_FALLEN * min(peaks), 2 * max(peaks))
    # As long as it engages receptors: metabolites may stay for days.
    engaged = [course for course, _ in _engaged(mechanism).values()] or [courses[0][1]]
    _finish(axes, "free in brain (nM)", _end(hours, engaged, _until_next(plan, hours)))


def _engaged(mechanism: xr.Dataset) -> dict[str, tuple[Array, str]]:
    """Course and colour of receptors that are engaged, by label.

    Those that antagonists do not reach have a line of their own where that makes a difference.
    """
    courses = {name: mechanism[name].to_numpy() for name in _RECEPTORS}
    alike = np.allclose(courses["agonism_5ht2a_intracellular"], courses["agonism_5ht2a"], atol=_SEEN)
    if alike:
        del courses["agonism_5ht2a_intracellular"]
    shown = {
        _RECEPTORS[name][0] + (_BOTH if alike and name == "agonism_5ht2a" else ""): (course, _RECEPTORS[name][1])
        for name, course in courses.items()
    }
    colours = cycle(_TARGETS)
    for name in mechanism["target"].to_numpy().tolist() if "target" in mechanism.coords else ():
        for share, word in (("activation", "activated"), ("block", "blocked")):
            course = mechanism[f"target_{share}"].sel(target=name).to_numpy()
            if course.max() > _SEEN:
                shown[f"{name}, {word}"] = course, next(colours)
    return {label: each for label, each in shown.items() if each[0].max() > _SEEN}


def _occupancy(axes: Axes, plan: Scenario, mechanism: xr.Dataset) -> None:
    hours, engaged = _since(plan, mechanism), _engaged(mechanism)
    for label, (course, colour) in engaged.items():
        axes.plot(hours, 100 * course, color=colour, linewidth=1.4, label=label)
    axes.set_ylim(0, 105)
    _finish(
        axes, "receptors engaged (%)", _end(hours, [course for course, _ in engaged.values()], _until_next(plan, hours))
    )


def _cascade(axes: Axes, plan: Scenario, mechanism: xr.Dataset) -> None:
    hours, shown = _since(plan, mechanism), []
    until = _until_next(plan, hours)
    for name, (label, colour) in _CASCADE.items():
        course = mechanism[name].to_numpy()
        peak = np.abs(course[hours <= until]).max()
        if peak > _NOTHING:
            shown.append(course)
            axes.plot(hours, 100 * course / peak, color=colour, linewidth=1.4, label=label)
    axes.axhline(0, color=_LINE, linewidth=0.8, zorder=0)
    axes.set_ylim(min(axes.get_ylim()[0], -3), 112)
    _finish(axes, "cascade (% of its peak)", _end(hours, shown, until))


def _drive(axes: Axes, plan: Scenario, mechanism: xr.Dataset) -> None:
    first, last = plan.schedule.sessions[0], plan.schedule.sessions[-1]
    days = mechanism["time"].to_numpy()
    inside = (days >= first) & (days <= last)
    axes.axhline(1, color=_LINE, linewidth=0.8, zorder=0)
    extremes = []
    for name, (label, colour) in _FOLDS.items():
        course = mechanism[name].to_numpy()[inside]
        axes.plot(days[inside], course, color=colour, linewidth=1.6, drawstyle="steps-post", label=label)
        extremes += [course.min(), course.max()]
        extreme = course[np.argmax(np.abs(np.log(course)))]
        axes.lines[-1].set_label(f"{label}, up to {extreme:.2g}" if extreme > 1 else f"{label}, down to {extreme:.2g}")
        if extreme == 1:
            axes.lines[-1].set_label(f"{label}, unchanged")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylim(min(0.5, *extremes) / 1.15, max(2.0, *extremes) * 1.15)
    axes.minorticks_off()
    for dose in drug_doses(plan.regimen.doses):
        for day in dose.days:
            axes.axvline(day, color=_LINE, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlim(first, last)
    axes.set_title("drive (fold)")
    axes.set_xlabel("day")


def _finish(axes: Axes, title: str, end: float) -> None:
    axes.set_xlim(-0.04 * end, end)
    axes.set_title(title)
    axes.set_xlabel("hours since the first dose")
