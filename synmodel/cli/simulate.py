"""The verbs that simulate: ``simulate`` one scenario, ``sweep`` many."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synmodel.cli.interruption import INTERRUPTED
from synmodel.cli.joint import AsJson, File, Out, Quiet, Seed, posterior_from
from synmodel.cli.output import print_result, progress
from synmodel.core.errors import SimulationError, SweepError, SynmodelError

if TYPE_CHECKING:
    from synmodel.analysis.sweeps.plan import Plan

__all__ = ["FIGURE", "simulate", "sweep"]

FIGURE = "synmodel.report.simulation_figure:simulation_figure"
"""The figure of ``simulate``, which a process of its own draws."""

Yes = Annotated[bool, typer.Option("--yes", help="Begin work of an hour or more without being told first.")]

_SIMULATE_FILES = (
    "observations.nc", "mechanism.nc", "summary.json", "scenario.toml", "simulation.png", "simulation.svg",
)  # fmt: skip
_POPULATION = "population.nc"
_MOST_CELLS = 100
_SPINES_PER_SECOND = 5e5
"""Spines with their images that one core simulates in a second, on the slow side of what was measured."""
_LONG_SECONDS = 3600.0


def demand_yes(spines: float, *, yes: bool, workers: int | None = None) -> None:
    """Say how long work takes, and begin nothing, where it is an hour or more and nobody has agreed to it.

    Raises
    ------
    SimulationError
        With the hours.
    """
    cores = os.cpu_count() or 1
    cores = cores if workers is None else min(workers, cores)  # a worker is a process of one thread
    seconds = spines / (_SPINES_PER_SECOND * cores)
    if not (seconds < _LONG_SECONDS or yes):
        message = (
            f"about {spines:.2g} spines are to be followed, some {seconds / 3600:.3g} hours of work on {cores} cores; "
            "ask for fewer replicates, animals, dendrites or cells, or say --yes"
        )
        raise SimulationError(message)


def _spines_of_sweep(plan: "Plan") -> float:
    """Spines of all cells of a sweep, from the first, the middle and the last; a cell that cannot be run has none."""
    from synmodel.simulation import expected_spines

    each = []
    for number in sorted({0, plan.n_cell // 2, plan.n_cell - 1}):
        with suppress(SynmodelError):
            each.append(sum(expected_spines(one, plan.base) for one in plan.cell(number) if one is not None))
    return sum(each) / max(len(each), 1) * plan.n_cell * plan.replicates


def simulate(
    scenario: Annotated[str, typer.Argument(help="Name of an embedded scenario, or a TOML file.")],
    out: Out = Path("synmodel-simulate"),
    replicates: Annotated[int, typer.Option(help="Number of simulated experiments.")] = 200,
    seed: Seed = 1,
    draws: Annotated[
        int, typer.Option(min=0, max=10_000, help="Draws of the posterior behind intervals; 0 for none.")
    ] = 100,
    posterior_draws: Annotated[
        int,
        typer.Option(
            min=0, max=10_000, help="Draws of the posterior that replicates take in turn; 0: all at the estimate."
        ),
    ] = 0,
    subjects: Annotated[
        int,
        typer.Option(min=0, max=10_000, help="Subjects behind percentiles, where the scenario lets them differ."),
    ] = 500,
    posterior: File = None,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a scenario, and its vehicle control, as a microscope would report them."""
    from synmodel.analysis.simulated import simulate_scenario
    from synmodel.report import documents, files, tables
    from synmodel.report.drawing import drawing_of
    from synmodel.scenario import load, naming
    from synmodel.simulation import expected_spines

    plan = load(scenario)
    files.check(out, [*_SIMULATE_FILES, _POPULATION])
    files.refuse_other_results(out, f"the scenario {plan.name!r}")
    for compound, day in plan.unseen_doses[:1]:
        sys.stderr.write(
            f"synmodel: warning: {compound} on day {day:g} is not before the last session "
            f"(day {plan.schedule.sessions[-1]:g}), so no session shows what it does\n"
        )
    with naming(scenario):
        # Replicates that are none are refused where they are used; the scenario and its control are both simulated.
        demand_yes(2 * expected_spines(plan) * max(replicates, 0), yes=yes)
    source = posterior_from(posterior)
    with naming(scenario), progress(quiet) as steps:
        result = simulate_scenario(
            plan, replicates=replicates, seed=seed, draws=draws, posterior_draws=posterior_draws, subjects=subjects,
            posterior=source, progress=steps,
        )  # fmt: skip
    document = documents.simulation_document(plan, result)
    written = [*_SIMULATE_FILES, *([_POPULATION] if result.population is not None else [])]
    # The name of the scenario is the user's text and may hold a line break; the others fit on a comment line.
    made_with = {key: text for key, text in document["provenance"].items() if key != "scenario"}
    figure = drawing_of(FIGURE)
    figure.begin(plan, document, result.mechanism, result.population, entries=made_with)
    with files.folder(out) as folder:
        (folder / "summary.json").write_text(files.to_json(document), encoding="utf-8")
        (folder / "scenario.toml").write_text(files.commented(plan.to_toml(), made_with), encoding="utf-8")
        files.save_dataset(documents.simulation_dataset(result), folder / "observations.nc")
        files.save_dataset(documents.mechanism_dataset(result), folder / "mechanism.nc")
        if result.population is not None:
            files.save_dataset(result.population, folder / _POPULATION)
        figure.write(folder / "simulation")
    if result.population is None:
        (out / _POPULATION).unlink(missing_ok=True)  # of an earlier run, whose subjects differed
    print_result(document, tables.simulation_tables, out, written, as_json=as_json, last=document["between_subjects"])


def sweep(
    file: Annotated[str, typer.Argument(help="Name of an embedded sweep, or a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; a second call on it goes on.")] = Path(
        "synmodel-sweep"
    ),
    scheduler: Annotated[
        str | None, typer.Option(help="Dask: local (processes here), tcp://host:8786, or a scheduler file.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="With --scheduler local: number of processes.")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Draws of the posterior behind intervals; default 100, 0 from 101 cells."),
    ] = None,
    posterior: File = None,
    netcdf: Annotated[bool, typer.Option("--netcdf", help="Write sweep.nc instead of sweep.zarr.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a grid or sample of parameters and scenario fields; goes on where it was interrupted."""
    from synmodel.analysis.intervals import DRAWS
    from synmodel.analysis.sweeps import load_plan
    from synmodel.analysis.workflows import run_sweep, sweep_intervals
    from synmodel.report import files, sweeps

    plan, source = load_plan(file), posterior_from(posterior)
    if plan.exact and (draws is not None or posterior is not None):
        message = f"sweep: {plan.name} is of exact expectations; its file says the draws: [posterior] draws = 200"
        raise SweepError(message)
    if not plan.exact:
        demand_yes(_spines_of_sweep(plan), yes=yes or (out / "plan.json").exists(), workers=workers)
    wanted = draws if draws is not None else DRAWS * (plan.n_cell <= _MOST_CELLS)
    files.check(out, ["plan.json", "summary.json", "sobol.nc", "expected.nc"])
    files.refuse_other_results(out, f"the sweep {plan.name!r}")
    try:
        with progress(quiet) as steps:
            result, indices = run_sweep(plan, out, netcdf=netcdf, scheduler=scheduler, workers=workers, progress=steps)
            expected = sweep_intervals(plan, out / "expected.nc", draws=wanted, posterior=source, progress=steps)
    except KeyboardInterrupt:
        sys.stderr.write(f"synmodel: interrupted; what is done is kept in {out}: the same command goes on\n")
        sys.exit(INTERRUPTED)
    document = sweeps.document(plan, result, indices, expected)
    with files.folder(out) as folder:
        (folder / "summary.json").write_text(files.to_json(document), encoding="utf-8")
        for name, dataset in (("sobol.nc", indices), ("expected.nc", expected)):
            if dataset is not None:
                files.save_dataset(dataset, folder / name)
    written = ["sweep.nc" if (out / "sweep.nc").exists() else "sweep.zarr", "summary.json", "plan.json"]
    written += ["sobol.nc"] * (indices is not None) + ["expected.nc"] * (expected is not None)
    print_result(document, sweeps.tables, out, written, as_json=as_json)
