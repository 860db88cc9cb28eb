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

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from synmodel.comparison import Contrast
from synmodel.data import load_summaries
from synmodel.embedded import embedded_arm
from synmodel.inference.estimate import Estimate
from synmodel.inference.readings import Reading, Receptor
from synmodel.inference.targets import arm_targets
from synmodel.inference.verdicts import LEVEL
from synmodel.scenario import Subject
from synmodel.simulation import exposure_of

__all__ = ["RECEPTORS", "Cell", "compared"]

RECEPTORS: tuple[Receptor, ...] = ("membrane", "intracellular", "TrkB")
"""Readings of psilocybin's receptor."""

Support = Literal["supported", "supported in part", "not identifiable", "contradicted"]
_HOURS = 24.0
_DRAWS = 200
_STRONG = 3.0  # difference of ln evidence that is called decisive: odds of 20
_NAMES = {"membrane": "5-HT2A at the membrane", "intracellular": "5-HT2A inside the cell", "TrkB": "TrkB"}
_ENGAGED = {
    "nmda_block_interneuron": "NMDA receptors blocked at the peak, interneuron side",
    "nmda_block_pyramidal": "NMDA receptors blocked at the peak, pyramidal side",
    "agonism_5ht2a": "5-HT2A receptors activated at the peak",
}
_KINETICS = "kinetics in mouse are held; potencies are those of the posterior"
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


def compared(
    estimate: Estimate, contrasts: Mapping[str, Mapping[str, Contrast]], readings: Sequence[Mapping[str, Any]]
) -> list[Cell]:
    """Every cell of the table, feature by feature.

    Parameters
    ----------
    estimate : Estimate
        The joint posterior of the studies of both drugs.
    contrasts : mapping
        Drug -> its contrasts, see :func:`synmodel.comparison.contrasts`.
    readings : sequence of mapping
        Documents of readings (:meth:`synmodel.inference.evidence.ReadingFit.document`), among them the three receptors
        of psilocybin.
    """
    ketamine, psilocybin = contrasts["ketamine"], contrasts["psilocybin"]
    return [
        _target_of_ketamine(estimate),
        _target_of_psilocybin(estimate, readings),
        _effect("ketamine", "Increases spine density and formation", ketamine["extra_spines_day_7"],
                ketamine["formation_gain_day_1_to_3"]),
        _effect("psilocybin", "Increases spine number and size", psilocybin["extra_spines_day_7"],
                psilocybin["head_width_gain_day_1"]),
        _onset("ketamine", "Within hours", 12.0, ketamine),
        _onset("psilocybin", "Within 24 hours", _HOURS, psilocybin),
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


def _peak(estimate: Estimate, drug: str, engaged: str) -> Contrast:
    """Largest engaged share [%] of a target after the dose of a drug's study, with its interval."""
    target = arm_targets(embedded_arm(drug).study, drug)
    subject, sessions = Subject(species=target.study.species), target.sessions.tolist()

    def of(values: Mapping[str, float]) -> float:
        return 100 * float(exposure_of(target.arm.doses, subject, sessions, values)[engaged].max())

    drawn = [of(estimate.problem.values(vector)) for vector in estimate.draws(_DRAWS, 1)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Contrast(_ENGAGED[engaged], of(estimate.values), float(low), float(high), "%", _KINETICS)


def _target_of_ketamine(estimate: Estimate) -> Cell:
    numbers = tuple(_peak(estimate, "ketamine", f"nmda_block_{where}") for where in ("interneuron", "pyramidal"))
    reason = "the model takes this target for granted: no arm of the studies blocks it, so spines cannot test it"
    return Cell("primary target", "ketamine", "NMDA receptor (antagonist)", "not identifiable", reason, numbers)


def _target_of_psilocybin(estimate: Estimate, readings: Sequence[Mapping[str, Any]]) -> Cell:
    """Readings of the receptor against each other: ketanserin, head twitches and the knock-out decide between them."""
    of = {each["name"]: each["log_evidence"] for each in readings}
    evidence = {receptor: of[Reading(receptor=receptor).name] for receptor in RECEPTORS}
    best = max(evidence, key=lambda receptor: evidence[receptor])
    numbers = [_peak(estimate, "psilocybin", "agonism_5ht2a")]
    for receptor, value in evidence.items():
        meaning = f"ln evidence of {_NAMES[receptor]}, less that of {_NAMES[best]}"
        numbers.append(Contrast(meaning, value - evidence[best], np.nan, np.nan, "1", "Laplace approximation"))
    without = evidence["TrkB"] - max(evidence["membrane"], evidence["intracellular"])
    said = "; ".join(f"{_NAMES[r]} {v - evidence[best]:+.1f}" for r, v in evidence.items())
    if without < -_STRONG:
        support: Support = "supported"
        reason = (
            f"the knock-out leaves no growth: ln evidence {said}; ketanserin, which abolished head twitches, does not "
        )
        reason += "reach the receptors that count" if best == "intracellular" else "part the two places of the receptor"
    elif without > _STRONG:
        support, reason = "contradicted", f"growth does not need 5-HT2A receptors: ln evidence {said}"
    else:
        support, reason = "not identifiable", f"readings with and without 5-HT2A are alike: ln evidence {said}"
    return Cell("primary target", "psilocybin", "5-HT2A receptor (agonist)", support, reason, tuple(numbers))


# -- effect, onset, duration -----------------------------------------------------------------------------------


def _effect(drug: str, wording: str, *numbers: Contrast) -> Cell:
    support = _rises(*numbers)
    reason = "both intervals lie above no effect" if support == "supported" else "not every interval excludes no effect"
    return Cell("effect on spine density", drug, wording, support, reason, numbers)


def _onset(drug: str, wording: str, within_hours: float, table: Mapping[str, Contrast]) -> Cell:
    births = table["births_onset_day"]
    hours = Contrast(
        "hours after which births exceed half their peak",
        _HOURS * births.estimate, _HOURS * births.low, _HOURS * births.high, "hour", births.note,
    )  # fmt: skip
    early = (table["formation_gain_day_-1_to_1"], table["extra_spines_day_1"])
    sessions = arm_targets(embedded_arm(drug).study, drug).sessions
    first = _HOURS * float(sessions[sessions > 0][0])
    if first > within_hours:
        reason = f"the first session after the dose is at {first:g} h: the rise within that day rests on priors"
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
    rows = load_summaries(embedded_arm("psilocybin").study, "psilocybin")
    return int(rows["n_mice"].to_numpy()[np.nanargmax(rows["end_day"].to_numpy())])
