"""Arms of experiments as a fit sees them: doses, sessions, tracked counts, and cohorts of new spines.

Arms are known by their doses in the library of studies; an arm of another study by its name: ``drug``,
``antagonist+drug`` or a vehicle's, one dose on day 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel import library
from synmodel.data import load_study
from synmodel.errors import FitError
from synmodel.inference.likelihood.observations import consistent_runs
from synmodel.inference.likelihood.runs import Runs
from synmodel.schema import OBSERVATIONS, conform

__all__ = ["VEHICLES", "ArmData", "Cohort", "Several", "arms_of", "doses_of"]

Array = NDArray[np.float64]

VEHICLES = ("saline", "vehicle", "control")
"""Names of arms without a drug, in studies that the library does not know."""

Several = xr.Dataset | Sequence[xr.Dataset]
"""Observations of one file, or of several."""


class Cohort(NamedTuple):
    """Spines of an arm that were new at one session, and how many of them were there at a later one."""

    start_day: float
    end_day: float
    n_new: int
    n_present: int


@dataclass(frozen=True, eq=False)
class ArmData:
    """The dendrites of one arm, as runs of tracked counts.

    Attributes
    ----------
    doses : tuple of (compound, day)
    sessions : (n_session,) ndarray
        [day].
    runs : Runs
        Counts between cuts, see :func:`synmodel.inference.likelihood.log_likelihood`.
    length_um : (run,) ndarray
        Mean length of the dendrite.
    mouse : (run,) ndarray of int
        Index into ``mice``.
    mice : tuple of str
        ``study/arm/mouse``.
    cohorts : tuple of Cohort
        New spines followed, where a table of them is given; the fit does not use them, its checks do.
    """

    study: str
    arm: str
    doses: tuple[tuple[str, float], ...]
    sessions: Array
    runs: Runs
    length_um: Array
    mouse: NDArray[np.int64]
    mice: tuple[str, ...]
    cohorts: tuple[Cohort, ...] = ()


def arms_of(observations: Several) -> list[ArmData]:
    """Split Observations into arms.

    Parameters
    ----------
    observations : Dataset, or several
        Observations (:data:`synmodel.schema.OBSERVATIONS`) with coordinates ``arm`` and, if there are several,
        ``study`` and ``mouse`` on ``animal``. Tracked counts of an arm stand in one of them alone; new spines
        followed may stand in another.

    Raises
    ------
    FitError
        If no dendrite has an interval that adds up, a dendrite has no length, or an arm stands in two of them.
    """
    several = [observations] if isinstance(observations, xr.Dataset) else list(observations)
    arms = [arm for each in several for arm in _arms_of_one(each)]
    if not arms:
        message = (
            "observations has no interval with count = previous + gained - lost; a fit needs gains and losses: "
            "look at the audit of the file"
        )
        raise FitError(message)
    names = [(arm.study, arm.arm) for arm in arms]
    for name in names:
        if names.count(name) > 1:
            message = f"arm {name[1]} of study {name[0]} stands in several of the tables; give it in one, or rename it"
            raise FitError(message)
    cohorts = [named for each in several for named in _cohorts(each)]
    with_cohorts = [
        replace(arm, cohorts=tuple(cohort for name, cohort in cohorts if name == (arm.study, arm.arm))) for arm in arms
    ]
    return sorted(with_cohorts, key=lambda arm: (arm.study, arm.arm))


def _arms_of_one(observations: xr.Dataset) -> list[ArmData]:
    conform(observations, OBSERVATIONS)
    if "replicate" in observations.dims:
        message = "observations has a dim replicate; fit one experiment at a time: observations.isel(replicate=0)"
        raise FitError(message)
    n = observations.sizes["animal"]
    study = _labels(observations, "study", "study", n)
    arm = _labels(observations, "arm", "control", n)
    mouse = _labels(observations, "mouse", None, n)
    arms: list[ArmData] = []
    for name, which in sorted(set(zip(study, arm, strict=True))):
        rows = np.flatnonzero((study == name) & (arm == which))
        arms.extend(_arm(observations.isel(animal=rows), name, which, mouse[rows]))
    return arms


def _cohorts(observations: xr.Dataset) -> Iterator[tuple[tuple[str, str], Cohort]]:
    """Study, arm and cohort of the new spines that a table follows, over the dendrites known at both sessions."""
    if "new_spines_seen" not in observations:
        return
    n = observations.sizes["animal"]
    study, arm = _labels(observations, "study", "study", n), _labels(observations, "arm", "control", n)
    seen = observations["new_spines_seen"].transpose("animal", "dendrite", "session").to_numpy()
    days = observations["session"].to_numpy().astype(float)
    for name, which in sorted(set(zip(study, arm, strict=True))):
        own = seen[(study == name) & (arm == which)].reshape(-1, len(days))
        known = np.flatnonzero(np.isfinite(own).any(axis=0))
        for later in known[1:]:
            both = np.isfinite(own[:, known[0]]) & np.isfinite(own[:, later])
            n_new, n_present = (int(own[both, at].sum()) for at in (known[0], later))
            if n_new > 0:
                yield (name, which), Cohort(float(days[known[0]]), float(days[later]), n_new, n_present)


def _labels(observations: xr.Dataset, name: str, default: str | None, n: int) -> NDArray[np.str_]:
    if name in observations.coords:
        return observations[name].to_numpy().astype(str)
    return np.array([default or str(i + 1) for i in range(n)])


def _arm(own: xr.Dataset, study: str, arm: str, mouse: NDArray[np.str_]) -> Iterator[ArmData]:
    tables = {
        name: own[name].transpose("animal", "dendrite", last).to_numpy().reshape(-1, own.sizes[last]).astype(float)
        for name, last in (
            ("spine_count", "session"),
            ("gained", "interval"),
            ("lost", "interval"),
            ("length_um", "session"),
        )
    }
    runs, dendrite = consistent_runs(tables["spine_count"], tables["gained"], tables["lost"])
    if len(dendrite) == 0:
        return
    mice, of_run = np.unique(np.repeat(mouse, own.sizes["dendrite"])[dendrite], return_inverse=True)
    yield ArmData(
        study=study,
        arm=arm,
        doses=doses_of(study, arm),
        sessions=own["session"].to_numpy().astype(float),
        runs=runs,
        length_um=_lengths(tables["length_um"], study, arm)[dendrite],
        mouse=of_run.astype(np.int64),
        mice=tuple(f"{study}/{arm}/{name}" for name in mice),
    )


def _lengths(length_um: Array, study: str, arm: str) -> Array:
    """(dendrite,) mean length over sessions; where none is known, that of the study's dendrites or 1."""
    known = np.isfinite(length_um) & (length_um > 0)
    with np.errstate(invalid="ignore"):
        mean: Array = np.where(known, length_um, 0.0).sum(axis=1) / known.sum(axis=1)
    if np.isfinite(mean).any():
        return np.where(np.isfinite(mean), mean, np.nanmean(mean))
    if study in library.names("studies"):
        return np.full(len(mean), load_study(study).dendrite_length.to("um"))
    message = (
        f"{study}, arm {arm}: no dendrite has a length; births are per um, so give length_um (or 1 in every row for "
        "births per dendrite)"
    )
    raise FitError(message)


def doses_of(study: str, arm: str) -> tuple[tuple[str, float], ...]:
    """(compound, day) of the doses of an arm, from the library or from the arm's name."""
    if study in library.names("studies"):
        known = load_study(study)
        if arm in [each.name for each in known.arms]:
            return tuple((dose.compound, day) for dose in known.arm(arm).doses for day in dose.days)
    parts = [part.strip().lower() for part in arm.split("+")]
    return tuple((part, 0.0) for part in parts if part and part not in VEHICLES)
