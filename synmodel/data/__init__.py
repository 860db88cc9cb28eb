"""Data: studies as documents and their published group summaries."""

from synmodel.data.studies import Arm, Study, load_study
from synmodel.data.summaries import load_summaries

__all__ = ["Arm", "Study", "load_study", "load_summaries"]
