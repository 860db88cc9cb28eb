"""Signalling: Exposure becomes Drive, through mechanism or by a phenomenological pulse."""

from synmodel.signalling.arrows import NEUTRAL, Arrows, arrows_of, corners
from synmodel.signalling.cascade import cascade_folds, mechanistic_drive, signalling_states
from synmodel.signalling.folds import drive_of_folds
from synmodel.signalling.phenomenology import phenomenological_drive, phenomenological_folds

__all__ = [
    "NEUTRAL",
    "Arrows",
    "arrows_of",
    "cascade_folds",
    "corners",
    "drive_of_folds",
    "mechanistic_drive",
    "phenomenological_drive",
    "phenomenological_folds",
    "signalling_states",
]
