"""Whether a segment still is what was committed.

Parquet is read in part, and a spoiled page or statistic may read as another value instead of failing. So a file that is
not as it was left is hashed before anybody is answered out of it. A file whose size and time of modification are those
of its commit is taken for whole: hashing a log of billions at every question would cost more than the question.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.dictionary import digest_of


def check_segment(folder: Path, segment: StoredFile, catalog: Catalog) -> None:
    """Raises LedgerError where the file is missing, was cut, or has other bytes than were committed."""
    path = folder / segment.path
    try:
        found = path.stat()
        if (found.st_size, found.st_mtime_ns) == (segment.size_bytes, segment.modified_ns):
            return
        whole = found.st_size == segment.size_bytes and digest_of(path) == segment.sha256
    except OSError as error:
        raise LedgerError(
            f"The ledger's file {path} cannot be read: {error.strerror or error}.",
            "Restore the workspace from your backup.",
        ) from error
    if not whole:
        raise LedgerError(
            f"The ledger's file {path} is damaged: its bytes are not those that were committed.",
            "Restore the workspace from your backup.",
        )
    # A workspace that was copied or restored is hashed once; on a disk that cannot be written, every time.
    with contextlib.suppress(LedgerError):
        catalog.segment_is_whole(segment.path, found.st_mtime_ns)


def demand_whole(folder: Path, file: StoredFile) -> None:
    """Raises LedgerError unless a file has the bytes that were committed.

    Every byte is hashed, whatever the time of modification says: what is read from here is written anew under a new
    hash, and damage must not become the truth.
    """
    path = folder / file.path
    try:
        whole = path.stat().st_size == file.size_bytes and digest_of(path) == file.sha256
    except OSError as error:
        raise LedgerError(f"The ledger's file {path} cannot be read: {error.strerror or error}.", _RESTORE) from error
    if not whole:
        raise LedgerError(
            f"The ledger's file {path} is damaged: its bytes are not those that were committed.", _RESTORE
        )


_RESTORE = "Nothing was changed. Restore the workspace from your backup; leaktrace ledger verify lists what is damaged."
