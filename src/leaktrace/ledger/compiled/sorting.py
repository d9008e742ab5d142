"""The order of accesses in the lake and in the index: by customer, and within one by time, principal and row.

Customer keys are keyed hashes, so their first bits share them out evenly: two rounds of sharing out leave pieces of a
few rows. A piece that stays large (one customer, opened a million times) is merge-sorted, so the cost never goes
beyond n log n.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

_FEW = 24
_FIRST_BITS = 10


def access_order(
    customer: NDArray[np.uint64], at: NDArray[np.int64], principal: NDArray[np.uint32], row: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Places of the rows, sorted by (customer, at, principal, row). Up to 2^31 rows.

    `principal`: codes that ascend as the principals' keys do.
    """
    order = np.empty(len(customer), dtype=np.int32)
    if len(customer):
        _share_out(customer, at, principal, row, order)
    return order


@compiled
def _after(customer: Any, at: Any, principal: Any, row: Any, left: Any, right: Any) -> Any:
    """Whether the row `left` comes after the row `right`."""
    if customer[left] != customer[right]:
        return customer[left] > customer[right]
    if at[left] != at[right]:
        return at[left] > at[right]
    if principal[left] != principal[right]:
        return principal[left] > principal[right]
    return row[left] > row[right]


@compiled
def _sort_piece(customer: Any, at: Any, principal: Any, row: Any, order: Any, start: Any, end: Any, spare: Any) -> None:
    for run in range(start, end, _FEW):
        for i in range(run + 1, min(run + _FEW, end)):
            moved, j = order[i], i - 1
            while j >= run and _after(customer, at, principal, row, order[j], moved):
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = moved
    width = _FEW
    while width < end - start:
        for left in range(start, end, 2 * width):
            middle, right = min(left + width, end), min(left + 2 * width, end)
            if middle >= right:
                continue
            i, j = left, middle
            for k in range(left, right):
                first = j >= right or (i < middle and not _after(customer, at, principal, row, order[i], order[j]))
                if first:
                    spare[k] = order[i]
                    i += 1
                else:
                    spare[k] = order[j]
                    j += 1
            for k in range(left, right):
                order[k] = spare[k]
        width *= 2


@compiled
def _share_out(customer: Any, at: Any, principal: Any, row: Any, order: Any) -> None:
    count = len(customer)
    first = np.uint64(64 - _FIRST_BITS)
    starts = np.zeros((1 << _FIRST_BITS) + 1, dtype=np.int64)
    for i in range(count):
        starts[np.int64(customer[i] >> first) + 1] += 1
    for piece in range(1 << _FIRST_BITS):
        starts[piece + 1] += starts[piece]
    free = starts[:-1].copy()
    spare = np.empty(count, dtype=np.int32)
    for i in range(count):
        piece = np.int64(customer[i] >> first)
        spare[free[piece]] = i
        free[piece] += 1
    second_bits = 1
    while second_bits < 16 and (count >> (_FIRST_BITS + second_bits)) > 8:
        second_bits += 1
    shift, mask = np.uint64(64 - _FIRST_BITS - second_bits), np.uint64((1 << second_bits) - 1)
    inner = np.zeros((1 << second_bits) + 1, dtype=np.int64)
    for piece in range(1 << _FIRST_BITS):
        start, end = starts[piece], starts[piece + 1]
        inner[:] = 0
        for k in range(start, end):
            inner[np.int64((customer[spare[k]] >> shift) & mask) + 1] += 1
        for part in range(1 << second_bits):
            inner[part + 1] += inner[part]
        for k in range(start, end):
            part = np.int64((customer[spare[k]] >> shift) & mask)
            order[start + inner[part]] = spare[k]
            inner[part] += 1
        last = start
        for part in range(1 << second_bits):
            upto = start + inner[part]
            _sort_piece(customer, at, principal, row, order, last, upto, spare)
            last = upto
