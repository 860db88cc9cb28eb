"""Plan the next imaging study: power and precision before anything is measured.

:func:`design` does it all; what it is made of stands on its own: moments of what two arms report
(:mod:`~synmodel.analysis.planning.moments`), power (:mod:`~synmodel.analysis.planning.power`), information and the
search for days (:mod:`~synmodel.analysis.planning.information`, :mod:`~synmodel.analysis.planning.days`), cost
(:mod:`~synmodel.analysis.planning.cost`).
"""

from synmodel.analysis.planning.aim import CANDIDATE_DAYS, Aim, Limits
from synmodel.analysis.planning.cost import Costs
from synmodel.analysis.planning.days import best_days
from synmodel.analysis.planning.effects import StatedEffect
from synmodel.analysis.planning.plan import Design, design

__all__ = ["CANDIDATE_DAYS", "Aim", "Costs", "Design", "Limits", "StatedEffect", "best_days", "design"]
