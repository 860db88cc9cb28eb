"""A sweep has the same bytes however often it was killed, and wherever its cells were computed."""

import hashlib
import http.server
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import xarray as xr
from command_line import names_in

import synmodel
from synmodel.analysis.sweeps import open_sweep, sweep, work
from synmodel.analysis.sweeps.cluster import _again_or_raise
from synmodel.scenario import load

distributed = pytest.importorskip("distributed")

AMOUNT, LOSS = "scenario.regimen.doses[0].amount", "phoumthipphavong2016.loss_nascent"
SMALL = load("ketamine-mouse-single").updated(
    cohort={"animals": 1, "dendrites_per_animal": 3}, schedule={"sessions": [-1, 1, 3]}
)
DESIGN = {"grid": {AMOUNT: [1, 3, 10, 30], LOSS: [0.5, 1.0, 2.0]}, "replicates": 12, "seed": 5}
FILES = ["expected.nc", "plan.json", "summary.json", "sweep.zarr"]
ENVIRONMENT = {**os.environ, "NUMBA_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
# What a worker's nanny and a closing event loop leave behind is theirs; warnings of ours stay errors.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def files(folder):
    """Digest of every file of a store."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The sweep in this process, uninterrupted."""
    out = tmp_path_factory.mktemp("alone")
    sweep(SMALL, **DESIGN, out=out)
    return out


# -- killed ------------------------------------------------------------------------------------------------------

# So many replicates that a cell takes tens of milliseconds: a kill finds a sweep that is not done on any processor.
DOCUMENT = """
name = "many"
scenarios = ["small.toml"]
replicates = 1000
[grid]
"scenario.regimen.doses[0].amount" = {amounts}
"phoumthipphavong2016.loss_nascent" = {elimination}
"""


def killed_five_times(folder, amounts, elimination):
    """Bytes of a sweep that was killed at random moments, and of one that was not."""
    (folder / "small.toml").write_text(SMALL.to_toml())
    document = folder / "many.toml"
    document.write_text(DOCUMENT.format(amounts=amounts, elimination=elimination))
    n = len(amounts) * len(elimination)

    def start(out):
        command = [
            sys.executable,
            "-m",
            "synmodel",
            "sweep",
            str(document),
            "--out",
            str(folder / out),
            "--quiet",
            "--draws",
            "5",
        ]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def finish(child):
        _, error = child.communicate(timeout=1500)
        assert child.returncode == 0, error

    finish(start("whole"))
    moments = random.Random(20261125)
    journal = folder / "killed" / "cells.journal"
    slot = None
    done = []
    for _ in range(5):
        child = start("killed")
        # A random number of cells later, and a random moment more: between two writes or within one.
        reached = done[-1] if done else 0
        goal = reached + moments.randint(1, max(1, (n - reached) // 4))
        while slot is None or not journal.exists() or journal.stat().st_size < goal * slot:
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.002)
            if slot is None and journal.exists() and journal.stat().st_size:
                slot = journal.stat().st_size  # the first slot is written in one piece
        time.sleep(moments.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stderr.close()
        assert child.returncode == -signal.SIGKILL
        done.append(journal.stat().st_size // slot)
        assert not (folder / "killed" / "sweep.zarr").exists()
    assert sorted(set(done)) == done  # each run did more, none began anew
    assert done[-1] < n
    finish(start("killed"))
    with open_sweep(folder / "whole") as dataset:
        assert dataset.sizes["amount"] * dataset.sizes["loss_nascent"] == n
        assert (dataset["known"].max("point") == 1000).all()
    assert sorted(names_in(folder / "killed")) == FILES
    return files(folder / "killed"), files(folder / "whole")


@pytest.mark.slow
def test_killed_five_times_gives_the_same_bytes(tmp_path):
    killed, whole = killed_five_times(tmp_path, list(range(1, 13)), [0.5, 1.0, 1.5, 2.0, 2.5])
    assert killed == whole


@pytest.mark.long
def test_a_thousand_cells_killed_five_times_give_the_same_bytes(tmp_path):
    killed, whole = killed_five_times(tmp_path, list(range(1, 41)), [0.1 * k for k in range(2, 27)])
    assert killed == whole


# -- wherever ----------------------------------------------------------------------------------------------------


def test_threads_do_not_matter():
    one = {id(each): work.compute(each, 1) for each in works()}
    two = {id(each): work.compute(each, 2) for each in works()}
    for a, b in zip(one.values(), two.values(), strict=True):
        for (slot, record, why), (other_slot, other, other_why) in zip(a.records, b.records, strict=True):
            assert (slot, why) == (other_slot, other_why)
            assert record.tobytes() == other.tobytes()


def works():
    from synmodel.analysis.sweeps import plan_of

    return list(work.works_of(plan_of(SMALL, **DESIGN), [False] * 12, alone=True))[:4]


@pytest.mark.parametrize("workers", [1, 2])
def test_local_workers_do_not_matter(alone, tmp_path, workers):
    sweep(SMALL, **DESIGN, out=tmp_path, scheduler="local", workers=workers)
    assert files(tmp_path) == files(alone)


def test_a_worker_that_is_killed_loses_nothing(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "_TASK_SECONDS", 0.05)  # a task per cell, so that some wait at the worker that dies
    killed = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill(done, of):
            if 0 < done < of and not killed:
                pids = client.run(os.getpid)
                killed.extend(pids.values())
                os.kill(killed[0], signal.SIGKILL)

        sweep(SMALL, **DESIGN, out=tmp_path, scheduler=client, progress=kill)
        assert killed
        assert killed[0] not in client.run(os.getpid).values()
    assert files(tmp_path) == files(alone)


def test_an_answer_that_is_lost_with_its_worker_is_computed_again():
    """Dask has then no fault to tell: the task is done once more by itself, and may be done already."""
    lost = SimpleNamespace(status="lost", exception=lambda: None)
    assert _again_or_raise(distributed, lost, 1) is None
    failed = SimpleNamespace(status="error", exception=lambda: ValueError("of the task"))
    with pytest.raises(ValueError, match="of the task"):
        _again_or_raise(distributed, failed, 1)


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each started by itself; the path of the scheduler file and their processes."""
    file = tmp_path / "scheduler.json"
    started = []

    def start(kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", str(file), *options]
        environment = {**ENVIRONMENT, "PYTHONPATH": str(os.path.dirname(os.path.dirname(synmodel.__file__)))}  # noqa: PTH120
        child = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path
        )
        started.append(child)
        return child

    start("scheduler", "--port", "0", "--no-dashboard")
    workers = [start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield file, workers
    for child in started:
        child.kill()
        child.wait()


def test_a_cluster_of_separately_started_workers(alone, tmp_path, cluster, monkeypatch):
    """The same bits; and again when one of the workers is killed in the middle, for good."""
    file, workers = cluster
    with distributed.Client(scheduler_file=str(file)) as client:
        client.wait_for_workers(2, timeout=60)
        address = client.scheduler.address
    sweep(SMALL, **DESIGN, out=tmp_path / "address", scheduler=address)
    assert files(tmp_path / "address") == files(alone)
    monkeypatch.setattr(work, "_TASK_SECONDS", 0.05)

    def kill(done, of):
        if 0 < done < of:
            workers[0].kill()

    sweep(SMALL, **DESIGN, out=tmp_path / "file", scheduler=file, progress=kill)
    assert workers[0].wait() == -signal.SIGKILL
    assert workers[1].poll() is None
    assert files(tmp_path / "file") == files(alone)


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    from synmodel.analysis.sweeps import cluster as module

    monkeypatch.setattr(module, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(synmodel.core.errors.SweepError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"):
        sweep(SMALL, **DESIGN, out=tmp_path, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(synmodel.core.errors.SweepError, match="scheduler is 'locl'; give 'local'"):
        sweep(SMALL, **DESIGN, out=tmp_path, scheduler="locl")
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(synmodel.core.errors.SweepError, match=r"pip install 'synmodel\[dask\]'"):
        sweep(SMALL, **DESIGN, out=tmp_path, scheduler="local")


@pytest.fixture
def silent():
    """Address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def talkative():
    """Address of a web server."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["silent", "talkative", "tls://127.0.0.1:9", "tcp://", "nonsense://127.0.0.1:9"])
def test_a_server_that_is_no_scheduler_is_one_line(tmp_path, monkeypatch, kind, request):
    from synmodel.analysis.sweeps import cluster as module

    monkeypatch.setattr(module, "_CONNECT_SECONDS", 1.0)
    address = kind if "://" in kind else request.getfixturevalue(kind)
    with pytest.raises(synmodel.core.errors.SweepError, match="no scheduler answers at") as caught:
        sweep(SMALL, **DESIGN, out=tmp_path, scheduler=address)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", None])
def test_a_file_that_is_no_scheduler_file_is_one_line(tmp_path, content):
    file = tmp_path / "scheduler.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(
        synmodel.core.errors.SweepError, match=r"scheduler is '.*scheduler\.json'; give 'local', an address"
    ):
        sweep(SMALL, **DESIGN, out=tmp_path / "out", scheduler=str(file))


def test_a_folder_in_which_nothing_was_done_is_free_again(tmp_path):
    with pytest.raises(synmodel.core.errors.SweepError, match="scheduler is 'locl'"):
        sweep(SMALL, **DESIGN, out=tmp_path, scheduler="locl")
    other = {**DESIGN, "replicates": DESIGN["replicates"] + 1}
    xr.testing.assert_identical(sweep(SMALL, **other, out=tmp_path).load(), sweep(SMALL, **other))


def test_workers_with_other_versions_are_refused(tmp_path, monkeypatch):
    from synmodel.analysis.sweeps import run

    def stale(works, *_):
        for each in works:
            answer = work.compute(each)
            yield work.Answer(answer.records, "synmodel 0.0.1")

    monkeypatch.setattr(run, "_answers", stale)
    with pytest.raises(synmodel.core.errors.SweepError, match=r"a worker has synmodel 0\.0\.1, this process synmodel"):
        sweep(SMALL, **DESIGN, out=tmp_path)


def test_the_result_is_read_where_it_is_needed(alone):
    with open_sweep(alone) as dataset:
        assert not dataset["mean"].variable._in_memory
        xr.testing.assert_identical(dataset.load(), sweep(SMALL, **DESIGN))
