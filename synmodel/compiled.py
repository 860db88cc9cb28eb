"""How code is compiled and on how many threads: two decorators for numba, and a context for BLAS.

Compiled code is kept on disk between runs only for an installed package. numba notices a change in the
file of the kernel itself, but not in a function that it calls from another file, so a checkout in which
sources are edited would silently run old code. ``SYNMODEL_NUMBA_CACHE=0`` or ``=1`` overrides this.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import numba
from threadpoolctl import ThreadpoolController

__all__ = ["Compiled", "allocating_nothing", "compiled", "compiled_parallel", "inlined", "one_blas_thread"]

Compiled = Callable[..., Any]


def _cache_is_safe() -> bool:
    override = os.environ.get("SYNMODEL_NUMBA_CACHE")
    if override is not None:
        return override not in {"", "0"}
    is_checkout = (Path(__file__).parents[1] / "pyproject.toml").exists()
    return not is_checkout


_CACHE = _cache_is_safe()


def compiled(function: Callable[..., Any]) -> Compiled:
    """Compile for one thread; no fast-math, so bits equal those of the interpreted function."""
    return cast(Compiled, numba.njit(cache=_CACHE, error_model="numpy")(function))


def allocating_nothing(function: Callable[..., Any]) -> Compiled:
    """Compile a function that makes no array: it need not count who holds those that it was given.

    The counts are atomic, and cost more than the arithmetic where arrays pass from one small function to the next.
    """
    options: dict[str, Any] = {"cache": _CACHE, "error_model": "numpy", "_nrt": False}
    return cast(Compiled, numba.njit(**options)(function))


def inlined(function: Callable[..., Any]) -> Compiled:
    """Compile into every caller, so that a loop around the call can become vector instructions."""
    return cast(Compiled, numba.njit(cache=_CACHE, error_model="numpy", inline="always")(function))


def compiled_parallel(function: Callable[..., Any]) -> Compiled:
    """Compile with ``numba.prange`` loops spread over threads."""
    return cast(Compiled, numba.njit(cache=_CACHE, error_model="numpy", parallel=True)(function))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within the block BLAS keeps to one thread.

    Thousands of 3 x 3 matrices are exponentiated one by one: more threads only spin, and slow it down several fold.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401 - a library is found only once it is loaded

    return ThreadpoolController()
