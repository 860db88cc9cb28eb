"""The ``data`` verbs of the command line: check and convert files of laboratories."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synmodel.data import Reading

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Read observations of spines from tables, with an audit of each file.")

Files = Annotated[list[Path], typer.Argument(help="Table (.csv, .tsv, .xlsx), or workbooks of one deposit together.")]
FormName = Annotated[str | None, typer.Option("--form", help="Form of the table; by default told from its columns.")]
Columns = Annotated[Path | None, typer.Option(help='TOML file with [columns] canonical = "name in the file".')]
MostSpines = Annotated[int | None, typer.Option(help="Most spines of one dendrite, where only fractions are given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command()
def check(
    files: Files,
    form: FormName = None,
    columns: Columns = None,
    most_spines: MostSpines = None,
    as_json: AsJson = False,
) -> None:
    """Audit a file: what in it is inconsistent, and where. Exit status 2 when it cannot be used."""
    reading = _read(files, form, columns, most_spines)
    if as_json:
        _print_json(reading.audit.document())
    else:
        _print_audit(reading, every=True)


@app.command()
def convert(
    files: Files,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("synmodel-data"),
    form: FormName = None,
    columns: Columns = None,
    most_spines: MostSpines = None,
    as_json: AsJson = False,
) -> None:
    """Write a file as Observations (netCDF), presence of spines where it has them, and its audit (JSON)."""
    from synmodel.report import files as results

    reading = _read(files, form, columns, most_spines)
    document = reading.audit.document()
    written = ["observations.nc", "audit.json"]
    with results.folder(out) as folder:
        results.save_dataset(reading.observations, folder / "observations.nc")
        if reading.presence is not None:
            results.save_dataset(reading.presence, folder / "presence.nc")
            written.insert(1, "presence.nc")
        (folder / "audit.json").write_text(results.to_json(document))
    if as_json:
        _print_json(document)
    else:
        _print_audit(reading, every=False)
        sys.stdout.write(f"Written to {out}: {', '.join(written)}\n")


@app.command()
def schema() -> None:
    """Print the JSON schema of the table with one row per spine and session."""
    from synmodel.data.presence import long_table_schema

    _print_json(long_table_schema())


def _read(files: list[Path], form: str | None, columns: Path | None, most_spines: int | None) -> "Reading":
    from synmodel.data import read_observations
    from synmodel.data.fractions import MOST_SPINES

    path = files[0] if len(files) == 1 else files
    bound = MOST_SPINES if most_spines is None else most_spines
    return read_observations(path, form=form, columns=columns, most_spines=bound)


def _print_json(document: Any) -> None:
    from synmodel.report.files import to_json

    sys.stdout.write(to_json(document))


def _print_audit(reading: "Reading", *, every: bool) -> None:
    from synmodel.data.audit import KINDS

    audit, sizes = reading.audit, reading.observations.sizes
    counts = int(reading.observations["spine_count"].notnull().any("session").sum())
    dendrites = int((reading.observations["dendrite_label"] != "").sum())
    sys.stdout.write(
        f"form {reading.form}: {audit.rows} rows, {sizes['animal']} animals, {dendrites} dendrites "
        f"({counts} with counts), {sizes['session']} sessions\n"
    )
    for kind, number in audit.tally().items():
        sys.stdout.write(f"{number:6d}  {kind}: {KINDS[kind]}\n")
    if not audit.problems:
        sys.stdout.write("nothing inconsistent was found\n")
    if every:
        for problem in audit.problems:
            sys.stdout.write(f"{problem.kind}: {problem.where}: {problem.message}\n")
