"""The last checkpoint that was seen, kept outside the database: without it a shortened log looks whole.

Each anchor is a file with one signed checkpoint. One lies in the workspace, others may lie where whoever writes the
workspace cannot write. An anchor only ever moves forward, and only after the log was shown to continue it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from leaktrace.caserecords import TreeHead
from leaktrace.cases.custody.checkpoints import SignedCheckpoint, sign_checkpoint, verify_checkpoint
from leaktrace.cases.custody.log import CustodyLog
from leaktrace.cases.custody.notes import MAX_NOTE_BYTES, NoteKey, NoteSigner
from leaktrace.errors import CustodyError
from leaktrace.wholefiles import replace_file

_HINT = (
    "Entries were removed or exchanged, or an older copy was put back. Keep everything as it is and compare with your "
    "backup and with the checkpoints your witnesses keep: see docs/custody.md."
)


def start_anchors(paths: Iterable[Path], signer: NoteSigner, log: CustodyLog) -> None:
    """Anchors an empty log: from now on a missing anchor is an error. CustodyError when the log has entries already."""
    head = log.head()
    if head.size:
        raise CustodyError("A log with entries has no anchor yet.", _HINT)
    for path in paths:
        if not path.exists():
            write_anchor(path, sign_checkpoint(head, signer))


def check_anchors(log: CustodyLog, paths: Sequence[Path], origin: str, keys: Sequence[NoteKey]) -> SignedCheckpoint:
    """The furthest anchor, if the log continues every one of them; CustodyError otherwise, also without any anchor."""
    anchored = [verify_checkpoint(read_anchor(path), origin, keys) for path in paths]
    if not anchored:
        raise CustodyError("The custody log has no anchor.", _HINT)
    for one in anchored:
        continues(log, one.head)
    return max(anchored, key=lambda one: one.head.size)


def continues(log: CustodyLog, seen: TreeHead) -> TreeHead:
    """The log's head, if the log continues what had been seen; CustodyError on truncation or fork."""
    head = log.head()
    if head.size < seen.size:
        raise CustodyError(
            f"The custody log holds {head.size} entries, but {seen.size} had been seen: it was cut off.", _HINT
        )
    if log.head_at(seen.size).root != seen.root:
        raise CustodyError(f"The first {seen.size} entries of the custody log are not those that were seen.", _HINT)
    return head


def move_anchors(log: CustodyLog, paths: Sequence[Path], signer: NoteSigner, keys: Sequence[NoteKey]) -> str:
    """Signs the log's head now and puts it into every anchor; the signed note. CustodyError if the log is not whole.

    Call it after the commit. A kill in between leaves anchors behind the log, which is no harm: the log continues them.
    """
    with _locked(paths):
        furthest = check_anchors(log, paths, signer.key.name, keys)
        head = log.head()
        is_current = head == furthest.head and furthest.log_key == signer.key
        note = furthest.note if is_current else sign_checkpoint(head, signer)
        for path in paths:
            if read_anchor(path) != note.encode():
                write_anchor(path, note)
    return note


@contextlib.contextmanager
def _locked(paths: Sequence[Path]) -> Iterator[None]:
    """One at a time: a slower process must not put an older checkpoint over a newer one."""
    if not paths:
        raise CustodyError("The custody log has no anchor.", _HINT)
    lock = paths[0].with_name(f".{paths[0].name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CustodyError(
            f"{lock} cannot be made: {error.strerror}.", "Free space or make its folder writable."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_anchor(path: Path) -> bytes:
    """The bytes of an anchor; CustodyError where there is none: that is never as it should be."""
    try:
        return read_whole(path)
    except CustodyError as error:
        raise CustodyError(f"The custody log's anchor is missing. {error.message}", _HINT) from error


def read_whole(path: Path) -> bytes:
    """The bytes of a small file, at most one more than a note may have; CustodyError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise CustodyError(f"{path} cannot be read: {error.strerror}.", "Check the path and its rights.") from error


def write_anchor(path: Path, note: str) -> None:
    """Puts a checkpoint in place of the one before, whole or not at all."""
    write_whole(path, note.encode())


def write_whole(path: Path, content: bytes) -> None:
    """A small file, 0600, that is there whole or not at all; CustodyError where it cannot be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise CustodyError(
            f"{path} cannot be written: {error.strerror}.", "Free space or make its folder writable."
        ) from error
