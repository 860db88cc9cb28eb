"""Imaging: what a two-photon microscope and its scorer report of the spines that are there."""

from synmodel.imaging.detection import Scoring, observe
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.imaging.summary import between_arms, summarise

__all__ = ["Expected", "Scoring", "between_arms", "expected_statistics", "observe", "summarise"]
