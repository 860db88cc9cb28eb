"""Results as tables: the verb ``convert``, and ``--format`` of every verb that writes a result."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from synmodel.cli.joint import Out
from synmodel.cli.loading import without_units
from synmodel.cli.option import with_option

__all__ = ["TableFormat", "convert", "with_tables"]


class TableFormat(StrEnum):
    """Formats of tables."""

    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"


def convert(
    result: Annotated[Path, typer.Argument(help="Result (netCDF, Zarr, JSON), or a folder of results.")],
    form: Annotated[TableFormat, typer.Option("--format", help="Format of the tables.")] = TableFormat.CSV,
    out: Out = Path("synmodel-convert"),
) -> None:
    """Write results as tables with one row per point; units of columns are in columns.csv."""
    from synmodel.report import files, tidy

    tidy.demand(form.value)
    files.check(out, [])
    with files.folder(out) as folder:
        written = tidy.convert(result, folder, form.value)
    sys.stdout.write(f"Written to {out}: {', '.join(written)}\n")


def with_tables(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb that writes a result, with the option ``--format``."""

    def run(*, table_format: TableFormat | None = None, **given: object) -> None:
        _run_with_tables(verb, None if table_format is None else table_format.value, given)

    option = typer.Option("--format", help="Also write the results as tables, see `synmodel convert`.")
    return with_option(verb, run, "table_format", None, Annotated[TableFormat | None, option])


def _run_with_tables(verb: Callable[..., None], form: str | None, options: dict[str, Any]) -> None:
    """Run a verb; its results are written with their tables, all or none, and tables of an earlier run go."""
    from synmodel.core import manifest

    without_units()
    from synmodel.report import files, tidy

    if form is not None:
        tidy.demand(form)
    written: list[str] = []
    places: set[Path] = set()

    def complete(folder: Path, destination: Path) -> None:
        places.add(destination)
        if form is not None:
            # A sweep is written where it stays while it runs.
            sweeps = [path for path in (destination / "sweep.zarr", destination / "sweep.nc") if path.exists()]
            written.extend(tidy.write_tables([*tidy.results_in(folder), *sweeps], folder, form))
        stale[destination] = tidy.listed(destination)

    stale: dict[Path, list[str]] = {}
    with files.completed(complete):
        verb(**options)
    if form is not None and not places:  # a verb that writes its files one by one, as it may go on where it was stopped
        out = options["out"]
        with files.folder(out) as folder:
            stale[out] = tidy.listed(out)
            written.extend(tidy.convert(out, folder, form))
    for place, names in stale.items():
        gone = set(names) - set(written)
        for name in gone:
            (place / name).unlink(missing_ok=True)
        if gone:
            manifest.note(place, [])
    if form is not None and not options.get("as_json"):
        sys.stdout.write(f"Tables: {', '.join(written)}\n")
