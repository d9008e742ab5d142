"""OLE compound files (MS-CFB), read only: which streams there are, their bytes, and where in the file those lie.

Written for hostile files: every chain of sectors is followed for at most as many steps as the file has sectors, the
tree of entries is walked without recursion, and each entry once. What is out of bounds ends a chain; it raises nothing.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from leaktrace.mailroom.mime import CeilingReached, Source

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENTRY_CEILING_COUNT = 20_000
_HEADER = struct.Struct("<8s16xHHHHH6xIIIIIIIII")
_ENTRY_BYTES = 128
_LAST_SECTOR = 0xFFFFFFFA
"""Higher numbers are no sectors: end of chain, free, a sector of the table itself (MS-CFB, section 2.1)."""
_NO_ENTRY = 0xFFFFFFFA
_STORAGE, _STREAM, _ROOT = 1, 2, 5


class NotCompoundError(Exception):
    """The bytes are no compound file that can be read."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    first_sector: int
    size_bytes: int


@dataclass(slots=True)
class _Shape:
    """The numbers of the header."""

    sector_bytes: int
    mini_bytes: int
    mini_cutoff_bytes: int
    long_sizes: bool
    fat: tuple[int, ...] = ()
    mini_fat: tuple[int, ...] = ()
    mini_places: list[tuple[int, int]] = field(default_factory=list)


class CompoundFile:
    """One file. Paths are tuples of names, as they are written."""

    def __init__(self, source: Source, ceiling_bytes: int) -> None:
        """NotCompoundError when the header is not that of a compound file."""
        self._source = source
        self._left_bytes = ceiling_bytes
        self._ceiling_bytes = ceiling_bytes
        self._shape, first_directory, mini = self._header()
        self._entries = self._directory(first_directory)
        if not self._entries or self._entries[0].kind != _ROOT:
            raise NotCompoundError("no root entry")
        root = self._entries[0]
        self._shape.mini_places = list(self._places(root.first_sector, root.size_bytes))
        self._shape.mini_fat = self._table(self._chain(mini, self._shape.fat))
        self._paths = dict(self._walked())

    def names(self, storage: tuple[str, ...] = ()) -> list[str]:
        """Names of what lies directly in a storage, sorted."""
        depth = len(storage)
        return sorted(path[depth] for path in self._paths if len(path) == depth + 1 and path[:depth] == storage)

    def stream(self, path: tuple[str, ...]) -> Source | None:
        """A stream's bytes with the way back to the raw mail; None without it. CeilingReached when it is too much."""
        entry = self._paths.get(path)
        if entry is None or entry.kind != _STREAM:
            return None
        self._spend(min(entry.size_bytes, len(self._source.content)))
        places = list(self._stream_places(entry))
        content = b"".join(self._source.content[at : at + size] for at, size in places)
        return Source(content, self._locator(places))

    # --- inside -------------------------------------------------------------------------------------------

    def _spend(self, size_bytes: int) -> None:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise CeilingReached(f"a compound file with more than {self._ceiling_bytes} bytes of streams")

    def _header(self) -> tuple[_Shape, int, int]:
        content = self._source.content
        if len(content) < 1536 or not content.startswith(MAGIC):
            raise NotCompoundError("no compound file")
        fields = _HEADER.unpack_from(content)
        _, _, major, order, shift, mini_shift, _, fat_count, directory, _, cutoff, mini, _, difat, difat_count = fields
        if order != 0xFFFE or shift not in (9, 12) or mini_shift != 6:
            raise NotCompoundError("a header of another format")
        shape = _Shape(1 << shift, 1 << mini_shift, min(cutoff, 4096), major >= 4)
        sectors = list(struct.unpack_from("<109I", content, 76))
        seen, limit = 0, len(content) // shape.sector_bytes
        while difat < _LAST_SECTOR and seen < min(difat_count, limit):
            numbers = self._numbers(difat, shape.sector_bytes)
            if not numbers:
                break
            sectors += numbers[:-1]
            difat, seen = numbers[-1], seen + 1
        wanted = [one for one in sectors if one < _LAST_SECTOR][: min(fat_count, limit)]
        shape.fat = tuple(number for one in wanted for number in self._numbers(one, shape.sector_bytes))
        return shape, directory, mini

    def _numbers(self, sector: int, sector_bytes: int) -> tuple[int, ...]:
        at = (sector + 1) * sector_bytes
        piece = self._source.content[at : at + sector_bytes]
        return struct.unpack(f"<{len(piece) // 4}I", piece[: len(piece) // 4 * 4])

    def _table(self, sectors: list[int]) -> tuple[int, ...]:
        return tuple(number for one in sectors for number in self._numbers(one, self._shape.sector_bytes))

    def _chain(self, first: int, table: tuple[int, ...], most: int | None = None) -> list[int]:
        """The sectors of a chain, at most so many; one that runs in a circle ends when every sector was met."""
        chain: list[int] = []
        limit = len(table) if most is None else min(most, len(table))
        while first < len(table) and len(chain) < limit:
            chain.append(first)
            first = table[first]
        return chain

    def _places(self, first: int, size_bytes: int) -> Iterator[tuple[int, int]]:
        """Ranges of the file (start, length) that hold a chain's bytes."""
        step = self._shape.sector_bytes
        for sector in self._chain(first, self._shape.fat, -(-size_bytes // step)):
            at = (sector + 1) * step
            length = min(step, size_bytes, len(self._source.content) - at)
            if length <= 0:
                return
            yield at, length
            size_bytes -= length

    def _stream_places(self, entry: _Entry) -> Iterator[tuple[int, int]]:
        if entry.size_bytes >= self._shape.mini_cutoff_bytes:
            yield from self._places(entry.first_sector, entry.size_bytes)
            return
        left, step, per_sector = entry.size_bytes, self._shape.mini_bytes, self._shape.sector_bytes
        for number in self._chain(entry.first_sector, self._shape.mini_fat, -(-left // step)):
            place, offset = divmod(number * step, per_sector)
            if left <= 0 or place >= len(self._shape.mini_places):
                return
            at, length = self._shape.mini_places[place]
            length = min(step, left, length - offset)
            if length <= 0:
                return
            yield at + offset, length
            left -= length

    def _directory(self, first: int) -> list[_Entry]:
        entries: list[_Entry] = []
        for sector in self._chain(first, self._shape.fat):
            at = (sector + 1) * self._shape.sector_bytes
            piece = self._source.content[at : at + self._shape.sector_bytes]
            for offset in range(0, len(piece) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
                entries.append(self._entry(piece[offset : offset + _ENTRY_BYTES]))
                if len(entries) > ENTRY_CEILING_COUNT:
                    raise CeilingReached(f"a compound file with more than {ENTRY_CEILING_COUNT} entries")
        return entries

    def _entry(self, raw: bytes) -> _Entry:
        length, kind = struct.unpack_from("<HB", raw, 64)
        left, right, child = struct.unpack_from("<III", raw, 68)
        first, low, high = struct.unpack_from("<III", raw, 116)
        name = raw[: max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
        return _Entry(name, kind, left, right, child, first, low | (high << 32 if self._shape.long_sizes else 0))

    def _walked(self) -> Iterator[tuple[tuple[str, ...], _Entry]]:
        waiting: list[tuple[int, tuple[str, ...]]] = [(self._entries[0].child, ())]
        seen: set[int] = {0}
        while waiting:
            number, parent = waiting.pop()
            if number >= min(_NO_ENTRY, len(self._entries)) or number in seen:
                continue
            seen.add(number)
            entry = self._entries[number]
            path = (*parent, entry.name)
            waiting += [(entry.left, parent), (entry.right, parent)]
            if entry.kind == _STORAGE and len(path) < 40:
                waiting.append((entry.child, path))
            if entry.kind in (_STORAGE, _STREAM):
                yield path, entry

    def _locator(self, places: list[tuple[int, int]]) -> _Locator:
        return _Locator(self._source, places)


class _Locator:
    """Range of a stream -> range of the raw message that covers it, whatever order its sectors have."""

    def __init__(self, source: Source, places: list[tuple[int, int]]) -> None:
        self._source = source
        self._places = places
        self._starts: list[int] = []
        position = 0
        for _, length in places:
            self._starts.append(position)
            position += length

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        if not self._places:
            return self._source.locate(0, 0)
        first = max(bisect_right(self._starts, start) - 1, 0)
        last = max(bisect_right(self._starts, max(end - 1, start)) - 1, first)
        covered = self._places[first : last + 1]
        low, high = min(at for at, _ in covered), max(at + length for at, length in covered)
        if first == last:
            low = self._places[first][0] + start - self._starts[first]
            high = low + max(end - start, 0)
        return self._source.locate(low, high)
