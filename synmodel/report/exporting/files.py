"""Which files an export of a scenario has, as texts by name."""

from pathlib import Path

from synmodel.library.parameters import ParameterSet
from synmodel.library.provenance import provenance
from synmodel.report.exporting.archive import to_omex
from synmodel.report.exporting.equations import model_of
from synmodel.report.exporting.plan import Plan, plan_of
from synmodel.report.exporting.reactions import reactions_of
from synmodel.report.exporting.sbml import to_sbml
from synmodel.report.exporting.sedml import to_sedml
from synmodel.scenario import Scenario, load
from synmodel.simulation.mechanism import drive_of

__all__ = ["file_stem", "omex_file", "provenance_line", "sbml_files"]


def file_stem(name: str) -> str:
    """A scenario's name as that of a file: what no file name can hold becomes ``-``.

    Examples
    --------
    >>> file_stem("mine/1: a")
    'mine-1-a'
    """
    kept = "".join(each if each.isalnum() or each in "._-" else " " for each in name)
    return "-".join(kept.split()).strip(".-") or "scenario"


def provenance_line(scenario: Scenario, plan: Plan) -> str:
    """What the files were made with and from, in one line."""
    entries = provenance(seed=0, scenario=scenario.digest(), parameters=plan.parameters.digest())
    return "; ".join(f"{name}: {text}" for name, text in entries.items() if name != "seed")


def sbml_files(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> dict[str, str]:
    """The course of a scenario, and its turnover as reactions in two forms, as SBML by name of the file.

    Raises
    ------
    SynmodelError
        In one line, for a scenario that cannot be exported, or without libSBML.
    """
    plan, given = plan_of(scenario, parameters), load(scenario)
    made, stem = provenance_line(given, plan), file_stem(plan.name)
    notes = (
        f"{plan.title}. Time 0 is day {plan.first_day:g}; time is in days, day 0 is the first dose of the study drug.",
        "Values are means of one dendrite of the median subject. Folds are values at a time, where those of a run are "
        "means over cells of its grid of time. Numbers of spines are followed from the first session on.",
        made,
    )
    drive = drive_of(given, parameters)
    files = {f"{stem}.xml": to_sbml(model_of(plan), notes=notes)}
    for name, by in ((f"{stem}-reactions.xml", "time"), (f"{stem}-reactions-events.xml", "events")):
        reactions = reactions_of(plan, drive, by="time" if by == "time" else "events")
        files[name] = to_sbml(reactions.model, extent="item", notes=(made,))
    return files


def omex_file(scenario: str | Path | Scenario, parameters: ParameterSet | None = None) -> dict[str, bytes]:
    """A COMBINE archive of the SBML, a SED-ML document that runs it, and the scenario, by name of the file.

    Raises
    ------
    SynmodelError
        As :func:`sbml_files`; without libSEDML or libCombine.
    """
    plan, given = plan_of(scenario, parameters), load(scenario)
    stem = file_stem(plan.name)
    contents = sbml_files(given, parameters)
    descriptions = {
        ".": f"{plan.title}: {provenance_line(given, plan)}",
        f"{stem}.xml": "concentrations, receptors, cascade, drive and mean numbers of spines",
        f"{stem}-reactions.xml": "turnover of spines as reactions, rate constants as formulas of time",
        f"{stem}-reactions-events.xml": "turnover of spines as reactions, rate constants that change at events",
        f"{stem}.sedml": "uniform time courses of the first file, with plots",
        f"{stem}.toml": "the scenario, from which synmodel makes the files again",
    }
    contents[f"{stem}.sedml"] = to_sedml(plan, model_of(plan), f"{stem}.xml")
    contents[f"{stem}.toml"] = given.to_toml()
    return {f"{stem}.omex": to_omex(contents, descriptions, f"{stem}.sedml")}
