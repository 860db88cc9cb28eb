"""Files that a user names, read as far as such a file can go: a device without an end is no table and no document."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path, PurePath

__all__ = ["DOCUMENT_BYTES", "TABLE_BYTES", "Received", "content_of"]

DOCUMENT_BYTES = 16_000_000
TABLE_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Received:
    """A file that came without a path, as from a browser: its name and what is in it."""

    name: str
    content: bytes

    @property
    def suffix(self) -> str:
        """End of the name, with its dot."""
        return PurePath(self.name).suffix

    def __str__(self) -> str:
        return self.name


def content_of(path: Path | Received, most: int) -> bytes:
    """All bytes of a file.

    Raises
    ------
    OSError
        If it cannot be read; ``EFBIG`` if it has more than ``most`` bytes, or no end.
    """
    if isinstance(path, Received):
        return path.content
    with path.open("rb") as file:
        # A device may have no size and no end: a table of a gigabyte is not asked of it.
        regular = os.fstat(file.fileno()).st_size > 0
        limit = most if regular else min(most, DOCUMENT_BYTES)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content
