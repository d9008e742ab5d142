"""Columns shared out over parts and sorted: the same rows as a plain sort gives, in memory that is used again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from leaktrace.ledger.principalcodes import PrincipalCodes
from leaktrace.ledger.room import Room
from leaktrace.ledger.sharing import ordered, shares_of_codes, shares_of_customers

PIECES = st.lists(
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.one_of(st.none(), st.text(max_size=5))), max_size=30),
    min_size=1,
    max_size=4,
)


@given(PIECES)
def test_rows_stay_together_and_parts_follow_each_other(pieces: list[list[tuple[int, str | None]]]) -> None:
    keys = [np.array([row[0] for row in piece], dtype=np.uint64) for piece in pieces]
    texts: list[Any] = [pa.array(["x", *(row[1] for row in piece)], pa.string()).slice(1) for piece in pieces]
    shares = shares_of_customers(keys, Room())
    found = shares.numbers("key", keys).tolist()
    rows = [row for piece in pieces for row in piece]
    assert found == [key for key, _ in sorted(rows, key=lambda row: row[0] >> 54)]
    assert shares.texts("text", texts).to_pylist() == [text for _, text in sorted(rows, key=lambda row: row[0] >> 54)]


@given(st.lists(st.integers(0, 4999), min_size=1, max_size=300))
def test_codes_of_one_stretch_stand_together_in_the_order_they_came(codes: list[int]) -> None:
    pieces = [np.array(codes, dtype=np.uint32)]
    shares = shares_of_codes(pieces, 5000, Room())
    places = shares.numbers("place", [np.arange(len(codes))])
    assert places.tolist() == sorted(range(len(codes)), key=lambda place: codes[place] >> 3)


def test_values_come_in_the_order_of_their_places() -> None:
    values = np.array([5, 6, 7], dtype=np.int64)
    room = np.empty(3, dtype=np.int64)
    assert ordered(values, np.array([2, 0, 1], dtype=np.int32), room) is room
    assert room.tolist() == [7, 5, 6]


def test_room_is_used_again_and_grows() -> None:
    room = Room()
    first = room.array("at", 1_000_000, np.int64)
    assert np.shares_memory(first, room.array("at", 900_000, np.int64))
    assert not np.shares_memory(first, room.array("row", 1_000_000, np.int64))
    assert not np.shares_memory(first, room.array("at", 1_000_001, np.int64))
    assert not np.shares_memory(room.array("few", 10, np.int64), room.array("few", 10, np.int64))


@pytest.mark.parametrize("batches", [[[3, 1], [2, 1, 9], [9]], [[], [5]]])
def test_a_principal_keeps_its_code_and_ranks_follow_keys(batches: list[list[int]]) -> None:
    codes, seen = PrincipalCodes(), dict[int, int]()
    for batch in batches:
        keys: NDArray[np.uint64] = np.array(batch, dtype=np.uint64)
        for key, code in zip(batch, codes.of(keys).tolist(), strict=True):
            assert seen.setdefault(key, code) == code
    assert sorted(seen.values()) == list(range(len(seen)))
    keys, ranks = codes.ranked()
    assert keys.tolist() == sorted(seen)
    assert [int(keys[ranks[code]]) for code in seen.values()] == list(seen)
