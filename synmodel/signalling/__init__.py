"""Signalling: Exposure becomes Drive, through mechanism or by a phenomenological pulse."""

from synmodel.signalling.arrows import NEUTRAL, Arrows, arrows_of, corners
from synmodel.signalling.cascade import drive_of_engaged, mechanistic_drive, signalling_states
from synmodel.signalling.phenomenology import phenomenological_drive

__all__ = [
    "NEUTRAL",
    "Arrows",
    "arrows_of",
    "corners",
    "drive_of_engaged",
    "mechanistic_drive",
    "phenomenological_drive",
    "signalling_states",
]
