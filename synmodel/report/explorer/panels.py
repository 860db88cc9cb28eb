"""What the page draws: curves with their bands in nine panels, points, the answer at a glance, and what to read first.

Values are as computed, in the units of the panel (per cent for fractions and changes); the page rounds what it prints.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.caveats import contradiction_lines
from synmodel.analysis.intervals import with_ends
from synmodel.core.plain import Json
from synmodel.pharmacology import acting_doses, drug_doses, load_compound
from synmodel.report.explorer.curves import Shown
from synmodel.report.explorer.measured import published_points
from synmodel.report.explorer.states import LETTERS, title_of
from synmodel.scenario import Scenario

__all__ = ["document_of"]

Array = NDArray[np.float64]
_RECEPTORS = {
    "nmda_block_interneuron": "NMDA-R of interneurons blocked",
    "nmda_block_pyramidal": "NMDA-R of pyramidal cells blocked",
    "agonism_5ht2a": "5-HT2A at the membrane",
    "agonism_5ht2a_intracellular": "5-HT2A inside the cell",
    "trkb_bound": "TrkB bound",
}
_CASCADE = {"bdnf": "BDNF", "trkb": "TrkB", "mtorc1": "mTORC1"}
_STATISTICS = {
    "formation_fraction": ("formation", "Formation: spines gained"),
    "elimination_fraction": ("elimination", "Elimination: spines lost"),
    "density_change": ("density", "Density: change since first"),
}
_SEEN = 0.01  # what is engaged by less, or below a thousandth of the highest compound, is not drawn
_PRESENT = 1e-3
_FALLEN = 0.03
_LEAST_HOURS, _MOST_HOURS, _BEFORE_HOURS = 3.0, 48.0, 4.0
_CUT = 1.8  # times the highest curve, where bands of signalling end
_COLUMNS = 100  # of a panel
_MOST_POINTS = 200  # of a curve


def document_of(shown: Shown, *, whole: bool = False) -> Json:
    """All that the page shows of two scenarios.

    Parameters
    ----------
    whole : bool
        Concentration, receptors and signalling over all days, not over the hours after the first dose.

    Returns
    -------
    dict
        ``panels``, ``glance``, ``first`` (contradictions, then what to read with care), ``scenarios`` (label, title),
        ``draws`` as {asked, used}, ``is_checked``.
    """
    asked, used = shown.compared.draws
    points = [published_points(plan) for plan in shown.state.plans]
    against = contradiction_lines(shown.compared.checked)
    return {
        "scenarios": [_about(shown, k, points[k]) for k in range(len(LETTERS))],
        "panels": [*_mechanism_panels(shown, whole), *_drive_panels(shown), *_statistic_panels(shown, points)],
        "glance": _glance(shown),
        "first": {"contradictions": against, "notes": [note for note in shown.compared.notes if note not in against]},
        "draws": {"asked": asked, "used": used},
        "is_checked": shown.is_checked,
    }


def _about(shown: Shown, k: int, points: Sequence[Json]) -> Json:
    plan, entry = shown.state.plans[k], shown.entries[k]
    doses = drug_doses(plan.regimen.doses)
    return {
        "letter": LETTERS[k],
        "label": entry.label,
        "title": title_of(plan),
        "is_of_library": shown.state.is_of_library(k),
        "doses": [
            {"compound": dose.compound, "days": list(dose.days), "amount": dose.amount, "unit": dose.unit}
            for dose in doses
        ],
        "sessions": list(plan.schedule.sessions),
        "published": sorted({f"{point['study']}, {point['arm']}" for point in points}),
    }


# -- from dose to signalling -----------------------------------------------------------------------------------


def _since(plan: Scenario) -> float:
    """Day of the first dose that does something on its own, or else of any; 0 without one."""
    doses = plan.regimen.doses
    return min((day for dose in acting_doses(doses) or drug_doses(doses) for day in dose.days), default=0.0)


def _mechanism_panels(shown: Shown, whole: bool) -> list[Json]:
    """Free drug, engaged receptors and signalling, over the hours after the first dose or over all days."""
    end = max(_hours(shown, k) for k in range(len(LETTERS)))
    start = min(_first_hours(plan) for plan in shown.state.plans)
    panels: list[Json] = [
        _panel("concentration", "Free drug in the brain", "nM", scale="log"),
        _panel("receptors", "Receptors engaged", "%", low=0.0),
        _panel("signalling", "Signalling above rest", "excess", cut=_CUT),
    ]
    for k, (plan, made) in enumerate(zip(shown.state.plans, shown.mechanisms, strict=True)):
        x = made["time"].to_numpy() if whole else 24 * (made["time"].to_numpy() - _since(plan))
        for panel, curves in zip(panels, (_compounds(made), _engaged(made), _cascade(made)), strict=True):
            for number, (name, values) in enumerate(curves):
                panel["series"].append(_series(k, name, x, values, number, None if whole else (start, end)))
    for panel in panels:
        panel.update(x_unit="day" if whole else "hour", x_range=None if whole else [start, end])
    return panels


def _first_hours(plan: Scenario) -> float:
    """Hours from the first dose that acts to a pretreatment, which is shown if it is not long before; else 0."""
    days = [day for dose in drug_doses(plan.regimen.doses) for day in dose.days]
    before = [hours for day in days if -_BEFORE_HOURS <= (hours := 24 * (day - _since(plan))) < 0]
    return 1.2 * min(before, default=0.0)


def _hours(shown: Shown, k: int) -> float:
    """Hours from the first dose until receptors are free again, or to the next dose of the same drug."""
    plan, made = shown.state.plans[k], shown.mechanisms[k]
    hours = 24 * (made["time"].to_numpy() - _since(plan))
    starts = sorted(day for dose in drug_doses(plan.regimen.doses) for day in dose.days if dose.repeat > 1)
    until = min(_MOST_HOURS, 24 * (starts[1] - starts[0])) if len(starts) > 1 else _MOST_HOURS
    last = _LEAST_HOURS
    for _, values in _engaged(made):
        course = values[0][(hours >= 0) & (hours <= until)]
        if course.size and course.max() > 0:
            last = max(last, float(hours[(hours >= 0) & (hours <= until)][course > _FALLEN * course.max()][-1]))
    return min(1.05 * last, until)


def _compounds(made: xr.Dataset) -> list[tuple[str, Array]]:
    """Free concentrations [nM] of the compounds that matter, (draw, time), highest first."""
    if "free_concentration" not in made:
        return []
    free = made["free_concentration"].transpose("compound", "draw", "time")
    courses = list(zip(free["compound"].to_numpy().tolist(), free.to_numpy(), strict=True))
    courses.sort(key=lambda each: -each[1][0].max())
    highest = courses[0][1][0].max()
    return [(str(name), values) for name, values in courses if values[0].max() > _PRESENT * highest > 0]


def _engaged(made: xr.Dataset) -> list[tuple[str, Array]]:
    """Engaged receptors [%], (draw, time); those inside the cell where antagonists make a difference."""
    found = []
    for name, label in _RECEPTORS.items():
        if name not in made or made[name].values[0].max() <= _SEEN:
            continue
        values = 100 * made[name].to_numpy()
        alike = np.allclose(made["agonism_5ht2a_intracellular"], made["agonism_5ht2a"], atol=_SEEN)
        if name == "agonism_5ht2a_intracellular" and alike:
            continue
        found.append(("5-HT2A activated" if name == "agonism_5ht2a" and alike else label, values))
    for name, word in (("target_activation", "activated"), ("target_block", "blocked")):
        for target in made["target"].to_numpy().tolist() if name in made else ():
            values = 100 * made[name].sel(target=target).to_numpy()
            if values[0].max() > 100 * _SEEN:
                found.append((f"{target} {word}", values))
    return found


def _cascade(made: xr.Dataset) -> list[tuple[str, Array]]:
    """Excess of the fast states of the cascade, (draw, time); none where no drug acts on them."""
    found = [(label, made[name].to_numpy()) for name, label in _CASCADE.items() if name in made]
    return [(label, values) for label, values in found if np.abs(values[0]).max() > 1e-6]


# -- drive and spines ------------------------------------------------------------------------------------------


def _drive_panels(shown: Shown) -> list[Json]:
    """Formation, elimination and extra spines over days."""
    dataset, days = shown.compared.dataset, shown.followed.days
    kinds = (
        ("formation_fold", "Drive of formation", "fold", "formation_fold", 1.0, 1.0),
        ("elimination_fold", "Drive of elimination", "fold", "elimination_fold", 1.0, 1.0),
        ("extra", "Extra spines, against no drug", "%", "extra_spines", 100.0, 0.0),
    )
    panels = []
    for name, title, unit, variable, factor, level in kinds:
        panel = _panel(name, title, unit, level=level)
        for k in range(len(LETTERS)):
            values = dataset[variable].isel(scenario=k).to_numpy()
            known = np.isfinite(values[0])
            if known.any():
                panel["series"].append(_series(k, LETTERS[k], days[known], values[:, known], 0, factor=factor))
        panels.append({**panel, "x_unit": "day", "x_range": None})
    return panels


def _statistic_panels(shown: Shown, points: Sequence[Sequence[Json]]) -> list[Json]:
    """What a microscope reports by interval, with the vehicle of each scenario and published points."""
    panels = []
    for quantity, (name, title) in _STATISTICS.items():
        is_change = quantity == "density_change"
        panel = _panel(name, title, "%", **({"level": 0.0} if is_change else {"low": 0.0}))
        panel |= {"x_unit": "day", "x_range": None, "kind": "sessions" if is_change else "intervals"}
        for k, entry in enumerate(shown.entries):
            arms = [(entry, "", 0)] + ([(entry.vehicle, "without drug", 1)] if entry.gives_drugs else [])
            for arm, word, dash in arms:
                track = shown.followed.of(arm)
                places = [i for i, (each, _, _) in enumerate(track.points) if each == quantity]
                values = track.statistics[:, places]
                start, end = (np.array([track.points[i][side] for i in places]) for side in (1, 2))
                made = _series(k, f"{LETTERS[k]} {word}".strip(), end, values, dash, thin=False, factor=100.0)
                panel["series"].append(
                    made | {"start": start.tolist()} | ({} if dash == 0 else {"low": [], "high": []})
                )
            panel["points"] += [
                {**point, "scenario": k, "mean": 100 * point["mean"],
                 "sem": None if point["sem"] is None else 100 * point["sem"]}
                for point in points[k] if point["quantity"] == quantity
            ]  # fmt: skip
        panels.append(panel)
    return panels


def _panel(name: str, title: str, unit: str, **more: object) -> Json:
    """A panel without curves; ``low`` is where its axis begins, ``level`` a line that says no effect."""
    return {"id": name, "title": title, "unit": unit, "kind": "curves", "scale": "linear", "low": None, "level": None,
            "cut": None, "series": [], "points": [], **more}  # fmt: skip


def _series(
    scenario: int, name: str, x: Array, values: Array, dash: int, within: tuple[float, float] | None = None,
    thin: bool = True,
    factor: float = 1.0,
) -> Json:  # fmt: skip
    """One curve with its band: the estimate, which is the first draw, and the ends of 95 % of the others.

    ``factor`` turns them into the unit of the panel.
    """
    if within is not None:
        inside = (x >= within[0]) & (x <= within[1])
        x, values = x[inside], values[:, inside]
    if thin and len(x) > _MOST_POINTS:
        at = _telling(x, values[0])
        x, values = x[at], values[:, at]
    estimate, low, high = factor * with_ends(values)
    has_band = bool(np.isfinite(low).any())
    return {
        "scenario": scenario,
        "name": name,
        "dash": dash,
        "x": x.tolist(),
        "y": _plain(estimate),
        "low": _plain(low) if has_band else [],
        "high": _plain(high) if has_band else [],
    }


def _telling(x: Array, y: Array) -> NDArray[np.int64]:
    """Places of a curve that draw the same picture: first, last, lowest and highest of each of some narrow columns."""
    column = np.minimum((_COLUMNS * (x - x[0]) / (x[-1] - x[0])).astype(int), _COLUMNS - 1)
    edges = np.flatnonzero(np.diff(column, prepend=-1, append=_COLUMNS))
    spans = [(a, b) for a, b in pairwise(edges.tolist()) if b > a]
    return np.unique([k for a, b in spans for k in (a, b - 1, a + int(y[a:b].argmin()), a + int(y[a:b].argmax()))])


def _plain(values: Array) -> list[float | None]:
    """Numbers as JSON has them: nothing for NaN."""
    known: list[float | None] = values.tolist()
    return known if np.isfinite(values).all() else [x if x is not None and np.isfinite(x) else None for x in known]


# -- at a glance -----------------------------------------------------------------------------------------------


def _glance(shown: Shown) -> list[Json]:
    """The answer in a table: one row for each question, with A, B and, of the same draws, A minus B."""
    dataset, days = shown.compared.dataset, shown.followed.days
    rows = [
        _peak_row(
            shown, "free drug in the brain at its peak", "nM", lambda made: list(filter(_acts, _compounds(made)))
        ),
        _peak_row(shown, "receptors engaged at the peak", "%", _engaged),
        _fold_row(shown, "formation at its highest", dataset["formation_fold"].to_numpy(), highest=True),
        _fold_row(shown, "elimination at its lowest", dataset["elimination_fold"].to_numpy(), highest=False),
    ]
    extra = 100 * dataset["extra_spines"].to_numpy()
    for day in _days_told(shown):
        at = int(np.searchsorted(days, day))
        rows.append(_row(f"extra spines on day {day:g}", "%", extra[:, :, at], [""] * len(LETTERS)))
    return rows


def _acts(compound: tuple[str, Array]) -> bool:
    """Whether a compound has a target: a prodrug and some metabolites have none."""
    targets = load_compound(compound[0]).targets
    return bool(targets.open) or any(getattr(targets, name) is not None for name in type(targets).model_fields)


def _days_told(shown: Shown) -> list[float]:
    """The session nearest to a week after day 0, and the last day that both are followed to."""
    last = min(plan.schedule.sessions[-1] for plan in shown.state.plans)
    days = {day for plan in shown.state.plans for day in plan.schedule.sessions if 0 < day <= last} or {last}
    return sorted({min(days, key=lambda day: abs(day - 7)), last})


def _fold_row(shown: Shown, label: str, values: Array, *, highest: bool) -> Json:
    days = shown.followed.days
    known = np.where(np.isnan(values), 1.0, values)
    peaks = known.max(axis=2) if highest else known.min(axis=2)
    where = known[:, 0].argmax(axis=1) if highest else known[:, 0].argmin(axis=1)
    words = [
        _when(float(days[at]) - _since(plan)) if peak != 1 else ""
        for plan, at, peak in zip(shown.state.plans, where, peaks[:, 0], strict=True)
    ]
    return _row(label, "fold", peaks, words)


def _peak_row(
    shown: Shown, label: str, unit: str, curves_of: Callable[[xr.Dataset], Iterable[tuple[str, Array]]]
) -> Json:
    """Peaks of the curves of each scenario, with their names and times; no difference, for they differ in kind."""
    cells: list[list[Json]] = []
    for plan, made in zip(shown.state.plans, shown.mechanisms, strict=True):
        cells.append([])
        for name, values in curves_of(made):
            day = float(made["time"][int(values[0].argmax())]) - _since(plan)
            cells[-1].append(_cell(values.max(axis=1), f"{name}, {_when(day)}"))
    return {"label": label, "unit": unit, "cells": cells, "difference": None}


def _when(day: float) -> str:
    """A time since the first dose in words."""
    if abs(day) < 1 / 24:
        return f"at {1440 * day:.2g} min"
    return f"at {24 * day:.2g} h" if abs(day) < 2 else f"at {day:.3g} days"


def _row(label: str, unit: str, values: Array, words: Sequence[str]) -> Json:
    """A row from values (scenario, draw), with the difference at the same draws."""
    cells = [[_cell(each, word)] for each, word in zip(values, words, strict=True)]
    return {"label": label, "unit": unit, "cells": cells, "difference": _cell(values[0] - values[1], "")}


def _cell(values: Array, words: str) -> Json:
    """Estimate and interval of (draw,) values; no interval where draws do not differ."""
    drawn = values[1:][np.isfinite(values[1:])]
    estimate, low, high = (None if np.isnan(x) else x for x in with_ends(np.append(values[0], drawn)).tolist())
    return {"estimate": estimate, "low": low, "high": high, "words": words}
