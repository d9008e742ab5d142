"""Columns of a run of accesses, shared out over parts of the customers or of the principals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.arrow import ArrowColumn, arrow, bytes_of, compute, mask_of
from leaktrace.ledger.compiled.sharing import (
    count_octets,
    high_bits,
    in_order,
    part_starts,
    share_out,
    share_texts_out,
)
from leaktrace.ledger.room import Room
from leaktrace.records import Keys

_PART_BITS = 10
_SHORT_OCTETS = 2**31 - 1
"""Arrow's texts with 32-bit places have at most so many bytes."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Which part each row is in; rows in pieces, as columns are."""

    parts: list[NDArray[np.uint16]]
    starts: NDArray[np.int64]
    room: Room

    def numbers(self, name: str, pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """A column of numbers, part after part; `name`: whose place in the room it takes."""
        shared, free = self.room.array(name, int(self.starts[-1]), pieces[0].dtype), self.starts[:-1].copy()
        for piece, part in zip(pieces, self.parts, strict=True):
            share_out(np.ascontiguousarray(piece), part, free, shared)
        return shared

    def texts(self, name: str, pieces: Sequence[ArrowColumn]) -> ArrowColumn:
        """A column of texts, part after part; nulls stay null. `name` as above."""
        found = [bytes_of(piece) for piece in pieces]
        octets = np.zeros(len(self.starts), dtype=np.int64)
        for (_, ends), part in zip(found, self.parts, strict=True):
            count_octets(ends, part, octets[1:])
        octets = np.cumsum(octets)
        short = octets[-1] <= _SHORT_OCTETS
        shared = self.room.array(name, int(octets[-1]), np.uint8)
        kind = np.int32 if short else np.int64
        shared_ends = self.room.array(f"ends of {name}", int(self.starts[-1]) + 1, kind)
        shared_ends[0] = 0
        free, free_octets = self.starts[:-1].copy(), octets[:-1].copy()
        for (texts, ends), part in zip(found, self.parts, strict=True):
            share_texts_out(texts, ends, part, free, free_octets, shared, shared_ends)
        valid = None
        if any(piece.null_count for piece in pieces):
            mask = self.numbers(f"valid {name}", [mask_of(compute.is_valid(piece)) for piece in pieces])
            valid = arrow.py_buffer(np.packbits(mask, bitorder="little"))
        made = arrow.StringArray if short else arrow.LargeStringArray
        column: ArrowColumn = made.from_buffers(
            len(shared_ends) - 1, arrow.py_buffer(shared_ends), arrow.py_buffer(shared), valid
        )
        return column


def shares_of_customers(pieces: Sequence[Keys], room: Room) -> Shares:
    """By the first bits of the customer's key: in the order of parts is nearly in the order of the lake."""
    parts = [np.empty(len(piece), dtype=np.uint16) for piece in pieces]
    for piece, part in zip(pieces, parts, strict=True):
        high_bits(np.ascontiguousarray(piece), _PART_BITS, part)
    return Shares(parts, part_starts(parts, 1 << _PART_BITS), room)


def shares_of_codes(pieces: Sequence[NDArray[np.uint32]], code_count: int, room: Room) -> Shares:
    """By stretches of the codes."""
    shift = np.uint32(max(0, (code_count - 1).bit_length() - _PART_BITS))
    parts = [(piece >> shift).astype(np.uint16) for piece in pieces]
    return Shares(parts, part_starts(parts, 1 << _PART_BITS), room)


def ordered(values: NDArray[Any], order: NDArray[np.int32], found: NDArray[Any]) -> NDArray[Any]:
    """`found`, filled with the values at these places, in their order."""
    in_order(values, order, found)
    return found
