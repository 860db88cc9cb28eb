"""Plan the next imaging study: power and precision before anything is measured.

:func:`design` does it all; what it is made of stands on its own: moments of what two arms report
(:mod:`~synmodel.planning.moments`), power (:mod:`~synmodel.planning.power`), information and the search for days
(:mod:`~synmodel.planning.information`, :mod:`~synmodel.planning.days`), cost (:mod:`~synmodel.planning.cost`).
"""

from synmodel.planning.aim import CANDIDATE_DAYS, Aim, Limits
from synmodel.planning.cost import Costs
from synmodel.planning.days import best_days
from synmodel.planning.effects import StatedEffect
from synmodel.planning.plan import Design, design

__all__ = ["CANDIDATE_DAYS", "Aim", "Costs", "Design", "Limits", "StatedEffect", "best_days", "design"]
