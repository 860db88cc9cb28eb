"""Subjects of a scenario side by side: percentiles of exposure, engaged receptors, drive and expected turnover.

Each subject has its own exposure and drive (:mod:`synmodel.simulation.subjects`), and with them exact expectations of
what a microscope reports, averaged over dendrites and over the formation rates by which animals differ beyond drugs.
What is left between subjects is what ``[variability]`` says of them; without it all percentiles are one curve.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.progress import Progress
from synmodel.core.randomness import checked_seed
from synmodel.imaging.expectation import Expected
from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation.mechanism import parameters_of
from synmodel.simulation.setup import Preparation, Setup
from synmodel.simulation.subjects import between_subjects, subjects_at, terms_of
from synmodel.turnover.arguments import whole_number

__all__ = ["PERCENTILES", "population_bands", "subjects_of"]

Array = NDArray[np.float64]
PERCENTILES = (5, 25, 50, 75, 95)
"""Percentiles over subjects."""
_MOST_SUBJECTS = 10_000
_MOST_TIMES = 600
_EXPECTED = {
    "formation": "formation_fraction",
    "elimination": "elimination_fraction",
    "density_change": "density_change",
}


def subjects_of(
    scenario: str | Path | Scenario, parameters: ParameterSet | None = None, *, subjects: int, seed: int
) -> list[ParameterSet]:
    """Parameters of single subjects: subject k is the first animal of replicate k of :func:`synmodel.simulate`.

    Parameters
    ----------
    scenario : str, Path or Scenario
        Name in the library, TOML file, or object.
    parameters : ParameterSet, optional
        Of the median subject; default: those of the library, with the scenario's replacements.
    subjects : int
        1 to 10,000.
    seed : int
        Of all draws.
    """
    plan = load(scenario)
    checked_seed(seed)
    number = whole_number("subjects", subjects, _MOST_SUBJECTS)
    return [
        first for (first,) in subjects_at(parameters_of(plan, parameters), terms_of(plan), seed, np.arange(number), 1)
    ]


def population_bands(
    scenario: str | Path | Scenario,
    parameters: ParameterSet | None = None,
    *,
    subjects: int = 1000,
    seed: int = 1,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Percentiles over subjects of what a scenario does to them.

    Parameters
    ----------
    scenario, parameters, seed
        As in :func:`subjects_of`.
    subjects : int
        1 to 10,000; a percentile near an end needs some hundred.
    progress : callable, optional
        Called with (subjects done, all).

    Returns
    -------
    Dataset
        On ``percentile`` (5, 25, 50, 75, 95): ``free_concentration``, ``plasma_concentration`` [nM] (time,
        compound), engaged receptors and folds of the drive (time), at up to 600 times of the grid of
        :func:`synmodel.simulation.mechanism_of`; and the exact ``formation_fraction``, ``elimination_fraction`` and
        ``density_change`` (interval), the last from the first session to the end of the interval, with their means over
        subjects (``..._mean``). Of every subject: ``plasma_auc`` [nM day], over the whole grid, and ``plasma_peak``
        [nM] (subject, compound). What does not apply is left out: concentrations without a drug or mechanism, turnover
        where there are no exact expectations, which ``note`` then says.

    Raises
    ------
    SynmodelError
        With one line that names the fault, if the scenario or an argument cannot be run.
    """
    plan = load(scenario)
    with naming(scenario):
        sets = subjects_of(plan, parameters, subjects=subjects, seed=seed)
        setup, exact = Setup(plan), not plan.turnover.why_not_exact
        first = setup.mechanism_at(sets[0])
        kept = _kept(first["time"].to_numpy(), plan.schedule.sessions)
        courses: dict[str, list[Array]] = {str(name): [] for name in first.data_vars if _is_shown(str(name))}
        sums: list[tuple[Array, Array]] = []
        turnover: list[Expected] = []
        for number, each in enumerate(sets):
            course = setup.mechanism_at(each) if number else first
            for name, values in courses.items():
                values.append(course[name].to_numpy()[kept])
            if "plasma_concentration" in course:
                plasma = course["plasma_concentration"].to_numpy()
                sums.append((np.trapezoid(plasma, course["time"].to_numpy(), axis=0), plasma.max(axis=0)))
            if exact:
                turnover.append(Preparation(setup, each).expected)
            if progress is not None:
                progress(number + 1, len(sets))
    bands = first[list(courses)].isel(time=kept).expand_dims(percentile=list(PERCENTILES)).copy(deep=True)
    for name, values in courses.items():
        bands[name].values = np.percentile(np.stack(values), PERCENTILES, axis=0)
    bands["percentile"].attrs.update(units="1", long_name="percentile over subjects")
    if sums:
        bands = bands.assign(_of_subjects(sums))
    if turnover:
        bands = bands.assign(_of_turnover(turnover)).assign_coords(_intervals(plan))
    base = parameters_of(plan, parameters)
    bands.attrs = {
        **provenance(seed=seed, scenario=plan.digest(), parameters=base.digest()),
        "scenario": plan.name,
        "subjects": str(len(sets)),
        "differs": between_subjects(plan, base),
    }
    if plan.turnover.why_not_exact:
        bands.attrs["note"] = f"{plan.turnover.why_not_exact}: turnover is left out"
    return bands


def _is_shown(name: str) -> bool:
    """Concentrations, engaged receptors and folds, not the states of the cascade between them."""
    return name.endswith(("_concentration", "_fold")) or name.startswith(("nmda_block", "agonism_", "trkb_bound"))


def _kept(times: Array, sessions: Sequence[float]) -> NDArray[np.int64]:
    """Indices of at most some hundred times, even among those of the grid, and of all sessions."""
    if len(times) <= _MOST_TIMES:
        return np.arange(len(times))
    even = np.linspace(0, len(times) - 1, _MOST_TIMES).round().astype(np.int64)
    return np.union1d(even, np.searchsorted(times, sessions))


def _of_subjects(sums: Sequence[tuple[Array, Array]]) -> Mapping[str, Any]:
    """Areas and peaks of every subject, as variables."""
    areas, peaks = (np.stack(each) for each in zip(*sums, strict=True))
    dims = ("subject", "compound")
    return {
        "plasma_auc": (dims, areas, {"units": "nM day", "long_name": "area under the total concentration in plasma"}),
        "plasma_peak": (dims, peaks, {"units": "nM", "long_name": "highest total concentration in plasma"}),
    }


def _of_turnover(turnover: Sequence[Expected]) -> Mapping[str, Any]:
    """Percentiles and means of exact expectations, as variables."""
    variables: dict[str, Any] = {}
    for field, name in _EXPECTED.items():
        values = np.stack([getattr(each, field) for each in turnover])
        meaning = {"units": "1", "long_name": f"exact {name.replace('_', ' ')} of a subject"}
        variables[name] = (("percentile", "interval"), np.percentile(values, PERCENTILES, axis=0), meaning)
        mean = {"units": "1", "long_name": f"exact {name.replace('_', ' ')}, mean over subjects"}
        variables[f"{name}_mean"] = ("interval", values.mean(axis=0), mean)
    return variables


def _intervals(plan: Scenario) -> Mapping[str, Any]:
    """Sessions between which turnover is reported, as coordinates."""
    sessions = plan.schedule.sessions
    return {
        "start_day": ("interval", list(sessions[:-1]), {"units": "day", "long_name": "start of the interval"}),
        "end_day": ("interval", list(sessions[1:]), {"units": "day", "long_name": "end of the interval"}),
    }
