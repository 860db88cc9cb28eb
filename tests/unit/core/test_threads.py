"""Rows of a loop on several threads."""

import os
import subprocess
import sys
import threading
import time

import numba
import numpy as np
import pytest

from synmodel.core.threads import on_threads

pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture
def two_threads():
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("there is one thread alone")
    before = numba.get_num_threads()
    numba.set_num_threads(2)
    yield
    numba.set_num_threads(before)


def note(begin, end, done):
    done.append((begin, end, threading.get_ident()))


@pytest.mark.parametrize("n", [0, 1, 16, 17, 100, 1000])
@pytest.mark.parametrize("block", [1, 16, 64])
def test_every_row_is_done_once_and_parts_begin_at_blocks(n, block):
    done = []
    on_threads(note, n, done, block=block)
    assert sorted(row for begin, end, _ in done for row in range(begin, end)) == list(range(n))
    assert all(begin % block == 0 for begin, *_ in done)


def test_what_is_worth_one_thread_stays_on_it():
    done = []
    on_threads(note, 16, done, block=16)
    assert done == [(0, 16, threading.get_ident())]


def test_several_threads_work_at_once():
    """Each waits for the other, so one alone would not come to an end."""
    meeting, done = threading.Barrier(2, timeout=30.0), set()

    def meet(*_):
        if threading.get_ident() not in done:
            done.add(threading.get_ident())
            meeting.wait()

    on_threads(meet, 1000)
    assert len(done) == 2


@pytest.mark.parametrize("of_the_caller", [True, False])
def test_an_error_on_any_thread_is_raised(of_the_caller):
    caller, meeting = threading.get_ident(), threading.Barrier(2, timeout=30.0)

    def fail(*_):
        meeting.wait()
        if (threading.get_ident() == caller) == of_the_caller:
            message = "no"
            raise ValueError(message)

    with pytest.raises(ValueError, match="no"):
        on_threads(fail, 2, block=1)


def test_no_thread_works_on_when_an_error_has_been_raised():
    caller, meeting, out = threading.get_ident(), threading.Barrier(2, timeout=30.0), []

    def fail(*_):
        meeting.wait()
        if threading.get_ident() == caller:
            message = "no"
            raise ValueError(message)
        time.sleep(0.2)
        out.append(1)

    with pytest.raises(ValueError, match="no"):
        on_threads(fail, 2, block=1)
    assert out == [1]


def test_work_is_done_while_the_interpreter_ends():
    code = (
        "import atexit, numba; numba.set_num_threads(2)\n"
        "from synmodel.core.threads import on_threads\n"
        "atexit.register(lambda: on_threads(lambda a, b: print(a, b), 32))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert sorted(done.stdout.split("\n")) == sorted(["", "0 16", "16 32"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_has_threads_of_its_own():
    """Those of the parent are not there, and would be waited for."""
    out = np.zeros(1000)

    def fill(begin, end):
        out[begin:end] = 1.0

    on_threads(fill, len(out))
    child = os.fork()
    if child == 0:
        out[:] = 0.0
        on_threads(fill, len(out))
        os._exit(0 if out.all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
