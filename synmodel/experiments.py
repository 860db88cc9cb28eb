"""Experiments: each takes one claim about a drug, computes what the model says of it and ends with a verdict.

An experiment is a folder with

* ``run.py``: ``run(*, short, seed, progress=None) -> Outcome``, at most 80 lines, over the public functions alone;
* ``scenario.toml`` files that it reads;
* ``README.md``: a heading ``# Row 1: title`` (the row of the claim's table), then the sections Question, Command,
  Result, Assumed and Verdict, the last with the line ``**Verdict: reproduced**`` (or another of :data:`VERDICTS`);
* ``outcome.json`` and ``figure.png`` as its full run wrote them, from which the page of claims is made.

``short`` runs the same experiment with fewer draws, so that a test can check the verdict of the README in seconds.
In a checkout the folders are those under ``experiments/``; an installed package carries them in its library.
"""

import hashlib
import importlib.util
import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, get_args

import xarray as xr

from synmodel import library
from synmodel.analysis.comparison import Contrast
from synmodel.core.errors import LibraryError, SynmodelError, did_you_mean
from synmodel.core.plain import Json
from synmodel.core.progress import Steps, stage
from synmodel.library.parameters import default_parameters
from synmodel.library.provenance import provenance
from synmodel.report import files
from synmodel.report.documents import contradiction_entries
from synmodel.scenario import load
from synmodel.simulation.checking import checks_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "FILES",
    "STATUSES",
    "VERDICTS",
    "Entry",
    "ExperimentError",
    "Finding",
    "Outcome",
    "entry",
    "folder_of",
    "names",
    "outcome_document",
    "run",
    "stage",
    "write",
]

VerdictWord = Literal["reproduced", "contradicted", "not identifiable"]
FindingStatus = Literal["measured", "derived", "assumed", "recalled", "secondary"]

VERDICTS: tuple[str, ...] = get_args(VerdictWord)
"""What an experiment may say of a claim."""

STATUSES: tuple[str, ...] = get_args(FindingStatus)
"""How a number with which the model is compared is known; the last two were not seen in their primary source."""

FILES = ("outcome.json", "figure.png", "figure.svg", "dataset.nc")
"""What an experiment writes; the last only if it returns a Dataset."""

SECTIONS = ("Question", "Command", "Result", "Assumed", "Verdict")
"""Sections of a README, in their order."""

_UNSEEN = ("recalled", "secondary")
_CODE = ("run.py", "*.toml")


class ExperimentError(SynmodelError):
    """An experiment that is not written as it should be."""


@dataclass(frozen=True)
class Finding:
    """One number of the model beside what is published.

    Attributes
    ----------
    label : str
        What it is, in words.
    model : float
        What the model says.
    low, high : float, optional
        Ends of its 95 % interval; None where it has none.
    unit : str
        Of ``model``, ``low``, ``high`` and ``data``.
    data : float or str, optional
        The published value, in words where only words were published; None where there is none.
    data_source : str
        Where ``data`` is from; empty without.
    status : str
        One of :data:`STATUSES`: how ``data`` is known, or how ``model`` came about where there is no ``data``.
    note : str
        What limits the comparison.
    data_low, data_high : float, optional
        Ends of the 95 % interval of ``data``; None where it has none.
    """

    label: str
    model: float
    low: float | None
    high: float | None
    unit: str
    data: float | str | None
    data_source: str
    status: FindingStatus
    note: str = ""
    data_low: float | None = None
    data_high: float | None = None

    @classmethod
    def of(cls, contrast: Contrast, label: str = "", note: str = "") -> "Finding":
        """A contrast of the model, with which nothing published is compared."""
        name = label or contrast.long_name
        low, high = (end if math.isfinite(end) else None for end in (contrast.low, contrast.high))
        return cls(name, contrast.estimate, low, high, contrast.unit, None, "", "derived", note or contrast.note)

    def __post_init__(self) -> None:
        for name in ("model", "low", "high", "data", "data_low", "data_high"):  # numbers of numpy become plain ones
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                object.__setattr__(self, name, float(value))
        if self.status not in STATUSES:
            message = f"finding {self.label!r}: status is {self.status!r}; allowed is {', '.join(STATUSES)}"
            raise ExperimentError(message)
        if self.low is not None and self.high is not None and self.low > self.high:
            message = f"finding {self.label!r}: the interval {self.low:g} to {self.high:g} is upside down"
            raise ExperimentError(message)
        if self.data is not None and not self.data_source:
            message = f"finding {self.label!r}: data is {self.data!r} without data_source; say where it is from"
            raise ExperimentError(message)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an experiment found.

    Attributes
    ----------
    verdict : {"reproduced", "contradicted", "not identifiable"}
        Of the claim as it stands in the table.
    reason : str
        The verdict in one or two sentences, with its numbers.
    findings : tuple of Finding
        The numbers behind it.
    assumptions : tuple of str
        What was taken for granted and could turn it.
    figure : matplotlib Figure
        The picture of it.
    dataset : Dataset, optional
        The curves behind the figure.

    Raises
    ------
    ExperimentError
        If the verdict is none of :data:`VERDICTS`, there are no findings, or a published number was not seen in its
        primary source and ``reason`` does not say so.
    """

    verdict: VerdictWord
    reason: str
    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]
    figure: "Figure"
    dataset: xr.Dataset | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            message = f"verdict is {self.verdict!r}; allowed is {', '.join(VERDICTS)}"
            raise ExperimentError(message)
        if not self.findings:
            message = f"verdict {self.verdict!r} stands without findings; give the numbers that it rests on"
            raise ExperimentError(message)
        for status in _UNSEEN:
            shown = [each.label for each in self.findings if each.status == status and each.data is not None]
            if shown and status not in self.reason:
                message = f"finding {shown[0]!r} is {status}; the reason must say what of the verdict is {status}"
                raise ExperimentError(message)


@dataclass(frozen=True)
class Entry:
    """An experiment as its README tells it.

    Attributes
    ----------
    name : str
        Of its folder and of the command.
    row : int
        Of the table of claims.
    title : str
        First heading.
    verdict : str
        What the README says; one of :data:`VERDICTS`.
    sections : dict of str to str
        Text of each section by its heading.
    folder : Path
        Where it is.
    """

    name: str
    row: int
    title: str
    verdict: str
    sections: dict[str, str]
    folder: Path

    @property
    def recorded(self) -> Json:
        """Document of the last full run.

        Raises
        ------
        ExperimentError
            If none was recorded.
        """
        path = self.folder / "outcome.json"
        if not path.is_file():
            message = f"{self.folder} holds no outcome.json; run `synmodel experiment {self.name} --out {self.folder}`"
            raise ExperimentError(message)
        document: Json = json.loads(path.read_text(encoding="utf-8"))
        return document


def names() -> list[str]:
    """Names of all experiments, by the row of their claim."""
    return [each.name for each in sorted(map(entry, _folders()), key=lambda each: (each.row, each.name))]


def _folders() -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(library.experiments_path().glob("*/run.py"))}


def folder_of(name: str) -> Path:
    """Folder of an experiment.

    Raises
    ------
    LibraryError
        If there is none of this name.
    """
    folders = _folders()
    if name not in folders:
        message = f"there is no experiment {name!r}; {did_you_mean(name, folders)}"
        raise LibraryError(message)
    return folders[name]


def entry(name: str) -> Entry:
    """What the README of an experiment says.

    Raises
    ------
    LibraryError
        If there is no such experiment.
    ExperimentError
        If the README lacks its heading, a section, or the line with the verdict.
    """
    folder = folder_of(name)
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    heading = re.search(r"^# Row (\d+)\s*[^\w\s]\s*(.+)$", text, re.MULTILINE)
    if heading is None:
        message = f"{path} has no heading; begin it with `# Row 1: title`"
        raise ExperimentError(message)
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    sections = {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}
    missing = [title for title in SECTIONS if title not in sections]
    if missing:
        message = f"{path} has no section {missing[0]!r}; it needs {', '.join(SECTIONS)}"
        raise ExperimentError(message)
    verdict = re.search(rf"\*\*Verdict: ({'|'.join(VERDICTS)})\b", sections["Verdict"])
    if verdict is None:
        message = f"{path} has no line `**Verdict: ...**` with one of {', '.join(VERDICTS)}"
        raise ExperimentError(message)
    return Entry(name, int(heading[1]), heading[2].strip(), verdict[1], sections, folder)


def run(name: str, *, short: bool = False, seed: int = 1, progress: Steps | None = None) -> Outcome:
    """Run an experiment.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    short : bool
        Fewer draws: seconds instead of minutes, wider Monte Carlo error, the same verdict.
    seed : int
        Of all draws.
    progress : callable, optional
        Called with (what, done, of).

    Raises
    ------
    LibraryError
        If there is no such experiment.
    ExperimentError
        If its ``run.py`` does not return an :class:`Outcome`.
    """
    from synmodel.report.figures import style  # matplotlib is slow to import, and a list of experiments has no figure

    with style():
        outcome = _script(name).run(short=short, seed=seed, progress=progress)
    if not isinstance(outcome, Outcome):
        message = f"experiment {name!r} returned {type(outcome).__name__}; run() returns an Outcome"
        raise ExperimentError(message)
    return outcome


def _script(name: str) -> ModuleType:
    path = folder_of(name) / "run.py"
    spec = importlib.util.spec_from_file_location(f"synmodel_experiment_{name.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        message = f"{path} cannot be read as Python"
        raise ExperimentError(message)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def outcome_document(name: str, outcome: Outcome, *, seed: int, short: bool = False) -> Json:
    """An outcome as a document for JSON, with what it was made from.

    ``provenance`` holds version, seed and digests: of the code and scenarios of the experiment, of the scenarios by
    their content, and of the default parameters. ``contradictions``, and ``notes`` as lines, are what the
    evidence of the library says against the scenarios of the experiment.
    """
    told = entry(name)
    against = contradiction_entries(
        [each for path in sorted(told.folder.glob("*.toml")) for each in checks_of(load(path))]
    )
    return {
        "contradictions": against,
        "notes": [each["line"] for each in against],
        "experiment": name,
        "row": told.row,
        "title": told.title,
        "short": short,
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "findings": [asdict(finding) for finding in outcome.findings],
        "assumptions": list(outcome.assumptions),
        "provenance": _digests(told.folder) | _provenance(told.folder, seed),
    }


def _digests(folder: Path) -> dict[str, str]:
    content = hashlib.sha256()
    for path in sorted(path for pattern in _CODE for path in folder.glob(pattern)):
        content.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return {"experiment_digest": content.hexdigest()}


def _provenance(folder: Path, seed: int) -> dict[str, str]:
    scenarios = "".join(load(path).digest() for path in sorted(folder.glob("*.toml")))
    digest = hashlib.sha256(scenarios.encode()).hexdigest() if scenarios else ""
    return provenance(seed=seed, scenario=digest, parameters=default_parameters().digest())


def write(outcome: Outcome, document: Json, destination: Path) -> list[str]:
    """Write the files of an outcome and its document, all of them or none.

    Returns
    -------
    list of str
        Names of the files, some of :data:`FILES`.

    Raises
    ------
    OutputError
        If ``destination`` cannot take them.
    """
    with files.folder(destination) as folder:
        (folder / "outcome.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_figure(outcome.figure, folder / "figure", document["provenance"])
        if outcome.dataset is not None:
            files.save_dataset(outcome.dataset.assign_attrs(document["provenance"]), folder / "dataset.nc")
        return sorted(path.name for path in folder.iterdir())
