"""netCDF files, written only where there is room for them.

The library below xarray ends the whole process where a disk is full in the middle of a file. So the room is looked at
first, and too little of it is an ordinary error of the system. What it says of a file that is none is put in plain
words.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import xarray as xr

__all__ = ["why_not_read", "write"]

_OVERHEAD_BYTES = 128 * 1024
_MARGIN = 1.05


def why_not_read(fault: Exception) -> str:
    """What keeps a file from being read as netCDF, in one line, from the error of the library below."""
    if isinstance(fault, OSError) and "file signature not found" in str(fault):
        return "it is no netCDF file"
    return " ".join(str(fault).split())[:200]


def write(content: xr.Dataset | xr.DataTree, path: Path, **options: Any) -> None:
    """Write netCDF-4.

    Parameters
    ----------
    content : Dataset or DataTree
    path : Path
    **options
        Of ``to_netcdf``.

    Raises
    ------
    OSError
        If the file cannot be written; ``ENOSPC`` before anything is, if there is too little room.
    """
    needed = _MARGIN * content.nbytes + _OVERHEAD_BYTES
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    content.to_netcdf(path, engine="h5netcdf", **options)
