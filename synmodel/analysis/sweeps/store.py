"""The result of a sweep on disk: one labelled Dataset, written chunk by chunk.

Variables have the dims of the cells, then ``point``; before it quantiles have ``quantile``, and exact expectations of a
posterior ``draw``. The Zarr store (format 2, consolidated) is written to a hidden folder and moved into place, so it is
there whole or not at all; netCDF is made from it.
"""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.sweeps.journal import Journal
from synmodel.analysis.sweeps.plan import Plan
from synmodel.analysis.sweeps.work import ROWS, arms_of
from synmodel.core import manifest, netcdf
from synmodel.core.errors import SweepError
from synmodel.core.plain import Json
from synmodel.library.provenance import provenance

__all__ = ["NETCDF", "ZARR", "assemble", "frame", "open_result", "to_netcdf"]

ZARR, NETCDF = "sweep.zarr", "sweep.nc"
_CHUNK_CELLS = 4096
_NAMED_FAILURES = 20
_WHOSE = {"": "", "control_": ", control", "contrast_": ", cell minus control replicate by replicate"}
_OF_DRAWS = {"": "", "control_": ", control", "contrast_": ", cell minus control"}
_WHAT = {
    "known": "replicates in which the statistic is known",
    "mean": "mean over replicates",
    "variance": "variance over replicates",
    "quantiles": "quantiles over replicates",
}


def assemble(plan: Plan, journal: Journal, out: Path) -> None:
    """Write the Zarr store from a journal in which every piece is done.

    Raises
    ------
    SweepError
        If no cell could be simulated.
    """
    import zarr

    part = out / f".{ZARR}.part"
    shutil.rmtree(part, ignore_errors=True)
    chunk = _chunk(plan.shape, 1 if plan.draws is None else len(plan.draws))
    reasons: list[str] = []
    n_failed = 0
    frame(plan).to_zarr(part, zarr_format=2, consolidated=False)
    group = zarr.open_group(part, mode="a", zarr_format=2)
    arrays = {
        name: group.create_array(
            name,
            shape=shape,
            chunks=(*chunk, *shape[len(chunk) :]),
            dtype=dtype,
            fill_value=math.nan if dtype == "f8" else None,
            attributes={"_ARRAY_DIMENSIONS": list(dims), "units": "1", "long_name": meaning},
        )
        for name, (dims, shape, dtype, meaning) in _variables(plan).items()
    }
    for first, end, region in _regions(plan.shape, chunk):
        cells, whys = zip(*journal.cells(first, end), strict=True)
        shape = tuple(part.stop - part.start for part in region)
        for name, block in _blocks(plan, np.stack(cells), whys).items():
            arrays[name][region] = block.reshape(*shape, *block.shape[1:])
        failures = [f"cell {first + k}: {why}" for k, why in enumerate(whys) if why]
        n_failed += len(failures)
        reasons += failures[: _NAMED_FAILURES - len(reasons)]
    if n_failed == plan.n_cell:
        shutil.rmtree(part, ignore_errors=True)
        message = f"sweep: no cell can be simulated; {reasons[0]}"
        raise SweepError(message)
    group.attrs.update({"failed_cells": n_failed, "failures": json.dumps(reasons)})
    zarr.consolidate_metadata(part, zarr_format=2)
    part.replace(out / ZARR)
    manifest.note(out, [ZARR])


def open_result(path: Path) -> xr.Dataset:
    """The result in a folder, read when it is needed.

    Raises
    ------
    ManifestError
        If it is not as it was written.
    SweepError
        If nothing says how it was written, and it cannot be read.
    """
    manifest.check(path, [ZARR, NETCDF])
    name = ZARR if (path / ZARR).exists() else NETCDF
    try:
        if name == ZARR:
            return xr.open_zarr(path / ZARR, chunks=None, consolidated=True)
        return xr.open_dataset(path / NETCDF, engine="h5netcdf")
    except Exception as fault:  # both libraries let many errors of broken files through
        why = " ".join(str(fault).split())[:200]
        message = f"sweep: cannot read {path / name} ({why}); delete it and run the sweep again"
        raise SweepError(message) from fault


def to_netcdf(out: Path) -> None:
    """Turn the Zarr store into one netCDF file."""
    part = out / f".{NETCDF}"
    with open_result(out) as dataset:
        bare = dataset.drop_encoding()
        netcdf.write(bare, part)
    part.replace(out / NETCDF)
    manifest.note(out, [NETCDF])
    done = out / f".{ZARR}.part"  # at once, so that no half of a store is ever found under its name
    shutil.rmtree(done, ignore_errors=True)
    (out / ZARR).replace(done)
    shutil.rmtree(done)
    manifest.note(out, [])


def frame(plan: Plan) -> xr.Dataset:
    """Coordinates and attributes of the result of a plan."""
    points = plan.points
    text = np.array([point.quantity for point in points])
    coordinates: dict[str, Any] = {
        "scenario": ("scenario", np.array([scenario.name for scenario in plan.scenarios])),
        "quantity": ("point", text, {"long_name": "statistic of a simulated experiment"}),
        "start_day": ("point", [p.start_day for p in points], {"units": "day", "long_name": "start of the interval"}),
        "end_day": ("point", [p.end_day for p in points], {"units": "day", "long_name": "end of the interval"}),
    }
    if plan.draws is not None:
        about = {"units": "1", "long_name": "draw of the posterior, the same parameters in all cells"}
        coordinates["draw"] = ("draw", np.arange(len(plan.draws)), about)
    elif not plan.exact:
        coordinates["quantile"] = ("quantile", np.array(plan.quantiles, float), {"units": "1", "long_name": "level"})
    for factor in plan.design.factors:
        about = {"units": factor.units, "long_name": factor.long_name, "path": factor.path}
        if plan.design.kind == "grid":
            coordinates[factor.name] = (factor.name, np.array(factor.labels), about)
        else:
            coordinates[factor.name] = (plan.design.dims, np.array(factor.labels).reshape(plan.design.shape), about)
    if plan.design.kind == "saltelli":
        coordinates["matrix"] = ("matrix", np.array(["A", "B", *(factor.name for factor in plan.design.factors)]))
    attributes = {
        **provenance(seed=plan.seed, scenario=plan.digest, parameters="" if plan.base is None else plan.base.digest()),
        "sweep": plan.name,
        "design": plan.design.kind,
        **_observed(plan),
        "control": plan.control if isinstance(plan.control, str) else json.dumps(dict(plan.control)),
    }
    return xr.Dataset(coords=coordinates, attrs=attributes)


def _observed(plan: Plan) -> Json:
    """Attributes that say how a cell was observed."""
    if not plan.exact:
        return {"replicates": plan.replicates}
    if plan.draws is None:
        return {"observe": "expected"}
    return {"observe": "expected", "draws": len(plan.draws), "draws_digest": plan.draws.digest}


def _variables(plan: Plan) -> dict[str, tuple[tuple[str, ...], tuple[int, ...], str, str]]:
    """Dims, shape, type and meaning of every variable."""
    dims, shape, n_point = plan.dims, plan.shape, len(plan.points)
    found: dict[str, tuple[tuple[str, ...], tuple[int, ...], str, str]] = {
        "failed": (dims, shape, "i1", "1 where the simulator cannot run the cell, see the attribute failures")
    }
    if plan.exact:
        of_draws = [] if plan.draws is None else [("draw", len(plan.draws))]
        more_dims, more_shape = zip(*of_draws, ("point", n_point), strict=True)
        for arm in arms_of(plan):
            what = "exact expectation" + _OF_DRAWS[arm]
            found[f"{arm}mean"] = ((*dims, *more_dims), (*shape, *more_shape), "f8", what)
        return found
    for arm in arms_of(plan):
        for name, what in _WHAT.items():
            if name == "quantiles":
                if plan.quantiles:
                    more = ("quantile", "point"), (len(plan.quantiles), n_point)
                    found[arm + name] = ((*dims, *more[0]), (*shape, *more[1]), "f8", what + _WHOSE[arm])
                continue
            dtype = "i8" if name == "known" else "f8"
            found[arm + name] = ((*dims, "point"), (*shape, n_point), dtype, what + _WHOSE[arm])
    return found


def _blocks(plan: Plan, cells: NDArray[np.float64], whys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Variables of a run of cells from their summaries (cell, arm, row, point)."""
    failed = np.array([bool(why) for why in whys])
    cells[failed] = np.nan
    found: dict[str, NDArray[Any]] = {"failed": failed.astype("i1")}
    for number, arm in enumerate(arms_of(plan)):
        rows = cells[:, number]
        if plan.exact:
            found[arm + "mean"] = rows[:, 0] if plan.draws is None else rows
            continue
        n = np.where(failed[:, None], 0.0, rows[:, 0])
        found[arm + "known"] = n.astype("i8")
        found[arm + "mean"] = rows[:, 1]
        found[arm + "variance"] = np.divide(rows[:, 2], n - 1, out=np.full_like(n, np.nan), where=n > 1)
        if plan.quantiles:
            found[arm + "quantiles"] = rows[:, ROWS:]
    return found


def _chunk(shape: tuple[int, ...], draws: int = 1) -> tuple[int, ...]:
    """Chunks of cells that follow each other in C order: last dims whole, the one before cut, others one by one."""
    left, chunk = max(1, _CHUNK_CELLS // draws), []
    for size in reversed(shape):
        here = min(size, max(1, left))
        chunk.append(here)
        left = left // size if here == size else 0
    return tuple(reversed(chunk))


def _regions(shape: tuple[int, ...], chunk: tuple[int, ...]) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """First and last cell of every chunk, and its place."""
    counts = [-(-size // step) for size, step in zip(shape, chunk, strict=True)]
    for place in np.ndindex(*counts):
        region = tuple(
            slice(k * step, min((k + 1) * step, size)) for k, step, size in zip(place, chunk, shape, strict=True)
        )
        first = int(np.ravel_multi_index([part.start for part in region], shape))
        yield first, first + math.prod(part.stop - part.start for part in region), region
