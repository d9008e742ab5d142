"""The shelf that lies in the mail book: clusters, campaigns and the index that a new report finds them by.

Which report lies where is `bookmembers`; what a cluster is for, and when, is `bookspans`; names are `booknames`.
Every question costs by what it returns and by the logarithm of what there is. Used within one transaction of the book.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from leaktrace.mailroom.bookmembers import BookMembers
from leaktrace.mailroom.booknames import BookNames
from leaktrace.mailroom.bookspans import BookSpans
from leaktrace.mailroom.shelves import BUCKET_CAP_COUNT, LARGEST_COUNT, Joined, Member, Span, ranked_near


class BookShelf(BookNames):
    """See `Shelf`."""

    def __init__(self, connection: sqlite3.Connection, key: bytes) -> None:
        super().__init__(connection)
        self._members = BookMembers(connection, key)
        self._spans = BookSpans(connection)

    def tokens(self, member: Member) -> tuple[int, ...]:
        """See `Shelf`."""
        return self._members.tokens(member)

    # --- clusters -------------------------------------------------------------------------------------------

    def near(self, tokens: Iterable[int], exclude: int | None = None) -> list[int]:
        """See `Shelf`."""
        hits = self._all(_HITS, json.dumps(list(tokens)), BUCKET_CAP_COUNT + 1, BUCKET_CAP_COUNT)
        return [cluster for cluster in ranked_near(hits, exclude) if self.size(cluster)]

    def sample(self, cluster: int) -> Sequence[Member]:
        """See `Shelf`."""
        return self._members.sample(cluster)

    def size(self, cluster: int) -> int:
        """See `Shelf`."""
        return self._spans.size(cluster)

    def new_cluster(self) -> int:
        """See `Shelf`."""
        return self._run("INSERT INTO clusters (size) VALUES (0)").lastrowid or 0

    def put(self, cluster: int, member: Member, joined: Joined) -> bool:
        """See `Shelf`."""
        self._touch(cluster)
        in_sample = self._members.put(cluster, member, joined)
        self._spans.count_in(cluster, member)
        rows = [(token, cluster) for token in self.tokens(member)]
        added = self._connection.executemany("INSERT OR IGNORE INTO tokens VALUES (?, ?)", rows).rowcount > 0
        return in_sample or added

    def take(self, cluster: int, member: Member) -> None:
        """See `Shelf`."""
        self._touch(cluster)
        self._members.take(cluster, member)
        if not self._spans.count_out(cluster, member):
            self._retire(cluster, member.number, self.tokens(member))

    def merge(self, keep: int, gone: int) -> None:
        """See `Shelf`."""
        self._touch(keep)
        self._touch(gone)
        numbers = self._members.lying_in(gone)
        tokens: set[int] = set()
        for number in numbers:
            tokens |= set(self.tokens(self.member(number)))
        self._connection.executemany(
            "INSERT OR IGNORE INTO tokens VALUES (?, ?)", [(token, keep) for token in sorted(tokens)]
        )
        self._members.move(keep, gone)
        self._spans.count_over(keep, gone)
        self._retire(gone, numbers[0], sorted(tokens))

    def is_pinned(self, member: Member) -> bool:
        """See `Shelf`."""
        return self._members.is_pinned(member.number)

    def span(self, cluster: int) -> Span:
        """See `Shelf`."""
        return self._spans.span(cluster)

    def settled(self, cluster: int) -> Span | None:
        """See `Shelf`."""
        return self._spans.settled(cluster)

    def settle(self, span: Span) -> None:
        """See `Shelf`."""
        self._spans.settle(span)

    def close_to(self, span: Span, days: int) -> list[int]:
        """See `Shelf`; of very many only the nearest in time."""
        return self._spans.close_to(span, days)

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
        return self._members.member(number)

    def pending(self) -> list[int]:
        """Reports that are in no cluster yet, in the canonical order."""
        return self._members.pending()

    def everybody(self) -> Iterator[Member]:
        """Every report."""
        return self._members.everybody()

    def cluster_with(self, number: int) -> int | None:
        """The cluster a report lies in."""
        return self._members.cluster_with(number)

    def campaign_with(self, number: int) -> int | None:
        """The campaign a report belongs to."""
        cluster = self.cluster_with(number)
        return None if cluster is None else self.campaign_of(cluster)

    def joined(self, number: int) -> Joined:
        """Why a report is where it is."""
        return self._members.joined(number)

    def pin(self, number: int, *, pinned: bool = True) -> None:
        """Keeps a report where an investigator put it, or does so no more."""
        self._members.pin(number, pinned=pinned)

    def members_of(self, campaign: int) -> list[int]:
        """Numbers of a campaign's reports, by rank."""
        return self._members.of_campaign(campaign)

    def clear(self) -> None:
        """Takes everything apart, for grouping anew; names that were in use are kept beside their reports."""
        self._members.clear()
        for table in ("tokens", "purposes", "clusters", "answers", "campaigns"):
            self._run(f"DELETE FROM {table}")  # noqa: S608 - names of our own

    # --- inside -----------------------------------------------------------------------------------------------

    def _touch(self, cluster: int) -> None:
        self._run(
            "UPDATE campaigns SET version = version + 1 WHERE id = (SELECT campaign FROM clusters WHERE id = ?)",
            cluster,
        )

    def _retire(self, cluster: int, example: int, tokens: Sequence[int]) -> None:
        campaign = self.campaign_of(cluster)
        self._connection.executemany(
            "DELETE FROM tokens WHERE token = ? AND cluster = ?", [(token, cluster) for token in tokens]
        )
        self._spans.forget(cluster)
        self._run("DELETE FROM clusters WHERE id = ?", cluster)
        if campaign is not None and not self.clusters_of(campaign):
            self._forget_with(campaign, example)

    def _forget(self, campaign: int, example_cluster: int | None) -> None:
        self._forget_with(campaign, self._members.example_of(example_cluster))

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


_HITS = (
    "SELECT asked.value, t.cluster FROM json_each(?) asked CROSS JOIN tokens t ON t.token = asked.value "
    "WHERE (SELECT count(*) FROM (SELECT 1 FROM tokens u WHERE u.token = asked.value LIMIT ?)) <= ?"
)
"""Tokens that were asked for, with each cluster that has them; none for a token that too many have."""
