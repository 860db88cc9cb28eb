"""Questions asked of the model and its fit: comparisons, sweeps, plans of studies, what to measure next, claims."""

from typing import TYPE_CHECKING

from synmodel.core.module_names import on_first_use

if not TYPE_CHECKING:  # which knows the modules by itself
    __getattr__, __dir__ = on_first_use(__name__)
