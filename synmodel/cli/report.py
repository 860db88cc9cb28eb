"""The verbs that hand results on: ``report`` makes a page, ``cite`` names sources; and ``--report`` of other verbs."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from synmodel.cli.joint import AsJson
from synmodel.cli.option import with_option
from synmodel.cli.output import print_json

__all__ = ["cite", "report", "reporting"]

PAGE = "report.html"
"""Name of the page that ``--report`` writes into a folder."""

_OPTION = Annotated[
    bool, typer.Option("--report", help=f"Also write {PAGE}, a page to read and hand on, into the folder.")
]
_NOT_OF_THE_RESULT = ("--out", "--quiet", "--json", "--report", "--log")


def report(
    folders: Annotated[list[Path], typer.Argument(help="Folders that synmodel has written, one or several.")],
    out: Annotated[Path, typer.Option(help="The page, one file of HTML that needs no other.")] = Path(PAGE),
    title: Annotated[str, typer.Option(help="Title of the page; default: that of the result.")] = "",
) -> None:
    """Make one self-contained page of results: answer, figures, tables, what is open, methods, how to make it again."""
    from synmodel.report import files
    from synmodel.report.page import html

    files.check_file(out)
    text = html(folders, title=title)
    files.write_text(out, text)
    sys.stdout.write(f"Written to {out}: {len(folders)} {'result' if len(folders) == 1 else 'results'}\n")


def cite(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of a result; default: the software and all studies.")
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="BibTeX alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the papers and programs to cite, as text and BibTeX: of a result, or of the library."""
    from dataclasses import asdict

    from synmodel import library
    from synmodel.report.page import bibtex as entries_of
    from synmodel.report.page import sources_of
    from synmodel.report.page.sources import papers_of, software

    if folder is None:
        sources = (*papers_of(library.names("studies"), depth="studies"), *software())
    else:
        sources = sources_of(folder)
    if as_json:
        print_json({"sources": [{"key": each.key, **asdict(each)} for each in sources]})
        return
    if not bibtex:
        for number, each in enumerate(sources, 1):
            sys.stdout.write(f"[{number}] {each.text}\n")
        sys.stdout.write("\n")
    sys.stdout.write(entries_of(sources))


def reporting(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with ``--report``: when it has ended well, a page of its folder is written into that.

    Its folder is that of ``out``; a verb without a default for it has ``synmodel-NAME``, as ``experiment`` has.
    """

    def run(*, report: bool = False, **given: Any) -> None:
        folder = given["out"] if given["out"] is not None else Path(f"synmodel-{given['name']}")
        if not report:
            verb(**given)
            return
        from synmodel.report import files
        from synmodel.report.page import html

        files.check(folder, [PAGE])
        verb(**given)
        files.write_text(folder / PAGE, html([folder], command=_command(sys.argv[1:])))
        if not given.get("as_json"):
            sys.stdout.write(f"Written to {folder}: {PAGE}\n")

    return with_option(verb, run, "report", False, _OPTION)


def _command(arguments: list[str]) -> str:
    """The command as it was given, without what is not of the result."""
    kept, skip = [], False
    for each in arguments:
        if skip:
            skip = False
        elif each in _NOT_OF_THE_RESULT:
            skip = each in ("--out", "--log")
        elif not each.startswith(("--out=", "--log=")):
            kept.append(each)
    return shlex.join(["synmodel", *kept])
