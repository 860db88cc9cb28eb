"""From Datasets and documents to tables with one row per point.

The variables of a Dataset that have the same dims are one table: a row for each point of these dims, with columns for
their labels, for other coordinates, and for the variables. A document (JSON) gives a table for each of its parts: a row
for each entry that holds numbers or text, with columns ``key_1``, ``key_2``, ... for the names that lead to it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from synmodel.core.plain import Json

__all__ = ["Table", "of_dataset", "of_document", "of_tree"]

_NO_RESULT = ("provenance", "scenario")  # of a document: what a result was made with
_DAY, _UM = "_day", "_um"


class Table(NamedTuple):
    """A table; ``columns`` says for each column its unit and what it is."""

    name: str
    frame: pd.DataFrame
    columns: dict[str, tuple[str, str]]


def of_tree(tree: xr.DataTree, name: str) -> list[Table]:
    """Tables of all groups of a tree; those of a group are named by it."""
    tables: list[Table] = []
    for node in tree.subtree:
        group = node.path.strip("/").replace("/", ".")
        tables += of_dataset(node.to_dataset(inherit=False), f"{name}.{group}" if group else name)
    return tables


def of_dataset(dataset: xr.Dataset, name: str) -> list[Table]:
    """Tables of a Dataset, named by their dims where there are several."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for variable, values in dataset.data_vars.items():
        groups.setdefault(tuple(map(str, values.dims)), []).append(str(variable))
    tables = []
    for dims, variables in groups.items():
        whole = name if len(groups) == 1 else f"{name}.{'-'.join(dims) if dims else 'all'}"
        part = dataset[variables]
        if dims:
            frame = part.to_dataframe(dim_order=list(dims)).reset_index()
        else:
            frame = pd.DataFrame([{variable: part[variable].item() for variable in variables}])
        described = {
            str(column): _described(dataset[column] if column in dataset.variables else None)
            for column in frame.columns
        }
        tables.append(Table(whole, _labelled(frame), described))
    return tables


def _described(values: xr.DataArray | None) -> tuple[str, str]:
    if values is None:
        return "", "number along this dimension, from 0"
    return str(values.attrs.get("units", "")), str(values.attrs.get("long_name", ""))


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text for bytes, and names of columns as text."""
    frame.columns = frame.columns.map(str)
    for column in frame.columns:
        if frame[column].dtype == object:
            frame[column] = frame[column].map(lambda each: each.decode() if isinstance(each, bytes) else each)
    return frame


def of_document(document: Json, name: str) -> list[Table]:
    """Tables of a document; of a part whose entries lie at several depths, one for each."""
    rows: dict[tuple[str, int], list[Json]] = {}
    for path, entry in _entries({key: part for key, part in document.items() if key not in _NO_RESULT}, ()):
        top = path[0] if path else ""
        keys = {f"key_{place}": key for place, key in enumerate(path[1:], start=1)}
        rows.setdefault((top, len(path)), []).append(keys | entry)
    tables = []
    for (top, depth), entries in rows.items():
        deepest = [other for each, other in rows if each == top]
        parts = [name, *([top] if top else []), *([str(deepest.index(depth) + 1)] if len(deepest) > 1 else [])]
        frame = pd.DataFrame(entries)
        tables.append(Table(".".join(parts), frame, {str(column): _guessed(str(column)) for column in frame}))
    return tables


def _guessed(column: str) -> tuple[str, str]:
    unit = "day" if column.endswith(_DAY) or column == "day" else "um" if column.endswith(_UM) else ""
    if column.startswith("key_"):
        return "", "name under which the entry stands in the document"
    return unit, "row of a list, from 0" if column == "row" else ""


def _entries(part: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Path and scalar fields of every entry of a document that has any."""
    if isinstance(part, Mapping):
        scalars = {str(key): value for key, value in part.items() if _is_scalar(value)}
        if scalars:
            yield path, scalars
        for key, value in part.items():
            if not _is_scalar(value):
                yield from _entries(value, (*path, str(key)))
        return
    for row, value in enumerate(part):
        if _is_scalar(value):
            yield path, {"row": row, "value": value}
        elif isinstance(value, Mapping):
            scalars = {str(key): each for key, each in value.items() if _is_scalar(each)}
            if scalars:
                yield path, {"row": row, **scalars}
            for key, each in value.items():
                if not _is_scalar(each):
                    yield from _entries(each, (*path, str(row), str(key)))
        else:
            yield from _entries(value, (*path, str(row)))


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
