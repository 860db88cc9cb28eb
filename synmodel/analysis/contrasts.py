r"""Scenarios against each other: what the model expects of each, and of the differences, on the same draws.

Every scenario is followed at the estimate and at the same draws of the joint posterior, so the interval of a
difference is that of the difference, and two equal scenarios differ by exactly 0. A contrast is ``a`` minus ``b``.

* *Statistics by interval*, as a microscope reports them (:mod:`synmodel.analysis.intervals`): formation and elimination
  fraction, change of density and of mean head width since the first session. Two scenarios are compared where both
  have the interval.
* *Courses over days* (:mod:`synmodel.simulation.courses`): spines that are there. **Extra spines** are the change of
  their number since the first session, less that of a reference: the same animals without doses, or the control that is
  named.

Simulated experiments of the same scenarios on shared draws (``replicates``) confirm the expectation through the whole
chain of imaging. Head widths there are means of ratios over dendrites, here the ratio of means: simulated vehicles show
a rise of 0.002 to 0.008 where the ratio of means has none, and a drug and its vehicle differ by 1 % more than here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis import intervals
from synmodel.analysis.caveats import notes_of_several
from synmodel.analysis.following import Followed, Point, follow, less
from synmodel.analysis.lineup import VEHICLE, Entry, Lineup, lineup_of
from synmodel.core.errors import ScenarioError
from synmodel.core.progress import Steps, stage
from synmodel.core.randomness import checked_seed
from synmodel.imaging import summarise
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.joint import load_posterior
from synmodel.library.parameters import ParameterSet
from synmodel.scenario import Scenario
from synmodel.simulation import simulate
from synmodel.simulation.checking import Checked, Contradiction, checks_of
from synmodel.simulation.courses import peak_of
from synmodel.turnover.arguments import whole_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DRAWS", "MEASURES", "Compared", "Effect", "ScenarioContrast", "compare", "compared"]

Array = NDArray[np.float64]

DRAWS = 400
"""Number of draws behind an interval, by default."""
_MOST_DRAWS, _MOST_REPLICATES = 10_000, 100_000
_BLOCK = 200  # simulated experiments at a time
_SOME = 0.025  # share of draws from which an interval ends where a curve is cut
MEASURES = {
    "extra_spines_peak": ("1", "largest number of extra spines, per spine at the first session"),
    "extra_spines_peak_day": ("day", "day of that peak"),
    "extra_spines_onset": ("day", "first day with more than half of the peak"),
    "extra_spines_duration": ("day", "time from then to the last day with more than half of the peak"),
    "extra_spines_area": ("day", "area under the extra spines, spine-days per spine at the first session"),
}
"""What is said of a curve of extra spines: name -> unit and meaning."""
_ADD_UP = ("extra_spines_peak", "extra_spines_area")  # measures that a reference has too: they are 0


@dataclass(frozen=True)
class ScenarioContrast:
    """One number by which two scenarios differ: ``a`` minus ``b``, with its 95 % interval.

    From ``start_day`` to ``end_day`` is the interval of a statistic; for ``extra_spines`` it begins at the first
    session and ends on a session of any scenario; for a measure it is all days that are followed.

    Attributes
    ----------
    a, b : str
        Scenarios; ``vehicle`` are the animals of ``a`` without doses.
    quantity : str
        A statistic by interval, ``extra_spines``, or one of :data:`MEASURES`.
    estimate : float
        Difference at the estimate.
    low, high : float or None
        Ends of its interval; None without draws.
    unit : str
        ``1`` or ``day``.
    simulated, error : float or None
        Mean of the difference over simulated experiments on shared draws, and its Monte Carlo error.
    """

    a: str
    b: str
    quantity: str
    start_day: float
    end_day: float
    estimate: float
    low: float | None
    high: float | None
    unit: str
    simulated: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Effect:
    """One of :data:`MEASURES` of a scenario against its reference; ``estimate`` is None for a curve of zeros."""

    scenario: str
    reference: str
    quantity: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Compared:
    """Scenarios compared.

    Attributes
    ----------
    lineup : Lineup
        Which with which.
    dataset : Dataset
        ``expected`` (scenario, draw, point); the courses ``density``, ``extra_spines``, ``formation_fold``,
        ``elimination_fold`` and ``mean_head_width`` (scenario, draw, day), NaN before a scenario's first session;
        ``contrast_value`` (draw, contrast). Draw -1 is the estimate.
    contrasts : tuple of ScenarioContrast
        All differences.
    effects : tuple of Effect
        Of every scenario that gives drugs, or differs from the control.
    checked : dict of str to list of Checked
        The evidence of the library whose conditions each scenario meets.
    notes : list of str
        What to read with care; contradictions with the evidence come first.
    draws : (int, int)
        Number of draws asked for, and of those at which dendrites are possible.
    """

    lineup: Lineup
    dataset: xr.Dataset
    contrasts: tuple[ScenarioContrast, ...]
    effects: tuple[Effect, ...]
    checked: dict[str, list[Checked]]
    notes: list[str]
    draws: tuple[int, int]

    def frame(self) -> "pd.DataFrame":
        """All contrasts as a table of pandas."""
        import pandas as pd  # import on use: it is slow, and few need it

        return pd.DataFrame([asdict(each) for each in self.contrasts])


def compare(
    scenarios: Sequence[str | Path | Scenario] | str | Path | Scenario,
    *,
    control: str | Path | Scenario | None = None,
    draws: int = DRAWS,
    replicates: int = 0,
    posterior: Estimate | str | Path | None = None,
    seed: int = 1,
    progress: Steps | None = None,
) -> Compared:
    """Compare scenarios: statistics by interval, extra spines over time, and all differences with their intervals.

    Parameters
    ----------
    scenarios : sequence of str, Path or Scenario
        Names in the library, TOML files or objects. One alone is compared with its vehicle.
    control : str, Path or Scenario, optional
        Reference of all; ``"vehicle"`` for the animals of each without doses. Without it all pairs are compared, and
        each scenario that gives drugs with its vehicle.
    draws : int
        Of the posterior, behind intervals; 0 for none. A phenomenological drive has none.
    replicates : int
        Simulated experiments beside the expectation; 0 for none.
    posterior : Estimate or file, optional
        In place of the one of the library, whose estimate the parameters of the library are.
    seed : int
        Of draws and of simulated experiments; scenarios share both.
    progress : callable, optional
        Called with (what, done, of).

    Returns
    -------
    Compared
        ``contrasts`` and ``effects`` with intervals, ``dataset`` with every draw, ``notes`` to read with care.

    Raises
    ------
    SynmodelError
        With one line, if a scenario cannot be run or there is nothing to compare.

    Examples
    --------
    >>> import synmodel
    >>> made = synmodel.compare("psilocybin-mouse", draws=20)  # with the same mice without it
    >>> peak = next(each for each in made.effects if each.quantity == "extra_spines_peak")
    >>> bool(peak.low < peak.estimate < peak.high), round(100 * peak.estimate)  # % of the spines before
    (True, 15)
    """
    checked_seed(seed)
    asked = whole_number("draws", draws, _MOST_DRAWS, least=0)
    replicates = whole_number("replicates", replicates, _MOST_REPLICATES, least=0)
    lineup = lineup_of(scenarios, control)
    source = (
        posterior if isinstance(posterior, Estimate) else load_posterior(None if posterior is None else Path(posterior))
    )
    parameters = None if posterior is None else source.typical()
    mechanistic = any(each.plan.drive == "mechanistic" for each in lineup.entries)
    sets = intervals.scenario_draws(source, asked, seed) if asked and mechanistic else []
    report = stage(progress, "draws of the posterior")
    followed = follow(lineup, [parameters, *sets], report)
    checked = {}
    for number, each in enumerate(lineup.entries):
        checked[each.label] = checks_of(each.plan, parameters, draws=sets if each.plan.drive == "mechanistic" else [])
        if progress is not None:
            progress("evidence of the library", number + 1, len(lineup.entries))
    return compared(
        followed, checked, asked=len(sets), means=_simulated(lineup, parameters, replicates, seed, progress)
    )


def compared(
    followed: Followed,
    checked: dict[str, list[Checked]],
    *,
    asked: int,
    means: Mapping[str, Mapping[Point, Array]] | None = None,
) -> Compared:
    """All differences between scenarios that were followed, with what the evidence says of each (``checked``).

    ``asked`` are the draws asked for, more than there are where some are no possible dendrites; ``means`` those of
    simulated experiments, by content and point. Raises ScenarioError if there is nothing to compare.
    """
    lineup = followed.lineup
    rows = [row for pair in lineup.pairs for row in _rows(followed, *pair)]
    if not rows:
        message = (
            "the scenarios have no interval between sessions in common and give no drugs; give them the same sessions"
        )
        raise ScenarioError(message)
    return Compared(
        lineup=lineup,
        dataset=_dataset(followed, rows),
        contrasts=tuple(_contrast(row, means or {}) for row in rows),
        effects=tuple(each for entry in lineup.entries for each in _effects(followed, entry)),
        checked=checked,
        notes=_notes(followed, checked, asked),
        draws=(asked, len(followed.draws) - 1),
    )


# -- contrasts -------------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """A contrast at every draw."""

    a: Entry
    b: Entry
    quantity: str
    start_day: float
    end_day: float
    unit: str
    values: Array


def _rows(followed: Followed, a: Entry, b: Entry) -> list[_Row]:
    """All contrasts of one pair."""
    one, other = followed.of(a), followed.of(b)
    places = {point: k for k, point in enumerate(other.points)}
    rows = [
        _Row(a, b, *point, "1", less(one.statistics[:, k], other.statistics[:, places[point]]))
        for k, point in enumerate(one.points)
        if point in places
    ]
    if not (a.gives_drugs or b.gives_drugs) and followed.lineup.control is None:
        return rows  # neither has extra spines
    against_reference = followed.lineup.control is not None or b.label == VEHICLE
    extra = [followed.extra_spines(a), *([] if against_reference else [followed.extra_spines(b)])]
    first = max(each.plan.schedule.sessions[0] for each in (a, b))
    sessions = {day for each in followed.lineup.entries for day in each.plan.schedule.sessions if day > first}
    for day in sorted(sessions):
        at = int(np.searchsorted(followed.days, day))
        rows.append(_Row(a, b, "extra_spines", first, day, "1", _difference([each[:, at] for each in extra])))
    measures = [_measures(followed.days, each) for each in extra]
    for k, (name, (unit, _)) in enumerate(MEASURES.items()):
        values = _difference([each[:, k] for each in measures])
        if np.isfinite(values[0]) and not (against_reference and name not in _ADD_UP):
            rows.append(_Row(a, b, name, first, float(followed.days[-1]), unit, values))
    return rows


def _difference(arms: Sequence[Array]) -> Array:
    """The first, less the second where there is one."""
    return arms[0] if len(arms) == 1 else less(*arms)


def _measures(days: Array, extra: Array) -> Array:
    """(n_draw, n_measure) of curves of extra spines (n_draw, n_day), NaN where a curve is."""
    made = np.full((len(extra), len(MEASURES)), np.nan)
    for row, curve in zip(made, extra, strict=True):
        known = np.isfinite(curve)
        if known.any():
            peak = peak_of(days[known], curve[known])
            row[:] = peak.peak, peak.day, peak.onset, peak.last - peak.onset, peak.area
    return made


def _ends(values: Array) -> tuple[float | None, float | None, float | None]:
    """Estimate and ends of the interval over the draws that have a value; None for what there is not."""
    drawn = values[1:][np.isfinite(values[1:])]
    estimate, low, high = (
        x if np.isfinite(x) else None for x in intervals.with_ends(np.append(values[0], drawn)).tolist()
    )
    return estimate, low, high


def _contrast(row: _Row, means: Mapping[str, Mapping[Point, Array]]) -> ScenarioContrast:
    """A contrast with its interval, and with simulated experiments where there are any."""
    estimate, low, high = _ends(row.values)
    assert estimate is not None  # such rows are left out
    point = (row.quantity, row.start_day, row.end_day)
    simulated = error = None
    if all(point in means.get(each.content, {}) for each in (row.a, row.b)):
        difference = means[row.a.content][point] - means[row.b.content][point]
        simulated = float(difference.mean())
        error = float(difference.std(ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else None
    return ScenarioContrast(
        row.a.label, row.b.label, *point, estimate, low, high, row.unit, simulated, error
    )  # fmt: skip


def _simulated(
    lineup: Lineup, parameters: ParameterSet | None, replicates: int, seed: int, progress: Steps | None
) -> dict[str, dict[Point, Array]]:
    """Mean over dendrites of every statistic in every simulated experiment, by content; all share their draws."""
    if not replicates:
        return {}
    members = {each.content: each for pair in lineup.pairs for each in pair}
    means = {}
    for number, (content, each) in enumerate(members.items()):
        blocks = []
        for first in range(0, replicates, _BLOCK):  # a block at a time, for single dendrites fill the memory
            n = min(_BLOCK, replicates - first)
            seen = summarise(simulate(each.plan, parameters, replicates=n, seed=seed, first_replicate=first))
            blocks.append(seen["mean"].transpose("point", "replicate").to_numpy())
            if progress is not None:
                progress("simulating experiments", number * replicates + first + n, len(members) * replicates)
        keys = zip(*(seen[name].to_numpy().tolist() for name in ("quantity", "start_day", "end_day")), strict=True)
        means[content] = dict(zip(keys, np.concatenate(blocks, axis=1), strict=True))
    return means


# -- effects, dataset, notes -----------------------------------------------------------------------------------


def _effects(followed: Followed, entry: Entry) -> list[Effect]:
    """Measures of the extra spines of one scenario; none where it is its own reference."""
    reference = followed.lineup.reference(entry)
    if entry.content == reference.content or not (entry.gives_drugs or followed.lineup.control not in (None, VEHICLE)):
        return []
    measures = _measures(followed.days, followed.extra_spines(entry))
    horizon = float(followed.days[-1])
    notes = dict.fromkeys(MEASURES, "")
    if measures[0, 1] == horizon:
        notes["extra_spines_peak"] = f"not yet reached on day {horizon:g}, where the comparison ends"
    last = measures[:, 2] + measures[:, 3]
    if np.mean(last >= horizon) > _SOME:
        notes["extra_spines_duration"] = f"cut at day {horizon:g}, where the comparison ends"
    return [
        Effect(entry.label, reference.label, name, *_ends(measures[:, k]), unit, notes[name])
        for k, (name, (unit, _)) in enumerate(MEASURES.items())
    ]


def _dataset(followed: Followed, rows: Sequence[_Row]) -> xr.Dataset:
    """All that was followed, with units."""
    entries = followed.lineup.entries
    points = list(dict.fromkeys(point for each in entries for point in followed.of(each).points))
    expected = np.full((len(entries), len(followed.draws), len(points)), np.nan)
    for values, each in zip(expected, entries, strict=True):
        track = followed.of(each)
        values[:, [points.index(point) for point in track.points]] = track.statistics
    courses = {
        "density": "spines that are there, change since the first session",
        "formation_fold": "formation, fold over the drug-free state",
        "elimination_fold": "elimination hazards, fold over the drug-free state",
        "mean_head_width": "mean head width, change since the first session",
    }
    content = {
        name: (("scenario", "draw", "day"), np.stack([followed.of(each).courses[name] for each in entries]), text)
        for name, text in courses.items()
    }
    content["extra_spines"] = (
        ("scenario", "draw", "day"),
        np.stack([followed.extra_spines(each) for each in entries]),
        "spines beyond those of the reference, per spine at the first session",
    )
    content["expected"] = (("scenario", "draw", "point"), expected, "exact mean of the statistic")
    dataset = xr.Dataset(
        {name: (dims, values, {"units": "1", "long_name": text}) for name, (dims, values, text) in content.items()},
        coords={
            "scenario": [each.label for each in entries],
            "reference": ("scenario", [followed.lineup.reference(each).label for each in entries]),
            "draw": ("draw", followed.draws, {"long_name": "draw of the posterior; -1 is the estimate"}),
            "day": ("day", followed.days, {"units": "day", "long_name": "time"}),
            "quantity": ("point", [quantity for quantity, _, _ in points]),
            "start_day": ("point", [start for _, start, _ in points], {"units": "day", "long_name": "start"}),
            "end_day": ("point", [end for _, _, end in points], {"units": "day", "long_name": "end"}),
        },
    )
    return dataset.assign(
        contrast_value=(
            ("draw", "contrast"),
            np.stack([row.values for row in rows], axis=1),
            {"long_name": "a minus b, in contrast_unit"},
        )
    ).assign_coords(
        a=("contrast", [row.a.label for row in rows]),
        b=("contrast", [row.b.label for row in rows]),
        contrast_quantity=("contrast", [row.quantity for row in rows]),
        contrast_start_day=("contrast", [row.start_day for row in rows], {"units": "day", "long_name": "start"}),
        contrast_end_day=("contrast", [row.end_day for row in rows], {"units": "day", "long_name": "end"}),
        contrast_unit=("contrast", [row.unit for row in rows]),
    )


def _notes(followed: Followed, checked: Mapping[str, Sequence[Checked]], asked: int) -> list[str]:
    """What to read with care of each scenario, of comparing them, and of the draws."""
    lineup = followed.lineup
    plans = {each.label: each.plan for each in lineup.entries}
    pairs = [(a.label, b.label) for a, b in lineup.pairs if b.label != VEHICLE]
    notes = notes_of_several(plans, checked, pairs)
    if asked and any(each.plan.drive == "mechanistic" for each in lineup.entries):
        first = sum(isinstance(each, Contradiction) for found in checked.values() for each in found)
        notes[first:first] = [
            "effects are those of a laboratory that no study is of, so intervals hold how laboratories differ; effects "
            "in the laboratories of the embedded studies are what `synmodel compare` without scenarios says",
            f"ends of intervals rest on {asked} draws and move between seeds, the upper ones most; more by --draws",
        ]
    lost = asked - (len(followed.draws) - 1)
    if lost:
        notes.append(f"{lost} of {asked} draws are left out for all: they are no possible dendrites")
    return notes
