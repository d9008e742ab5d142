"""Finds out how much of a file was taken before, by the digest of how it begins."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from leaktrace.ledger.followed import Entry
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.rawrows import BLOCK_BYTES, open_bytes, reading

if TYPE_CHECKING:
    from hashlib import _Hash

_LOOKED_AT_SIBLINGS = 20
_NUMBER_OR_DATE = r"[0-9][0-9T_.:-]*"
_PACKED = (".gz", ".zst", ".bz2", ".xz", ".zip", ".lz4")


@dataclass(frozen=True, slots=True)
class Beginning:
    """The part of a file that was taken."""

    entry: Entry
    line_count: int
    """Line ends in it."""
    ends_line: bool
    """Whether it ends with one."""
    digest: _Hash = field(compare=False)
    """SHA-256 so far, to go on with."""


def longest_beginning(
    path: Path, compression: str | None, candidates: Iterable[Entry], progress: Progress
) -> Beginning | None:
    """Of these entries the one that took most of how this file begins (unpacked); None where none did.

    Reads the file once, up to the furthest candidate; BadFileError where it cannot be read. Of two that took equally
    much the one that was followed, then the newer one.
    """
    waiting = sorted((e for e in candidates if e.sha256 and e.taken_bytes), key=lambda e: e.taken_bytes)
    digest, done, lines, last = hashlib.sha256(), 0, 0, b""
    found: Beginning | None = None
    if not waiting:
        return None
    furthest = waiting[-1].taken_bytes
    with reading(path, compression, lambda: lines), open_bytes(path, compression) as stream:
        while waiting:
            wanted = waiting[0].taken_bytes
            block = stream.read(min(BLOCK_BYTES, wanted - done)) if wanted > done else b""
            if wanted > done and not block:
                return found
            digest.update(block)
            done, lines, last = done + len(block), lines + block.count(b"\n"), block[-1:] or last
            progress(f"checking {path.name}", done, furthest)
            if done == wanted:
                here = [e for e in waiting if e.taken_bytes == done]
                del waiting[: len(here)]
                same = [e for e in here if e.sha256 == digest.hexdigest()]
                if same:
                    best = max(same, key=lambda e: (not e.whole, e.id))
                    found = Beginning(best, lines, last == b"\n", digest.copy())
    return found


def identity_of(path: Path) -> str:
    """`device:inode` of what has this name now; empty where nothing has it."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def sibling_that_begins(path: Path, entry: Entry, progress: Progress) -> tuple[Path, Beginning] | None:
    """A file beside this one that begins with all that the entry took: where a rotation has put or copied it.

    By its inode, else by its name (`log.ndjson.1`, `log-20260301.ndjson`), then always by its content.
    """
    found = sorted(_siblings(path, entry.identity, entry.taken_bytes), reverse=True)
    plain = [sibling for _, _, sibling in found if not is_packed(sibling)]
    for sibling in plain[:_LOOKED_AT_SIBLINGS]:
        beginning = longest_beginning(sibling, None, [entry], progress)
        if beginning is not None:
            return sibling, beginning
    return None


def later_generations(path: Path, identity: str, modified_ns: int) -> list[Path]:
    """What rotations have put beside this file since one of that identity was last written to: oldest first.

    Named as logrotate and its like name them (`log.ndjson.1`, `log.ndjson-20260301`, `log-20260301.ndjson`), perhaps
    packed after that; the file of that identity and the one that has the name now are not among them.
    """
    found = [
        (modified, other)
        for same, modified, other in _siblings(path, identity, 1)
        if not same and modified >= modified_ns and _is_generation(path, other.name)
    ]
    return [other for _, other in sorted(found)]


def is_packed(path: Path) -> bool:
    """Whether the name says that it is compressed."""
    return path.suffix.lower() in _PACKED


def _is_generation(path: Path, name: str) -> bool:
    plain = name.removesuffix(Path(name).suffix) if is_packed(Path(name)) else name
    patterns = (
        rf"{re.escape(path.name)}[.-]{_NUMBER_OR_DATE}",
        rf"{re.escape(path.stem)}[.-]{_NUMBER_OR_DATE}{re.escape(path.suffix)}",
    )
    return any(re.fullmatch(pattern, plain) for pattern in patterns)


def _siblings(path: Path, identity: str, least_bytes: int) -> list[tuple[bool, int, Path]]:
    """(has that identity, modified at, path) of the files beside this one that a rotation may have made of it."""
    found = list[tuple[bool, int, Path]]()
    try:
        for other in path.parent.iterdir():
            renamed = identity_of(other) == identity
            if other.name == path.name or not (renamed or other.name.startswith(path.stem)) or not other.is_file():
                continue
            status = other.stat()
            if status.st_size >= least_bytes:
                found.append((renamed, status.st_mtime_ns, other))
    except OSError:
        return []  # a folder that cannot be listed holds nothing for us; the caller says what was not found
    return found
