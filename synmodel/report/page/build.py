"""From folders of results to one page: read, told, drawn in, set by the templates."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files as resources
from pathlib import Path

from synmodel.core.plain import Json
from synmodel.inference.summaries.problem import STUDIES
from synmodel.report.page.drawing import inlined
from synmodel.report.page.kinds import kind_of, opened
from synmodel.report.page.parts import Chapter, Grid, Held, PageError, Picture, Told, split
from synmodel.report.page.sources import Source, bibtex, papers_of, software
from synmodel.report.page.words import once

__all__ = ["LARGEST", "chapter_of", "page_of"]

LARGEST = 3_000_000
"""Bytes of a page that can still be sent by mail and opened on a telephone."""
_TEMPLATES = "synmodel.report.page"
_MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(rf"[+<{_MINUS}-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
_LABELS = {
    "synmodel_version": "version of synmodel",
    "scenario_digest": "digest of the scenarios",
    "parameters_digest": "digest of the parameters",
    "library_entries": "entries of one's own",
    "python_version": "Python",
    "experiment_digest": "digest of the experiment",
}


def chapter_of(folder: Path, anchor: str, command: str = "") -> Chapter:
    """All that a page says of a folder.

    Parameters
    ----------
    folder : Path
        Of the result.
    anchor : str
        Put before the ids of the chapter.
    command : str
        The command that made it, where that is known; else the one that follows from the document.

    Raises
    ------
    PageError
        With one line, if the folder is of no known kind, or damaged.
    ManifestError
        If a file in it is not as it was written.
    """
    held = opened(folder)
    kind = kind_of(held)
    try:
        told = kind.told(held)
        grids, notes = split(kind.tables(held.document))
        provenance = _provenance(held.document)
        own, *libraries = software(told.software)
        sources = (own, *papers_of(_studies(told), told.compounds, told.conditions, told.groups), *libraries)
        said = {*told.care, *told.first, *told.answer}
        care = [*told.care, *(line for note in notes for line in note.lines if line and line not in said)]
        methods = _methods(told, sources, provenance)
    except (LookupError, TypeError, ValueError, AttributeError) as fault:
        if isinstance(fault, PageError):
            raise
        what = f"lacks {fault}" if isinstance(fault, KeyError) else str(fault)
        message = f"{folder / held.file} is damaged: {what}; make the result again"
        raise PageError(message) from fault
    answer = tuple(once(sentence).replace(" %", "\N{NO-BREAK SPACE}%") for sentence in told.answer)
    told = replace(told, answer=answer, care=_cleared(care, told), command=command or told.command)
    return Chapter(
        anchor, kind.name, held.name, told, _pictures(held, told, anchor), tuple(grids), provenance, methods, sources,
        bibtex(sources),
    )  # fmt: skip


def _studies(told: Told) -> list[str]:
    """Those of the result, and those that the joint posterior rests on."""
    return [*told.studies, *(name for name in STUDIES if told.posterior and name not in told.studies)]


def _cleared(lines: Sequence[str], told: Told) -> tuple[str, ...]:
    """Lines that stand nowhere else on the page."""
    elsewhere = {_bare(line) for line in (*told.answer, *told.first)}
    kept = {_bare(line): line for line in reversed(lines)}
    return tuple(line for key, line in reversed(kept.items()) if not any(key in other for other in elsewhere))


def _bare(line: str) -> str:
    return re.sub(r"^assumed: ", "", line).rstrip(".").lower()


def _pictures(held: Held, told: Told, anchor: str) -> tuple[Picture, ...]:
    """The figures of a folder, those with a caption first."""
    found = sorted(
        held.folder.glob("*.svg"), key=lambda path: (path.stem not in told.figures, _place(path, told), path.name)
    )
    pictures = []
    for number, path in enumerate(found):
        caption = told.figures.get(path.stem, f"{path.stem.replace('-', ' ').replace('_', ' ')}")
        alternative = f"{caption} In words: {' '.join(told.answer)}"
        pictures.append(
            Picture(inlined(path, f"{anchor}-f{number}-", caption[:120], alternative), caption, alternative)
        )
    return tuple(pictures)


def _place(path: Path, told: Told) -> int:
    return list(told.figures).index(path.stem) if path.stem in told.figures else len(told.figures)


def _provenance(document: Json) -> tuple[tuple[str, str], ...]:
    """Flat text; of several models that of the first."""
    models = document.get("models")
    made_with = document.get("provenance") or (next(iter(models.values()))["provenance"] if models else {})
    return tuple(
        (_LABELS.get(str(key), str(key).replace("_", " ")), str(value))
        for key, value in made_with.items()
        if isinstance(value, str | int | float) and str(value) and key not in ("contradictions", "notes")
    )


def _methods(told: Told, sources: Sequence[Source], provenance: Sequence[tuple[str, str]]) -> str:
    """A paragraph with numbers of sources in brackets."""
    number = {each: place for place, each in enumerate(sources, 1)}
    programs = [each for each in sources if each.software]
    papers = [each for each in sources if not each.software]
    own, *libraries = (number[each] for each in programs)
    made_with = dict(provenance)
    version = made_with.get("version of synmodel", "unknown")
    parts = [
        f"Turnover of dendritic spines was modelled with synmodel {version} [{own}]: concentration of drug in "
        f"the brain, "
        "engaged receptors, signalling, and formation, maturation and elimination of spines as a stochastic process, "
        "observed as by "
        "two-photon microscopy.",
        *told.methods,
    ]
    if papers:
        cited = [number[each] for each in papers]
        parts.append(f"Data and numbers of the model are from published work [{_span(cited)}].")
    seed = f" Random seed {made_with['seed']}." if "seed" in made_with else ""
    with_ = f" ({made_with['libraries']})" if "libraries" in made_with else ""
    parts.append(f"Computations used Python with the libraries [{_span(libraries)}]{with_}.{seed}")
    return " ".join(parts)


def _span(numbers: Sequence[int]) -> str:
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, numbers))


def page_of(chapters: Sequence[Chapter], title: str = "") -> str:
    """The page of one or several chapters.

    Raises
    ------
    PageError
        If it is larger than :data:`LARGEST`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_TEMPLATES, "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(sortable=_sortable, numeric=_is_numeric)
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = environment.get_template("page.html").render(
        chapters=chapters,
        title=title or (chapters[0].told.title if len(chapters) == 1 else f"{len(chapters)} results of synmodel"),
        sheet=_resource("page.css"),
        script=script,
        script_digest=digest,
    )
    size = len(text.encode())
    if size > LARGEST:
        message = f"the page would be {size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}; make one page for each folder"
        raise PageError(message)
    return text


def _resource(name: str) -> str:
    return (resources(_TEMPLATES) / "templates" / name).read_text(encoding="utf-8")


def _sortable(cell: str) -> str:
    """The number that a cell begins with, by which it is sorted; empty without one."""
    found = _NUMBER.match(cell.strip())
    return "" if found is None else found[0].replace(_MINUS, "-").replace(",", "").lstrip("<+")


def _is_numeric(grid: Grid, column: int) -> bool:
    """Whether most cells of a column begin with a number."""
    cells = [row[column] for row in grid.rows if row[column] not in ("", "-")]
    return bool(cells) and 2 * sum(bool(_sortable(cell)) for cell in cells) > len(cells)
