"""How code is compiled: decorators for numba; and a context that keeps BLAS to one thread.

Compiled code is kept on disk between runs, see :mod:`synmodel.core.code_cache`. What is not there yet is compiled at
its first call, and a line of the log ``synmodel`` (level info) says so; the command line shows it on stderr.
"""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
from numba import types
from numba.core import event
from numba.extending import intrinsic, overload
from threadpoolctl import ThreadpoolController

from synmodel.core.code_cache import KeptCode
from synmodel.core.code_cache import folder as cache_folder

__all__ = ["Compiled", "allocating_nothing", "compiled", "inlined", "one_blas_thread", "summing", "wide_vectors"]

Compiled = Callable[..., Any]
_OBJECTS = 100_000
"""New ones before garbage is looked for while code is compiled; the memory of the process grows by a few percent."""


def compiled(function: Callable[..., Any]) -> Compiled:
    """Compile for one thread; no fast-math, so bits equal those of the interpreted function."""
    return _jit(function)


def allocating_nothing(function: Callable[..., Any]) -> Compiled:
    """Compile a function that makes no array: it need not count who holds those that it was given.

    The counts are atomic, and cost more than the arithmetic where arrays pass from one small function to the next.
    """
    return _jit(function, _nrt=False)


def summing(function: Callable[..., Any]) -> Compiled:
    """As :func:`allocating_nothing`, with sums in the order that suits the processor, as BLAS has them.

    A vector instruction adds up several sums at once. So the last digits may differ between kinds of processors, and
    from interpreted code; of what is drawn, nothing is compiled like this.
    """
    return _jit(function, _nrt=False, fastmath={"reassoc", "contract"})


def inlined(function: Callable[..., Any]) -> Compiled:
    """Compile into every caller, so that a loop around the call can become vector instructions."""
    return _jit(function, inline="always")


def wide_vectors() -> None:
    """Called in a compiled function: its loops become vectors of 512 bits where the processor has them.

    LLVM prefers 256 bits on processors of Intel, as the first with 512 slowed down. Bits stay the same, as no sum is
    taken in another order. Interpreted, it does nothing.
    """


@overload(wide_vectors, inline="always")
def _wide_vectors() -> Callable[[], None]:
    return lambda: _prefer_wide()


def _preference(_: Any) -> Any:
    def generate(context: Any, builder: Any, *_: Any) -> Any:
        builder.function.attributes.update(['"prefer-vector-width"="512"'])
        return context.get_dummy_value()

    return types.none(), generate


_prefer_wide: Any = intrinsic(_preference)


def _jit(function: Callable[..., Any], **options: object) -> Compiled:
    folder = _folder()
    settings: Any = numba.config
    jit: Callable[..., Any] = numba.njit
    before = settings.CACHE_DIR
    try:
        # Read when a function is decorated, so that other users of numba in this process keep their own folder.
        settings.CACHE_DIR = "" if folder is None else folder
        # Without the lock of the interpreter another thread can act on a signal while a long loop runs.
        made = jit(error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options)(function)
        if folder is not None and hasattr(made, "_cache"):  # without the compiler it is the function itself
            made._cache = KeptCode(function)
        return made
    finally:
        settings.CACHE_DIR = before


@cache
def _folder() -> str | None:
    folder = cache_folder()
    return None if folder is None else str(folder)


class _Compilation(event.Listener):
    """What happens while numba compiles.

    Once it is said in the log that a kernel of this package is being compiled, which it is not when it was kept. And
    garbage is looked for seldom: the compiler makes millions of objects that stay until a function is done.
    """

    told = False

    def __init__(self) -> None:
        self._before: list[tuple[int, int, int]] = []

    def on_start(self, event: Any) -> None:
        self._before.append(gc.get_threshold())
        if self._before[-1][0] > 0:
            gc.set_threshold(max(_OBJECTS, self._before[-1][0]), *self._before[-1][1:])
        name = str(getattr(event.data["dispatcher"].py_func, "__module__", ""))
        if not self.told and name.startswith("synmodel."):
            self.told = True
            kept = f"once: it is kept in {_folder()}" if _folder() else "every time, as it cannot be kept"
            logging.getLogger("synmodel").info("compiling, some twenty seconds, %s", kept)

    def on_end(self, _: object) -> None:
        """Garbage is looked for as before."""
        if self._before:  # none where this module was loaded by one thread while another compiled
            gc.set_threshold(*self._before.pop())


event.register("numba:compile", _Compilation())  # type: ignore[no-untyped-call]


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
