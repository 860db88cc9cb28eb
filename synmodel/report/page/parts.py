"""What a page of results is made of: sentences, tables and pictures, plain text until templates set them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from synmodel.core.errors import SynmodelError
from synmodel.core.plain import Json

if TYPE_CHECKING:
    from rich.table import Table

    from synmodel.report.page.sources import Source

__all__ = ["Chapter", "Grid", "Held", "Notes", "PageError", "Picture", "Told", "split"]


class PageError(SynmodelError):
    """A folder that holds no result, a damaged one, or one that no page can be made of."""


@dataclass(frozen=True)
class Held:
    """A folder of results as it was read.

    Attributes
    ----------
    folder : Path
        Where it is.
    file : str
        Name of its main document.
    document : dict
        The content of that.
    """

    folder: Path
    file: str
    document: Json

    @property
    def name(self) -> str:
        """Of the folder, or the folder above where it is the present one."""
        return self.folder.name or self.folder.resolve().name


@dataclass(frozen=True)
class Grid:
    """A table: title, headings, and rows of as many cells."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Notes:
    """A heading with lines of text below it."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A figure as markup that is safe to set into a page, with a caption and what it shows in words."""

    markup: str
    caption: str
    alternative: str


@dataclass(frozen=True)
class Told:
    """What a kind of result says of itself, in words that follow from its numbers.

    Attributes
    ----------
    title : str
        What the chapter is of.
    asked : str
        The question.
    answer : sequence of str
        The answer, two sentences with intervals.
    first : sequence of str
        What contradicts the result: it stands before all else.
    diagnostics : sequence of str
        How far the computation may be trusted.
    unknown : sequence of str
        What the data cannot tell.
    care : sequence of str
        What to read with care.
    figures : dict of str to str
        Stem of each figure's file -> its caption.
    command, python : str
        How to make the result again.
    methods : sequence of str
        Sentences for the methods of a paper, without those that all results share.
    studies, compounds, conditions, groups : sequence of str
        Entries of the library, and groups of parameters, on which it rests.
    software : sequence of str
        Libraries that did the work, beside those that all results use.
    posterior : bool
        Whether it rests on the joint posterior, and so on the studies behind that.
    further : sequence of (str, str)
        Questions that it does not answer, and the command that does.
    """

    title: str
    asked: str
    answer: Sequence[str]
    first: Sequence[str] = ()
    diagnostics: Sequence[str] = ()
    unknown: Sequence[str] = ()
    care: Sequence[str] = ()
    figures: dict[str, str] = field(default_factory=dict)
    command: str = ""
    python: str = ""
    methods: Sequence[str] = ()
    studies: Sequence[str] = ()
    compounds: Sequence[str] = ()
    conditions: Sequence[str] = ()
    groups: Sequence[str] = ()
    software: Sequence[str] = ()
    posterior: bool = True
    further: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Chapter:
    """All of one folder, ready for a template."""

    anchor: str
    kind: str
    folder: str
    told: Told
    pictures: tuple[Picture, ...]
    grids: tuple[Grid, ...]
    provenance: tuple[tuple[str, str], ...]
    methods: str
    sources: "tuple[Source, ...]"
    bibtex: str


def split(tables: "Iterable[Table]") -> tuple[list[Grid], list[Notes]]:
    """Tables of the terminal as plain text: those with columns, and those that are lists of lines."""
    grids, notes = [], []
    for table in tables:
        title, columns = _plain(table.title), [[_plain(cell) for cell in column.cells] for column in table.columns]
        headings = tuple(_plain(column.header) for column in table.columns)
        rows = tuple(zip(*columns, strict=True)) if columns else ()
        single = len(headings) == 1 or (rows and all(not any(row[1:]) for row in rows) and not any(headings))
        if single:
            lines = tuple(row[0].removeprefix("- ") for row in rows)
            notes.append(Notes(title or headings[0], lines if title else (headings[0], *lines)))
        elif rows:
            grids.append(Grid(title, headings, rows))
    return grids, notes


def _plain(text: object) -> str:
    return str(getattr(text, "plain", "" if text is None else text)).strip()
