"""What runs as machine code, against the same in plain Python and the standard library."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.compiled.blake2 import keyed_digests
from leaktrace.ledger.arrow import bytes_of
from leaktrace.ledger.compiled.bits import get_bits, put_bits, width_of
from leaktrace.ledger.compiled.codes import distinct_codes
from leaktrace.ledger.compiled.merging import found_among
from leaktrace.ledger.compiled.sorting import access_order
from leaktrace.ledger.compiled.tallies import count_distinct, count_openers, months_of
from leaktrace.ledger.compiled.texts import MAY_BE_BLANK, MAY_BREAK, MAY_NAME_AN_ADDRESS, looks_of
from leaktrace.ledger.manners import ticket_types
from leaktrace.ledger.postings.layout import unit_of
from tests.ledger.small_ledgers import KEYRING

TEXTS = st.lists(st.text(max_size=300), max_size=20)


@given(TEXTS, st.binary(min_size=1, max_size=64), st.integers(8, 64))
def test_digests_are_those_of_the_standard_library(texts: list[str], key: bytes, size: int) -> None:
    found = keyed_digests(*bytes_of(pa.array(texts, pa.string())), key, size)
    for number, text in enumerate(texts):
        wanted = hashlib.blake2b(text.encode(), digest_size=size, key=key).digest()
        assert int(found[0, number]).to_bytes(8, "little") == wanted[:8]
        assert int(found[1, number]).to_bytes(8, "little")[: max(0, size - 8)] == wanted[8:16]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 255, 256, 257])
def test_digests_at_the_edges_of_a_block(length: int) -> None:
    text = bytes(range(256)) * 2
    found = keyed_digests(np.frombuffer(text, np.uint8), np.array([3, 3 + length]), b"k" * 32, 16)
    wanted = hashlib.blake2b(text[3 : 3 + length], digest_size=16, key=b"k" * 32).digest()
    assert found.T.tobytes() == wanted


@pytest.mark.parametrize(("key", "size"), [(b"", 8), (b"k" * 65, 8), (b"k", 7), (b"k", 65)])
def test_a_digest_that_is_none_is_refused(key: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="digest_bytes"):
        keyed_digests(np.zeros(1, np.uint8), np.zeros(1, np.int64), key, size)


@given(st.lists(st.text(max_size=20), max_size=20))
def test_a_column_of_names_has_the_keys_of_its_names(names: list[str]) -> None:
    columns = bytes_of(pa.array(["x", *names], pa.string()).slice(1))
    customers, checks = KEYRING.name_hashes("customer", *columns)
    assert customers.tolist() == KEYRING.customer_keys(names).tolist()
    principals, other = KEYRING.name_hashes("principal", *columns)
    assert principals.tolist() == KEYRING.principal_keys(names).tolist()
    assert len(set(checks.tolist()) & set(other.tolist())) <= len(names) / 4


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 64)), max_size=50))
def test_bits_come_back(values: list[tuple[int, int]]) -> None:
    words, place = np.zeros(60, dtype=np.uint64), 0
    kept = [(value & ((1 << width) - 1), width) for value, width in values]
    for value, width in kept:
        put_bits(words, place, np.uint64(value), width)
        place += width
    place = 0
    for value, width in kept:
        assert int(get_bits(words, place, width)) == value
        assert int(width_of(np.uint64(value))) == value.bit_length()
        place += width


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2), st.integers(0, 2), st.integers(0, 5)), max_size=200)


@given(ROWS, st.sampled_from([1, 2**62, 0x9E3779B97F4A7C15]))
def test_rows_are_sorted_as_by_comparison(rows: list[tuple[int, int, int, int]], spread: int) -> None:
    customer = np.array([row[0] * spread % 2**64 for row in rows], dtype=np.uint64)
    at = np.array([row[1] for row in rows], dtype=np.int64)
    principal = np.array([row[2] for row in rows], dtype=np.uint32)
    row = np.array([row[3] for row in rows], dtype=np.int64)
    order = access_order(customer, at, principal, row)
    found = list(zip(customer[order], at[order], principal[order], row[order], strict=True))
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert found == sorted(found)


def test_one_customer_opened_ever_so_often_is_sorted_too() -> None:
    count = 200_000
    rng = np.random.default_rng(5)
    at = rng.integers(0, 1000, count)
    order = access_order(np.full(count, 7, np.uint64), at, np.zeros(count, np.uint32), np.arange(count))
    assert (order == np.lexsort((np.arange(count), at))).all()


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=30))
def test_months_are_those_of_the_calendar(instants: list[datetime]) -> None:
    at = np.array([(instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for instant in instants])
    assert months_of(at).tolist() == [instant.year * 12 + instant.month - 1 for instant in instants]


@pytest.mark.parametrize("days", [1, 20, 200, 4000])
def test_months_of_many_instants_are_those_of_each(days: int) -> None:
    start = np.datetime64("1969-12-20T23:00", "us").astype(np.int64)
    at = start + np.random.default_rng(days).integers(0, days * 86_400_000_000, 20_000)
    each = at.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    assert (months_of(at) == each).all()


@pytest.mark.parametrize(
    ("at", "unit"), [([0, -2_000_000], 1_000_000), ([1_000, 2_000_000], 1_000), ([1], 1), ([], 1_000_000)]
)
def test_a_tick_is_the_coarsest_that_fits_all(at: list[int], unit: int) -> None:
    assert unit_of(np.array(at, dtype=np.int64)) == unit


@given(st.lists(st.integers(0, 5000), max_size=50), st.booleans())
def test_distinct_codes_are_those_of_a_sort(codes: list[int], far: bool) -> None:
    values = np.array(codes, dtype=np.int64) + (10**8 if far else 0)
    used, places = distinct_codes(values)
    assert used.tolist() == sorted(set(values.tolist()))
    assert used[places].tolist() == values.tolist()


def test_keys_found_side_by_side_are_those_of_a_search() -> None:
    rng = np.random.default_rng(3)
    held = np.unique(rng.integers(0, 50_000, 20_000).astype(np.uint64))
    wanted = np.sort(rng.integers(0, 60_000, 30_000).astype(np.uint64))
    for keys in (wanted, wanted[::-1]):
        here, places = found_among(held, keys)
        assert (places == np.searchsorted(held, keys)).all()
        assert (here == np.isin(keys, held)).all()
    assert found_among(held[:0], wanted)[1].tolist() == [0] * len(wanted)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans()), max_size=120))
def test_openers_are_counted_once_a_customer(rows: list[tuple[int, int, bool]]) -> None:
    rows.sort(key=lambda row: row[0])
    customer = np.array([row[0] for row in rows], dtype=np.uint64)
    principal = np.array([row[1] for row in rows], dtype=np.uint32)
    kept = np.array([row[2] for row in rows], dtype=bool)
    counts = np.zeros(4, dtype=np.int64)
    count_openers(customer, principal, kept, counts)
    pairs = {(c, p) for c, p, k in rows if k}
    assert counts.tolist() == [sum(p == code for _, p in pairs) for code in range(4)]
    assert count_distinct(customer) == len({c for c, _, _ in rows})


@given(TEXTS)
def test_a_look_misses_nothing(texts: list[str]) -> None:
    looks = looks_of(*bytes_of(pa.array(texts, pa.string())))
    if any(not text.strip() for text in texts):
        assert looks & MAY_BE_BLANK
    if any("\n" in text or "\r" in text for text in texts):
        assert looks & MAY_BREAK
    if any(sign in text for text in texts for sign in ("@", "%40", "\uff20", "\ufe6b")):
        assert looks & MAY_NAME_AN_ADDRESS


def test_a_look_at_plain_texts_finds_nothing() -> None:
    assert looks_of(*bytes_of(pa.array(["T-1", "agent 7", "x"], pa.string()))) == 0


_SHAPES = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"\s*[A-Za-zéЖ票]{1,14}[-_#:/ ]?[0-9]{0,4}\s*", fullmatch=True),
)


@given(st.lists(st.one_of(st.none(), _SHAPES), max_size=30))
def test_types_of_tickets_are_those_of_the_pattern(reasons: list[str | None]) -> None:
    types, places = ticket_types(pa.array(reasons, pa.string()))
    pattern = re.compile(r"[\t\n\f\r ]*([^\W\d_]{1,12})[-_#:/ ]?[0-9]+[\t\n\f\r ]*")
    for place, reason in zip(places, reasons, strict=True):
        if reason is None or reason.isascii():
            match = pattern.fullmatch(reason) if reason is not None else None
            assert types[place] == (match.group(1) if match else "")
