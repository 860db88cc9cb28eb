"""synmodel: a computational model of drug-induced synaptogenesis, and the toolkit that fits it to imaging data.

Names and the modules below are imported on first use, so ``import synmodel`` is light and yet
``synmodel.sweeps.open_sweep`` needs no import of its own.
"""

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synmodel.contrasts import compare
    from synmodel.inference import fit_summaries
    from synmodel.parameters import ParameterSet, default_parameters
    from synmodel.planning import design
    from synmodel.scenario import Scenario
    from synmodel.scenario import load as load_scenario
    from synmodel.simulation import drive_of, simulate
    from synmodel.sweeps import sobol_indices, sweep
    from synmodel.workflows import compare_drugs, fit_studies

_HOMES = {
    "ParameterSet": ("synmodel.parameters", "ParameterSet"),
    "Scenario": ("synmodel.scenario", "Scenario"),
    "compare": ("synmodel.contrasts", "compare"),
    "compare_drugs": ("synmodel.workflows", "compare_drugs"),
    "default_parameters": ("synmodel.parameters", "default_parameters"),
    "design": ("synmodel.planning", "design"),
    "drive_of": ("synmodel.simulation", "drive_of"),
    "fit_studies": ("synmodel.workflows", "fit_studies"),
    "fit_summaries": ("synmodel.inference", "fit_summaries"),
    "load_scenario": ("synmodel.scenario", "load"),
    "simulate": ("synmodel.simulation", "simulate"),
    "sobol_indices": ("synmodel.sweeps", "sobol_indices"),
    "sweep": ("synmodel.sweeps", "sweep"),
}

_INTERNAL = {
    "__main__",
    "code_cache",
    "compiled",
    "intake",
    "manifest",
    "netcdf",
    "private",
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


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from synmodel.provenance import version_of_synmodel

        return version_of_synmodel()
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    if name in _modules():
        return import_module(f"synmodel.{name}")
    message = f"module 'synmodel' has no attribute {name!r}"
    # With these two Python itself asks for the name that was meant.
    raise AttributeError(message, name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted({*__all__, *_modules(), "__version__"})


@cache
def _modules() -> set[str]:
    """Names of public modules: not those of the command."""
    from pkgutil import iter_modules

    return {name for _, name, _ in iter_modules(__path__) if not name.startswith("cli")} - _INTERNAL
