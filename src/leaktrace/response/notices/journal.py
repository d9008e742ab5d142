"""What was attempted and what the relay answered, written before and after each DATA by one `write` of 32 bytes.

The outbox commits once per claimed window, which a mail at a time would be too slow for. In between, this file
tells: a record that `write` returned for is in the kernel, so that it survives the end of the process at any moment
(SIGKILL). It does not survive a power cut unless `fsync_each` is set; the outbox notices by the boot id that the
machine was started anew, and takes what was claimed and is not in the journal as unknown (ADR 0023).

A record: kind, reply code, enhanced status (RFC 3463), row of the outbox, microseconds since 1970, CRC-32. A torn
last record is one whose `write` never returned: what it would have announced was not done.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from leaktrace.errors import ResponseError

_RECORD = struct.Struct("<BBHHHQQ4x")
_CRC = struct.Struct("<I")
RECORD_BYTES = _RECORD.size + _CRC.size
JournalKind = Literal["attempt", "accepted", "refused", "retry", "unknown", "not_sent"]
KINDS: tuple[JournalKind, ...] = get_args(JournalKind)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the relay said: never its words, which may hold an address."""

    kind: JournalKind
    code: int = 0
    """Reply code (RFC 5321, section 4.2); 0 where there was no reply."""
    status: tuple[int, int, int] | None = None
    """Enhanced status (RFC 3463), as (5, 1, 1)."""

    def told(self) -> str:
        """`550 5.1.1`, for the reason kept in the outbox."""
        status = "" if self.status is None else " " + ".".join(map(str, self.status))
        return f"{self.code}{status}" if self.code else ""


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One line of it."""

    row: int
    answer: Answer
    at: datetime


class Journal:
    """The open file; one process at a time writes it, which the outbox's lock sees to."""

    def __init__(self, path: Path, *, fsync_each: bool) -> None:
        self._path = path
        self._fsync_each = fsync_each
        with _writing(path):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, row: int, answer: Answer, at: datetime) -> None:
        """When it returns, a killed process has said it; when it raises, what it announces must not be done."""
        status = answer.status or (0, 0, 0)
        packed = _RECORD.pack(
            KINDS.index(answer.kind), status[0], answer.code, status[1], status[2], row, _microseconds(at)
        )
        try:
            written = os.write(self._handle, packed + _CRC.pack(zlib.crc32(packed)))
            if self._fsync_each:
                os.fdatasync(self._handle)
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        if written != RECORD_BYTES:
            raise _cannot_write(self._path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def records(self) -> tuple[tuple[JournalRecord, ...], bool]:
        """(everything written since the last `clear` that can be read, whether all of it but a torn end can)."""
        return read_records(self._path.read_bytes())

    def clear(self) -> None:
        """Empties it: what it said is committed in the outbox."""
        with _writing(self._path):
            os.ftruncate(self._handle, 0)
            if self._fsync_each:
                os.fdatasync(self._handle)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._handle)


def read_records(content: bytes) -> tuple[tuple[JournalRecord, ...], bool]:
    """(the records of a journal up to the first that is damaged, whether none is); a torn end is no damage."""
    records: list[JournalRecord] = []
    for offset in range(0, len(content) // RECORD_BYTES * RECORD_BYTES, RECORD_BYTES):
        packed = content[offset : offset + _RECORD.size]
        (crc,) = _CRC.unpack_from(content, offset + _RECORD.size)
        kind, first, code, second, third, row, at = _RECORD.unpack(packed)
        if crc != zlib.crc32(packed) or kind >= len(KINDS):
            return tuple(records), False
        status = (first, second, third) if first else None
        moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
        records.append(JournalRecord(row, Answer(KINDS[kind], code, status), moment))
    return tuple(records), True


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> ResponseError:
    return ResponseError(
        f"The journal {path.name} of the outbox cannot be written: {error.strerror or error}.",
        "The sender stopped before the next mail. Make room, then run `notify send` again: it resumes.",
    )
