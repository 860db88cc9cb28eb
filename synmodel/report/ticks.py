"""Ticks that are looked for once: matplotlib asks for those of an axis up to eight times while it lays out a figure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure

__all__ = ["remembered_ticks"]

_METHODS = ("_update_ticks", "_get_ticklabel_bboxes")
"""What an axis is asked again and again; in a version that has no such methods, nothing is remembered."""


@contextmanager
def remembered_ticks(figure: Figure) -> Iterator[None]:
    """Within the block an axis keeps its ticks, and the boxes of their labels, while all they depend on stays.

    That is the place of the axes, the resolution, the range of the axis and who draws. Scales, locators and texts of a
    figure must not change within the block.
    """
    wrapped = []
    try:
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                for name in _METHODS:
                    if hasattr(axis, name):
                        axis.__dict__[name] = _remembering(axis, getattr(axis, name))
                        wrapped.append((axis, name))
        yield
    finally:
        for axis, name in wrapped:
            del axis.__dict__[name]


def _remembering(axis: Axis, method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that keeps its last answer."""
    known: tuple[object, Any, object] | None = None

    def answer(*given: Any) -> Any:
        nonlocal known
        figure = axis.get_figure(root=True)
        dpi = None if figure is None else figure.dpi
        key = (axis.axes.bbox.bounds, dpi, tuple(axis.get_view_interval()), *map(_told_apart, given))
        if known is None or known[0] != key:
            known = key, method(*given), given  # which is held, or another renderer might get its number
        return known[1]

    return answer


def _told_apart(given: object) -> object:
    """Ticks by themselves, as a list of them is made anew each time; a renderer by what it is."""
    return tuple(map(id, given)) if isinstance(given, list) else id(given)
