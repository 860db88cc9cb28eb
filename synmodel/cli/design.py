"""The verb that plans: ``design`` says how many mice, how many dendrites and which days the next study needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from synmodel.cli.joint import AsJson, File, Out, Quiet, Seed, posterior_from
from synmodel.cli.output import print_result, progress
from synmodel.core.errors import DesignError

__all__ = ["design"]

_FILES = ("design.json", "design.nc", "design.png", "design.svg", "study.toml", "control.toml")
_DOSES = "0.3,1,3"
_ARM_FILES = ("arms.json", "arms.png", "arms.svg")
Cost = Annotated[float | None, typer.Option(help="In your currency; default: assumed.")]
Hours = Annotated[float | None, typer.Option(help="Hours; default: assumed.")]


def design(
    scenario: Annotated[
        str | None, typer.Option(help="Drug arm: name of an embedded scenario, or a TOML file.")
    ] = None,
    control: Annotated[str | None, typer.Option(help="Control arm, of the same baseline.")] = None,
    out: Out = Path("synmodel-design"),
    effect: Annotated[
        list[str] | None,
        typer.Option(
            help="Fold of a rate after the dose, such as formation=1.3 or elimination=0.8 (may be repeated); "
            "default: the model's own effect of the drug arm on formation, under its posterior."
        ),
    ] = None,
    power: Annotated[float, typer.Option(help="Power to reach.")] = 0.8,
    analysis: Annotated[str, typer.Option(help="welch (the mouse is the unit), mixed or likelihood.")] = "welch",
    measure: Annotated[
        str | None,
        typer.Option(help="level after the dose, or change from the mouse's own sessions before; default: the better."),
    ] = None,
    lasts: Annotated[float | None, typer.Option(help="With --effect: days that it lasts (7).")] = None,
    decay: Annotated[float | None, typer.Option(help="With --effect: time constant of its fall, in days.")] = None,
    until: Annotated[
        float | None, typer.Option(help="Last day that counts as the effect; default: 7, or --lasts.")
    ] = None,
    sessions: Annotated[int | None, typer.Option(help="Number of sessions; default: any up to the scenario's.")] = None,
    days: Annotated[str | None, typer.Option(help='The sessions themselves, such as "-3,-1,1,3".')] = None,
    candidate_days: Annotated[str | None, typer.Option(help="Days among which sessions are searched.")] = None,
    before: Annotated[int, typer.Option(help="Fewest sessions before the dose.")] = 2,
    dendrites: Annotated[str, typer.Option(help="Numbers of dendrites per mouse to try.")] = "8,13,20,30,40",
    most_mice: Annotated[int, typer.Option(help="Most mice per arm.")] = 100,
    budget: Annotated[float | None, typer.Option(help="Highest cost of the study.")] = None,
    cost_per_mouse: Cost = None,
    cost_per_hour: Cost = None,
    hours_per_session: Hours = None,
    hours_per_dendrite: Hours = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Instead: rank arms by how well they tell two readings of the mechanism apart (`synmodel fit`)."
        ),
    ] = None,
    for_predicting: Annotated[
        str | None, typer.Option(help="Instead: the same for one reading, against the model's own.")
    ] = None,
    arms: Annotated[
        str | None, typer.Option(help="With --between: scenarios between commas; default: all with a drug in mice.")
    ] = None,
    doses: Annotated[
        str | None, typer.Option(help="With --between: factors on the doses of each arm; default: 0.3,1,3.")
    ] = None,
    studies: Annotated[
        int | None,
        typer.Option(help="Simulated studies that check the power; default: 400, or 200 if fitted one by one."),
    ] = None,
    seed: Seed = 1,
    posterior: File = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Plan an imaging study: mice, dendrites and days that find an effect, at the lowest cost.

    With --between or --for-predicting, instead: which arms tell two readings of the mechanism apart.
    """
    if for_predicting is not None:
        between = _against_the_model(for_predicting, between)
    _refuse_mixed(between is not None, {"--arms": arms, "--doses": doses}, {"--lasts": lasts, "--decay": decay})
    if between is not None:
        chosen = [name.strip() for name in arms.split(",")] if arms else []
        _between(between, chosen, _numbers("--doses", doses or _DOSES), out, seed, as_json=as_json, quiet=quiet)
        return
    scenario, control = _both_arms(scenario, control)
    from synmodel.analysis import planning
    from synmodel.report import design as report
    from synmodel.report import design_figure, files
    from synmodel.scenario import load

    number = studies if studies is not None else (400 if analysis == "welch" else 200)
    aim = planning.Aim(
        tuple(effect or ()), power, analysis, measure, lasts, decay, until, number  # type: ignore[arg-type]
    )  # fmt: skip
    limits = planning.Limits(
        sessions=sessions,
        days=None if days is None else _numbers("--days", days),
        candidate_days=planning.CANDIDATE_DAYS
        if candidate_days is None
        else _numbers("--candidate-days", candidate_days),
        before=before,
        dendrites=_wholes("--dendrites", dendrites),
        most_mice=most_mice,
        costs=planning.Costs(cost_per_mouse, cost_per_hour, hours_per_session, hours_per_dendrite),
        budget=budget,
    )
    files.check(out, _FILES)
    files.refuse_other_results(out, files.plan_title(load(scenario).name, load(control).name), "design.json")
    source = posterior_from(posterior)
    with progress(quiet) as steps:
        plan = planning.design(scenario, control, aim=aim, limits=limits, seed=seed, posterior=source, progress=steps)
    document = report.design_document(plan)
    made_with = document["provenance"]
    figure = design_figure.design_figure(plan)
    with files.folder(out) as folder:
        (folder / "design.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_dataset(report.design_dataset(plan, made_with), folder / "design.nc")
        files.save_figure(figure, folder / "design", made_with)
        for name, arm in zip(("study", "control"), plan.scenarios(), strict=True):
            (folder / f"{name}.toml").write_text(files.commented(arm.to_toml(), made_with), encoding="utf-8")
    print_result(document, report.design_tables, out, _FILES, as_json=as_json)


def _both_arms(scenario: str | None, control: str | None) -> tuple[str, str]:
    if scenario is None or control is None:
        missing = "--scenario" if scenario is None else "--control"
        message = f"{missing} is missing; give the drug arm with --scenario and its control with --control"
        raise DesignError(message)
    return scenario, control


def _refuse_mixed(between: bool, of_arms: Mapping[str, object], of_effect: Mapping[str, object]) -> None:
    """Refuse options that do not belong together."""
    given = [name for name, value in of_arms.items() if value is not None]
    if given and not between:
        message = f"{given[0]} goes with --between or --for-predicting; give one of them"
        raise DesignError(message)
    if all(value is not None for value in of_effect.values()):
        message = f"{' and '.join(of_effect)} are both given; an effect lasts, or it falls: give one of the two"
        raise DesignError(message)


def _against_the_model(reading: str, between: tuple[str, str] | None) -> tuple[str, str]:
    """The reading beside that of the model."""
    from synmodel.inference.summaries.readings import DEFAULT

    if between is not None:
        message = "--for-predicting and --between are both given; give one of them"
        raise DesignError(message)
    if reading == DEFAULT.name:
        message = f"--for-predicting is {reading!r}, the model itself; give another reading (`synmodel fit`)"
        raise DesignError(message)
    return DEFAULT.name, reading


def _between(
    readings: tuple[str, str],
    arms: list[str],
    doses: tuple[float, ...],
    out: Path,
    seed: int,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from synmodel.analysis.planning.readings import arms_to_try, separate
    from synmodel.report import files, separation

    to_try = arms_to_try(arms, doses)
    files.check(out, _ARM_FILES)
    with progress(quiet) as steps:
        found = separate(readings, to_try, seed=seed, progress=steps)
    document = separation.separation_document(readings, found, seed=seed)
    figure = separation.separation_figure(readings, found)
    with files.folder(out) as folder:
        (folder / "arms.json").write_text(files.to_json(document), encoding="utf-8")
        files.save_figure(figure, folder / "arms", document["provenance"])
    print_result(document, separation.separation_tables, out, _ARM_FILES, as_json=as_json)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """Numbers between commas.

    Raises
    ------
    DesignError
        If one is none.
    """
    try:
        return tuple(sorted({float(part) for part in text.split(",")}))
    except ValueError as fault:
        message = f'{option} is {text!r}; give numbers between commas, such as {option} "-3,-1,1,3"'
        raise DesignError(message) from fault


def _wholes(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as fault:
        message = f"{option} is {text!r}; give whole numbers between commas, such as {option} 8,13,20"
        raise DesignError(message) from fault
