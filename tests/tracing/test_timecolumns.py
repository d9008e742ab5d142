"""Days as columns: which there are, and that a list of who came in some weeks names nobody who worked then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import leaktrace
from leaktrace.records import ChannelUses, Finding
from leaktrace.tracing.timecolumns import LEAST_CASES, MOST_COLUMNS, PERIOD_DAYS, time_columns
from tests.ledger.small_ledgers import write_rows

DAY = 86_400_000_000
END = 400 * DAY


def columns_of(openings: list[tuple[int, float]], cases: set[int], many: int = 100, *, by: str = "") -> ChannelUses:
    """Of (customer, days before the first mail); `by`: whose openings they are, a letter each."""
    return time_columns(
        np.array([customer for customer, _ in openings], dtype=np.uint64),
        np.array([ord(who) - ord("a") for who in by.ljust(len(openings), "z")], dtype=np.int64),
        np.array([END - int(days * DAY) for _, days in openings], dtype=np.int64),
        END,
        np.array(sorted(cases), dtype=np.uint64),
        many,
    )


def test_a_stretch_of_days_holds_who_was_opened_in_it_once() -> None:
    uses = columns_of([(1, 10.0), (1, 12.0), (2, 11.0), (3, 200.0)], {1, 2}, by="abcd")
    of = {label: uses.customer[uses.channel == place].tolist() for place, label in enumerate(uses.labels)}
    # 400 days from 1970 on: the mail came on 1971-02-05.
    assert of["the days 1971-01-22 to 1971-01-29"] == [1, 2]
    assert of["the days 1971-01-08 to 1971-02-05"] == [1, 2]
    assert not any(3 in customers for customers in of.values())
    first = uses.first_shown_at[(uses.customer == 1) & (uses.channel == 0)]
    assert first.tolist() == [END - 12 * DAY]


def test_days_on_which_one_principal_opened_nearly_all_are_that_ones() -> None:
    openings = [(1, 10.0), (2, 10.1), (3, 10.2), (3, 10.3)]
    assert columns_of(openings, {1, 2, 3}, by="aaab").labels == ()
    assert set(columns_of(openings, {1, 2, 3}, by="aabb").customer.tolist()) == {1, 2, 3}


def test_what_was_opened_of_one_case_alone_or_after_the_mail_is_no_column() -> None:
    assert columns_of([(1, 10.0), (2, 300.0), (3, -1.0), (4, -1.0)], {1, 2, 3, 4}, by="abcd").labels == ()
    assert columns_of([], set()).labels == ()


@given(
    st.lists(st.tuples(st.integers(1, 9), st.floats(-5.0, 399.0)), max_size=60),
    st.sets(st.integers(1, 9)),
    st.randoms(),
)
def test_order_is_nothing_and_there_are_never_many(
    openings: list[tuple[int, float]], cases: set[int], random: object
) -> None:
    uses = columns_of(openings, cases, by="abc" * 20)
    assert len(uses.labels) <= MOST_COLUMNS * len(PERIOD_DAYS)
    assert len(set(zip(uses.customer.tolist(), uses.channel.tolist(), strict=True))) == len(uses.customer)
    for place in range(len(uses.labels)):
        told = set(uses.customer[uses.channel == place].tolist())
        assert len(told & cases if cases else told) >= LEAST_CASES
    openings_by = list(zip(openings, "abc" * 20, strict=False))
    random.shuffle(openings_by)  # type: ignore[attr-defined]
    again = columns_of([one for one, _ in openings_by], cases, by="".join(who for _, who in openings_by))
    assert again.labels == uses.labels
    for name in ("customer", "channel", "first_shown_at"):
        assert np.array_equal(getattr(again, name), getattr(uses, name))


# --- a list of who came in some weeks -----------------------------------------------------------------------


MAIL_AT = datetime(2025, 6, 1, tzinfo=UTC)


def traced(folder: Path, *, together: bool) -> Finding:
    """The mail goes to 150 customers of whom p05 was shown two thirds; `together`: all who opened them did so in the
    same three weeks, half a year before.
    """
    rng = np.random.default_rng(5)
    rows = [(c, f"p{p:02d}") for p in range(40) for c in rng.choice(3000, 50, replace=False).tolist()]
    rows += [(c, "p05") for c in rng.choice(150, 100, replace=False).tolist()]
    days = [float(rng.uniform(150, 171) if together and c < 150 else rng.uniform(30, 300)) for c, _ in rows]
    accesses = [
        {"at": (MAIL_AT - timedelta(days=day)).isoformat(), "principal": who, "customer": f"c{c}", "fields": "email"}
        for (c, who), day in zip(rows, days, strict=True)
    ]
    contacts = [
        {"at": "2025-01-01T00:00:00Z", "customer": f"c{c}", "seller": "s1", "kind": "order"} for c in range(2000, 2100)
    ]
    evidence = [
        {"customer": f"c{c}", "kind": "report", "received_at": MAIL_AT.isoformat(), "seller": "s1"}
        for c in sorted(rng.choice(150, 30, replace=False).tolist())
    ]
    customers = [{"customer": f"c{c}"} for c in range(3000)]
    tables = {"accesses": accesses, "customers": customers, "contacts": contacts, "evidence": evidence}
    for name, table in tables.items():
        write_rows(folder / f"{name}.csv", table)
    with leaktrace.create(folder / "ws", environment={"LEAKTRACE_KEY_FILE": str(folder / "key")}) as workspace:
        for name in ("accesses", "customers", "contacts"):
            workspace.ingest(name, [folder / f"{name}.csv"])
        return workspace.trace(leaktrace.read_evidence(folder / "evidence.csv"))


@pytest.mark.parametrize("together", [True, False])
def test_who_worked_when_they_came_is_not_named_for_a_list_of_them(tmp_path: Path, together: bool) -> None:
    finding = traced(tmp_path, together=together)
    if together:
        assert finding.named == ()
        assert finding.outcome == "undecided"
        assert any(one.label.startswith("the days 2024-12") for one in finding.alternatives)
    else:
        assert finding.named == ("p05",)
