"""The ``plot`` verbs: figures that colleagues ask for, of tables, scenarios and fits, as PNG, SVG or PDF."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synmodel.cli import data as cli_data
from synmodel.cli.joint import Seed
from synmodel.cli.output import print_json, progress
from synmodel.core.errors import DataError
from synmodel.core.plain import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from synmodel.data import ReadingOptions
    from synmodel.report.prior_figure import Sampled
    from synmodel.scenario import Scenario

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Draw a figure of tables, scenarios or fits: PNG, SVG or PDF by its ending."
)

Out = Annotated[Path, typer.Option(help="File of the figure; its ending says the format: .png, .svg or .pdf.")]
Style = Annotated[str, typer.Option(help="page, paper (small type, fine lines) or slides (large type).")]
Tables = Annotated[
    list[Path], typer.Argument(help="Table of dendrites or single spines, as `synmodel fit --data` reads.")
]
Columns = Annotated[Path | None, typer.Option(help="TOML file that names the columns.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")]
_SHARED = 12


@app.command()
@cli_data.with_reading("most_spines", columns=Columns)
def raster(
    source: Annotated[
        list[str], typer.Argument(help="Tables of single spines (also .mat), or one scenario to simulate.")
    ],
    out: Out = Path("raster.svg"),
    style: Style = "page",
    most: Annotated[
        int | None, typer.Option(min=1, max=5000, help="Most spines of an arm (150, on slides 60), whole dendrites.")
    ] = None,
    *,
    reading: "ReadingOptions",
    seed: Seed = 1,
) -> None:
    """Draw single spines over sessions: gained, lost, persistent, censored; of tables, or simulated beside vehicle."""
    from synmodel.report.raster import raster_figure

    _check(out, style)
    paths = _tables_of(source, "tables of single spines")
    if paths:
        figure = raster_figure(_presence(paths, reading), most=most, look=style)
        _save(figure, out, {}, style)
        return
    from synmodel.library.provenance import provenance
    from synmodel.scenario import load

    plan = load(source[0])
    figure = raster_figure(_simulated(plan, seed), most=most, look=style)
    _save(figure, out, provenance(seed=seed, scenario=plan.digest()), style)


def _tables_of(source: list[str], what: str) -> list[Path]:
    """The files, if all that is given are tables; none if it is one scenario."""
    from synmodel import library

    paths = [Path(each) for each in source]
    for path in paths:
        if str(path) in library.names("scenarios"):
            continue  # whatever lies here under this name
        if path.is_dir() or (path.suffix not in ("", ".toml") and not path.exists()):
            why = "it is a folder" if path.is_dir() else "there is no such file"
            message = f"cannot read {path}: {why}; give {what}, or one scenario"
            raise DataError(message)
    if all(path.is_file() and path.suffix != ".toml" for path in paths):
        return paths
    if len(source) > 1:
        message = f"{source[0]!r} is no table, and {len(source)} are given; give {what}, or one scenario"
        raise DataError(message)
    return []


def _presence(paths: list[Path], reading: "ReadingOptions") -> "list[xr.Dataset]":
    from synmodel.data import read_each

    found = []
    for each in read_each(paths, options=reading):
        if each.presence is None:
            message = f"{paths[0]} has no single spines (it was read as {each.form}); give one row for each spine"
            raise DataError(message)
        found.append(each.presence)
    return found


def _simulated(plan: "Scenario", seed: int) -> "list[xr.Dataset]":
    """The spines of a scenario, and of the same animals without doses."""
    from synmodel.analysis.sweeps.factors import without_doses
    from synmodel.report.raster import presence_of
    from synmodel.simulation import histories

    arms = {plan.name: plan} | ({"the same without doses": without_doses(plan)} if plan.regimen.doses else {})
    size = {"animals": plan.cohort.animals, "dendrites": plan.cohort.dendrites_per_animal}
    return [presence_of(histories(each, seed=seed), name=name, **size) for name, each in arms.items()]


@app.command()
@cli_data.with_reading("most_spines", columns=Columns)
def estimation(
    source: Annotated[
        list[str], typer.Argument(help="Tables of dendrites, or one scenario, simulated beside vehicle.")
    ],
    out: Out = Path("estimation.svg"),
    style: Style = "page",
    quantity: Annotated[
        str, typer.Option(help="formation_fraction, elimination_fraction or density_change.")
    ] = "formation_fraction",
    control: Annotated[str | None, typer.Option(help="Arm to compare with; default: the one without a drug.")] = None,
    interval: Annotated[
        str | None, typer.Option(help='First and last day, such as "-1,1"; default: the first that ends after day 0.')
    ] = None,
    *,
    reading: "ReadingOptions",
    seed: Seed = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Draw an estimation plot (Gardner-Altman): every mouse a dot, and differences from the control."""
    from synmodel.inference.conventional.estimation import differences_of, groups_of
    from synmodel.report.estimation_figure import estimation_figure

    _check(out, style)
    groups = groups_of(_table(source, reading, seed), quantity=quantity, control=control, interval=_pair(interval))
    differences = differences_of(groups, seed=seed)
    _save(estimation_figure(groups, differences, look=style), out, {}, style, quiet=as_json)
    told = [
        {**{key: value for key, value in each._asdict().items() if key != "draws"}, "control": groups.control}
        for each in differences
    ]
    if as_json:
        days = {"start_day": groups.start_day, "end_day": groups.end_day}
        print_json({"quantity": quantity, **days, "differences": told})
        return
    for each in differences:
        sys.stdout.write(
            f"{each.arm} minus {groups.control}: {100 * each.estimate:+.2f} percentage points, bootstrap "
            f"{100 * each.bootstrap_low:.2f} to {100 * each.bootstrap_high:.2f}, Welch {100 * each.welch_low:.2f} to "
            f"{100 * each.welch_high:.2f}\n"
        )


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        first, last = (float(part) for part in text.split(","))
    except ValueError as fault:
        message = f'--interval is {text!r}; give two days, such as --interval "-1,1"'
        raise DataError(message) from fault
    return first, last


def _table(source: list[str], reading: "ReadingOptions", seed: int) -> "pd.DataFrame":
    from synmodel.data import read_each
    from synmodel.inference.conventional.measured import dendrite_table

    paths = _tables_of(source, "tables")
    if paths:
        return dendrite_table([each.observations for each in read_each(paths, options=reading)])
    import numpy as np

    from synmodel.analysis.sweeps.factors import without_doses
    from synmodel.pharmacology import drug_doses
    from synmodel.scenario import load
    from synmodel.simulation import simulate

    plan = load(source[0])
    name = "+".join(dict.fromkeys(dose.compound for dose in drug_doses(plan.regimen.doses)))
    if not name:
        message = f"scenario {plan.name!r} gives no drug, so there is nothing to compare; give one that does"
        raise DataError(message)
    seen = []
    for arm, each in (("vehicle", without_doses(plan)), (name, plan)):
        one = simulate(each, replicates=1, seed=seed).isel(replicate=0)
        n = one.sizes["animal"]
        labels = {"study": ("animal", [plan.name] * n), "arm": ("animal", [arm] * n)}
        seen.append(one.assign_coords(labels | {"mouse": ("animal", np.arange(n).astype(str))}))
    return dendrite_table(seen)


@app.command()
def timeline(
    scenarios: Annotated[list[str], typer.Argument(help="Names of embedded scenarios, or TOML files.")],
    out: Out = Path("timeline.svg"),
    style: Style = "page",
) -> None:
    """Draw what happens when in scenarios: doses, conditions, imaging sessions."""
    from synmodel.library.provenance import provenance
    from synmodel.report.timeline import timeline_figure
    from synmodel.scenario import load

    _check(out, style)
    plans = [load(each) for each in scenarios]
    made_with = provenance(seed=0, scenario="".join(plan.digest()[:16] for plan in plans))
    _save(timeline_figure(plans, look=style), out, made_with, style)


@app.command()
def dose_response(
    scenario: Annotated[str, typer.Argument(help="Name of an embedded scenario with a drug, or a TOML file.")],
    out: Out = Path("dose-response.svg"),
    style: Style = "page",
    draws: Annotated[int, typer.Option(min=0, max=10_000, help="Draws of the posterior; 0 for none.")] = 100,
    seed: Seed = 1,
    quiet: Quiet = False,
) -> None:
    """Draw how formation, elimination and extra spines grow with the dose, with the interval of the posterior."""
    from synmodel.analysis.responses import dose_response as respond
    from synmodel.core.progress import stage
    from synmodel.library.provenance import provenance
    from synmodel.report.dose_figure import dose_figure
    from synmodel.scenario import load, naming

    _check(out, style)
    plan = load(scenario)
    with naming(scenario), progress(quiet) as steps:
        found = respond(plan, draws=draws, seed=seed, progress=stage(steps, "doses"))
    _save(dose_figure(found, look=style), out, provenance(seed=seed, scenario=plan.digest()), style)


@app.command()
def posterior(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of `synmodel fit --data` with a posterior; default: the joint posterior."),
    ] = None,
    out: Out = Path("posterior.svg"),
    style: Style = "page",
    parameter: Annotated[
        list[str] | None, typer.Option(help="Parameter to show (may be repeated); default: those that are shared.")
    ] = None,
    seed: Seed = 1,
) -> None:
    """Draw posterior against prior: what the data added to what was believed before."""
    from synmodel.core.errors import did_you_mean
    from synmodel.report.prior_figure import prior_figure

    _check(out, style)
    known, draw = _posterior_of(folder, seed)
    wanted = parameter or [name for name in known if folder is not None or name.startswith("cascade.")][:_SHARED]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        message = f"there is no parameter {unknown[0]!r}; {did_you_mean(unknown[0], known)}"
        raise DataError(message)
    _save(prior_figure(draw(wanted), look=style), out, {}, style)


def _posterior_of(folder: Path | None, seed: int) -> "tuple[list[str], Callable[[list[str]], dict[str, Sampled]]]":
    """Names of parameters, and a function from some of them to draws of posterior and prior."""
    from synmodel.report.prior_figure import Sampled, sampled_of

    if folder is None:
        from synmodel.inference.summaries.joint import load_posterior

        source = load_posterior()
        return list(source.problem.free), lambda names: sampled_of(source, names, seed=seed)
    groups = _groups_of(folder)
    posterior, prior = groups["posterior"], groups["prior"]

    def draw(names: list[str]) -> dict[str, Sampled]:
        found = {}
        for name in names:
            after, before = (group[name].to_numpy().ravel() for group in (posterior, prior))
            positive = bool((after > 0).all() and (before > 0).all())
            found[name] = Sampled(after, before, str(posterior[name].attrs.get("units", "1")), positive)
        return found

    return [str(name) for name in posterior.data_vars], draw


def _groups_of(folder: Path) -> Json:
    import xarray as xr

    from synmodel.core import manifest

    path = folder / "fit.nc"
    manifest.check(folder, [path.name])
    try:
        with xr.open_datatree(path) as tree:
            trees = [tree, *tree.children.values()]
            of = next((each for each in trees if {"posterior", "prior"} <= set(each.children)), None)
            if of is not None:
                return {name: of[name].to_dataset().load() for name in ("posterior", "prior")}
    except (OSError, ValueError) as fault:
        message = f"cannot read {path}: {fault}; give a folder of `synmodel fit --data`"
        raise DataError(message) from fault
    message = f"{path} has no posterior; fit with --engine importance or --engine nested"
    raise DataError(message)


@app.command()
def predictive(
    folder: Annotated[Path, typer.Argument(help="Folder of `synmodel fit --data` with a posterior.")],
    out: Out = Path("predictive.svg"),
    style: Style = "page",
) -> None:
    """Draw the predictive check of a fit of dendrites: what was seen beside what the model would have seen."""
    from synmodel.report.dendrite_figures import dendrite_figure
    from synmodel.report.page.kinds import opened

    _check(out, style)
    document = opened(folder).document
    models = list(document.get("models", {}).values()) or [document]
    if not all(each.get("predictive") for each in models):
        message = (
            f"{folder} holds no predictive check; fit with `synmodel fit --data ... --engine importance` or nested"
        )
        raise DataError(message)
    best = max(models, key=lambda each: each["log_evidence"])
    _save(dendrite_figure(best, look=style), out, best["provenance"], style)


def _check(out: Path, look: str) -> None:
    """Refuse a file, or a look, before any work."""
    from synmodel.report import files
    from synmodel.report.style import checked

    files.check_file(out)
    checked(out, look)


def _save(figure: "Figure", out: Path, entries: dict[str, str], look: str, *, quiet: bool = False) -> None:
    from synmodel.report import files
    from synmodel.report.style import save

    with files.folder(out.parent, noted=False) as part:
        save(figure, part / out.name, entries, look=look)
    if not quiet:
        sys.stdout.write(f"Written to {out}\n")
