"""Simulation of a PEtab problem by libRoadRunner, from its files alone."""

import libsbml
import numpy as np


def simulated(problem, roadrunner, values=None, conditions=None):
    """The rows of the measurement table with the column ``simulation``, at nominal or other values of parameters."""
    known = dict(problem.parameter_df["nominalValue"]) | dict(values or {})
    table = problem.measurement_df.copy()
    if conditions is not None:
        table = table[table["simulationConditionId"].isin(conditions)].copy()
    symbols = {name: name.removesuffix("_mean") for name in problem.observable_df.index}
    table["simulation"] = np.nan
    for condition, rows in table.groupby("simulationConditionId"):
        runner = roadrunner.RoadRunner(_set(problem, condition, known))
        runner.integrator.relative_tolerance = 1e-9
        runner.integrator.absolute_tolerance = 1e-10
        times = np.unique(np.concatenate([[0.0], rows["time"].to_numpy()]))
        runner.timeCourseSelections = ["time", *symbols.values()]
        course = np.array(runner.simulate(times=times.tolist()))
        for index, row in rows.iterrows():
            value = course[np.searchsorted(times, row["time"]), 1 + list(symbols).index(row["observableId"])]
            if row["observableId"] == "head_width_change_mean":
                value = (1.0 + value) * (1.0 + float(row["observableParameters"])) - 1.0
            table.loc[index, "simulation"] = value
    return table


def _set(problem, condition, known):
    """The model as text with the values of parameters, and what a condition sets, in it."""
    document = problem.model.sbml_model.getSBMLDocument().clone()
    model = document.getModel()
    for name, value in known.items():
        if model.getParameter(name) is not None:
            assert model.getParameter(name).setValue(float(value)) == libsbml.LIBSBML_OPERATION_SUCCESS
    for column, value in problem.condition_df.loc[condition].items():
        if column != "conditionName":
            model.getParameter(column).setValue(float(known.get(value, value)))
    return libsbml.writeSBMLToString(document)
