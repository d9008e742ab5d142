"""Reads postings: of wanted customers, of wanted principals, or all of a part.

Where pages are not in memory, each wanted piece is asked of the system before the first is used, so that the disk works
on many at once instead of on one fault after the other.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.compiled.bycustomer import count_buckets, find_wanted, read_buckets, read_wanted
from leaktrace.ledger.compiled.byprincipal import count_of_codes, read_codes
from leaktrace.ledger.postings.layout import WORD_BYTES, PostingsFile
from leaktrace.ledger.postings.rows import PostingRows, joined
from leaktrace.records import Keys

_ASKING_THREADS = 16
"""A disk that answers one read in 0.1 ms answers sixteen at once in hardly more."""
_FEW_PIECES = 256
_CORES = 2
_FEW_WANTED = 1000
"""Of so many customers the accesses are found before another thread has begun."""


class ByCustomer:
    """Postings by customer in one file."""

    def __init__(self, path: Path) -> None:
        self.file = PostingsFile(path)

    def of(self, wanted: Keys) -> PostingRows:
        """All accesses of these customers (ascending, each once), by customer and time."""
        about, ends = self.file.about, self.file.ends
        _ask_for(self.file, self._pieces(wanted))
        records, counts, buckets = (np.zeros(len(wanted), dtype=np.int64) for _ in range(3))
        words = self.file.words

        def find(own: slice) -> None:
            find_wanted(words, ends, about.bucket_bits, wanted[own], records[own], counts[own], buckets[own])

        _shared_out(find, len(wanted))
        places = np.cumsum(counts) - counts
        principal, tick, manner = _room(int(counts.sum()))

        def read(own: slice) -> None:
            read_wanted(words, records[own], counts[own], buckets[own], places[own], principal, tick, manner)

        _shared_out(read, len(wanted))
        return self._rows(np.repeat(wanted, counts), principal, tick, manner)

    def between(self, part: int, part_bits: int) -> PostingRows:
        """All accesses of the customers whose key starts with the `part_bits` bits of `part`."""
        about, ends, bits = self.file.about, self.file.ends, self.file.about.bucket_bits
        if bits >= part_bits:
            first, upto = part << (bits - part_bits), (part + 1) << (bits - part_bits)
        else:
            first, upto = part >> (part_bits - bits), (part >> (part_bits - bits)) + 1
        count = int(count_buckets(self.file.words, ends, first, upto))
        customer = np.empty(count, dtype=np.uint64)
        principal, tick, manner = _room(count)
        read_buckets(self.file.words, ends, first, upto, customer, principal, tick, manner)
        rows = self._rows(customer, principal, tick, manner)
        if about.bucket_bits < part_bits:
            return rows.kept((customer >> np.uint64(64 - part_bits)) == np.uint64(part))
        return rows

    def _pieces(self, wanted: Keys) -> NDArray[np.int64]:
        """(first word, end word) of the buckets of these customers."""
        bits, ends = self.file.about.bucket_bits, self.file.ends
        shift = np.uint64(64 - bits) if bits else np.uint64(63)
        buckets = np.unique(wanted >> shift).astype(np.int64) if bits else np.zeros(min(1, len(wanted)), np.int64)
        starts = np.where(buckets > 0, ends[np.maximum(buckets - 1, 0)], 0)
        return np.stack([starts, ends[buckets]], axis=1)

    def _rows(
        self, customer: Keys, principal: NDArray[np.uint32], tick: NDArray[np.int64], manner: NDArray[np.uint32]
    ) -> PostingRows:
        return PostingRows(
            customer, principal, tick * self.file.about.unit, manner, self.file.principals, self.file.about.manners
        )


class ByPrincipal:
    """Postings by principal in one file."""

    def __init__(self, path: Path) -> None:
        self.file = PostingsFile(path)

    def of(self, wanted: Keys, start_at: int, end_at: int) -> PostingRows:
        """What these principals opened in `[start_at, end_at)`, microseconds UTC; by principal and time."""
        codes = np.searchsorted(self.file.principals, wanted)
        here = codes < len(self.file.principals)
        here[here] = self.file.principals[codes[here]] == wanted[here]
        codes = np.unique(codes[here])
        starts = np.where(codes > 0, self.file.ends[np.maximum(codes - 1, 0)], 0)
        _ask_for(self.file, np.stack([starts, self.file.ends[codes]], axis=1))
        return self.codes(codes, start_at, end_at)

    def codes(self, codes: NDArray[np.intp], start_at: int, end_at: int) -> PostingRows:
        """The same for principals by their codes in this file."""
        about, words, ends = self.file.about, self.file.words, self.file.ends
        first, end = ticks_of(start_at, about.unit), ticks_of(end_at, about.unit)
        wanted = np.asarray(codes, dtype=np.int64)
        most = int(count_of_codes(words, ends, wanted, first, end))
        customer = np.empty(most, dtype=np.uint64)
        principal, tick, manner = _room(most)
        place = int(read_codes(words, ends, wanted, first, end, customer, principal, tick, manner))
        return PostingRows(
            customer[:place],
            principal[:place],
            tick[:place] * about.unit,
            manner[:place],
            self.file.principals,
            about.manners,
        )


def of_customers(files: list[ByCustomer], wanted: Keys) -> PostingRows:
    """All accesses of these customers (ascending, each once) over several files."""
    return joined([file.of(wanted) for file in files])


def ticks_of(at: int, unit: int) -> int:
    """The first tick at or after an instant."""
    return min(max(-(-at // unit), -(2**62)), 2**62)


def _room(count: int) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]:
    return np.empty(count, np.uint32), np.empty(count, np.int64), np.empty(count, np.uint32)


def _shared_out(work: Callable[[slice], None], count: int) -> None:
    """Does the work on all of so many, by slices, on all cores where it is worth it."""
    if count <= _FEW_WANTED:
        work(slice(count))
        return
    cuts = np.linspace(0, count, _CORES + 1).astype(int).tolist()
    with ThreadPoolExecutor(_CORES) as pool:
        for done in [pool.submit(work, slice(first, end)) for first, end in itertools.pairwise(cuts)]:
            done.result()


def _ask_for(file: PostingsFile, pieces: NDArray[np.int64]) -> None:
    """Has the system fetch these words; what is in memory already costs a call and no read."""
    pieces = pieces[pieces[:, 1] > pieces[:, 0]]
    if not file.is_mapped or not len(pieces):
        return
    with file.path.open("rb") as stream:
        handle = stream.fileno()

        def ask(some: NDArray[np.int64]) -> None:
            for start, end in some.tolist():
                offset = file.words_at + WORD_BYTES * start
                os.posix_fadvise(handle, offset, WORD_BYTES * (end - start), os.POSIX_FADV_WILLNEED)

        if len(pieces) <= _FEW_PIECES:
            ask(pieces)
            return
        # One thread after the other waits where the disk's queue is full; several keep it full.
        with ThreadPoolExecutor(_ASKING_THREADS) as pool:
            for asked in [pool.submit(ask, some) for some in np.array_split(pieces, _ASKING_THREADS)]:
                asked.result()
