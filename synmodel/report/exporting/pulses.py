"""The phenomenological drive as formulas, one pulse per dose and effect (:mod:`synmodel.signalling.phenomenology`)."""

from synmodel.report.exporting.cascade import Arrows, factors_of
from synmodel.report.exporting.description import Description, joined
from synmodel.report.exporting.kinetics import day_formula
from synmodel.report.exporting.plan import Plan
from synmodel.signalling.phenomenology import EFFECTS, effective_doses

__all__ = ["add_pulses"]

ONE = "1 dimensionless"
_ARROWS = {"formation": "formation_rate", "maturation": "maturation_hazard", "elimination": "elimination_hazard"}


def add_pulses(model: Description, plan: Plan, arrows: Arrows) -> None:
    """Add folds that rise and decay after each dose."""
    values = plan.parameters.as_floats()
    events = [(dose.compound, day) for dose in plan.doses for day in dose.days]
    days = {}
    for place, dose in enumerate(plan.doses, start=1):
        formula = day_formula(model, f"dose_{place}", dose)
        days.update({(dose.compound, day): formula(number) for number, day in enumerate(dose.days)})
    acting = effective_doses(events, values)
    for effect, (peak, own_decay) in EFFECTS.items():
        terms = []
        for drug, day, share in acting:
            if f"{drug}.{peak}" not in values:
                continue
            onset, top = (model.parameter(plan.parameters[f"{drug}.{key}"]) for key in ("onset", peak))
            key = own_decay if f"{drug}.{own_decay}" in values else "decay"
            decay = model.parameter(plan.parameters[f"{drug}.{key}"])
            since = f"(day - {days[drug, day]})"
            slow, fast = _at_least(onset, decay), f"(-{_at_least(f'(-{onset})', f'(-{decay})')})"
            at = f"(ln({slow} / {fast}) * {slow} * {fast} / ({slow} - {fast}))"
            shape, most = (f"(exp(-({time} / {slow})) - exp(-({time} / {fast})))" for time in (since, at))
            left = f"{share!r} dimensionless * " if share != 1.0 else ""
            terms.append(f"{left}({top} - {ONE}) * piecewise({shape} / {most}, {since} > 0 day, 0 dimensionless)")
        least = "0.1 dimensionless" if effect == "head_size" else "0 dimensionless"
        pulse = joined([ONE, *terms])
        factors = factors_of(arrows, _ARROWS.get(effect, ""))
        model.rule(
            f"{effect}_fold", f"{factors}{_at_least(pulse, least)}", "1",
            f"{effect.replace('_', ' ')}, over baseline",
        )  # fmt: skip


def _at_least(formula: str, least: str) -> str:
    """The larger of two formulas, without a condition in it."""
    return f"(0.5 dimensionless * ({formula} + {least} + abs({formula} - {least})))"
