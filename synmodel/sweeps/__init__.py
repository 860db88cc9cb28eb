"""Sweeps: simulate scenarios over grids, samples or tables of parameters and scenario fields, resumably.

::

    plan (what) -> cells -> pieces of replicates -> journal -> one Dataset (Zarr or netCDF) -> Sobol indices

Every cell shares the draws of every other, so that cells differ only by what was varied.
"""

from synmodel.sweeps.designs import Range, RangeSample
from synmodel.sweeps.expected import draws_digest, expected_cells
from synmodel.sweeps.factors import changed
from synmodel.sweeps.plan import Plan, load_plan, plan_of
from synmodel.sweeps.run import open_sweep, run_plan, sweep
from synmodel.sweeps.sobol import sobol_indices

__all__ = [
    "Plan",
    "Range",
    "RangeSample",
    "changed",
    "draws_digest",
    "expected_cells",
    "load_plan",
    "open_sweep",
    "plan_of",
    "run_plan",
    "sobol_indices",
    "sweep",
]
