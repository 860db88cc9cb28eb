"""Turnover of spines on a dendrite: model, exact moments and exact simulation."""

from synmodel.turnover.interaction import Interaction
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.moments import covariance, moments, survival
from synmodel.turnover.propagation import Propagation, propagate
from synmodel.turnover.simulator import simulate
from synmodel.turnover.size import EliminationBySize, HeadWidth
from synmodel.turnover.spines import Coupling, joined, trace, trace_coupled, trace_sessions

__all__ = [
    "Coupling",
    "EliminationBySize",
    "HeadWidth",
    "Interaction",
    "Propagation",
    "TurnoverModel",
    "covariance",
    "joined",
    "moments",
    "propagate",
    "simulate",
    "survival",
    "trace",
    "trace_coupled",
    "trace_sessions",
]
