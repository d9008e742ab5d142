"""Mailboxes on this machine that are looked at again and again: Maildirs, folders of messages, an mbox that grows.

A Maildir's files are whole when they appear. Any other file is read once it has not changed from one look to the next;
of an mbox all but the last message are whole at once, because the next one has begun. Nothing is disposed of: after a
restart everything is read again and known by its content.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from leaktrace.errors import MailError
from leaktrace.mailroom.sources import FoundMessage, file_opening, is_mbox, iter_files, messages_of, messages_of_mbox
from leaktrace.mailroom.ways.asked import FollowAsked
from leaktrace.mailroom.ways.interface import Batch, Stop, Tell, pause
from leaktrace.settings import Settings

_BATCH_COUNT = 200


@dataclass(slots=True)
class _Seen:
    """One file as it was at the last look, and how much of it was taken."""

    inode: int
    size: int
    modified_ns: int
    opening: bytes
    """First bytes of an mbox: a file that begins otherwise was written anew."""
    taken: int = 0
    """Of an mbox: bytes whose messages were taken; of another file: its size once it was."""

    def is_as(self, other: _Seen) -> bool:
        return (self.inode, self.size, self.modified_ns) == (other.inode, other.size, other.modified_ns)


class Following:
    """Files and folders that are followed."""

    def __init__(self, asked: FollowAsked, settings: Settings) -> None:
        self._asked = asked
        self._settings = settings
        self._seen: dict[str, _Seen] = {}

    def batches(self, *, stop: Stop, tell: Tell) -> Generator[Batch, None, None]:
        """What is there and what comes; MailError where a path is not there at the beginning."""
        for path in self._asked.paths:
            if next(iter_files(path), None) is None:
                tell(f"There is no message in {path} yet; what comes there is taken.")
        tell("Following; stop with Ctrl-C.")
        is_first = True
        while not stop():
            found = self.look(is_first=is_first)
            while not stop() and (some := tuple(islice(found, _BATCH_COUNT))):
                yield Batch(some)
            is_first = False
            pause(self._asked.every_seconds, stop)

    def look(self, *, is_first: bool = False) -> Iterator[FoundMessage]:
        """One look: what is new since the last one, and whole. Only at the first look must every path be there."""
        present = set()
        for path in self._asked.paths:
            if not is_first and not path.exists():
                continue  # between two files of a rotation
            for file in iter_files(path):
                present.add(_key(file))
                yield from self._new_in(file)
        for gone in set(self._seen) - present:
            del self._seen[gone]

    def _new_in(self, file: Path) -> Iterator[FoundMessage]:
        try:
            status = file.stat()
        except FileNotFoundError:
            return  # a mail program has moved it since it was listed; it will be seen where it is now
        now = _Seen(status.st_ino, status.st_size, status.st_mtime_ns, _opening(file))
        before = self._seen.get(_key(file))
        is_quiet = before is not None and before.is_as(now)
        if before is not None and (is_quiet or _grew(file, before, now)):
            now.taken = before.taken
        self._seen[_key(file)] = now
        if now.taken >= now.size:
            return
        try:
            if _is_in_maildir(file):
                now.taken = now.size
                yield from messages_of(file, self._settings)
            elif is_mbox(file):
                yield from self._whole_in_mbox(file, now, is_quiet=is_quiet)
            elif is_quiet:
                now.taken = now.size
                yield from messages_of(file, self._settings)
        except MailError:
            if file.exists():
                raise

    def _whole_in_mbox(self, file: Path, now: _Seen, *, is_quiet: bool) -> Iterator[FoundMessage]:
        held: FoundMessage | None = None
        for message in messages_of_mbox(file, self._settings, start=now.taken):
            if held is not None:
                now.taken = held.offset + held.size_bytes
                yield held
            held = message
        if held is not None and is_quiet:
            now.taken = now.size
            yield held


def _grew(file: Path, before: _Seen, now: _Seen) -> bool:
    """Whether what was taken of an mbox still stands, and a new message begins behind it."""
    if before.inode != now.inode or before.size > now.size or not now.opening.startswith(before.opening or b"From "):
        return False
    return before.taken == 0 or is_mbox(file, start=before.taken)


def _opening(file: Path) -> bytes:
    return file_opening(file) if not _is_in_maildir(file) and is_mbox(file) else b""


def _is_in_maildir(file: Path) -> bool:
    return file.parent.name in ("cur", "new") and (file.parent.parent / "tmp").is_dir()


def _key(file: Path) -> str:
    """What stays of a file's name: mail programs move a Maildir's files from `new` to `cur` and add flags."""
    if _is_in_maildir(file):
        return str(file.parent.parent / file.name.partition(":")[0])
    return str(file)
