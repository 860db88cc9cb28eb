"""The command as the tests of its verbs run it."""

import sys

from synmodel.cli import main
from synmodel.core import manifest


def run(capsys, monkeypatch, *arguments):
    """Exit status, stdout and stderr of the command."""
    monkeypatch.setattr(sys, "argv", ["synmodel", *map(str, arguments)])
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code or 0
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def names_in(folder):
    """Names of what a command has written, but for its manifest, which is there with the results."""
    names = {path.name for path in folder.iterdir()}
    assert manifest.NAME in names
    return names - {manifest.NAME}
