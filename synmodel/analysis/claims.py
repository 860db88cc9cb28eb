"""The table that compares ketamine with psilocybin, cell by cell: what is claimed, what the fitted model says of it.

Each cell of a published comparison (target, effect on density, onset, duration) is put beside the contrasts that
decide it, and judged by rules on their 95 % intervals:

* *supported*: every number that the wording speaks of lies on the side that it says (above no effect; above half
  the peak for what is said to last);
* *supported in part*: some of them do;
* *not identifiable*: the data cannot decide, because the number rests on a prior or no session could show it;
* *contradicted*: an interval lies on the other side.

The cells are those of the library (``comparisons/embedded.toml``), each with the rule that judges it. The wording is
that of a review of imaging studies (the guide), which is no source of numbers here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from synmodel.analysis.comparison import Contrast
from synmodel.analysis.embedded import Claim, embedded_arm, embedded_comparison
from synmodel.core.plain import Json
from synmodel.data import load_summaries
from synmodel.inference.summaries.estimate import LEVEL, Estimate
from synmodel.inference.summaries.readings import Reading, Receptor
from synmodel.inference.summaries.targets import ArmTargets, arm_targets
from synmodel.scenario import Subject
from synmodel.simulation import exposure_of

__all__ = ["RECEPTORS", "Cell", "compared"]

RECEPTORS: tuple[Receptor, ...] = ("membrane", "intracellular", "TrkB")
"""Readings of psilocybin's receptor."""

Support = Literal["supported", "supported in part", "not identifiable", "contradicted"]
Table = Mapping[str, Contrast]
Readings = Sequence[Json]
_ABOVE = {True: "lie above the control", False: "do not all lie above the control"}
_EXCLUDED = {True: "both intervals lie above no effect", False: "not every interval excludes no effect"}
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

    def document(self) -> Json:
        """The cell as plain data."""
        return asdict(self)


def compared(
    estimate: Estimate, contrasts: Mapping[str, Mapping[str, Contrast]], readings: Sequence[Json]
) -> list[Cell]:
    """Every cell of the table, feature by feature.

    Parameters
    ----------
    estimate : Estimate
        The joint posterior of the studies of both drugs.
    contrasts : mapping
        Drug -> its contrasts, see :func:`synmodel.analysis.comparison.contrasts`.
    readings : sequence of mapping
        Documents of readings (:meth:`synmodel.inference.summaries.evidence.ReadingFit.document`), among them the three
        receptors of psilocybin.
    """
    return [
        _RULES[claim.rule](claim, contrasts[claim.drug], estimate, readings) for claim in embedded_comparison().claims
    ]


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


def _target(drug: str) -> ArmTargets:
    return arm_targets(embedded_arm(drug).study, drug)


def _cell(claim: Claim, support: Support, reason: str, *numbers: Contrast) -> Cell:
    return Cell(claim.feature, claim.drug, claim.wording, support, reason, numbers)


def _peaks(claim: Claim, estimate: Estimate) -> list[Contrast]:
    return [_peak(estimate, claim.drug, engaged) for engaged in claim.engaged]


def _peak(estimate: Estimate, drug: str, engaged: str) -> Contrast:
    """Largest engaged share [%] of a target after the dose of a drug's study, with its interval."""
    target = _target(drug)
    subject, sessions = Subject(species=target.study.species), target.sessions.tolist()

    def of(values: Mapping[str, float]) -> float:
        return 100 * float(exposure_of(target.arm.doses, subject, sessions, values)[engaged].max())

    drawn = [of(estimate.problem.values(vector)) for vector in estimate.draws(_DRAWS, 1)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Contrast(_ENGAGED[engaged], of(estimate.values), float(low), float(high), "%", _KINETICS)


def _taken_for_granted(claim: Claim, _: Table, estimate: Estimate, __: Readings) -> Cell:
    reason = "the model takes this target for granted: no arm of the studies blocks it, so spines cannot test it"
    return _cell(claim, "not identifiable", reason, *_peaks(claim, estimate))


def _by_readings(claim: Claim, _: Table, estimate: Estimate, readings: Readings) -> Cell:
    """Readings of the receptor against each other: ketanserin, head twitches and the knock-out decide between them."""
    of = {each["name"]: each["log_evidence"] for each in readings}
    evidence = {receptor: of[Reading(receptor=receptor).name] for receptor in RECEPTORS}
    best = max(evidence, key=lambda receptor: evidence[receptor])
    numbers = _peaks(claim, estimate)
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
    return _cell(claim, support, reason, *numbers)


# -- effect, onset, duration -----------------------------------------------------------------------------------


def _rising(claim: Claim, table: Table, _: Estimate, __: Readings) -> Cell:
    numbers = [table[name] for name in claim.numbers]
    support = _rises(*numbers)
    if claim.words:
        reason = f"{' and '.join(claim.words)} {_ABOVE[support == 'supported']}"
    else:
        reason = _EXCLUDED[support == "supported"]
    return _cell(claim, support, reason, *numbers, *(table[name] for name in claim.beside))


def _within(claim: Claim, table: Table, _: Estimate, __: Readings) -> Cell:
    formation, early = table["formation_onset_day"], [table[name] for name in claim.numbers]
    hours = Contrast(
        "hours after which formation rates exceed half their peak",
        _HOURS * formation.estimate, _HOURS * formation.low, _HOURS * formation.high, "hour", formation.note,
    )  # fmt: skip
    sessions = _target(claim.drug).sessions
    first = _HOURS * float(sessions[sessions > 0][0])
    if first > claim.hours:
        reason = f"the first session after the dose is at {first:g} h: the rise within that day rests on priors"
        return _cell(claim, "not identifiable", reason, hours, *early)
    support = _rises(*early)
    reason = f"gained spines and density at {first:g} h {_ABOVE[support == 'supported']}"
    return _cell(claim, support, reason, *early, hours)


def _kept(claim: Claim, table: Table, _: Estimate, __: Readings) -> Cell:
    kept = dict(zip(claim.words, (table[name] for name in claim.numbers), strict=True))
    support = _judged([n.low > _LASTS for n in kept.values()], [n.high < _LASTS for n in kept.values()])
    said = "; ".join(f"of the gain in {what} {number.estimate:.0f} % is left" for what, number in kept.items())
    mice = _mice_on_the_last_day(claim.drug)
    reason = f"after a month {said} ({_LASTS:.0f} % counts as lasting); {mice} mice per arm"
    return _cell(claim, support, reason, *kept.values(), *(table[name] for name in claim.beside))


def _mice_on_the_last_day(drug: str) -> int:
    rows = load_summaries(embedded_arm(drug).study, drug)
    return int(rows["n_mice"].to_numpy()[np.nanargmax(rows["end_day"].to_numpy())])


_RULES = {
    "taken for granted": _taken_for_granted,
    "by readings": _by_readings,
    "rises": _rising,
    "within": _within,
    "kept": _kept,
}
