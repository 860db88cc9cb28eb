"""Mean numbers of spines by class, what was gained and lost since the last session, and the shift of head width.

Means are per um of dendrite, in two parts: spines of the first session and those formed since, because what differs
between dendrites multiplies the one (density) or the other (formation). At every session the file begins to count anew,
a tenth of a second after it, so that values at the time of a session are those of the interval that ends with it.
"""

from collections.abc import Callable, Sequence

from synmodel.report.exporting.description import Description, Event, joined
from synmodel.report.exporting.plan import Plan

__all__ = ["ELIMINATION_OF", "FORMATION_OF", "SINCE_DAY", "Number", "Spines", "add_spines", "tissue_numbers"]

SINCE_DAY = 1e-6
"""Time after a session at which the next interval begins [day]."""
FORMATION_OF = {"transient": "transient_formation", "nascent": "formation"}
ELIMINATION_OF = {"transient": "transient_loss", "nascent": "loss_nascent", "mature": "loss_mature"}
"""Class of spines -> key of its rate of formation, where it has one, and of its hazard of elimination."""

ONE = "1 dimensionless"
Spines = dict[str, str]
"""``old``, ``born``, ``young``: sums over classes per um, now; ``old_before``, ``born_before``: at the last session."""


def add_spines(model: Description, plan: Plan) -> Spines:
    """Add turnover of spines."""
    number = tissue_numbers(model, plan)
    classes = plan.tissue.model.classes
    _add_sessions(model, plan)
    starts = _add_first_session(model, plan, number, classes)
    fold, trend = "formation_fold", f"exp({number('formation_trend')} * day)"
    model.rule("maturation_hazard", f"{number('maturation')} * maturation_fold", "1/day",
               "hazard of a nascent spine to become mature")  # fmt: skip
    formation, elimination = ("births_of_arm", "losses_of_arm") if plan.in_general else (ONE, ONE)
    for place, name in enumerate(classes):
        rate = number(FORMATION_OF[name]) if name in FORMATION_OF else ""
        model.rule(f"births_{name}", f"{formation} * {rate} * {fold} * {trend}" if rate else "0 per_micrometre_per_day",
                   "1/um/day", f"formation of {name} spines per um")  # fmt: skip
        model.rule(f"loss_{name}", f"{elimination} * {number(ELIMINATION_OF[name])} * elimination_fold", "1/day",
                   f"elimination hazard of {name} spines")  # fmt: skip
        for part, words, start in (
            ("old", "of the first session", starts[place]),
            ("born", "formed since the first session", ""),
            ("young", "formed since the last session", ""),
        ):
            inflow = [] if part == "old" else [f"births_{name}"]
            inflow += [
                f"{part}_{other} * {hazard}" for other in classes if (hazard := _transition(number, other, name))
            ]
            leaving = [f"loss_{name}", *(h for other in classes if (h := _transition(number, name, other)))]
            model.state(
                f"{part}_{name}", f"imaged * ({joined(inflow, nothing='0 per_micrometre_per_day')} - "
                f"{part}_{name} * {joined(leaving)})", "1/um", f"{name} spines per um {words}", start,
            )  # fmt: skip
    length = "dendrite_length"
    for name in classes:
        model.rule(f"count_{name}", f"{length} * (old_{name} + born_{name})", "1", f"{name} spines on a dendrite")
    spines = {part: joined([f"{part}_{name}" for name in classes]) for part in ("old", "born", "young")}
    spines |= {f"{part}_before": f"{part}_at_last_session" for part in ("old", "born")}
    _add_intervals(model, plan, classes, spines, starts)
    return spines


Number = Callable[[str], str]


def tissue_numbers(model: Description, plan: Plan) -> Number:
    """Identifier of a number of the study's tissue by its key."""

    def number(key: str) -> str:
        return model.parameter(plan.parameters[f"{plan.study}.{key}"], f"tissue_{key}" if plan.in_general else "")

    return number


def _transition(number: Number, start: str, end: str) -> str:
    """Hazard of a transition between classes; empty where there is none."""
    if (start, end) == ("nascent", "mature"):
        return "maturation_hazard"
    return number("dematuration") if (start, end) == ("mature", "nascent") else ""


def _add_sessions(model: Description, plan: Plan) -> None:
    for place, day in enumerate(plan.sessions, start=1):
        model.constant(f"session_{place}", day, "day", f"day of imaging session {place}")
    model.constant("interval_begins", SINCE_DAY, "day", "time after a session at which the next interval begins")
    begun = f"piecewise({ONE}, first_day >= session_1, 0 dimensionless)"
    model.held("imaged", begun, "1", "1 from the first session on, before which numbers of spines are not followed")
    model.events.append(Event("first_session", "first session", "day >= session_1", {"imaged": ONE}))
    model.constant("dendrite_length", plan.length_um, "um", "length of a dendrite")
    model.constant("scored_density", plan.density_per_um, "1/um", "scored spines per um at the first session")


def _add_first_session(model: Description, plan: Plan, number: Number, classes: Sequence[str]) -> list[str]:
    """Formulas of the spines per um by class at the first session, see :class:`synmodel.simulation.tissue.Tissue`."""
    formation, elimination = ONE, ONE
    if plan.in_general:
        spread = model.parameter(plan.parameters["spread.arms"])
        for what, of in (("births", "formation"), ("losses", "elimination")):
            own = model.constant(f"{of}_of_arm", 0.0, "1", f"{of} of this arm before any drug, in standard deviations")
            model.rule(f"{what}_of_arm", f"exp({spread} * {own})", "1", f"factor of this arm on {of}")
        formation, elimination = "births_of_arm", "losses_of_arm"
    hit, false = f"({ONE} - {number('miss')})", number("false_positive_per_um")
    excess, leaving = number("nascent_excess"), f"({elimination} * {number('loss_nascent')} + {number('maturation')})"
    sustained = {"nascent": f"{excess} * {formation} * {number('formation')} / {leaving}"}
    if "transient" in classes:
        sustained["transient"] = (
            f"{formation} * {number('transient_formation')} / ({elimination} * {number('transient_loss')})"
        )
    for name, formula in sustained.items():
        model.rule(f"sustained_{name}", formula, "1/um", f"{name} spines per um that formation sustains")
    ratio = model.rule("nascent_per_mature", f"{excess} * {number('dematuration')} / {leaving}", "1",
                       "nascent spines that mature ones sustain, for each")  # fmt: skip
    young = joined([f"sustained_{name}" for name in sustained])
    mature = f"((scored_density - {false}) / {hit} - {young}) / ({ONE} + {ratio})"
    starts = {
        "mature": mature,
        "nascent": f"sustained_nascent + {ratio} * {mature}",
        "transient": "sustained_transient",
    }
    return [starts[name] for name in classes]


def _add_intervals(model: Description, plan: Plan, classes: Sequence[str], spines: Spines, starts: list[str]) -> None:
    """What is counted anew after each session."""
    first = joined([f"({start})" for start in starts])
    model.held("old_at_last_session", first, "1/um", "spines of the first session that were there at the last one")
    model.held("old_at_first_session", first, "1/um", "spines at the first session")
    model.held("born_at_last_session", "", "1/um", "spines formed since the first session, at the last one")
    for place in range(2, len(plan.sessions) + 1):
        then = {f"young_{name}": "0 per_micrometre" for name in classes}
        then |= {"old_at_last_session": spines["old"], "born_at_last_session": spines["born"]}
        model.events.append(
            Event(f"after_session_{place}", f"after session {place}", f"day >= session_{place} + interval_begins", then)
        )
    before, now = "(old_at_last_session + born_at_last_session)", f"({spines['old']} + {spines['born']})"
    gained = spines["young"]
    lost = f"({before} - ({now} - {gained}))"
    for name, formula, words in (
        ("count", now, "spines on a dendrite"),
        ("gained", gained, "spines on a dendrite formed since the last session, and there"),
        ("lost", lost, "spines on a dendrite lost since the last session"),
    ):
        model.rule(name, f"dendrite_length * {formula}", "1", words)
    if plan.in_general or "head_size_fold" in model.quantities:
        _add_head_width(model, plan)


def _add_head_width(model: Description, plan: Plan) -> None:
    response = tissue_numbers(model, plan)("head_response")
    model.state("head_width_shift", f"{response} * (ln(head_size_fold) - head_width_shift)", "1",
                "shift of the mean logarithm of head width")  # fmt: skip
    model.held("head_width_shift_at_first_session", "", "1", "shift of head width at the first session")
    model.events.append(
        Event("head_width_at_first_session", "head width at the first session", "day >= session_1",
              {"head_width_shift_at_first_session": "head_width_shift"})
    )  # fmt: skip
    model.rule("head_width_change", f"exp(head_width_shift - head_width_shift_at_first_session) - {ONE}", "1",
               "change of head width since the first session")  # fmt: skip
