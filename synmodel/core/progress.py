"""How long work tells how far it is: called with (what, done, of)."""

from collections.abc import Callable

__all__ = ["Steps", "stage"]

Steps = Callable[[str, int, int], None]


def stage(progress: Steps | None, what: str) -> Callable[[int, int], None] | None:
    """The progress of one stage of a job, called with (done, of); None without progress."""
    if progress is None:
        return None
    return lambda done, of: progress(what, done, of)
