"""Who looked a person up, when, what and why: an append-only log that shows when it was changed (DESIGN 4.4, 7).

`lookups.ndjson` holds one entry a line, `{seq, at, who, what, subject, why, previous, hash}`. `hash` is a keyed tag
over the canonical JSON of the rest, and `previous` is the hash of the entry before: a changed, removed or reordered
line breaks the chain. `lookups.head` holds the last `seq` and `hash` under a keyed tag of its own, so that lines taken
off the end are missed too. An entry is on disk before its answer is given, and where it cannot be written, no answer
is given.

`subject` is a principal's or a campaign's id. No customer's address comes into any field: an entry stays in plain for
good, so a text that holds one is refused before anything is looked up.

What this cannot show: somebody who holds both the key and the disk can write the whole log anew, and somebody who kept
an earlier copy of both files can put that copy back. Only a witness outside (heads that are regularly sent to another
party) shows that. Nor does it know who really sat at the keyboard: `who` is what the caller says.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leaktrace.addresses import holds_address
from leaktrace.errors import LookupLogError, UsageError
from leaktrace.keys import Keyring
from leaktrace.wholefiles import replace_file

NO_ENTRY = "0" * 64
"""What the first entry has as `previous`."""
_HINT = "Keep both files as they are and compare them with your backup: an entry may have been changed or removed."
_FIELDS = ("seq", "at", "who", "what", "subject", "why", "previous", "hash")


@dataclass(frozen=True, slots=True)
class LookupEntry:
    """One look-up, as it stands in the log."""

    seq: int
    """1 for the first entry; no number is left out."""
    at: str
    """ISO 8601 in UTC."""
    who: str
    what: str
    subject: str
    why: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry that is on disk now."""

    entry: LookupEntry
    repaired_bytes: int
    """Bytes of a half-written last line that a killed process had left and that were cut off; its answer was never
    given. 0: none."""


@dataclass(frozen=True, slots=True)
class VerifiedLookups:
    """A log whose every line was checked."""

    entries: tuple[LookupEntry, ...]
    half_written_bytes: int
    """Bytes after the last whole line: what a killed process left; the next append cuts them off."""
    head_is_behind: bool
    """The last entry is whole but the head does not know it yet: a process was killed in between."""


@dataclass(frozen=True, slots=True)
class _Head:
    seq: int
    hash: str


def start(path: Path, keyring: Keyring) -> None:
    """Makes an empty log. From now on its absence is an error; LookupLogError when there is one already."""
    with _disk(path), _locked(path, fcntl.LOCK_EX):
        # An empty log without a head is what a kill in here leaves: no entry was ever in it.
        if _head_path(path).exists() or (path.exists() and path.stat().st_size):
            raise LookupLogError(
                f"There is a look-up log at {path} already.", "A log is started once, with its workspace."
            )
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        _write_head(path, _Head(0, NO_ENTRY), keyring)


def demand_no_address(text: str, what: str) -> None:
    """UsageError where an e-mail address stands in a text that is to be kept in plain. `what`: which text it is."""
    if holds_address(text):
        raise UsageError(
            f"The {what} holds an e-mail address, which must not rest here in plain.",
            "Write the number of the ticket or case that has it instead.",
        )


def append(
    path: Path,
    keyring: Keyring,
    *,
    at: datetime,
    who: str,
    what: str,
    subject: str,
    why: str,
    of_principal: bool = False,
) -> Appended:
    """Writes one look-up and syncs it; give the answer only after this returned.

    `of_principal`: the subject is the id of a principal whom the ledger knows, which may be an employee's address.
    LookupLogError when the log's end is not what its head says, or the disk takes no more; UsageError for a time
    without zone, an empty `who` or an address.
    """
    demand_no_address(why, "reason (--why)")
    if not of_principal:
        demand_no_address(subject, f"subject of the {what}")
    if at.tzinfo is None:
        raise UsageError("The time of a look-up has no zone.", "Give an aware time, best in UTC.")
    if not who.strip():
        raise UsageError("A look-up without a user cannot be logged.", "Say who asks.")
    with _disk(path), _locked(path, fcntl.LOCK_EX):
        handle = os.open(_existing(path), os.O_RDWR | os.O_CLOEXEC)
        with os.fdopen(handle, "r+b", buffering=0) as stream:
            last_line, whole_bytes, size = _last_line(stream.fileno())
            last, is_behind = _checked_end(path, last_line, keyring)
            if is_behind:
                # Never by more than one entry: where the head cannot be written, no line is written either.
                _write_head(path, last, keyring)
            body: dict[str, Any] = {
                "seq": last.seq + 1,
                "at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "who": who,
                "what": what,
                "subject": subject,
                "why": why,
                "previous": last.hash,
            }
            entry = LookupEntry(**body, hash=_entry_tag(body, keyring))
            _write_line(stream.fileno(), whole_bytes, _canonical(asdict(entry)) + b"\n")
        _write_head(path, _Head(entry.seq, entry.hash), keyring)
    return Appended(entry, size - whole_bytes)


def verify(path: Path, keyring: Keyring) -> VerifiedLookups:
    """Every entry, each checked: 1. form, 2. number, 3. link to the entry before, 4. keyed hash, 5. the end.

    LookupLogError names the first line that is not as it was written.
    """
    with _disk(path), _locked(path, fcntl.LOCK_SH):
        whole, rest = _split_whole(_existing(path).read_bytes())
        head = _read_head(path, keyring)
    entries: list[LookupEntry] = []
    before = _Head(0, NO_ENTRY)
    for number, line in enumerate(whole, start=1):
        entry = _checked_line(path, number, line, before, keyring)
        entries.append(entry)
        before = _Head(entry.seq, entry.hash)
    is_behind = _check_against_head(path, head, before, entries[-1].previous if entries else NO_ENTRY)
    return VerifiedLookups(tuple(entries), len(rest), is_behind)


def _checked_line(path: Path, number: int, line: bytes, before: _Head, keyring: Keyring) -> LookupEntry:
    document = _parsed(path, f"Line {number}", line)  # 1
    if document["seq"] != before.seq + 1:  # 2
        raise LookupLogError(
            f"Line {number} of {path} is entry {document['seq']}; entry {before.seq + 1} belongs there.", _HINT
        )
    if document["previous"] != before.hash:  # 3
        raise LookupLogError(f"Line {number} of {path} does not follow the line before it.", _HINT)
    return _authentic(path, f"Line {number}", document, keyring)  # 4


def _check_against_head(path: Path, head: _Head, last: _Head, last_previous: str) -> bool:
    """5: whether the head is one entry behind, as after a kill; LookupLogError for anything but that or equality."""
    if (head.seq, head.hash) == (last.seq, last.hash):
        return False
    if last.seq == head.seq + 1 and last_previous == head.hash:
        return True
    if last.seq < head.seq:
        raise LookupLogError(
            f"{path} ends with entry {last.seq}, but entry {head.seq} had been written: line {last.seq + 1} and what "
            "follows are missing.",
            _HINT,
        )
    raise LookupLogError(f"The head beside {path} is not of this log: it names entry {head.seq}.", _HINT)


def _checked_end(path: Path, last_line: bytes | None, keyring: Keyring) -> tuple[_Head, bool]:
    """(the end to append to, whether the head does not know it yet).

    Only the last line is read: an append costs the same in a log of any length.
    """
    head = _read_head(path, keyring)
    if last_line is None:
        return head, _check_against_head(path, head, _Head(0, NO_ENTRY), NO_ENTRY)
    entry = _authentic(path, "The last line", _parsed(path, "The last line", last_line), keyring)
    last = _Head(entry.seq, entry.hash)
    return last, _check_against_head(path, head, last, entry.previous)


def _parsed(path: Path, where: str, line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
        whole = isinstance(document, dict) and tuple(sorted(document)) == tuple(sorted(_FIELDS))
    except ValueError:
        whole = False
    # Byte for byte: a doubled key or a changed space would otherwise pass unseen.
    if not whole or _canonical(document) != line or type(document["seq"]) is not int:
        raise LookupLogError(f"{where} of {path} is not an entry of a look-up log.", _HINT)
    return dict(document)


def _authentic(path: Path, where: str, document: dict[str, Any], keyring: Keyring) -> LookupEntry:
    body = {name: value for name, value in document.items() if name != "hash"}
    if not hmac.compare_digest(_entry_tag(body, keyring).encode(), str(document["hash"]).encode()):
        raise LookupLogError(f"{where} of {path} is not as it was written with this workspace's key.", _HINT)
    return LookupEntry(**document)


def _canonical(document: dict[str, Any]) -> bytes:
    # ASCII escapes: one line whatever the words hold, lone surrogates from a shell included; they read back the same.
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _entry_tag(body: dict[str, Any], keyring: Keyring) -> str:
    return keyring.log_tag(b"leaktrace look-up entry\n" + _canonical(body))


def _head_path(path: Path) -> Path:
    return path.with_suffix(".head")


def _head_tag(seq: int, entry_hash: str, keyring: Keyring) -> str:
    return keyring.log_tag(b"leaktrace look-up head\n" + _canonical({"seq": seq, "hash": entry_hash}))


def _read_head(path: Path, keyring: Keyring) -> _Head:
    try:
        document = json.loads(_head_path(path).read_bytes())
        head, tag = _Head(int(document["seq"]), str(document["hash"])), str(document["tag"])
    except FileNotFoundError:
        raise LookupLogError(f"The head of the look-up log, {_head_path(path)}, is missing.", _HINT) from None
    except (ValueError, KeyError, TypeError) as error:
        raise LookupLogError(f"{_head_path(path)} is not the head of a look-up log.", _HINT) from error
    if not hmac.compare_digest(_head_tag(head.seq, head.hash, keyring).encode(), tag.encode()):
        raise LookupLogError(f"{_head_path(path)} was not written with this workspace's key.", _HINT)
    return head


def _write_head(path: Path, head: _Head, keyring: Keyring) -> None:
    document = {"seq": head.seq, "hash": head.hash, "tag": _head_tag(head.seq, head.hash, keyring)}
    # One name, for the lock lets in one writer: what a kill leaves is written over by the next.
    replace_file(_head_path(path), _canonical(document) + b"\n", aside=path.with_suffix(".head.new"))


def _write_line(handle: int, offset: int, line: bytes) -> None:
    os.ftruncate(handle, offset)
    try:
        written = 0
        while written < len(line):
            written += os.pwrite(handle, line[written:], offset + written)
        os.fsync(handle)
    except OSError:
        # A full disk: the half line goes now, so that the log stays whole whatever happens next.
        os.ftruncate(handle, offset)
        raise


def _last_line(handle: int) -> tuple[bytes | None, int, int]:
    """(the last whole line, where the bytes after it start, the file's size); reads backwards from the end."""
    size = os.fstat(handle).st_size
    span = 4096
    while True:
        start_at = max(0, size - span)
        tail = os.pread(handle, size - start_at, start_at)
        lines = tail.split(b"\n")
        if start_at == 0 or len(lines) >= 3:
            break
        span *= 4
    whole_bytes = size - len(lines[-1])
    return (lines[-2] if len(lines) >= 2 else None), whole_bytes, size


def _split_whole(content: bytes) -> tuple[list[bytes], bytes]:
    *whole, rest = content.split(b"\n")
    return whole, rest


def _existing(path: Path) -> Path:
    if not path.exists():
        raise LookupLogError(f"The look-up log {path} is missing.", _HINT)
    return path


@contextlib.contextmanager
def _locked(path: Path, operation: int) -> Iterator[None]:
    # A file of its own: the log and its head are one thing, and the head is replaced by renaming.
    try:
        handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        # A copy on a read-only disk can be verified: nobody writes there.
        if operation == fcntl.LOCK_EX or error.errno not in {errno.EROFS, errno.EACCES}:
            raise
        yield
        return
    try:
        fcntl.flock(handle, operation)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LookupLogError(
            f"The look-up log {path} cannot be read or written: {error.strerror}.",
            "No look-up is answered that cannot be logged: free space or make the disk writable, then ask again.",
        ) from error
