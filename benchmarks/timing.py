"""How long a call takes, for several benchmarks."""

import time
from collections.abc import Callable


def shortest(call: Callable[[], object], *, least: int, most: int, enough: float = float("inf")) -> float:
    """Shortest processor time of some calls [s], after one that compiles and reads files.

    Parameters
    ----------
    call : callable
    least, most : int
        Number of calls.
    enough : float
        Seconds after which there are no more than the least.
    """
    call()
    each: list[float] = []
    while len(each) < least or (len(each) < most and sum(each) < enough):
        before = time.process_time()
        call()
        each.append(time.process_time() - before)
    return min(each)
