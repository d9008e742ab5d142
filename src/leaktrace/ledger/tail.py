"""Reads what grows: a file that may be rotated or truncated, and standard input. No decisions, only what was seen."""

from __future__ import annotations

import os
import select
from enum import Enum
from pathlib import Path
from typing import Protocol

from leaktrace.ledger.formats import BadFileError
from leaktrace.ledger.rawrows import Meter, open_bytes, reading

READ_BYTES = 1024 * 1024
_REMEMBERED_BYTES = 4096


class Seen(Enum):
    """What a look at a source can show beside new bytes."""

    NOTHING = "nothing new yet"
    END = "nothing will come any more"
    REPLACED = "nothing new, and another file has its name"
    GONE = "nothing new, and no file has its name"
    CUT = "what was read is not in it any more: it was truncated"


class Tail(Protocol):
    """Where lines come from."""

    def read(self) -> bytes | Seen:
        """The next bytes, or why there are none. Does not wait for a file; for a stream as long as its poll takes."""

    def share(self) -> float | None:
        """The part that is read, 0 to 1; None where the end is not known."""

    def close(self) -> None:
        """Lets go of it."""


class FileTail:
    """A file from an offset on. It stays the same file when its name is given to another."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        """BadFileError where it cannot be read."""
        self._path, self._at = path, offset
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(path, error) from error
        self._last = os.pread(self._handle, min(offset, _REMEMBERED_BYTES), max(0, offset - _REMEMBERED_BYTES))

    @property
    def identity(self) -> str:
        """`device:inode`."""
        status = os.fstat(self._handle)
        return f"{status.st_dev}:{status.st_ino}"

    @property
    def modified_ns(self) -> int:
        """When it was last written to, in nanoseconds."""
        return os.fstat(self._handle).st_mtime_ns

    def read(self) -> bytes | Seen:
        """The next bytes, or why there are none."""
        try:
            chunk = os.pread(self._handle, READ_BYTES, self._at)
            # Looked at after reading: a file that was truncated and has grown again shows other bytes before ours.
            before = os.pread(self._handle, len(self._last), self._at - len(self._last))
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if before != self._last or len(before) < min(self._at, _REMEMBERED_BYTES):
            return Seen.CUT
        if chunk:
            self._at += len(chunk)
            self._last = (self._last + chunk)[-_REMEMBERED_BYTES:]
            return chunk
        return self._why_nothing()

    def _why_nothing(self) -> Seen:
        try:
            named = self._path.stat()
        except OSError:
            return Seen.GONE
        same = f"{named.st_dev}:{named.st_ino}" == self.identity
        return Seen.NOTHING if same else Seen.REPLACED

    def share(self) -> float | None:
        """The part that is read of what is there now."""
        size = os.fstat(self._handle).st_size
        return min(1.0, self._at / size) if size else None

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


class RestOfFile:
    """A file that is complete, unpacked where it is packed, without so many bytes at its beginning."""

    def __init__(self, path: Path, compression: str | None, skip_bytes: int) -> None:
        """BadFileError where it cannot be read."""
        self._path, self._compression, self._done = path, compression, 0
        self._meter = Meter()
        with reading(path, compression, lambda: 0):
            self._stream = open_bytes(path, compression, self._meter)
        while self._done < skip_bytes and self._next(skip_bytes - self._done):
            pass

    def read(self) -> bytes | Seen:
        """The next bytes, or that there are no more."""
        return self._next(READ_BYTES) or Seen.END

    def _next(self, most: int) -> bytes:
        with reading(self._path, self._compression, lambda: 0):
            chunk: bytes = self._stream.read(min(READ_BYTES, most))
        self._done += len(chunk)
        return chunk

    def share(self) -> float | None:
        """The part that is read."""
        return self._meter.share()

    def close(self) -> None:
        """Lets go of the file."""
        self._stream.close()


class StreamTail:
    """Standard input, or any other descriptor that is read once."""

    def __init__(self, handle: int, poll_seconds: float) -> None:
        self._handle, self._poll_seconds = handle, poll_seconds

    def read(self) -> bytes | Seen:
        """The next bytes, waiting for them as long as a poll takes."""
        try:
            ready, _, _ = select.select([self._handle], [], [], self._poll_seconds)
            chunk = os.read(self._handle, READ_BYTES) if ready else b""
        except OSError as error:
            raise BadFileError(
                f"Standard input cannot be read: {error.strerror}.", "Start the producer and the ingest again."
            ) from error
        return chunk or (Seen.END if ready else Seen.NOTHING)

    def share(self) -> float | None:
        """Nobody knows."""
        return None

    def close(self) -> None:
        """The descriptor is whoever opened it's."""


def _unreadable(path: Path, error: OSError) -> BadFileError:
    return BadFileError(f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions.")
