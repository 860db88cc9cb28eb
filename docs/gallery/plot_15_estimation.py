"""
Every mouse, and the difference of two arms
===========================================

An estimation plot: a dot is the mean of a mouse over its dendrites, the half violin the bootstrapped difference of
the arms. The mouse is the unit of replication.
"""

import synmodel
from synmodel.inference.conventional.estimation import differences_of, groups_of
from synmodel.inference.conventional.measured import dendrite_table
from synmodel.report.estimation_figure import estimation_figure

drug = synmodel.load_scenario("psilocybin-mouse").updated(cohort={"animals": 8})
tables = []
for arm, plan in {"saline": drug.updated(regimen={"doses": []}), "psilocybin": drug}.items():
    seen = synmodel.simulate(plan, replicates=1, seed=5).isel(replicate=0)
    labels = {"study": ["simulated"] * 8, "arm": [arm] * 8, "mouse": [f"{arm} {k}" for k in range(8)]}
    tables.append(seen.assign_coords({name: ("animal", values) for name, values in labels.items()}))
groups = groups_of(dendrite_table(tables), quantity="formation_fraction", control="saline", interval=(-1, 1))
figure = estimation_figure(groups, differences_of(groups, seed=1))
