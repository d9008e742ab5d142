"""The shelf that lies in the mail book: clusters, campaigns and the index that a new report finds them by.

Every question costs by what it returns and by the logarithm of what there is. Used within one transaction of the book.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leaktrace.mailroom.booknames import MEMBER, BookNames
from leaktrace.mailroom.features import features_from_document
from leaktrace.mailroom.shelves import (
    BUCKET_CAP_COUNT,
    LARGEST_COUNT,
    SAMPLE_COUNT,
    Joined,
    Member,
    NearMiss,
    Span,
    is_close,
    purpose_of,
    rank,
    ranked_near,
    tokens_of,
)
from leaktrace.records import to_document

_KEPT_COUNT = 20_000
"""Members kept in memory during one run."""
_CLOSE_COUNT = 32
"""Clusters of one purpose that a cluster is tied to; by them it is tied to all others."""
_DAY = 86_400_000_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class BookShelf(BookNames):
    """See `Shelf`."""

    def __init__(self, connection: sqlite3.Connection, key: bytes) -> None:
        super().__init__(connection)
        self._key = key
        self._kept: OrderedDict[int, Member] = OrderedDict()
        self._tokens: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._samples: dict[int, list[Member]] = {}

    def tokens(self, member: Member) -> tuple[int, ...]:
        """See `Shelf`."""
        if member.number not in self._tokens:
            self._tokens[member.number] = tokens_of(member.features, self._key)
            if len(self._tokens) > _KEPT_COUNT:
                self._tokens.popitem(last=False)
        return self._tokens[member.number]

    # --- clusters -------------------------------------------------------------------------------------------

    def near(self, tokens: Iterable[int], exclude: int | None = None) -> list[int]:
        """See `Shelf`."""
        hits = self._all(_HITS, json.dumps(list(tokens)), BUCKET_CAP_COUNT + 1, BUCKET_CAP_COUNT)
        return [cluster for cluster in ranked_near(hits, exclude) if self.size(cluster)]

    def sample(self, cluster: int) -> Sequence[Member]:
        """See `Shelf`."""
        if cluster not in self._samples:
            rows = self._all("SELECT id FROM reports WHERE cluster = ? ORDER BY rank LIMIT ?", cluster, SAMPLE_COUNT)
            if len(self._samples) >= _KEPT_COUNT:
                self._samples.clear()
            self._samples[cluster] = [self.member(number) for (number,) in rows]
        return self._samples[cluster]

    def size(self, cluster: int) -> int:
        """See `Shelf`."""
        row = self._one("SELECT size FROM clusters WHERE id = ?", cluster)
        return 0 if row is None else int(row[0])

    def new_cluster(self) -> int:
        """See `Shelf`."""
        return self._run("INSERT INTO clusters (size) VALUES (0)").lastrowid or 0

    def put(self, cluster: int, member: Member, joined: Joined) -> bool:
        """See `Shelf`."""
        self._keep(member)
        self._touch(cluster)
        last = self._all(
            "SELECT rank FROM reports WHERE cluster = ? ORDER BY rank LIMIT 1 OFFSET ?", cluster, SAMPLE_COUNT - 1
        )
        self._run(
            "UPDATE reports SET cluster = ?, joined = ? WHERE id = ?",
            cluster,
            json.dumps(to_document(joined), separators=(",", ":")),
            member.number,
        )
        in_sample = not last or rank(member.report) < last[0][0]
        if in_sample:
            self._samples.pop(cluster, None)
        added = self._count_in(cluster, member)
        return in_sample or added

    def take(self, cluster: int, member: Member) -> None:
        """See `Shelf`."""
        self._touch(cluster)
        self._samples.pop(cluster, None)
        self._run("UPDATE reports SET cluster = NULL WHERE id = ?", member.number)
        self._run("UPDATE clusters SET size = size - 1 WHERE id = ?", cluster)
        self._purpose(cluster, member, -1)
        if not self.size(cluster):
            self._retire(cluster, member.number, self.tokens(member))
            return
        at = _micros(member.mail_at)
        if at is not None:
            self._run(
                "UPDATE clusters SET first_at = (SELECT min(mail_at) FROM reports WHERE cluster = clusters.id), "
                "last_at = (SELECT max(mail_at) FROM reports WHERE cluster = clusters.id) "
                "WHERE id = ? AND (first_at = ? OR last_at = ?)",
                cluster, at, at,
            )  # fmt: skip

    def merge(self, keep: int, gone: int) -> None:
        """See `Shelf`."""
        self._touch(keep)
        self._touch(gone)
        for cluster in (keep, gone):
            self._samples.pop(cluster, None)
        numbers = [number for (number,) in self._all("SELECT id FROM reports WHERE cluster = ? ORDER BY id", gone)]
        tokens: set[int] = set()
        for number in numbers:
            tokens |= set(self.tokens(self.member(number)))
        self._connection.executemany(
            "INSERT OR IGNORE INTO tokens VALUES (?, ?)", [(token, keep) for token in sorted(tokens)]
        )
        self._run("UPDATE reports SET cluster = ? WHERE cluster = ?", keep, gone)
        for purpose, count in self._all("SELECT purpose, count FROM purposes WHERE cluster = ?", gone):
            self._count_purpose(keep, purpose, count)
        self._run(
            "UPDATE clusters SET size = clusters.size + g.size, "
            "first_at = coalesce(min(clusters.first_at, g.first_at), clusters.first_at, g.first_at), "
            "last_at = coalesce(max(clusters.last_at, g.last_at), clusters.last_at, g.last_at) "
            "FROM (SELECT size, first_at, last_at FROM clusters WHERE id = ?) AS g WHERE clusters.id = ?",
            gone, keep,
        )  # fmt: skip
        self._retire(gone, numbers[0], sorted(tokens))

    def is_pinned(self, member: Member) -> bool:
        """See `Shelf`."""
        row = self._one("SELECT pinned FROM reports WHERE id = ?", member.number)
        return bool(row and row[0])

    def span(self, cluster: int) -> Span:
        """See `Shelf`."""
        size, first, last = self._all("SELECT size, first_at, last_at FROM clusters WHERE id = ?", cluster)[0]
        row = self._one("SELECT purpose FROM purposes WHERE cluster = ? AND 3 * count >= 2 * ?", cluster, size)
        return Span(cluster, row[0] if row else None, _instant(first), _instant(last), size)

    def settled(self, cluster: int) -> Span | None:
        """See `Shelf`."""
        row = self._one(f"{_SETTLED} WHERE id = ? AND settled_size IS NOT NULL", cluster)
        return None if row is None else _span(row)

    def settle(self, span: Span) -> None:
        """See `Shelf`."""
        self._run(
            "UPDATE clusters SET settled_size = ?, settled_purpose = ?, settled_first = ?, settled_last = ? "
            "WHERE id = ?",
            span.size, span.purpose, _micros(span.first_at), _micros(span.last_at), span.cluster,
        )  # fmt: skip

    def close_to(self, span: Span, days: int) -> list[int]:
        """See `Shelf`; of very many only the nearest in time."""
        if span.purpose is None or span.first_at is None or span.last_at is None:
            return []
        low, high = (_micros(span.first_at) or 0) - days * _DAY, (_micros(span.last_at) or 0) + days * _DAY
        where = (
            "WHERE settled_purpose = ? AND id != ? AND settled_last >= ? AND settled_first <= ? ORDER BY settled_last"
        )
        rows = self._all(f"{_SETTLED} {where} LIMIT ?", span.purpose, span.cluster, low, high, _CLOSE_COUNT)
        if len(rows) == _CLOSE_COUNT:
            rows += self._all(f"{_SETTLED} {where} DESC LIMIT ?", span.purpose, span.cluster, low, high, _CLOSE_COUNT)
        found = (_span(row) for row in rows)
        return sorted({one.cluster for one in found if is_close(span, one, days)})

    # --- campaigns ------------------------------------------------------------------------------------------

    def campaign_of(self, cluster: int) -> int | None:
        """See `Shelf`."""
        row = self._one("SELECT campaign FROM clusters WHERE id = ?", cluster)
        return row[0] if row else None

    def clusters_of(self, campaign: int) -> list[int]:
        """See `Shelf`."""
        return [one for (one,) in self._all("SELECT id FROM clusters WHERE campaign = ? ORDER BY id", campaign)]

    def campaign_sample(self, campaign: int) -> Sequence[Member]:
        """See `Shelf`."""
        largest = self._all(
            "SELECT id FROM clusters WHERE campaign = ? ORDER BY size DESC, id LIMIT ?", campaign, LARGEST_COUNT
        )
        return [member for (cluster,) in largest for member in self.sample(cluster)[:2]]

    def new_campaign(self, clusters: Sequence[int]) -> int:
        """See `Shelf`."""
        campaign = self._run("INSERT INTO campaigns (name) VALUES (NULL)").lastrowid or 0
        for cluster in clusters:
            before = self.campaign_of(cluster)
            self.enter(campaign, cluster)
            if before is not None and not self.clusters_of(before):
                self._forget(before, cluster)
        return campaign

    def enter(self, campaign: int, cluster: int) -> None:
        """See `Shelf`."""
        self._touch(cluster)
        self._run("UPDATE clusters SET campaign = ? WHERE id = ?", campaign, cluster)
        self._touch(cluster)

    def merge_campaigns(self, keep: int, gone: int) -> None:
        """See `Shelf`."""
        example = self.clusters_of(gone)[:1]
        self._run("UPDATE clusters SET campaign = ? WHERE campaign = ?", keep, gone)
        self._run("UPDATE campaigns SET version = version + 1 WHERE id = ?", keep)
        self._forget(gone, example[0] if example else None)

    def standing(self, campaign: int) -> tuple[bool, int, int]:
        """See `Shelf`."""
        row = self._one(
            "SELECT name IS NOT NULL, (SELECT coalesce(sum(size), 0) FROM clusters WHERE campaign = campaigns.id) "
            "FROM campaigns WHERE id = ?",
            campaign,
        )
        return (bool(row[0]), int(row[1]), -campaign) if row else (False, 0, -campaign)

    def are_apart(self, one: int, other: int) -> bool:
        """See `Shelf`."""
        pairs = self._pairs("split")
        return any({one, other} == {self.campaign_with(a), self.campaign_with(b)} for a, b in pairs)

    def bonds_of(self, campaign: int) -> list[tuple[int, int]]:
        """See `Shelf`."""
        found = []
        for a, b in self._pairs("merge"):
            first, second = self.cluster_with(a), self.cluster_with(b)
            if first is not None and second is not None and self.campaign_of(first) == campaign:
                found.append((first, second))
        return [pair for pair in found if self.campaign_of(pair[1]) == campaign]

    # --- beyond the interface ---------------------------------------------------------------------------------

    def member(self, number: int) -> Member:
        """One report."""
        if number not in self._kept:
            self._keep(_member(self._all(f"{MEMBER} WHERE r.id = ?", number)[0]))
        self._kept.move_to_end(number)
        return self._kept[number]

    def pending(self) -> list[int]:
        """Reports that are in no cluster yet, in the canonical order."""
        rows = self._all(
            "SELECT r.id FROM reports r JOIN messages m ON m.id = r.message WHERE r.cluster IS NULL "
            "ORDER BY r.mail_at IS NULL, r.mail_at, m.sha256 || '/' || r.idx"
        )
        return [number for (number,) in rows]

    def everybody(self) -> Iterator[Member]:
        """Every report."""
        for row in self._connection.execute(f"{MEMBER} ORDER BY r.id"):
            yield _member(row)

    def cluster_with(self, number: int) -> int | None:
        """The cluster a report lies in."""
        row = self._one("SELECT cluster FROM reports WHERE id = ?", number)
        return row[0] if row else None

    def campaign_with(self, number: int) -> int | None:
        """The campaign a report belongs to."""
        cluster = self.cluster_with(number)
        return None if cluster is None else self.campaign_of(cluster)

    def joined(self, number: int) -> Joined:
        """Why a report is where it is."""
        return joined_from_document(self._all("SELECT joined FROM reports WHERE id = ?", number)[0][0]) or Joined()

    def pin(self, number: int, *, pinned: bool = True) -> None:
        """Keeps a report where an investigator put it, or does so no more."""
        self._run("UPDATE reports SET pinned = ? WHERE id = ?", int(pinned), number)

    def members_of(self, campaign: int) -> list[int]:
        """Numbers of a campaign's reports, by rank."""
        return [
            number
            for (number,) in self._all(
                "SELECT r.id FROM reports r JOIN clusters c ON c.id = r.cluster WHERE c.campaign = ? ORDER BY r.rank",
                campaign,
            )
        ]

    def clear(self) -> None:
        """Takes everything apart, for grouping anew; names that were in use are kept beside their reports."""
        self._samples.clear()
        self._run("UPDATE reports SET cluster = NULL, joined = NULL WHERE cluster IS NOT NULL")
        for table in ("tokens", "purposes", "clusters", "answers", "campaigns"):
            self._run(f"DELETE FROM {table}")  # noqa: S608 - names of our own

    # --- inside -----------------------------------------------------------------------------------------------

    def _touch(self, cluster: int) -> None:
        self._run(
            "UPDATE campaigns SET version = version + 1 WHERE id = (SELECT campaign FROM clusters WHERE id = ?)",
            cluster,
        )

    def _count_in(self, cluster: int, member: Member) -> bool:
        at = _micros(member.mail_at)
        self._run(
            "UPDATE clusters SET size = size + 1, first_at = coalesce(min(first_at, ?), first_at, ?), "
            "last_at = coalesce(max(last_at, ?), last_at, ?) WHERE id = ?",
            at, at, at, at, cluster,
        )  # fmt: skip
        self._purpose(cluster, member, 1)
        rows = [(token, cluster) for token in self.tokens(member)]
        return self._connection.executemany("INSERT OR IGNORE INTO tokens VALUES (?, ?)", rows).rowcount > 0

    def _purpose(self, cluster: int, member: Member, count: int) -> None:
        purpose = purpose_of(member.features)
        if purpose is not None:
            self._count_purpose(cluster, purpose, count)

    def _count_purpose(self, cluster: int, purpose: str, count: int) -> None:
        self._run(
            "INSERT INTO purposes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            cluster, purpose, count,
        )  # fmt: skip

    def _retire(self, cluster: int, example: int, tokens: Sequence[int]) -> None:
        campaign = self.campaign_of(cluster)
        self._connection.executemany(
            "DELETE FROM tokens WHERE token = ? AND cluster = ?", [(token, cluster) for token in tokens]
        )
        self._run("DELETE FROM purposes WHERE cluster = ?", cluster)
        self._run("DELETE FROM clusters WHERE id = ?", cluster)
        if campaign is not None and not self.clusters_of(campaign):
            self._forget_with(campaign, example)

    def _forget(self, campaign: int, example_cluster: int | None) -> None:
        row = self._one("SELECT id FROM reports WHERE cluster = ? ORDER BY rank LIMIT 1", example_cluster)
        self._forget_with(campaign, None if row is None else row[0])

    def _forget_with(self, campaign: int, example: int | None) -> None:
        row = self._one("SELECT name FROM campaigns WHERE id = ?", campaign)
        if row is not None and row[0] is not None and example is not None:
            self.keep_former_name(row[0], example)
        self._run("DELETE FROM answers WHERE campaign = ?", campaign)
        self._run("DELETE FROM campaigns WHERE id = ?", campaign)

    def _pairs(self, what: str) -> list[tuple[int, int]]:
        rows = self._all(
            "SELECT pairs FROM decisions d WHERE what = ? "
            "AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.id)",
            what,
        )
        return [(pair[0], pair[1]) for (pairs,) in rows for pair in json.loads(pairs)]

    def _keep(self, member: Member) -> None:
        self._kept[member.number] = member
        if len(self._kept) > _KEPT_COUNT:
            self._kept.popitem(last=False)


_HITS = (
    "SELECT asked.value, t.cluster FROM json_each(?) asked CROSS JOIN tokens t ON t.token = asked.value "
    "WHERE (SELECT count(*) FROM (SELECT 1 FROM tokens u WHERE u.token = asked.value LIMIT ?)) <= ?"
)
"""Tokens that were asked for, with each cluster that has them; none for a token that too many have."""
_SETTLED = "SELECT id, settled_purpose, settled_first, settled_last, settled_size FROM clusters"


def _span(row: tuple[Any, ...]) -> Span:
    return Span(row[0], row[1], _instant(row[2]), _instant(row[3]), row[4])


def _member(row: tuple[Any, ...]) -> Member:
    number, sha256, index, mail_at, features = row
    return Member(number, f"{sha256}/{index}", _instant(mail_at), features_from_document(json.loads(features)))


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - _BEGINNING) // timedelta(microseconds=1)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else _BEGINNING + timedelta(microseconds=micros)


micros_of = _micros


def joined_from_document(text: str | None) -> Joined | None:
    """What `put` wrote beside a report."""
    if text is None:
        return None
    document = json.loads(text)
    others = tuple(NearMiss(**(one | {"kinds": tuple(one["kinds"])})) for one in document["others"])
    return Joined(document["agreed_count"], document["compared_count"], tuple(document["kinds"]), others)
