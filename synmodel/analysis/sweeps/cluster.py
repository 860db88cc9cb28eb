"""Pieces of work on Dask: worker processes of this machine, or a cluster of any kind behind a scheduler.

Every task carries all it needs and its answer is a function of it, so a task that a dead worker leaves behind is simply
done again elsewhere. Only a few tasks per worker are in flight; answers are noted here, by this process alone.
"""

import asyncio
import json
import logging
import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from synmodel.analysis.sweeps.work import Answer, Work, compute
from synmodel.core.errors import SweepError
from synmodel.turnover.arguments import whole_number

__all__ = ["compute_on"]

_LOG = logging.getLogger("synmodel")
_AHEAD = 3  # tasks in flight per thread: one runs, two wait
_ATTEMPTS = 5  # of Dask's own three or more each
_CONNECT_SECONDS = 20


def compute_on(works: Iterable[Work], scheduler: object, workers: int | None = None) -> Generator[Answer]:
    """Answers in the order in which they arrive; the scheduler is reached before this returns.

    Parameters
    ----------
    works : iterable of Work
    scheduler : str, Path or distributed.Client
        ``"local"``, an address such as ``tcp://10.0.0.1:8786``, a scheduler file, or a client.
    workers : int, optional
        With ``"local"``: number of processes; default: one per processor.

    Raises
    ------
    SweepError
        If Dask is not installed, no scheduler answers or is lost, or a task ends every worker that tries it.
    """
    try:
        import distributed
    except ImportError as fault:
        message = "sweep: a scheduler needs dask.distributed; install it with: pip install 'synmodel[dask]'"
        raise SweepError(message) from fault
    with ExitStack() as stack:
        client = _client(distributed, scheduler, workers, stack)
        return _until_closed(stack.pop_all(), _answers(distributed, client, iter(works)))


def _until_closed(stack: ExitStack, answers: Generator[Answer]) -> Generator[Answer]:
    """The answers; what serves them is closed after the last one, or when nobody asks for more."""
    with stack, closing(answers):
        yield from answers


def _client(distributed: ModuleType, scheduler: object, workers: int | None, stack: ExitStack) -> object:
    """A client, closed with the stack unless it was given."""
    if isinstance(scheduler, distributed.Client):
        return scheduler
    if scheduler == "local":
        number = whole_number("workers", workers if workers is not None else os.cpu_count() or 1)
        cluster = distributed.LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",  # any port that is free: another sweep may hold the usual one
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
        stack.enter_context(cluster)
        return stack.enter_context(distributed.Client(cluster))
    address = _address(str(scheduler))
    _LOG.info("connecting to %s, at most %g s", address, _CONNECT_SECONDS)
    try:
        # In a thread of its own, as a notebook has a loop that runs already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(distributed, address)).result()
        client = stack.enter_context(distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False))
    except Exception as fault:  # whatever a server of another kind makes Dask trip over
        message = (
            f"sweep: no scheduler answers at {address} ({type(fault).__name__}); start one with `dask scheduler`, or "
            "use 'local'"
        )
        raise SweepError(message) from fault
    if not client.nthreads():
        _LOG.info("waiting for workers of %s", address)
    return client


def _address(scheduler: str) -> str:
    """An address, or that in a scheduler file."""
    if "://" in scheduler:
        return scheduler
    try:
        found = json.loads(Path(scheduler).read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        message = (
            f"sweep: scheduler is {scheduler!r}; give 'local', an address such as tcp://host:8786, or the file that "
            "`dask scheduler --scheduler-file FILE` writes"
        )
        raise SweepError(message) from fault
    return str(found)


async def _greet(distributed: ModuleType, address: str) -> None:
    """Return once a Dask scheduler answers at an address, and raise if none does in time.

    A client would wait without end for a server that takes the connection and says nothing, or read whatever another
    kind of server says as sizes of arrays.
    """
    asked = {"connection_args": distributed.Security().get_connection_args("client")}
    async with asyncio.timeout(_CONNECT_SECONDS), distributed.core.rpc(address, **asked) as scheduler:
        answer = await scheduler.identity()
    if answer["type"] != "Scheduler":
        raise ValueError(answer["type"])


def _answers(distributed: ModuleType, client: Any, works: Iterator[Work]) -> Generator[Answer]:
    """Keep a few tasks per thread in flight; do lost ones again."""
    waiting: dict[Any, tuple[Work, int]] = {}
    arriving = distributed.as_completed(loop=client.loop)

    def submit(work: Work, attempt: int) -> None:
        future = client.submit(compute, work, 1, pure=False)
        waiting[future] = work, attempt
        arriving.add(future)

    try:
        for work in islice(works, _room(client)):
            submit(work, 1)
        while waiting:
            future = next(arriving)
            work, attempt = waiting.pop(future)
            if future.status == "finished":
                answer: Answer = future.result()
            else:
                _again_or_raise(distributed, future, attempt)
                submit(work, attempt + 1)
                continue
            for another in islice(works, max(0, _room(client) - len(waiting))):
                submit(another, 1)
            yield answer
    except (OSError, distributed.CancelledError) as fault:
        message = "sweep: the scheduler was lost; start it again, and the same call goes on"
        raise SweepError(message) from fault
    finally:
        if waiting and client.status == "running":
            client.cancel(list(waiting))


def _room(client: Any) -> int:
    """How many tasks may be in flight."""
    return _AHEAD * max(1, sum(client.nthreads().values()))


def _again_or_raise(distributed: ModuleType, future: Any, attempt: int) -> None:
    """Return if a task that failed should be tried again.

    Raises
    ------
    SweepError
        If it ended worker after worker.
    """
    if future.status == "cancelled":
        if future.client.status != "running" or attempt > _ATTEMPTS:
            message = "sweep: the scheduler was lost; start it again, and the same call goes on"
            raise SweepError(message)
        return
    fault = future.exception()
    if fault is None:  # its answer was there, and was lost with the worker that held it before it was fetched
        return
    if not isinstance(fault, distributed.scheduler.KilledWorker):
        raise fault
    if attempt >= _ATTEMPTS:
        message = (
            f"sweep: a task ended {attempt} times the worker that did it, most likely for want of memory; give workers "
            "more, and the same call goes on"
        )
        raise SweepError(message) from fault
