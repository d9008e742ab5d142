"""A file that is nowhere on disk: lines may name customers, and names in clear are not written anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaktrace.errors import LedgerError


@contextmanager
def in_memory(content: bytes) -> Iterator[Path]:
    """A path under which these bytes can be read, any number of times, while the block runs."""
    if not hasattr(os, "memfd_create"):
        raise LedgerError(
            "This system has no files in memory.", "Lines are followed on Linux; ingest whole files here."
        )
    try:
        handle = os.memfd_create("lines", os.MFD_CLOEXEC)
    except OSError as error:
        raise LedgerError(f"No memory for the next lines: {error.strerror}.", "Lower --every-rows.") from error
    try:
        with os.fdopen(handle, "wb", closefd=False) as stream:
            stream.write(content)
        yield Path(f"/dev/fd/{handle}")
    finally:
        os.close(handle)
