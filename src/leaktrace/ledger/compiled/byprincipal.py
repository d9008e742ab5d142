"""Postings by principal, packed: what a principal opened, in order of time.

A principal's accesses stand in blocks of up to `BLOCK_ROWS`. One block, in 64-bit words:

    0   accesses in the low 32 bits, then widths in bits, a byte each: time step, manner
    1   the earliest time, in ticks
    2   the latest
    3   words of the block, these four included
    4.. customer keys, a word each; then time steps; then manners
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leaktrace.compiled.jit import compiled
from leaktrace.ledger.compiled.bits import get_bits, put_bits, width_of, words_for

HEAD_WORDS = 4
BLOCK_ROWS = 1024


@compiled
def grouped_by_principal(principal: Any, customer: Any, tick: Any, manner: Any, principal_count: Any) -> Any:
    """(customer, tick, manner, starts): each principal's accesses together, in order of time; where each one's start.

    Accesses of one principal at one time stand as they came.
    """
    starts = np.zeros(principal_count + 1, dtype=np.int64)
    for i in range(len(principal)):
        starts[principal[i] + 1] += 1
    for code in range(principal_count):
        starts[code + 1] += starts[code]
    free = starts[:-1].copy()
    customers, ticks, manners = np.empty_like(customer), np.empty_like(tick), np.empty_like(manner)
    for i in range(len(principal)):
        place = free[principal[i]]
        free[principal[i]] += 1
        customers[place], ticks[place], manners[place] = customer[i], tick[i], manner[i]
    for code in range(principal_count):
        start, end = starts[code], starts[code + 1]
        risen = True
        for k in range(start + 1, end):
            if ticks[k] < ticks[k - 1]:
                risen = False
                break
        if not risen:
            order = np.argsort(ticks[start:end], kind="mergesort")
            customers[start:end] = customers[start:end][order]
            ticks[start:end] = ticks[start:end][order]
            manners[start:end] = manners[start:end][order]
    return customers, ticks, manners, starts


@compiled
def pack_blocks(customer: Any, tick: Any, manner: Any, starts: Any) -> Any:
    """(words, ends): each principal's blocks, and where they end."""
    ends = np.zeros(len(starts) - 1, dtype=np.int64)
    total = 0
    for code in range(len(ends)):
        for start in range(starts[code], starts[code + 1], BLOCK_ROWS):
            total += _block_words(tick, manner, start, min(start + BLOCK_ROWS, starts[code + 1]))[0]
        ends[code] = total
    words = np.zeros(total, dtype=np.uint64)
    at = 0
    for code in range(len(ends)):
        for start in range(starts[code], starts[code + 1], BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, starts[code + 1])
            size, step_bits, manner_bits = _block_words(tick, manner, start, end)
            block = words[at : at + size]
            block[0] = np.uint64(end - start) | (np.uint64(step_bits) << np.uint64(32))
            block[0] |= np.uint64(manner_bits) << np.uint64(40)
            block[1] = np.uint64(tick[start])
            block[2] = np.uint64(tick[end - 1])
            block[3] = np.uint64(size)
            steps = 64 * (HEAD_WORDS + end - start)
            manners = steps + (end - start) * step_bits
            for k in range(start, end):
                block[HEAD_WORDS + k - start] = customer[k]
                if k > start:
                    put_bits(block, steps + (k - start) * step_bits, np.uint64(tick[k] - tick[k - 1]), step_bits)
                put_bits(block, manners + (k - start) * manner_bits, np.uint64(manner[k]), manner_bits)
            at += size
    return words, ends


@compiled
def _block_words(tick: Any, manner: Any, start: Any, end: Any) -> Any:
    """(words, bits of a time step, bits of a manner)."""
    step, largest = np.uint64(0), np.uint64(0)
    for k in range(start, end):
        if k > start:
            step = max(step, np.uint64(tick[k] - tick[k - 1]))
        largest = max(largest, np.uint64(manner[k]))
    step_bits, manner_bits = width_of(step), width_of(largest)
    return HEAD_WORDS + (end - start) + words_for((end - start) * (step_bits + manner_bits)), step_bits, manner_bits


@compiled
def count_opened(words: Any, start: Any, end: Any, first_tick: Any, end_tick: Any) -> Any:
    """At most so many accesses of one principal lie in `[first_tick, end_tick)`: those of the blocks it touches."""
    total = 0
    while start < end:
        if np.int64(words[start + 2]) >= first_tick and np.int64(words[start + 1]) < end_tick:
            total += np.int64(words[start] & np.uint64(0xFFFFFFFF))
        start += np.int64(words[start + 3])
    return total


@compiled
def read_opened(
    words: Any, start: Any, end: Any, first_tick: Any, end_tick: Any, place: Any, customer: Any, tick: Any, manner: Any
) -> Any:
    """Writes one principal's accesses in `[first_tick, end_tick)` from `place` on; returns the place after them."""
    while start < end:
        if np.int64(words[start + 2]) >= first_tick and np.int64(words[start + 1]) < end_tick:
            place = _read_block(words[start:end], first_tick, end_tick, place, customer, tick, manner)
        start += np.int64(words[start + 3])
    return place


@compiled
def count_of_codes(words: Any, ends: Any, codes: Any, first_tick: Any, end_tick: Any) -> Any:
    """At most so many accesses these principals have in `[first_tick, end_tick)`."""
    total = 0
    for code in codes:
        total += count_opened(words, ends[code - 1] if code else 0, ends[code], first_tick, end_tick)
    return total


@compiled
def read_codes(
    words: Any,
    ends: Any,
    codes: Any,
    first_tick: Any,
    end_tick: Any,
    customer: Any,
    principal: Any,
    tick: Any,
    manner: Any,
) -> Any:
    """Writes what these principals opened in `[first_tick, end_tick)`, one after the other; returns how many."""
    place = 0
    for code in codes:
        start = ends[code - 1] if code else 0
        upto = read_opened(words, start, ends[code], first_tick, end_tick, place, customer, tick, manner)
        principal[place:upto] = code
        place = upto
    return place


@compiled
def _read_block(block: Any, first_tick: Any, end_tick: Any, place: Any, customer: Any, tick: Any, manner: Any) -> Any:
    count = np.int64(block[0] & np.uint64(0xFFFFFFFF))
    step_bits = np.int64((block[0] >> np.uint64(32)) & np.uint64(0xFF))
    manner_bits = np.int64((block[0] >> np.uint64(40)) & np.uint64(0xFF))
    steps = 64 * (HEAD_WORDS + count)
    manners = steps + count * step_bits
    at = np.int64(block[1])
    for k in range(count):
        if k:
            at += np.int64(get_bits(block, steps + k * step_bits, step_bits))
        if first_tick <= at < end_tick:
            customer[place] = block[HEAD_WORDS + k]
            tick[place] = at
            manner[place] = get_bits(block, manners + k * manner_bits, manner_bits)
            place += 1
    return place
