"""What a report of a bug needs to say of an installation: versions, platform, threads, folders."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

__all__ = ["installation"]

_VARIABLES = ("SYNMODEL_LIBRARY", "SYNMODEL_CACHE_DIR", "SYNMODEL_NUMBA_CACHE", "SYNMODEL_DEBUG", "NUMBA_NUM_THREADS",
              "NUMBA_DISABLE_JIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # fmt: skip


def installation() -> list[tuple[str, str]]:
    """Names and values, in the order in which they are read: the program, the machine, libraries, folders."""
    from synmodel import library
    from synmodel.core.code_cache import folder
    from synmodel.core.cores import usable_cores
    from synmodel.library.provenance import version_of_synmodel

    entries = [
        ("synmodel", version_of_synmodel()),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}"),
        ("platform", f"{platform.platform()}, {platform.machine()}"),
        ("encoding", f"{sys.stdout.encoding}, file names {sys.getfilesystemencoding()}"),
        ("processors", f"{os.cpu_count()}, of them for this process {usable_cores()}"),
        *_threads(),
        ("compiled code", str(folder() or "not kept")),
        ("library of one's own", library.in_use().told or "none"),
        *((name, os.environ[name]) for name in _VARIABLES if name in os.environ),
    ]
    return entries + [(name, _version(name)) for name in _libraries()]


def _threads() -> list[tuple[str, str]]:
    """Threads of numba and of the libraries of linear algebra that are loaded with numpy."""
    import numba
    import numpy as np  # noqa: F401 - loads its linear algebra
    import threadpoolctl

    pools = [f"{each['internal_api']} {each['num_threads']}" for each in threadpoolctl.threadpool_info()]
    return [("threads", f"numba {numba.get_num_threads()}, {', '.join(pools) or 'no other pool'}")]


def _libraries() -> list[str]:
    """All that the package may use, required or by an extra."""
    try:
        wanted = requires("synmodel") or []
    except PackageNotFoundError:
        return []
    return sorted({match[0] for each in wanted if (match := re.match(r"[A-Za-z0-9._-]+", each))}, key=str.lower)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
