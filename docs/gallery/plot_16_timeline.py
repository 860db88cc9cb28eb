"""
Who gets what, and when is imaged
=================================

Scenarios on one axis of days: doses, conditions that act on signalling, and imaging sessions.
"""

import synmodel
from synmodel.report.timeline import timeline_figure

names = ["psilocybin-mouse", "psilocybin-mouse-ketanserin", "ketamine-mouse-daily5"]
plans = [synmodel.load_scenario(name) for name in names]
stressed = plans[0].updated(
    name="psilocybin-after-stress",
    title="Psilocybin after two days of restraint stress, with rapamycin",
    subject={"stress": {"name": "restraint stress", "from_day": -3, "to_day": -1}},
    regimen={
        "doses": [plans[0].regimen.doses[0].model_dump()],
        "treatments": [{"name": "rapamycin", "from_hours": -6, "to_hours": 24}],
    },
)
figure = timeline_figure([*plans, stressed])
