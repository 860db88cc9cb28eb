"""Where compiled kernels are kept between runs, so that they are never older than their sources.

numba keeps compiled functions on disk, and notices a change in the file of a function, but not in a function that it
calls from another file. Therefore every state of the kernels has a folder of its own, named by a digest of

* all files that hold a compiled function, and all files of the package that these import, however far down;
* the versions of Python, numba and llvmlite, and the name and features of the processor.

An edit anywhere in them gives another folder, in a checkout and in an installed package alike. Folders that have not
been used for a month are removed. ``SYNMODEL_CACHE_DIR`` moves the cache, ``SYNMODEL_NUMBA_CACHE=0`` does without.

What is kept is code that will run, so the folder is private (:mod:`synmodel.core.private`), and every file carries a
digest, so that one which is damaged is as if it were not there (:class:`KeptCode`).
"""

import contextlib
import hashlib
import os
import pickle
import platform
import re
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numba.core import caching, runtime

from synmodel.core.private import private_folder

__all__ = ["KeptCode", "folder", "kernel_digest", "kernel_files"]

_PACKAGE = Path(__file__).parents[1]
_COMPILED = re.compile(r"^\s*@(?:compiled|allocating_nothing|inlined|summing)", re.MULTILINE)
_IMPORTED = re.compile(r"^\s*(?:from\s+(synmodel[\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+(synmodel[\w.]*))", re.M)
_MARKS = (b"@compiled", b"@allocating_nothing", b"@inlined", b"@summing")
_numba: Any = caching  # without types
_runtime: Any = runtime
_HASHES = b"_numba_hashsecret"
_DIGEST_BYTES = hashlib.sha256().digest_size


def folder() -> Path | None:
    """The folder for compiled code of these sources on this processor; None if none is wanted or none is safe."""
    if os.environ.get("SYNMODEL_NUMBA_CACHE", "1") in {"", "0"}:
        return None
    return private_folder("kernels", kernel_digest())


class KeptCode(_numba.FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, which never stands in the way: what cannot be read or written is done without."""

    def __init__(self, function: object) -> None:
        super().__init__(function)
        self._cache_file = _CheckedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: object, target_context: object) -> object:
        """Compiled code, or None.

        numba would first import all that it can compile, a quarter of a second that code which is there does not need:
        it needs the functions of the runtime alone. What is compiled later has all of it imported then.
        """
        # Whatever is wrong with a file: compiling anew is always right.
        with contextlib.suppress(Exception):
            _runtime.rtsys.initialize(target_context)
            return self._load_overload(sig, target_context)
        return None

    def save_overload(self, sig: object, data: object) -> None:
        """Keep compiled code where that is possible; a disk may be full."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class _CheckedFiles(_numba.IndexDataCacheFile):  # type: ignore[misc]
    """Index and code of one function, each behind the digest of its content."""

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, overloads = pickle.loads(self._read(self._index_path))
        except OSError:
            return {}
        return overloads if stamp == (self._version, self._source_stamp) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, self._dump(((self._version, self._source_stamp), overloads)))

    def _load_data(self, name: str) -> object:
        return pickle.loads(self._read(self._data_path(name)))

    def _save_data(self, name: str, data: object) -> None:
        payload = self._dump(data)
        # Code that makes hashes asks for numbers which numba has only once it has imported all; none of ours does.
        if _HASHES not in payload:
            self._write(self._data_path(name), payload)
        else:  # what an earlier signature left under this name is not it
            Path(self._data_path(name)).unlink(missing_ok=True)

    def _read(self, path: str) -> bytes:
        content = Path(path).read_bytes()
        digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != digest:
            message = f"{path} is damaged"
            raise OSError(message)
        return payload

    def _write(self, path: str, payload: bytes) -> None:
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(payload).digest() + payload)


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
    sources = {path: path.read_bytes() for path in package.rglob("*.py")}
    # Every command looks, so what has no mark anywhere is not searched line by line.
    marked = [path for path, source in sources.items() if any(mark in source for mark in _MARKS)]
    waiting = [path for path in marked if _COMPILED.search(sources[path].decode())]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            names = _imports(sources[path].decode())
            waiting += [other for name in names for other in _files_of(package, name, sources)]
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
