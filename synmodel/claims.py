"""The table that compares ketamine with psilocybin, cell by cell: what is claimed, what the fitted model says of it.

Each cell of a published comparison (target, effect on density, onset, duration) is put beside the contrasts that
decide it, and judged by rules on their 95 % intervals:

* *supported*: every number that the wording speaks of lies on the side that it says (above no effect; above half
  the peak for what is said to last);
* *supported in part*: some of them do;
* *not identifiable*: the data cannot decide, because the number rests on a prior or no session could show it;
* *contradicted*: an interval lies on the other side.

The wording is that of a review of imaging studies (the guide), which is no source of numbers here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from synmodel.comparison import DRUGS, Contrast
from synmodel.data import load_summaries
from synmodel.inference import Fit, judge
from synmodel.inference.problem import SummaryProblem
from synmodel.inference.summary_fit import fit_problem, release
from synmodel.inference.targets import ArmTargets
from synmodel.scenario import Subject
from synmodel.simulation import exposure_of

__all__ = ["Cell", "compared", "ketanserin_share"]

Support = Literal["supported", "supported in part", "not identifiable", "contradicted"]
BLOCK = "psilocybin.blocked_by_ketanserin"
_HOURS = 24.0
_MARGIN = 1e-6  # an optimiser stops short of the end of a support
_LASTS = 50.0  # per cent of the peak, as for every duration of a contrast


@dataclass(frozen=True)
class Cell:
    """One cell of the table.

    Attributes
    ----------
    feature, drug : str
        Row and column.
    wording : str
        What is claimed.
    support : str
        Whether the model, fitted to the embedded studies, supports the wording.
    reason : str
        Why, in one line.
    numbers : tuple of Contrast
        What decides it, with 95 % intervals.
    """

    feature: str
    drug: str
    wording: str
    support: Support
    reason: str
    numbers: tuple[Contrast, ...]

    def document(self) -> dict[str, Any]:
        """The cell as plain data."""
        return asdict(self)


def compared(fit: Fit, contrasts: Mapping[str, Mapping[str, Contrast]], *, seed: int) -> list[Cell]:
    """Every cell of the table, feature by feature.

    Parameters
    ----------
    fit : Fit
        The joint fit of the studies of both drugs.
    contrasts : mapping
        Drug -> its contrasts, see :func:`synmodel.comparison.contrasts`.
    seed : int
        Of the fit of the share that ketanserin blocks.
    """
    ketamine, psilocybin = contrasts["ketamine"], contrasts["psilocybin"]
    return [
        _target_of_ketamine(fit),
        _target_of_psilocybin(fit, seed),
        _effect("ketamine", "Increases spine density and formation", ketamine["extra_spines_day_7"],
                ketamine["formation_gain_day_1_to_3"]),
        _effect("psilocybin", "Increases spine number and size", psilocybin["extra_spines_day_7"],
                psilocybin["head_width_gain_day_1"]),
        _onset(fit, "ketamine", "Within hours", 12.0, ketamine),
        _onset(fit, "psilocybin", "Within 24 hours", _HOURS, psilocybin),
        _days(ketamine),
        _month(psilocybin),
    ]  # fmt: skip


def _judged(holds: list[bool], against: list[bool]) -> Support:
    """Support of a wording by the numbers that it speaks of."""
    if all(holds):
        return "supported"
    if any(against):
        return "contradicted" if not any(holds) else "supported in part"
    return "supported in part" if any(holds) else "not identifiable"


def _rises(*numbers: Contrast) -> Support:
    return _judged([n.low > 0 for n in numbers], [n.high < 0 for n in numbers])


# -- target ----------------------------------------------------------------------------------------------------


def _peak(fit: Fit, drug: str, engaged: str) -> float:
    """Largest engaged share [%] of a target after the dose of a drug's study."""
    target = _arm(fit, drug)
    values = fit.parameters.as_floats()
    exposure = exposure_of(target.arm.doses, Subject(species=target.study.species), target.sessions.tolist(), values)
    return 100 * float(exposure[engaged].max())


def _arm(fit: Fit, drug: str) -> ArmTargets:
    return next(t for t in fit.problem.arms if (t.study.name, t.arm.name) == (DRUGS[drug], drug))


def _target_of_ketamine(fit: Fit) -> Cell:
    note = "no interval: kinetics in mouse are assumed, no number of the fit enters"
    numbers = tuple(
        Contrast(f"NMDA receptors blocked at the peak, {where} side", _peak(fit, "ketamine", f"nmda_block_{where}"),
                 np.nan, np.nan, "%", note)
        for where in ("interneuron", "pyramidal")
    )  # fmt: skip
    reason = "the model takes this target for granted: no arm of the studies blocks it, so spines cannot test it"
    return Cell("primary target", "ketamine", "NMDA receptor (antagonist)", "not identifiable", reason, numbers)


def ketanserin_share(fit: Fit, *, seed: int, size: bool = True) -> Contrast:
    """Share of psilocybin's effects that ketanserin removes, with the profile of the fit.

    Parameters
    ----------
    fit : Fit
        Of the study of psilocybin.
    seed : int
        Of the starts.
    size : bool
        Whether head widths count beside turnover; the share is one and the same for both.
    """
    with_size = fit if size else _of_turnover(fit, seed)
    (verdict,) = judge(release(with_size, {BLOCK: 0.05}, seed=seed), names=[BLOCK])
    what = "turnover and size" if size else "turnover"
    low, high = (100 * float(np.clip(end, 0, 1)) for end in (verdict.low, verdict.high))
    meaning = f"share of psilocybin's effects on {what} of spines that ketanserin removes"
    estimate = 100 * verdict.estimate if verdict.estimate > _MARGIN else 0.0
    return Contrast(meaning, estimate, low, high, "%", "profile on the support 0 to 100 %")


def _of_turnover(fit: Fit, seed: int) -> Fit:
    """The fit without head widths."""
    problem = fit.problem
    targets = [replace(target, head_width=None) for target in problem.arms]
    free = [name for name in problem.free if ".head_" not in name]
    return fit_problem(
        SummaryProblem(fit.parameters, free, problem.studies, unit=problem.unit, targets=targets), seed=seed, starts=1
    )


def _target_of_psilocybin(fit: Fit, seed: int) -> Cell:
    blocked, turnover = (ketanserin_share(fit, seed=seed, size=size) for size in (True, False))
    note = "no interval: kinetics in mouse are a surrogate, no number of the fit enters"
    engaged = Contrast("5-HT2A receptors activated at the peak", _peak(fit, "psilocybin", "agonism_5ht2a"),
                       np.nan, np.nan, "%", note)  # fmt: skip
    if turnover.low > _LASTS:
        support: Support = "supported"
        reason = "an antagonist of the receptor removes most of the growth"
    else:
        support = "not identifiable"
        reason = (
            f"ketanserin, which abolished head twitches, removes at most {blocked.high:.0f} % of the growth "
            f"({turnover.high:.0f} % by turnover alone): receptors that it does not reach or TrkB remain"
        )
    numbers = (engaged, blocked, turnover)
    return Cell("primary target", "psilocybin", "5-HT2A receptor (agonist)", support, reason, numbers)


# -- effect, onset, duration -----------------------------------------------------------------------------------


def _effect(drug: str, wording: str, *numbers: Contrast) -> Cell:
    support = _rises(*numbers)
    reason = "both intervals lie above no effect" if support == "supported" else "not every interval excludes no effect"
    return Cell("effect on spine density", drug, wording, support, reason, numbers)


def _onset(fit: Fit, drug: str, wording: str, within_hours: float, table: Mapping[str, Contrast]) -> Cell:
    births = table["births_onset_day"]
    hours = Contrast(
        "hours after which births exceed half their peak",
        _HOURS * births.estimate, _HOURS * births.low, _HOURS * births.high, "hour", births.note,
    )  # fmt: skip
    early = (table["formation_gain_day_-1_to_1"], table["extra_spines_day_1"])
    sessions = _arm(fit, drug).sessions
    first = _HOURS * float(sessions[sessions > 0][0])
    if first > within_hours:
        reason = (
            f"the first session after the dose is at {first:g} h: the rise within that day is a prior, not a finding"
        )
        return Cell("onset", drug, wording, "not identifiable", reason, (hours, *early))
    support = _rises(*early)
    reason = f"gained spines and density at {first:g} h " + (
        "lie above the control" if support == "supported" else "do not all lie above the control"
    )
    return Cell("onset", drug, wording, support, reason, (*early, hours))


def _days(table: Mapping[str, Contrast]) -> Cell:
    late = (table["formation_gain_day_3_to_5"], table["extra_spines_day_7"])
    support = _rises(*late)
    reason = "formation on days 3 to 5 and density a week later " + (
        "lie above the control" if support == "supported" else "do not all lie above the control"
    )
    cell = (*late, table["births_duration_day"], table["extra_spines_day_35"])
    return Cell("duration", "ketamine", "Sustained for several days", support, reason, cell)


def _month(table: Mapping[str, Contrast]) -> Cell:
    kept = {"number": table["extra_spines_kept_day_34"], "size": table["head_width_kept_day_34"]}
    support = _judged([n.low > _LASTS for n in kept.values()], [n.high < _LASTS for n in kept.values()])
    said = "; ".join(f"of the gain in {what} {number.estimate:.0f} % is left" for what, number in kept.items())
    reason = f"after a month {said} ({_LASTS:.0f} % counts as lasting); {_mice_on_the_last_day()} mice per arm"
    cell = (*kept.values(), table["extra_spines_day_35"])
    return Cell("duration", "psilocybin", "Lasts for at least one month", support, reason, cell)


def _mice_on_the_last_day() -> int:
    rows = load_summaries(DRUGS["psilocybin"], "psilocybin")
    return int(rows["n_mice"].to_numpy()[np.nanargmax(rows["end_day"].to_numpy())])
