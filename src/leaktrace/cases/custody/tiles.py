"""The whole log as a folder of static files (C2SP tlog-tiles), and the check of such a folder without our database.

checkpoint                  the signed head
tile/<L>/<N>[.p/<W>]        hashes, 256 a file
tile/entries/<N>[.p/<W>]    entries, each after its length in two bytes, big-endian
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaktrace.caserecords import TreeHead
from leaktrace.cases.custody.checkpoints import SignedCheckpoint, verify_checkpoint
from leaktrace.cases.custody.entries import MAX_LEAF_BYTES, read_leaf
from leaktrace.cases.custody.log import CustodyLog
from leaktrace.cases.custody.notes import MAX_NOTE_BYTES, NoteKey
from leaktrace.cases.custody.tiledstore import TILE_HASHES, TILE_LEVEL
from leaktrace.cases.custody.tree import Frontier, full_root, leaf_hashes
from leaktrace.errors import CustodyError

_LENGTH = struct.Struct(">H")
_MAX_BUNDLE_BYTES = TILE_HASHES * (MAX_LEAF_BYTES + _LENGTH.size)
_HINT = "The folder is not the one that was exported: ask for it again, and compare its checkpoint with yours."


@dataclass(frozen=True, slots=True)
class VerifiedTiles:
    """A folder whose entries, hashes and checkpoint belong together."""

    checkpoint: SignedCheckpoint
    file_count: int
    compared_size: int | None = None
    """Entries of the kept checkpoint that the log continues; null where none was given."""


def tile_path(level: int | str, number: int, width: int = TILE_HASHES) -> str:
    """Where a tile lies: `x001/x234/067` for tile 1234067, `.p/<W>` for one that is not full."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    partial = "" if width == TILE_HASHES else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def widths(size: int, level: int) -> Iterator[tuple[int, int]]:
    """(number, width) of each tile of a level in a log of that size."""
    full, rest = divmod(size >> TILE_LEVEL * level, TILE_HASHES)
    yield from ((number, TILE_HASHES) for number in range(full))
    if rest:
        yield full, rest


def tiles_of(leaves: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every tile and entry bundle of a log, of which never more than a tile a level is held."""
    rows: dict[int, list[bytes]] = {0: []}
    full: dict[int, int] = {}
    bundle: list[bytes] = []
    for leaf in leaves:
        bundle.append(leaf)
        if len(bundle) == TILE_HASHES:
            yield from _bundle(full.get(0, 0), bundle)
            yield from _lift(rows, full, leaf_hashes(bundle))
            bundle = []
    if bundle:
        yield from _bundle(full.get(0, 0), bundle)
        rows[0] = leaf_hashes(bundle)
    for level, row in rows.items():
        if row:
            yield tile_path(level, full.get(level, 0), len(row)), b"".join(row)


def _bundle(number: int, leaves: list[bytes]) -> Iterator[tuple[str, bytes]]:
    yield tile_path("entries", number, len(leaves)), b"".join(_LENGTH.pack(len(leaf)) + leaf for leaf in leaves)


def _lift(rows: dict[int, list[bytes]], full: dict[int, int], hashes: list[bytes]) -> Iterator[tuple[str, bytes]]:
    level, row = 0, hashes
    while len(row) == TILE_HASHES:
        yield tile_path(level, full.get(level, 0)), b"".join(row)
        full[level] = full.get(level, 0) + 1
        rows[level] = []
        level, digest = level + 1, full_root(row)
        row = rows.setdefault(level, [])
        row.append(digest)


def export(log: CustodyLog, checkpoint: SignedCheckpoint, folder: Path) -> int:
    """Writes the log as of a verified checkpoint into a new or empty folder; how many files. CustodyError otherwise."""
    if log.head_at(checkpoint.head.size) != checkpoint.head:
        raise CustodyError("The checkpoint is not of this log.", "Make a new one: leaktrace custody checkpoint.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise CustodyError(f"{folder} is not empty.", "Name a new folder.")
        count = 1
        for path, content in tiles_of(log.leaves(0, checkpoint.head.size)):
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            count += 1
        # Last: a folder without a checkpoint is one that was never finished.
        (folder / "checkpoint").write_text(checkpoint.note, encoding="utf-8")
    except OSError as error:
        raise CustodyError(f"{folder} cannot be written: {error.strerror}.", "Name another folder.") from error
    return count


def verify_folder(
    folder: Path,
    origin: str,
    keys: Sequence[NoteKey],
    witnesses: Iterable[NoteKey] = (),
    quorum: int = 0,
    kept: bytes | None = None,
) -> VerifiedTiles:
    """The folder's checkpoint, if everything in it belongs to that log.

    Checks: 1. checkpoint, origin, key, witnesses, 2. every entry is there, in its spelling and at its place, 3. the
    entries' root is the checkpoint's, 4. every hash tile is there and holds what the entries give, 5. nothing else is,
    6. the log continues `kept`, a checkpoint that somebody kept elsewhere. CustodyError otherwise.
    """
    seen = None if kept is None else verify_checkpoint(kept, origin, keys).head
    checkpoint = verify_checkpoint(_read(folder, "checkpoint", MAX_NOTE_BYTES), origin, keys, witnesses, quorum)  # 1
    size = checkpoint.head.size
    if seen is not None and seen.size > size:
        raise CustodyError(f"The log holds {size} entries, but {seen.size} had been seen: it was cut off.", _HINT)
    frontier, expected = Frontier(), {"checkpoint"}
    for path, content in tiles_of(_entries(folder, size, frontier, seen)):  # 2, 6
        if _read(folder, path, _MAX_BUNDLE_BYTES) != content:  # 4
            raise CustodyError(f"{path} does not hold what the entries give.", _HINT)
        expected.add(path)
    if TreeHead(size, frontier.root().hex()) != checkpoint.head:  # 3
        raise CustodyError("The entries do not give the root in the checkpoint.", _HINT)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    if stray := sorted(found - expected):  # 5
        raise CustodyError(f"{stray[0]} does not belong to the log.", _HINT)
    return VerifiedTiles(checkpoint, len(expected), None if seen is None else seen.size)


def _entries(folder: Path, size: int, frontier: Frontier, seen: TreeHead | None) -> Iterator[bytes]:
    for number, width in widths(size, 0):
        path = tile_path("entries", number, width)
        leaves = list(split_bundle(_read(folder, path, _MAX_BUNDLE_BYTES), path))
        if len(leaves) != width:
            raise CustodyError(f"{path} holds {len(leaves)} entries instead of {width}.", _HINT)
        for index, leaf in enumerate(leaves, start=number * TILE_HASHES):
            if read_leaf(leaf).index != index:
                raise CustodyError(f"{path} holds an entry that is not number {index}.", _HINT)
        hashes = leaf_hashes(leaves)
        before = min(max(seen.size - frontier.size, 0), width) if seen is not None else 0
        frontier.extend(hashes[:before])
        if seen is not None and seen.size == frontier.size and seen.root != frontier.root().hex():
            raise CustodyError(f"The first {seen.size} entries of the log are not those that were seen.", _HINT)
        frontier.extend(hashes[before:])
        yield from leaves


def split_bundle(content: bytes, path: str) -> Iterator[bytes]:
    """The entries of a bundle; CustodyError where it ends in the middle of one."""
    at = 0
    while at < len(content):
        start = at + _LENGTH.size
        if start > len(content):
            raise CustodyError(f"{path} is cut off.", _HINT)
        at = start + _LENGTH.unpack_from(content, at)[0]
        if at > len(content):
            raise CustodyError(f"{path} is cut off.", _HINT)
        yield content[start:at]


def _read(folder: Path, path: str, ceiling: int) -> bytes:
    try:
        with (folder / path).open("rb") as stream:
            content = stream.read(ceiling + 1)
    except OSError as error:
        raise CustodyError(f"{path} is missing or cannot be read: {error.strerror}.", _HINT) from error
    if len(content) > ceiling:
        raise CustodyError(f"{path} is too large.", _HINT)
    return content
