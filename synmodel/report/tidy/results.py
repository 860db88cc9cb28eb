"""Which files of a folder are results, and what tables they make."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import xarray as xr

from synmodel.core import manifest, netcdf
from synmodel.core.errors import DataError
from synmodel.core.intake import DOCUMENT_BYTES, content_of
from synmodel.report.tidy.frames import Table, of_document, of_tree
from synmodel.report.tidy.writers import COLUMNS, FORMATS, write

__all__ = ["convert", "listed", "results_in", "tables_of", "write_tables"]

_SUFFIXES = (".nc", ".zarr", ".json")


def results_in(folder: Path) -> list[Path]:
    """The result files of a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and not path.name.startswith("."))


def tables_of(path: Path) -> list[Table]:
    """The tables of one result: netCDF with or without groups, Zarr, or JSON.

    Raises
    ------
    DataError
        One line, for a file that is none of these.
    """
    try:
        if path.suffix == ".json":
            document = json.loads(content_of(path, DOCUMENT_BYTES))
            return of_document(document if isinstance(document, dict) else {"entries": document}, path.stem)
        if path.suffix == ".zarr":
            with xr.open_zarr(path, consolidated=None) as dataset:
                return of_tree(xr.DataTree(dataset.load()), path.stem)
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return of_tree(tree.load(), path.stem)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as fault:
        not_text = isinstance(fault, UnicodeDecodeError)
        reason = "it is no text in UTF-8" if not_text else netcdf.why_not_read(fault)
        message = f"cannot read {path} as a result ({reason}); give netCDF, Zarr or JSON, or a folder of such files"
        raise DataError(message) from fault


def write_tables(paths: Iterable[Path], folder: Path, form: str) -> list[str]:
    """Write the tables of results into a folder; names of the files, the table of columns last.

    A document and a Dataset of one name, as a comparison has, are one result: their tables are in one workbook.
    """
    results: dict[str, dict[str, Table]] = {}
    for path in paths:
        tables = results.setdefault(path.stem, {})
        for table in tables_of(path):
            name, number = table.name, 1
            while name in tables:
                number += 1
                name = f"{table.name}.{number}"
            tables[name] = table._replace(name=name)
    return write([list(tables.values()) for tables in results.values()], folder, form)


def convert(source: Path, folder: Path, form: str) -> list[str]:
    """Write the tables of a result, or of all results in a folder.

    Raises
    ------
    DataError
        If there is nothing to convert, or it cannot be read.
    ManifestError
        If a result is not as it was written.
    """
    if not source.exists():
        message = f"{source} is not there; give a result of synmodel, or a folder of results"
        raise DataError(message)
    paths = results_in(source) if source.is_dir() and source.suffix != ".zarr" else [source]
    if not paths:
        message = f"{source} holds no result ({', '.join(_SUFFIXES)}); give a folder that a command has written"
        raise DataError(message)
    manifest.check(paths[0].parent, [path.name for path in paths])
    written = write_tables(paths, folder, form)
    if not written:
        message = f"{source} holds no numbers to make a table of"
        raise DataError(message)
    return written


def listed(folder: Path) -> list[str]:
    """Names of the tables that a folder says it holds, and of the table that says so."""
    try:
        names = pd.read_csv(folder / COLUMNS, dtype=str)["file"].dropna().unique().tolist()
    except (OSError, ValueError, KeyError):
        return []
    suffixes = tuple(f".{form}" for form in FORMATS)
    return [name for name in [*names, COLUMNS] if name == Path(name).name and name.endswith(suffixes)]
