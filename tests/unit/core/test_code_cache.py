"""Compiled code that is kept is never older than its sources."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import synmodel
from synmodel.core import code_cache
from synmodel.core import compiled as compilation
from synmodel.turnover import TurnoverModel, simulate
from synmodel.turnover.kernels.events import tally
from synmodel.turnover.kernels.lockstep import lockstep
from synmodel.turnover.kernels.sessions import run_sessions

pytestmark = pytest.mark.heavy

PACKAGE = Path(synmodel.__file__).parent
DRAW = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
import synmodel, numpy as np
from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.randomness._arrays import fill_uniform
value = uniform_array(stream_key(1, "a"), np.arange(1))[0]
print(synmodel.__file__)
print(value, sum(fill_uniform.stats.cache_hits.values()))
"""


EVERY_KERNEL = """
import sys
sys.path[:0] = sys.argv[1:]
import numpy as np
from numba.core import event

class Compiled(event.Listener):
    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if function.__module__.startswith("synmodel."):
            print(function.__module__, function.__qualname__)

    def on_end(self, event):
        pass

event.register("numba:compile", Compiled())
import test_likelihood
from synmodel.scenario import load
from synmodel.simulation import simulate as simulate_scenario
from synmodel.turnover import HeadWidth, Interaction, EliminationBySize, TurnoverModel, simulate
from synmodel.turnover import trace, trace_coupled, trace_sessions
from synmodel.turnover.start import Start

by_size = EliminationBySize(HeadWidth(0.5, 0.3, 0.1, 2.0), steepness=4.0, most=5.0)
variants = [("events", {"elimination_by_size": by_size}), ("coupled", {"interaction": Interaction(pool=40.0)})]
times = np.array([0.0, 2.0, 4.0])
for K in (1, 2):
    model = TurnoverModel(("thin", "mushroom")[:K], 2.0, 0.1 - 0.1 * np.eye(K), [0.1] * K)
    for engine, more in [("sessions", {}), ("events", {}), ("coupled", {}), *variants]:
        simulate(model, initial={"poisson": 20}, times=times, replicates=2, engine=engine, **more)
    start = Start(np.full((1, 1, K), 20), np.ones((1, 1)))
    trace(model, start, times, seed=1, elimination_by_size=by_size)
    trace_coupled(model, start, times, seed=1, interaction=Interaction(pool=40.0))
    trace_sessions(model, start, times, seed=1)
simulate_scenario(load("ketamine-mouse-single"), replicates=2, seed=1)
for model in (test_likelihood.ONE, test_likelihood.TWO, test_likelihood.THREE):
    test_likelihood.bits(model)
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package whose sources can be edited, with an empty cache."""
    target = tmp_path / "src" / "synmodel"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def draw(copy, **more):
    """The draw, the number of functions found in the cache, and whether the log says that code was compiled."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("SYNMODEL_NUMBA_CACHE", "NUMBA_CACHE_DIR")}
    environment = {
        **inherited,
        "PYTHONPATH": str(copy.parent),
        "SYNMODEL_CACHE_DIR": str(copy.parent / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }
    child = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=copy.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    *log, file, result = child.stdout.splitlines()
    assert Path(file).parent == copy
    value, hits = result.split()
    return float(value), int(hits), any("compiling" in line for line in log)


def test_an_edit_in_a_file_that_a_kernel_calls_is_noticed(copy):
    """numba alone would run the old code: the kernel is in _arrays.py, the edit in philox.py."""
    first, hits, compiled = draw(copy)
    assert (hits, compiled) == (0, True)
    assert draw(copy) == (first, 1, False)
    callee = copy / "core" / "randomness" / "philox.py"
    text = callee.read_text(encoding="utf-8")
    assert "0xD2511F53" in text
    callee.write_text(text.replace("0xD2511F53", "0xD2511F55"))
    second, hits, compiled = draw(copy)
    assert second != first
    assert (hits, compiled) == (0, True)
    callee.write_text(text)
    assert draw(copy) == (first, 1, False)


def test_without_a_cache_nothing_is_kept(copy):
    assert draw(copy, SYNMODEL_NUMBA_CACHE="0")[1:] == (0, True)
    assert not (copy.parent / "cache").exists()


def test_a_folder_that_cannot_be_made_is_done_without(copy):
    (copy.parent / "cache").write_text("a file")
    assert draw(copy)[1:] == (0, True)


def test_the_digest_covers_kernels_and_what_they_call():
    names = {path.relative_to(PACKAGE).as_posix() for path in code_cache.kernel_files()}
    with_kernels = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "\n@compiled" in path.read_text(encoding="utf-8")
    }
    assert with_kernels
    assert {"core/compiled.py", "core/code_cache.py", *with_kernels} <= names
    assert "cli/__init__.py" not in names


def test_imports_are_followed(tmp_path):
    package = tmp_path / "synmodel"
    (package / "deep").mkdir(parents=True)
    sources = {
        "__init__.py": "",
        "kernel.py": "from synmodel.a import (\n    one,\n    two,\n)\n@compiled\ndef f(): pass\n",
        "a.py": "def one():\n    from synmodel import b\n",
        "b.py": "import synmodel.deep.c\n",
        "deep/__init__.py": "",
        "deep/c.py": "",
        "other.py": "from synmodel import kernel",
    }
    for name, text in sources.items():
        (package / name).write_text(text)
    names = {path.relative_to(package).as_posix() for path in code_cache.kernel_files(package)}
    assert names == {"kernel.py", "a.py", "b.py", "deep/c.py", "__init__.py"}
    before = code_cache.kernel_digest(package)
    (package / "other.py").write_text("changed")
    assert code_cache.kernel_digest(package) == before
    (package / "deep" / "c.py").write_text("changed")
    assert code_cache.kernel_digest(package) != before


def test_folders_out_of_use_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SYNMODEL_NUMBA_CACHE", "1")
    old, recent = tmp_path / "kernels" / "old", tmp_path / "kernels" / "recent"
    for folder in (old, recent):
        folder.mkdir(parents=True)
    two_months_ago = time.time() - 60 * 86_400
    os.utime(old, (two_months_ago, two_months_ago))
    here = code_cache.folder()
    assert here is not None
    assert {path.name for path in (tmp_path / "kernels").iterdir()} == {"recent", here.name}


def emptied(content):
    return content[:0]


def halved(content):
    return content[: len(content) // 2]


def without_an_end(content):
    return content[:-1]


def flipped(content):
    return content[:-9] + bytes([content[-9] ^ 4]) + content[-8:]


def flipped_at_the_start(content):
    return bytes([content[0] ^ 1]) + content[1:]


def of_another_kind(content):
    return content[:0] + b"\x80\x04K\x01."  # a pickle, of 1


def longer(content):
    return content + b"more"


DAMAGES = (emptied, halved, without_an_end, flipped, flipped_at_the_start, of_another_kind, longer)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A function that is compiled anew at every call of the fixture, unless it was kept; and where it is kept."""
    folder = tmp_path / "kept"
    folder.mkdir()
    monkeypatch.setattr(compilation, "_folder", lambda: str(folder))
    (tmp_path / "twofold.py").write_text("def twofold(x):\n    return 2 * x\n")
    specification = importlib.util.spec_from_file_location("twofold", tmp_path / "twofold.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "twofold", module)
    return lambda: compilation.compiled(module.twofold), folder


def hits(function):
    """How many signatures were found in the cache."""
    assert function(3) == 6
    return sum(function.stats.cache_hits.values())


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_damaged_code_is_compiled_anew_and_kept(kept, damage, kind):
    made, folder = kept
    assert [hits(made()), hits(made())] == [0, 1]
    (file,) = folder.rglob(f"*.{kind}")
    file.write_bytes(damage(file.read_bytes()))
    assert [hits(made()), hits(made())] == [0, 1]


def test_a_disk_that_is_full_stops_nothing(kept, monkeypatch):
    made, folder = kept

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_cache._CheckedFiles, "_write", full)
    assert [hits(made()), hits(made())] == [0, 0]
    assert not list(folder.rglob("*.nb?"))


def test_code_that_makes_hashes_is_not_kept(kept, tmp_path):
    """It asks for numbers that numba has once it has loaded all that it can compile; without them a process ends."""
    _, folder = kept
    (tmp_path / "hashing.py").write_text("def hashing(x):\n    return hash(x)\n")
    specification = importlib.util.spec_from_file_location("hashing", tmp_path / "hashing.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["hashing"] = module
    specification.loader.exec_module(module)
    for _ in range(2):
        made = compilation.compiled(module.hashing)
        assert made("spine") == hash("spine")
        assert not made.stats.cache_hits
    assert not list(folder.rglob("*.nbc"))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no owners here")
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path, monkeypatch, caplog, mode):
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SYNMODEL_NUMBA_CACHE", "1")
    here = code_cache.folder()
    assert here is not None
    assert here.stat().st_mode & 0o777 == 0o700
    here.chmod(mode)
    assert code_cache.folder() is None
    assert "can be written by others" in caplog.text
    here.chmod(0o755)
    assert code_cache.folder() == here
    monkeypatch.setattr(os, "geteuid", lambda: here.stat().st_uid + 1)
    assert code_cache.folder() is None
    monkeypatch.undo()
    monkeypatch.setenv("SYNMODEL_CACHE_DIR", str(tmp_path))
    moved = here.rename(tmp_path / "elsewhere")
    here.symlink_to(moved)
    assert code_cache.folder() is None


@pytest.mark.skipif(code_cache.folder() is None, reason="compiled code is not kept on this machine")
def test_a_second_process_compiles_nothing():
    """A function that numba cannot find again, as one that closes over another, would be compiled in every process."""
    for process in (1, 2):
        unit = Path(__file__).parents[1]
        run = [sys.executable, "-c", EVERY_KERNEL, str(unit / "inference" / "likelihood"), str(unit)]
        child = subprocess.run(run, capture_output=True, check=False, text=True)
        assert child.returncode == 0, child.stderr
        assert process == 1 or child.stdout == ""


@pytest.mark.parametrize("engine", ["sessions", "events", "coupled"])
def test_one_replicate_runs_what_was_compiled_for_many(engine):
    """Arrays that were broadcast are read-only, which is another type to a compiled function."""
    kernel = {"sessions": run_sessions, "events": tally, "coupled": lockstep}[engine]
    model = TurnoverModel(("thin",), 2.0, [[0.0]], [0.1])
    design = {"initial": {"thin": 3}, "times": [0.0, 1.0], "engine": engine}
    simulate(model, replicates=2, **design)
    compiled = len(kernel.signatures)
    simulate(model, replicates=1, **design)
    simulate(model, replicates=1, **{**design, "initial": {"poisson": 3}})
    assert len(kernel.signatures) == compiled


def test_every_decorator_tells_which_files_are_compiled():
    """Code of a file that nobody looks at would be taken for that of its sources of before."""
    for name in set(compilation.__all__) - {"Compiled", "one_blas_thread", "wide_vectors"}:
        line = f"@{name}\n"
        assert code_cache._COMPILED.match(line)
        assert any(mark in line.encode() for mark in code_cache._MARKS)
