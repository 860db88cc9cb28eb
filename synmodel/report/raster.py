"""A raster of single spines: one row for each spine, one column for each session, and what became of it in between.

==========  ==================================================================  ==========================
state       at a session                                                        mark
==========  ==================================================================  ==========================
gained      there, and not at the last session at which that was known          green triangle, point up
lost        not there, and there at the last session at which that was known    red cross
persistent  there, and there before; or at the first session                    grey square
absent      not there, nor before                                               nothing
unknown     censored, unsure or not imaged                                      open circle
==========  ==================================================================  ==========================

A line joins sessions at which a spine is there; dashed, where it was not known in between.
"""

import textwrap
from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from synmodel.core.errors import DataError
from synmodel.core.schema import PRESENCE, SPINES, conform, stamped
from synmodel.report.style import GREY, style, width

__all__ = ["ABSENT", "GAINED", "LOST", "MOST_ROWS", "PERSISTENT", "UNKNOWN", "fates", "presence_of", "raster_figure"]

ABSENT, PERSISTENT, GAINED, LOST, UNKNOWN = range(5)
MOST_ROWS = {"page": 150, "paper": 150, "slides": 60}
"""Look of a figure -> spines of a panel, by default: more are no longer told apart."""

_NAMES = {PERSISTENT: "persistent", GAINED: "gained", LOST: "lost", UNKNOWN: "not known (censored)"}
_MARKS = {
    PERSISTENT: ("s", "#8a8a8a", "#8a8a8a"),
    GAINED: ("^", "#009E73", "#009E73"),
    LOST: ("x", "#D55E00", "#D55E00"),
    UNKNOWN: ("o", "white", "#6b6b6b"),
}
_COLUMNS = 4
_LOWEST, _ROW = 1.4, 0.0096  # height of a panel [inch]; of a row, as a share of the width
_POINTS, _FILLED, _LARGEST_MARK = (
    72.0,
    0.62,
    0.8,
)  # points of an inch; share of a row that a mark fills; points per inch
_LINE = "#8a8a8a"


def fates(present: NDArray[np.int8]) -> NDArray[np.int8]:
    """State of every spine at every session.

    Parameters
    ----------
    present : (spine, session) ndarray of int
        1 there, 0 not there, -1 not known.

    Returns
    -------
    (spine, session) ndarray of int
        :data:`ABSENT`, :data:`PERSISTENT`, :data:`GAINED`, :data:`LOST` or :data:`UNKNOWN`.

    Examples
    --------
    >>> fates(np.array([[1, 1, 0], [0, 1, -1], [0, -1, 1]], np.int8)).tolist()
    [[1, 1, 3], [0, 2, 4], [0, 4, 2]]
    """
    states = np.full(present.shape, UNKNOWN, np.int8)
    before = np.full(len(present), -1, np.int8)  # -1: nothing known yet
    for k in range(present.shape[1]):
        now = present[:, k]
        there, gone = now == 1, now == 0
        states[there, k] = np.where(before[there] == 0, GAINED, PERSISTENT)
        states[gone, k] = np.where(before[gone] == 1, LOST, ABSENT)
        before = np.where(now >= 0, now, before)
    return states


def presence_of(spines: xr.Dataset, *, animals: int, dendrites: int, name: str = "") -> xr.Dataset:
    """Presence of simulated spines, as they are: nothing is overlooked.

    Parameters
    ----------
    spines : Dataset
        :data:`synmodel.core.schema.SPINES` of one replicate, from :func:`synmodel.simulation.histories`.
    animals, dendrites : int
        Animals, and dendrites of each.
    name : str
        Of the arm.
    """
    conform(spines, SPINES)
    there = (spines["spine_class"].to_numpy() >= 0).astype(np.int8)
    row = spines["dendrite"].to_numpy()
    seen = there.any(axis=1)  # formed and lost between two sessions: no one sees it
    n = int(seen.sum())
    content = {"present": (("spine", "session"), there[seen])}
    coordinates = {
        "session": spines["time"].to_numpy(),
        "animal": ("spine", row[seen] // dendrites),
        "dendrite": ("spine", row[seen] % dendrites),
        "spine_label": ("spine", np.arange(n).astype(str)),
        "dendrite_label": ("spine", (row[seen] % dendrites).astype(str)),
        "mouse": ("spine", [f"{1 + each}" for each in row[seen] // dendrites]),
        "arm": ("spine", np.full(n, name, dtype=object).astype(str)),
    }
    if n and int(row.max()) >= animals * dendrites:
        message = f"the spines are of more than {animals} animals with {dendrites} dendrites each; give one replicate"
        raise DataError(message)
    return stamped(xr.Dataset(content, coordinates), PRESENCE)


def raster_figure(presence: Sequence[xr.Dataset], *, most: int | None = None, look: str = "page") -> Figure:
    """One panel for each arm, with its first spines dendrite by dendrite.

    Parameters
    ----------
    presence : sequence of Dataset
        :data:`synmodel.core.schema.PRESENCE`, as of tables of single spines.
    most : int, optional
        Most rows of a panel, by default those of :data:`MOST_ROWS`; whole dendrites are shown while there is room.
    look : str
        One of :data:`synmodel.report.style.LOOKS`.

    Raises
    ------
    DataError
        If there is no spine.

    Examples
    --------
    >>> from synmodel.simulation import histories
    >>> spines = presence_of(histories("psilocybin-mouse", seed=1), animals=6, dendrites=13, name="simulated")
    >>> raster_figure([spines], most=40).axes[0].get_xlabel()
    'day (imaging sessions)'
    """
    arms = [arm for each in presence for arm in _by_arm(each)]
    if not arms:
        message = "there is no spine to draw; give a table with one row for each spine"
        raise DataError(message)
    with style(look), mpl.rc_context({"text.parse_math": False}):
        chosen = [(name, of, _first(of, most or MOST_ROWS[look])) for name, of in arms]
        tallest = max(len(rows) for _, _, rows in chosen)
        columns = min(len(chosen), _COLUMNS)
        rows_of_panels = -(-len(chosen) // columns)
        row = max(_LOWEST / max(tallest, 1), _ROW * width(look))  # inch
        mark = float(np.clip(_POINTS * _FILLED * row, 1.2, _LARGEST_MARK * width(look)))
        size = (max(0.55, columns / 3) * width(look), rows_of_panels * (row * tallest + 1.0) + 0.5)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(rows_of_panels, columns, squeeze=False)
        for axes in panels.ravel()[len(chosen) :]:
            axes.set_visible(False)
        for axes, (name, of, rows) in zip(panels.ravel(), chosen, strict=False):
            _draw(axes, name, of, rows, mark)
        figure.legend(
            handles=_key(), loc="outside lower center", ncols=len(_MARKS) if columns > 1 else 2, handletextpad=0.3
        )
    return figure


def _by_arm(presence: xr.Dataset) -> list[tuple[str, xr.Dataset]]:
    conform(presence, PRESENCE)
    names = presence["arm"].to_numpy().astype(str) if "arm" in presence.coords else np.full(presence.sizes["spine"], "")
    return [(name, presence.isel(spine=np.flatnonzero(names == name))) for name in dict.fromkeys(names.tolist())]


def _first(presence: xr.Dataset, most: int) -> NDArray[np.int64]:
    """Rows to show, dendrite by dendrite; within one by when a spine is first there, then how long it stays."""
    present = presence["present"].to_numpy()
    there = present == 1
    formed = np.where(there.any(axis=1), there.argmax(axis=1), present.shape[1])
    last = present.shape[1] - there[:, ::-1].argmax(axis=1)
    order = np.lexsort((last, formed, presence["dendrite"].to_numpy(), presence["animal"].to_numpy()))
    shown = np.logical_or(there, present < 0).any(axis=1)
    order = order[shown[order]]
    if len(order) <= most:
        return order
    edges = [edge for edge in _edges(presence, order) if edge <= most]
    return order[: edges[-1] if edges else most]


def _edges(presence: xr.Dataset, rows: NDArray[np.int64]) -> list[int]:
    """Places in the rows at which another dendrite begins."""
    where = np.stack([presence[name].to_numpy()[rows] for name in ("animal", "dendrite")])
    return (1 + np.flatnonzero((np.diff(where, axis=1) != 0).any(axis=0))).tolist()


def _draw(axes: Axes, name: str, presence: xr.Dataset, rows: NDArray[np.int64], size: float) -> None:
    axes.set_label(name)
    present, sessions = presence["present"].to_numpy()[rows], presence["session"].to_numpy().astype(float)
    states = fates(present)
    for row in range(len(rows)):
        seen = np.flatnonzero(present[row] == 1)
        for a, b in pairwise(seen.tolist()):
            between = present[row, a + 1 : b]
            if (between != 0).all():
                axes.plot([a, b], [row, row], color=_LINE, linewidth=0.9, linestyle="-" if b == a + 1 else (0, (2, 2)))
    for state, (mark, face, edge) in _MARKS.items():
        y, x = np.nonzero(states == state)
        axes.plot(
            x, y, linestyle="", marker=mark, markersize=size, markerfacecolor=face, markeredgecolor=edge,
            markeredgewidth=0.4 + 0.16 * size, label=_NAMES[state],
        )  # fmt: skip
    for first in _edges(presence, rows):
        axes.axhline(first - 0.5, color="#dddddd", linewidth=0.6, zorder=0)
    if sessions[0] < 0 < sessions[-1]:
        after = int(np.searchsorted(sessions, 0.0, side="right"))
        on = sessions[after - 1] == 0
        axes.axvline(after - 1 if on else after - 0.5, color="#999999", linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xticks(range(len(sessions)), [f"{day:g}".replace("-", "\N{MINUS SIGN}") for day in sessions])
    axes.set_xlim(-0.5, len(sessions) - 0.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("day (imaging sessions)")
    axes.set_title(f"{textwrap.fill(name, 24)}\n\n")
    axes.text(0, 1.004, _counted(presence, rows), transform=axes.transAxes, color=GREY, va="bottom", fontsize="small")


def _counted(presence: xr.Dataset, rows: NDArray[np.int64]) -> str:
    total = len(_first(presence, presence.sizes["spine"]))
    shown = len(_edges(presence, rows)) + 1 if len(rows) else 0
    if total == len(rows):
        return f"{total} spines\n{shown} {'dendrite' if shown == 1 else 'dendrites'}"
    return f"{len(rows)} of {total} spines\nthe first {shown} {'dendrite' if shown == 1 else 'dendrites'}"


def _key() -> list[Line2D]:
    return [
        Line2D([], [], linestyle="", marker=mark, markerfacecolor=face, markeredgecolor=edge, label=_NAMES[state])
        for state, (mark, face, edge) in _MARKS.items()
    ]
