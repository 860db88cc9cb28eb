"""The interface between a signalling module and the shared cascade.

A module is a small frozen dataclass in a file of its own under ``signalling/modules``: its fields are its
parameters (``<prefix>.<field>`` in the parameter set), ``inputs`` the Exposure variables that it reads, and
``signals`` maps them to what the cascade takes in; a module whose inputs are not there is not asked. All signals are
excess over the drug-free steady state, so that no drug gives exactly zero. A new module is a new file and its
parameters; no other code changes.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import ClassVar, Protocol, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

__all__ = ["Module", "Signals", "all_modules", "collect"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """What modules send to the cascade, each (n_time,) and dimensionless.

    ``glutamate`` may be negative (direct block wins); ``resting_block`` drives BDNF translation, ``d1_tone``
    evoked spinogenesis, and ``trkb_gain`` multiplies the response of TrkB. ``bdnf``, ``trkb`` and ``mtorc1`` add to
    what drives these states; modules that have none leave them 0.
    """

    glutamate: Array
    resting_block: Array
    d1_tone: Array
    trkb_gain: Array
    bdnf: Array | float = 0.0
    trkb: Array | float = 0.0
    mtorc1: Array | float = 0.0

    @classmethod
    def none(cls, n_time: int) -> Self:
        """No signal at all."""
        return cls(*(np.zeros(n_time) for _ in fields(cls)))

    def with_added(self, more: Mapping[str, Array]) -> Self:
        """These signals, with more on some of them by name."""
        return replace(self, **{name: getattr(self, name) + added for name, added in more.items()})

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


class Module(Protocol):
    """A signalling module; see the modules that are there for examples."""

    prefix: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]

    def signals(self, exposure: Mapping[str, Array]) -> Signals:
        """Signals for the arrays of ``inputs``, by name."""
        ...


@cache
def all_modules() -> tuple[type[Module], ...]:
    """Every module class under ``signalling/modules``, found by its ``MODULE`` name."""
    from synmodel.signalling import modules

    names = sorted(info.name for info in pkgutil.iter_modules(modules.__path__))
    return tuple(importlib.import_module(f"{modules.__name__}.{name}").MODULE for name in names)


def collect(exposure: xr.Dataset | Mapping[str, Array], values: Mapping[str, float]) -> Signals:
    """Sum of the signals of all modules for an Exposure (or its arrays by name) and parameter values by dotted name."""
    signals, arrays = [], exposure.variables if isinstance(exposure, xr.Dataset) else exposure
    for kind in all_modules():
        if all(name in arrays for name in kind.inputs):
            signals.append(_read(kind, values).signals({name: np.asarray(arrays[name]) for name in kind.inputs}))
    total = signals[0]
    for each in signals[1:]:
        total = total + each
    return total


def _read(kind: type[Module], values: Mapping[str, float]) -> Module:
    """A module with its parameters: its fields, unless it has a ``read`` of its own."""
    if hasattr(kind, "read"):
        made: Module = kind.read(values)
        return made
    return kind(**{f.name: values[f"{kind.prefix}.{f.name}"] for f in fields(kind)})  # type: ignore[arg-type]
