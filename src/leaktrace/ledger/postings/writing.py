"""Writes the two files of postings of one batch of accesses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.compiled.bycustomer import bucket_starts, pack_buckets
from leaktrace.ledger.compiled.byprincipal import grouped_by_principal, pack_blocks
from leaktrace.ledger.postings.layout import Description, Order, PostingsWriter, Sink, unit_of
from leaktrace.ledger.postings.rows import PostingRows

BUCKET_ROWS = 400
"""So many accesses share a bucket on average: some 3 KB, one read."""


def bucket_bits_for(row_count: int) -> int:
    """First bits of a customer's key by which so many accesses are shared out."""
    return max(0, (max(row_count, 1) // BUCKET_ROWS).bit_length())


def write_by_customer(sink: Sink, rows: PostingRows) -> None:
    """`rows` in the order of the lake: by customer, time, principal and row."""
    unit, bits = unit_of(rows.at), bucket_bits_for(len(rows))
    starts = bucket_starts(rows.customer, bits, 0, 1 << bits)
    words, ends = pack_buckets(rows.customer, rows.principal, rows.at // unit, rows.manner, starts)
    writer = PostingsWriter(sink)
    writer.add(words)
    writer.end(_description("customer", rows, bits, unit, writer, len(ends)), rows.principals, ends)


def write_by_principal(sink: Sink, rows: PostingRows) -> None:
    """`rows` in any order, best in that of time; accesses of one principal at one time stand as they come."""
    unit = unit_of(rows.at)
    tick = rows.at // unit
    grouped = grouped_by_principal(rows.principal, rows.customer, tick, rows.manner, len(rows.principals))
    words, ends = pack_blocks(*grouped)
    writer = PostingsWriter(sink)
    writer.add(words)
    writer.end(_description("principal", rows, 0, unit, writer, len(ends)), rows.principals, ends)


def _description(
    order: Order, rows: PostingRows, bits: int, unit: int, writer: PostingsWriter, end_count: int
) -> Description:
    first, last = span_of(rows.at)
    return Description(
        order, len(rows), bits, unit, first, last, writer.word_count, len(rows.principals), end_count, rows.manners
    )


def span_of(at: NDArray[np.int64]) -> tuple[int, int]:
    """Earliest and latest, zero where there is none."""
    return (int(at.min()), int(at.max())) if len(at) else (0, 0)
