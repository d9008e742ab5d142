"""One file of postings: packed words, then what is needed to read them.

    "LTPOST01"                                     8 bytes
    words                                          the packed postings (`compiled.bycustomer`, `compiled.byprincipal`)
    principals     one u64 a code, ascending       which principal a code stands for
    ends           one i64 a bucket or a code      where its words end, counted from the first word
    description    JSON
    size of the description (u64), "LTPOST01"      16 bytes

All numbers are little-endian. A tick is one second, millisecond or microsecond: the coarsest that all times of the file
are whole multiples of. A manner is what an access showed and how: fields, tool, type of ticket.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from leaktrace.errors import LedgerError
from leaktrace.ledger.compiled.tallies import are_whole_milliseconds, are_whole_seconds
from leaktrace.records import Keys

Order = Literal["customer", "principal"]
_MAGIC = b"LTPOST01"
_TAIL = struct.Struct("<Q8s")
WORD_BYTES = 8
_READ_WHOLE_BYTES = 1024 * 1024
"""Smaller ones are read: a mapping holds a descriptor for as long as the file is open."""
UNITS = (1_000_000, 1_000, 1)
"""Microseconds a tick may have, the coarsest first."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What an access showed, and how."""

    fields: str
    """Sorted, joined by semicolons."""
    tool: str = ""
    ticket: str = ""
    """Letters that the number of its ticket starts with."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a file says of itself."""

    order: Order
    row_count: int
    bucket_bits: int
    """Of a customer's key, for postings by customer; 0 for those by principal."""
    unit: int
    """Microseconds of a tick."""
    first_at: int
    last_at: int
    """Earliest and latest access, microseconds UTC."""
    word_count: int
    principal_count: int
    end_count: int
    manners: tuple[Manner, ...]


class Sink(Protocol):
    """Something that bytes are appended to."""

    def write(self, chunk: Any) -> int:
        """Appends and returns how many bytes."""


class PostingsWriter:
    """Writes one file in one pass: first the words, in pieces, then the rest."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self.word_count = sink, 0
        sink.write(_MAGIC)

    def add(self, words: NDArray[np.uint64]) -> None:
        """Appends packed words."""
        self._sink.write(np.ascontiguousarray(words, dtype="<u8").view(np.uint8).data)
        self.word_count += len(words)

    def end(self, description: Description, principals: Keys, ends: NDArray[np.int64]) -> None:
        """Appends what makes the words readable."""
        text = json.dumps(asdict(description), sort_keys=True).encode()
        self._sink.write(principals.astype("<u8").tobytes())
        self._sink.write(ends.astype("<i8").tobytes())
        self._sink.write(text)
        self._sink.write(_TAIL.pack(len(text), _MAGIC))


class PostingsFile:
    """One file, mapped. `words` is read from disk where it is touched, the rest is in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                self.about = _description(stream, path.stat().st_size)
                self._map(stream)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise LedgerError(
                f"The index file {path} cannot be read: {error}.",
                "Build the index anew: leaktrace ledger reindex.",
            ) from error

    def _map(self, stream: Any) -> None:
        about, at = self.about, len(_MAGIC)
        self.words_at = at
        stream.seek(at)
        if WORD_BYTES * about.word_count <= _READ_WHOLE_BYTES:
            self._mapped = None
            self.words: NDArray[np.uint64] = np.fromfile(stream, dtype="<u8", count=about.word_count)
        else:
            self._mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self.words = np.frombuffer(self._mapped, dtype="<u8", count=about.word_count, offset=at)
            stream.seek(at + WORD_BYTES * about.word_count)
        self.principals: Keys = np.fromfile(stream, dtype="<u8", count=about.principal_count).astype(np.uint64)
        self.ends: NDArray[np.int64] = np.fromfile(stream, dtype="<i8", count=about.end_count).astype(np.int64)
        rising = not len(self.ends) or (self.ends[0] >= 0 and bool((np.diff(self.ends) >= 0).all()))
        if len(self.ends) != about.end_count or not rising or self.ends[-1:].tolist() not in ([], [about.word_count]):
            raise ValueError("its directory does not fit its postings")

    @property
    def is_mapped(self) -> bool:
        """Whether pages are read from disk where they are touched."""
        return self._mapped is not None

    def let_go(self) -> None:
        """Pages that were read no longer count as this process's memory; the system may keep them."""
        if self._mapped is not None:
            self._mapped.madvise(mmap.MADV_DONTNEED)


def _description(stream: Any, size_bytes: int) -> Description:
    if stream.read(len(_MAGIC)) != _MAGIC or size_bytes < len(_MAGIC) + _TAIL.size:
        raise ValueError("it is no file of postings")
    stream.seek(size_bytes - _TAIL.size)
    length, magic = _TAIL.unpack(stream.read(_TAIL.size))
    if magic != _MAGIC or length > size_bytes - _TAIL.size - len(_MAGIC):
        raise ValueError("it is cut off")
    stream.seek(size_bytes - _TAIL.size - length)
    document = json.loads(stream.read(length))
    about = Description(**(document | {"manners": tuple(Manner(**manner) for manner in document["manners"])}))
    numbers = WORD_BYTES * (about.word_count + about.principal_count + about.end_count)
    if size_bytes != len(_MAGIC) + numbers + length + _TAIL.size:
        raise ValueError("its size does not fit its description")
    return about


def unit_of(at: NDArray[np.int64]) -> int:
    """The coarsest tick, in microseconds, that all these times are whole multiples of."""
    if are_whole_seconds(at):
        return UNITS[0]
    return UNITS[1] if are_whole_milliseconds(at) else UNITS[2]
