"""The index: what is written comes back, merged or not, and what it answers is what plain Python counts."""

from __future__ import annotations

import io
import tempfile
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.errors import LedgerError
from leaktrace.ledger.indexing import MOST_SMALL_SETS
from leaktrace.ledger.postings import (
    ByCustomer,
    ByPrincipal,
    Manner,
    PostingIndex,
    PostingRows,
    merge_by_customer,
    merge_by_principal,
    write_by_customer,
    write_by_principal,
)
from leaktrace.ledger.postings.writing import bucket_bits_for
from leaktrace.records import Window
from tests.ledger.small_ledgers import START, Access, key, open_ledger, pairs, principal, write_accesses

Row = tuple[int, int, int, int]
"""Customer, principal, microseconds, manner."""
MANNERS = (
    Manner("email;name", "crm", "T"),
    Manner("name", "", ""),
    Manner("e-mail;phone", "search", "ORD"),
    Manner("email", "crm", ""),
)
SECOND = 1_000_000
KEYS = st.one_of(st.integers(0, 5), st.integers(2**64 - 4, 2**64 - 1), st.integers(0, 2**64 - 1))
INSTANTS = st.one_of(
    st.integers(-3, 50).map(lambda n: n * SECOND), st.integers(0, 50_000).map(lambda n: n * 1000), st.integers(0, 10**9)
)
ROWS = st.lists(st.tuples(KEYS, st.integers(1, 4), INSTANTS, st.integers(0, 3)), max_size=80)


def lake_order(row: Row) -> tuple[int, int, int]:
    return row[0], row[2], row[1]


def posting_rows(rows: list[Row]) -> PostingRows:
    """In the order of the lake."""
    ordered = sorted(rows, key=lake_order)
    principals = np.unique(np.array([row[1] for row in ordered], dtype=np.uint64))
    return PostingRows(
        np.array([row[0] for row in ordered], dtype=np.uint64),
        np.searchsorted(principals, np.array([row[1] for row in ordered], dtype=np.uint64)).astype(np.uint32),
        np.array([row[2] for row in ordered], dtype=np.int64),
        np.array([row[3] for row in ordered], dtype=np.uint32),
        principals,
        MANNERS,
    )


def written(folder: Path, name: str, rows: list[Row]) -> tuple[ByCustomer, ByPrincipal]:
    posted = posting_rows(rows)
    for order, write in (("customer", write_by_customer), ("principal", write_by_principal)):
        with (folder / f"{name}.{order}").open("wb") as sink:
            write(sink, posted)
    return ByCustomer(folder / f"{name}.customer"), ByPrincipal(folder / f"{name}.principal")


def as_rows(found: PostingRows) -> list[Row]:
    """With the manner's own text in place of its code."""
    return [
        (int(c), int(found.principals[p]), int(at), MANNERS.index(found.manners[m]))
        for c, p, at, m in zip(found.customer, found.principal, found.at, found.manner, strict=True)
    ]


def everything(by_customer: ByCustomer, by_principal: ByPrincipal) -> tuple[list[Row], list[Row]]:
    bits = 3
    parts = [row for part in range(1 << bits) for row in as_rows(by_customer.between(part, bits))]
    opened = by_principal.of(by_principal.file.principals, -(2**60), 2**60)
    return parts, as_rows(opened)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_every_access_comes_back_in_order(rows: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as name:
        parts, opened = everything(*written(Path(name), "one", rows))
    assert sorted(parts) == sorted(rows)
    assert [lake_order(row) for row in parts] == sorted(lake_order(row) for row in rows)
    assert sorted(opened) == sorted(rows)
    assert [(row[1], row[2]) for row in opened] == sorted((row[1], row[2]) for row in rows)


def test_many_customers_are_fetched_at_once_and_from_more_than_one_part_of_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    customers = np.sort(rng.integers(0, 2**63, 250_000).astype(np.uint64))
    count = len(customers)
    posted = PostingRows(
        customers, np.zeros(count, np.uint32), rng.integers(0, 10**12, count), np.zeros(count, np.uint32),
        np.array([7], dtype=np.uint64), MANNERS,
    )  # fmt: skip
    with (tmp_path / "many.customer").open("wb") as sink:
        write_by_customer(sink, posted)
    many = ByCustomer(tmp_path / "many.customer")
    assert many.file.is_mapped
    wanted = np.unique(rng.choice(customers, 5_000))
    found = many.of(wanted)
    kept = np.isin(customers, wanted)
    assert found.customer.tolist() == customers[kept].tolist()
    assert found.at.tolist() == posted.at[kept].tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_a_merge_holds_what_its_parts_hold(parts: list[list[Row]]) -> None:
    wanted = [row for rows in parts for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [written(folder, str(number), rows) for number, rows in enumerate(parts)]
        with (folder / "all.customer").open("wb") as sink:
            merged = merge_by_customer([pair[0] for pair in files], sink)
        with (folder / "all.principal").open("wb") as sink:
            merge_by_principal([pair[1] for pair in files], sink)
        by_customer, opened = everything(ByCustomer(folder / "all.customer"), ByPrincipal(folder / "all.principal"))
    assert merged.row_count == len(wanted)
    assert sorted(by_customer) == sorted(opened) == sorted(wanted)
    assert [lake_order(row) for row in by_customer] == sorted(lake_order(row) for row in wanted)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, min_size=1, max_size=3), st.lists(KEYS, max_size=5, unique=True), INSTANTS, INSTANTS)
def test_the_answers_are_those_of_a_count(parts: list[list[Row]], asked: list[int], start: int, end: int) -> None:
    rows = [row for part in parts for row in part]
    shown = [row for row in rows if row[3] in (0, 3)]
    wanted = asked + [row[0] for row in rows[:3] if row[0] not in asked][:1]
    with tempfile.TemporaryDirectory() as name:
        files = [written(Path(name), str(number), part) for number, part in enumerate(parts)]
        index = PostingIndex(tuple(pair[0] for pair in files), tuple(pair[1] for pair in files))
        keys = np.array(wanted, dtype=np.uint64)
        exposures = index.exposures(keys, np.full(len(keys), start), np.full(len(keys), end), "email").to_pylist()
        opened = index.opened_by(np.array([1, 3], np.uint64), "email", start, end, None, 0).to_pylist()
        counts = index.opened_counts("email", start, end).to_pylist()
        fields = index.fields_shown(np.array([2], np.uint64), start, end).to_pylist()
        seen = index.customers_seen()
        every = index.keys_between(0, 2**64 - 1)
    inside = [row for row in shown if start <= row[2] < end]
    assert exposures == first_times([row for row in inside if row[0] in wanted])
    assert opened == first_times([row for row in inside if row[1] in (1, 3)])
    openers = defaultdict(set)
    for row in inside:
        openers[row[1]].add(row[0])
    assert counts == [{"principal": p, "opened_count": len(c)} for p, c in sorted(openers.items())]
    by_field = defaultdict(set)
    for row in rows:
        if row[1] == 2 and start <= row[2] < end:
            for field in MANNERS[row[3]].fields.split(";"):
                by_field[field].add(row[0])
    assert fields == [{"field": f, "customer_count": len(c)} for f, c in sorted(by_field.items())]
    assert seen == len({row[0] for row in rows})
    assert every.tolist() == sorted({row[0] for row in rows})


def first_times(rows: list[Row]) -> list[dict[str, int]]:
    first: dict[tuple[int, int], int] = {}
    for customer, who, at, _ in rows:
        first[customer, who] = min(at, first.get((customer, who), at))
    return [{"principal": p, "customer": c, "first_shown_at": at} for (c, p), at in sorted(first.items())]


def test_many_accesses_fill_many_buckets_and_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    count = 50_000
    customers = rng.integers(0, 2**64, 15_000, dtype=np.uint64)
    rows = [
        (int(customers[c]), int(p), int(at) * SECOND, int(m))
        for c, p, at, m in zip(
            rng.integers(0, len(customers), count), rng.integers(1, 9, count), rng.integers(0, 10**7, count),
            rng.integers(0, 4, count), strict=True,
        )
    ]  # fmt: skip
    assert bucket_bits_for(count) >= 6
    by_customer, by_principal = written(tmp_path, "one", rows)
    assert by_principal.file.about.unit == by_customer.file.about.unit == SECOND
    wanted = np.unique(customers[:500])
    assert sorted(as_rows(by_customer.of(wanted))) == sorted(row for row in rows if row[0] in set(wanted.tolist()))
    inside = as_rows(by_principal.of(np.array([4], np.uint64), 10**6 * SECOND, 2 * 10**6 * SECOND))
    assert sorted(inside) == sorted(
        row for row in rows if row[1] == 4 and 10**6 * SECOND <= row[2] < 2 * 10**6 * SECOND
    )


def test_a_limit_takes_the_same_of_a_principal_whatever_else_is_asked(tmp_path: Path) -> None:
    rows = [(customer, principal, customer * SECOND, 0) for customer in range(40) for principal in (1, 2)]
    by_customer, by_principal = written(tmp_path, "one", rows)
    index = PostingIndex((by_customer,), (by_principal,))
    both = index.opened_by(np.array([1, 2], np.uint64), "email", 0, 10**12, 5, 13).to_pylist()
    alone = index.opened_by(np.array([2], np.uint64), "email", 0, 10**12, 5, 13).to_pylist()
    assert [row for row in both if row["principal"] == 2] == alone
    assert sorted(row["customer"] for row in alone) == sorted(sorted(range(40), key=lambda customer: customer ^ 13)[:5])


@pytest.mark.parametrize("cut", [0, 5, 8, 20, -1, -9])
def test_a_file_that_is_cut_or_longer_is_said(tmp_path: Path, cut: int) -> None:
    sink = io.BytesIO()
    write_by_customer(sink, posting_rows([(1, 1, 0, 0), (2, 1, 5, 1)]))
    content = sink.getvalue()
    for name, spoiled in (("cut", content[:cut]), ("longer", content + b"x" * (cut % 7 + 1))):
        (tmp_path / name).write_bytes(spoiled)
        with pytest.raises(LedgerError, match="cannot be read") as caught:
            ByCustomer(tmp_path / name)
        assert "reindex" in str(caught.value.hint)


def test_small_sets_are_merged_once_they_are_many(tmp_path: Path) -> None:
    """A followed log commits every few seconds: its postings stay few, and the files of those that went go too."""
    rows = [Access(START + timedelta(minutes=n), f"p{n % 3}", f"c{n}") for n in range(2 * MOST_SMALL_SETS)]
    with open_ledger(tmp_path / "ledger") as ledger:
        for number, row in enumerate(rows):
            ledger.ingest("accesses", [write_accesses(tmp_path / f"{number}.csv", [row])])
            assert len(list((tmp_path / "ledger" / "index").iterdir())) <= 2 * (MOST_SMALL_SETS + 1)
        found = ledger.opened_by([principal(f"p{n}") for n in range(3)], "email", Window(None, None))
        assert sorted(pairs(found)) == sorted((key(row.customer), principal(row.principal)) for row in rows)
        assert ledger.upkeep().verify().problems == ()


def test_pages_that_were_let_go_are_read_again(tmp_path: Path) -> None:
    rows = [(customer * 2**45, 1, customer * SECOND, 0) for customer in range(200_000)]
    by_customer, by_principal = written(tmp_path, "large", rows)
    assert by_customer.file.is_mapped
    before = as_rows(by_customer.of(np.array([2**45, 7 * 2**45], np.uint64)))
    by_customer.file.let_go()
    assert as_rows(by_customer.of(np.array([2**45, 7 * 2**45], np.uint64))) == before == [rows[1], rows[7]]
    by_principal.file.let_go()
    assert len(by_principal.of(np.array([1], np.uint64), 0, 2**60)) == len(rows)
