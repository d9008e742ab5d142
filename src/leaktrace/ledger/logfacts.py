"""Gathers the counts that the log's coverage is judged by."""

from __future__ import annotations

import numpy as np

from leaktrace.ledger import queries
from leaktrace.ledger.answercolumns import column_of, keys_of
from leaktrace.ledger.asking import Asking
from leaktrace.ledger.catalogrecords import DayCount
from leaktrace.ledger.coverage import BulkCount, LogFacts, RejectedRows
from leaktrace.ledger.queries import Span
from leaktrace.ledger.times import DAY_MICROSECONDS


def log_facts(asking: Asking, span: Span) -> LogFacts:
    """What the log holds in the span, and whom it names that the table of principals does not."""
    bulk_counts = _bulk_counts(asking, span)
    listed, seen = _principals(asking)
    return LogFacts(
        _day_counts(asking, span),
        bulk_counts,
        asking.catalog.clock_steps(),
        tuple(sorted(seen - listed)) if listed else (),
        _spellings(listed | seen),
        tuple(RejectedRows(*one) for one in asking.catalog.rejected_accesses()),
    )


def _bulk_counts(asking: Asking, span: Span) -> tuple[BulkCount, ...]:
    rows = asking.engine.run(queries.bulk_counts(asking.lake.rows("bulk_reads"), span)).to_pylist()
    readers = sorted({int(r["principal"]) for r in rows})
    names = dict(zip(readers, asking.names.names("principal", keys_of(readers)), strict=True))
    return tuple(
        BulkCount(
            r["tool"], names[int(r["principal"])], tuple((r["fields"] or "").split(";")) if r["fields"] else (),
            r["row_count"], r["first_at"], r["last_at"],
        )
        for r in rows
    )  # fmt: skip


def _day_counts(asking: Asking, span: Span) -> tuple[DayCount, ...]:
    """Counts by day; a day that the window cuts is counted anew from the rows."""
    inside, cut = list[DayCount](), set[int]()
    for count in asking.catalog.day_counts():
        if count.last_at < span.start or count.first_at >= span.end:
            continue
        if count.first_at >= span.start and count.last_at < span.end:
            inside.append(count)
        else:
            cut.add(count.day)
    for day in sorted(cut):
        start, end = day * DAY_MICROSECONDS, (day + 1) * DAY_MICROSECONDS
        part = Span(max(start, span.start), min(end, span.end))
        inside = [count for count in inside if count.day != day]
        rows = asking.engine.run(queries.counts_between(asking.lake.rows("accesses", part), part))
        inside.extend(DayCount(**row) for row in rows.to_pylist())
    return tuple(inside)


def _principals(asking: Asking) -> tuple[frozenset[str], frozenset[str]]:
    """Names in the principals table, and in the log."""
    listed = keys_of(())
    if asking.catalog.row_count("principals"):
        found = asking.engine.run(queries.principals(asking.lake.rows("principals")))
        listed = column_of(found, "principal", np.uint64)
    seen = keys_of(asking.catalog.seen_principals())
    every = np.union1d(listed, seen)
    names = np.array(asking.names.names("principal", every), dtype=np.str_)
    return frozenset(names[np.isin(every, listed)].tolist()), frozenset(names[np.isin(every, seen)].tolist())


def _spellings(names: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    alike: dict[str, list[str]] = {}
    for name in sorted(names):
        alike.setdefault(name.casefold(), []).append(name)
    return tuple(tuple(group) for group in alike.values() if len(group) > 1)
