"""Signalling: Exposure becomes Drive, through mechanism or by a phenomenological pulse."""

from synmodel.signalling.cascade import mechanistic_drive, signalling_states
from synmodel.signalling.phenomenology import phenomenological_drive

__all__ = ["mechanistic_drive", "phenomenological_drive", "signalling_states"]
