"""The kinds of folders that the command writes: how each is known, the tables it has, and what it says of itself."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from synmodel.core import manifest
from synmodel.core.plain import Json
from synmodel.core.renamed import RENAMED, told_today
from synmodel.report import dendrites, sweeps
from synmodel.report.contrasts import compared_tables
from synmodel.report.design import design_tables
from synmodel.report.experiments import outcome_tables
from synmodel.report.measuring import measuring_tables
from synmodel.report.page.comparing import drugs_told, scenarios_told
from synmodel.report.page.fitting import dendrites_told, fit_told, prediction_told, validation_told
from synmodel.report.page.parts import Held, PageError, Told
from synmodel.report.page.planned import arms_told, design_told, measuring_told
from synmodel.report.page.simulating import experiment_told, scenario_told, sweep_told
from synmodel.report.prediction import prediction_tables, validation_tables
from synmodel.report.separation import separation_tables
from synmodel.report.tables import comparison_tables, fit_tables, simulation_tables

__all__ = ["KINDS", "Kind", "kind_of", "opened"]

_LARGEST = 200_000_000  # bytes of a document


class Kind(NamedTuple):
    """One kind of folder.

    Attributes
    ----------
    name : str
        In words.
    file : str
        The document that tells.
    keys : tuple of str
        What a document of this kind has, and others under the same name have not.
    tables : callable
        The tables of the terminal, from the document.
    told : callable
        What it says of itself.
    """

    name: str
    file: str
    keys: tuple[str, ...]
    tables: Callable[[Json], list[Table]]
    told: Callable[[Held], Told]


def _dendrite_tables(document: Json) -> list[Table]:
    return dendrites.tables(_with_nan(document))


def _with_nan(value: Any) -> Any:
    """JSON has no NaN, for which null stands; the tables of dendrites count with it."""
    if isinstance(value, dict):
        return {key: _with_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_nan(each) for each in value]
    return math.nan if value is None else value


KINDS: tuple[Kind, ...] = (
    Kind("comparison of the embedded studies", "comparison.json", ("drugs", "fits"), comparison_tables, drugs_told),
    Kind("comparison of scenarios", "comparison.json", ("contrasts", "scenarios"), compared_tables, scenarios_told),
    Kind("fit of group summaries", "fit.json", ("fits", "readings"), fit_tables, fit_told),
    Kind("fit of single dendrites", "fit.json", ("conventional", "audit"), _dendrite_tables, dendrites_told),
    Kind("prediction", "prediction.json", ("points", "coverage"), prediction_tables, prediction_told),
    Kind("validation", "validation.json", ("studies",), validation_tables, validation_told),
    Kind("sweep", "summary.json", ("sweep", "extremes"), sweeps.tables, sweep_told),
    Kind("simulation", "summary.json", ("scenario", "summary"), simulation_tables, scenario_told),
    Kind("plan of a study", "design.json", ("recommended", "power"), design_tables, design_told),
    Kind("arms that tell readings apart", "arms.json", ("between", "arms"), separation_tables, arms_told),
    Kind("what to measure next", "measure-next.json", ("numbers", "measurements"), measuring_tables, measuring_told),
    Kind("experiment", "outcome.json", ("experiment", "findings"), outcome_tables, experiment_told),
)
"""In the order in which a folder is asked."""


def opened(folder: Path) -> Held:
    """Read the main document of a folder.

    Raises
    ------
    PageError
        If it is no folder, holds no document of a result, or a damaged one.
    ManifestError
        If a file in it is not as it was written.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        message = f"{folder} is {what}; give a folder that synmodel has written, such as that of `synmodel compare`"
        raise PageError(message)
    for name in dict.fromkeys(kind.file for kind in KINDS):
        path = folder / name
        if path.is_file():
            held = Held(folder, name, _in_words_of_today(name, _document(path)))
            manifest.check(folder)
            return held
    known = ", ".join(dict.fromkeys(kind.file for kind in KINDS))
    message = f"{folder} holds no result: none of {known}; give a folder that synmodel has written"
    raise PageError(message)


def _document(path: Path) -> Json:
    try:
        if path.stat().st_size > _LARGEST:
            message = f"{path} is larger than any result ({_LARGEST} bytes); make the result again"
            raise PageError(message)
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        if isinstance(fault, PageError):
            raise
        message = f"{path} is damaged: {fault}; make the result again"
        raise PageError(message) from fault
    if not isinstance(document, dict):
        message = f"{path} is damaged: it holds no document; make the result again"
        raise PageError(message)
    return document


def _in_words_of_today(name: str, document: Json) -> Json:
    """The document with the words of today, where those of before are not a user's own."""
    if name in ("outcome.json", "measure-next.json"):
        return dict(told_today(document))
    drugs = document.get("drugs")
    if name != "comparison.json" or not isinstance(drugs, dict):
        return document
    renamed = RENAMED["number"]
    tables = {
        drug: {renamed.get(key, key): each for key, each in table.items()} if isinstance(table, dict) else table
        for drug, table in drugs.items()
    }
    return document | {"drugs": tables}


def kind_of(held: Held, kinds: Sequence[Kind] = KINDS) -> Kind:
    """The kind of a folder.

    Raises
    ------
    PageError
        If its document is of no kind that is known.
    """
    for kind in kinds:
        if kind.file == held.file and set(kind.keys) <= set(held.document):
            return kind
    message = f"{held.folder / held.file} is of no kind that is known; give a folder that synmodel has written"
    raise PageError(message)
