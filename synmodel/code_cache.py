"""Where compiled kernels are kept between runs, so that they are never older than their sources.

numba keeps compiled functions on disk, and notices a change in the file of a function, but not in a function that it
calls from another file. Therefore every state of the kernels has a folder of its own, named by a digest of

* all files that hold a compiled function, and all files of the package that these import, however far down;
* the versions of Python, numba and llvmlite, and the name and features of the processor.

An edit anywhere in them gives another folder, in a checkout and in an installed package alike. Folders that have not
been used for a month are removed. ``SYNMODEL_CACHE_DIR`` moves the cache, ``SYNMODEL_NUMBA_CACHE=0`` does without.
"""

import hashlib
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

__all__ = ["folder", "kernel_digest", "kernel_files"]

_PACKAGE = Path(__file__).parent
_COMPILED = re.compile(r"^\s*@(?:compiled|allocating_nothing|inlined)", re.MULTILINE)
_IMPORTED = re.compile(r"^\s*(?:from\s+(synmodel[\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+(synmodel[\w.]*))", re.M)
_UNUSED_AFTER_S = 30 * 86_400.0


def folder() -> Path | None:
    """The folder for compiled code of these sources on this processor; None if none is wanted or can be written."""
    if os.environ.get("SYNMODEL_NUMBA_CACHE", "1") in {"", "0"}:
        return None
    root = _root() / "kernels"
    here = root / kernel_digest()
    try:
        here.mkdir(parents=True, exist_ok=True)
        os.utime(here)  # says that it is in use
    except OSError:
        return None
    if not os.access(here, os.W_OK):
        return None
    _forget_unused(root)
    return here


def kernel_digest(package: Path = _PACKAGE) -> str:
    """Digest of all that compiled code depends on."""
    from llvmlite import binding

    machine = (binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(), platform.machine())
    content = hashlib.sha256("\n".join([sys.version, version("numba"), version("llvmlite"), *machine]).encode())
    for path in kernel_files(package):
        content.update(b"\0" + path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:32]


def kernel_files(package: Path = _PACKAGE) -> list[Path]:
    """Files with a compiled function, and the files of the package that they import, directly or not."""
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    waiting = [path for path, text in texts.items() if _COMPILED.search(text)]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [other for name in _imports(texts[path]) for other in _files_of(package, name, texts)]
    return sorted(found)


def _imports(text: str) -> Iterable[str]:
    """Dotted names that a source may import from the package: ``a.b`` and ``a.b.c`` for ``from a.b import c``."""
    for source, names, plain in _IMPORTED.findall(text):
        yield source or plain
        for name in re.findall(r"\w+", names):
            yield f"{source}.{name}"


def _files_of(package: Path, name: str, texts: Iterable[Path]) -> list[Path]:
    """The file of a module or package; nothing for a name that is neither."""
    stem = package.joinpath(*name.split(".")[1:])
    return [path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path in texts]


def _root() -> Path:
    """The user's cache folder, by the custom of the platform."""
    given = os.environ.get("SYNMODEL_CACHE_DIR") or os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "synmodel"


def _forget_unused(root: Path) -> None:
    now = time.time()
    for old in root.iterdir():
        try:
            if now - old.stat().st_mtime > _UNUSED_AFTER_S:
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue  # another process was faster
