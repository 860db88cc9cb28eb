"""What a simulated scenario asks of the model beyond the data of its study, one line each.

The tissue of a scenario is fitted to the arms of one study of the library (its ``baseline``). Doses, animals and days
that no arm of that study saw are extrapolations, and what no session showed is assumed; a result says so. Where
the library cites a measurement of what the scenario is about, the two are compared (:mod:`synmodel.checking`), and a
contradiction comes first.
"""

from collections import Counter
from collections.abc import Sequence

from synmodel.checking import Checked, Contradiction, contradictions
from synmodel.data import load_study
from synmodel.data.studies import Study
from synmodel.data.summaries import load_summaries
from synmodel.pharmacology import drug_doses, load_compound
from synmodel.scenario import Dose, Scenario
from synmodel.subjects import terms_of

__all__ = ["contradictions", "dose_text", "notes_of"]

_ALONE_DOES_NOTHING = ("vehicle", "antagonist")


def dose_text(dose: Dose) -> str:
    """Compound, amount, unit and route of one dose in words, with the length of an infusion."""
    infusion = f" over {dose.duration_min:g} min" if dose.duration_min else ""
    return f"{dose.compound} {dose.amount:g} {dose.unit} {dose.route}{infusion}"


def notes_of(plan: Scenario, checked: Sequence[Checked] = ()) -> list[str]:
    """The caveats that apply to a scenario, none for one that its study could have been.

    Parameters
    ----------
    plan : Scenario
        What is simulated.
    checked : sequence of Checked
        What the evidence of the library says of it, by :func:`synmodel.checking.checks_of`.

    Returns
    -------
    list of str
        One line each: contradictions first, then what the scenario asks of the model beyond its study, then evidence
        that agrees or has no number.
    """
    first = [each.line for each in checked if isinstance(each, Contradiction)]
    last = [each.line for each in checked if not isinstance(each, Contradiction)]
    return [*first, *_beyond_its_study(plan), *last]


def _beyond_its_study(plan: Scenario) -> list[str]:
    study = load_study(plan.baseline)
    notes = [*_of_subject(plan, study), *_of_doses(plan, study), *_of_sessions(plan, study), *_of_turnover(plan)]
    if any(map(_acts, plan.regimen.doses)):
        notes.append(
            f"how fast births rise within the first day of a dose is assumed: {study.name} has no session there"
        )
    return notes


def _acts(dose: Dose) -> bool:
    """Whether a dose does something on its own."""
    kind = load_compound(dose.compound).kind
    return not any(word in kind for word in _ALONE_DOES_NOTHING)


def _of_subject(plan: Scenario, study: Study) -> list[str]:
    notes = []
    if plan.subject.species != study.species:
        notes.append(
            f"the tissue is that of the {study.species} in {study.name}, a stand-in: of the {plan.subject.species} "
            "are only kinetics and body weight"
        )
    given = [] if plan.subject.genotype == "wild-type" else [plan.subject.genotype]
    given += [spell.name for spell in plan.spells]
    if given:
        notes.append(f"{_listed(given)}: no arm of {study.name}; the factors are those of the library, not fitted")
    return notes


def _of_doses(plan: Scenario, study: Study) -> list[str]:
    """Doses, numbers of doses and combinations that no arm had."""
    notes = []
    drugs, arms = drug_doses(plan.regimen.doses), [drug_doses(arm.doses) for arm in study.arms]
    seen = list(dict.fromkeys(dose_text(dose) for arm in arms for dose in arm))
    other = [text for text in dict.fromkeys(map(dose_text, drugs)) if text not in seen]
    if other:
        notes.append(f"{_listed(other)}: given in no arm of {study.name} (but {_listed(seen)}), an extrapolation")
    most = Counter[str]()
    for arm in arms:
        most |= _numbers(arm)
    often = [f"{number} doses of {name}" for name, number in _numbers(drugs).items() if number > max(1, most[name])]
    if often:
        notes.append(f"{_listed(often)}: no arm of {study.name} got as many, so how they add up is assumed")
    together = {dose.compound for dose in drugs if _acts(dose)}
    if len(together) > 1 and not any(together <= {dose.compound for dose in arm} for arm in arms):
        notes.append(f"{_listed(sorted(together))} were together in no arm: how their effects combine is assumed")
    return notes


def _numbers(doses: Sequence[Dose]) -> Counter[str]:
    """Number of doses by compound."""
    numbers = Counter[str]()
    for dose in doses:
        numbers[dose.compound] += dose.repeat
    return numbers


def _of_sessions(plan: Scenario, study: Study) -> list[str]:
    notes = []
    sessions = plan.schedule.sessions
    last = max(float(load_summaries(study.name, arm.name)["end_day"].max()) for arm in study.arms)
    late = [f"{day:g}" for day in sessions if day > last]
    if late:
        days = f"day {late[0]}" if len(late) == 1 else f"{len(late)} sessions from day {late[0]} to {late[-1]}"
        notes.append(f"{days}: beyond the last session of {study.name} (day {last:g}), an extrapolation")
    starts = [dose.day for dose in drug_doses(plan.regimen.doses)]
    if starts and min(starts) < sessions[0]:
        notes.append(
            f"no session comes before the first dose (day {min(starts):g}): changes since the first session "
            f"(day {sessions[0]:g}) start after the drug"
        )
    return notes


def _of_turnover(plan: Scenario) -> list[str]:
    asked = plan.turnover
    if not asked.why_not_exact:
        return ["what the model expects, and what is checked, is of the median subject"] if terms_of(plan) else []
    given = _listed([*asked.interactions, *(["size_loss"] if asked.selects else [])])
    return [
        f"{asked.why_not_exact}: intervals of the posterior and the check against evidence are left out",
        f"{given}: the rates of {plan.baseline} were fitted without, so turnover without a drug is another too",
    ]


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
