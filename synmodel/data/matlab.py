"""Matrices of presence in files of MATLAB: one row per spine, one column per session.

Files of MATLAB 5 to 7 and of 7.3 (HDF5) are read. The matrix is the one that holds nothing but 0, 1 and NaN, on its
own or in a structure such as ``SpineRegistry.Data`` or ``spineAnalysisData.presenceMatrix``. Such files name no
days.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import DataError
from synmodel.data import matlab_child
from synmodel.data.audit import Findings
from synmodel.data.options import SessionDays
from synmodel.data.tables import Rows

__all__ = ["read_matrix"]

_FEWEST = 2
_KNOWN = ("SpineRegistry.Data", "spineAnalysisData.presenceMatrix")
"""Where programs for tracking spines keep presence, which go before other matrices of 0 and 1."""

_SPINES = "isSpineMatrix"
_LONGEST_SECONDS = 300
_BROKEN = "it is damaged so that its reader breaks down"


def read_matrix(path: Path, given: SessionDays, findings: Findings) -> Rows:
    """Rows of a table of presence from a file of MATLAB: a heading, then one row per spine.

    Parameters
    ----------
    path : Path
        The file.
    given : SessionDays
        Days of the sessions, in their order.

    Raises
    ------
    DataError
        If the file cannot be read, holds no or several such matrices, or days are missing.
    """
    found = {name: matrix for name, matrix in _matrices(path) if _is_presence(matrix)}
    chosen = [name for name in _KNOWN if name in found] or list(found)
    if not chosen:
        message = f"{path.name} has no matrix of 0, 1 and NaN (spines by sessions); save presence as such a matrix"
        raise DataError(message)
    if len(chosen) > 1:
        message = (
            f"{path.name} has several matrices of 0, 1 and NaN: {', '.join(chosen)}; save the one of presence alone "
            "in a file"
        )
        raise DataError(message)
    matrix = _of_spines(found, chosen[0], findings)
    days = given.in_order
    if not days:
        message = (
            f"{path.name}: {chosen[0]} has {matrix.shape[1]} sessions (columns) without days; give them in order, such "
            f'as --days "{",".join(str(day) for day in range(-1, 2 * matrix.shape[1] - 1, 2))}"'
        )
        raise DataError(message)
    if len(days) != matrix.shape[1] and len(days) == matrix.shape[0]:
        findings.note(f"{chosen[0]} read with sessions in rows, as --days gives {len(days)} sessions")
        matrix = matrix.T
    if len(days) != matrix.shape[1]:
        message = (
            f"{path.name}: {chosen[0]} has {matrix.shape[1]} sessions (columns), but --days gives {len(days)}; "
            "give one day for each"
        )
        raise DataError(message)
    findings.note(f"presence from the matrix {chosen[0]}: {matrix.shape[0]} spines, {matrix.shape[1]} sessions")
    heading = ["dendrite", "spine", *(f"day_{day:.10g}" for day in days)]
    cells = [["" if np.isnan(cell) else f"{cell:g}" for cell in row] for row in matrix]
    return [heading, *([path.stem, str(i + 1), *row] for i, row in enumerate(cells))]


def _of_spines(found: Mapping[str, NDArray[np.float64]], name: str, findings: Findings) -> NDArray[np.float64]:
    """The matrix without rows of other synapses, where the file says beside it which are spines."""
    spines = found.get(f"{name.rpartition('.')[0]}.{_SPINES}")
    matrix = found[name]
    if spines is None or spines.shape != matrix.shape or name.endswith(_SPINES):
        return matrix
    rows = (spines == 1).any(axis=1)
    findings.note(f"{_SPINES}: {int(rows.sum())} of {len(rows)} synapses are spines; the others are left out")
    return matrix[rows]


def _is_presence(matrix: NDArray[np.float64]) -> bool:
    """Whether a matrix has two rows and columns or more, and nothing but 0, 1 and NaN, and some spine."""
    known = matrix[~np.isnan(matrix)]
    return min(matrix.shape) >= _FEWEST and bool(np.isin(known, (0, 1)).all() and (known == 1).any())


def _matrices(path: Path) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Name and values of every matrix of numbers, read by a process of its own, which a damaged file may end."""
    try:
        with path.open("rb"):
            pass
    except OSError as fault:
        message = f"cannot read {path}: {fault.strerror}; give the path of a table or a .mat file"
        raise DataError(message) from fault
    command = [sys.executable, "-P", str(Path(matlab_child.__file__)), str(path.absolute())]
    own = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # its threads would take the memory that the process may have
    try:
        child = subprocess.run(command, capture_output=True, timeout=_LONGEST_SECONDS, check=False, env=own)
    except OSError as fault:
        raise _refusal(path, f"no process to read it: {fault.strerror}") from fault
    except subprocess.TimeoutExpired as fault:
        raise _refusal(path, f"reading it took over {_LONGEST_SECONDS} s") from fault
    if child.returncode:
        said = child.stderr.decode(errors="replace")
        raise _refusal(path, _BROKEN if child.returncode != 1 or "Traceback" in said else " ".join(said.split()))
    with np.load(BytesIO(child.stdout)) as arrays:
        names, *matrices = (arrays[each] for each in arrays.files)
    yield from zip(map(str, names), matrices, strict=True)


def _refusal(path: Path, why: str) -> DataError:
    return DataError(f"cannot read {path}: it is no file of MATLAB ({why[:200]}); save it again with save(..., '-v7')")
