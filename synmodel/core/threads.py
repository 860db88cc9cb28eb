"""Rows of a compiled loop on several threads.

A kernel takes the ``first`` row and the ``last``, which it leaves out, and no row asks for another, so bits do not
depend on the number of threads. It runs without the lock of the interpreter. numba has parallel loops of its own, but
one of these is compiled three times, with all that it calls.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import Any

import numba

__all__ = ["on_threads"]

_PARTS = 4
"""Parts for each thread, so that none waits long for the last one."""


def on_threads(kernel: Callable[..., Any], n: int, *arguments: object, block: int = 16) -> None:
    """Run a kernel over n rows, on as many threads as ``numba.get_num_threads`` says.

    Parameters
    ----------
    kernel : compiled function
        Takes ``first`` and ``last``, then the arguments.
    n : int
        Number of rows.
    *arguments
        Are handed on; the results are written to some of them.
    block : int, optional
        Rows that are worth a thread. A part begins at a multiple of it.
    """
    n_block = -(-n // block)
    threads = min(numba.get_num_threads(), n_block) if n_block > 1 else 1
    if threads == 1:
        kernel(0, n, *arguments)
        return
    parts = _parts(n_block, min(n_block, _PARTS * threads), block, n)

    def work() -> None:
        for first, last in parts:
            kernel(first, last, *arguments)

    others: list[Future[None]] = []
    try:
        with suppress(RuntimeError):  # no thread begins any more while the interpreter ends
            for _ in range(threads - 1):
                others.append(_pool().submit(work))
        work()
    finally:
        for _ in parts:  # where this thread was interrupted, the others end with the part that they are at
            pass
        # One that has not begun has nothing left to do. No thread writes to the arguments when this is over.
        begun = [other for other in others if not other.cancel()]
        wait(begun)
    for other in begun:
        other.result()


def _parts(n_block: int, n_part: int, block: int, n: int) -> Iterator[tuple[int, int]]:
    """First and last row of each part. An iterator of a list, which threads may share."""
    ends = [min(n, block * (n_block * part // n_part)) for part in range(n_part + 1)]
    return iter(list(pairwise(ends)))


@cache
def _pool() -> ThreadPoolExecutor:
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return ThreadPoolExecutor(most - 1, thread_name_prefix="synmodel")


# Threads do not outlive a fork, so a child begins its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
