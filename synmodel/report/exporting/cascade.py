"""The cascade as rates and formulas, with genotype, stress and treatments as factors that windows switch on and off."""

from collections.abc import Callable
from functools import partial

from synmodel.inference.summaries.hierarchy import SCALED
from synmodel.library.targets import load_target
from synmodel.report.exporting.description import Description, Event, identifier, joined, positive_part
from synmodel.report.exporting.plan import Plan
from synmodel.scenario.conditions import Condition, load_condition
from synmodel.signalling.cascade import SLOW
from synmodel.signalling.signals import Signals

__all__ = ["add_arrows", "add_cascade", "add_folds", "factors_of"]

ONE = "1 dimensionless"
_STATE = {name: name if name == "stabilisation" else f"{name}_state" for name in (*SLOW, "evoked")}
Arrows = dict[str, list[str]]
"""Arrow (``factor bdnf``) or signal (``added glutamate``) -> formulas that are multiplied or added up."""


def add_arrows(model: Description, plan: Plan) -> Arrows:
    """Add the conditions of the scenario; what they do by arrow and signal."""
    arrows: Arrows = {}
    if plan.subject.genotype != "wild-type":
        _add_condition(model, arrows, load_condition(plan.subject.genotype), "")
    for place, spell in enumerate(plan.spells, start=1):
        on, window = f"window_{place}", f"{spell.name}, from {spell.from_day} to {spell.to_day}"
        start, events = ONE, []
        for edge, day, value in (("from", spell.from_day, 1), ("to", spell.to_day, 0)):
            if day is None:
                continue
            at = model.constant(f"{on}_{edge}", day, "day", f"day of window {place}, {spell.name}: {edge}")
            if edge == "from":
                start = f"piecewise({ONE}, first_day >= {at}, 0 dimensionless)"
            events.append(Event(f"{on}_{edge}_event", f"{spell.name}: {edge} day {day:g}", f"day >= {at}",
                                {on: f"{value} dimensionless"}))  # fmt: skip
        model.held(on, start, "1", f"1 while it lasts: {window}")
        model.events += events
        strength = model.constant(f"{on}_strength", spell.strength, "1", f"strength of {spell.name}")
        _add_condition(model, arrows, load_condition(spell.name), f"{on} * {strength} * ")
    return arrows


def _add_condition(model: Description, arrows: Arrows, condition: Condition, on: str) -> None:
    of = identifier(condition.name)
    for arrow, evidence in condition.factors.items():
        if arrow == "5ht2a":
            continue  # the receptors have it
        number = model.constant(f"condition_{of}_{arrow}", evidence.value, "1", f"{condition.name}: factor on {arrow}",
                                evidence.source)  # fmt: skip
        model.sources[number] = evidence.source
        arrows.setdefault(f"factor {arrow}", []).append(f"({ONE} + {on}({number} - {ONE}))")
    for signal, evidence in condition.adds.items():
        number = model.constant(f"condition_{of}_adds_{signal}", evidence.value, "1",
                                f"{condition.name}: added to {signal}", evidence.source)  # fmt: skip
        model.sources[number] = evidence.source
        arrows.setdefault(f"added {signal}", []).append(f"{on}{number}")


def add_cascade(model: Description, plan: Plan, arrows: Arrows, targets: list[str]) -> None:
    """Add signals, fast states and slow states."""

    def number(name: str) -> str:
        return model.parameter(plan.parameters[name])

    left = partial(factors_of, arrows)
    signals = _signals(number, targets)
    for signal in signals:
        signals[signal] += arrows.get(f"added {signal}", [])
    glutamate = model.rule("glutamate", f"{left('glutamate')}{joined(signals['glutamate'])}", "1", _excess("glutamate"))
    resting = joined(signals["resting_block"])
    more = "".join(f" + {each}" for each in signals["bdnf"])
    released = f"({glutamate} + {number('cascade.translation_gain')} * {resting}{more})"
    _filter(model, "bdnf", f"{left('bdnf')}{number('blocker.bdnf')} * {positive_part(released)}",
            number("cascade.tau_bdnf"))  # fmt: skip
    basal, half = number("cascade.bdnf_basal"), number("cascade.bdnf_half")
    gain = f"({ONE} + {joined(signals['trkb_gain'])})"
    direct = "".join(f" + {each}" for each in signals["trkb"])
    active = f"({basal} + bdnf) / ({basal} + bdnf + {half}) * {gain} - {basal} / ({basal} + {half}){direct}"
    _filter(model, "trkb", f"{left('trkb')}{number('blocker.trkb')} * ({active})", number("cascade.tau_trkb"))
    upstream = joined(["trkb", *signals["mtorc1"]])
    _filter(model, "mtorc1", f"{left('mtorc1')}{number('blocker.mtorc1')} * {upstream}", number("cascade.tau_mtorc1"))
    tone = f"{left('d1')}{number('blocker.d1')} * {number('cascade.evoked_d1_gain')} * {joined(signals['d1_tone'])}"
    _filter(model, "evoked_state", f"{tone} + {number('cascade.evoked_trkb_gain')} * trkb",
            number("cascade.tau_evoked"))  # fmt: skip
    late = "mtorc1"
    if plan.parameters.value("cascade.delay") > 0:
        half_delay = f"(0.5 dimensionless * {number('cascade.delay')})"
        for name, before in (("mtorc1_halfway", "mtorc1"), ("mtorc1_delayed", "mtorc1_halfway")):
            _filter(model, name, before, half_delay)
        late = "mtorc1_delayed"
    _add_effects(model, plan)
    for name in SLOW:
        gain, most, tau = (
            number(f"cascade.{key}") + _scaled(plan, f"cascade.{key}")
            for key in (f"{name}_gain", f"{name}_max", f"tau_{name}")
        )
        # A gain is per day, as its mTORC1 is a pure number.
        state = _STATE[name]
        inflow = f"{gain} * {positive_part(f'{left(name)}{late}')}"
        rate = f"{inflow} * ({ONE} - {state} / ({most})) - {left(f'{name}_decay')}{state} / ({tau})"
        model.excess(state, rate, _excess(name))


def add_folds(model: Description, arrows: Arrows) -> None:
    """Add the drive of spines that the slow states are."""
    for fold, arrow, formula in (
        ("formation", "formation_rate", f"({ONE} + formation_state)"),
        ("maturation", "maturation_hazard", f"({ONE} + maturation_state)"),
        ("elimination", "elimination_hazard", f"{ONE} / ({ONE} + stabilisation)"),
        ("head_size", "", f"({ONE} + head_size_state)"),
        ("protein", "", f"({ONE} + protein_state)"),
        ("evoked", "evoked", f"({ONE} + evoked_state)"),
    ):
        model.rule(
            f"{fold}_fold", f"{factors_of(arrows, arrow)}{formula}", "1", f"{fold.replace('_', ' ')}, over baseline"
        )


def factors_of(arrows: Arrows, arrow: str) -> str:
    """What stands before the formula of an arrow that conditions scale."""
    return "".join(f"{each} * " for each in arrows.get(f"factor {arrow}", ()))


def _excess(name: str) -> str:
    return f"{name.replace('_', ' ')}, excess over the drug-free state"


def _filter(model: Description, name: str, target: str, tau: str) -> None:
    model.excess(name, f"({target} - {name}) / {tau}", _excess(name.removesuffix("_state")))


def _signals(number: Callable[[str], str], targets: list[str]) -> dict[str, list[str]]:
    """Formulas that the receptors send, by signal: those of the modules under ``signalling/modules``."""
    sent: dict[str, list[str]] = {name: [] for name in Signals.__dataclass_fields__}
    interneuron, pyramidal = "nmda_block_interneuron", "nmda_block_pyramidal"
    sent["glutamate"] += [
        f"{number('nmda.disinhibition_gain')} * {interneuron} * ({ONE} - {pyramidal})",
        f"(-{number('nmda.direct_block_gain')} * {pyramidal})",
        f"{number('serotonin.agonism_gain')} * agonism_5ht2a",
        f"{number('serotonin.intracellular_gain')} * agonism_5ht2a_intracellular",
    ]
    sent["resting_block"].append(pyramidal)
    sent["d1_tone"].append(f"{number('nmda.d1_gain')} * {interneuron}")
    sent["trkb_gain"].append(f"{number('serotonin.trkb_gain')} * trkb_bound")
    for name in targets:
        target = load_target(name)
        for effect in target.effects:
            share = f"target_{effect.of}_{identifier(name)}"
            sent[effect.on].append(f"({effect.sign:d} dimensionless * {number(target.gain_name(effect))} * {share})")
    return sent


def _add_effects(model: Description, plan: Plan) -> None:
    """Factors by which a study differs from the typical one, where conditions set them."""
    if not plan.in_general:
        return
    for effect in SCALED:
        spread = model.parameter(plan.parameters[f"spread.{effect}"])
        own = model.constant(f"effect_on_{effect}", 0.0, "1", f"{effect} in this study, in standard deviations")
        model.rule(f"effect_{effect}", f"exp({spread} * {own})", "1", f"factor of this study on {effect}")


def _scaled(plan: Plan, name: str) -> str:
    """Factors of a study on a number of the slow drives, as a formula that begins with ``*``."""
    if not plan.in_general:
        return ""
    return "".join(f" * effect_{effect}" for effect, names in SCALED.items() if name in names)
