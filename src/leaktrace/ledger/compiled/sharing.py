"""Shares rows out over parts, so that what is done to one part afterwards stays in the processor's cache.

A row's part is a small number; rows of one part keep their order. Columns come in pieces: `free` says where the next
row of each part goes, and is carried from piece to piece.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled


def part_starts(parts: list[NDArray[np.uint16]], part_count: int) -> NDArray[np.int64]:
    """Where each part begins, and one more for the end."""
    starts = np.zeros(part_count + 1, dtype=np.int64)
    for piece in parts:
        _count(piece, starts[1:])
    return np.cumsum(starts)


@compiled
def _count(part: Any, counts: Any) -> None:
    for i in range(len(part)):
        counts[part[i]] += 1


@compiled
def share_out(values: Any, part: Any, free: Any, shared: Any) -> None:
    """Writes a piece of a column of numbers to its places."""
    for i in range(len(part)):
        own = part[i]
        shared[free[own]] = values[i]
        free[own] += 1


@compiled
def count_octets(ends: Any, part: Any, counts: Any) -> None:
    """Adds how many bytes the texts of each part have; text i is `[ends[i], ends[i + 1])`."""
    for i in range(len(part)):
        counts[part[i]] += ends[i + 1] - ends[i]


@compiled
def share_texts_out(
    texts: Any, ends: Any, part: Any, free: Any, free_octets: Any, shared: Any, shared_ends: Any
) -> None:
    """Writes a piece of a column of texts to its places: the bytes, and behind each text where it ends."""
    for i in range(len(part)):
        own = part[i]
        place = free_octets[own]
        for k in range(ends[i], ends[i + 1]):
            shared[place] = texts[k]
            place += 1
        free_octets[own] = place
        shared_ends[free[own] + 1] = place
        free[own] += 1


@compiled
def in_order(values: Any, order: Any, ordered: Any) -> None:
    """Writes the values at the places that `order` names, one after the other."""
    for i in range(len(order)):
        ordered[i] = values[order[i]]


@compiled
def high_bits(keys: Any, bits: Any, part: Any) -> None:
    """The first bits of each key, as a part."""
    shift = np.uint64(64 - bits)
    for i in range(len(keys)):
        part[i] = np.uint16(keys[i] >> shift)
