"""Data: files of laboratories as Observations, studies as documents and their published group summaries."""

from typing import TYPE_CHECKING

from synmodel.core.module_names import on_first_use

if TYPE_CHECKING:
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


if not TYPE_CHECKING:  # which knows the modules by itself
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "audit": "Audit Problem",
            "options": "ReadingOptions",
            "reading": "Reading read_each read_observations",
            "regimens": "read_regimens regimens_of",
            "selection": "select",
            "studies": "Arm Study load_study",
            "summaries": "load_summaries",
            "usage": "dendrites_used",
        },
    )
