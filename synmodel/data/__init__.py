"""Data: files of laboratories as Observations, studies as documents and their published group summaries."""

from synmodel.data.audit import Audit, Problem
from synmodel.data.options import ReadingOptions
from synmodel.data.reading import Reading, read_each, read_observations
from synmodel.data.regimens import read_regimens, regimens_of
from synmodel.data.selection import select
from synmodel.data.studies import Arm, Study, load_study
from synmodel.data.summaries import load_summaries
from synmodel.data.usage import dendrites_used

__all__ = [
    "Arm",
    "Audit",
    "Problem",
    "Reading",
    "ReadingOptions",
    "Study",
    "dendrites_used",
    "load_study",
    "load_summaries",
    "read_each",
    "read_observations",
    "read_regimens",
    "regimens_of",
    "select",
]
