"""Packs: files that hold the sealed bytes of many messages, so that a batch of mail costs a file system one file.

Layout: `MAGIC`, the number of messages, for each its SHA-256, offset and length (sorted by SHA-256), then the sealed
bytes, one after the other to the end. A pack is written whole by `RawStore` and never changed in place. Its name is the
digest of the SHA-256s in it, so that a table that lost or changed one is known to be damaged.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAGIC = b"leaktrace raw mail pack 1\n"
SUFFIX = ".pack"
_COUNT = struct.Struct("<Q")
_ROW = np.dtype([("sha256", ">u8", 4), ("offset", "<u8"), ("length", "<u8")])
_PLACED = np.dtype([("sha256", np.uint64, 4), ("offset", np.uint64), ("length", np.uint64), ("pack", np.uint32)])
_FIRST_ROW = len(MAGIC) + _COUNT.size


class DamagedPackError(ValueError):
    """A pack whose table is not as it was written."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message's sealed bytes lie."""

    path: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """The sealed bytes; fewer than `length` where the pack was cut off. OSError as reading a file."""
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.length)

    def is_there(self) -> bool:
        """Whether the pack still is, and is long enough."""
        try:
            return self.path.stat().st_size >= self.offset + self.length
        except OSError:
            return False


def packed(sealed: Mapping[str, bytes]) -> tuple[str, bytes]:
    """(name, bytes) of a pack of messages, sealed bytes by SHA-256 in hex."""
    names = sorted(sealed)
    rows = np.zeros(len(names), dtype=_ROW)
    rows["sha256"] = [_words(name) for name in names]
    lengths = np.array([len(sealed[name]) for name in names], dtype=np.uint64)
    rows["length"] = lengths
    rows["offset"] = _FIRST_ROW + rows.nbytes + np.cumsum(lengths) - lengths
    content = b"".join((MAGIC, _COUNT.pack(len(names)), rows.tobytes(), *(sealed[one] for one in names)))
    return _name_of(rows), content


def unpacked(path: Path) -> dict[str, bytes]:
    """The sealed bytes of every message in a pack. DamagedPackError where the table is not as it was written."""
    rows, content = _rows(path), path.read_bytes()
    return {_hex(row["sha256"]): content[int(row["offset"]) : int(row["offset"]) + int(row["length"])] for row in rows}


class Packs:
    """The packs of one folder, also those that other processes add to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[Path] = []
        """Packs that could not be read or do not say what they hold, when they were last looked at."""
        self._paths: list[Path] = []
        self._seen: set[str] = set()
        self._changed_at: int | None = None
        self._table = np.zeros(0, dtype=_PLACED)
        """What the folder held when it was first looked at, sorted; a million messages take 60 MB."""
        self._first = self._table["sha256"][:, 0]
        """The first eight bytes of each, by themselves: that is what is searched."""
        self._later: dict[str, Place] = {}

    def find(self, sha256: str) -> Iterator[Place]:
        """Where a message lies, as far as is known (`refresh`): nearly always in one place or none."""
        if sha256 in self._later:
            yield self._later[sha256]
        wanted = _words(sha256)
        at = int(np.searchsorted(self._first, np.uint64(wanted[0])))
        while at < len(self._first) and self._first[at] == wanted[0]:
            row = self._table[at]
            if tuple(row["sha256"].tolist()) == wanted:
                yield Place(self._paths[int(row["pack"])], int(row["offset"]), int(row["length"]))
            at += 1

    def refresh(self, *, surely: bool = False) -> None:
        """Looks for packs that came since; `surely`: also where the folder's time says that there are none, and once
        more at those that were damaged.
        """
        try:
            changed_at = self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_at == self._changed_at and not surely:
            return
        if surely:
            self.damaged.clear()
        fresh = sorted(path for path in self.folder.iterdir() if path.suffix == SUFFIX and path.name not in self._seen)
        found = []
        for path in fresh:
            try:
                found.append((path, _rows(path)))
            except FileNotFoundError:
                continue
            except (OSError, DamagedPackError):
                if path not in self.damaged:
                    self.damaged.append(path)
        self._seen |= {path.name for path, _ in found}
        if self._changed_at is None:
            self._read_all(found)
        else:
            for path, rows in found:
                self._add(path, rows)
        self._changed_at = changed_at

    def written(self, path: Path) -> None:
        """Takes note of a pack that was put into the folder."""
        self._seen.add(path.name)
        self.damaged = [one for one in self.damaged if one != path]
        self._add(path, _rows(path))

    def __iter__(self) -> Iterator[str]:
        """The SHA-256 of every message in a pack."""
        yield from self._later
        yield from (_hex(row) for row in self._table["sha256"])

    def paths(self) -> list[Path]:
        """The packs that say what they hold."""
        return [self.folder / name for name in sorted(self._seen)]

    def _add(self, path: Path, rows: NDArray[np.void]) -> None:
        for row in rows:
            self._later[_hex(row["sha256"])] = Place(path, int(row["offset"]), int(row["length"]))

    def _read_all(self, found: list[tuple[Path, NDArray[np.void]]]) -> None:
        self._paths = [path for path, _ in found]
        table = np.zeros(sum(len(rows) for _, rows in found), dtype=_PLACED)
        at = 0
        for number, (_, rows) in enumerate(found):
            part = table[at : at + len(rows)]
            for name in ("sha256", "offset", "length"):
                part[name] = rows[name]
            part["pack"] = number
            at += len(rows)
        self._table = table[np.argsort(table["sha256"][:, 0], kind="stable")]
        self._first = np.ascontiguousarray(self._table["sha256"][:, 0])


def _rows(path: Path) -> NDArray[np.void]:
    """What a pack holds. DamagedPackError where its table, name and size do not agree."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_FIRST_ROW)
        if len(head) < _FIRST_ROW or not head.startswith(MAGIC):
            raise DamagedPackError(f"{path} does not begin as a pack does.")
        (count,) = _COUNT.unpack(head[len(MAGIC) :])
        if count > (size - _FIRST_ROW) // _ROW.itemsize:
            raise DamagedPackError(f"{path} is shorter than its own table.")
        rows = np.frombuffer(stream.read(count * _ROW.itemsize), dtype=_ROW)
    if len(rows) != count or _name_of(rows) != path.name:
        raise DamagedPackError(f"{path} has another name than the messages in its table give.")
    # One after the other, in numbers that cannot overflow.
    at = _FIRST_ROW + rows.nbytes
    for offset, length in zip(rows["offset"].tolist(), rows["length"].tolist(), strict=True):
        if offset != at:
            raise DamagedPackError(f"{path} has a table with a gap.")
        at += length
    if at != size:
        raise DamagedPackError(f"{path} has another size than its table says.")
    return rows


def _name_of(rows: NDArray[np.void]) -> str:
    return hashlib.sha256(rows["sha256"].tobytes()).hexdigest() + SUFFIX


def _words(sha256: str) -> tuple[int, int, int, int]:
    first, second, third, fourth = struct.unpack(">4Q", bytes.fromhex(sha256))
    return first, second, third, fourth


def _hex(words: NDArray[np.uint64]) -> str:
    return words.astype(">u8").tobytes().hex()
