"""A COMBINE archive: models, simulation and scenario in one file with a manifest and metadata."""

import re
import tempfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import ModuleType

from synmodel.report.exporting.optional import library_of
from synmodel.report.exporting.sbml import ExportError

__all__ = ["to_omex"]

_SPECIFICATION = "http://identifiers.org/combine.specifications/"
_FORMATS = {
    ".xml": f"{_SPECIFICATION}sbml.level-3.version-2",
    ".sedml": f"{_SPECIFICATION}sed-ml",
    ".toml": "https://purl.org/NET/mediatypes/application/toml",
    ".rdf": f"{_SPECIFICATION}omex-metadata",
}
_CREATED = re.compile(r"\s*<dcterms:created.*?</dcterms:created>", re.DOTALL)
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that an archive can hold: the same content is the same file


def to_omex(contents: Mapping[str, str], descriptions: Mapping[str, str], master: str) -> bytes:
    """The archive.

    Parameters
    ----------
    contents : mapping
        Texts by name of the file.
    descriptions : mapping
        What a file is, by its name; ``.`` is the archive.
    master : str
        File to open first.

    Raises
    ------
    ExportError
        If the archive cannot be read back.
    """
    libcombine = library_of("libcombine")
    archive = libcombine.CombineArchive()
    for name, text in contents.items():
        archive.addFileFromString(text, name, _FORMATS[Path(name).suffix], name == master)
    archive.addFileFromString(_metadata(libcombine, descriptions), "metadata.rdf", _FORMATS[".rdf"], False)
    whole = archive.getManifest().createContent()
    whole.setLocation(".")
    whole.setFormat(f"{_SPECIFICATION}omex")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "archive.omex"
        archive.writeToFile(str(path))
        archive.cleanUp()
        again = libcombine.CombineArchive()
        names = set(contents)
        if not again.initializeFromArchive(str(path)) or not names <= {str(each) for each in again.getAllLocations()}:
            message = f"the archive of {', '.join(names)} cannot be read back"
            raise ExportError(message)
        again.cleanUp()
        return _without_times(path.read_bytes())


def _metadata(libcombine: ModuleType, descriptions: Mapping[str, str]) -> str:
    """One RDF document; without times, which would make each archive of the same content another one."""
    parts = []
    for about, text in descriptions.items():
        described = libcombine.OmexDescription()
        described.setAbout(about if about == "." else f"./{about}")
        described.setDescription(text)
        parts.append(_CREATED.sub("", described.toXML()))
    inner = [re.search(r"<rdf:Description.*</rdf:Description>", part, re.DOTALL) for part in parts]
    body = "\n  ".join(found.group() for found in inner if found)
    head = parts[0][: parts[0].index("<rdf:Description")]
    return f"{head}{body}\n</rdf:RDF>\n"


def _without_times(content: bytes) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda each: (each != "manifest.xml", each)):
            target.writestr(zipfile.ZipInfo(name, _DATE), source.read(name), zipfile.ZIP_DEFLATED)
    return made.getvalue()
