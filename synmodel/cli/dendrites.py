"""``fit --data`` of the command line: tables of single dendrites to estimates, beside the conventional analysis."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synmodel.cli.interruption import INTERRUPTED, NOTHING_WRITTEN
from synmodel.cli.output import print_result, progress
from synmodel.core.errors import DataError

if TYPE_CHECKING:
    from synmodel.data import Arm, ReadingOptions

__all__ = ["FitOptions", "fit"]


class FitOptions(NamedTuple):
    """How dendrites are fitted: models, engine, flags to leave out, seed, size of the sampler, doses of arms."""

    models: list[str]
    engine: str | None
    without: list[str]
    seed: int
    size: int | None
    arm: list[str]
    arms: Path | None


def fit(data: list[Path], out: Path, how: FitOptions, reading: "ReadingOptions", *, as_json: bool, quiet: bool) -> None:
    """Fit tables of single dendrites; an interrupted run goes on when it is started again."""
    from synmodel.analysis.workflows import fit_dendrites
    from synmodel.core import netcdf
    from synmodel.inference.sampling import SamplerSettings
    from synmodel.library.provenance import provenance
    from synmodel.report import conventional, dendrite_figures, dendrites, files

    files.check(out, dendrites.FILES)
    try:
        with progress(quiet) as steps:
            fits = fit_dendrites(
                data,
                models=how.models,
                without=how.without,
                options=reading,
                regimens=_regimens(how),
                sampler=SamplerSettings(how.engine, how.seed, how.size, out.with_name(f".{out.name}.checkpoint")),
                progress=steps,
            )
    except KeyboardInterrupt:
        sys.stderr.write(f"synmodel: {NOTHING_WRITTEN}; the same command goes on from what was kept\n")
        sys.exit(INTERRUPTED)
    document = dendrites.document(fits)
    with files.folder(out) as folder:
        (folder / "fit.json").write_text(files.to_json(document), encoding="utf-8")
        (folder / "conventional.csv").write_text(conventional.conventional_csv(fits.conventional), encoding="utf-8")
        netcdf.write(fits.tree, folder / "fit.nc")
        files.save_figure(dendrite_figures.figure_of(document), folder / "fit", provenance(seed=how.seed))
    print_result(document, dendrites.tables, out, dendrites.FILES, as_json=as_json)


def _regimens(how: FitOptions) -> "dict[str, Arm]":
    from synmodel.data import read_regimens, regimens_of

    given = regimens_of(how.arm)
    table = {} if how.arms is None else read_regimens(how.arms)
    twice = sorted(set(given) & set(table))
    if twice:
        message = f"arm {twice[0]!r} has doses in {how.arms} and in --arm; give them once"
        raise DataError(message)
    return {**table, **given}
