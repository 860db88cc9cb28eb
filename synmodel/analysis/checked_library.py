"""All entries of one's own, read as what they are, so that a fault is told before any work starts."""

from collections.abc import Callable, Mapping

from synmodel import library
from synmodel.analysis.sweeps import load_plan
from synmodel.data import load_study
from synmodel.data.summaries import arms_seen, load_summaries
from synmodel.library.evidence import load_check
from synmodel.library.parameters import default_parameters
from synmodel.library.targets import load_target
from synmodel.pharmacology import load_compound
from synmodel.scenario import load
from synmodel.scenario.conditions import load_condition

__all__ = ["check_entries"]

_READERS: Mapping[library.Kind, Callable[[str], object]] = {
    "targets": load_target,
    "compounds": load_compound,
    "conditions": load_condition,
    "studies": load_study,
    "evidence": load_check,
    "scenarios": load,
    "sweeps": load_plan,
}
"""Kind -> what reads an entry of it; a kind comes after those that it names."""


def check_entries() -> None:
    """Read every entry of one's own that is in use.

    Raises
    ------
    SynmodelError
        With one line, for the first that is not valid.
    """
    own = library.in_use()
    for kind, read in _READERS.items():
        if kind == "studies":
            default_parameters()  # of compounds and studies, by whose names scenarios replace them
        for name in own.names(kind):
            read(name)
    for study in own.names("summaries"):
        for arm in arms_seen(study):
            load_summaries(study, arm)
