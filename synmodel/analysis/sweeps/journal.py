"""The journal of a sweep: a file with a slot for every piece, written once and checked by a sum.

A slot holds CRC-32, a byte that says whether the piece failed, the reason (cut at 200 bytes), and the record. The sum
covers the digest of the plan and the number of the slot too, so a slot that was half-written when the process was
killed, or belongs to another plan, counts as not done. A piece has one slot: it cannot be lost or counted twice.
"""

import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from synmodel.analysis.sweeps.plan import Plan
from synmodel.analysis.sweeps.work import arms_of, made_with, merged, pieces_per_cell, rows_of
from synmodel.core.errors import SweepError
from synmodel.core.plain import Json

if sys.platform != "win32":
    import fcntl

__all__ = ["Journal", "claim", "forget", "opened"]

Array = NDArray[np.float64]

_HEAD = struct.Struct("<IB3x200s")
_SYNC_SECONDS = 5.0
_PLAN, _CELLS = "plan.json", "cells.journal"
_MOST_READ_BYTES = 8_000_000


class Journal:
    """Slots of a plan in an open file."""

    def __init__(self, plan: Plan, file: BinaryIO) -> None:
        self.plan = plan
        self.per_cell = pieces_per_cell(plan)
        self.record = (len(arms_of(plan)), rows_of(plan), len(plan.points))
        self.n_slot = plan.n_cell * self.per_cell
        self._file = file
        self._size = _HEAD.size + 8 * int(np.prod(self.record))
        self._synced = time.monotonic()

    def write(self, slot: int, record: Array, reason: str) -> None:
        """Note what became of a piece.

        Raises
        ------
        OSError
            If there is no room for it.
        """
        body = np.ascontiguousarray(record, "<f8").tobytes()
        text = reason.encode()[:200]
        head = _HEAD.pack(self._sum(slot, bool(reason), text.ljust(200, b"\0"), body), bool(reason), text)
        self._file.seek(slot * self._size)
        left = memoryview(head + body)
        while left:  # a disk that is nearly full takes a part, and says so at the next try
            left = left[self._file.write(left) :]
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    @property
    def is_empty(self) -> bool:
        """Whether no piece was ever done."""
        return os.fstat(self._file.fileno()).st_size == 0

    def done(self) -> NDArray[np.bool_]:
        """(n_slot,) whether each piece is done."""
        return np.array([sound for _, sound, _, _ in self._slots(0, self.n_slot)], bool)

    def cells(self, first: int, end: int) -> Iterator[tuple[Array, str]]:
        """(arm, row, point) summary of cells whose pieces are all done, and why each failed, or an empty text."""
        slots = self._slots(first * self.per_cell, end * self.per_cell)
        for _ in range(first, end):
            reasons: list[str] = []
            yield merged(self._pieces(slots, reasons)), next(filter(None, reasons), "")

    def _pieces(self, slots: Iterator[tuple[int, bool, str, Array]], reasons: list[str]) -> Iterator[Array]:
        """Records of the pieces of the next cell; why they failed is added to the reasons."""
        for _, sound, reason, record in islice(slots, self.per_cell):
            assert sound
            reasons.append(reason)
            yield record

    def _slots(self, first: int, end: int) -> Iterator[tuple[int, bool, str, Array]]:
        """Number, soundness, reason and record of slots; read in runs."""
        run = max(1, _MOST_READ_BYTES // self._size)
        for start in range(first, end, run):
            stop = min(start + run, end)
            self._file.seek(start * self._size)
            content = self._file.read((stop - start) * self._size)
            for slot in range(start, stop):
                raw = content[(slot - start) * self._size : (slot - start + 1) * self._size]
                if len(raw) < self._size:
                    yield slot, False, "", np.empty(0)
                    continue
                checksum, failed, text = _HEAD.unpack_from(raw)
                body = raw[_HEAD.size :]
                sound = checksum == self._sum(slot, bool(failed), text, body)
                reason = text.rstrip(b"\0").decode(errors="ignore") if failed else ""
                yield slot, sound, reason, np.frombuffer(body, "<f8").reshape(self.record)

    def _sum(self, slot: int, failed: bool, text: bytes, body: bytes) -> int:
        start = zlib.crc32(f"{self.plan.digest} {slot} {failed}".encode())
        return zlib.crc32(body, zlib.crc32(text, start))


def claim(plan: Plan, out: Path) -> None:
    """Make the folder that of this plan, or find that it is.

    Raises
    ------
    SweepError
        If it holds another sweep or one made with other versions, or cannot be written.
    """
    document = {
        "name": plan.name, "digest": plan.digest, "made_with": made_with(), **json.loads(json.dumps(plan.content))
    }  # fmt: skip
    try:
        out.mkdir(parents=True, exist_ok=True)
        manifest = out / _PLAN
        if manifest.exists():
            _same(json.loads(manifest.read_text(encoding="utf-8")), document, out)
            return
        part = out / f".{_PLAN}"
        part.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(manifest)
    except OSError as fault:
        message = f"sweep: {out} cannot be written: {fault.strerror or fault}; give another folder"
        raise SweepError(message) from fault
    except (json.JSONDecodeError, UnicodeDecodeError) as fault:
        message = f"sweep: {out / _PLAN} is no plan of a sweep; give another folder"
        raise SweepError(message) from fault


def _same(found: object, wanted: Json, out: Path) -> None:
    """Raise unless a manifest is that of the plan."""
    if not isinstance(found, dict) or "digest" not in found:
        message = f"sweep: {out / _PLAN} is no plan of a sweep; give another folder"
        raise SweepError(message)
    if found["digest"] != wanted["digest"]:
        keys = [key for key in wanted if key not in ("digest", "made_with", "name") and found.get(key) != wanted[key]]
        message = (
            f"sweep: {out} holds another sweep (other {', '.join(keys) or 'contents'}); give another folder, or delete "
            "it to start anew"
        )
        raise SweepError(message)
    if found["made_with"] != wanted["made_with"]:
        message = (
            f"sweep: {out} was begun with {found['made_with']}, this is {wanted['made_with']}; go on with the same "
            "versions, or delete it to start anew"
        )
        raise SweepError(message)


@contextmanager
def opened(plan: Plan, out: Path, *, made: bool = False) -> Iterator[Journal]:
    """The journal of a claimed folder, locked against a second process; a folder left with nothing done is given back.

    Parameters
    ----------
    made : bool
        Whether there was no folder before: then none is left with nothing done.

    Raises
    ------
    SweepError
        If another process works on it, or it cannot be opened.
    """
    try:
        (out / _CELLS).touch()
        file = (out / _CELLS).open("r+b", buffering=0)
    except OSError as fault:
        message = f"sweep: {out / _CELLS} cannot be opened: {fault.strerror}; give another folder"
        raise SweepError(message) from fault
    with file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as fault:
                message = f"sweep: another process is working on {out}; wait for it, or give another folder"
                raise SweepError(message) from fault
        journal = Journal(plan, file)
        try:
            yield journal
        finally:
            if journal.is_empty:
                for name in (_CELLS, _PLAN):
                    with suppress(OSError):  # such as that of Windows, which removes no file that is open
                        (out / name).unlink()
                if made:
                    with suppress(OSError):
                        out.rmdir()


def forget(out: Path) -> None:
    """Remove the journal of a finished sweep."""
    (out / _CELLS).unlink(missing_ok=True)
