"""A source file as it stands before it is read: its digests, its size and its time of modification."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from leaktrace.ledger.arrow import arrow
from leaktrace.ledger.formats import BadFileError
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.packed import packing_of

_DIGEST_BLOCK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileDigest:
    """What a file is known by: its own bytes, and what they hold once they are unpacked."""

    sha256: str
    """Of the file as it is."""
    content_sha256: str
    """Of what is in it; of a file that is not packed, or cannot be unpacked, the same."""
    content_bytes: int


def digest_file(path: Path, progress: Progress) -> FileDigest:
    """Reads a file once, unpacking it on the way; BadFileError where it cannot be read."""
    if path.exists() and not path.is_file():
        raise BadFileError(f"{path}: it is not a file.", "Name files; a folder is walked by the command, not here.")
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            packing = packing_of(stream.peek(4))
            raw = _Digesting(stream, lambda done: progress(f"checking {path.name}", done, size))
            content = _content_of(raw, packing) if packing else None
            while raw.read(_DIGEST_BLOCK_BYTES):  # all of a plain file, and what stands behind the end of a packed one
                pass
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error
    sha256 = raw.digest.hexdigest()
    return FileDigest(sha256, *(content or (sha256, raw.done)))


class _Digesting:
    """A stream whose bytes are digested as they are read; it reads like a raw file."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None]) -> None:
        self._stream, self._tell = stream, tell
        self.digest, self.done, self.closed = hashlib.sha256(), 0, False

    def read(self, count: int = -1) -> bytes:
        """The next bytes."""
        block = self._stream.read(count)
        self.digest.update(block)
        self.done += len(block)
        if block:
            self._tell(self.done)
        return block

    def close(self) -> None:
        """The stream itself is closed by whoever opened it."""
        self.closed = True

    def readable(self) -> bool:
        """It can be read."""
        return True


def _content_of(raw: _Digesting, packing: str) -> tuple[str, int] | None:
    """(SHA-256, length) of what is packed; None where it cannot be unpacked: whoever reads the file says so."""
    digest, done = hashlib.sha256(), 0
    try:
        with arrow.CompressedInputStream(arrow.PythonFile(raw, mode="r"), packing) as stream:
            while block := stream.read(_DIGEST_BLOCK_BYTES):
                digest.update(block)
                done += len(block)
    except (pa.ArrowException, OSError):
        return None
    return digest.hexdigest(), done


def state_of(path: Path) -> tuple[int, int]:
    """Size in bytes and time of modification in nanoseconds; BadFileError where it cannot be seen."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error
    return status.st_size, status.st_mtime_ns
