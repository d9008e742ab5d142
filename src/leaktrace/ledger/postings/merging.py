"""Merges postings of many files into one, a part of the customers or of the principals at a time.

Memory is bounded by the size of a part, whatever the files hold; two parts are worked on at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.compiled.bycustomer import bucket_starts, pack_buckets
from leaktrace.ledger.compiled.byprincipal import grouped_by_principal, pack_blocks
from leaktrace.ledger.compiled.sorting import access_order
from leaktrace.ledger.postings.layout import Description, Order, PostingsWriter, Sink
from leaktrace.ledger.postings.reading import ByCustomer, ByPrincipal
from leaktrace.ledger.postings.rows import Codes, shared_codes, under_codes
from leaktrace.ledger.postings.writing import bucket_bits_for

PART_ROWS = 1_000_000
"""By customer: the accesses of a part, on average."""
PRINCIPAL_PART_ROWS = 1_000_000
_THREADS = 2
Told = Callable[[int], None]
"""Called with how many rows are merged."""
Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge wrote."""

    row_count: int
    first_at: int
    last_at: int


def merge_by_customer(files: Sequence[ByCustomer], sink: Sink, told: Told = lambda _: None) -> Merged:
    """One file of postings by customer out of many."""
    abouts = [file.file.about for file in files]
    codes = shared_codes([(file.file.principals, file.file.about.manners) for file in files])
    total = sum(about.row_count for about in abouts)
    bits, unit = bucket_bits_for(total), min((about.unit for about in abouts), default=1)
    part_bits = min(bits, max(0, (total // PART_ROWS).bit_length()))
    share = 1 << (bits - part_bits)

    def part(number: int) -> tuple[NDArray[np.uint64], NDArray[np.int64], _Seen]:
        rows = under_codes([file.between(number, part_bits) for file in files], codes)
        _let_go(files)
        order = access_order(rows.customer, rows.at, rows.principal, np.arange(len(rows), dtype=np.int64))
        customer, tick = rows.customer[order], rows.at[order] // unit
        starts = bucket_starts(customer, bits, number * share, (number + 1) * share)
        words, ends = pack_buckets(customer, rows.principal[order], tick, rows.manner[order], starts)
        return words, ends, _seen(rows.at)

    return _write("customer", sink, part, 1 << part_bits, codes, bits, unit, told)


def merge_by_principal(files: Sequence[ByPrincipal], sink: Sink, told: Told = lambda _: None) -> Merged:
    """One file of postings by principal out of many."""
    abouts = [file.file.about for file in files]
    codes = shared_codes([(file.file.principals, file.file.about.manners) for file in files])
    unit = min((about.unit for about in abouts), default=1)
    cuts = _principal_cuts(files, codes)

    def part(number: int) -> tuple[NDArray[np.uint64], NDArray[np.int64], _Seen]:
        first, upto = cuts[number], cuts[number + 1]
        own = [np.arange(*np.searchsorted(places, (first, upto))) for places in codes.principal_maps]
        found = [file.codes(mine, -(2**62), 2**62) for file, mine in zip(files, own, strict=True)]
        rows = under_codes(found, codes)
        _let_go(files)
        tick = rows.at // unit
        grouped = grouped_by_principal(
            rows.principal - np.uint32(first), rows.customer, tick, rows.manner, upto - first
        )
        words, ends = pack_blocks(*grouped)
        return words, ends, _seen(rows.at)

    return _write("principal", sink, part, len(cuts) - 1, codes, 0, unit, told)


def _let_go(files: Sequence[ByCustomer] | Sequence[ByPrincipal]) -> None:
    """A merge goes through all pages of its inputs; those that were read are not to stay in its memory."""
    for file in files:
        file.file.let_go()


def _principal_cuts(files: Sequence[ByPrincipal], codes: Codes) -> list[int]:
    """Codes where parts begin, so that a part holds about `PRINCIPAL_PART_ROWS`; one more for the end."""
    words = np.zeros(len(codes.principals), dtype=np.int64)
    for file, places in zip(files, codes.principal_maps, strict=True):
        words[places] += np.diff(file.file.ends, prepend=0)
    part = np.cumsum(words) // (PRINCIPAL_PART_ROWS * 4 // 3)
    return [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(words)] if len(words) else [0]


@dataclass(frozen=True, slots=True)
class _Seen:
    row_count: int
    first_at: int
    last_at: int


def _seen(at: NDArray[np.int64]) -> _Seen:
    return _Seen(len(at), int(at.min()), int(at.max())) if len(at) else _Seen(0, 2**62, -(2**62))


def _write(
    order: Order,
    sink: Sink,
    part: Callable[[int], tuple[NDArray[np.uint64], NDArray[np.int64], _Seen]],
    part_count: int,
    codes: Codes,
    bits: int,
    unit: int,
    told: Told,
) -> Merged:
    writer, all_ends, done = PostingsWriter(sink), list[NDArray[np.int64]](), Merged(0, 2**62, -(2**62))
    for words, ends, seen in _in_turn(part, part_count):
        all_ends.append(ends + writer.word_count)
        writer.add(words)
        done = Merged(
            done.row_count + seen.row_count, min(done.first_at, seen.first_at), max(done.last_at, seen.last_at)
        )
        told(done.row_count)
    ends = np.concatenate([np.zeros(0, np.int64), *all_ends])
    first, last = (done.first_at, done.last_at) if done.row_count else (0, 0)
    about = Description(
        order, done.row_count, bits, unit, first, last, writer.word_count, len(codes.principals), len(ends),
        codes.manners,
    )  # fmt: skip
    writer.end(about, codes.principals, ends)
    return done


def _in_turn(work: Callable[[int], Piece], count: int) -> Iterator[Piece]:
    """The pieces in order, a few of them worked on at once."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = list[Future[Piece]]()
        for number in range(count):
            waiting.append(pool.submit(work, number))
            if len(waiting) > _THREADS:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
