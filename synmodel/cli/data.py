"""The ``data`` verbs of the command line: check and convert files of laboratories."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synmodel.cli.option import in_place_of
from synmodel.cli.output import print_json

if TYPE_CHECKING:
    from synmodel.data import Reading, ReadingOptions

__all__ = ["app", "convert", "with_reading"]

app = typer.Typer(no_args_is_help=True, help="Read observations of spines from tables, with an audit of each file.")

Files = Annotated[
    list[Path],
    typer.Argument(help="Table (.csv, .tsv, .xlsx); or together: workbooks of one deposit, wide tables of one study."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


_READING = {
    "form": Annotated[str | None, typer.Option("--form", help="Form of the table; by default told from its columns.")],
    "columns": Annotated[Path | None, typer.Option(help='TOML file with [columns] canonical = "name in the file".')],
    "most_spines": Annotated[
        int | None, typer.Option(help="Most spines of one dendrite, where only fractions are given.")
    ],
    "days": Annotated[
        str | None, typer.Option(help="Days of sessions since the first dose: T0=-3,T1=1 by name, or -3,1 in order.")
    ],
    "dose_date": Annotated[
        str | None, typer.Option(help="Date of the first dose (2024-03-10), where sessions are dates.")
    ],
    "sheet": Annotated[str | None, typer.Option(help="Sheet of a workbook.")],
    "mouse": Annotated[str | None, typer.Option(help="Name of the mouse, where the file has no column for it.")],
}
"""Options of all verbs that read files of laboratories, in their order."""


def _options_of(most_spines: int | None = None, **given: Any) -> "ReadingOptions":
    from synmodel.data import ReadingOptions
    from synmodel.data.options import MOST_SPINES

    return ReadingOptions(most_spines=MOST_SPINES if most_spines is None else most_spines, **given)


def with_reading(
    *left_out: str, columns: object = _READING["columns"]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb whose ``reading`` is how files are to be read: with the options that say it.

    Parameters
    ----------
    *left_out : str
        Options that the verb does not have.
    columns : object, optional
        Annotation of ``--columns`` where its help differs.
    """
    options = {**_READING, "columns": columns}
    return in_place_of("reading", {name: options[name] for name in options if name not in left_out}, _options_of)


@app.command()
@with_reading()
def check(
    files: Files,
    *,
    reading: "ReadingOptions",
    as_json: AsJson = False,
) -> None:
    """Audit a file: how it is read, and what in it is inconsistent. Exit status 2 when it cannot be used."""
    found = _read(files, reading)
    if as_json:
        print_json(found.document())
    else:
        _print_audit(found, every=True)


@with_reading()
def convert(
    files: Files,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("synmodel-data"),
    *,
    reading: "ReadingOptions",
    as_json: AsJson = False,
) -> None:
    """Write a file as Observations (netCDF), presence of spines where it has them, and its audit (JSON)."""
    from synmodel.report import files as results

    found = _read(files, reading)
    document = found.document()
    written = ["observations.nc", "audit.json"]
    with results.folder(out) as folder:
        results.save_dataset(found.observations, folder / "observations.nc")
        if found.presence is not None:
            results.save_dataset(found.presence, folder / "presence.nc")
            written.insert(1, "presence.nc")
        (folder / "audit.json").write_text(results.to_json(document), encoding="utf-8")
    if as_json:
        print_json(document)
    else:
        _print_audit(found, every=False)
        sys.stdout.write(f"Written to {out}: {', '.join(written)}\n")


@app.command()
def schema() -> None:
    """Print the JSON schema of the table with one row per spine and session."""
    from synmodel.data.presence import long_table_schema

    print_json(long_table_schema())


def _read(files: list[Path], options: "ReadingOptions") -> "Reading":
    from synmodel.data import read_observations

    return read_observations(files[0] if len(files) == 1 else files, options=options)


def _print_audit(reading: "Reading", *, every: bool) -> None:
    from synmodel.data.audit import ADVICE, KINDS
    from synmodel.data.usage import dendrites_used

    audit, sizes = reading.audit, reading.observations.sizes
    counts = int(reading.observations["spine_count"].notnull().any("session").sum())
    total, used = dendrites_used(reading.observations, reading.presence)
    sys.stdout.write(
        f"form {reading.form}: {audit.rows} rows, {sizes['animal']} animals, {total} dendrites "
        f"({counts} with counts, {used} used), {sizes['session']} sessions\n"
    )
    for note in audit.notes:
        sys.stdout.write(f"note: {note}\n")
    for kind, number in audit.tally().items():
        sys.stdout.write(f"{number:6d}  {kind}: {KINDS[kind]}\n        to do: {ADVICE[kind]}\n")
    if not audit.problems:
        sys.stdout.write("nothing inconsistent was found\n")
    for line in audit.lines() if every else ():
        sys.stdout.write(f"{line}\n")
