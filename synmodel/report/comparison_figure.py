"""The figure of scenarios compared: what drives the spines, how many there are, how many are extra, and contrasts.

Formation and elimination above, then density and extra spines over days, all with the interval of the posterior; below,
one row for each pair and one column for each question, with the same draws in both scenarios.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from synmodel.analysis.caveats import contradiction_lines
from synmodel.analysis.contrasts import Compared, ScenarioContrast
from synmodel.analysis.intervals import with_ends
from synmodel.analysis.lineup import VEHICLE, Entry
from synmodel.pharmacology import drug_doses
from synmodel.report.style import GREY, colours_of, style

__all__ = ["scenarios_figure"]

Array = NDArray[np.float64]
_LINE, _WARNING = "#999999", "#B00020"
_WARNING_WIDTH = 118
_WEEK_DAY = 7.0
_MOST_PAIRS = 30
_KEYS = 3  # names in a line
_DASH = (0, (4, 2))
_ALIKE = 1e-3  # curves that differ by less lie on one another


def scenarios_figure(result: Compared) -> Figure:
    """Courses of all scenarios on shared axes, and their contrasts as a forest; contradictions above all else."""
    entries = result.lineup.entries
    colours = dict(zip((each.label for each in entries), _colours(entries), strict=True))
    pairs = list(dict.fromkeys((each.a, each.b) for each in result.contrasts))[:_MOST_PAIRS]
    columns = _questions(result, pairs)
    said = [line for each in contradiction_lines(result.checked) for line in textwrap.wrap(each, _WARNING_WIDTH)]
    heights = (0.2 * -(-len(entries) // _KEYS), 2.0, 3.5, 0.8 + 0.36 * len(pairs))
    # Names are data: a dollar sign in them is no formula.
    with style(), mpl.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(10.6, sum(heights) + 1.0 + 0.17 * len(said)), layout="constrained")
        if said:
            figure.suptitle("\n".join(said), x=0.01, ha="left", color=_WARNING, fontsize=9, fontweight="bold")
        parts = figure.add_gridspec(4, 1, height_ratios=heights)
        top, middle = (parts[k].subgridspec(1, 2) for k in (1, 2))
        _draw_key(figure.add_subplot(parts[0]), colours)
        shown = {"formation_fold": figure.add_subplot(top[0]), "elimination_fold": figure.add_subplot(top[1])}
        if np.nan_to_num(result.dataset["extra_spines"].to_numpy()).any():
            shown |= {"density": figure.add_subplot(middle[0]), "extra_spines": figure.add_subplot(middle[1])}
        else:
            shown["density"] = figure.add_subplot(middle[:])
        _draw_courses(shown, result, colours)
        forest = parts[3].subgridspec(1, max(len(columns), 1))
        axes = [figure.add_subplot(forest[k]) for k in range(len(columns))]
        _draw_forest(axes, columns, pairs, colours)
        figure.supxlabel(_meaning(result), x=0.01, ha="left", color=GREY, fontsize=8)
    return figure


def _draw_key(axes: Axes, colours: Mapping[str, str]) -> None:
    """Names of the scenarios beside their colours."""
    axes.set_label("key")
    axes.axis("off")
    lines = [Line2D([], [], color=colour, linewidth=2.0, label=label) for label, colour in colours.items()]
    axes.legend(handles=lines, loc="upper left", ncols=min(_KEYS, len(lines)), fontsize=9, borderaxespad=0)


def _colours(entries: Sequence[Entry]) -> list[str]:
    """A colour for each: that of the arm of its doses and genotype, where there is one."""
    names = []
    for each in entries:
        doses = sorted(drug_doses(each.plan.regimen.doses), key=lambda dose: dose.day)
        name = "+".join(dict.fromkeys(dose.compound for dose in doses))
        lacks = name and each.plan.subject.genotype.endswith("knock-out")
        names.append(f"{name}+knock-out" if lacks else name)
    return colours_of(names)


# -- courses ---------------------------------------------------------------------------------------------------


def _draw_courses(shown: Mapping[str, Axes], result: Compared, colours: Mapping[str, str]) -> None:
    """Four panels over days, every scenario in its colour; dashed beyond its last session."""
    dataset, entries = result.dataset, result.lineup.entries
    titles = {
        "formation_fold": "Formation (fold)",
        "elimination_fold": "Elimination (fold)",
        "density": "Spines, change since the first session (%)",
        "extra_spines": f"Extra spines, against {_against(result)} (%)",
    }
    doses = {day for each in entries for dose in drug_doses(each.plan.regimen.doses) for day in dose.days}
    for name, axes in shown.items():
        axes.set_label(name)
        scale = 1.0 if name in ("formation_fold", "elimination_fold") else 100.0
        values = scale * dataset[name].sel(scenario=[each.label for each in entries]).to_numpy()
        for k, each in enumerate(entries):
            if name == "extra_spines" and each.label == result.lineup.control:
                continue
            # Of lines that lie on one another the first are wider, so that all are seen.
            wider = sum(
                np.allclose(values[k, 0], other[0], rtol=0, atol=_ALIKE, equal_nan=True) for other in values[k + 1 :]
            )
            _draw_course(axes, dataset["day"].to_numpy(), values[k], each, colours[each.label], 1.8 + 2.2 * wider)
            if name == "density" and result.lineup.reference(each).label == VEHICLE and each.gives_drugs:
                without = values[k, 0] - 100 * dataset["extra_spines"].sel(scenario=each.label).to_numpy()[0]
                axes.plot(dataset["day"], without, color=colours[each.label], linewidth=1.0, linestyle=":")
        axes.axhline(1.0 if scale == 1.0 else 0.0, color=_LINE, linewidth=0.8, zorder=0)
        for day in sorted(doses):
            if dataset["day"][0] <= day <= dataset["day"][-1]:
                axes.axvline(day, color=_LINE, linewidth=0.7, linestyle=":", zorder=0)
        axes.set(title=titles[name], xlabel="day")
        axes.margins(x=0.01)
        if scale == 1.0:
            axes.set_yscale("log", base=2)
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            low, high = axes.get_ylim()
            axes.set_ylim(min(low, 0.7), max(high, 1.4))


def _draw_course(axes: Axes, day: Array, curve: Array, entry: Entry, colour: str, width: float) -> None:
    """The estimate with the interval of the draws, dashed beyond the last session."""
    known = np.isfinite(curve[0])
    day, band = day[known], with_ends(curve[:, known])
    if np.isfinite(band[1]).all():
        axes.fill_between(day, band[1], band[2], color=colour, alpha=0.13, linewidth=0)
    last = entry.plan.schedule.sessions[-1]
    axes.plot(day[day <= last], band[0][day <= last], color=colour, linewidth=width)
    if day[-1] > last:
        axes.plot(day[day >= last], band[0][day >= last], color=colour, linewidth=width, linestyle=_DASH)


def _meaning(result: Compared) -> str:
    """What the marks mean, of those that are drawn."""
    parts = ["rows: the first less the second"]
    if result.draws[1]:
        parts.append("bands and bars: 95 % of the posterior")
    entries = result.lineup.entries
    any_drug = any(each.gives_drugs for each in entries)
    if result.lineup.control in (None, VEHICLE) and any_drug:
        parts.append("thin dots: the same animals without doses")
    if len({each.plan.schedule.sessions[-1] for each in entries}) > 1:
        parts.append("dashed: beyond the last session")
    return "; ".join([*parts, *(["upright dots: doses"] if any_drug else [])])


def _against(result: Compared) -> str:
    control = result.lineup.control
    return "the same animals without doses" if control in (None, VEHICLE) else str(control)


# -- forest ----------------------------------------------------------------------------------------------------


class _Question(NamedTuple):
    """One column of the forest: its title, and the contrast of every pair that has one."""

    title: str
    answers: dict[tuple[str, str], ScenarioContrast]


def _questions(result: Compared, pairs: Sequence[tuple[str, str]]) -> list[_Question]:
    """Spines gained after the dose, where both have one study as baseline; extra spines after a day, a week, in all."""
    plans = {each.label: each.plan for each in result.lineup.entries}
    doses = [day for plan in plans.values() for dose in drug_doses(plan.regimen.doses) for day in dose.days]
    first = min(doses, default=0.0)
    after = [
        each for each in result.contrasts if (each.a, each.b) in pairs and each.end_day > first
    ]  # fmt: skip
    alike = [e for e in after if e.b == VEHICLE or plans[e.a].baseline == plans[e.b].baseline]
    extra = sorted({entry.end_day for entry in after if entry.quantity == "extra_spines"})
    if not extra:  # no drugs: what levels there are
        levels = [
            _asked(after, "formation_fraction", _most_common(after, "formation_fraction")),
            _asked(after, "elimination_fraction", _most_common(after, "elimination_fraction")),
            _asked(after, "density_change", max((e.end_day for e in after), default=0.0)),
        ]
        return [question for question in levels if question.answers]
    days = dict.fromkeys(min(extra, key=lambda day: abs(day - first - wait)) for wait in (1.0, _WEEK_DAY))
    asked = [
        _asked(alike, "formation_fraction", _most_common(alike, "formation_fraction")),
        *(_asked(after, "extra_spines", day) for day in dict.fromkeys((*days, extra[-1]))),
        _asked(after, "extra_spines_area", extra[-1]),
    ]
    return [question for question in asked if question.answers]


def _most_common(entries: Sequence[ScenarioContrast], quantity: str) -> float:
    """End of the interval that most pairs have, the first of several."""
    ends = [entry.end_day for entry in entries if entry.quantity == quantity]
    return max(sorted(set(ends)), key=ends.count, default=0.0)


def _asked(entries: Sequence[ScenarioContrast], quantity: str, day: float) -> _Question:
    """The contrasts of one quantity whose interval ends on a day."""
    answers = {(e.a, e.b): e for e in entries if e.quantity == quantity and e.end_day == day}
    starts = {entry.start_day for entry in answers.values()}
    days = f"day {min(starts):g} to {day:g}" if len(starts) == 1 else f"up to day {day:g}"
    title = {
        "formation_fraction": f"spines gained,\n{days}\n(percentage points)",
        "elimination_fraction": f"spines lost,\n{days}\n(percentage points)",
        "density_change": f"density,\n{days}\n(% of the first session)",
        "extra_spines": f"extra spines, day {day:g}\n(% of the first session)",
        "extra_spines_area": f"extra spines, area\nup to day {day:g} (spine-days)",
    }[quantity]
    return _Question(title.replace("-", "−").replace("spine−days", "spine-days"), answers)


def _draw_forest(
    panels: Sequence[Axes],
    columns: Sequence[_Question],
    pairs: Sequence[tuple[str, str]],
    colours: Mapping[str, str],
) -> None:
    """One row for each pair, one column for each question: estimate and interval of the first minus the second."""
    for number, (axes, question) in enumerate(zip(panels, columns, strict=True)):
        axes.set_label(question.title)
        for row, pair in enumerate(pairs):
            entry = question.answers.get(pair)
            if entry is None:
                continue
            scale = 100.0 if entry.unit == "1" else 1.0
            if entry.low is not None and entry.high is not None:
                axes.plot([scale * entry.low, scale * entry.high], [row, row], color=colours[pair[0]], linewidth=1.8)
            axes.plot(scale * entry.estimate, row, "o", color=colours[pair[0]], markersize=5)
        axes.axvline(0, color=_LINE, linewidth=0.8, zorder=0)
        axes.set_ylim(len(pairs) - 0.5, -0.5)
        axes.set_yticks(range(len(pairs)), [f"{a}\n− {b}" for a, b in pairs] if number == 0 else [])
        axes.tick_params(axis="y", length=0, labelsize=7.5)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines["left"].set_visible(False)
        axes.set_title(question.title, fontsize=8.5)
        axes.margins(x=0.08)
