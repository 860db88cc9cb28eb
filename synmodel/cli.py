"""The command line: thin verbs over the public functions.

Results go to stdout, progress and errors to stderr. Bad input ends with one line and exit status 2.
"""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from synmodel import library
from synmodel.errors import SynmodelError

if TYPE_CHECKING:
    from rich.table import Table


__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Drug-induced synaptogenesis: simulate spine turnover, fit it to imaging data, compare drugs.",
)

Out = Annotated[Path, typer.Option(help="Folder for the results.")]
Seed = Annotated[int, typer.Option(help="Seed of all random draws, 0 to 2**64 - 1.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
Replicates = Annotated[int, typer.Option(help="Number of simulated experiments.")]
Unit = Annotated[str, typer.Option(help="Unit of replication of the fit: mouse or dendrite.")]

_COMPARE_FILES = (
    "comparison.json", "comparison.nc", "comparison.png", "comparison.svg", "residuals.png", "residuals.svg"
)  # fmt: skip
_FIT_FILES = ("fit.json", "fit.nc", "parameters.toml", "residuals.png", "residuals.svg")
_PROFILE_FILES = ("profiles.png", "profiles.svg")
_SIMULATE_FILES = ("observations.nc", "summary.json", "scenario.toml", "simulation.png", "simulation.svg")
_BAD_INPUT = 2
_INTERRUPTED = 130
Command = TypeVar("Command", bound=Callable[..., None])


def _interruptible(command: Command) -> Command:
    """End a long command with one line when the user interrupts it."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            sys.stderr.write("synmodel: interrupted; nothing was written\n")
            sys.exit(_INTERRUPTED)

    return cast(Command, run)


@app.command()
@_interruptible
def compare(
    out: Out = Path("synmodel-compare"),
    seed: Seed = 1,
    unit: Unit = "mouse",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fit both drugs to the embedded studies and compare them: the main job."""
    from synmodel.provenance import provenance
    from synmodel.report import documents, figures, files, tables
    from synmodel.workflows import compare_drugs

    files.check(out, _COMPARE_FILES)
    with _progress(quiet) as steps:
        comparison = compare_drugs(seed=seed, unit=unit, progress=steps)
    document = documents.comparison_document(comparison)
    document["provenance"] = provenance(
        seed=seed, scenario=comparison.scenario_digest(), parameters=comparison.fit.problem.parameters.digest()
    )
    figure = figures.comparison_figure(comparison.fit, comparison.curves, seed=seed)
    with files.folder(out) as folder:
        (folder / "comparison.json").write_text(files.to_json(document))
        files.save_figure(figure, folder / "comparison", document["provenance"])
        files.save_figure(figures.residual_figure(comparison.fit), folder / "residuals", document["provenance"])
        files.save_dataset(documents.comparison_dataset(comparison, document["provenance"]), folder / "comparison.nc")
    if as_json:
        _print_json(document)
    else:
        _print_tables(tables.comparison_tables(document))
        _print(f"Written to {out}: {', '.join(_COMPARE_FILES)}")


@app.command()
@_interruptible
def fit(
    out: Out = Path("synmodel-fit"),
    study: Annotated[
        list[str] | None, typer.Option(help="Study to fit (may be repeated); default: all embedded.")
    ] = None,
    unit: Unit = "mouse",
    profiles: Annotated[bool, typer.Option("--profiles", help="Also profile the effects of the drugs (slow).")] = False,
    seed: Seed = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fit the published group summaries: estimates, intervals, verdicts, and what the data leave open."""
    from synmodel.provenance import provenance
    from synmodel.report import documents, figures, files, tables
    from synmodel.workflows import fit_studies

    promised = (*_FIT_FILES, *(_PROFILE_FILES if profiles else ()))
    files.check(out, promised)
    with _progress(quiet) as steps:
        result = fit_studies(studies=study or None, unit=unit, seed=seed, with_profiles=profiles, progress=steps)
    document = documents.fit_document(result)
    document["provenance"] = provenance(seed=seed, parameters=result.fit.problem.parameters.digest())
    with files.folder(out) as folder:
        (folder / "fit.json").write_text(files.to_json(document))
        (folder / "parameters.toml").write_text(
            files.commented(documents.parameters_toml(result.fit), document["provenance"])
        )
        files.save_figure(figures.residual_figure(result.fit), folder / "residuals", document["provenance"])
        if profiles:
            files.save_figure(figures.profile_figure(result.profiles), folder / "profiles", document["provenance"])
        files.save_dataset(documents.fit_dataset(result, document["provenance"]), folder / "fit.nc")
    if as_json:
        _print_json(document)
    else:
        _print_tables(tables.fit_tables(document))
        _print(f"Written to {out}: {', '.join(promised)}")


@app.command()
@_interruptible
def simulate(
    scenario: Annotated[str, typer.Argument(help="Name of an embedded scenario, or a TOML file.")],
    out: Out = Path("synmodel-simulate"),
    replicates: Replicates = 200,
    seed: Seed = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a scenario as a microscope would report it."""
    from synmodel.report import documents, files, simulation_figure, tables
    from synmodel.scenario import load
    from synmodel.workflows import simulate_scenario

    plan = load(scenario)
    files.check(out, _SIMULATE_FILES)
    with _progress(quiet) as steps:
        observations, summary = simulate_scenario(plan, replicates=replicates, seed=seed, progress=steps)
    document = documents.simulation_document(plan, observations, summary)
    figure = simulation_figure.simulation_figure(plan, document)
    # The name of the scenario is the user's text and may hold a line break; the others fit on a comment line.
    made_with = {key: text for key, text in document["provenance"].items() if key != "scenario"}
    with files.folder(out) as folder:
        (folder / "summary.json").write_text(files.to_json(document))
        (folder / "scenario.toml").write_text(files.commented(plan.to_toml(), made_with))
        files.save_figure(figure, folder / "simulation", made_with)
        files.save_dataset(observations, folder / "observations.nc")
    if as_json:
        _print_json(document)
    else:
        _print_tables(tables.simulation_tables(document))
        _print(f"Written to {out}: {', '.join(_SIMULATE_FILES)}")


@app.command()
def scenarios(as_json: AsJson = False) -> None:
    """List the embedded scenarios."""
    from synmodel.scenario import load

    _list("scenarios", [(name, load(name).title) for name in library.names("scenarios")], as_json)


@app.command()
def studies(as_json: AsJson = False) -> None:
    """List the embedded studies."""
    from synmodel.data import load_study

    _list("studies", [(name, load_study(name).citation) for name in library.names("studies")], as_json)


@app.command()
def compounds(as_json: AsJson = False) -> None:
    """List the embedded compounds."""
    from synmodel.pharmacology import load_compound

    rows = [(name, f"{load_compound(name).title}: {load_compound(name).kind}") for name in library.names("compounds")]
    _list("compounds", rows, as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of a scenario, study, compound or parameter set.")],
    as_json: AsJson = False,
) -> None:
    """Print a scenario, study (with its parameters), compound or parameter set with its sources."""
    from synmodel.documents import parse_toml
    from synmodel.errors import LibraryError
    from synmodel.report import tables

    entries = {kind: parse_toml(library.path_of(kind, name), LibraryError) for kind in library.kinds_of(name)}
    first, *others = entries
    if as_json:
        _print_json(entries[first] | {kind: entries[kind] for kind in others})
        return
    for kind, document in entries.items():
        _print_tables(tables.entry_tables(kind, name, document))


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from synmodel.provenance import version_of_synmodel

        _print(version_of_synmodel())
        raise typer.Exit


def main() -> None:
    """Run the command line and turn errors into one line and an exit status."""
    try:
        app()
    except SynmodelError as error:
        sys.stderr.write(f"synmodel: {error}\n")
        sys.exit(_BAD_INPUT)


# -- output ----------------------------------------------------------------------------------------------------


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(document: Any) -> None:
    from synmodel.report.files import to_json

    sys.stdout.write(to_json(document))


def _print_tables(tables: "list[Table]") -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables:
        console.print(table)


def _list(kind: str, rows: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({kind: dict(rows)}, indent=2, ensure_ascii=False) + "\n")
        return
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        _print(f"{name:<{width}}  {text}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A callable (what, done, of) that draws progress bars on stderr; None when quiet."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.update(tasks[what], completed=done)

        yield report
