"""An estimation plot (Gardner and Altman 1986): every mouse a dot, and the difference from the control.

With one arm beside its control the difference stands at the right, on an axis whose 0 is the mean of the control; with
several, below them (Ho et al. 2019, doi:10.1038/s41592-019-0470-3).
"""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from synmodel.inference.conventional.estimation import Difference, Groups
from synmodel.report.style import colours_of, style, width

__all__ = ["estimation_figure"]

Array = NDArray[np.float64]
_WORDS = {
    "formation_fraction": "spines gained (%)",
    "elimination_fraction": "spines lost (%)",
    "density_change": "change of density (%)",
}
_LINE = "#999999"
_HALF = 0.28  # width of a half violin, in places of arms


def estimation_figure(groups: Groups, differences: Sequence[Difference], *, look: str = "page") -> Figure:
    """Means of mice by arm and differences from the control.

    Parameters
    ----------
    groups : Groups
        Means of mice.
    differences : sequence of Difference
        Of every other arm, in their order.
    look : str
        One of :data:`synmodel.report.style.LOOKS`.
    """
    # Names of arms are data: a dollar sign in them is no formula.
    with style(look), mpl.rc_context({"text.parse_math": False}):
        colours = colours_of(["", *(each.arm for each in differences)])
        inch = width(look)
        if len(differences) == 1:
            figure = Figure(figsize=(0.62 * inch, 0.5 * inch), layout="constrained")
            left, right = figure.subplots(1, 2, width_ratios=(2, 1))
            _draw_mice(left, groups, colours)
            _beside(left, right, groups, differences[0], colours[1])
        else:
            figure = Figure(figsize=(inch * min(1.0, 0.25 + 0.17 * len(colours)), 0.75 * inch), layout="constrained")
            left, right = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
            _draw_mice(left, groups, colours)
            _below(right, differences, colours[1:])
        left.set_title(f"day {groups.start_day:g} to {groups.end_day:g}".replace("-", "\N{MINUS SIGN}"))
        left.set_ylabel(_WORDS[groups.quantity])
    return figure


def _draw_mice(axes: Axes, groups: Groups, colours: Sequence[str]) -> None:
    axes.set_label("mice")
    for place, ((_, values), colour) in enumerate(zip(groups.means.items(), colours, strict=True)):
        axes.plot(place + _aside(values), 100 * values, "o", color=colour, markeredgecolor="white", markeredgewidth=0.5)
        mean, sd = 100 * values.mean(), 100 * (values.std(ddof=1) if len(values) > 1 else 0.0)
        axes.plot([place + 0.24] * 2, [mean - sd, mean + sd], color=colour, linewidth=1.8)
        axes.plot(place + 0.24, mean, "o", color="white", markeredgecolor=colour, markersize=4)
    axes.set_xticks(range(len(colours)), [_label(groups, arm) for arm in groups.means])
    axes.set_xlim(-0.5, len(colours) - 0.5)


def _label(groups: Groups, arm: str) -> str:
    return f"{arm}\n{len(groups.means[arm])} mice,\n{groups.dendrites[arm]} dendrites"


def _aside(values: Array) -> Array:
    """Places beside one another for values that would hide each other: the nth of a close group n steps out."""
    step, near = 0.07, 0.03 * max(np.ptp(values), 1e-12) + 1e-12
    order, places = np.argsort(values, kind="stable"), np.zeros(len(values))
    run, last = 0, -np.inf
    for at in order:
        run = run + 1 if values[at] - last < near else 0
        places[at], last = step * ((run + 1) // 2) * (-1) ** run, values[at]
    return places


def _beside(left: Axes, right: Axes, groups: Groups, difference: Difference, colour: str) -> None:
    """The difference at the right, level with the means: its 0 is the mean of the control."""
    base = 100 * groups.means[groups.control].mean()
    ends = [100 * each for each in (difference.bootstrap_low, difference.bootstrap_high) if np.isfinite(each)]
    if len(difference.draws):
        ends += (100 * np.quantile(difference.draws, [0.002, 0.998])).tolist()
    low = min([left.get_ylim()[0], *(base + end for end in ends)])
    high = max([left.get_ylim()[1], *(base + end for end in ends)])
    left.set_ylim(low, high)
    right.set_label("difference")
    right.set_ylim(low - base, high - base)
    right.yaxis.tick_right()
    right.yaxis.set_label_position("right")
    right.spines["right"].set_visible(True)
    right.spines["left"].set_visible(False)
    _draw_difference(right, 0.0, difference, colour)
    for axes, x, level in ((left, 0.24, base), (left, 1.24, base + 100 * difference.estimate)):
        axes.plot([x, 1.5], [level, level], color=_LINE, linewidth=0.8, zorder=0)
    right.axhline(0, color=_LINE, linewidth=0.8, zorder=0)
    right.axhline(100 * difference.estimate, xmax=0.5, color=_LINE, linewidth=0.8, zorder=0)
    right.set_xticks([0], [f"{difference.arm}\nminus {groups.control}"])
    right.set_xlim(-0.5, 0.6)
    right.set_ylabel("difference (percentage points), 95 %")
    right.set_title(_said(difference))


def _below(axes: Axes, differences: Sequence[Difference], colours: Sequence[str]) -> None:
    axes.set_label("difference")
    for place, (difference, colour) in enumerate(zip(differences, colours, strict=True), 1):
        _draw_difference(axes, float(place), difference, colour)
        axes.annotate(
            _said(difference),
            (place, 0),
            (place, 0.02),
            ("data", "axes fraction"),
            ha="center",
            va="bottom",
            color=colour,
        )
    axes.axhline(0, color=_LINE, linewidth=0.8, zorder=0)
    axes.margins(y=0.25)
    axes.set_ylabel("difference from control\n(percentage points), 95 %")


def _draw_difference(axes: Axes, place: float, difference: Difference, colour: str) -> None:
    if len(difference.draws) and np.ptp(difference.draws) > 0:
        drawn = 100 * difference.draws
        grid = np.linspace(drawn.min(), drawn.max(), 200)
        density = gaussian_kde(drawn)(grid)
        axes.fill_betweenx(grid, place, place + _HALF * density / density.max(), color=colour, alpha=0.25, linewidth=0)
    if np.isfinite(difference.bootstrap_low):
        axes.plot(
            [place] * 2, [100 * difference.bootstrap_low, 100 * difference.bootstrap_high], color=colour, linewidth=2.2
        )
    axes.plot(place, 100 * difference.estimate, "o", color=colour)


def _said(difference: Difference) -> str:
    text: str = f"{100 * difference.estimate:+.1f}"
    if np.isfinite(difference.bootstrap_low):
        text += f"\n({100 * difference.bootstrap_low:.1f} to {100 * difference.bootstrap_high:.1f})"
    else:
        text += "\n(too few mice)"
    return str(text).replace("-", "\N{MINUS SIGN}")
