"""The verb ``measure-next``: what the uncertainty of the main conclusions hangs on, and what would remove it."""

from pathlib import Path
from typing import Annotated

import typer

from synmodel.cli.joint import AsJson, File, Out, Quiet, Seed, posterior_from
from synmodel.cli.output import print_result, progress

__all__ = ["measure_next"]

_FILES = ("measure-next.json", "measure-next.nc", "measure-next.png", "measure-next.svg")


def measure_next(
    out: Out = Path("synmodel-measure-next"),
    draws: Annotated[int, typer.Option(min=20, max=100_000, help="Draws of all that is uncertain.")] = 500,
    points: Annotated[int, typer.Option(min=2, max=2**16, help="Points of Sobol indices, a power of two.")] = 64,
    seed: Seed = 1,
    posterior: File = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rank uncertain numbers, and possible experiments, by the variance of the main conclusions (some minutes)."""
    from synmodel.analysis.measuring import rank
    from synmodel.library.provenance import provenance
    from synmodel.report import files, measuring

    files.check(out, _FILES)
    source = posterior_from(posterior)
    with progress(quiet) as steps:
        ranking = rank(draws=draws, points=points, seed=seed, posterior=source, progress=steps)
    document = measuring.measuring_document(ranking)
    made_with = provenance(seed=seed, parameters=ranking.ensemble.posterior.problem.parameters.digest())
    document["provenance"] = made_with
    figure = measuring.measuring_figure(document)
    with files.folder(out) as folder:
        (folder / "measure-next.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_dataset(ranking.result.assign_attrs(made_with), folder / "measure-next.nc")
        files.save_figure(figure, folder / "measure-next", made_with)
    print_result(document, measuring.measuring_tables, out, _FILES, as_json=as_json)
