"""Kinetics as reactions: amounts [nmol] in depots, central and peripheral compartments of the subject's whole body.

Doses are events, infusions a rate that events switch. The run has amounts and volumes per kg of body weight; here both
are multiplied by the weight, so that compartments are volumes, and concentrations are the same.
"""

from collections.abc import Callable, Mapping

from synmodel.library.drug_numbers import route_key
from synmodel.pharmacology.compounds import Kinetics, load_compound
from synmodel.pharmacology.kinetics import chain_of
from synmodel.report.exporting.description import Description, Event, Quantity, Reaction, identifier, joined
from synmodel.report.exporting.plan import Plan
from synmodel.scenario import Dose

__all__ = ["add_kinetics", "day_formula"]


def add_kinetics(model: Description, plan: Plan) -> dict[str, str]:
    """Add compartments, reactions, doses and concentrations; identifier of the free concentration by compound."""
    given = list(dict.fromkeys(dose.compound for dose in plan.doses))
    present = list(dict.fromkeys(name for each in given for name in chain_of(each, plan.subject.species)))
    if not present:
        return {}
    model.constant("body_weight", plan.subject.body_weight_kg, "kg", "body weight")
    for name in present:
        _add_compartments(model, plan, name)
    for name in present:
        _add_elimination(model, plan, name)
    _add_doses(model, plan)
    return {name: _add_concentrations(model, plan, name) for name in present}


def _of(model: Description, plan: Plan, compound: str) -> Callable[[str], str]:
    """Identifier of a number of a compound by its key."""

    def number(key: str) -> str:
        return model.parameter(plan.parameters[f"{compound}.{plan.subject.species}_{key}"])

    return number


def _kinetics(plan: Plan, compound: str) -> Kinetics:
    return load_compound(compound).kinetics[plan.subject.species]


def _add_compartments(model: Description, plan: Plan, compound: str) -> None:
    of, number, kinetics = identifier(compound), _of(model, plan, compound), _kinetics(plan, compound)
    parts = [("central", "volume"), *([("peripheral", "peripheral_volume")] if kinetics.peripheral_volume else [])]
    for part, volume in parts:
        where = f"{part}_{of}"
        model.compartments[where] = Quantity(
            where, f"{part} compartment of {compound}", "L", start=f"{number(volume)} * body_weight"
        )
        model.amount(f"amount_{where}", where, "nmol", f"{compound} in its {part} compartment")


def _add_elimination(model: Description, plan: Plan, compound: str) -> None:
    of, number, kinetics = identifier(compound), _of(model, plan, compound), _kinetics(plan, compound)
    central = f"amount_central_{of}"
    if kinetics.half_life is not None:
        hazard = f"ln(2 dimensionless) / {number('half_life')}"
    else:
        hazard = f"{number('clearance')} / {number('volume')}"
    if kinetics.peripheral_volume is not None:
        exchange, other = number("exchange_clearance"), f"amount_peripheral_{of}"
        for way, source, target, volume in (
            ("to", central, other, "volume"),
            ("from", other, central, "peripheral_volume"),
        ):
            model.reactions.append(
                Reaction(
                    f"exchange_{way}_peripheral_{of}",
                    f"{compound} {way} its peripheral compartment",
                    (source,),
                    (target,),
                    f"{exchange} / {number(volume)} * {source}",
                )
            )
    shares = []
    for metabolite in kinetics.metabolites:
        share = number(f"fraction_to_{metabolite.compound}")
        shares.append(share)
        to = identifier(metabolite.compound)
        model.reactions.append(
            Reaction(
                f"metabolism_{of}_to_{to}",
                f"{compound} becomes {metabolite.compound}",
                (central,),
                (f"amount_central_{to}",),
                f"{share} * {hazard} * {central}",
            )
        )
    rest = f"(1 dimensionless - {joined(shares)}) * " if shares else ""
    model.reactions.append(
        Reaction(f"elimination_{of}", f"elimination of {compound}", (central,), (), f"{rest}{hazard} * {central}")
    )


def _add_concentrations(model: Description, plan: Plan, compound: str) -> str:
    of, number = identifier(compound), _of(model, plan, compound)
    plasma = model.rule(
        f"plasma_concentration_{of}", f"amount_central_{of} / central_{of}", "nM",
        f"concentration of {compound} in plasma",
    )  # fmt: skip
    return model.rule(
        f"free_concentration_{of}", f"{plasma} * {number('fraction_unbound')} * {number('kp_uu')}", "nM",
        f"free concentration of {compound} in brain",
    )  # fmt: skip


def _add_doses(model: Description, plan: Plan) -> None:
    model.constant("nmol_per_mmol", 1e6, "nmol/mmol", "nanomoles in mg over g/mol")
    jumps: dict[float, tuple[str, dict[str, list[str]]]] = {}  # day -> its formula, and what is added to what

    def jump(day: float, formula: str, target: str, added: str) -> None:
        jumps.setdefault(day, (formula, {}))[1].setdefault(target, []).append(added)

    for place, dose in enumerate(plan.doses, start=1):
        _add_uptake(model, plan, dose)
        amount = _nanomoles(model, plan, dose, f"dose_{place}")
        target = _target(dose)
        start = day_formula(model, f"dose_{place}", dose)
        if dose.duration_day > 0:
            length = model.constant(f"dose_{place}_duration", dose.duration_day, "day", f"length of infusion {place}")
            amount, rate = f"{amount} / {length}", f"infusion_{identifier(dose.compound)}"
            for number, day in enumerate(dose.days):
                jump(day, start(number), rate, f"+ {amount}")
                jump(day + dose.duration_day, f"{start(number)} + {length}", rate, f"- {amount}")
        else:
            for number, day in enumerate(dose.days):
                jump(day, start(number), target, f"+ {amount}")
    for number, day in enumerate(sorted(jumps), start=1):
        formula, added = jumps[day]
        then = {target: " ".join([target, *each]) for target, each in added.items()}
        model.events.append(Event(f"dosing_{number}", f"doses on day {day:g}", f"day >= {formula}", then))


def day_formula(model: Description, of: str, dose: Dose) -> Callable[[int], str]:
    """Formula of the day of each dose of a series, by its number from 0."""
    first = model.constant(f"{of}_day", dose.day, "day", f"day of {of.replace('_', ' ')}")
    if dose.repeat > 1:
        model.constant(f"{of}_every", dose.every_days, "day", f"time between repeats of {of.replace('_', ' ')}")
    return lambda number: f"{first} + {number} dimensionless * {of}_every" if number else first


def _target(dose: Dose) -> str:
    of = identifier(dose.compound)
    return f"amount_central_{of}" if dose.route == "i.v." else f"amount_depot_{route_key(dose.route)}_{of}"


def _nanomoles(model: Description, plan: Plan, dose: Dose, of: str) -> str:
    """Formula of the amount that reaches a compartment [nmol]."""
    mass = load_compound(dose.compound).molar_mass
    assert mass is not None  # only a vehicle has none
    molar = f"molar_mass_{identifier(dose.compound)}"
    if molar not in model.quantities:
        model.constant(molar, mass.to("g/mol"), "g/mol", f"molar mass of {dose.compound}", mass.source)
        model.sources[molar] = mass.source
    amount = model.constant(f"{of}_amount", dose.amount, dose.unit, f"{dose.compound} {dose.route}")
    weight = " * body_weight" if dose.unit == "mg/kg" else ""
    taken = "" if dose.route == "i.v." else f" * {_uptake(model, plan, dose)['bioavailability']}"
    return f"{amount}{weight} / {molar} * nmol_per_mmol{taken}"


def _uptake(model: Description, plan: Plan, dose: Dose) -> Mapping[str, str]:
    number = _of(model, plan, dose.compound)
    return {key: number(f"{route_key(dose.route)}_{key}") for key in ("half_life", "bioavailability")}


def _add_uptake(model: Description, plan: Plan, dose: Dose) -> None:
    """Depot of a route, or the rate of an infusion, once for each compound."""
    of, target = identifier(dose.compound), _target(dose)
    if dose.duration_day > 0 and f"infusion_{of}" not in model.quantities:
        rate = model.held(f"infusion_{of}", "", "nmol/day", f"rate at which {dose.compound} is infused")
        model.reactions.append(
            Reaction(f"input_{of}", f"infusion of {dose.compound}", (), (f"amount_central_{of}",), rate)
        )
    if dose.route == "i.v." or target in model.quantities:
        return
    where = target.removeprefix("amount_")
    model.compartments[where] = Quantity(where, f"place of {dose.route} doses of {dose.compound}", "L", value=1.0,
                                         notes="its size has no effect: only the amount in it counts")  # fmt: skip
    model.amount(target, where, "nmol", f"{dose.compound} not yet taken up, {dose.route}")
    half_life = _uptake(model, plan, dose)["half_life"]
    model.reactions.append(
        Reaction(
            f"uptake_{where}",
            f"uptake of {dose.compound}, {dose.route}",
            (target,),
            (f"amount_central_{of}",),
            f"ln(2 dimensionless) / {half_life} * {target}",
        )
    )
