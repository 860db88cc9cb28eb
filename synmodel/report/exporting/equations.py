"""All equations of a scenario in one model: doses, concentrations, receptors, cascade, drive, spines, microscope."""

from synmodel.report.exporting.cascade import add_arrows, add_cascade, add_folds
from synmodel.report.exporting.description import Description, identifier
from synmodel.report.exporting.kinetics import add_kinetics
from synmodel.report.exporting.microscope import add_microscope
from synmodel.report.exporting.plan import Plan
from synmodel.report.exporting.pulses import add_pulses
from synmodel.report.exporting.receptors import add_receptors
from synmodel.report.exporting.spines import add_spines

__all__ = ["model_of"]


def model_of(plan: Plan) -> Description:
    """The equations of a plan as one model, whose time 0 is ``plan.first_day``."""
    model = Description(identifier(plan.name), plan.title)
    model.constant("first_day", plan.first_day, "day", "day at time 0; day 0 is the first dose of the study drug")
    model.rule("day", "first_day + time", "day", "day of the scenario")
    arrows = add_arrows(model, plan)
    if plan.drive == "mechanistic":
        free = add_kinetics(model, plan)
        targets = add_receptors(model, plan, free)
        add_cascade(model, plan, arrows, targets)
        add_folds(model, arrows)
    else:
        add_pulses(model, plan, arrows)
    spines = add_spines(model, plan)
    if plan.in_general:
        add_microscope(model, plan, spines)
    model.cleared_at_events()
    return model
