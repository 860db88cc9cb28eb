"""Files of a result: all of them or none.

Everything is written to a hidden folder beside its destination and moved there at the end, so an interrupted or
failed run leaves nothing half-written.
"""

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from synmodel.errors import SynmodelError

__all__ = ["OutputError", "folder", "save_dataset", "to_json"]


class OutputError(SynmodelError):
    """The results cannot be written where they should go."""


@contextmanager
def folder(destination: Path) -> Iterator[Path]:
    """A folder to write into, whose files move to ``destination`` when the block ends without an error.

    Raises
    ------
    OutputError
        If the destination is a file, or cannot be made or written.
    """
    if destination.exists() and not destination.is_dir():
        message = f"--out is {destination}, which is a file; give a folder"
        raise OutputError(message)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
    except OSError as fault:
        message = f"--out is {destination}, which cannot be made: {fault.strerror}; give another folder"
        raise OutputError(message) from fault
    try:
        yield part
        destination.mkdir(exist_ok=True)
        for path in sorted(part.iterdir()):
            path.replace(destination / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def to_json(document: Any) -> str:
    """JSON text; NaN and infinities, which JSON has not, become null."""
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def save_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Write netCDF-4."""
    dataset.to_netcdf(path, engine="h5netcdf")
