"""The verb ``new``: a commented file of a compound, condition, target, scenario or study, to be edited."""

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from synmodel import library
from synmodel.core.errors import LibraryError
from synmodel.library.own import checked_name

__all__ = ["What", "new"]

_PLACEHOLDER = "NAME"
_NAME_LINE = re.compile(r"(?m)^name\s*=.*?$")


class What(StrEnum):
    """What can be written."""

    compound = "compound"
    condition = "condition"
    scenario = "scenario"
    study = "study"
    target = "target"


_KINDS: dict[str, library.Kind] = {
    "compound": "compounds",
    "condition": "conditions",
    "scenario": "scenarios",
    "study": "studies",
    "target": "targets",
}


def new(
    what: Annotated[What, typer.Argument(help="What to write.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: NAME.toml.")] = None,
    like: Annotated[str | None, typer.Option(help="Entry of the library to copy, in place of the template.")] = None,
) -> None:
    """Write a commented file of your own compound, condition, target, scenario or study, ready to be edited."""
    checked_name(name, "NAME")
    path = Path(f"{name}.toml") if out is None else out
    kind = _KINDS[what]
    if name in library.names(kind):
        message = f"the library has a {what} {name!r} already; choose another name"
        raise LibraryError(message)
    _check_path(what, name, path)
    if like is None:
        text = library.text_of("templates", str(what)).replace(_PLACEHOLDER, name)
    else:
        text = _NAME_LINE.sub(f'name = "{name}"', library.text_of(kind, like), count=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as fault:
        message = f"--out is {path}, which is there already; give another file, or delete it"
        raise LibraryError(message) from fault
    except OSError as fault:
        message = f"--out is {path}, which cannot be written: {fault.strerror}; give another file"
        raise LibraryError(message) from fault
    used = f"studies/{name}/study.toml" if what == What.study else f"{kind}/{name}.toml"
    sys.stdout.write(f"Written to {path}; in a library folder (`synmodel --library FOLDER ...`) it is {used}\n")


def _check_path(what: What, name: str, path: Path) -> None:
    """Refuse a file by which the library would not find the entry; a scenario is found by its path as well."""
    of_study = what == What.study and path.name == "study.toml" and path.absolute().parent.name == name
    if what == What.scenario or of_study or path.name == f"{name}.toml":
        return
    also = f", or {name}/study.toml" if what == What.study else ""
    message = f"--out is {path}, and the library finds {name!r} by the name of its file; give {name}.toml{also}"
    raise LibraryError(message)
