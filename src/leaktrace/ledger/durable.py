"""Files that are there whole or not at all: written aside, synced, renamed, the folder synced.

Files are 0600, folders 0700. What the system says (disk full, read-only) becomes a LedgerError here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from leaktrace.errors import LedgerError
from leaktrace.wholefiles import sync_folder

_PATIENCE_SECONDS = 3.0
_RETRY_SECONDS = 0.01


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns a failure to write into a LedgerError that names the path."""
    try:
        yield
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Make room or give write permission; nothing was left half-written, so run the same command again.",
        ) from error


def make_folder(path: Path) -> None:
    """The folder and its parents, 0700, durably; does nothing where it is."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with storing(path):
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)


class DurableFile:
    """A file being written aside. `publish` puts it in its place; unless published, nothing of it stays."""

    def __init__(self, aside: Path, place: Path) -> None:
        self.aside, self.place = aside, place
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        with storing(place):
            handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._stream: IO[bytes] = os.fdopen(handle, "wb")
        self.closed = False

    def write(self, chunk: bytes) -> int:
        """Appends; OSError goes to whoever writes through us (Arrow) and is converted by `storing` around it."""
        view = memoryview(chunk)
        self._stream.write(view)
        self._digest.update(view)
        self.size_bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size_bytes

    def flush(self) -> None:
        """Hands what is buffered to the system."""
        self._stream.flush()

    def close(self) -> None:
        """Asked by Arrow when its writer ends; the file itself ends with `publish` or `discard`."""

    def publish(self) -> str:
        """Puts the file in its place for good and returns the SHA-256 of its bytes."""
        make_folder(self.place.parent)
        with storing(self.place):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            self.aside.replace(self.place)
            sync_folder(self.place.parent)
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Leaves nothing, neither aside nor in place."""
        with contextlib.suppress(OSError):
            self._stream.close()  # on a full disk what is still to be written fails; nobody wants it any more
        with storing(self.place):
            self.aside.unlink(missing_ok=True)
            self.place.unlink(missing_ok=True)


@contextmanager
def only_writer(lock_file: Path, *, needed: bool) -> Iterator[bool]:
    """Holds the lock that one writer at a time may hold; where another has it: LedgerError if `needed`, else False.

    Who needs it waits for some seconds: a followed log is committed in short batches.
    """
    with storing(lock_file):
        handle = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        alone = locked_alone(handle, _PATIENCE_SECONDS if needed else 0.0)
        if needed and not alone:
            raise LedgerError(
                f"Another process is writing to {lock_file.parent}.", "Wait until it is done, then run this again."
            )
        yield alone
    finally:
        os.close(handle)


def locked_alone(handle: int, patience_seconds: float) -> bool:
    """Whether nobody else holds the lock of an open file within that time; then this process has it alone."""
    until = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_RETRY_SECONDS)
        else:
            return True
