"""Rejects files of mail and evidence: what could not be used, where it stands and why."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leaktrace.folder import write_aside
from leaktrace.keys import Keyring
from leaktrace.ledger.redaction import redact

Rejected = tuple[Path, Mapping[str, Any]]
"""The file that something stands in, and what is said of it."""


def write_rejects(path: Path, rejected: Sequence[Rejected], keyring: Keyring) -> None:
    """One JSON object a line, 0600, whole or not at all: the name of the file it stands in, and what is said of it.

    A file's name may hold a customer's address; it is replaced by a keyed token.
    """
    write_aside(path, "".join(_line(one, keyring) for one in rejected))


def _line(rejected: Rejected, keyring: Keyring) -> str:
    file, told = rejected
    # ASCII escapes: a name that is no UTF-8 can be written all the same.
    return json.dumps({"file": redact(file.name, keyring), **told}, ensure_ascii=True) + "\n"


class MailRejects:
    """The rejects file of a mailbox: it grows, each message stands in it once, and several processes may write it."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self._path = path
        self._keyring = keyring
        self._known: set[str] = set()
        self._known_bytes = 0

    def add(self, rejected: Mapping[str, Rejected]) -> None:
        """Writes down those (by the message's SHA-256) that are not there yet; on the disk when it returns.

        OSError where the disk takes no more: then nothing was added.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+b", buffering=0) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            self._read_on(handle)
            new = {sha256: one for sha256, one in rejected.items() if sha256 not in self._known}
            lines = "".join(_line(one, self._keyring) for one in new.values()).encode("ascii")
            # What a kill left of a line goes.
            os.ftruncate(handle, self._known_bytes)
            try:
                stream.seek(self._known_bytes)
                rest = memoryview(lines)
                while rest:
                    rest = rest[stream.write(rest) :]
                os.fsync(handle)
            except BaseException:
                os.ftruncate(handle, self._known_bytes)
                raise
        self._known.update(new)
        self._known_bytes += len(lines)

    def _read_on(self, handle: int) -> None:
        """Learns of whole lines that others, or an earlier run, have added."""
        size = os.fstat(handle).st_size
        if size < self._known_bytes:  # somebody took the file away, or lines out of it
            self._known, self._known_bytes = set(), 0
        added = os.pread(handle, size - self._known_bytes, self._known_bytes)
        whole = added[: added.rfind(b"\n") + 1]
        for line in whole.splitlines():
            try:
                self._known.add(str(json.loads(line)["sha256"]))
            except (ValueError, KeyError, TypeError):
                continue  # not ours: it stays, and tells nothing
        self._known_bytes += len(whole)
