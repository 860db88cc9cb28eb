"""What to measure next: which numbers carry the uncertainty of the main conclusions, and which experiments remove it.

::

    draws of the joint posterior + priors of fixed numbers -> ensemble -> conclusions and measurements, exact
        -> shares of variance (Sobol; given data) and expected reductions of variance
"""

from synmodel.analysis.measuring.conclusions import Measurable, conclusions, evaluate
from synmodel.analysis.measuring.ensemble import Ensemble, Fixed, fixed_numbers
from synmodel.analysis.measuring.experiments import Measurement, measurements
from synmodel.analysis.measuring.ranking import Ranking, rank
from synmodel.analysis.measuring.shares import expected_reduction, share_known, sobol_normal

__all__ = [
    "Ensemble",
    "Fixed",
    "Measurable",
    "Measurement",
    "Ranking",
    "conclusions",
    "evaluate",
    "expected_reduction",
    "fixed_numbers",
    "measurements",
    "rank",
    "share_known",
    "sobol_normal",
]
