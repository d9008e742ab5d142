"""A source file as it stands before it is read: its digest, its size and its time of modification."""

from __future__ import annotations

import hashlib
from pathlib import Path

from leaktrace.ledger.formats import BadFileError
from leaktrace.ledger.interface import Progress

_DIGEST_BLOCK_BYTES = 4 * 1024 * 1024


def digest_file(path: Path, progress: Progress) -> str:
    """SHA-256 of a file's bytes; BadFileError where it cannot be read."""
    if path.exists() and not path.is_file():
        raise BadFileError(f"{path}: it is not a file.", "Name files; a folder is walked by the command, not here.")
    digest, done = hashlib.sha256(), 0
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            while block := stream.read(_DIGEST_BLOCK_BYTES):
                digest.update(block)
                done += len(block)
                progress(f"checking {path.name}", done, size)
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error
    return digest.hexdigest()


def state_of(path: Path) -> tuple[int, int]:
    """Size in bytes and time of modification in nanoseconds; BadFileError where it cannot be seen."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadFileError(
            f"{path}: it cannot be read: {error.strerror}.", "Check the path and your permissions."
        ) from error
    return status.st_size, status.st_mtime_ns
