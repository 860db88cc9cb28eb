"""Whom a result rests on: papers of the library's documents by DOI, and the software; as text and BibTeX."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from synmodel import library
from synmodel.core.plain import Json
from synmodel.library.provenance import version_of_synmodel

__all__ = ["Source", "bibtex", "papers_of", "software"]

_PAPER = re.compile(
    r"(?P<who>[A-Z][\w'-]+(?:(?:, | and | et al\.?,? )(?:[A-Z][\w'-]+)?)*(?: et al\.)?) (?P<year>(?:19|20)\d\d),? "
    r"doi:(?P<doi>10\.\d{4,9}/[^\s,;)\"]+)"
)
_DOI = re.compile(r"doi:(10\.\d{4,9}/[^\s,;)\"]+)")
_CITATION = re.compile(r"(?P<who>.+?) (?P<year>(?:19|20)\d\d), (?P<title>.+), (?P<journal>[^,]+)\Z")
_PLACED = re.compile(r"(.+?) (\d+(?:\(\d+\))?)(?::([\w-]+))?\Z")
_SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
            "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A paper, a deposit or a program.

    Attributes
    ----------
    who, year : str
        Authors as they are cited, and the year; empty where the library gives a DOI alone.
    title, journal : str
        Empty where the library does not give them: a DOI leads to both.
    doi : str
        Empty for what has none.
    software : bool
        Whether it is a program.
    """

    who: str
    year: str
    title: str = ""
    journal: str = ""
    doi: str = ""
    software: bool = False

    @property
    def key(self) -> str:
        """Short name in BibTeX."""
        if self.software:
            return re.split(r"[ :]", self.title.lower())[0] if not self.doi else _program_key(self)
        first = re.match(r"[A-Za-z]+", self.who)
        if first is None or not self.year:
            return "doi" + re.sub(r"\W+", "", self.doi).lower()
        return f"{first[0].lower()}{self.year}{re.sub(r'[^A-Za-z0-9]', '', self.doi)[-4:].lower()}"

    @property
    def said(self) -> str:
        """In one line, without the DOI."""
        parts = [f"{self.who} {self.year}".strip(), self.title, self.journal]
        return " ".join(f"{part.rstrip('.')}." for part in parts if part)

    @property
    def text(self) -> str:
        """In one line, with the DOI as an address."""
        return " ".join([*([self.said] if self.said else []), *([f"https://doi.org/{self.doi}"] if self.doi else [])])


def _program_key(source: Source) -> str:
    return next(name for name, each in SOFTWARE.items() if each == source)


SOFTWARE = {
    "numpy": Source("Harris et al.", "2020", "Array programming with NumPy", "Nature 585:357-362",
                    "10.1038/s41586-020-2649-2", True),
    "scipy": Source("Virtanen et al.", "2020", "SciPy 1.0: fundamental algorithms for scientific computing in Python",
                    "Nature Methods 17:261-272", "10.1038/s41592-019-0686-2", True),
    "numba": Source("Lam, Pitrou and Seibert", "2015", "Numba: a LLVM-based Python JIT compiler",
                    "Proceedings of the Second Workshop on the LLVM Compiler Infrastructure in HPC",
                    "10.1145/2833157.2833162", True),
    "xarray": Source("Hoyer and Hamman", "2017", "xarray: N-D labeled arrays and datasets in Python",
                     "Journal of Open Research Software 5:10", "10.5334/jors.148", True),
    "matplotlib": Source("Hunter", "2007", "Matplotlib: a 2D graphics environment",
                         "Computing in Science & Engineering 9:90-95", "10.1109/MCSE.2007.55", True),
    "dynesty": Source("Speagle", "2020", "dynesty: a dynamic nested sampling package for estimating Bayesian "
    "posteriors "
                      "and evidences", "Monthly Notices of the Royal Astronomical Society 493:3132-3158",
                      "10.1093/mnras/staa278", True),
    "arviz": Source("Kumar et al.", "2019", "ArviZ: a unified library for exploratory analysis of Bayesian models in "
                    "Python", "Journal of Open Source Software 4:1143", "10.21105/joss.01143", True),
    "statsmodels": Source("Seabold and Perktold", "2010", "statsmodels: econometric and statistical modeling "
    "with Python",
                          "Proceedings of the 9th Python in Science Conference", "10.25080/Majora-92bf1922-011", True),
}  # fmt: skip
"""Libraries that do the work, as their authors ask to be cited."""

_ALWAYS = ("numpy", "scipy", "numba", "xarray", "matplotlib")


def software(names: Iterable[str] = ()) -> list[Source]:
    """Programs that a result rests on: synmodel, the libraries that all results use, and those named."""
    own = Source("The synmodel developers", "", "synmodel: a computational model of drug-induced synaptogenesis",
                 f"version {version_of_synmodel()}", "", True)  # fmt: skip
    return [own, *(SOFTWARE[name] for name in dict.fromkeys((*_ALWAYS, *names)))]


def papers_of(
    studies: Sequence[str] = (),
    compounds: Sequence[str] = (),
    conditions: Sequence[str] = (),
    groups: Sequence[str] = (),
    *,
    depth: Literal["studies", "numbers"] = "numbers",
) -> list[Source]:
    """Papers that entries of the library name by DOI: first the studies, whose data it is, then the sources of numbers.

    Parameters
    ----------
    studies, compounds, conditions : sequence of str
        Names in the library; what it does not hold is passed over, as a folder may have been made with another.
    groups : sequence of str
        Groups of parameters, such as ``cascade``.
    depth : {"studies", "numbers"}
        The studies alone, or also the sources of all numbers.
    """
    found: dict[str, Source] = {}
    for name in studies:
        document = _document("studies", name)
        if document.get("doi"):
            found.setdefault(document["doi"].lower(), _of_study(document))
    if depth == "studies":
        return list(found.values())
    documents = [_document("studies", name) for name in studies]
    documents += [_document("conditions", name) for name in conditions]
    documents += [_document("compounds", name) for name in _with_metabolites(compounds)]
    wanted = {*groups, *studies, *compounds}
    for name in library.names("parameters"):
        documents += [part for group, part in _document("parameters", name).items() if group in wanted]
    texts = [text for document in documents for text in _texts(document)]
    for text in texts:
        for each in _PAPER.finditer(text):
            doi = each["doi"].rstrip(".:")
            found.setdefault(doi.lower(), Source(each["who"].strip(), each["year"], doi=doi))
    for text in texts:
        for doi in (each.rstrip(".:") for each in _DOI.findall(text)):
            found.setdefault(doi.lower(), Source("", "", doi=doi))
    return list(found.values())


def _of_study(document: Json) -> Source:
    parts = _CITATION.match(document.get("citation", ""))
    if parts is None:
        return Source("", "", document.get("citation", ""), doi=document["doi"])
    return Source(parts["who"], parts["year"], parts["title"], parts["journal"], document["doi"])


def _with_metabolites(compounds: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    waiting = list(compounds)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            kinetics = _document("compounds", name).get("kinetics", {})
            waiting += [each["compound"] for of in kinetics.values() for each in of.get("metabolites", ())]
    return list(found)


def _document(kind: library.Kind, name: str) -> Json:
    if name not in library.names(kind):
        return {}
    document: Json = library.document_of(kind, name)
    return document


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def bibtex(sources: Iterable[Source]) -> str:
    """Entries of BibTeX, one for each source, with keys that differ."""
    taken: dict[str, int] = {}
    entries = []
    for each in sources:
        taken[each.key] = taken.get(each.key, 0) + 1
        key = each.key if taken[each.key] == 1 else f"{each.key}x{taken[each.key]}"
        placed = _PLACED.match(each.journal)
        journal, volume, pages = placed.groups(default="") if placed and each.doi else (each.journal, "", "")
        fields = {
            "author": _authors(each.who),
            "title": f"{{{_escaped(each.title)}}}" if each.title else "",
            "journal" if each.doi else "howpublished": _escaped(journal),
            "volume": volume,
            "pages": pages.replace("-", "--"),
            "year": each.year,
            "doi": each.doi,
        }
        kind = "article" if each.doi and each.journal else "misc"
        lines = [f"  {name} = {{{text}}}," for name, text in fields.items() if text]
        entries.append("\n".join([f"@{kind}{{{key},", *lines, "}"]))
    return "\n\n".join(entries) + "\n"


def _authors(who: str) -> str:
    if who.startswith("The "):
        return f"{{{_escaped(who)}}}"
    names = [name for name in re.split(r",? and |, ", re.sub(r",? et al\.?", " and others", who)) if name]
    return " and ".join(name if name == "others" else _escaped(name) for name in names)


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
