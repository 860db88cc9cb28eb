"""Data: files of laboratories as Observations, studies as documents and their published group summaries."""

from synmodel.data.audit import Audit, Problem
from synmodel.data.reading import Reading, read_each, read_observations, select
from synmodel.data.studies import Arm, Study, load_study
from synmodel.data.summaries import load_summaries

__all__ = [
    "Arm",
    "Audit",
    "Problem",
    "Reading",
    "Study",
    "load_study",
    "load_summaries",
    "read_each",
    "read_observations",
    "select",
]
