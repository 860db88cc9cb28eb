"""The ``sweep`` verb of the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from synmodel.cli_joint import File, posterior_from
from synmodel.cli_output import print_first, print_tables, progress

__all__ = ["sweep"]

_INTERRUPTED = 130
_MOST_CELLS = 100


def sweep(
    file: Annotated[str, typer.Argument(help="Name of an embedded sweep, or a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; a second call on it goes on.")] = Path(
        "synmodel-sweep"
    ),
    scheduler: Annotated[
        str | None, typer.Option(help="Dask: local (processes here), tcp://host:8786, or a scheduler file.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="With --scheduler local: number of processes.")] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Draws of the posterior behind intervals; default 100, 0 from 101 cells."),
    ] = None,
    posterior: File = None,
    netcdf: Annotated[bool, typer.Option("--netcdf", help="Write sweep.nc instead of sweep.zarr.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Simulate a grid or sample of parameters and scenario fields; goes on where it was interrupted."""
    from synmodel.intervals import DRAWS
    from synmodel.report import files, sweeps
    from synmodel.sweeps import load_plan
    from synmodel.workflows import run_sweep, sweep_intervals

    plan, source = load_plan(file), posterior_from(posterior)
    wanted = draws if draws is not None else DRAWS * (plan.n_cell <= _MOST_CELLS)
    files.check(out, ["plan.json", "summary.json", "sobol.nc", "expected.nc"])
    files.refuse_other_results(out, f"the sweep {plan.name!r}")
    try:
        with progress(quiet) as steps:
            result, indices = run_sweep(plan, out, netcdf=netcdf, scheduler=scheduler, workers=workers, progress=steps)
            expected = sweep_intervals(plan, draws=wanted, posterior=source, progress=steps)
    except KeyboardInterrupt:
        sys.stderr.write(f"synmodel: interrupted; what is done is kept in {out}: the same command goes on\n")
        sys.exit(_INTERRUPTED)
    document = sweeps.document(plan, result, indices, expected)
    with files.folder(out) as folder:
        (folder / "summary.json").write_text(files.to_json(document), encoding="utf-8")
        for name, dataset in (("sobol.nc", indices), ("expected.nc", expected)):
            if dataset is not None:
                files.save_dataset(dataset, folder / name)
    if as_json:
        sys.stdout.write(files.to_json(document))
        return
    print_first(document)
    print_tables(sweeps.tables(document))
    written = ["sweep.nc" if (out / "sweep.nc").exists() else "sweep.zarr", "summary.json", "plan.json"]
    written += ["sobol.nc"] * (indices is not None) + ["expected.nc"] * (expected is not None)
    sys.stdout.write(f"Written to {out}: {', '.join(written)}\n")
