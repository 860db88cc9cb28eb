"""
What the data added to the prior
================================

Dashed: what was assumed of a parameter. Filled: what is left after four studies. The time for which spines stay
protected is well known; of the level at which formation saturates the data say nothing, so both curves coincide.
"""

from synmodel.inference.summaries.joint import load_posterior
from synmodel.report.prior_figure import prior_figure, sampled_of

names = ["cascade.formation_gain", "cascade.tau_stabilisation", "serotonin.intracellular_gain", "cascade.formation_max"]
figure = prior_figure(sampled_of(load_posterior(), names, seed=1))
