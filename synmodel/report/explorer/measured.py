"""Points to stand beside the curves: published arms that a scenario repeats, and tables of one's own.

A table of one's own comes as bytes under a name, as a browser sends it. It is read by the readers of `synmodel data`
or, where it has the columns of group summaries, by the reader of those; it is never kept.
"""

from collections.abc import Sequence
from math import hypot
from pathlib import PurePath

import numpy as np
import xarray as xr

from synmodel import library
from synmodel.analysis.intervals import with_ends
from synmodel.core.errors import DataError, SynmodelError
from synmodel.core.intake import Received
from synmodel.core.plain import Json
from synmodel.data import load_study, load_summaries, read_observations
from synmodel.data.studies import Arm
from synmodel.data.summaries import FITTED, arms_seen, read_summaries, summaries_of
from synmodel.imaging import summarise
from synmodel.pharmacology import drug_doses
from synmodel.report.explorer.curves import Shown
from synmodel.report.explorer.states import LETTERS
from synmodel.scenario import Dose, Scenario

__all__ = ["MOST_BYTES", "beside", "published_points", "read_own"]

MOST_BYTES = 5_000_000
"""Of a table of one's own."""
_MOST_UNPACKED = 60_000_000  # bytes of a workbook, which is a zip
_MOST_POINTS = 2000
_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")
_SAME_DAY = 0.02  # doses closer than half an hour are one: ten minutes of a pretreatment are assumed
_SAME_TIME = 1e-6
_NORMAL = 1.959964  # 97.5 % of the standard normal


# -- published -------------------------------------------------------------------------------------------------


def published_points(plan: Scenario) -> list[Json]:
    """Published means of all arms that a scenario repeats: same doses, species and genotype, no other condition.

    Returns
    -------
    list of dict
        ``study``, ``arm``, ``is_baseline`` (of the scenario's own study), ``quantity``, ``start_day``, ``end_day``,
        ``mean``, ``sem`` (over mice, pooled) and ``n`` (mice).
    """
    if plan.spells:
        return []
    points = []
    for name in library.names("studies"):
        study = load_study(name)
        if study.species != plan.subject.species:
            continue
        for arm in study.arms:
            if _repeats(plan, arm):
                points += [
                    {"study": name, "arm": arm.name, "is_baseline": name == plan.baseline, **point}
                    for point in _published(name, arm.name)
                ]
    return points


@library.cached
def _published(study: str, arm: str) -> list[Json]:
    return _points(load_summaries(study, arm)) if arm in arms_seen(study) else []


def _repeats(plan: Scenario, arm: Arm) -> bool:
    if arm.genotype != plan.subject.genotype:
        return False
    mine, theirs = (sorted(drug_doses(doses), key=_order) for doses in (plan.regimen.doses, arm.doses))
    weight = plan.subject.body_weight_kg
    return len(mine) == len(theirs) and all(_same(*pair, weight) for pair in zip(mine, theirs, strict=True))


def _order(dose: Dose) -> tuple[str, float]:
    return dose.compound, dose.day


def _same(one: Dose, other: Dose, weight_kg: float) -> bool:
    return (
        (one.compound, one.route, one.repeat) == (other.compound, other.route, other.repeat)
        and bool(np.isclose(one.mg_per_kg(weight_kg), other.mg_per_kg(weight_kg), rtol=1e-6))
        and abs(one.day - other.day) <= _SAME_DAY
        and (one.repeat == 1 or one.every_days == other.every_days)
        and one.duration_min == other.duration_min
    )


def _points(summary: xr.Dataset) -> list[Json]:
    """Points of the quantities that are shown, from group summaries of an arm."""
    sem = summary["sem_mouse"] if "sem_mouse" in summary else summary["mouse_sem"]
    mean, sems, mice = summary["mean"].to_numpy(), sem.to_numpy(), summary["n_mice"].to_numpy()
    # Mice that were imaged alone have no SEM over mice; that over dendrites is what there is.
    sems = np.where(np.isfinite(sems), sems, summary["sem_dendrite"].to_numpy())
    return [
        {
            "quantity": quantity,
            "start_day": float(summary["start_day"][k]),
            "end_day": float(summary["end_day"][k]),
            "mean": float(mean[k]),
            "sem": float(sems[k]) if np.isfinite(sems[k]) else None,
            "n": int(mice[k]) if np.isfinite(mice[k]) else None,
        }
        for k, quantity in enumerate(summary["quantity"].to_numpy().tolist())
        if quantity in FITTED and np.isfinite(mean[k])
    ]


# -- one's own -------------------------------------------------------------------------------------------------


def read_own(name: str, content: bytes) -> Json:
    """A table of one's own as points.

    Parameters
    ----------
    name : str
        Of the file, which says its kind.
    content : bytes
        Of the file.

    Returns
    -------
    dict
        ``name``; ``form``, what it was read as; ``arms``, a list of ``{arm, points}``; ``sessions``, the days that it
        has; ``notes``, what the reader says of it.

    Raises
    ------
    DataError
        With one line, for a file that is too large or cannot be used.
    """
    name = PurePath(name.replace("\\", "/")).name[:100] or "table"
    suffix = PurePath(name).suffix.lower()
    if suffix not in _SUFFIXES:
        message = f"{name} is no table that the explorer takes; give one of {', '.join(_SUFFIXES)}"
        raise DataError(message)
    if len(content) > MOST_BYTES:
        message = f"{name} has {len(content) / 1e6:.1f} MB; the explorer takes up to {MOST_BYTES / 1e6:g} MB"
        raise DataError(message)
    if suffix == ".xlsx":
        _refuse_bomb(name, content)
    received = Received(name, content)
    try:
        made = _own_summaries(received) if _is_summaries(suffix, content) else _own_dendrites(received)
    except SynmodelError:
        raise
    except Exception as fault:  # of a library below a reader: the file is at fault, and not who reads it
        message = f"{name} cannot be read as a table ({type(fault).__name__}); see `synmodel data check`"
        raise DataError(message) from fault
    number = sum(len(each["points"]) for each in made["arms"])
    if not 0 < number <= _MOST_POINTS:
        message = f"{name} has {number} means of formation, elimination and density; 1 to {_MOST_POINTS} can be shown"
        raise DataError(message)
    days = {day for each in made["arms"] for point in each["points"] for day in (point["start_day"], point["end_day"])}
    return {"name": name, **made, "sessions": sorted(days)}


def _refuse_bomb(name: str, content: bytes) -> None:
    """Refuse a workbook that unpacks to far more than it is."""
    from io import BytesIO
    from zipfile import BadZipFile, ZipFile

    try:
        size = sum(each.file_size for each in ZipFile(BytesIO(content)).infolist())
    except BadZipFile as fault:
        message = f"{name} is no Excel workbook; save it again as .xlsx or as CSV"
        raise DataError(message) from fault
    if size > _MOST_UNPACKED:
        message = f"{name} unpacks to {size / 1e6:.0f} MB; up to {_MOST_UNPACKED / 1e6:.0f} MB can be shown"
        raise DataError(message)


def _is_summaries(suffix: str, content: bytes) -> bool:
    """Whether a table has the columns of group summaries."""
    if suffix == ".xlsx":
        return False
    heading = content.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    return {"quantity", "end_day", "mean"} <= {cell.strip().strip('"') for cell in heading.split(",")}


def _own_summaries(received: Received) -> Json:
    table = read_summaries(received)
    several = "study" in table and table["study"].nunique() > 1
    arms = []
    for key, rows in table.groupby(["study", "arm"] if several else ["arm"], sort=False):
        label = " ".join(map(str, key))
        own = rows.assign(arm=label)
        arms.append({"arm": label, "points": _points(summaries_of(own, received.name, label))})
    return {"form": "group summaries", "arms": arms, "notes": []}


def _own_dendrites(received: Received) -> Json:
    reading = read_observations(received)
    observations = reading.observations
    named = observations["arm"].to_numpy().astype(str) if "arm" in observations.coords else None
    arms = []
    for label in [None] if named is None else dict.fromkeys(named.tolist()):
        chosen = observations
        if named is not None and observations["arm"].dims == ("animal",):
            chosen = observations.isel(animal=np.flatnonzero(named == label))
        arms.append({"arm": label or "all dendrites", "points": _points(summarise(chosen))})
    audit = reading.document()
    problems = [f"{each['where']}: {each['message']}" for each in audit["problems"][:3]]
    more = len(audit["problems"]) - len(problems)
    notes = [*audit["notes"], *problems, *([f"and {more} more problems, see `synmodel data check`"] * (more > 0))]
    used = audit["dendrites"]
    return {"form": f"{reading.form}, {used['used']} of {used['total']} dendrites used", "arms": arms, "notes": notes}


# -- beside the prediction -------------------------------------------------------------------------------------


def beside(shown: Shown, own: Sequence[Json]) -> list[Json]:
    """Measured means beside what the scenario expects of the same interval.

    Parameters
    ----------
    own : sequence of dict
        Points as of :func:`read_own`, each with ``scenario``, ``A`` or ``B``.

    Returns
    -------
    list of dict
        ``scenario``, ``quantity``, ``start_day``, ``end_day``, ``observed``, ``sem``, ``predicted``, ``low``, ``high``
        (None where the scenario has no such interval), ``difference`` and ``allowed``: how far the two may lie apart,
        from the interval of the prediction and 1.96 SEM (Zou and Donner 2008, doi:10.1002/sim.3095); None without both.
    """
    tables = [_expected(shown, k) for k in range(len(LETTERS))]
    rows = []
    for point in own:
        key = (point["quantity"], round(point["start_day"] / _SAME_TIME), round(point["end_day"] / _SAME_TIME))
        predicted, low, high = tables[LETTERS.index(point["scenario"])].get(key, (None, None, None))
        difference = allowed = None
        if predicted is not None:
            difference = point["mean"] - predicted
            if low is not None and high is not None and point["sem"] is not None:
                allowed = hypot(high - predicted if difference > 0 else predicted - low, _NORMAL * point["sem"])
        rows.append(
            {
                "scenario": point["scenario"], "arm": point["arm"], "quantity": point["quantity"],
                "start_day": point["start_day"], "end_day": point["end_day"], "observed": point["mean"],
                "sem": point["sem"], "predicted": predicted, "low": low, "high": high, "difference": difference,
                "allowed": allowed,
            }
        )  # fmt: skip
    return rows


def _expected(shown: Shown, number: int) -> dict[tuple[str, int, int], tuple[float | None, ...]]:
    """Estimate and ends of the interval of every statistic of a scenario, by quantity and interval."""
    track = shown.followed.of(shown.entries[number])
    ends = with_ends(track.statistics).T.tolist()
    return {
        (quantity, round(start / _SAME_TIME), round(end / _SAME_TIME)): tuple(
            None if np.isnan(value) else value for value in values
        )
        for (quantity, start, end), values in zip(track.points, ends, strict=True)
    }
