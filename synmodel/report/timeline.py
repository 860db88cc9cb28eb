"""The timeline of a scenario: doses, conditions and imaging sessions over days, one lane for each."""

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synmodel.pharmacology import dose_text, drug_doses
from synmodel.report.style import GREY, colours_of, style, width
from synmodel.scenario import Scenario, Spell

__all__ = ["timeline_figure"]

_LINE = "#bbbbbb"
_CONDITION = "#8C6BB1"
_TITLE_WIDTH = 40  # characters that fit between the lanes' names and the edge


def timeline_figure(plans: Sequence[Scenario], *, look: str = "page") -> Figure:
    """One panel for each scenario on the same axis of days.

    Parameters
    ----------
    plans : sequence of Scenario
        One or several.
    look : str
        One of :data:`synmodel.report.style.LOOKS`.
    """
    heights = [2 + len(plan.regimen.doses) + len(_spells(plan)) for plan in plans]
    with style(look), mpl.rc_context({"text.parse_math": False}):
        unit = 0.042 * width(look)
        figure = Figure(figsize=(width(look), unit * sum(heights) + 0.09 * width(look) * (1 + 0.3 * len(plans))))
        figure.set_layout_engine("constrained")
        panels = figure.subplots(len(plans), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        for axes, plan in zip(panels, plans, strict=True):
            _draw(axes, plan)
        panels[-1].set_xlabel("day since the first dose of the drug")
        first, last = (f(f(_days(plan)) for plan in plans) for f in (min, max))
        margin = 0.03 * max(last - first, 1e-3)
        panels[-1].set_xlim(first - margin, last + margin)
    return figure


def _days(plan: Scenario) -> list[float]:
    doses = [day for dose in plan.regimen.doses for day in (dose.days[0], dose.days[-1] + dose.duration_day)]
    return [*plan.schedule.sessions, *doses, *(edge for spell in _spells(plan) for edge in spell.edges)]


def _spells(plan: Scenario) -> list[Spell]:
    return [*([plan.subject.stress] if plan.subject.stress is not None else []), *plan.regimen.treatments]


def _when(day: float) -> str:
    """When a dose is first given, in words that can be read; empty for day 0."""
    if abs(day) >= 1:
        return f", day {day:.3g}".replace("-", "\N{MINUS SIGN}")
    hours = 24 * abs(day)
    span = f"{hours:.3g} h" if hours >= 1 else f"{60 * hours:.3g} min"
    return f", {span} {'before' if day < 0 else 'after'} day 0" if day else ""


def _draw(axes: Axes, plan: Scenario) -> None:
    axes.set_label(plan.name)
    lanes: list[str] = []
    sessions = plan.schedule.sessions
    drugs = drug_doses(plan.regimen.doses)
    compounds = {dose: dose.compound if dose in drugs else "" for dose in plan.regimen.doses}
    names = list(dict.fromkeys(compounds.values()))
    colours = dict(zip(names, colours_of(names), strict=True))
    for dose in plan.regimen.doses:
        lane, colour = len(lanes), colours[compounds[dose]]
        for day in dose.days:
            if dose.duration_day > 0.002 * (sessions[-1] - sessions[0]):
                axes.barh(lane, dose.duration_day, left=day, height=0.5, color=colour)
        axes.plot(dose.days, np.full(len(dose.days), lane), "v", color=colour)
        times = f", {dose.repeat} times" if dose.repeat > 1 else ""
        lanes.append(dose_text(dose) + times + _when(dose.day))
    if not plan.regimen.doses:
        lanes.append("no dose (vehicle)")
    for spell in _spells(plan):
        first = min(_days(plan)) if spell.from_day is None else spell.from_day
        last = max(_days(plan)) if spell.to_day is None else spell.to_day
        axes.barh(len(lanes), last - first, left=first, height=0.5, color=_CONDITION, alpha=0.45)
        strength = f", strength {spell.strength:g}" if spell.strength != 1 else ""
        lanes.append(spell.name + strength)
    lane = len(lanes)
    axes.plot([sessions[0], sessions[-1]], [lane, lane], color=_LINE, zorder=1)
    axes.plot(sessions, np.full(len(sessions), lane), "|", color="black", markersize=11, markeredgewidth=1.6)
    lanes.append(f"imaging, {len(sessions)} sessions")
    axes.axvline(0, color=_LINE, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    who = [plan.subject.species] + ([plan.subject.genotype] if plan.subject.genotype != "wild-type" else [])
    cohort = f"{plan.cohort.animals} animals, {plan.cohort.dendrites_per_animal} dendrites each"
    title = textwrap.shorten(plan.title or plan.name, 2 * _TITLE_WIDTH, placeholder=" ...")
    axes.set_title(textwrap.fill(title, _TITLE_WIDTH) + "\n")
    axes.text(
        0, 1.02, f"{', '.join(who)}; {cohort}", transform=axes.transAxes, color=GREY, va="bottom", fontsize="small"
    )
