"""What is handed on: the command, the lines of Python and the TOML that give the shown numbers again, CSV and netCDF.

All of it follows from the state alone. The command and the lines of Python make the same draws in the same order, so
every estimate and interval of the page is theirs to the last digit.
"""

import csv
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

import xarray as xr

from synmodel.core.plain import Json
from synmodel.library.parameters import ParameterSet
from synmodel.report.contrasts import compared_dataset, compared_document
from synmodel.report.explorer.curves import SEED, Shown
from synmodel.report.explorer.states import LETTERS, State
from synmodel.report.tidy import no_formula

__all__ = ["Sources", "csv_of", "dataset_of", "netcdf_of", "texts_of"]

_COLUMNS = (
    "scenario",
    "label",
    "quantity",
    "series",
    "start",
    "end",
    "x_unit",
    "estimate",
    "low",
    "high",
    "unit",
    "source",
)
_OUT = "explored"


@dataclass(frozen=True)
class Sources:
    """Where the explorer was told to look: folders of one's own entries, and another posterior."""

    folders: tuple[Path, ...] = ()
    posterior: Path | None = None


def texts_of(state: State, sources: Sources | None = None) -> Json:
    """Texts that give the shown numbers when they are run.

    Returns
    -------
    dict
        ``cli`` (for a shell), ``python``, and ``toml``, a list of two ``{name, text}``.
    """
    given = sources or Sources()
    files = [None if state.is_of_library(k) else f"{_file_name(plan.name)}.toml" for k, plan in enumerate(state.plans)]
    return {
        "cli": _cli(state, files, given),
        "python": _python(state, given),
        "toml": [
            {"name": file or f"{_file_name(plan.name)}.toml", "text": plan.to_toml()}
            for file, plan in zip(files, state.plans, strict=True)
        ],
    }


def _file_name(name: str) -> str:
    """A name as that of a file: nothing in it can lead to another folder."""
    return "".join(each if each.isalnum() or each in "-_. " else "_" for each in name).strip(" .") or "scenario"


def _cli(state: State, files: Sequence[str | None], sources: Sources) -> str:
    lines: list[str] = []
    for plan, file in zip(state.plans, files, strict=True):
        if file is not None:
            lines += [
                f"cat > {shlex.quote(file)} <<'END_OF_SCENARIO'",
                plan.to_toml().rstrip("\n"),
                "END_OF_SCENARIO",
                "",
            ]
    names = [shlex.quote(f"./{file}" if file else start) for file, start in zip(files, state.starts, strict=True)]
    own = "".join(f" --library {shlex.quote(str(folder))}" for folder in sources.folders)
    also = "" if sources.posterior is None else f" --posterior {shlex.quote(str(sources.posterior))}"
    lines.append(f"synmodel{own} compare {' '.join(names)} --draws {state.draws} --seed {SEED}{also} --out {_OUT}")
    lines.append("# free drug, receptors and signalling are in mechanism.nc of:")
    for letter, name in zip(LETTERS, names, strict=True):
        lines.append(
            f"synmodel{own} simulate {name} --replicates 1 --draws 0 --seed {SEED}{also} --out {_OUT}-{letter}"
        )
    return "\n".join(lines) + "\n"


def _python(state: State, sources: Sources) -> str:
    is_own = [state.is_of_library(k) for k in range(len(LETTERS))]
    lines = ["import synmodel"]
    if sources.folders:
        lines.append("import synmodel.library")
    if sources.posterior is not None:
        lines += ["from pathlib import Path", "", "from synmodel.inference.summaries.joint import load_posterior"]
    if not all(is_own):
        lines.append("from synmodel.scenario import loads")
    lines += ["from synmodel.simulation import mechanism_of", ""]
    if sources.folders:
        lines += [f"synmodel.library.use({', '.join(repr(str(folder)) for folder in sources.folders)})", ""]
    for k, plan in enumerate(state.plans):
        made = f"synmodel.load_scenario({state.starts[k]!r})" if is_own[k] else f"loads({_quoted(plan.to_toml())})"
        lines.append(f"{LETTERS[k].lower()} = {made}")
    posterior, estimate = "", ""
    if sources.posterior is not None:
        posterior, estimate = f", posterior={str(sources.posterior)!r}", ", estimate"
        lines.append(f"estimate = load_posterior(Path({str(sources.posterior)!r})).typical()")
    lines += [
        f"made = synmodel.compare([a, b], draws={state.draws}, seed={SEED}{posterior})",
        "print(made.frame().to_string())  # every difference, A minus B and each minus its vehicle",
        "courses = made.dataset  # formation, elimination, extra spines and expected statistics at every draw",
        f"mechanisms = [mechanism_of(each{estimate}) for each in (a, b)]  # free drug, receptors, signalling",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text of several lines as Python writes it."""
    return repr(text) if "'''" in text or "\\" in text else f"'''\n{text}'''"


# -- tables ----------------------------------------------------------------------------------------------------


def csv_of(document: Json) -> str:
    """The curves and points of a page as a tidy table: one row per point, with its unit; no text is a formula.

    Parameters
    ----------
    document : mapping
        As of :func:`synmodel.report.explorer.panels.document_of`.
    """
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")

    def write(*cells: object) -> None:
        writer.writerow([no_formula(cell) for cell in cells])

    write(*_COLUMNS)
    for panel in document["panels"]:
        for series in panel["series"]:
            about = document["scenarios"][series["scenario"]]
            starts = series.get("start", series["x"])
            ends = zip(series["low"], series["high"], strict=True) if series["low"] else [("", "")] * len(series["x"])
            for start, end, estimate, (low, high) in zip(starts, series["x"], series["y"], ends, strict=True):
                write(
                    about["letter"], about["label"], panel["id"], series["name"], start, end, panel["x_unit"],
                    estimate, low, high, panel["unit"], "model",
                )  # fmt: skip
        for point in panel["points"]:
            about, sem = document["scenarios"][point["scenario"]], point["sem"]
            bars = ("", "") if sem is None else (point["mean"] - sem, point["mean"] + sem)
            write(
                about["letter"], about["label"], panel["id"], f"{point['study']}, {point['arm']}", point["start_day"],
                point["end_day"], panel["x_unit"], point["mean"], *bars, panel["unit"], "published mean, SEM",
            )  # fmt: skip
    return out.getvalue()


def dataset_of(shown: Shown, parameters: ParameterSet) -> xr.Dataset:
    """What :func:`synmodel.compare` writes of two scenarios, with their mechanisms as ``A_...`` and ``B_...``."""
    document = compared_document(shown.compared, seed=SEED, parameters=parameters.digest())
    dataset = compared_dataset(shown.compared, document)
    for letter, made in zip(LETTERS, shown.mechanisms, strict=True):
        names = {str(name): f"{letter}_{name}" for name in (*made.variables, *made.dims)}
        dataset = dataset.merge(made.rename(names), join="outer")
    return dataset


def netcdf_of(dataset: xr.Dataset) -> bytes:
    """A dataset as the content of a netCDF-4 file, made in memory."""
    out = BytesIO()
    dataset.to_netcdf(out, engine="h5netcdf")
    return out.getvalue()
