"""Turnover of spines on a dendrite: model, exact moments and exact simulation."""

from typing import TYPE_CHECKING

from synmodel.core.renamed import class_of_before
from synmodel.turnover.interaction import Interaction
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.moments import covariance, moments, survival
from synmodel.turnover.propagation import Propagation, propagate
from synmodel.turnover.settings import Acting, Method, Size
from synmodel.turnover.simulator import simulate
from synmodel.turnover.size import EliminationBySize, HeadWidth
from synmodel.turnover.spines import Coupling, joined, present_widths, trace, trace_coupled, trace_sessions

__all__ = [
    "Acting",
    "Coupling",
    "EliminationBySize",
    "HeadWidth",
    "Interaction",
    "Method",
    "Propagation",
    "Size",
    "TurnoverModel",
    "covariance",
    "joined",
    "moments",
    "present_widths",
    "propagate",
    "simulate",
    "survival",
    "trace",
    "trace_coupled",
    "trace_sessions",
]

if not TYPE_CHECKING:  # which knows the words of today alone
    __getattr__ = class_of_before(__name__)
