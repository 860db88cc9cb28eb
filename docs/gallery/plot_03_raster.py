"""
Single spines over sessions
===========================

Every row is one spine, every column one imaging session. After psilocybin (dotted line) more spines are formed
(green) than in the same dendrites without it.
"""

import synmodel
from synmodel.report.raster import presence_of, raster_figure
from synmodel.simulation import histories

drug = synmodel.load_scenario("psilocybin-mouse").updated(
    cohort={"animals": 1, "dendrites_per_animal": 3}, schedule={"sessions": [-3, -1, 1, 3, 5, 7]}
)
arms = {"vehicle": drug.updated(regimen={"doses": []}), "psilocybin 1 mg/kg": drug}
figure = raster_figure(
    [presence_of(histories(plan, seed=15), animals=1, dendrites=3, name=name) for name, plan in arms.items()]
)
