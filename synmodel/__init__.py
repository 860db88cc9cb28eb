"""synmodel: a computational model of drug-induced synaptogenesis, and the toolkit that fits it to imaging data.

Names and the modules below are imported on first use, so ``import synmodel`` is light and yet
``synmodel.sweeps.open_sweep`` needs no import of its own.
"""

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from synmodel.core.module_names import earlier_names, listen

if TYPE_CHECKING:
    from synmodel.analysis.contrasts import compare
    from synmodel.analysis.planning import design
    from synmodel.analysis.sweeps import sobol_indices, sweep
    from synmodel.analysis.workflows import compare_drugs, fit_studies
    from synmodel.inference import fit_summaries
    from synmodel.library.parameters import ParameterSet, default_parameters
    from synmodel.scenario import Scenario
    from synmodel.scenario import load as load_scenario
    from synmodel.simulation import drive_of, simulate

_HOMES = {
    "ParameterSet": ("synmodel.library.parameters", "ParameterSet"),
    "Scenario": ("synmodel.scenario", "Scenario"),
    "compare": ("synmodel.analysis.contrasts", "compare"),
    "compare_drugs": ("synmodel.analysis.workflows", "compare_drugs"),
    "default_parameters": ("synmodel.library.parameters", "default_parameters"),
    "design": ("synmodel.analysis.planning", "design"),
    "drive_of": ("synmodel.simulation", "drive_of"),
    "fit_studies": ("synmodel.analysis.workflows", "fit_studies"),
    "fit_summaries": ("synmodel.inference", "fit_summaries"),
    "load_scenario": ("synmodel.scenario", "load"),
    "simulate": ("synmodel.simulation", "simulate"),
    "sobol_indices": ("synmodel.analysis.sweeps", "sobol_indices"),
    "sweep": ("synmodel.analysis.sweeps", "sweep"),
}

__all__ = [
    "ParameterSet",
    "Scenario",
    "compare",
    "compare_drugs",
    "default_parameters",
    "design",
    "drive_of",
    "fit_studies",
    "fit_summaries",
    "load_scenario",
    "simulate",
    "sobol_indices",
    "sweep",
]

listen()  # to names of before the rooms


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from synmodel.library.provenance import version_of_synmodel

        return version_of_synmodel()
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    if name in _modules() or f"synmodel.{name}" in earlier_names():
        return import_module(f"synmodel.{name}")
    message = f"module 'synmodel' has no attribute {name!r}"
    # With these two Python itself asks for the name that was meant.
    raise AttributeError(message, name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted({*__all__, *_modules(), "__version__"})


@cache
def _modules() -> set[str]:
    """Names of the rooms that are public: not those of the command."""
    from pkgutil import iter_modules

    return {name for _, name, _ in iter_modules(__path__)} - {"__main__", "cli"}
