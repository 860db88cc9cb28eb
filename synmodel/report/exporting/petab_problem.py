"""The fit of published group summaries as a PEtab problem (version 1), and what its noise leaves out."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from synmodel.core.errors import ScenarioError
from synmodel.data import load_study
from synmodel.inference.summaries.problem import STUDIES, SummaryProblem
from synmodel.inference.summaries.readings import joint_problem
from synmodel.library.parameters import ParameterSet
from synmodel.report.exporting import petab_tables as tables
from synmodel.report.exporting.equations import model_of
from synmodel.report.exporting.optional import library_of
from synmodel.report.exporting.sbml import ExportError, to_sbml
from synmodel.scenario import Scenario, load, naming
from synmodel.simulation.mechanism import parameters_of

__all__ = ["fitted_problem", "petab_files", "terms_left_out"]

_PART = "petab-{}"


def fitted_problem(
    scenario: str | Path | Scenario, studies: Sequence[str] = (), parameters: ParameterSet | None = None
) -> SummaryProblem:
    """The joint problem of which the mechanism of a scenario is the estimate.

    Parameters
    ----------
    studies : sequence of str
        Names of studies of the library; default: all that are fitted.

    Raises
    ------
    ScenarioError
        For a phenomenological drive, whose pulses are fitted otherwise.
    LibraryError
        For an unknown study.
    """
    with naming(scenario):
        given = load(scenario)
        if given.drive != "mechanistic":
            message = (
                'scenario.drive is "phenomenological"; a PEtab problem is of the mechanism: set it to "mechanistic"'
            )
            raise ScenarioError(message)
        chosen = parameters_of(given, parameters)
    names = list(dict.fromkeys(studies)) or list(STUDIES)
    for name in names:
        load_study(name)  # raises with the closest names
    return joint_problem(names, parameters=chosen)


def petab_files(
    scenario: str | Path | Scenario, studies: Sequence[str] = (), parameters: ParameterSet | None = None
) -> dict[str, str]:
    """Files of a PEtab problem by name, its ``README.md`` among them.

    Raises
    ------
    SynmodelError
        In one line, as :func:`fitted_problem`, or without the library petab.
    """
    library_of("petab.v1")
    given = load(scenario)
    problem = fitted_problem(scenario, studies, parameters)
    title = f"Published group summaries of {', '.join(problem.studies)}"
    plan = tables.plan_of_problem(problem, "summaries", title)
    model = model_of(plan)
    names = tables.carried(problem, plan, model)
    left_out = terms_left_out(problem, names)
    frames = {
        "conditions.tsv": tables.conditions(problem, plan, model),
        "observables.tsv": tables.observables(problem),
        "measurements.tsv": tables.measurements(problem, plan),
        "parameters.tsv": tables.parameters(problem, names),
    }
    texts = {
        name: frame.to_csv(sep="\t", index=frame.index.name is not None, lineterminator="\n")
        for name, frame in frames.items()
    }
    text = to_sbml(model, notes=(title, f"Mechanism of the scenario {given.name}.", *left_out))
    _lint(text, frames)
    files = {"model.xml": text, **texts, "README.md": _readme(title, left_out)}
    return {"petab.yaml": _yaml(left_out), **{_PART.format(name): content for name, content in files.items()}}


def terms_left_out(problem: SummaryProblem, names: Sequence[str]) -> list[str]:
    """What the noise of PEtab cannot carry, each in one sentence with its size at the parameters of the problem."""
    values, vector = problem.values(problem.start()), problem.start()
    independent = whitened = persistence = log_determinant = 0.0
    for place, target in enumerate(problem.arms):
        n = sum(len(means.at) for means in target.means)
        residuals = problem.standardised(place, values)
        independent += float(residuals[:n] @ residuals[:n])
        white = problem.whitening[place] @ residuals[:n]
        whitened += float(white @ white)
        log_determinant -= 2.0 * float(np.log(np.diag(problem.whitening[place])).sum())
        persistence += float(residuals[n:] @ residuals[n:])
    prior = problem.prior_residuals(vector)
    with_prior = [name for name in problem.free if problem.parameters[name].prior is not None]
    elsewhere = [float(r) ** 2 for name, r in zip(with_prior, prior, strict=True) if name not in names]
    twitches = [float(np.sum(term.residuals(values) ** 2)) for term in problem.terms]
    said = [
        "The noise of every mean is normal and independent, with its SEM over mice. In synmodel means of one arm are "
        "correlated, as they come from the same dendrites: at the nominal values the sum of squares is "
        f"{whitened:.2f} with the correlations and {independent:.2f} without; the logarithm of the determinants of "
        f"the correlations, constant in a fit, is {log_determinant:.2f}.",
        f"New spines found again are binomial counts, which no noise of PEtab is: their deviance, {persistence:.2f} at "
        "the nominal values, is left out.",
        "Spreads between arms and between studies are held at their values, as in a fit by maximum; what each arm and "
        "study has of its own is estimated, with a normal prior, in units of the spread.",
    ]
    if twitches:
        left = ", ".join(name for name in problem.free if name not in names)
        said.append(
            f"Head twitches, fitted beside the spines, are left out: {sum(twitches):.2f} at the nominal values, with "
            f"{sum(elsewhere):.2f} from the priors of their own parameters ({left})."
        )
    return said


def _yaml(left_out: Sequence[str]) -> str:
    comments = "".join(f"# {sentence}\n" for sentence in left_out)
    return comments + (
        "format_version: 1\n"
        f"parameter_file: {_PART.format('parameters.tsv')}\n"
        "problems:\n"
        f"- sbml_files: [{_PART.format('model.xml')}]\n"
        f"  condition_files: [{_PART.format('conditions.tsv')}]\n"
        f"  observable_files: [{_PART.format('observables.tsv')}]\n"
        f"  measurement_files: [{_PART.format('measurements.tsv')}]\n"
    )


def _readme(title: str, left_out: Sequence[str]) -> str:
    points = "".join(f"- {sentence}\n" for sentence in left_out)
    return f"""# {title}

A PEtab problem, version 1. Open `petab.yaml`. A condition is an arm of a study; `time` is in days from the first
session. Observables are the expected means of what a microscope reports, at the end of each interval; the noise is the
SEM over mice. Simulate with an absolute tolerance that is the same for all states.

What this problem is not, beside the fit of synmodel:

{points}"""


def _lint(text: str, frames: Mapping[str, pd.DataFrame]) -> None:
    """Raise unless petab's own checks pass."""
    from petab.v1.lint import lint_problem
    from petab.v1.models.sbml_model import SbmlModel
    from petab.v1.problem import Problem

    logging.getLogger("petab").setLevel(logging.ERROR)  # it tells of tables that a problem need not have
    problem = Problem(
        model=SbmlModel.from_string(text, "model"),
        condition_df=frames["conditions.tsv"],
        observable_df=frames["observables.tsv"],
        measurement_df=frames["measurements.tsv"],
        parameter_df=frames["parameters.tsv"],
    )
    if lint_problem(problem):
        message = "the PEtab problem is not valid by petab's own checks, which the log on stderr names"
        raise ExportError(message)
