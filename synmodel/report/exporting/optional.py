"""Libraries of the extra ``export``, imported when they are needed."""

import importlib
from types import ModuleType

from synmodel.core.errors import SynmodelError

__all__ = ["library_of"]

_PACKAGES = {
    "libsbml": "python-libsbml",
    "libsedml": "python-libsedml",
    "libcombine": "python-libcombine",
    "petab": "petab",
}


def library_of(module: str) -> ModuleType:
    """A module of the extra.

    Raises
    ------
    SynmodelError
        One line that says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as fault:
        package = _PACKAGES[module.partition(".")[0]]
        message = f"this export needs {package}; install it with: pip install 'synmodel[export]'"
        raise SynmodelError(message) from fault
