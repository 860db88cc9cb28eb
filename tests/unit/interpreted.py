"""Tests with the compiler off: the functions of kernels run as plain Python, a slow twin of what is compiled."""

import json
import os
import subprocess
import sys
from pathlib import Path

CHILD = """
import importlib, json, sys, warnings
warnings.simplefilter("error")
*folders, module, expression = sys.argv[1:]
sys.path[:0] = folders
print(json.dumps(eval(expression, vars(importlib.import_module(module)))))
"""


def interpreted(file, expression):
    """What an expression of names in a file of tests is in a process without the compiler; a warning is an error."""
    folders = [str(Path(each).parent) for each in (file, __file__)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *folders, Path(file).stem, expression],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)
