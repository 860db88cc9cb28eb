"""Documents, tables and figures; the only importer of matplotlib.

``synmodel.report.html("comparison")`` is the page of a folder of results.
"""

from pathlib import Path

__all__ = ["html"]


def html(*folders: str | Path, title: str = "") -> str:
    """One self-contained page of folders of results; see :func:`synmodel.report.page.html`.

    Parameters
    ----------
    *folders : str or Path
        As the commands write them.
    title : str
        Of the page.

    Raises
    ------
    PageError
        If a folder is of no known kind or damaged, or the page is too large.

    Examples
    --------
    >>> import synmodel.report
    >>> synmodel.report.html("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    synmodel.report.page.parts.PageError: nowhere is not there; give a folder that synmodel has written...
    """
    from synmodel.report.page import html as page  # import on use: it takes half a second

    return page(folders, title=title)
