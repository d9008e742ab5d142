"""Ways in: raw messages out of mbox files, Maildirs, single .eml files and folders, one at a time.

An mbox is split at `From ` lines that follow a blank line (or open the file), as mboxrd and mboxo both write them.
`>From ` is left as it stands: which of the two dialects wrote a file cannot be told, and a digest over changed bytes
would not be the digest of what was handed in. A message larger than the ceiling is never held in memory: it is yielded
with its digest, size and first bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leaktrace.errors import MailError
from leaktrace.settings import Settings

_CHUNK_BYTES = 1 << 20
_BEGINNING_BYTES = 100_000
_ENVELOPE = re.compile(rb"From [^\r\n]{0,300}\d{4}")
"""A From_ line ends in a date: `From a@b.example Thu Jan  1 00:00:00 1970`, whatever follows the year."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who handed a message to our border server, as that server says, and in whose name."""

    client_address: str
    """IPv4 or IPv6."""
    greeting: str
    """What the client calls itself (HELO); empty where that is not known."""
    sender: str
    """MAIL FROM; empty: the null sender."""


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """One message of a mailbox: its bytes, or for one over the ceiling what can be said without them."""

    file: str
    """The file it was found in."""
    offset: int
    """Where in the file its first byte is."""
    raw: bytes | None
    """Null for a message over the ceiling."""
    sha256: str
    size_bytes: int
    beginning: bytes = b""
    """The first bytes of a message over the ceiling."""
    envelope: Envelope | None = None
    """Null where nobody who is believed says how it came."""


def iter_messages(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    settings: Settings | None = None,
    nothing_in: Callable[[Path], None] = lambda _: None,
) -> Iterator[FoundMessage]:
    """All messages of files and folders, in a fixed order; MailError for what is missing or cannot be read.

    A folder with `cur` and `new` is a Maildir; any other is walked, Maildirs in it included. A file that begins with a
    From_ line is an mbox, any other one message; an empty file holds none. `nothing_in` is given each path in which
    there was no message.
    """
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        is_empty = True
        for file in iter_files(Path(path)):
            for message in messages_of(file, settings or Settings()):
                is_empty = False
                yield message
        if is_empty:
            nothing_in(Path(path))


def empty_sentence(path: Path) -> str:
    """What is said of a path without a message: no error, for a mailbox may be empty, but often the wrong path."""
    kind = "Maildir" if _is_maildir(path) else "folder" if path.is_dir() else "file"
    return (
        f"There is no message in the {kind} {path}. If the mail is elsewhere, name that: mbox files, .eml files, "
        "Maildirs or folders of them (hidden files and links to folders are not read)."
    )


def iter_files(path: Path) -> Iterator[Path]:
    """The files of a path that may hold messages, in a fixed order."""
    try:
        if path.is_dir():
            yield from _walked(path)
        elif path.exists():
            yield path
        else:
            raise MailError(
                f"There is no file or folder {path}.", "Give mbox files, .eml files, Maildirs or folders of them."
            )
    except OSError as error:
        raise MailError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error


def _walked(folder: Path) -> Iterator[Path]:
    """Files of a folder in the order of their names; of a Maildir only `cur` and `new`, never `tmp`."""
    is_maildir = _is_maildir(folder)
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if not (is_maildir and entry.name == "tmp") and not entry.is_symlink():
                yield from _walked(entry)
        elif entry.is_file() and not entry.name.startswith(".") and not is_maildir:
            yield entry


def _is_maildir(folder: Path) -> bool:
    return (folder / "cur").is_dir() and (folder / "new").is_dir()


def messages_of(file: Path, settings: Settings) -> Iterator[FoundMessage]:
    """The messages of one file."""
    if is_mbox(file):
        yield from messages_of_mbox(file, settings)
        return
    with _reading(file) as stream:
        growing = _Growing(str(file), 0, settings.message_ceiling_bytes)
        while chunk := stream.read(_CHUNK_BYTES):
            growing.add(chunk)
        if growing.size_bytes:
            yield growing.message()


def is_mbox(file: Path, *, start: int = 0) -> bool:
    """Whether a From_ line is what a file begins with, or what follows blank lines from `start` on."""
    with _reading(file) as stream:
        stream.seek(start)
        opening = stream.read(512)
        return _ENVELOPE.match(opening.lstrip(b"\r\n") if start else opening) is not None


def file_opening(file: Path) -> bytes:
    """The first bytes of a file."""
    with _reading(file) as stream:
        return stream.read(512)


def messages_of_mbox(file: Path, settings: Settings, *, start: int = 0) -> Iterator[FoundMessage]:
    """The messages of an mbox from this byte on: the beginning of a From_ line or of a blank line before it."""
    with _reading(file) as stream:
        stream.seek(start)
        yield from _split_mbox(str(file), stream, settings.message_ceiling_bytes, start)


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[BinaryIO]:
    try:
        with file.open("rb") as stream:
            yield stream
    except OSError as error:
        raise MailError(f"{file} cannot be read: {error.strerror}.", "Check its permissions.") from error


class _Growing:
    """A message while its lines come in; over the ceiling it keeps only digest, size and beginning."""

    def __init__(self, file: str, offset: int, ceiling: int) -> None:
        self._file = file
        self._offset = offset
        self._ceiling = ceiling
        self._pieces: list[bytes] = []
        self._beginning = bytearray()
        self._digest = hashlib.sha256()
        self._held = b""
        self.size_bytes = 0

    def add(self, piece: bytes) -> None:
        self._take(self._held + piece if self._held else piece)
        self._held = b""

    def hold(self, blank_line: bytes) -> None:
        """Keeps a blank line back: before a From_ line it belongs to the mbox, not to the message."""
        if self._held:
            self._take(self._held)
        self._held = blank_line

    def _take(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size_bytes += len(piece)
        if len(self._beginning) < _BEGINNING_BYTES:
            self._beginning += piece[: _BEGINNING_BYTES - len(self._beginning)]
        if self.size_bytes > self._ceiling:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def message(self) -> FoundMessage:
        over = self.size_bytes > self._ceiling
        return FoundMessage(
            self._file,
            self._offset,
            None if over else b"".join(self._pieces),
            self._digest.hexdigest(),
            self.size_bytes,
            bytes(self._beginning) if over else b"",
        )


def _split_mbox(file: str, stream: BinaryIO, ceiling: int, start: int) -> Iterator[FoundMessage]:
    growing: _Growing | None = None
    offset, after_blank, line_begins = start, True, True
    while line := stream.readline(_CHUNK_BYTES):
        offset += len(line)
        if line_begins and after_blank and line.startswith(b"From ") and _ENVELOPE.match(line):
            if growing is not None:
                yield growing.message()
            growing = _Growing(file, offset, ceiling)
            after_blank = False
        elif growing is not None:
            after_blank = line_begins and line in (b"\n", b"\r\n")
            if after_blank:
                growing.hold(line)
            else:
                growing.add(line)
        line_begins = line.endswith(b"\n")
    if growing is not None:
        yield growing.message()
