"""Small files that are there whole or not at all, 0600, and on the disk when the call returns.

Written aside, synced, renamed, the folder synced: whatever kills the process in between, a reader finds the old file or
the new one. What the system says (a full disk, no rights) is an OSError; callers know what to tell the user.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """A file that must not be there yet, its bytes on the disk; nothing of it stays where that fails.

    The name lasts once the folder is synced.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=0) as stream:
            rest = memoryview(content)
            while rest:
                rest = rest[stream.write(rest) :]
            os.fsync(handle)
    except BaseException as error:
        # A full disk or Ctrl-C: the half-written file goes now.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # the system does not say where
        raise


def replace_file(path: Path, content: bytes, *, aside: Path | None = None) -> None:
    """Puts a file in place of what is there, if anything.

    `aside`: where to write it first, on the same disk; what a kill left there is written over, so give it a name of its
    own unless there is only one writer.
    """
    if aside is None:
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    else:
        aside.unlink(missing_ok=True)
    write_new(aside, content)
    try:
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
