"""The verb ``compare``: any scenarios against each other; without any, the main job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from synmodel.cli.joint import AsJson, File, Out, Quiet, Seed, posterior_from
from synmodel.cli.loading import drawing_meanwhile
from synmodel.cli.output import print_result, progress
from synmodel.core.errors import ScenarioError

__all__ = ["Unit", "compare", "figure_of"]

Unit = Annotated[str, typer.Option(help="Unit of replication of the fit: mouse or dendrite.")]

_SCENARIO_FILES = ("comparison.json", "comparison.nc", "comparison.png", "comparison.svg")
_FIGURE = "synmodel.report.comparison_figure:scenarios_figure"
_MAIN_FILES = (*_SCENARIO_FILES, "residuals.png", "residuals.svg")


def figure_of(given: Mapping[str, Any]) -> str | None:
    """The figure that a process of its own draws; None without scenarios, as the fit is then at hand for it."""
    return _FIGURE if given["scenarios"] else None


def compare(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of embedded scenarios, or TOML files; one alone is compared with its vehicle. "
            "Without any: fit both drugs to the embedded studies and compare them, the main job."
        ),
    ] = None,
    out: Out = Path("synmodel-compare"),
    seed: Seed = 1,
    control: Annotated[
        str | None,
        typer.Option(
            help="Reference of all scenarios: a name, a file, or vehicle (each one's own animals without doses). "
            "Default: all pairs, and each with its vehicle."
        ),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Draws of the posterior behind intervals (400); 0 for none."),
    ] = None,
    replicates: Annotated[
        int | None,
        typer.Option(min=0, max=100_000, help="Simulated experiments beside the exact expectation (0)."),
    ] = None,
    unit: Unit = "mouse",
    posterior: File = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare scenarios (drug, dose, regimen, species, genotype); without any, both drugs on the embedded studies.

    Every contrast is the first scenario minus the second, with its 95 % interval.
    """
    if scenarios:
        if unit != "mouse":
            message = f"--unit is {unit!r}; it is of the fit, so leave it out where scenarios are compared"
            raise ScenarioError(message)
        _compare_scenarios(scenarios, out, seed, control, draws, replicates, posterior, as_json, quiet)
        return
    for name, given in (("control", control), ("draws", draws), ("replicates", replicates)):
        if given is not None:
            message = f"--{name} is {given}, but no scenario is given; name one or more, see `synmodel scenarios`"
            raise ScenarioError(message)
    _compare_drugs(out, seed, unit, posterior, as_json, quiet)


def _compare_scenarios(
    scenarios: list[str], out: Path, seed: int, control: str | None, draws: int | None, replicates: int | None,
    posterior: Path | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    from synmodel.analysis.contrasts import DRAWS
    from synmodel.analysis.contrasts import compare as compare_scenarios
    from synmodel.analysis.lineup import lineup_of
    from synmodel.library.parameters import default_parameters
    from synmodel.report import contrasts, files
    from synmodel.report.drawing import drawing_of

    lineup = lineup_of(scenarios, control)
    files.check(out, _SCENARIO_FILES)
    mine = files.comparison_title([each.label for each in lineup.entries], lineup.control)
    files.refuse_other_results(out, mine, "comparison.json")
    source = posterior_from(posterior)
    with progress(quiet) as steps:
        result = compare_scenarios(
            scenarios, control=control, draws=DRAWS if draws is None else draws, replicates=replicates or 0,
            posterior=source, seed=seed, progress=steps,
        )  # fmt: skip
    parameters = default_parameters() if source is None else source.typical()
    document = contrasts.compared_document(result, seed=seed, parameters=parameters.digest())
    figure = drawing_of(_FIGURE)
    figure.begin(result, entries=document["provenance"])
    with files.folder(out) as folder:
        (folder / "comparison.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_dataset(contrasts.compared_dataset(result, document), folder / "comparison.nc")
        figure.write(folder / "comparison")
    print_result(document, contrasts.compared_tables, out, _SCENARIO_FILES, as_json=as_json)


def _compare_drugs(out: Path, seed: int, unit: Unit, posterior: Path | None, as_json: bool, quiet: bool) -> None:
    """The main job."""
    from synmodel.analysis.workflows import compare_drugs
    from synmodel.library.provenance import provenance
    from synmodel.report import documents, files, tables

    files.check(out, _MAIN_FILES)
    files.refuse_other_results(out, files.comparison_title([], None), "comparison.json")
    source = posterior_from(posterior)
    with drawing_meanwhile(), progress(quiet) as steps:
        comparison = compare_drugs(seed=seed, unit=unit, posterior=source, progress=steps)
    document = documents.comparison_document(comparison)
    document["provenance"] = provenance(
        seed=seed, scenario=comparison.scenario_digest(), parameters=comparison.fit.problem.parameters.digest()
    )
    from synmodel.report import figures

    figure = figures.comparison_figure(comparison.source, comparison.curves, seed=seed)
    with files.folder(out) as folder:
        (folder / "comparison.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_figure(figure, folder / "comparison", document["provenance"])
        files.save_figure(figures.residual_figure(comparison.fit), folder / "residuals", document["provenance"])
        files.save_dataset(documents.comparison_dataset(comparison, document["provenance"]), folder / "comparison.nc")
    print_result(document, tables.comparison_tables, out, _MAIN_FILES, as_json=as_json)
