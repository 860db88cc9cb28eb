"""The one style of all figures: type, lines and colours, on a page, in print and on slides.

Colours are those of Okabe and Ito, told apart by colour-blind readers. A figure that tells states of spines apart does
so by shape as well, so that it can be read without colour.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave

from synmodel.core.errors import SynmodelError
from synmodel.core.plain import Json

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

__all__ = [
    "COLOURS",
    "FORMATS",
    "GREY",
    "LOOKS",
    "Look",
    "StyleError",
    "checked",
    "colours_of",
    "drawn",
    "panels",
    "save",
    "save_both",
    "style",
    "width",
]

Look = Literal["page", "paper", "slides"]
LOOKS: tuple[str, ...] = get_args(Look)
"""Where a figure is shown: on a page of results, in a column of a journal, on a slide."""
FORMATS = (".png", ".svg", ".pdf")
"""Endings of files that :func:`save` writes."""

_PLACES = 9  # of figures: digits that places of axes keep
_POINTS = 72.0  # per inch, in which drawings are laid out
_PAGE: "dict[RcKeyType, object]" = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.autolayout": False,  # without an engine of its own a figure has none
    "figure.constrained_layout.use": False,
    "savefig.dpi": 160,
    "svg.hashsalt": "synmodel",
}
_PAPER: "dict[RcKeyType, object]" = {
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "savefig.dpi": 600,
    "pdf.fonttype": 42,  # text that an editor of figures can change
}
_SLIDES: "dict[RcKeyType, object]" = {
    "font.size": 17,
    "axes.titlesize": 20,
    "axes.linewidth": 1.6,
    "xtick.major.width": 1.6,
    "ytick.major.width": 1.6,
    "lines.linewidth": 2.8,
    "lines.markersize": 9,
    "savefig.dpi": 150,
}
_LOOKS: "dict[str, dict[RcKeyType, object]]" = {"page": {}, "paper": _PAPER, "slides": _SLIDES}
_WIDTHS = {"page": 7.4, "paper": 7.0, "slides": 13.3}

GREY = "#6b6b6b"
"""Colour of every vehicle."""
COLOURS = {
    "ketamine": "#D55E00",
    "psilocybin": "#0072B2",
    "ketanserin+psilocybin": "#009E73",
    "psilocybin+knock-out": "#CC79A7",
}
"""Colours of arms that have one of their own; others have the next of a cycle, see :func:`colours_of`."""
_CYCLE = ("#E69F00", "#56B4E9", "#8C6BB1", "#7B241C", "#999933", "#000000")


class StyleError(SynmodelError):
    """A look that there is none of, or a file of a kind that no figure is written to."""


def colours_of(names: Sequence[str]) -> list[str]:
    """Colours of arms that stand side by side, no two alike while the cycle lasts.

    Parameters
    ----------
    names : sequence of str
        Of arms, or compounds joined by +; empty for a vehicle, which is grey.

    Examples
    --------
    >>> colours_of(["", "ketamine", "DMT", "ketamine"]) == [GREY, COLOURS["ketamine"], *colours_of(["DMT", "LSD"])]
    True
    """
    colours: list[str] = []
    for name in names:
        own = COLOURS.get(name) if name else GREY
        spare = [*_CYCLE, *COLOURS.values()]
        free = [colour for colour in spare if colour not in colours] or spare
        colours.append(own if own is not None and own not in colours else free[0])
    return colours


def style(look: str = "page") -> AbstractContextManager[None]:
    """Context in which figures are drawn in the style of the project.

    Raises
    ------
    StyleError
        If there is no such look.
    """
    if look not in _LOOKS:
        message = f"style is {look!r}; allowed is {', '.join(LOOKS)}"
        raise StyleError(message)
    return mpl.rc_context(_PAGE | _LOOKS[look])


def checked(path: Path, look: str) -> None:
    """Refuse a file that no figure is written to, or a look that there is none of.

    Raises
    ------
    StyleError
        With one line that says what is allowed.
    """
    style(look)
    if path.suffix.lower() not in FORMATS:
        message = f"--out is {path}; a figure is written as {', '.join(FORMATS)}, as the ending says"
        raise StyleError(message)


def width(look: str = "page") -> float:
    """Width of a figure that fills a page, two columns of a journal, or a slide [inch]."""
    return _WIDTHS[look]


def panels(rows: int, columns: int, *, size: tuple[float, float], **options: Any) -> tuple[Figure, Any]:
    """A figure with a grid of empty axes; within :func:`style` in that of the project.

    Parameters
    ----------
    rows, columns : int
        Of the grid.
    size : (width, height)
        Of the figure [inch].
    **options
        Of :meth:`matplotlib.figure.Figure.subplots`, such as ``sharey=True``.

    Returns
    -------
    figure : Figure
    axes : (rows, columns) ndarray of Axes

    Examples
    --------
    >>> with style():
    ...     figure, ((axes,),) = panels(1, 1, size=(4, 3))
    ...     _ = axes.plot([0, 1], [0, 1], color=COLOURS["psilocybin"])
    >>> figure.get_size_inches().tolist()
    [4.0, 3.0]
    """
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def save(figure: Figure, path: Path, entries: Mapping[str, str], *, look: str = "page") -> None:
    """Write a figure with its provenance, without a time stamp and with the same bytes every time.

    Parameters
    ----------
    figure : Figure
        What to write.
    path : Path
        Ends in one of :data:`FORMATS`, which says in which format.
    entries : mapping of str to str
        Provenance, kept in the file's description.
    look : str
        In which the figure was drawn.

    Raises
    ------
    StyleError
        If the ending is none of :data:`FORMATS`.
    """
    checked(path, look)
    path.write_bytes(drawn(figure, path.suffix.lower(), entries, look=look))


def drawn(figure: Figure, ending: str, entries: Mapping[str, str], *, look: str = "page") -> bytes:
    """What :func:`save` writes into a file with this ending."""
    content = io.BytesIO()
    # The salt of the ids in an SVG is read when it is written, not when the figure is made.
    with style(look), _settled(figure, mpl.rcParams["savefig.dpi"] if ending == ".png" else _POINTS):
        figure.savefig(content, format=ending[1:], metadata=_metadata(ending, entries))
    return content.getvalue()


def save_both(figure: Figure, stem: Path, entries: Mapping[str, str]) -> None:
    """PNG and SVG, as :func:`save` writes them; a thread of its own packs the one while the other is drawn.

    Parameters
    ----------
    figure : Figure
        What to write.
    stem : Path
        The files, without their endings.
    entries : mapping of str to str
        Provenance.
    """
    drawn = io.BytesIO()
    with style(), _settled(figure, dpi := float(mpl.rcParams["savefig.dpi"])):
        figure.savefig(drawn, format="raw")
        shown, figure.dpi = figure.dpi, dpi
        width, height = figure.canvas.get_width_height()
        figure.dpi = shown
    pixels = np.frombuffer(drawn.getbuffer(), np.uint8).reshape(height, width, 4)
    with ThreadPoolExecutor(1) as threads:
        packed = threads.submit(
            imsave, stem.with_suffix(".png"), pixels, format="png", origin="upper", dpi=dpi,
            metadata=_metadata(".png", entries),
        )  # fmt: skip
        save(figure, stem.with_suffix(".svg"), entries)
        packed.result()


def _metadata(ending: str, entries: Mapping[str, str]) -> Json:
    """What a file of a kind says of itself: its provenance, and no time."""
    text = json.dumps(dict(entries))
    told: dict[str, Json] = {
        ".png": {"Software": "synmodel", "Description": text},
        ".svg": {"Date": None, "Creator": "synmodel", "Description": text},
        ".pdf": {"CreationDate": None, "Creator": "synmodel", "Subject": text},
    }
    return told[ending]


@contextmanager
def _settled(figure: Figure, dpi: float) -> Iterator[None]:
    """Lay a figure out for a resolution, on which widths of letters depend, at places that are rounded.

    The solver of constrained layouts visits its variables by their addresses, so places differ in the last bits from
    process to process, and with them the names of clipping paths in an SVG.
    """
    engine, shown = figure.get_layout_engine(), figure.dpi
    if engine is None:
        yield
        return
    # The solver begins at the places that it finds, so each file begins where the first one did.
    places = [(axes, axes.get_in_layout(), axes.get_position(True), axes.get_position()) for axes in figure.axes]
    corners = [(part, part.bbox_relative.get_points().copy()) for part in figure.subfigs]
    try:
        figure.dpi = dpi
        engine.execute(figure)
        figure.dpi = shown
        figure.set_layout_engine(None)  # a placeholder of an engine would have all drawn once more, for nothing
        for part in figure.subfigs:
            part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), _PLACES))
        for axes in figure.axes:
            left, bottom, width, height = (round(each, _PLACES) for each in axes.get_position().bounds)
            axes.set_position((left, bottom, width, height))
        yield
    finally:
        figure.dpi = shown
        figure.set_layout_engine(engine)
        for part, points in corners:
            part.bbox_relative.set_points(points)
        for axes, in_layout, original, active in places:
            axes.set_position(original, which="original")
            axes.set_position(active, which="active")
            axes.set_in_layout(in_layout)  # a place that was set takes them out
