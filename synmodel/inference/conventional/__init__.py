"""The conventional analysis of single dendrites: each drug arm against its control, quantity by quantity.

Two tests for every interval after the first dose: a linear mixed model over dendrites, all intervals together
(:mod:`synmodel.inference.conventional.mixed_models`), and Welch's t over the means of mice, each interval alone, with
Hedges' g. No p is corrected for the number of tests. A fit that fails is told in its row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.plain import Json
from synmodel.inference.conventional.measured import QUANTITIES, dendrite_table
from synmodel.inference.conventional.mixed_models import INSTALL, ArmDifferences, arm_differences, available
from synmodel.inference.dendrites.arms import VEHICLES, Several, doses_of
from synmodel.pharmacology import load_compound

__all__ = ["COLUMNS", "Conventional", "Pair", "conventional_analysis", "pairs_of", "welch"]

Array = NDArray[np.float64]
_FEWEST_MICE = 2
_PASSIVE = ("vehicle", "antagonist")

COLUMNS = {
    "study": ("", "study"),
    "arm": ("", "arm with a drug"),
    "control": ("", "arm without a drug that it is compared with"),
    "quantity": ("", "formation or elimination fraction, or change of density from a dendrite's first session"),
    "start_day": ("day", "session at which the interval, or the change, starts"),
    "end_day": ("day", "session at which it ends"),
    "n_mice": ("1", "mice of the arm"),
    "n_mice_control": ("1", "mice of the control"),
    "n_dendrites": ("1", "dendrites of the arm"),
    "n_dendrites_control": ("1", "dendrites of the control"),
    "mixed_difference": ("1", "arm minus control, mixed model over dendrites"),
    "mixed_se": ("1", "its standard error"),
    "mixed_low": ("1", "lower end of its 95 % interval"),
    "mixed_high": ("1", "upper end of its 95 % interval"),
    "mixed_p": ("1", "its two-sided p"),
    "mouse_sd": ("1", "standard deviation between mice, mixed model"),
    "dendrite_sd": ("1", "standard deviation between dendrites of a mouse, mixed model"),
    "mixed_note": ("", "what to read with care in the mixed model"),
    "welch_difference": ("1", "arm minus control, means of mice"),
    "welch_low": ("1", "lower end of its 95 % interval, Welch"),
    "welch_high": ("1", "upper end of its 95 % interval, Welch"),
    "welch_p": ("1", "two-sided p of Welch's t"),
    "hedges_g": ("1", "difference over the pooled standard deviation of mice, corrected for few mice"),
    "welch_note": ("", "what to read with care in Welch's t"),
    "model_difference": ("1", "arm minus control that the fitted model expects, at its estimate"),
    "model_dendrites": ("1", "dendrites of the arm with counts, which the fit rests on"),
    "model_dendrites_control": ("1", "the same of the control"),
}
"""Name of each column of the analysis -> its unit and what it is."""


class Pair(NamedTuple):
    """A drug arm, the arm that is its control, and the day of its first dose."""

    study: str
    arm: str
    control: str
    dose_day: float


@dataclass(frozen=True, eq=False)
class Conventional:
    """The analysis, a row for each arm, quantity and interval with the columns of :data:`COLUMNS`, and remarks.

    ``model`` names the fitted model that fills the last columns; empty, and NaN there, without one
    (:func:`synmodel.inference.conventional.expected_differences.beside`).
    """

    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    model: str = ""


def conventional_analysis(observations: Several, *, without: Sequence[str] = ()) -> Conventional:
    """Mixed models over dendrites and Welch's t over mice, for every drug arm against its control.

    Parameters
    ----------
    observations, without
        As in :func:`synmodel.inference.conventional.measured.dendrite_table`.

    Returns
    -------
    Conventional
        With an empty table, and a note, where no arm has a control.
    """
    measured = dendrite_table(observations, without=without)
    pairs, notes = pairs_of(measured)
    if not available():
        notes.append(INSTALL)
    rows: list[Json] = []
    for pair in pairs:
        both = measured[(measured["study"] == pair.study) & measured["arm"].isin([pair.arm, pair.control])]
        for quantity in QUANTITIES:
            rows += _compared(pair, quantity, _after(both[both["quantity"] == quantity], quantity, pair.dose_day))
    return Conventional(pd.DataFrame(rows, columns=list(COLUMNS)), notes)


def pairs_of(measured: pd.DataFrame) -> tuple[list[Pair], list[str]]:
    """Every drug arm with its control, and a note for each study in which one is missing.

    The control is an arm without an active compound; of several, the one whose name differs least in its other parts: a
    knock-out is compared with a knock-out, an arm that got an antagonist first with one that got it too.
    """
    pairs, notes = [], []
    for study, own in measured.groupby("study", sort=True):
        arms = {str(arm): _active(str(study), str(arm)) for arm in sorted(own["arm"].unique())}
        controls = [arm for arm, active in arms.items() if not active]
        drugged = [arm for arm, active in arms.items() if active]
        if not (controls and drugged):
            missing = "with a drug" if controls else "without a drug"
            notes.append(f"{study} has no arm {missing}, so the conventional analysis has nothing to compare")
            continue
        for arm in drugged:
            rest = _rest(arm, arms[arm])
            control = min(controls, key=lambda each: (len(rest ^ _rest(each, {})), each))
            pairs.append(Pair(str(study), arm, control, min(arms[arm].values())))
    return pairs, notes


def _active(study: str, arm: str) -> dict[str, float]:
    """Compounds that do something on their own -> day of their first dose."""
    active: dict[str, float] = {}
    for compound, day in doses_of(study, arm):
        if not _is_passive(compound):
            active[compound] = min(day, active.get(compound, day))
    return active


def _is_passive(compound: str) -> bool:
    if compound in library.names("compounds"):
        return any(word in load_compound(compound).kind for word in _PASSIVE)
    return compound in VEHICLES


def _rest(arm: str, active: dict[str, float]) -> set[str]:
    """Parts of an arm's name that are neither a vehicle nor its drug."""
    return {part.strip().lower() for part in arm.split("+")} - set(active) - set(VEHICLES)


def _after(table: pd.DataFrame, quantity: str, dose_day: float) -> pd.DataFrame:
    """Rows that end after the first dose; of changes only those that start before it."""
    kept = table[table["end_day"] > dose_day]
    return kept[kept["start_day"] <= dose_day] if quantity == "density_change" else kept


def _compared(pair: Pair, quantity: str, table: pd.DataFrame) -> Iterator[Json]:
    """Rows of one arm and quantity, in the order of intervals."""
    table = table.assign(session=table["end_day"], treated=(table["arm"] == pair.arm).astype(float))
    mice = table.groupby(["session", "treated"])["mouse"].nunique().unstack(fill_value=0)
    enough = [day for day, row in mice.iterrows() if len(row) > 1 and (row >= _FEWEST_MICE).all()]
    mixed = _by_session(table[table["session"].isin(enough)])
    for day, own in table.groupby("session", sort=True):
        arms = [own[own["treated"] == treated] for treated in (1.0, 0.0)]
        if any(each.empty for each in arms):
            continue
        counts = [each[name].nunique() for name in ("mouse", "dendrite") for each in arms]
        yield {
            **pair._asdict(),
            "quantity": quantity,
            "start_day": float(own["start_day"].min()),
            "end_day": float(own["end_day"].iloc[0]),
            **dict(zip(("n_mice", "n_mice_control", "n_dendrites", "n_dendrites_control"), counts, strict=True)),
            **mixed.get(float(str(day)), {"mixed_note": "no fit: fewer than two mice in an arm"}),
            **welch(*(each.groupby("mouse")["value"].mean().to_numpy(float) for each in arms)),
        }


def _by_session(table: pd.DataFrame) -> dict[float, Json]:
    """Columns of the mixed model by session."""
    if table.empty:
        return {}
    found: ArmDifferences = arm_differences(table)
    names = ("difference", "se", "low", "high", "p")
    return {
        float(day): {
            **{f"mixed_{name}": float(getattr(found, name)[at]) for name in names},
            "mouse_sd": found.mouse_sd,
            "dendrite_sd": found.dendrite_sd,
            "mixed_note": found.note,
        }
        for at, day in enumerate(np.unique(table["session"]))
    }


def welch(arm: Array, control: Array) -> Json:
    """Welch's t and Hedges' g of the means of mice, (mouse,) each, by the names of :data:`COLUMNS`.

    Where there is no test, ``welch_note`` says why, and the ends of the interval are missing.
    """
    from scipy.stats import ttest_ind  # on use: it takes a while to load

    difference = float(arm.mean() - control.mean())
    if min(len(arm), len(control)) < _FEWEST_MICE:
        return {"welch_difference": difference, "welch_note": "no test: fewer than two mice in an arm"}
    spreads = [float(each.std(ddof=1)) for each in (arm, control)]
    if max(spreads) <= 1e-12 * max(1.0, abs(difference)):
        return {"welch_difference": difference, "welch_note": "no test: the mice of each arm are all alike"}
    test = ttest_ind(arm, control, equal_var=False)
    low, high = test.confidence_interval(0.95)
    return {
        "welch_difference": difference,
        "welch_low": float(low),
        "welch_high": float(high),
        "welch_p": float(test.pvalue),
        "hedges_g": _hedges_g(arm, control, spreads),
        "welch_note": "",
    }


def _hedges_g(arm: Array, control: Array, spreads: Sequence[float]) -> float:
    if not available():
        return float("nan")
    from statsmodels.stats.meta_analysis import effectsize_smd

    g, _ = effectsize_smd(arm.mean(), spreads[0], len(arm), control.mean(), spreads[1], len(control))
    return float(g)
