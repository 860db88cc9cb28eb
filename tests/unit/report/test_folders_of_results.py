"""A folder of results is written whole or not at all, and readers find out if it was changed."""

import json
import signal
import subprocess
import sys

import pytest

from synmodel.core import manifest
from synmodel.report import files

pytestmark = pytest.mark.heavy

WRITER = """
import os, signal, sys
from pathlib import Path
from synmodel.report import files
out, what, kill_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done = [0]
replace = Path.replace
def counted(self, target):
    if done[0] == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    done[0] += 1
    return replace(self, target)
Path.replace = counted
with files.folder(out) as folder:
    for name in ("a.json", "b.json", "c.json"):
        (folder / name).write_text(what)
"""


def written_by(out, what, kill_at=99):
    return subprocess.run([sys.executable, "-c", WRITER, str(out), what, str(kill_at)], check=False).returncode


def contents(out):
    return {path.name: path.read_text() for path in out.iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize("kill_at", range(6))
def test_a_kill_between_two_files_is_healed_by_the_next_writer_and_seen_by_readers(tmp_path, kill_at):
    """Of six renames, the manifest's own, those of three files and that of the manifest, one is never reached."""
    out = tmp_path / "out"
    assert written_by(out, "old") == 0
    killed = written_by(out, "new", kill_at)
    assert killed == (-signal.SIGKILL if kill_at < 5 else 0)
    mixed = len(set(contents(out).values())) > 1
    if mixed:
        with pytest.raises(manifest.ManifestError, match="not as it was written"):
            manifest.check(out)
    with files.folder(out) as folder:
        (folder / "d.json").write_text("next")
    found = contents(out)
    assert found.pop("d.json") == "next"
    assert set(found.values()) == ({"old"} if kill_at < 1 else {"new"})
    manifest.check(out)
    assert not [path for path in tmp_path.rglob(".out-*")]


def test_a_folder_of_a_process_that_is_alive_is_left_alone(tmp_path):
    out = tmp_path / "out"
    with files.folder(out) as first:
        (first / "a.json").write_text("first")
        with files.folder(out) as second:
            (second / "b.json").write_text("second")
        assert (first / "a.json").read_text() == "first"
    assert contents(out) == {"a.json": "first", "b.json": "second"}
    manifest.check(out)


def test_files_of_somebody_else_stay_and_are_not_noted(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".x-abcdefgh").mkdir()
    with files.folder(tmp_path) as folder:
        (folder / "a.json").write_text("1")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / ".x-abcdefgh").is_dir()
    assert set(manifest.entries(tmp_path)) == {"a.json"}


@pytest.mark.parametrize("how", ["flipped", "shorter", "gone"])
def test_a_file_that_was_changed_is_found(tmp_path, how):
    with files.folder(tmp_path / "out") as folder:
        (folder / "a.bin").write_bytes(bytes(range(256)))
        (folder / "b.bin").write_bytes(b"1")
    path = tmp_path / "out" / "a.bin"
    if how == "flipped":
        path.write_bytes(bytes([*range(255), 254]))
    elif how == "shorter":
        path.write_bytes(bytes(range(255)))
    else:
        path.unlink()
    manifest.check(tmp_path / "out", ["b.bin"])
    with pytest.raises(manifest.ManifestError, match=r"a\.bin is not as it was written"):
        manifest.check(tmp_path / "out")


def test_a_folder_in_a_folder_is_noted_with_the_names_in_it(tmp_path):
    store = tmp_path / "store"
    (store / "x").mkdir(parents=True)
    (store / "x" / "0").write_bytes(b"12")
    manifest.note(tmp_path, ["store"])
    manifest.check(tmp_path)
    (store / "x" / "0").rename(store / "x" / "1")
    with pytest.raises(manifest.ManifestError):
        manifest.check(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 3}', "\x00"])
def test_a_manifest_that_cannot_be_read_is_one_line(tmp_path, text):
    (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(manifest.ManifestError, match="cannot be read"):
        manifest.check(tmp_path)


def test_a_manifest_is_plain_json(tmp_path):
    with files.folder(tmp_path / "out") as folder:
        (folder / "a.json").write_text("1")
    entry = json.loads((tmp_path / "out" / manifest.NAME).read_text())["files"]["a.json"]
    assert entry == {"bytes": 1, "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
