"""Imaging: what a two-photon microscope and its scorer report of the spines that are there; and other assays."""

from synmodel.imaging.detection import Scoring, observe
from synmodel.imaging.expectation import Expected, expected_statistics
from synmodel.imaging.summary import between_arms, means, summarise

__all__ = ["Expected", "Scoring", "between_arms", "expected_statistics", "means", "observe", "summarise"]
