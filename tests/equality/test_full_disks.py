"""On a disk that fills up, a command ends with one line and status 2, and its folder holds a whole result or none.

Each verb that writes is run on file systems of their own (tmpfs in a namespace, where the system allows that) of many
sizes, from too small for the first byte to nearly enough, empty and with an earlier result
(``pytest -m long tests/equality/test_full_disks.py``).
"""

import shlex
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest
from test_kills import VERBS, WITHOUT_SEED, digests, finished, folder  # noqa: F401 - the last is a fixture

from synmodel.core import manifest

SIZES_KB = (4, 12, 40, 100, 200, 300)
"""Results take 30 to 400 kB."""

INSIDE = """
mount -t tmpfs -o size={size}k none disk || exit 78
if [ -n "{old}" ]; then mkdir disk/out && cp -r "{old}/." disk/out || exit 77; fi
{command} --out disk/out
echo "status $?" >&2
rm -rf after; mkdir after
if [ -d disk/out ]; then cp -r disk/out/. after; fi
find disk -name '.out-*' >&2
"""


class Ended(NamedTuple):
    """Exit status, what was said on stderr, and what hidden folders were left."""

    status: int
    said: list[str]
    left: list[str]


def on_a_small_disk(where, verb, size, old):
    """Run a verb with seed 2; None where the disk has no room for the earlier result."""
    words = [*VERBS[verb].format(seed=2).split(), *([] if verb in WITHOUT_SEED else ["--seed", "2"])]
    command = shlex.join([sys.executable, "-m", "synmodel", *words])
    script = INSIDE.format(size=size, old=old, command=command)
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], cwd=where, capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        return None
    lines = done.stderr.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("status "))
    return Ended(int(lines[at].split()[1]), lines[:at], lines[at + 1 :])


@pytest.fixture
def mounts(folder):  # noqa: F811
    (folder / "disk").mkdir()
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(folder / "disk")]
    if shutil.which("unshare") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a file system of their own")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("verb", list(VERBS))
def test_full_disks(verb, mounts):
    _, before = finished(verb, mounts, "first", 1)
    _, whole = finished(verb, mounts, "second", 2)
    full = 0
    for size in SIZES_KB:
        for old in ("",) if verb == "sweep" else ("", "first"):  # another sweep is refused before anything is written
            ended = on_a_small_disk(mounts, verb, size, old)
            if ended is None:
                continue
            case, found = (verb, size, old, ended), digests(mounts / "after")
            assert not ended.left, case
            if ended.status == 0:
                assert found == whole, case
                continue
            full += 1
            assert ended.status == 2, case
            assert "Traceback" not in "\n".join(ended.said), case
            assert ended.said[-1].startswith("synmodel: "), case
            assert "space left" in ended.said[-1] or "room" in ended.said[-1], case
            if verb == "sweep":  # whose folder is its own while it works
                continue
            assert found == (before if old else {}), case
            manifest.check(mounts / "after")
    assert full > 0
