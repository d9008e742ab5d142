"""From a keyed number back to the name: sorted blocks of encrypted names, beside their numbers in clear.

One file holds the names that one commit brought. Its layout, little-endian:

    magic "LTNAMES2", entry count (u64)
    keys      count x u64, ascending
    checks    count x u32: the first bytes of a second keyed hash of each name
    ends      one u64 a block: where its sealed bytes end, counted from the end of this array
    blocks    BLOCK_NAMES names each: how long each is (u32), then the names in UTF-8; the whole compressed (Zstandard)
              and sealed with AES-256-GCM, bound to kind, file identity and block number

A look-up maps the file and decrypts only the blocks it needs. The checks find two names with one number without
decrypting anything: two different names agree in both hashes with a chance of 2^-96. Files that begin with "LTNAMES1"
hold JSON, deflated, and checks of another hash; they are read, and no longer written.
"""

from __future__ import annotations

import functools
import hashlib
import json
import mmap
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, arrow, bytes_of
from leaktrace.ledger.compiled.merging import found_among
from leaktrace.records import Keys

NameKind = Literal["customer", "principal"]
BLOCK_NAMES = 1024
_MAGIC = b"LTNAMES2"
_OLD_MAGIC = b"LTNAMES1"
_SIZE = struct.Struct("<I")
_HEADER = struct.Struct("<8sQ")
_READ_WHOLE_BYTES = 1024 * 1024
_WORTH_LEAVING_OUT = 16
"""Once one in so many was found, the rest is copied to be sought by itself."""


class Sink(Protocol):
    """Something that bytes are appended to."""

    def write(self, chunk: bytes) -> int:
        """Appends and returns how many bytes."""


def old_checks_of(names: Iterable[str], kind: NameKind, keyring: Keyring) -> NDArray[np.uint32]:
    """The checks of an "LTNAMES1" file; the separator is in no normalised address."""
    joined = b"".join(keyring.address_hash(f"{kind}\x1f{name}")[:4] for name in names)
    return np.frombuffer(joined, dtype="<u4").astype(np.uint32)


def write_dictionary(
    sink: Sink,
    keys: Keys,
    checks: NDArray[np.uint32],
    names: ArrowColumn,
    *,
    kind: NameKind,
    identity: str,
    keyring: Keyring,
) -> None:
    """Writes names sorted by key; `identity` is what the file will be known by."""
    sealed = [
        keyring.encrypt(_packed(names.slice(first, BLOCK_NAMES)), _context(kind, identity, first))
        for first in range(0, len(names), BLOCK_NAMES)
    ]
    sink.write(_HEADER.pack(_MAGIC, len(keys)))
    sink.write(keys.astype("<u8").tobytes())
    sink.write(checks.astype("<u4").tobytes())
    sink.write(np.cumsum([len(block) for block in sealed], dtype="<u8").tobytes())
    for block in sealed:
        sink.write(block)


def _packed(names: ArrowColumn) -> bytes:
    texts, ends = bytes_of(names)
    plain = np.diff(ends).astype("<u4").tobytes() + texts[ends[0] : ends[-1]].tobytes()
    packed: bytes = arrow.compress(plain, codec="zstd", asbytes=True)
    return _SIZE.pack(len(plain)) + packed


def _unpacked(packed: bytes, count: int) -> list[str]:
    (size,) = _SIZE.unpack_from(packed)
    plain = arrow.decompress(packed[_SIZE.size :], decompressed_size=size, codec="zstd", asbytes=True)
    ends = 4 * count + np.cumsum(np.frombuffer(plain, dtype="<u4", count=count), dtype=np.int64)
    return [
        plain[end - size : end].decode()
        for end, size in zip(ends.tolist(), np.diff(ends, prepend=4 * count).tolist(), strict=True)
    ]


def _context(kind: NameKind, identity: str, first: int) -> str:
    return f"dictionary {kind} {identity} {first // BLOCK_NAMES}"


class Dictionary:
    """One dictionary file, mapped."""

    @property
    def kind(self) -> NameKind:
        """What its names are names of."""
        return self._kind

    def __init__(self, path: Path, kind: NameKind, identity: str) -> None:
        self._path, self._kind, self._identity = path, kind, identity
        try:
            with path.open("rb") as stream:
                self._map(stream)
        except (OSError, ValueError, struct.error) as error:
            raise LedgerError(
                f"The dictionary {path} cannot be read: {error}.", "Restore the workspace from your backup."
            ) from error

    def _map(self, stream: BinaryIO) -> None:
        magic, count = _HEADER.unpack(stream.read(_HEADER.size))
        self._old = magic == _OLD_MAGIC
        if magic not in (_MAGIC, _OLD_MAGIC):
            raise ValueError("it is no dictionary of names")
        block_count = -(-count // BLOCK_NAMES)
        at = _HEADER.size
        self.keys: Keys = _mapped(stream, "<u8", at, count)
        self.checks: NDArray[np.uint32] = _mapped(stream, "<u4", at := at + 8 * count, count)
        self._ends: NDArray[np.uint64] = _mapped(stream, "<u8", at := at + 4 * count, block_count)
        self._blocks_at = at + 8 * block_count

    def find(self, keys: Keys) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """For each key: whether it is here, and at which place."""
        return found_among(np.asarray(self.keys), keys)

    def let_go(self) -> None:
        """Pages that were read no longer count as this process's memory; the system may keep them."""
        for array in (self.keys, self.checks):
            if isinstance(array, np.memmap):
                mapped: Any = array
                mapped._mmap.madvise(mmap.MADV_DONTNEED)

    def names(self, places: NDArray[np.intp], keyring: Keyring) -> list[str]:
        """The names at these places; KeyFileError under another key."""
        blocks: dict[int, list[str]] = {}
        with self._path.open("rb") as stream:
            for number in np.unique(places // BLOCK_NAMES):
                blocks[int(number)] = self._block(stream, int(number), keyring)
        return [blocks[int(place) // BLOCK_NAMES][int(place) % BLOCK_NAMES] for place in places]

    def _block(self, stream: BinaryIO, number: int, keyring: Keyring) -> list[str]:
        start = int(self._ends[number - 1]) if number else 0
        stream.seek(self._blocks_at + start)
        sealed = stream.read(int(self._ends[number]) - start)
        context = _context(self._kind, self._identity, number * BLOCK_NAMES)
        packed = keyring.decrypt(sealed, context)
        if self._old:
            names: list[str] = json.loads(zlib.decompress(packed))
            return names
        return _unpacked(packed, min(BLOCK_NAMES, len(self.keys) - number * BLOCK_NAMES))

    def generation(self, keyring: Keyring) -> int:
        """Under which generation of the key its names are; all of a file were sealed at one time."""
        if not len(self._ends):
            return keyring.generation
        with self._path.open("rb") as stream:
            stream.seek(self._blocks_at)
            return keyring.generation_of(stream.read(int(self._ends[0])), _context(self._kind, self._identity, 0))

    def is_other(
        self, places: NDArray[np.intp], checks: NDArray[np.uint32], names: Callable[[], list[str]], keyring: Keyring
    ) -> NDArray[np.bool_]:
        """Whether the names at these places are others than those with these checks; `names` gives the latter."""
        if self._old:
            checks = old_checks_of(names(), self._kind, keyring)
        other: NDArray[np.bool_] = self.checks[places] != checks
        return other


def _mapped(stream: BinaryIO, dtype: str, offset: int, count: int) -> NDArray[Any]:
    size = count * np.dtype(dtype).itemsize
    if size <= _READ_WHOLE_BYTES:  # each mapping holds a descriptor, and a followed log brings many small dictionaries
        stream.seek(offset)
        return np.frombuffer(stream.read(size), dtype=dtype, count=count)
    return np.memmap(stream, dtype=dtype, mode="r", offset=offset, shape=(count,))


def names_of(keys: Keys, dictionaries: Sequence[Dictionary], keyring: Keyring) -> list[str | None]:
    """The name of each key, in the order asked; null where no dictionary has it."""
    names: list[str | None] = [None] * len(keys)
    wanted = np.arange(len(keys))
    for dictionary in dictionaries:
        here, places = dictionary.find(keys[wanted])
        for index, name in zip(wanted[here], dictionary.names(places[here], keyring), strict=True):
            names[int(index)] = name
        wanted = wanted[~here]
        if not len(wanted):
            break
    return names


def known_and_clashing(
    keys: Keys,
    checks: NDArray[np.uint32],
    names_at: Callable[[NDArray[np.intp]], list[str]],
    dictionaries: Sequence[Dictionary],
    keyring: Keyring,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each name: whether a dictionary has its key, and whether it has it for another name.

    `names_at` gives the names at places of `keys`; it is asked only where a dictionary of the first layout has the key.
    Sorted keys go through a dictionary side by side; others are sought one by one.
    """
    known = np.zeros(len(keys), dtype=bool)
    clashing = np.zeros(len(keys), dtype=bool)
    # A key is in one dictionary only, so what is found need not be sought in the rest.
    sought, rest, found_count = keys, np.arange(len(keys)), 0
    for dictionary in dictionaries:
        here, places = dictionary.find(sought)
        if here.any():
            own = rest[here]
            known[own] = True
            names = functools.partial(names_at, own)
            clashing[own] = dictionary.is_other(places[here], checks[own], names, keyring)
            found_count += len(own)
            if _WORTH_LEAVING_OUT * found_count >= len(rest):
                staying = ~known[rest]
                sought, rest, found_count = sought[staying], rest[staying], 0
        dictionary.let_go()
    return known, clashing


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
