"""Rows that could not be kept: which, and why, never what they said.

One rejects file per call of ingest, NDJSON, 0600: file, row, reason. It grows with each source that commits; how much
of it counts stands in the catalogue, so that a kill between the two leaves nothing that does not belong.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from leaktrace.ledger.durable import make_folder, storing
from leaktrace.ledger.formats import RejectedRow
from leaktrace.wholefiles import sync_folder

_BLOCK_BYTES = 1024 * 1024


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

    def append(self, *, may_be_there: bool = False) -> tuple[str, int] | None:
        """Adds the rows to the rejects file, durably; its path below the ledger's folder and its length now.

        `may_be_there`: the same file was read before; where its lines stand there already, none is added.
        """
        if self._spool.tell() == 0:
            return None
        make_folder(self._file.parent)
        with storing(self._file):
            if may_be_there and self._file.exists() and self._is_there():
                return str(self._file.relative_to(self._folder)), self._file.stat().st_size
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as stream:
                self._length_before = stream.tell()
                self._spool.seek(0)
                shutil.copyfileobj(self._spool, stream)
                stream.flush()
                os.fsync(stream.fileno())
                length = stream.tell()
            sync_folder(self._file.parent)
        return str(self._file.relative_to(self._folder)), length

    def _is_there(self) -> bool:
        """Whether all lines of the spool stand in the rejects file, one behind the other."""
        self._spool.seek(0)
        first = self._spool.readline()
        with self._file.open("rb") as stream:
            while line := stream.readline():
                place = stream.tell()
                if line == first and self._goes_on(stream, len(first)):
                    return True
                stream.seek(place)
        return False

    def _goes_on(self, stream: IO[bytes], done: int) -> bool:
        self._spool.seek(done)
        while block := self._spool.read(_BLOCK_BYTES):
            if stream.read(len(block)) != block:
                return False
        return True

    def take_back(self) -> None:
        """Cuts off again what was appended."""
        if self._length_before is not None:
            cut_rejects(self._file, self._length_before)


def cut_rejects(path: Path, length: int) -> None:
    """Shortens a rejects file to what counts of it; an empty one goes."""
    with storing(path):
        if length:
            os.truncate(path, length)
        else:
            path.unlink(missing_ok=True)
