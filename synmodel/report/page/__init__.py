"""One self-contained page in HTML from folders of results.

Nothing on it is loaded from elsewhere, and whatever comes from a file is text to it: templates escape, and figures
are taken apart (:mod:`synmodel.report.page.drawing`). Sentences follow from the numbers of a result; tables are
those of the terminal.
"""

from collections.abc import Sequence
from pathlib import Path

from synmodel.report.page.build import LARGEST, chapter_of, page_of
from synmodel.report.page.parts import PageError
from synmodel.report.page.sources import Source, bibtex

__all__ = ["LARGEST", "PageError", "bibtex", "html", "sources_of"]


def html(folders: Sequence[str | Path], *, title: str = "", command: str = "") -> str:
    """The page of folders of results.

    Parameters
    ----------
    folders : sequence of str or Path
        As the verbs of the command write them, one or several.
    title : str
        Of the page; default: that of the one result, or their number.
    command : str
        The command that made a single folder, where that is known.

    Returns
    -------
    str
        HTML of at most :data:`LARGEST` bytes.

    Raises
    ------
    PageError
        With one line, if there is none, one is of no known kind or damaged, or the page is too large.
    """
    paths = [Path(each) for each in folders]
    if not paths:
        message = "no folder is given; give one or more that synmodel has written"
        raise PageError(message)
    chapters = [
        chapter_of(path, f"r{number}", command if len(paths) == 1 else "") for number, path in enumerate(paths, 1)
    ]
    return page_of(chapters, title)


def sources_of(folder: str | Path) -> tuple[Source, ...]:
    """The papers and programs on which a folder of results rests, papers first.

    Raises
    ------
    PageError
        As of :func:`html`.
    """
    return chapter_of(Path(folder), "r").sources
