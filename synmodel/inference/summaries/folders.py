"""A study of one's own in a folder: ``study.toml`` as in the library, and ``summaries.csv`` of its groups.

It is predicted (:mod:`synmodel.inference.summaries.prediction`) or fitted beside the embedded ones. What is known of it
before a fit is what the library has of a study like it: the same weak priors of turnover and scoring.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synmodel import library
from synmodel.core.documents import parse_toml, read
from synmodel.core.errors import FitError, LibraryError, did_you_mean
from synmodel.data.studies import Study, load_study
from synmodel.data.summaries import density_of, read_summaries, summaries_of
from synmodel.inference.summaries.targets import ArmTargets, Means, arm_targets, targets_of
from synmodel.library import parameters
from synmodel.library.parameters import Parameter

__all__ = [
    "FittedStudy",
    "GivenStudy",
    "fitted_studies",
    "given_study",
    "like_parameters",
    "read_folder",
    "study_of",
    "targets_from",
    "targets_of_study",
]

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, eq=False)
class GivenStudy:
    """A study of a folder, with the targets of its arms that were seen."""

    study: Study
    targets: tuple[ArmTargets, ...]


FittedStudy = str | GivenStudy
"""A study of the library by its name, or one of a folder."""


def read_folder(folder: str | Path) -> tuple[Study, list[ArmTargets]]:
    """A study from ``study.toml`` and ``summaries.csv`` in a folder.

    Raises
    ------
    SynmodelError
        With one line, if one of both cannot be used.
    """
    where = Path(folder)
    if not (where / "study.toml").is_file():
        message = f"{where} has no study.toml; give a folder with study.toml and summaries.csv"
        raise LibraryError(message)
    study = read(Study, parse_toml(where / "study.toml", LibraryError), "study", LibraryError)
    table = read_summaries(where / "summaries.csv")
    unknown = sorted(set(table["arm"].astype(str)) - {arm.name for arm in study.arms})
    if unknown:
        study.arm(unknown[0])  # raises with the names that are close
    return study, targets_from(study, table)


def targets_from(study: Study, table: pd.DataFrame) -> list[ArmTargets]:
    """Targets of the arms of a study that have rows in a table of group summaries."""
    present = set(table["arm"])
    return [
        targets_of(study, arm.name, summaries_of(table, study.name, arm.name), density_of(table, study.name, arm.name))
        for arm in study.arms
        if arm.name in present
    ]


def given_study(folder: str | Path) -> GivenStudy:
    """A study of a folder for a fit: means that were not seen yet are left out.

    Raises
    ------
    SynmodelError
        With one line, as :func:`read_folder`; also for a name that is taken or no word, a control that is no arm, or a
        mean without SEM.
    """
    study, targets = read_folder(folder)
    place = f"{Path(folder) / 'study.toml'}: name is {study.name!r}"
    if not _NAME.fullmatch(study.name):
        message = f"{place}; a name is of letters, digits, - and _"
        raise LibraryError(message)
    if study.name in library.names("studies"):
        whose = "an embedded study" if library.place_of("studies", study.name) is None else "in the library in use"
        message = f"{place}, which is {whose}; give it a name of its own, or fit that one by name"
        raise LibraryError(message)
    if any(name.startswith(f"{study.name}.") for name in parameters.default_parameters()):
        message = f"{place}, which has parameters of its own in the library; give it another name"
        raise LibraryError(message)
    study.arm(study.control)  # raises with the names that are close
    return GivenStudy(study, tuple(map(_seen, targets)))


def fitted_studies(studies: Sequence[str | Path], embedded: Sequence[str]) -> tuple[FittedStudy, ...]:
    """The studies that are meant by names of the library and folders, each once.

    Parameters
    ----------
    studies : sequence of str or Path
        A text is a name, unless it is none of the library's and a folder of that name is there or it has a separator.
    embedded : sequence of str
        Names that stand beside folders where no name is given.

    Raises
    ------
    SynmodelError
        For a folder that cannot be used, or two studies with one name.
    """
    known = library.names("studies")
    names: dict[str, None] = {}
    folders: dict[Path, str | Path] = {}
    for each in studies:
        if isinstance(each, str) and each in known:
            names[each] = None
        elif isinstance(each, str) and not _is_path(each):
            message = f"the library has no study {each!r}, and no folder has this name; {did_you_mean(each, known)}"
            raise LibraryError(message)
        else:
            folders.setdefault(Path(each).absolute(), each)
    given = [given_study(folder) for folder in folders.values()]
    taken = [one.study.name for one in given]
    if twice := [name for name in taken if taken.count(name) > 1]:
        message = f"study {twice[0]!r} is given in two folders; give each a name of its own"
        raise FitError(message)
    return (*(names or (embedded if given else ())), *given)


def _is_path(text: str) -> bool:
    return Path(text).is_dir() or os.sep in text or text in (".", "..")


def study_of(study: FittedStudy) -> Study:
    """The document of a study."""
    return load_study(study) if isinstance(study, str) else study.study


def targets_of_study(study: FittedStudy) -> list[ArmTargets]:
    """Targets of all arms of a study."""
    if isinstance(study, str):
        return [arm_targets(study, arm.name) for arm in load_study(study).arms]
    return list(study.targets)


def like_parameters(study: str) -> list[Parameter]:
    """Parameters of turnover and scoring of a new study, with the values and priors of one of the library."""
    return list(parameters.like_parameters(study, [parameters.default_parameters()]).values())


def _seen(target: ArmTargets) -> ArmTargets:
    """Targets without the means that were not seen yet."""
    turnover = tuple(means for each in target.turnover if len((means := _seen_means(target, each)).at))
    if not turnover:
        message = f"{target.study.name}, arm {target.arm.name}: no mean was seen yet; a fit needs one or more"
        raise FitError(message)
    head = None if target.head_width is None else _seen_means(target, target.head_width)
    persistence = target.persistence
    if persistence is not None:
        known = np.isfinite(persistence.present) & np.isfinite(persistence.new)
        arrays: dict[str, Any] = {name: getattr(persistence, name)[known] for name in ("end", "present", "new")}
        persistence = replace(persistence, **arrays) if known.any() else None
    return replace(
        target, turnover=turnover, head_width=head if head is not None and len(head.at) else None,
        persistence=persistence,
    )  # fmt: skip


def _seen_means(target: ArmTargets, means: Means) -> Means:
    known = np.isfinite(means.mean)
    for day, sem in zip(means.end[known].tolist(), means.sem_dendrite[known].tolist(), strict=True):
        if not np.isfinite(sem):
            message = (
                f"{target.study.name}, arm {target.arm.name}: {means.quantity} on day {day:g} has a mean and no "
                "sem_dendrite; give it, or leave the mean empty"
            )
            raise FitError(message)
    names = ("at", "start", "end", "mean", "sem_dendrite", "sem_mouse", "n_dendrites")
    return Means(means.quantity, *(getattr(means, name)[known] for name in names))
