"""Whatever goes wrong ends in one line and a status that says whose fault it is."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
import typer

from synmodel import cli
from synmodel.cli.end import end, told
from synmodel.cli.interruption import hear_interruptions
from synmodel.cli.output import progress
from synmodel.core.errors import ScenarioError

pytestmark = pytest.mark.heavy


def disguised():
    """An end of a file as typer passes it on."""
    try:
        raise EOFError("Ran out of input")
    except EOFError:
        try:
            raise typer.Abort
        except typer.Abort as abort:
            return abort


@pytest.mark.parametrize(
    ("error", "interrupted", "words", "status"),
    [
        (ScenarioError("schedule.sessions is 3"), False, "schedule.sessions is 3", 2),
        (OSError(28, "No space left on device", "/full/out"), False, "/full/out: No space left on device", 2),
        (OSError("something of a library"), False, "something of a library", 2),
        (MemoryError(), False, "not enough memory", 2),
        (RecursionError(), False, "nested too deep", 2),
        (KeyError("x"), False, "unexpected KeyError: 'x'; SYNMODEL_DEBUG=1", 3),
        (disguised(), False, "unexpected EOFError: Ran out of input", 3),
        (typer.Abort(), False, "interrupted", 130),
        (KeyboardInterrupt(), False, "interrupted", 130),
        (SystemError("of a kernel that was interrupted"), True, "interrupted", 130),
    ],
)
def test_every_error_has_a_line_and_a_status(error, interrupted, words, status):
    line, found = told(error, interrupted=interrupted)
    assert words in line
    assert found == status


def test_a_line_is_one_line_and_can_be_read(capsys):
    with pytest.raises(SystemExit) as ended:
        end("a\nb\x1b[31m" + "c" * 50_000 + "d", 2)
    assert ended.value.code == 2
    written = capsys.readouterr().err
    assert written.startswith("synmodel: a b [31mc")
    assert written.endswith("cd\n")
    assert written.count("\n") == 1
    assert len(written) < 1100


@pytest.mark.parametrize("debug", ["", "0", "1"])
def test_an_unexpected_error_is_shown_in_full_on_request(monkeypatch, capsys, debug):
    def fail(**_):
        raise ValueError("of a library")

    monkeypatch.setenv("SYNMODEL_DEBUG", debug)
    monkeypatch.setattr(sys, "argv", ["synmodel", "scenarios"])
    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ValueError if debug == "1" else SystemExit) as ended:
        cli.main()
    if debug != "1":
        assert ended.value.code == 3
        assert capsys.readouterr().err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_fault():
    child = subprocess.Popen(
        [sys.executable, "-c", "from synmodel.cli import main; main()", "show", "psilocybin"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    child.stdout.close()
    with child.stderr as errors:
        assert errors.read() == b""
    assert child.wait() in {0, 1}  # 1 where typer notices it first


def test_circles_of_objects_are_left_to_the_end_of_the_process():
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > 0));"
        "sys.argv[1:] = ['--version']; from synmodel.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split()[-1] == "True"


def test_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    """The library below would end the process in the middle of a file."""
    rows = "\n".join(f"m1,d1,{day},10" for day in (0, 2, 4))
    (tmp_path / "t.csv").write_text(f"animal,dendrite,day,count\n{rows}\n")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    out = tmp_path / "out"
    arguments = ["synmodel", "data", "convert", str(tmp_path / "t.csv"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"synmodel: --out is {out}, which cannot be made or written: No space left on device; give another folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


ENDLESS = """
import sys
import time
from synmodel import cli
from synmodel.core.compiled import compiled

@compiled
def spin(n):
    x = 88172645463325252
    for _ in range(n):
        x ^= (x << 13) & 0xFFFFFFFFFFFF
        x ^= x >> 7
    return x

@cli.app.command()
def endless():
    spin(10)
    sys.stderr.write("begun\\n")
    sys.stderr.flush()
    spin(10**14)

@cli.app.command()
def deaf():
    spin(10)
    try:
        sys.stderr.write("begun\\n")
        sys.stderr.flush()
        time.sleep(60)
    except KeyboardInterrupt:
        sys.stderr.write("lost\\n")
        sys.stderr.flush()
    spin(10**14)

cli.main()
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="there is no compiled loop")
@pytest.mark.parametrize(
    ("command", "signals", "last"),
    [
        ("endless", 1, "; no result was written"),
        ("endless", 2, " again; ended at once"),
        ("deaf", 2, " again; ended at once"),
    ],
)
def test_a_compiled_loop_can_be_interrupted(tmp_path, command, signals, last):
    """At once by a second Ctrl-C, also where the first was lost: some libraries print what is raised in them."""
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    with subprocess.Popen([sys.executable, str(script), command], stderr=subprocess.PIPE, text=True) as process:
        try:
            for said in ("begun\n", "lost\n" if command == "deaf" else "")[:signals]:
                while said and (line := process.stderr.readline()) != said:
                    assert line, "it ended by itself"
                time.sleep(0.0 if said == "begun\n" else 1.0)
                process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
        finally:
            process.kill()
        assert process.stderr.read() == f"synmodel: interrupted{last}\n"


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("tells", [True, False])
def test_an_interruption_that_was_lost_ends_the_work_at_its_next_step(quiet, tells):
    """A library that prints what is raised in it, and goes on, may have what the next step needs only in part."""
    before = signal.getsignal(signal.SIGINT), signal.set_wakeup_fd(-1)
    interrupted = hear_interruptions()
    reached = []

    def work():
        with progress(quiet) as steps:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            reached.append("the rest of the step")
            if tells:
                steps("working", 1, 2)
                reached.append("the next step")

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert reached == ["the rest of the step"]
    finally:
        interrupted.clear()  # the process of the tests goes on
        signal.signal(signal.SIGINT, before[0])
        signal.set_wakeup_fd(before[1])


LATE = """
import sys

leave = sys.exit

def interrupted(status):
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        leave(status)

sys.exit = interrupted
"""


def test_the_status_is_that_of_the_command_wherever_it_was_interrupted(tmp_path):
    """Classes of data are made of text that Python compiles; an interruption of it would outlive its end."""
    (tmp_path / "sitecustomize.py").write_text(LATE)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "synmodel", "--version"]
    child = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False, capture_output=True)
    assert (child.returncode, child.stderr) == (0, b"")
