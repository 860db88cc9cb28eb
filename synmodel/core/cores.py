"""Processors that this process may use."""

import os

__all__ = ["usable_cores"]


def usable_cores() -> int:
    """How many there are, at least one; those that a scheduler or ``taskset`` keeps for others are not counted."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
