"""What is to be simulated and drawn, as SED-ML: the whole course, the first hours after a dose, and their plots."""

import math
from types import ModuleType
from typing import Any, NamedTuple

from synmodel.report.exporting.description import Description
from synmodel.report.exporting.optional import library_of
from synmodel.report.exporting.plan import Plan
from synmodel.report.exporting.sbml import ExportError

__all__ = ["to_sedml"]

_LEVEL, _VERSION = 1, 4
_SBML = "http://www.sbml.org/sbml/level3/version2/core"
_CVODE, _RELATIVE, _ABSOLUTE = "KISAO:0000019", "KISAO:0000209", "KISAO:0000211"
_TOLERANCES = {_RELATIVE: "1e-9", _ABSOLUTE: "1e-10"}
_STEP_DAY, _MOST_STEPS, _HOURS, _STEPS_OF_HOURS = 0.02, 10_000, 0.25, 720


class _Plot(NamedTuple):
    """A plot: its title, the task that it shows, and the quantities."""

    id: str
    title: str
    task: str
    quantities: tuple[str, ...]


def to_sedml(plan: Plan, model: Description, source: str) -> str:
    """A document that simulates and draws a model.

    Parameters
    ----------
    source : str
        Name of the file of the model, beside the document.

    Raises
    ------
    ExportError
        If libSEDML finds an error in it.
    """
    libsedml = library_of("libsedml")
    document = libsedml.SedDocument(_LEVEL, _VERSION)
    document.getNamespaces().add(_SBML, "sbml")
    made = document.createModel()
    made.setId("model")
    made.setName(model.name)
    made.setSource(source)
    made.setLanguage("urn:sedml:language:sbml.level-3.version-2")
    span = plan.sessions[-1] - plan.first_day
    _course(document, "course", "all days", 0.0, span, min(_MOST_STEPS, math.ceil(span / _STEP_DAY)))
    plots = [*_plots(model)]
    if any(plot.task == "hours_task" for plot in plots):
        start = plan.doses[0].day - plan.first_day
        _course(document, "hours", "six hours after the first dose", start, start + _HOURS, _STEPS_OF_HOURS)
    for task in dict.fromkeys(plot.task for plot in plots):
        _generator(document, f"time_{task}", "time [day]", task, "")
    for plot in plots:
        _draw(document, model, plot)
    _report(document, plots)
    return _checked(libsedml, libsedml.writeSedMLToString(document))


def _plots(model: Description) -> list[_Plot]:
    known = model.quantities

    def there(*prefixes: str) -> tuple[str, ...]:
        return tuple(name for name in known if name.startswith(prefixes) and not name.endswith("_level"))

    plots = []
    if concentrations := there("free_concentration_"):
        plots.append(_Plot("concentrations", "Free concentration in brain", "hours_task", concentrations))
        engaged = there("nmda_block_", "agonism_5ht2a", "trkb_bound", "target_occupancy_")
        plots.append(_Plot("receptors", "Engaged receptors", "hours_task", engaged))
        cascade = ("glutamate", "bdnf", "trkb", "mtorc1")
        plots.append(_Plot("cascade", "Cascade, excess over the drug-free state", "hours_task", cascade))
    folds = tuple(name for name in ("formation_fold", "maturation_fold", "elimination_fold", "head_size_fold")
                  if name in known)  # fmt: skip
    plots.append(_Plot("drive", "Drive of spines, over baseline", "course_task", folds))
    plots.append(_Plot("spines", "Mean spines on a dendrite", "course_task", there("count")))
    return plots


def _course(document: Any, identity: str, name: str, start: float, end: float, steps: int) -> None:
    made = document.createUniformTimeCourse()
    made.setId(identity)
    made.setName(name)
    made.setInitialTime(0.0)
    made.setOutputStartTime(start)
    made.setOutputEndTime(end)
    made.setNumberOfSteps(steps)
    algorithm = made.createAlgorithm()
    algorithm.setKisaoID(_CVODE)
    for kind, value in _TOLERANCES.items():
        parameter = algorithm.createAlgorithmParameter()
        parameter.setKisaoID(kind)
        parameter.setValue(value)
    task = document.createTask()
    task.setId(f"{identity}_task")
    task.setModelReference("model")
    task.setSimulationReference(identity)


def _generator(document: Any, identity: str, name: str, task: str, quantity: str) -> None:
    libsedml = library_of("libsedml")
    made = document.createDataGenerator()
    made.setId(identity)
    made.setName(name)
    variable = made.createVariable()
    variable.setId(f"value_{identity}")
    variable.setTaskReference(task)
    if quantity:
        variable.setTarget(f"/sbml:sbml/sbml:model/sbml:listOfParameters/sbml:parameter[@id='{quantity}']")
    else:
        variable.setSymbol("urn:sedml:symbol:time")
    made.setMath(libsedml.parseFormula(f"value_{identity}"))


def _draw(document: Any, model: Description, plot: _Plot) -> None:
    made = document.createPlot2D()
    made.setId(plot.id)
    made.setName(plot.title)
    for quantity in plot.quantities:
        of = f"{plot.id}_{quantity}"
        _generator(document, of, model.quantities[quantity].name, plot.task, quantity)
        curve = made.createCurve()
        curve.setId(f"curve_{of}")
        curve.setName(model.quantities[quantity].name)
        curve.setLogX(False)
        curve.setLogY(False)
        curve.setXDataReference(f"time_{plot.task}")
        curve.setYDataReference(of)


def _report(document: Any, plots: list[_Plot]) -> None:
    """All curves of the whole course as a table."""
    made = document.createReport()
    made.setId("table")
    made.setName("drive and spines on all days")
    columns = ["time_course_task", *(f"{plot.id}_{q}" for plot in plots if plot.task == "course_task"
                                     for q in plot.quantities)]  # fmt: skip
    for column in columns:
        data = made.createDataSet()
        data.setId(f"column_{column}")
        data.setLabel(column)
        data.setDataReference(column)


def _checked(libsedml: ModuleType, text: str) -> str:
    document = libsedml.readSedMLFromString(text)
    if document.getNumErrors(libsedml.LIBSEDML_SEV_ERROR) + document.getNumErrors(libsedml.LIBSEDML_SEV_FATAL):
        message = f"the SED-ML is not valid: {' '.join(document.getErrorLog().toString().split())}"
        raise ExportError(message)
    return str(text)
