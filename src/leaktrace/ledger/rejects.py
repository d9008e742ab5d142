"""Rows that could not be kept: which, and why, never what they said.

One rejects file per call of ingest, NDJSON, 0600: file, row, reason. It grows with each source that commits; how much
of it counts stands in the catalogue, so that a kill between the two leaves nothing that does not belong.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from leaktrace.ledger.durable import make_folder, storing
from leaktrace.ledger.formats import RejectedRow
from leaktrace.wholefiles import sync_folder


class RejectsSpool:
    """The rejected rows of one source, until it is committed."""

    def __init__(self, folder: Path, rejects_file: Path, source_name: str) -> None:
        self._folder, self._file, self._source_name = folder, rejects_file, source_name
        self._length_before: int | None = None
        with storing(rejects_file):
            self._spool = tempfile.TemporaryFile(dir=folder / "tmp")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def restart(self) -> None:
        """Forgets what was added."""
        self._spool.seek(0)
        self._spool.truncate()

    def add(self, rejected: Iterable[RejectedRow]) -> None:
        """Sets rows aside."""
        with storing(self._file):
            for row in rejected:
                line = {"file": self._source_name, "row": row.source_row, "reason": row.reason}
                self._spool.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def append(self, *, again: bool = False) -> tuple[str, int] | None:
        """Adds the rows to the rejects file, durably; its path below the ledger's folder and its length now.

        `again`: the same bytes were rejected before; lines that stand there already are not written a second time.
        """
        if self._spool.tell() == 0:
            return None
        make_folder(self._file.parent)
        with storing(self._file):
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "a+b") as stream:
                self._length_before = stream.seek(0, os.SEEK_END)
                known = self._known_lines(stream) if again else frozenset()
                self._spool.seek(0)
                stream.writelines(line for line in self._spool if _digest(line) not in known)
                stream.flush()
                os.fsync(stream.fileno())
                length = stream.tell()
            sync_folder(self._file.parent)
        return str(self._file.relative_to(self._folder)), length

    def _known_lines(self, stream: BinaryIO) -> frozenset[bytes]:
        stream.seek(0)
        known = frozenset(_digest(line) for line in stream)
        stream.seek(0, os.SEEK_END)
        return known

    def take_back(self) -> None:
        """Cuts off again what was appended."""
        if self._length_before is not None:
            cut_rejects(self._file, self._length_before)


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()


def cut_rejects(path: Path, length: int) -> None:
    """Shortens a rejects file to what counts of it; an empty one goes."""
    with storing(path):
        if length:
            os.truncate(path, length)
        else:
            path.unlink(missing_ok=True)
