"""Names of modules: those of before the rooms, and those of a room's modules on first use.

The modules once stood side by side, as ``synmodel.errors`` or ``synmodel.sweeps.store``. They are found under these
names too, as the very same objects: what was written, pickled or patched by an old name stays true.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

__all__ = ["earlier_names", "listen", "on_first_use", "present_name"]

_ROOMS = {
    "core": "code_cache compiled documents errors exponentials gamma grid intake manifest netcdf private randomness "
    "schema",
    "library": "drug_numbers evidence own_entries parameters provenance targets",
    "scenario": "conditions scenario_turnover scenario_values scenario_variability",
    "simulation": "assays checking courses mechanism population subjects tissue",
    "analysis": "arms caveats checked_library claims comparison contrasts embedded following intervals lineup "
    "measuring own_arms planning repeats responses simulated sweeps workflows",
    "inference.summaries": "chains coordinates covariance density drives estimate evidence folders hierarchy joint "
    "prediction problem readings summary_fit targets twitch_profile twitch_terms twitches validation verdicts",
    "inference.dendrites": "arms by_simulation calibration effects laplace maximum posterior predictive priors "
    "repartition selection terms",
    "inference.conventional": "estimation expected_differences measured mixed_models",
    "report": "explorer exporting tidy",
    "cli": "cli_compare cli_data cli_dendrites cli_design cli_end cli_explore cli_export cli_joint cli_library cli_log "
    "cli_measure cli_new cli_option cli_output cli_plot cli_report cli_simulate cli_tables cli_version",
}
"""Where the modules of before went, which stood one level higher; ``cli_data`` is now ``cli.data``."""
_PRESENT = {
    ".".join(["synmodel", *room.split(".")[:-1], old]): f"synmodel.{room}.{old.removeprefix(f'{room}_')}"
    for room, names in _ROOMS.items()
    for old in names.split()
}


def earlier_names() -> dict[str, str]:
    """Names of before, such as ``synmodel.errors``, with those of today; a package stands for all within it."""
    return dict(_PRESENT)


def present_name(name: str) -> str:
    """The name of today of a module that is called by one of before; empty for any other.

    Parameters
    ----------
    name : str
        With all its dots, such as ``synmodel.sweeps.store``.
    """
    if name.startswith("synmodel."):
        parts = name.split(".")
        for depth in (3, 2):
            present = _PRESENT.get(".".join(parts[:depth]))
            if present:
                return ".".join([present, *parts[depth:]])
    return ""


class _EarlierNames:
    """Finder and loader that hands out the module of today; Python asks it before it looks into folders.

    It has the methods of the classes in ``importlib.abc``, whose import alone would take seven milliseconds.
    """

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        present, loader = present_name(name), cast(Any, self)
        return ModuleSpec(name, loader, origin=present) if present else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(str(spec.origin))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # Python has just named the module by its old name, and a module keeps what it was made with.
        spec: Any = module.__spec__
        module.__spec__ = spec.loader_state
        # What it has loaded is not to be found again: that would hide a function of the same name.
        for name, loaded in list(sys.modules.items()):
            if name.startswith(f"{spec.origin}."):
                sys.modules.setdefault(spec.name + name.removeprefix(spec.origin), loaded)


def listen() -> None:
    """Let Python find modules by their names of before, from now on."""
    if not any(isinstance(finder, _EarlierNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, _EarlierNames())


def on_first_use(
    room: str, homes: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for a package whose modules, and names of theirs, need no import of their own.

    Parameters
    ----------
    room : str
        ``__name__`` of the package.
    homes : mapping of str to str, optional
        Modules within the package, by their names from there, with the names that the package has from them.
    """
    modules = {name: f"{room}.{module}" for module, names in (homes or {}).items() for name in names.split()}

    def first_used(name: str) -> object:
        if name in modules:
            return getattr(import_module(modules[name]), name)
        message = f"module {room!r} has no attribute {name!r}"
        missing = AttributeError(message, name=name, obj=sys.modules[room])
        if name.startswith("_"):
            raise missing
        try:
            return import_module(f"{room}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{room}.{name}":
                raise
            raise missing from None

    def names() -> list[str]:
        return sorted({*vars(sys.modules[room]), *modules})

    return first_used, names
