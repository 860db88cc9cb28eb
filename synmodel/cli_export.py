"""The verb ``export``: a scenario as files for the tools of others."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from synmodel.cli_joint import Out
from synmodel.errors import SynmodelError

__all__ = ["export"]


def export(
    scenario: Annotated[str, typer.Argument(help="Name of an embedded scenario, or a TOML file.")],
    out: Out = Path("synmodel-export"),
    sbml: Annotated[bool, typer.Option("--sbml", help="SBML: course of the means; turnover as reactions.")] = False,
    omex: Annotated[bool, typer.Option("--omex", help="COMBINE archive of the SBML with a simulation to run.")] = False,
) -> None:
    """Write a scenario as SBML, or as a COMBINE archive."""
    from synmodel.exporting.files import omex_file, sbml_files
    from synmodel.report import files

    if not (sbml or omex):
        message = "nothing is asked for; give --sbml, --omex, or both"
        raise SynmodelError(message)
    texts: dict[str, str | bytes] = {}
    files.check(out, [])
    if sbml:
        texts |= sbml_files(scenario)
    if omex:
        texts |= omex_file(scenario)
    files.check(out, texts)
    with files.folder(out) as folder:
        for name, text in texts.items():
            content = text.encode() if isinstance(text, str) else text
            (folder / name).write_bytes(content)
    sys.stdout.write(f"Written to {out}: {', '.join(texts)}\n")
