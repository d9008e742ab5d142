"""Questions about accesses: who was shown which customers' field, when, how. The index answers, else the engine.

Both give the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from leaktrace.instants import instant_at
from leaktrace.ledger import queries
from leaktrace.ledger.accessrows import access_rows
from leaktrace.ledger.answercolumns import column_of, keys_of
from leaktrace.ledger.asking import Asking
from leaktrace.ledger.channels import channel_uses
from leaktrace.ledger.everybody import customer_count
from leaktrace.ledger.queries import Span
from leaktrace.ledger.times import DAY_MICROSECONDS, microseconds, span_of
from leaktrace.records import (
    AccessOrigin,
    AccessRows,
    ChannelUses,
    CustomerKey,
    Exposures,
    Keys,
    PrincipalKey,
    Totals,
    Window,
)


def exposures(asking: Asking, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> Exposures:
    """Who had been shown it before each customer's own cutoff."""
    table, span = _cutoff_table(cutoffs, window_days)
    if (index := asking.lake.index(span)) is not None:
        return _exposures(index.exposures(*_stretches(table), field))
    return _exposures(asking.engine.run(queries.exposures(asking.lake.rows("accesses", span), table, field)))


def channels(asking: Asking, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> ChannelUses:
    """By which tools and types of ticket, in the same time."""
    table, span = _cutoff_table(cutoffs, window_days)
    if (index := asking.lake.index(span)) is not None:
        return channel_uses(index.channels(*_stretches(table), field))
    return channel_uses(asking.engine.run(queries.channels(asking.lake.rows("accesses", span), table, field)))


def opened_by(
    asking: Asking, principals: Sequence[PrincipalKey], field: str, window: Window, limit: int | None, seed: int
) -> Exposures:
    """What these principals were shown; of each at most `limit` customers, drawn by `seed`."""
    span, keys = span_of(window), np.unique(keys_of(principals))
    order = queries.salt(seed, "opened by")
    if (index := asking.lake.index(span)) is not None:
        return _exposures(index.opened_by(keys, field, span.start, span.end, limit, order))
    wanted = pa.table({"principal": keys})
    query = queries.opened_by(asking.lake.rows("accesses", span), wanted, field, span, limit, order)
    return _exposures(asking.engine.run(query))


def accesses_of(asking: Asking, principals: Sequence[PrincipalKey], window: Window) -> AccessRows:
    """Every access of these principals."""
    span, keys = span_of(window), np.unique(keys_of(principals))
    if (index := asking.lake.index(span)) is not None:
        return index.accesses_of(keys, span.start, span.end)
    wanted = pa.table({"principal": keys})
    return access_rows(asking.engine.run(queries.accesses_of(asking.lake.rows("accesses", span), wanted, span)))


def access_origins(
    asking: Asking, principals: Sequence[PrincipalKey], customers: Sequence[CustomerKey], window: Window
) -> tuple[AccessOrigin, ...]:
    """Out of the lake, whatever the engine: the index knows no rows of files."""
    span = span_of(window)
    wanted = pa.table({"principal": np.unique(keys_of(principals))})
    asked = pa.table({"customer": np.unique(keys_of(customers))})
    rows = asking.engine.run(queries.access_origins(asking.lake.rows("accesses", span), wanted, asked, span))
    digests = {source.source: source.sha256 for source in asking.catalog.sources()}
    return tuple(
        AccessOrigin(
            int(row["principal"]), int(row["customer"]), instant_at(int(row["at"])),
            tuple(field for field in str(row["fields"]).split(";") if field),
            str(row["tool"]) or None, str(row["reason"]) or None,
            digests[int(row["source"])], int(row["source_row"]),
        )
        for row in rows.to_pylist()
    )  # fmt: skip


def fields_shown(asking: Asking, principals: Sequence[PrincipalKey], window: Window) -> dict[str, int]:
    """Field -> distinct customers."""
    span, keys = span_of(window), np.unique(keys_of(principals))
    if (index := asking.lake.index(span)) is not None:
        answer = index.fields_shown(keys, span.start, span.end)
    else:
        wanted = pa.table({"principal": keys})
        answer = asking.engine.run(queries.fields_shown(asking.lake.rows("accesses", span), wanted, span))
    return {str(row["field"]): int(row["customer_count"]) for row in answer.to_pylist()}


def totals(asking: Asking, field: str, window: Window) -> Totals:
    """How many customers each principal was shown, of how many there are."""
    span = span_of(window)
    if (index := asking.lake.index(span)) is not None:
        counts = index.opened_counts(field, span.start, span.end)
    else:
        counts = asking.engine.run(queries.opened_counts(asking.lake.rows("accesses", span), field, span))
    return Totals(
        principal=column_of(counts, "principal", np.uint64),
        opened_count=column_of(counts, "opened_count", np.int64),
        customer_count=customer_count(asking),
        contacts_count=asking.catalog.row_count("contacts"),
    )


def _cutoff_table(cutoffs: Mapping[CustomerKey, datetime], window_days: int) -> tuple[pa.Table, Span]:
    """Each customer's stretch of time, and the one that holds them all."""
    ends = {at: microseconds(at) for at in set(cutoffs.values())}  # controls have one between them
    until = np.array([ends[at] for at in cutoffs.values()], dtype=np.int64)
    since = until - window_days * DAY_MICROSECONDS
    table = pa.table({"customer": keys_of(cutoffs), "since_at": since, "cutoff_at": until})
    return table, Span(int(since.min()), int(until.max())) if len(until) else Span(0, 0)


def _stretches(table: pa.Table) -> tuple[Keys, Any, Any]:
    """Customers and the stretch of time of each."""
    return (
        column_of(table, "customer", np.uint64),
        column_of(table, "since_at", np.int64),
        column_of(table, "cutoff_at", np.int64),
    )


def _exposures(table: pa.Table) -> Exposures:
    return Exposures(
        principal=column_of(table, "principal", np.uint64),
        customer=column_of(table, "customer", np.uint64),
        first_shown_at=column_of(table, "first_shown_at", np.int64),
    )
