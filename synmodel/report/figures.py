"""Figures: what was observed, what was fitted, how surely.

Colours and style are those of :mod:`synmodel.report.style`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synmodel.analysis.embedded import embedded_arms, embedded_comparison
from synmodel.core.errors import SynmodelError
from synmodel.data import load_summaries
from synmodel.inference.summaries.estimate import LEVEL, Estimate
from synmodel.inference.summaries.problem import ArmPrediction
from synmodel.inference.summaries.targets import ArmTargets
from synmodel.pharmacology import acting_doses
from synmodel.report.days import BREAK_DAY, FAR_DAY, compress, stretch
from synmodel.report.style import COLOURS, GREY, colours_of, panels, style
from synmodel.scenario import Subject
from synmodel.simulation import exposure_of

if TYPE_CHECKING:
    from synmodel.inference import Fit
    from synmodel.inference.summaries.verdicts import Profiles

__all__ = [
    "COLOURS",
    "GREY",
    "colours_of",
    "comparison_figure",
    "draw_band",
    "draw_published",
    "panels",
    "profile_figure",
    "residual_figure",
    "style",
]

Array = NDArray[np.float64]
_ENGAGED = {
    "nmda_block_interneuron": "NMDA receptors blocked\n(interneurons)",
    "agonism_5ht2a": "5-HT2A receptors activated",
}
_ROWS = {
    "formation_fraction": "spines gained\n(% per interval)",
    "elimination_fraction": "spines lost\n(% per interval)",
    "density_change": "spine density, change\nfrom day −3 (%)",
}
_DRAWS = 120


def _colour(arm: str) -> str:
    return colours_of([arm])[0]


def draw_band(axes: Axes, x: Array, band: Array, colour: str, label: str | None = None, style: str = "-") -> None:
    """A curve with its interval.

    Parameters
    ----------
    band : (3, n) ndarray
        Estimate, low and high at ``x``.
    """
    axes.fill_between(x, band[1], band[2], color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, band[0], style, color=colour, linewidth=1.6, label=label)


def draw_published(axes: Axes, study: str, arm: str, quantity: str, colour: str, *, until: float = 8.0) -> None:
    """Published changes of an arm since its first session [%], means with SEM over mice, as diamonds.

    Parameters
    ----------
    quantity : str
        ``density_change`` or ``head_width_change``.
    until : float
        Last day that is shown.
    """
    rows = load_summaries(study, arm)
    chosen = rows.isel(point=np.flatnonzero((rows["quantity"] == quantity) & (rows["end_day"] <= until)))
    mean, sem = 100 * chosen["mouse_mean"], 100 * chosen["mouse_sem"]
    axes.errorbar(chosen["end_day"], mean, sem, fmt="D", color=colour, markersize=4, elinewidth=1.0)


def comparison_figure(source: Estimate, curves: Mapping[str, xr.Dataset], *, seed: int) -> Figure:
    """The main result on one page.

    Top row, both drugs on the same axes: from concentration to occupied receptors, formation and elimination. Then
    spines gained and lost per interval, and density; points with SEM over the unit of replication as observed, lines
    and bands (95 %) as fitted; grey is the vehicle. Bottom: extra spines that one dose leaves over five weeks.

    Parameters
    ----------
    source : Estimate
        The joint posterior, or a fit.
    curves : mapping of str to Dataset
        For each drug the curves of :func:`synmodel.analysis.comparison.contrasts`.
    seed : int
        Of the parameter draws behind the bands.
    """
    targets = {(t.study.name, t.arm.name): t for t in source.problem.arms}
    draws = _possible_draws(source, seed)
    with style():
        figure = Figure(figsize=(12.0, 13.5), layout="constrained")
        grid = figure.add_gridspec(5, 4, height_ratios=(1.05, 1.0, 0.8, 1.0, 1.2))
        _draw_causes([figure.add_subplot(grid[0, column]) for column in range(4)], source, curves)
        for row, (quantity, label) in enumerate(_ROWS.items()):
            for column, panel in enumerate(embedded_comparison().panels):
                axes = figure.add_subplot(grid[row + 1, column])
                for arm, colour in ((panel.control, GREY), (panel.arm, _colour(panel.arm))):
                    _draw_arm(axes, source, targets[panel.study, arm], quantity, draws, colour)
                _dress(axes, targets[panel.study, panel.arm], quantity)
                if row == 0:
                    axes.set_title(f"{panel.title}\n")
                    axes.text(
                        0, 1.03, f"{panel.paper}; grey: vehicle", transform=axes.transAxes, color=GREY, fontsize=8
                    )
                if column == 0:
                    axes.set_ylabel(label)
                if row == len(_ROWS) - 1:
                    axes.set_xlabel("day (sessions; dose at the dotted line)", fontsize=8)
        _draw_gain(figure.add_subplot(grid[-1, :]), source, curves)
    return figure


def _draw_causes(panels: list[Axes], source: Estimate, curves: Mapping[str, xr.Dataset]) -> None:
    """Concentration, occupancy, formation and elimination of both drugs, from left to right."""
    targets = {(t.study.name, t.arm.name): t for t in source.problem.arms}
    values = source.values
    for drug, shown in embedded_arms().items():
        target, colour, compound, engaged = targets[shown.study, drug], _colour(drug), shown.compound, shown.engaged
        exposure = exposure_of(target.arm.doses, Subject(species=target.study.species), [-0.05, 0.3], values)
        hours = 24.0 * exposure["time"].to_numpy()
        free = exposure["free_concentration"].sel(compound=compound).to_numpy()
        panels[0].plot(hours, free, color=colour, label=f"{compound}, {free.max():.0f} nM at the peak")
        panels[1].plot(hours, 100 * exposure[engaged].to_numpy(), color=colour, label=_ENGAGED[engaged])
        for axes, name in ((panels[2], "formation_fold"), (panels[3], "elimination_fold")):
            draw_band(axes, curves[drug]["day"].to_numpy(), curves[drug][name].to_numpy(), colour, drug)
    panels[0].set(title="1  Drug in the brain", ylabel="free concentration (nM)", yscale="log", ylim=(1, None))
    panels[1].set(title="2  Receptors, for hours", ylabel="engaged (%)", ylim=(0, 100))
    panels[2].set(
        title="3  Formation, for days", ylabel="formation, fold over baseline", xlim=(-0.2, 7), ylim=(0, None)
    )
    panels[3].set(
        title="4  Elimination, for weeks", ylabel="elimination, fold over baseline", xlim=(-1, 35), ylim=(0, 1.6)
    )
    for axes in panels[:2]:
        axes.set(xlabel="hour after the dose", xlim=(-0.3, 6))
        axes.legend(loc="upper right", fontsize=8)
    for axes in panels[2:]:
        axes.axhline(1, color="#999999", linewidth=0.8, zorder=0)
        axes.set_xlabel("day after the dose")
        axes.legend(loc="upper right", fontsize=8)


class _Draw(NamedTuple):
    """Parameter values by name and the expected statistics of every arm."""

    values: dict[str, float]
    predictions: dict[tuple[str, str], ArmPrediction]


def _possible_draws(fit: Estimate, seed: int) -> list[_Draw]:
    """The estimate, then draws around it at which dendrites are possible."""
    possible = [_Draw(fit.values, fit.problem.predict(fit.values))]
    for vector in fit.draws(_DRAWS, seed):
        values = fit.problem.values(vector)
        try:
            possible.append(_Draw(values, fit.problem.predict(values)))
        except SynmodelError:
            continue
    return possible


def _band(curves: list[Array]) -> Array:
    """(3, n) estimate, low and high, in per cent; the first curve is the estimate."""
    tails = np.quantile(curves[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return 100 * np.stack([curves[0], *tails])


def _draw_arm(axes: Axes, fit: Estimate, target: ArmTargets, quantity: str, draws: list[_Draw], colour: str) -> None:
    means = next(m for m in target.turnover if m.quantity == quantity)
    if quantity == "density_change":
        first, last = target.sessions[[0, -1]]
        fine, coarse = np.arange(first, min(last, BREAK_DAY), 0.5), np.arange(BREAK_DAY, last, 2.0)
        days = np.unique(np.concatenate([target.sessions, fine, coarse]))
        curves = [
            np.append(0.0, fit.problem.expected_on(target, draw.values, days[1:]).expected.density_change)
            for draw in draws
        ]
        estimate, low, high = _band(curves)
        axes.fill_between(days, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(days, estimate, color=colour, linewidth=1.6)
        middle = means.end
    else:
        where = (target.study.name, target.arm.name)
        curves = [draw.predictions[where].of(quantity)[means.at] for draw in draws]
        for k, (estimate, low, high) in enumerate(_band(curves).T):
            span = (means.start[k], means.end[k])
            axes.fill_between(span, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(span, (estimate, estimate), color=colour, linewidth=1.6)
        middle = 0.5 * (means.start + means.end)
        if means.end[-1] > FAR_DAY:
            middle = stretch(0.5 * (compress(means.start) + compress(means.end)))
    axes.errorbar(
        middle,
        100 * means.mean,
        100 * means.sem(fit.problem.unit),
        fmt="o",
        color=colour,
        markersize=4,
        markerfacecolor="white" if colour == GREY else colour,
        elinewidth=1.0,
        zorder=3,
    )


def _dress(axes: Axes, target: ArmTargets, quantity: str) -> None:
    """Sessions as ticks, a compressed axis with a break before a far session, the dose as a dotted line."""
    axes.axvline(0, color="#999999", linewidth=0.8, linestyle=":", zorder=0)
    sessions = target.sessions
    last = sessions[-1] + 0.6
    if sessions[-1] > FAR_DAY:
        axes.set_xscale("function", functions=(compress, stretch))
        last = stretch(compress(sessions[-1]) + 0.6)
        foot = axes.get_xaxis_transform()
        gap = stretch(np.array([BREAK_DAY + 0.6, BREAK_DAY + 1.0]))
        axes.plot(gap, [0, 0], transform=foot, clip_on=False, color="white", linewidth=3, zorder=9)
        axes.text(gap.mean(), 0, "//", transform=foot, ha="center", va="center", fontsize=9, zorder=10)
    axes.set_xticks(sessions, [f"{day:g}".replace("-", "−") for day in sessions])
    axes.minorticks_off()
    axes.set_xlim(sessions[0] - 0.6, last)
    if quantity == "density_change":
        axes.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    else:
        axes.set_ylim(bottom=0)


def _draw_gain(axes: Axes, fit: Estimate, curves: Mapping[str, xr.Dataset]) -> None:
    """Extra spines over five weeks; dashed where no session of the drug's arm lies."""
    for drug, curve in curves.items():
        last = max(float(t.sessions[-1]) for t in fit.problem.arms if t.arm.name == drug)
        day = curve["day"].to_numpy()
        estimate, low, high = 100 * curve["gain"].to_numpy()
        colour = _colour(drug)
        axes.fill_between(day, low, high, color=colour, alpha=0.15, linewidth=0)
        seen = day <= last
        axes.plot(day[seen], estimate[seen], color=colour, linewidth=2.0)
        ahead = day >= day[seen][-1]
        axes.plot(day[ahead], estimate[ahead], color=colour, linewidth=2.0, linestyle=(0, (3, 2)))
        peak = int(np.argmax(estimate))
        late = day[peak] > 0.6 * day[-1]
        text = f"{drug}: +{estimate[peak]:.0f} % on day {day[peak]:.0f} ({low[peak]:.0f} to {high[peak]:.0f})"
        axes.annotate(
            text.replace("-", "−"),
            (day[peak], estimate[peak]),
            xytext=(-4 if late else 4, 7),
            textcoords="offset points",
            ha="right" if late else "left",
            va="bottom",
            color=colour,
            fontweight="bold",
        )
    axes.axhline(0, color="#999999", linewidth=0.8)
    axes.set_title("Extra spines that one dose leaves, against the same dendrites without it")
    axes.set_xlabel("day after the dose")
    axes.set_ylabel("extra spines\n(% of spines on day 0)")
    axes.margins(x=0.01)
    axes.text(
        0.995,
        0.97,
        f"bands: 95 % interval of the fit, {fit.problem.unit} as unit; dashed: beyond the last session",
        transform=axes.transAxes,
        ha="right",
        va="top",
        color=GREY,
        fontsize=8,
    )


def residual_figure(fit: "Fit") -> Figure:
    """Standardised residuals of every published mean, by study, arm and quantity (SEM over dendrites)."""
    names = {
        "formation_fraction": "formation",
        "elimination_fraction": "elimination",
        "density_change": "density",
        "head_width_change": "head width",
    }
    residuals = fit.problem.all_standardised(fit.vector)
    layout = [entry for entry in fit.problem.layout() if entry[1] in names]
    with style():
        figure = Figure(figsize=(3.2 * max(len(fit.problem.studies), 2), 5.6), layout="constrained")
        panels = figure.subplots(1, len(fit.problem.studies), sharey=True, squeeze=False)[0]
        for axes, study in zip(panels, fit.problem.studies, strict=True):
            at, ticks, labels = 0, [], []
            for target, quantity, where in layout:
                if target.study.name != study:
                    continue
                means = next(m for m in target.means if m.quantity == quantity)
                scaled = residuals[where] * means.sem(fit.problem.unit) / means.sem_dendrite
                colour = _colour(target.arm.name) if acting_doses(target.arm.doses) else GREY
                axes.vlines(at + np.arange(len(scaled)), 0, scaled, color=colour, linewidth=2)
                axes.plot(at + np.arange(len(scaled)), scaled, "o", color=colour, markersize=3.5)
                ticks.append(at + (len(scaled) - 1) / 2)
                labels.append(f"{target.arm.name}: {names[quantity]}")
                at += len(scaled) + 2
            axes.axhspan(-2, 2, color="#eeeeee", zorder=0)
            axes.axhline(0, color="#999999", linewidth=0.8)
            axes.set_xticks(ticks, labels, rotation=90, fontsize=7)
            chi2, n = fit.chi2(study)
            axes.set_title(f"{study}\nturnover: χ² {chi2:.0f} for {n} points")
        panels[0].set_ylabel("(published − fitted) / SEM over dendrites")
    return figure


def profile_figure(profiles: "Profiles") -> Figure:
    """Profiles of drug effects: rise of -2 log posterior; the dotted line is the bound of a 95 % interval."""
    columns = 4
    rows = max(1, -(-len(profiles) // columns))
    with style():
        figure = Figure(figsize=(9.6, 2.2 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for axes in panels[len(profiles) :]:
            axes.set_visible(False)
        for axes, (name, profile) in zip(panels, profiles.items(), strict=False):
            colour = COLOURS.get(name.partition(".")[0], GREY)
            axes.plot(profile.values, profile.rise, color=colour, linewidth=1.8)
            axes.axhline(profile.bound, color="#999999", linewidth=0.8, linestyle=":")
            if name.endswith("_fold"):
                axes.axvline(1.0, color="#cccccc", linewidth=0.8, zorder=0)
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
            axes.xaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
            axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
            axes.set_ylim(0, 12)
            axes.set_title(name.replace(".", "\n"), fontsize=8)
        for axes in panels[::columns]:
            axes.set_ylabel("rise", fontsize=8)
    return figure
