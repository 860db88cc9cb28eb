"""The verbs that look into the library: lists of its entries, and ``show``."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from synmodel import library
from synmodel.cli.joint import AsJson
from synmodel.cli.output import print_json, print_tables
from synmodel.core.plain import Json

__all__ = ["VERBS", "Folders", "open_library"]

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--library",
        help="Folder with entries of your own (compounds/, conditions/, targets/, studies/, ...), beside those of the "
        "package; may be repeated. Before the command; also SYNMODEL_LIBRARY.",
        show_default=False,
    ),
]

_SHOWN_AS_FILES: tuple[library.Kind, ...] = ("scenarios", "sweeps")


def open_library(context: typer.Context, folders: Iterable[Path]) -> None:
    """Use the entries of folders while a command runs, all of them checked first."""
    given = list(folders)
    if given:
        context.with_resource(library.using(*given))
    if library.in_use():
        from synmodel.analysis.checked_library import check_entries

        check_entries()


def scenarios(as_json: AsJson = False) -> None:
    """List the scenarios."""
    from synmodel.scenario import load

    _list("scenarios", [(name, load(name).title) for name in library.names("scenarios")], as_json)


def sweeps(as_json: AsJson = False) -> None:
    """List the sweeps."""
    titles = [(name, library.document_of("sweeps", name).get("title", "")) for name in library.names("sweeps")]
    _list("sweeps", titles, as_json)


def conditions(as_json: AsJson = False) -> None:
    """List the genotypes, stress states and treatments."""
    from synmodel.scenario.conditions import load_condition

    entries = [load_condition(name) for name in library.names("conditions")]
    _list("conditions", [(entry.name, f"{entry.title} ({entry.kind})") for entry in entries], as_json)


def evidence(as_json: AsJson = False) -> None:
    """List the measurements against which scenarios are checked."""
    from synmodel.library.evidence import all_checks

    _list("evidence", [(check.name, check.title) for check in all_checks()], as_json)


def studies(as_json: AsJson = False) -> None:
    """List the studies."""
    from synmodel.data import load_study

    _list("studies", [(name, load_study(name).citation) for name in library.names("studies")], as_json)


def compounds(as_json: AsJson = False) -> None:
    """List the compounds."""
    from synmodel.pharmacology import load_compound

    rows = [(name, f"{load_compound(name).title}: {load_compound(name).kind}") for name in library.names("compounds")]
    _list("compounds", rows, as_json)


def targets(as_json: AsJson = False) -> None:
    """List the receptors of your own, which a compound may act on beside those of the package."""
    from synmodel.library.targets import load_target

    _list("targets", [(name, load_target(name).title) for name in library.names("targets")], as_json)


def show(
    name: Annotated[
        str, typer.Argument(help="Name of a scenario, study, compound, condition, target, evidence or parameter set.")
    ],
    as_json: AsJson = False,
) -> None:
    """Print a scenario or sweep as TOML to edit; any other entry as tables with sources."""
    from synmodel.library.drug_numbers import with_priors
    from synmodel.report import tables

    for kind in _SHOWN_AS_FILES:
        if not as_json and name in library.names(kind):
            # The file as it stands, for its comments say what is assumed.
            sys.stdout.write(library.text_of(kind, name))
            return
    entries = {kind: library.document_of(kind, name) for kind in library.kinds_of(name)}
    if "compounds" in entries:
        entries["compounds"] = with_priors(entries["compounds"])
    first, *others = entries
    if as_json:
        print_json(entries[first] | {kind: entries[kind] for kind in others})
        return
    for kind, document in entries.items():
        place = library.place_of(kind, name)
        if place is not None:
            sys.stdout.write(f"of your own, from {place}\n")
        print_tables(tables.entry_tables(kind, name, document))


VERBS: tuple[Any, ...] = (scenarios, sweeps, conditions, evidence, studies, compounds, targets, show)
"""In the order of the help."""


def _list(kind: library.Kind, rows: list[tuple[str, str]], as_json: bool) -> None:
    own = {name: place for name, _ in rows if (place := library.place_of(kind, name)) is not None}
    if as_json:
        document: Json = {kind: dict(rows)} | ({"own": own} if own else {})
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        mark = f"  [your own: {own[name]}]" if name in own else ""
        sys.stdout.write(f"{name:<{width}}  {text}{mark}\n")
    if not rows:
        sys.stdout.write(f"there are no {kind} yet; see `synmodel new --help`\n")
