"""Postings by customer, packed: who opened a customer's record, when and in which manner.

Customer keys are shared out by their first bits into buckets of a few hundred accesses. One bucket, in 64-bit words:

    0   customers in the low half, accesses in the high half
    1   widths in bits, a byte each: key step, count, principal, time, manner
    2   the first key
    3   the earliest time, in ticks
    4.. key steps, counts (one each a customer), then one record (principal, time, manner) an access

Accesses stand in the order of the lake: by customer, time and principal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leaktrace.compiled.jit import compiled
from leaktrace.ledger.compiled.bits import get_bits, put_bits, width_of, words_for

HEAD_WORDS = 4


@compiled
def bucket_starts(customer: Any, bucket_bits: Any, first: Any, upto: Any) -> Any:
    """Where the accesses of each bucket in `[first, upto)` start among sorted keys; one more for the end."""
    starts = np.empty(upto - first + 1, dtype=np.int64)
    shift, place = np.uint64(64 - bucket_bits), 0
    for bucket in range(first, upto):
        while place < len(customer) and (bucket_bits and np.int64(customer[place] >> shift) < bucket):
            place += 1
        starts[bucket - first] = place
    starts[upto - first] = len(customer)
    return starts


@compiled
def _measure(customer: Any, principal: Any, tick: Any, manner: Any, start: Any, end: Any, found: Any) -> Any:
    """Fills (customers, five widths, earliest tick); returns how many words the bucket takes."""
    customers, largest_step, largest_count, count = 1, np.uint64(0), 1, 0
    low, high, largest_principal, largest_manner = tick[start], tick[start], np.uint64(0), np.uint64(0)
    for i in range(start, end):
        if i > start and customer[i] != customer[i - 1]:
            largest_step = max(largest_step, customer[i] - customer[i - 1])
            customers += 1
            count = 0
        count += 1
        largest_count = max(largest_count, count)
        low, high = min(low, tick[i]), max(high, tick[i])
        largest_principal = max(largest_principal, np.uint64(principal[i]))
        largest_manner = max(largest_manner, np.uint64(manner[i]))
    found[0] = customers
    found[1] = width_of(largest_step)
    found[2] = width_of(np.uint64(largest_count))
    found[3] = width_of(largest_principal)
    found[4] = width_of(np.uint64(high - low))
    found[5] = width_of(largest_manner)
    found[6] = low
    bits = customers * (found[1] + found[2]) + (end - start) * (found[3] + found[4] + found[5])
    return HEAD_WORDS + words_for(bits)


@compiled
def pack_buckets(customer: Any, principal: Any, tick: Any, manner: Any, starts: Any) -> Any:
    """(words, ends): the buckets one after the other, and where each ends; an empty one takes no word."""
    found = np.zeros(7, dtype=np.int64)
    ends = np.zeros(len(starts) - 1, dtype=np.int64)
    total = 0
    for bucket in range(len(ends)):
        if starts[bucket + 1] > starts[bucket]:
            total += _measure(customer, principal, tick, manner, starts[bucket], starts[bucket + 1], found)
        ends[bucket] = total
    words = np.zeros(total, dtype=np.uint64)
    at = 0
    for bucket in range(len(ends)):
        start, end = starts[bucket], starts[bucket + 1]
        if end > start:
            _measure(customer, principal, tick, manner, start, end, found)
            _pack(customer, principal, tick, manner, start, end, found, words[at : ends[bucket]])
        at = ends[bucket]
    return words, ends


@compiled
def _pack(customer: Any, principal: Any, tick: Any, manner: Any, start: Any, end: Any, found: Any, words: Any) -> None:
    customers, step_bits, count_bits = found[0], found[1], found[2]
    principal_bits, tick_bits, manner_bits, low = found[3], found[4], found[5], found[6]
    words[0] = np.uint64(customers) | (np.uint64(end - start) << np.uint64(32))
    for number in range(5):
        words[1] |= np.uint64(found[1 + number]) << np.uint64(8 * number)
    words[2] = customer[start]
    words[3] = np.uint64(low)
    steps = 64 * HEAD_WORDS
    counts = steps + customers * step_bits
    record = counts + customers * count_bits
    number, count = 0, 0
    for i in range(start, end):
        if i > start and customer[i] != customer[i - 1]:
            put_bits(words, counts + number * count_bits, np.uint64(count), count_bits)
            number += 1
            count = 0
            put_bits(words, steps + number * step_bits, customer[i] - customer[i - 1], step_bits)
        count += 1
        put_bits(words, record, np.uint64(principal[i]), principal_bits)
        record += principal_bits
        put_bits(words, record, np.uint64(tick[i] - low), tick_bits)
        record += tick_bits
        put_bits(words, record, np.uint64(manner[i]), manner_bits)
        record += manner_bits
    put_bits(words, counts + number * count_bits, np.uint64(count), count_bits)


@compiled
def find_wanted(words: Any, ends: Any, bucket_bits: Any, wanted: Any, records: Any, counts: Any, buckets: Any) -> None:
    """Of each wanted customer (any order): bit place of the first record, how many, first word of the bucket."""
    for w in range(len(wanted)):
        records[w], counts[w], buckets[w] = _find(words, ends, bucket_bits, wanted[w])


@compiled
def _find(words: Any, ends: Any, bucket_bits: Any, key: Any) -> Any:
    """(bit place of the customer's first record, how many, word of the bucket)."""
    bucket = np.int64(key >> np.uint64(64 - bucket_bits)) if bucket_bits else 0
    start = ends[bucket - 1] if bucket else 0
    if ends[bucket] == start:
        return 0, 0, start
    customers = np.int64(words[start] & np.uint64(0xFFFFFFFF))
    step_bits = np.int64(words[start + 1] & np.uint64(0xFF))
    count_bits = np.int64((words[start + 1] >> np.uint64(8)) & np.uint64(0xFF))
    record_bits = _record_bits(words[start + 1])
    steps = 64 * (start + HEAD_WORDS)
    counts = steps + customers * step_bits
    found, before = words[start + 2], 0
    for number in range(customers):
        if number:
            found += get_bits(words, steps + number * step_bits, step_bits)
        if found > key:
            break
        count = np.int64(get_bits(words, counts + number * count_bits, count_bits))
        if found == key:
            return counts + customers * count_bits + before * record_bits, count, start
        before += count
    return 0, 0, start


@compiled
def _record_bits(widths: Any) -> Any:
    return np.int64(
        ((widths >> np.uint64(16)) & np.uint64(0xFF))
        + ((widths >> np.uint64(24)) & np.uint64(0xFF))
        + ((widths >> np.uint64(32)) & np.uint64(0xFF))
    )


@compiled
def read_wanted(
    words: Any, records: Any, counts: Any, buckets: Any, places: Any, principal: Any, tick: Any, manner: Any
) -> None:
    """Writes the accesses of wanted customer w, as `find_wanted` found them, at `places[w]` and after."""
    for w in range(len(counts)):
        if counts[w]:
            _read_records(words, buckets[w], records[w], counts[w], places[w], principal, tick, manner)


@compiled
def _read_records(
    words: Any, start: Any, record: Any, count: Any, place: Any, principal: Any, tick: Any, manner: Any
) -> None:
    widths = words[start + 1]
    principal_bits = np.int64((widths >> np.uint64(16)) & np.uint64(0xFF))
    tick_bits = np.int64((widths >> np.uint64(24)) & np.uint64(0xFF))
    manner_bits = np.int64((widths >> np.uint64(32)) & np.uint64(0xFF))
    low = np.int64(words[start + 3])
    for i in range(place, place + count):
        principal[i] = get_bits(words, record, principal_bits)
        record += principal_bits
        tick[i] = low + np.int64(get_bits(words, record, tick_bits))
        record += tick_bits
        manner[i] = get_bits(words, record, manner_bits)
        record += manner_bits


@compiled
def count_buckets(words: Any, ends: Any, first: Any, upto: Any) -> Any:
    """How many accesses the buckets in `[first, upto)` hold."""
    total = 0
    for bucket in range(first, upto):
        start = ends[bucket - 1] if bucket else 0
        if ends[bucket] > start:
            total += np.int64(words[start] >> np.uint64(32))
    return total


@compiled
def read_buckets(
    words: Any, ends: Any, first: Any, upto: Any, customer: Any, principal: Any, tick: Any, manner: Any
) -> Any:
    """All accesses of the buckets in `[first, upto)`, in order; returns how many."""
    place = 0
    for bucket in range(first, upto):
        start = ends[bucket - 1] if bucket else 0
        if ends[bucket] == start:
            continue
        customers = np.int64(words[start] & np.uint64(0xFFFFFFFF))
        accesses = np.int64(words[start] >> np.uint64(32))
        step_bits = np.int64(words[start + 1] & np.uint64(0xFF))
        count_bits = np.int64((words[start + 1] >> np.uint64(8)) & np.uint64(0xFF))
        steps = 64 * (start + HEAD_WORDS)
        counts = steps + customers * step_bits
        key, filled = words[start + 2], place
        for number in range(customers):
            if number:
                key += get_bits(words, steps + number * step_bits, step_bits)
            count = np.int64(get_bits(words, counts + number * count_bits, count_bits))
            customer[filled : filled + count] = key
            filled += count
        _read_records(words, start, counts + customers * count_bits, accesses, place, principal, tick, manner)
        place += accesses
    return place
