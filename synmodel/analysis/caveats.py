"""What a simulated scenario asks of the model beyond the data of its study, one line each.

The tissue of a scenario is fitted to the arms of one study of the library (its ``baseline``). Doses, animals and days
that no arm of that study saw are extrapolations, and what no session showed is assumed; a result says so. Where
the library cites a measurement of what the scenario is about, the two are compared
(:mod:`synmodel.simulation.checking`), and a contradiction comes first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from synmodel import library
from synmodel.analysis.sweeps.factors import without_doses
from synmodel.data import load_study
from synmodel.data.studies import Study
from synmodel.data.summaries import arms_seen, load_summaries
from synmodel.library.parameters import LIKE, borrowed_parameters, default_parameters
from synmodel.library.targets import load_target
from synmodel.pharmacology import dose_text, drug_doses, exposure_parameters, load_compound, open_targets
from synmodel.scenario import Dose, Scenario
from synmodel.simulation import expectation
from synmodel.simulation.checking import Checked, Contradiction, contradictions
from synmodel.simulation.subjects import terms_of

__all__ = ["contradiction_lines", "contradictions", "notes_of", "notes_of_several", "potency_lines"]

_DRIFT = 0.15
"""Change of density without a drug from which on a result says so."""
_TRKB = "serotonin.trkb_gain"
_ALONE_DOES_NOTHING = ("vehicle", "antagonist")


def notes_of(plan: Scenario, checked: Sequence[Checked] = ()) -> list[str]:
    """The caveats that apply to a scenario, none for one that its study could have been.

    Parameters
    ----------
    plan : Scenario
        What is simulated.
    checked : sequence of Checked
        What the evidence of the library says of it, by :func:`synmodel.simulation.checking.checks_of`.

    Returns
    -------
    list of str
        One line each: contradictions first, then potencies that are assumed, then what the scenario asks of the model
        beyond its study, then evidence that agrees or has no number.
    """
    first = [each.line for each in checked if isinstance(each, Contradiction)]
    last = [each.line for each in checked if not isinstance(each, Contradiction)]
    return [*first, *potency_lines(plan), *_beyond_its_study(plan), *last]


def potency_lines(plan: Scenario) -> list[str]:
    """Potencies of what a scenario gives, and of its metabolites, that are assumed, one line each.

    One that the scenario replaces is its own affair; that at TrkB counts only where it does something.
    """
    if plan.drive != "mechanistic":
        return []
    known = default_parameters()
    idle = "trkb_kd" if not plan.parameters.get(_TRKB, known.value(_TRKB)) else "-"
    names = exposure_parameters(plan.regimen.doses, plan.subject)
    potencies = [known[name] for name in names if known[name].unit == "nM" and name not in plan.parameters]
    return [
        f"the {each.long_name} is assumed, {each.value:g} nM: {' '.join(each.why.split())}"
        for each in potencies
        if each.status == "assumed" and not each.name.endswith(f".{idle}")
    ]


def contradiction_lines(checked: Mapping[str, Sequence[Checked]]) -> list[str]:
    """What contradicts scenarios, one line each, with the label of the scenario at its end."""
    return [
        f"{each.line} [{label}]"
        for label, found in checked.items()
        for each in found
        if isinstance(each, Contradiction)
    ]


def notes_of_several(
    plans: Mapping[str, Scenario], checked: Mapping[str, Sequence[Checked]], pairs: Sequence[tuple[str, str]]
) -> list[str]:
    """The caveats of scenarios that are compared: of each, one line for all that share it, and of comparing them.

    Parameters
    ----------
    plans : mapping of str to Scenario
        By label.
    checked : mapping of str to sequence of Checked
        What the evidence says of each.
    pairs : sequence of (str, str)
        Labels of those that are compared with one another.

    Returns
    -------
    list of str
        Contradictions first, then what makes a comparison uneven, then the rest.
    """
    shared: dict[str, list[str]] = {}
    for label, plan in plans.items():
        agreeing = [each for each in checked[label] if not isinstance(each, Contradiction)]
        for note in (*_of_courses(plan, plans), *notes_of(plan, agreeing)):
            shared.setdefault(note, []).append(label)
    own = [f"{', '.join(labels)}: {note}" for note, labels in shared.items()]
    return [*contradiction_lines(checked), *_of_baselines(plans), *_of_intervals(plans, pairs), *own]


def _of_baselines(plans: Mapping[str, Scenario]) -> list[str]:
    studies: dict[str, list[str]] = {}
    for label, plan in plans.items():
        studies.setdefault(plan.baseline, []).append(label)
    if len(studies) == 1:
        return []
    told = "; ".join(f"{', '.join(labels)} as in {study}" for study, labels in studies.items())
    return [
        f"baselines and scoring differ ({told}): a difference of fractions is one of laboratories too; extra spines "
        "against the same animals without doses are not"
    ]


def _of_courses(plan: Scenario, plans: Mapping[str, Scenario]) -> list[str]:
    """What a scenario lacks to stand beside the others."""
    notes = []
    end, last = plan.schedule.sessions[-1], max(each.schedule.sessions[-1] for each in plans.values())
    if end < last:
        notes.append(f"the last session is day {end:g}; the course up to day {last:g} is an extrapolation")
    late = [(compound, day) for compound, day in plan.unseen_doses if day >= last]
    if late:
        compound, day = late[0]
        notes.append(
            f"{compound} on day {day:g} is not before the last session of all (day {last:g}): nothing shows it"
        )
    if plan.drive != "mechanistic":
        notes.append("no intervals, for the posterior is of the mechanism and not of its pulses")
    arms = [arm.name for arm in load_study(plan.baseline).arms]
    seen = {name for arm in arms for name in load_summaries(plan.baseline, arm)["quantity"].to_numpy().tolist()}
    if "head_width_change" not in seen and drug_doses(plan.regimen.doses):
        notes.append(f"{plan.baseline} has no head widths; what the drug does to them is that of others")
    return notes


def _of_intervals(plans: Mapping[str, Scenario], pairs: Sequence[tuple[str, str]]) -> list[str]:
    """What two scenarios do not have in common, and is not compared."""
    notes, unlike = [], []
    for pair in pairs:
        one, other = (dict.fromkeys(pairwise(plans[label].schedule.sessions)) for label in pair)
        if one != other:
            unlike.append(
                (pair, [span for span in one if span not in other], [span for span in other if span not in one])
            )
    if len(unlike) == 1:
        (pair, *only), *_ = unlike
        told = [
            f"day {', '.join(f'{start:g} to {end:g}' for start, end in spans)} of {label}"
            for label, spans in zip(pair, only, strict=True)
            if spans
        ]
        notes.append(f"intervals that only one of two has are not compared ({'; '.join(told)})")
    elif unlike:
        sessions: dict[str, list[str]] = {}
        for label in dict.fromkeys(label for pair, *_ in unlike for label in pair):
            days = ", ".join(f"{day:g}" for day in plans[label].schedule.sessions)
            sessions.setdefault(days, []).append(label)
        told = [f"{', '.join(labels)}: day {days}" for days, labels in sessions.items()]
        notes.append(f"intervals that only one of two has are not compared; sessions are {'; '.join(told)}")
    firsts = {plans[label].schedule.sessions[0] for pair in pairs for label in pair}
    if len(firsts) > 1:
        days = " and ".join(f"{day:g}" for day in sorted(firsts))
        notes.append(f"changes since the first session are not compared where it differs (day {days})")
    return notes


def _beyond_its_study(plan: Scenario) -> list[str]:
    study = load_study(plan.baseline)
    notes = [*_of_subject(plan, study), *_of_doses(plan, study), *_of_targets(plan), *_of_sessions(plan, study)]
    notes += [*_of_turnover(plan), *_of_tissue(study)]
    if any(map(_acts, plan.regimen.doses)):
        notes += _of_vehicle(plan)
        notes.append(
            f"how fast formation rises within the first day of a dose is assumed: {study.name} has no session there"
        )
    return notes


def _of_vehicle(plan: Scenario) -> list[str]:
    """That spines come or go without any drug, where they do so by much."""
    if plan.turnover.why_not_exact:
        return []
    change = _drift(without_doses(plan).model_copy(update={"name": "-", "title": ""}))
    if abs(change) < _DRIFT:
        return []
    way, last = "lose" if change < 0 else "gain", plan.schedule.sessions[-1]
    return [
        f"without doses these dendrites {way} {100 * abs(change):.0f} % of their spines by day {last:g}, as their "
        "turnover before any drug has it: an effect is what goes beyond that"
    ]


@library.cached
def _drift(vehicle: Scenario) -> float:
    """Change of density of a vehicle up to its last session; it is asked for again at every dose of one drug."""
    return float(expectation(vehicle).density_change[-1])


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


def _of_targets(plan: Scenario) -> list[str]:
    """What open targets do: gains that no spine has told."""
    notes = []
    for target in map(load_target, open_targets(plan.regimen.doses, plan.subject)):
        for effect in target.effects:
            gain = plan.parameters.get(target.gain_name(effect), effect.gain.value)
            known = "assumed" if effect.gain.status == "assumed" else f"{effect.gain.status}: {effect.gain.source}"
            notes.append(
                f"the gain of {target.name} is {known}; no spine data inform it ({effect.of} {effect.direction} "
                f"{effect.on}, gain {gain:g}; intervals hold it fixed)"
            )
        if not target.effects:
            notes.append(f"{target.name} has no effects in its file: its engagement is told, and does nothing")
    return notes


def _of_tissue(study: Study) -> list[str]:
    """A study of one's own whose rates are those of another."""
    if study.name not in library.in_use().names("studies") or not borrowed_parameters(study.name):
        return []
    return [
        f"turnover and scoring of {study.name} are those of {LIKE}, as it has no parameters of its own: fit it "
        "(`synmodel fit --study FOLDER`) and put its parameters.toml beside study.toml"
    ]


def _numbers(doses: Sequence[Dose]) -> Counter[str]:
    """Number of doses by compound."""
    numbers = Counter[str]()
    for dose in doses:
        numbers[dose.compound] += dose.repeat
    return numbers


def _of_sessions(plan: Scenario, study: Study) -> list[str]:
    notes = []
    sessions = plan.schedule.sessions
    ends = [float(load_summaries(study.name, arm)["end_day"].max()) for arm in arms_seen(study.name)]
    last = max(ends, default=sessions[-1])
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
    given = _listed([*asked.interactions, *(["elimination_by_size"] if asked.selects else [])])
    return [
        f"{asked.why_not_exact}: intervals of the posterior and the check against evidence are left out",
        f"{given}: the rates of {plan.baseline} were fitted without, so turnover without a drug is another too",
    ]


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
