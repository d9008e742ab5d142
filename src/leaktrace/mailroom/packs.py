"""Packs: files that hold the sealed bytes of many messages, so that a batch of mail costs a file system one file.

Layout: `MAGIC`, the number of messages, for each its SHA-256, offset and length (sorted by SHA-256), then the sealed
bytes. A pack is written whole by `RawStore` and never changed in place; its name follows from the messages in it. What
a pack says of itself is believed for finding only: bytes that are not those of a message do not open.
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


def packed(sealed: Mapping[str, bytes]) -> tuple[str, bytes]:
    """(name, bytes) of a pack of messages, sealed bytes by SHA-256 in hex."""
    names = sorted(sealed)
    rows = np.zeros(len(names), dtype=_ROW)
    rows["sha256"] = [_words(name) for name in names]
    lengths = np.array([len(sealed[name]) for name in names], dtype=np.uint64)
    rows["length"] = lengths
    rows["offset"] = _FIRST_ROW + rows.nbytes + np.cumsum(lengths) - lengths
    name = hashlib.sha256("".join(names).encode("ascii")).hexdigest() + SUFFIX
    return name, b"".join((MAGIC, _COUNT.pack(len(names)), rows.tobytes(), *(sealed[one] for one in names)))


def unpacked(path: Path) -> dict[str, bytes]:
    """The sealed bytes of every message in a pack; nothing of one that does not say what it holds."""
    content, rows = path.read_bytes(), _rows(path)
    return {_hex(row["sha256"]): content[int(row["offset"]) :][: int(row["length"])] for row in rows}


class Packs:
    """The packs of one folder, also those that other processes add to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[Path] = []
        """Packs that do not say what they hold."""
        self._paths: list[Path] = []
        self._seen: set[str] = set()
        self._changed_at: int | None = None
        self._table = np.zeros(0, dtype=_PLACED)
        """What the folder held when it was first looked at, sorted; a million messages take 60 MB."""
        self._first = self._table["sha256"][:, 0]
        """The first eight bytes of each, by themselves: that is what is searched."""
        self._later: dict[str, Place] = {}

    def find(self, sha256: str) -> Place | None:
        """Where a message lies; None for one that is in no pack as far as is known (`refresh`)."""
        later = self._later.get(sha256)
        if later is not None:
            return later
        wanted = _words(sha256)
        at = int(np.searchsorted(self._first, np.uint64(wanted[0])))
        while at < len(self._first) and self._first[at] == wanted[0]:
            row = self._table[at]
            if tuple(row["sha256"].tolist()) == wanted:
                return Place(self._paths[int(row["pack"])], int(row["offset"]), int(row["length"]))
            at += 1
        return None

    def refresh(self, *, surely: bool = False) -> None:
        """Looks for packs that came since; `surely`: also where the folder's time says that there are none."""
        try:
            changed_at = self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_at == self._changed_at and not surely:
            return
        fresh = sorted(path for path in self.folder.iterdir() if path.suffix == SUFFIX and path.name not in self._seen)
        found = [(path, _rows(path)) for path in fresh]
        self._seen |= {path.name for path in fresh}
        self.damaged += [path for path, rows in found if not len(rows)]
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
        """The packs there are."""
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
    """What a pack says it holds; nothing where that cannot be."""
    nothing = np.zeros(0, dtype=_ROW)
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_FIRST_ROW)
        if len(head) < _FIRST_ROW or not head.startswith(MAGIC):
            return nothing
        (count,) = _COUNT.unpack(head[len(MAGIC) :])
        if count > (size - _FIRST_ROW) // _ROW.itemsize:
            return nothing
        rows = np.frombuffer(stream.read(count * _ROW.itemsize), dtype=_ROW)
    begin = _FIRST_ROW + rows.nbytes
    ends = rows["offset"] + rows["length"]
    fits = (rows["offset"] >= begin) & (rows["length"] <= size) & (rows["offset"] <= size) & (ends <= size)
    return rows if len(rows) == count and bool(fits.all()) else nothing


def _words(sha256: str) -> tuple[int, int, int, int]:
    first, second, third, fourth = struct.unpack(">4Q", bytes.fromhex(sha256))
    return first, second, third, fourth


def _hex(words: NDArray[np.uint64]) -> str:
    return words.astype(">u8").tobytes().hex()
