"""How do pyPESTO's maximum of the exported problem, and its cost, compare with synmodel's? One way, in its own process.

``python benchmarks/maxima.py WAY`` exports the PEtab problem of one study. ``roadrunner``: pyPESTO's multi-start least
squares, by finite differences, of an objective that simulates the exported SBML with libRoadRunner; beside it
synmodel's own fit of the same objective (independent means, no binomial counts: what PEtab carries) from the same
points. ``import`` and ``amici``: pyPESTO's own importers, libRoadRunner's and AMICI's, of the same files.
"""

import json
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import libsbml
import numpy as np
import petab.v1 as petab

from synmodel.inference.summaries import covariance
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.inference.summaries.summary_fit import Fit, fit_problem
from synmodel.report.exporting.description import identifier
from synmodel.report.exporting.petab_problem import fitted_problem, petab_files

Array = np.ndarray
SCENARIO, STUDY = "psilocybin-mouse", "shao2021"
_STARTS, _AWAY, _SEED = 2, 0.3, 1
_START = "at_the_start_"


def exported(folder: Path) -> petab.Problem:
    """The files, read by petab."""
    for name, text in petab_files(SCENARIO, [STUDY]).items():
        (folder / name).write_text(text, encoding="utf-8")
    return petab.Problem.from_yaml(str(folder / "petab.yaml"))


def carried(problem: petab.Problem) -> SummaryProblem:
    """The fit of what PEtab carries."""
    covariance.OWN_SHARE = 1.0  # means are independent
    whole = fitted_problem(SCENARIO, [STUDY])
    free = [name for name in whole.free if identifier(name) in problem.parameter_df.index]
    targets = [replace(target, persistence=None) for target in whole.arms]
    return SummaryProblem(whole.parameters, free, [STUDY], targets=targets, protected=whole.protected)


class Simulated:
    """Residuals of the exported problem, simulated by libRoadRunner; vectors are on the scales of the parameters."""

    def __init__(self, problem: petab.Problem) -> None:
        import roadrunner

        self.problem = problem
        self.names = list(problem.parameter_df.index)
        self.log = (problem.parameter_df["parameterScale"] == "log").to_numpy()
        document = problem.model.sbml_model.getSBMLDocument().clone()
        self.begun = _with_starts(document.getModel())
        self.runner = roadrunner.RoadRunner(libsbml.writeSBMLToString(document))
        self.runner.integrator.relative_tolerance = 1e-9
        self.runner.integrator.absolute_tolerance = 1e-10
        self.quantities = [name.removesuffix("_mean") for name in problem.observable_df.index]
        self.runner.timeCourseSelections = ["time", *self.quantities]
        self.known = set(self.runner.model.getGlobalParameterIds())

    def residuals(self, vector: Array) -> Array:
        """(mean + prior,) standardised residuals; half their squares is -log posterior up to a constant."""
        natural = np.where(self.log, np.exp(vector), vector)
        values = dict(zip(self.names, natural.tolist(), strict=True))
        pieces = [
            self._of_condition(condition, rows, values)
            for condition, rows in self.problem.measurement_df.groupby("simulationConditionId")
        ]
        return np.concatenate([*pieces, self._prior(vector)])

    def _of_condition(self, condition: str, rows: object, values: dict[str, float]) -> Array:
        settings = {name: value for name, value in values.items() if name in self.known}
        for name, value in self.problem.condition_df.loc[condition].items():
            if name != "conditionName":
                settings[name] = float(values.get(value, value))
        self.runner.resetToOrigin()
        for name, value in settings.items():
            self.runner.setValue(name, value)
        self.runner.reset()
        for name in self.begun:  # libRoadRunner sets them once, with the values of the file
            self.runner.setValue(name, self.runner.getValue(_START + name))
        times = np.unique(np.concatenate([[0.0], rows["time"].to_numpy()]))
        course = np.array(self.runner.simulate(times=times.tolist()))
        found = []
        for _, row in rows.iterrows():
            quantity = row["observableId"].removesuffix("_mean")
            value = course[np.searchsorted(times, row["time"]), 1 + self.quantities.index(quantity)]
            if quantity == "head_width_change":
                value = (1.0 + value) * (1.0 + float(row["observableParameters"])) - 1.0
            found.append((value - row["measurement"]) / float(row["noiseParameters"]))
        return np.array(found)

    def _prior(self, vector: Array) -> Array:
        table = self.problem.parameter_df
        found = []
        for at, name in enumerate(self.names):
            if table.loc[name, "objectivePriorType"] == "parameterScaleNormal":
                centre, spread = map(float, str(table.loc[name, "objectivePriorParameters"]).split(";"))
                found.append((vector[at] - centre) / spread)
        return np.array(found)


def _with_starts(model: libsbml.Model) -> list[str]:
    """Add a quantity that follows each initial value; returns the names of those that depend on parameters."""
    names = []
    for at in range(model.getNumInitialAssignments()):
        given = model.getInitialAssignment(at)
        added = model.createParameter()
        added.setId(_START + given.getSymbol())
        added.setConstant(False)
        rule = model.createAssignmentRule()
        rule.setVariable(added.getId())
        rule.setMath(given.getMath())
        names.append(given.getSymbol())
    return names


def by_roadrunner(problem: petab.Problem) -> dict[str, object]:
    """Both fits from the same points."""
    import pypesto
    import pypesto.optimize

    own = carried(problem)
    order = [own.free.index(name) for name in (_original(own, each) for each in problem.parameter_df.index)]
    simulated = Simulated(problem)
    rng = np.random.default_rng(_SEED)
    priors = [own.parameters[name].prior for name in own.free]
    spread = np.array([_AWAY * (0.3 if prior is None else prior.spread) for prior in priors])
    low, high = own.lower + 1e-6 * (own.upper - own.lower), own.upper - 1e-6 * (own.upper - own.lower)
    points = [np.clip(own.start() + spread * rng.standard_normal(len(spread)), low, high) for _ in range(_STARTS)]
    own.jacobian(points[0])  # compiles
    mine, took_mine = _timed(lambda: _own(own, points))
    objective = pypesto.FD(pypesto.Objective(res=simulated.residuals), sres=True, method="forward")
    task = pypesto.Problem(
        objective, lb=low[order], ub=high[order], x_guesses=[point[order] for point in points],
        x_names=[own.free[at] for at in order],
    )  # fmt: skip
    simulated.residuals(points[0][order])
    theirs, took = _timed(
        lambda: pypesto.optimize.minimize(
            task, pypesto.optimize.ScipyOptimizer("ls_trf"), n_starts=_STARTS, progress_bar=False
        )
    )
    best = np.empty(len(order))
    best[order] = theirs.optimize_result[0].x
    error = np.sqrt(np.diag(mine.covariance))
    away = np.abs(best - mine.vector) / error
    return {
        "version": _versions("pypesto", "libroadrunner"),
        "parameters": len(order),
        "own": {"seconds": took_mine, "objective": _squares(own.residuals(mine.vector)),
                "theirs": _squares(simulated.residuals(mine.vector[order])), "found": mine.found},
        "theirs": {"seconds": took, "objective": _squares(own.residuals(best)),
                   "theirs": _squares(simulated.residuals(best[order])),
                   "ends": [2 * each.fval for each in theirs.optimize_result.list]},
        "away": [float(np.median(away)), float(away.max())], "farthest": own.free[int(np.argmax(away))],
    }  # fmt: skip


def _original(own: SummaryProblem, name: str) -> str:
    return next(each for each in own.free if identifier(each) == name)


def _own(own: SummaryProblem, points: list[Array]) -> Fit:
    fits = [fit_problem(own, seed=_SEED, starts=1, first=point) for point in points]
    best = min(fits, key=lambda fit: fit.objective)
    return replace(best, found=sum(fit.objective - best.objective < 0.1 for fit in fits))


def _timed(call: object) -> tuple[object, float]:
    before = time.process_time()
    result = call()
    return result, time.process_time() - before


def _squares(residuals: Array) -> float:
    return float(residuals @ residuals)


def _versions(*names: str) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def by_importer(problem: petab.Problem, simulator: str, folder: Path) -> dict[str, object]:
    """One evaluation through an importer of pyPESTO; it asks for flat tables."""
    import pypesto.petab

    petab.flatten_timepoint_specific_output_overrides(problem)
    before = time.process_time()
    more = {"output_folder": str(folder / "model")} if simulator == "amici" else {}
    task = pypesto.petab.PetabImporter(problem, simulator_type=simulator, **more).create_problem()
    built = time.process_time() - before
    x = np.asarray(problem.x_nominal_free_scaled)
    value, took = _timed(lambda: task.objective(x))
    return {"version": _versions("pypesto", {"amici": "amici", "roadrunner": "libroadrunner"}[simulator]),
            "built": built, "objective": float(value), "seconds": took}  # fmt: skip


def main(way: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        problem = exported(Path(name))
        if way == "roadrunner":
            print(json.dumps(by_roadrunner(problem)))
        else:
            print(json.dumps(by_importer(problem, {"import": "roadrunner"}.get(way, way), Path(name))))


if __name__ == "__main__":
    main(sys.argv[1])
