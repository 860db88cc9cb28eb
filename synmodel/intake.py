"""Files that a user names, read as far as such a file can go: a device without an end is no table and no document."""

import errno
import os
from pathlib import Path

__all__ = ["DOCUMENT_BYTES", "TABLE_BYTES", "content_of"]

DOCUMENT_BYTES = 16_000_000
TABLE_BYTES = 2_000_000_000


def content_of(path: Path, most: int) -> bytes:
    """All bytes of a file.

    Raises
    ------
    OSError
        If it cannot be read; ``EFBIG`` if it has more than ``most`` bytes, or no end.
    """
    with path.open("rb") as file:
        # A device may have no size and no end: a table of a gigabyte is not asked of it.
        regular = os.fstat(file.fileno()).st_size > 0
        limit = most if regular else min(most, DOCUMENT_BYTES)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content
