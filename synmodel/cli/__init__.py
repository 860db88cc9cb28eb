"""The command line: thin verbs over the public functions.

Results go to stdout, progress and errors to stderr. Bad input ends with one line and exit status 2.
"""

import atexit
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synmodel.cli import compare as cli_compare
from synmodel.cli import data as cli_data
from synmodel.cli import design as cli_design
from synmodel.cli import explore as cli_explore
from synmodel.cli import export as cli_export
from synmodel.cli import joint as cli_joint
from synmodel.cli import library as cli_library
from synmodel.cli import log as cli_log
from synmodel.cli import measure as cli_measure
from synmodel.cli import new as cli_new
from synmodel.cli import plot as cli_plot
from synmodel.cli import report as cli_report
from synmodel.cli import simulate as cli_simulate
from synmodel.cli import tables as cli_tables
from synmodel.cli.compare import Unit
from synmodel.cli.end import end as _end
from synmodel.cli.end import told
from synmodel.cli.interruption import INTERRUPTED, hear_interruptions
from synmodel.cli.joint import AsJson, Out, Quiet, Seed
from synmodel.cli.loading import begin_to_load, drawn_apart
from synmodel.cli.option import refuse, within
from synmodel.cli.output import print_json, print_result
from synmodel.cli.output import print_tables as _print_tables
from synmodel.cli.output import progress as _progress
from synmodel.cli.report import reporting
from synmodel.cli.tables import with_tables

if TYPE_CHECKING:
    from synmodel.data import ReadingOptions

__all__ = ["app", "main"]

app = typer.Typer(
    pretty_exceptions_enable=False,
    help="Drug-induced synaptogenesis: simulate spine turnover, fit it to imaging data, compare drugs.",
)

app.add_typer(cli_data.app, name="data")
app.add_typer(cli_plot.app, name="plot")

_FIT_FILES = ("fit.json", "fit.nc", "parameters.toml", "residuals.png", "residuals.svg")
_Columns = Annotated[Path | None, typer.Option(help="With --data: TOML file that names the columns.")]
_READING = ("columns", "days", "dose_date", "sheet", "mouse")
_PROFILE_FILES = ("profiles.png", "profiles.svg")
_TIMEOUT = "4"
"""Binary logarithm of the cycles for which threads of OpenBLAS wait for work before they sleep, the least there is.

By default each library's threads first keep a core busy for a tenth of a second, which others could use.
"""


def _result(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb that writes a folder of results, with ``--format`` and ``--report``; the page comes after the tables."""
    return reporting(with_tables(verb))


cli_data.app.command()(with_tables(cli_data.convert))
app.command()(within(_result(cli_compare.compare), drawn_apart(cli_compare.figure_of)))


@app.command()
@_result
@cli_data.with_reading("form", "most_spines", columns=_Columns)
def fit(
    out: Out = Path("synmodel-fit"),
    study: Annotated[
        list[str] | None,
        typer.Option(
            help="Embedded study, or folder with study.toml and summaries.csv, to fit (may be repeated); "
            "default, and beside folders alone: all embedded."
        ),
    ] = None,
    unit: Unit = "mouse",
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Also profile the parameters of the cascade (some minutes more).")
    ] = False,
    readings: Annotated[
        bool, typer.Option("--all-readings", help="Fit every reading of the mechanism, not only the main ones.")
    ] = False,
    seed: Seed = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
    data: Annotated[
        list[Path] | None, typer.Option(help="Table of single dendrites to fit instead (may be repeated).")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="With --data: terms joined by +, such as formation+elimination; several are compared."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="With --data: map (intervals, verdicts), importance or nested (posterior).")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="With --data: leave out dendrites with this flag, such as damaged.")
    ] = None,
    *,
    reading: "ReadingOptions",
    arm: Annotated[
        list[str] | None,
        typer.Option(help="With --data: what an arm was given, NAME=compound:amount:route:day (may be repeated)."),
    ] = None,
    arms: Annotated[
        Path | None, typer.Option(help="With --data: table of doses: arm, compound, amount, route, day, genotype.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=8, help="Live points of nested sampling (300), or points of importance sampling (8192)."),
    ] = None,
) -> None:
    """Fit the published group summaries, or with --data single dendrites: estimates, intervals, verdicts.

    The summaries take about a minute on two cores; intervals are those of the library's posterior.
    """
    if data:
        from synmodel.cli import dendrites as cli_dendrites

        of_summaries = {
            "--study": study, "--profiles": profiles, "--all-readings": readings, "--unit": unit != "mouse"
        }  # fmt: skip
        refuse(of_summaries, "is of the fit of group summaries; leave it out beside --data")
        how = cli_dendrites.FitOptions(model or [], engine, without or [], seed, size, arm or [], arms)
        cli_dendrites.fit(data, out, how, reading, as_json=as_json, quiet=quiet)
        return
    of_tables = {
        "--model": model,
        "--engine": engine,
        "--without": without,
        "--arm": arm,
        "--arms": arms,
        "--size": size,
    }
    of_reading = {f"--{name.replace('_', '-')}": getattr(reading, name) for name in _READING}
    refuse(of_tables | of_reading, "is of the fit of single dendrites; give their table with --data, or leave it out")
    from synmodel.analysis.workflows import fit_studies
    from synmodel.library.provenance import provenance
    from synmodel.report import documents, figures, files, tables

    promised = (*_FIT_FILES, *(_PROFILE_FILES if profiles else ()))
    files.check(out, promised)
    with _progress(quiet) as steps:
        result = fit_studies(
            studies=study or None, unit=unit, seed=seed, with_profiles=profiles, all_readings=readings, progress=steps
        )
    document = documents.fit_document(result)
    document["provenance"] = provenance(seed=seed, parameters=result.fit.problem.parameters.digest())
    with files.folder(out) as folder:
        (folder / "fit.json").write_text(files.to_json(document), encoding="utf-8")
        (folder / "parameters.toml").write_text(
            files.commented(documents.parameters_toml(result.fit), document["provenance"]), encoding="utf-8"
        )
        files.save_figure(figures.residual_figure(result.fit), folder / "residuals", document["provenance"])
        if profiles:
            files.save_figure(figures.profile_figure(result.profiles), folder / "profiles", document["provenance"])
        files.save_dataset(documents.fit_dataset(result, document["provenance"]), folder / "fit.nc")
    print_result(document, tables.fit_tables, out, promised, as_json=as_json)


app.command()(within(_result(cli_simulate.simulate), drawn_apart(lambda _: cli_simulate.FIGURE)))
app.command()(_result(cli_simulate.sweep))
app.command()(_result(cli_design.design))
app.command()(_result(cli_joint.predict))
app.command()(_result(cli_joint.validate))
app.command()(with_tables(cli_joint.posterior))
app.command()(_result(cli_measure.measure_next))
app.command()(cli_explore.explore)
app.command()(cli_export.export)
app.command()(cli_tables.convert)


for verb in cli_library.VERBS:
    app.command()(verb)
app.command()(cli_new.new)
app.command()(cli_report.report)
app.command()(cli_report.cite)


@app.command()
def experiments(as_json: AsJson = False) -> None:
    """List the experiments, one for each claim about the drugs, with their verdicts."""
    from synmodel.experiments import entry, names
    from synmodel.report.experiments import listing

    entries = [entry(name) for name in names()]
    if as_json:
        print_json({"experiments": {e.name: {"row": e.row, "title": e.title, "verdict": e.verdict} for e in entries}})
    else:
        _print_tables([listing([(e.row, e.name, e.title, e.verdict) for e in entries])])


@app.command()
@_result
def experiment(
    name: Annotated[str, typer.Argument(help="Name of an experiment, see `synmodel experiments`.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results; default: synmodel-NAME.")] = None,
    seed: Seed = 1,
    short: Annotated[bool, typer.Option("--short", help="Fewer draws: seconds instead of minutes.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run one experiment: what the model says of a claim, beside what is published, and the verdict."""
    from synmodel import experiments as room
    from synmodel.core.randomness import checked_seed
    from synmodel.report import files
    from synmodel.report.experiments import outcome_tables

    room.folder_of(name)
    checked_seed(seed)
    destination = Path(f"synmodel-{name}") if out is None else out
    files.check(destination, room.FILES)
    with _progress(quiet) as steps:
        outcome = room.run(name, short=short, seed=seed, progress=steps)
    document = room.outcome_document(name, outcome, seed=seed, short=short)
    written = room.write(outcome, document, destination)
    print_result(document, outcome_tables, destination, written, as_json=as_json)


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: also libraries, platform, threads, folders.")
    ] = False,
    log: cli_log.Log = None,
    folders: cli_library.Folders = None,
) -> None:
    if version:
        from synmodel.library.provenance import version_of_synmodel

        if not verbose:
            _print(version_of_synmodel())
            raise typer.Exit
        from synmodel.cli.version import installation

        _print("\n".join(f"{name:<22}{value}" for name, value in installation()))
        raise typer.Exit
    if verbose:
        message = "--verbose goes with --version; for a log of what a command does give --log FILE"
        raise typer.BadParameter(message)
    if context.invoked_subcommand is None:
        _print(context.get_help())
        raise typer.Exit
    if log is not None:
        cli_log.open_log(log)
    cli_library.open_library(context, folders or [])


def main() -> None:
    """Run the command line and turn errors into one line and an exit status.

    ``SYNMODEL_DEBUG=1`` shows where in the code an error comes from.
    """
    interrupted = hear_interruptions()
    begin_to_load()
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", _TIMEOUT)  # read as numpy and scipy are loaded, which is later
    atexit.register(gc.freeze)  # the last collection, through all libraries, would only free what ends anyway
    try:
        status = app(standalone_mode=False, prog_name="synmodel")
        sys.stdout.flush()
    except SystemExit as exit_:
        cli_log.ended(exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None))
        raise
    except BaseException as error:  # compiled code that is interrupted may raise an error of its own
        if os.environ.get("SYNMODEL_DEBUG", "") not in {"", "0"}:
            raise
        _end(*told(error, interrupted=interrupted.is_set()))
    if status == INTERRUPTED:  # typer makes an exit status of an interruption, or an error, by its version
        _end(*told(KeyboardInterrupt(), interrupted=True))
    cli_log.ended(status or 0)
    sys.exit(status)


# -- output ----------------------------------------------------------------------------------------------------


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
