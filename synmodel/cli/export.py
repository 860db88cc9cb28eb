"""The verb ``export``: a scenario as files for the tools of others."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from synmodel.cli.joint import Out
from synmodel.core.errors import SynmodelError

__all__ = ["export"]


def export(
    scenario: Annotated[str, typer.Argument(help="Name of an embedded scenario, or a TOML file.")],
    out: Out = Path("synmodel-export"),
    sbml: Annotated[bool, typer.Option("--sbml", help="SBML: course of the means; turnover as reactions.")] = False,
    omex: Annotated[bool, typer.Option("--omex", help="COMBINE archive of the SBML with a simulation to run.")] = False,
    petab: Annotated[bool, typer.Option("--petab", help="PEtab problem of the group summaries of its fit.")] = False,
    study: Annotated[
        list[str] | None,
        typer.Option(help="With --petab: study whose summaries it is of (may be repeated); default: all fitted ones."),
    ] = None,
) -> None:
    """Write a scenario as SBML, as a COMBINE archive, or the fit of its mechanism as a PEtab problem."""
    from synmodel.report import files
    from synmodel.report.exporting.files import omex_file, sbml_files
    from synmodel.report.exporting.petab_problem import petab_files

    if not (sbml or omex or petab):
        message = "nothing is asked for; give one or more of --sbml, --omex and --petab"
        raise SynmodelError(message)
    if study and not petab:
        message = "--study is given without --petab; add --petab, or leave it out"
        raise SynmodelError(message)
    texts: dict[str, str | bytes] = {}
    files.check(out, [])
    if sbml:
        texts |= sbml_files(scenario)
    if omex:
        texts |= omex_file(scenario)
    if petab:
        texts |= petab_files(scenario, study or ())
    files.check(out, texts)
    with files.folder(out) as folder:
        for name, text in texts.items():
            content = text.encode() if isinstance(text, str) else text
            (folder / name).write_bytes(content)
    sys.stdout.write(f"Written to {out}: {', '.join(texts)}\n")
