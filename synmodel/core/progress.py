"""How far a job is: what is called while it runs."""

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress", "Steps", "stage"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, of)."""
Steps: TypeAlias = Callable[[str, int, int], None]
"""Called with (what, done, of), by jobs of several stages."""


def stage(progress: Steps | None, what: str) -> Progress | None:
    """The progress of one stage of a job; None without progress."""
    if progress is None:
        return None
    return lambda done, of: progress(what, done, of)
