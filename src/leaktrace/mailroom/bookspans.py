"""What the clusters of the mail book are for, and when: counted with each report that comes or goes.

A question costs the same however many reports a cluster has.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from leaktrace.mailroom.booktimes import DAY_MICROS, instant_of_micros, micros_of
from leaktrace.mailroom.shelves import Member, Span, is_close, purpose_of

_CLOSE_COUNT = 32
"""Clusters of one purpose that a cluster is tied to; by them it is tied to all others."""
_SETTLED = "SELECT id, settled_purpose, settled_first, settled_last, settled_size FROM clusters"


class BookSpans:
    """Those of one book."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # --- asking -----------------------------------------------------------------------------------------------

    def size(self, cluster: int) -> int:
        """See `Shelf`."""
        row = self._connection.execute("SELECT size FROM clusters WHERE id = ?", (cluster,)).fetchone()
        return 0 if row is None else int(row[0])

    def span(self, cluster: int) -> Span:
        """See `Shelf`."""
        ask = self._connection.execute
        size, first, last = ask("SELECT size, first_at, last_at FROM clusters WHERE id = ?", (cluster,)).fetchone()
        row = ask("SELECT purpose FROM purposes WHERE cluster = ? AND 3 * count >= 2 * ?", (cluster, size)).fetchone()
        return _span((cluster, row[0] if row else None, first, last, size))

    def settled(self, cluster: int) -> Span | None:
        """See `Shelf`."""
        asked = f"{_SETTLED} WHERE id = ? AND settled_size IS NOT NULL"
        row = self._connection.execute(asked, (cluster,)).fetchone()
        return None if row is None else _span(row)

    def close_to(self, span: Span, days: int) -> list[int]:
        """See `Shelf`; of very many only the nearest in time."""
        if span.purpose is None or span.first_at is None or span.last_at is None:
            return []
        low = (micros_of(span.first_at) or 0) - days * DAY_MICROS
        high = (micros_of(span.last_at) or 0) + days * DAY_MICROS
        asked = (
            f"{_SETTLED} WHERE settled_purpose = ? AND id != ? AND settled_last >= ? AND settled_first <= ? "
            "ORDER BY settled_last"
        )
        values = (span.purpose, span.cluster, low, high, _CLOSE_COUNT)
        rows = self._connection.execute(f"{asked} LIMIT ?", values).fetchall()
        if len(rows) == _CLOSE_COUNT:
            rows += self._connection.execute(f"{asked} DESC LIMIT ?", values).fetchall()
        found = (_span(row) for row in rows)
        return sorted({one.cluster for one in found if is_close(span, one, days)})

    # --- counting ---------------------------------------------------------------------------------------------

    def settle(self, span: Span) -> None:
        """See `Shelf`."""
        self._connection.execute(
            "UPDATE clusters SET settled_size = ?, settled_purpose = ?, settled_first = ?, settled_last = ? "
            "WHERE id = ?",
            (span.size, span.purpose, micros_of(span.first_at), micros_of(span.last_at), span.cluster),
        )

    def count_in(self, cluster: int, member: Member) -> None:
        """A report is in a cluster now."""
        at = micros_of(member.mail_at)
        self._connection.execute(
            "UPDATE clusters SET size = size + 1, first_at = coalesce(min(first_at, ?), first_at, ?), "
            "last_at = coalesce(max(last_at, ?), last_at, ?) WHERE id = ?",
            (at, at, at, at, cluster),
        )
        self._count_purpose(cluster, purpose_of(member.features), 1)

    def count_out(self, cluster: int, member: Member) -> int:
        """A report is in a cluster no longer; how many still are. Of an empty cluster the times stay."""
        self._connection.execute("UPDATE clusters SET size = size - 1 WHERE id = ?", (cluster,))
        self._count_purpose(cluster, purpose_of(member.features), -1)
        left, at = self.size(cluster), micros_of(member.mail_at)
        if left and at is not None:
            self._connection.execute(
                "UPDATE clusters SET first_at = (SELECT min(mail_at) FROM reports WHERE cluster = clusters.id), "
                "last_at = (SELECT max(mail_at) FROM reports WHERE cluster = clusters.id) "
                "WHERE id = ? AND (first_at = ? OR last_at = ?)",
                (cluster, at, at),
            )
        return left

    def count_over(self, keep: int, gone: int) -> None:
        """All reports of one cluster are in another one now."""
        asked = "SELECT purpose, count FROM purposes WHERE cluster = ?"
        for purpose, count in self._connection.execute(asked, (gone,)).fetchall():
            self._count_purpose(keep, purpose, count)
        self._connection.execute(
            "UPDATE clusters SET size = clusters.size + g.size, "
            "first_at = coalesce(min(clusters.first_at, g.first_at), clusters.first_at, g.first_at), "
            "last_at = coalesce(max(clusters.last_at, g.last_at), clusters.last_at, g.last_at) "
            "FROM (SELECT size, first_at, last_at FROM clusters WHERE id = ?) AS g WHERE clusters.id = ?",
            (gone, keep),
        )

    def forget(self, cluster: int) -> None:
        """A cluster is gone."""
        self._connection.execute("DELETE FROM purposes WHERE cluster = ?", (cluster,))

    def _count_purpose(self, cluster: int, purpose: str | None, count: int) -> None:
        if purpose is not None:
            self._connection.execute(
                "INSERT INTO purposes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
                (cluster, purpose, count),
            )


def _span(row: tuple[Any, ...]) -> Span:
    cluster, purpose, first, last, size = row
    return Span(cluster, purpose, instant_of_micros(first), instant_of_micros(last), size)
