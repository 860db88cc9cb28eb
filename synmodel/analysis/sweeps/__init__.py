"""Sweeps: scenarios over grids, samples or tables of parameters and scenario fields, simulated or exact, resumably.

::

    plan (what) -> cells -> pieces of replicates -> journal -> one Dataset (Zarr or netCDF) -> Sobol indices

Every cell shares the draws of every other, so that cells differ only by what was varied. With ``observe = "expected"``
a cell is its exact expectation, at each draw of a posterior if there is one, in place of pieces of replicates.
"""

from typing import TYPE_CHECKING

from synmodel.core.module_names import on_first_use

if TYPE_CHECKING:
    from synmodel.analysis.sweeps.designs import Range, RangeSample
    from synmodel.analysis.sweeps.draws import Draws, draws_digest, draws_of
    from synmodel.analysis.sweeps.expected import expected_cells
    from synmodel.analysis.sweeps.factors import changed
    from synmodel.analysis.sweeps.plan import Asked, Plan, load_plan, plan_of
    from synmodel.analysis.sweeps.run import open_sweep, run_plan, sweep
    from synmodel.analysis.sweeps.sobol import sobol_indices

__all__ = [
    "Asked",
    "Draws",
    "Plan",
    "Range",
    "RangeSample",
    "changed",
    "draws_digest",
    "draws_of",
    "expected_cells",
    "load_plan",
    "open_sweep",
    "plan_of",
    "run_plan",
    "sobol_indices",
    "sweep",
]


if not TYPE_CHECKING:  # which knows the modules by itself
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "designs": "Range RangeSample",
            "draws": "Draws draws_digest draws_of",
            "expected": "expected_cells",
            "factors": "changed",
            "plan": "Asked Plan load_plan plan_of",
            "run": "open_sweep run_plan sweep",
            "sobol": "sobol_indices",
        },
    )
