"""Matrices of numbers in a file of MATLAB, for :mod:`synmodel.data.matlab`, which runs this in a process of its own.

A damaged file can end the process below Python: scipy's reader of MATLAB 5 files and HDF5 both trust what they read.
Run as a script with the path of the file; writes the matrices to standard output as NumPy's ``.npz``, or says on
standard error why there are none and ends with 1. Imports nothing of synmodel, so that it starts quickly.
"""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BYTES"]

MOST_BYTES = 1 << 32
"""What the process may take in memory: a small file can ask for very much."""


def _matrices(path: Path) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Name and values of every matrix of numbers in the file, in structures as ``structure.field``."""
    return _from_hdf5(path) if b"7.3" in path.read_bytes()[:128] else _from_mat5(path)


def _from_mat5(path: Path) -> Iterator[tuple[str, NDArray[np.float64]]]:
    from scipy.io import loadmat

    content = loadmat(path, squeeze_me=False, struct_as_record=True)
    for name, value in content.items():
        if not name.startswith("__"):
            yield from _walked(name, value)


def _walked(name: str, value: object) -> Iterator[tuple[str, NDArray[np.float64]]]:
    if not isinstance(value, np.ndarray):
        return
    if value.dtype.names and value.size == 1:
        for field in value.dtype.names:
            yield from _walked(f"{name}.{field}", value.reshape(-1)[0][field])
    elif value.dtype.kind in "biuf" and value.ndim == 2:
        yield name, value.astype(float)


def _from_hdf5(path: Path) -> Iterator[tuple[str, NDArray[np.float64]]]:
    import h5py

    with h5py.File(path, "r") as file:
        yield from _walked_hdf5("", file)


def _walked_hdf5(lead: str, group: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    for name, value in group.items():
        if name.startswith("#"):
            continue  # what MATLAB refers to from cells
        if hasattr(value, "items"):
            yield from _walked_hdf5(f"{lead}{name}.", value)
        elif value.dtype.kind in "biuf" and value.ndim == 2 and value.attrs.get("MATLAB_class") != b"char":
            yield lead + name, np.asarray(value, dtype=float).T  # MATLAB writes columns first


def _bounded() -> None:
    """Bound the memory of the process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MOST_BYTES if hard == resource.RLIM_INFINITY else min(MOST_BYTES, hard)
    with suppress(ValueError, OSError):  # some systems know the limit and do not set it
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _main(path: Path) -> int:
    warnings.simplefilter("ignore")
    _bounded()
    try:
        found = list(_matrices(path))
        out = BytesIO()
        names = np.array([name for name, _ in found], str)
        np.savez(out, names, *(matrix for _, matrix in found))
        sys.stdout.buffer.write(out.getvalue())
    except Exception as fault:  # both libraries let many errors of broken files through
        sys.stderr.write(" ".join(str(fault).split()) or type(fault).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
