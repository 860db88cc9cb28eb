"""The explorer as its tests run it: in a process of its own, in an empty folder."""

import subprocess
import sys
from contextlib import contextmanager

__all__ = ["explorer_process"]


@contextmanager
def explorer_process(folder, *arguments):
    """The process and the address that it prints; it is ended at the end, and its stderr is checked to be empty."""
    command = [sys.executable, "-m", "synmodel", *arguments, "explore", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.terminate()
        _, said = process.communicate(timeout=60)
    assert said == "", said
