"""The verbs of the joint posterior: ``posterior`` makes it, ``predict`` and ``validate`` put it to the test."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synmodel.cli.output import print_result, progress
from synmodel.core.plain import Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from synmodel.inference.summaries.joint import Posterior

__all__ = ["AsJson", "File", "Out", "Quiet", "Seed", "posterior", "posterior_from", "predict", "validate"]

Out = Annotated[Path, typer.Option(help="Folder for the results.")]
Seed = Annotated[int, typer.Option(help="Seed of all random draws, 0 to 2**64 - 1.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
File = Annotated[
    Path | None, typer.Option("--posterior", help="File of a joint posterior; default: the one of the library.")
]
Draws = Annotated[int, typer.Option(min=100, max=100_000, help="Number of draws.")]

_PREDICT_FILES = ("prediction.json", "prediction.png", "prediction.svg")
_VALIDATE_FILES = ("validation.json", "validation.png", "validation.svg")


def posterior_from(path: Path | None) -> "Posterior | None":
    """The posterior of a file; None, for what is of the library, without one."""
    from synmodel.inference.summaries.joint import load_posterior

    return None if path is None else load_posterior(path)


def predict(
    study: Annotated[Path, typer.Argument(help="Folder with study.toml and summaries.csv.")],
    out: Out = Path("synmodel-predict"),
    seed: Seed = 1,
    posterior: File = None,
    draws: Draws = 800,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Predict the drug arms of a study that the fit has not seen, from its vehicle arms and a joint posterior."""
    from synmodel.core.randomness import checked_seed
    from synmodel.inference.summaries.joint import load_posterior
    from synmodel.inference.summaries.prediction import predict_folder
    from synmodel.library.provenance import provenance
    from synmodel.report import files, prediction

    checked_seed(seed)
    files.check(out, _PREDICT_FILES)
    source = load_posterior(posterior)
    with progress(quiet) as steps:
        result = predict_folder(study, posterior=source, draws=draws, seed=seed, progress=steps)
    document = result.document()
    document["provenance"] = provenance(seed=seed, parameters=source.problem.parameters.digest())
    figure = prediction.prediction_figure(result)
    _write(out, document, "prediction", figure)
    print_result(document, prediction.prediction_tables, out, _PREDICT_FILES, as_json=as_json)


def validate(
    out: Out = Path("synmodel-validate"),
    seed: Seed = 1,
    draws: Draws = 800,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Predict every embedded study from a posterior of the others, beside two rivals: no effect, and carried over."""
    from synmodel.core.randomness import checked_seed
    from synmodel.inference.summaries.joint import without_study
    from synmodel.inference.summaries.validation import validate as left_out
    from synmodel.library.provenance import provenance
    from synmodel.report import files, prediction

    checked_seed(seed)
    files.check(out, _VALIDATE_FILES)
    with progress(quiet) as steps:
        document = left_out(without_study, draws=draws, seed=seed, progress=steps)
    document["provenance"] = provenance(seed=seed)
    _write(out, document, "validation", prediction.validation_figure(document))
    print_result(document, prediction.validation_tables, out, _VALIDATE_FILES, as_json=as_json)


def posterior(
    out: Out = Path("synmodel-posterior"),
    seed: Seed = 1,
    chains: Annotated[int, typer.Option(min=1, max=16, help="Number of chains.")] = 2,
    draws: Annotated[int, typer.Option(min=10, max=100_000, help="Draws of each chain.")] = 250,
    thin: Annotated[int, typer.Option(min=1, max=10_000, help="Sweeps over all parameters per draw.")] = 20,
    tune: Annotated[int, typer.Option(min=100, max=100_000, help="Sweeps, or draws, that tune the steps.")] = 1000,
    sampler: Annotated[
        str, typer.Option(help="crank-nicolson, or no-u-turn (needs nutpie; --thin is not used).")
    ] = "crank-nicolson",
    quiet: Quiet = False,
) -> None:
    """Sample the joint posterior, and that without each study, and compare all readings (an hour or more; resumes).

    What is there already and belongs to the model as it is now is kept. The library's own files are made by
    `synmodel posterior --out synmodel/library/posterior` in a checkout.
    """
    from synmodel.core.randomness import checked_seed
    from synmodel.inference.summaries.joint import make_posteriors
    from synmodel.inference.summaries.walks import Walks
    from synmodel.report import files

    checked_seed(seed)
    files.check(out, [])
    walks = Walks(chains, draws, thin, tune, sampler=sampler)
    with progress(quiet) as steps:
        written = make_posteriors(out, seed=seed, walks=walks, progress=steps)
    sys.stdout.write(f"Written to {out}: {', '.join(written)}\n")


def _write(out: Path, document: Json, name: str, figure: "Figure") -> None:
    from synmodel.report import files

    with files.folder(out) as folder:
        (folder / f"{name}.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_figure(figure, folder / name, document["provenance"])
