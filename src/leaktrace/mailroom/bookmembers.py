"""The reports of the mail book as members of clusters: in which one each lies, why, and whether it must stay there.

Reports are read from the book when they are first asked for; what was asked for last stays in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from leaktrace.mailroom.booktimes import instant_of_micros
from leaktrace.mailroom.features import features_from_document
from leaktrace.mailroom.shelves import SAMPLE_COUNT, Joined, Member, NearMiss, rank, tokens_of
from leaktrace.records import to_document

_KEPT_COUNT = 20_000
"""Members kept in memory during one run."""
MEMBER = "SELECT r.id, m.sha256, r.idx, r.mail_at, r.features FROM reports r JOIN messages m ON m.id = r.message "


class BookMembers:
    """Those of one book; a report goes by its number there. What is counted of clusters is not seen to here."""

    def __init__(self, connection: sqlite3.Connection, key: bytes) -> None:
        self._connection = connection
        self._key = key
        self._kept: OrderedDict[int, Member] = OrderedDict()
        self._tokens: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._samples: dict[int, list[Member]] = {}

    # --- what they are --------------------------------------------------------------------------------------

    def member(self, number: int) -> Member:
        """One report."""
        if number not in self._kept:
            self._keep(_member(self._connection.execute(f"{MEMBER} WHERE r.id = ?", (number,)).fetchone()))
        self._kept.move_to_end(number)
        return self._kept[number]

    def tokens(self, member: Member) -> tuple[int, ...]:
        """See `Shelf`."""
        if member.number not in self._tokens:
            self._tokens[member.number] = tokens_of(member.features, self._key)
            if len(self._tokens) > _KEPT_COUNT:
                self._tokens.popitem(last=False)
        return self._tokens[member.number]

    def everybody(self) -> Iterator[Member]:
        """Every report."""
        for row in self._connection.execute(f"{MEMBER} ORDER BY r.id"):
            yield _member(row)

    def _keep(self, member: Member) -> None:
        self._kept[member.number] = member
        if len(self._kept) > _KEPT_COUNT:
            self._kept.popitem(last=False)

    # --- where they are -------------------------------------------------------------------------------------

    def pending(self) -> list[int]:
        """Those that are in no cluster yet, in the canonical order."""
        return self._numbers(
            "SELECT r.id FROM reports r JOIN messages m ON m.id = r.message WHERE r.cluster IS NULL "
            "ORDER BY r.mail_at IS NULL, r.mail_at, m.sha256 || '/' || r.idx"
        )

    def lying_in(self, cluster: int) -> list[int]:
        """Those of one cluster."""
        return self._numbers("SELECT id FROM reports WHERE cluster = ? ORDER BY id", cluster)

    def of_campaign(self, campaign: int) -> list[int]:
        """Those of one campaign, by rank."""
        return self._numbers(
            "SELECT r.id FROM reports r JOIN clusters c ON c.id = r.cluster WHERE c.campaign = ? ORDER BY r.rank",
            campaign,
        )

    def sample(self, cluster: int) -> Sequence[Member]:
        """See `Shelf`."""
        if cluster not in self._samples:
            numbers = self._numbers(
                "SELECT id FROM reports WHERE cluster = ? ORDER BY rank LIMIT ?", cluster, SAMPLE_COUNT
            )
            if len(self._samples) >= _KEPT_COUNT:
                self._samples.clear()
            self._samples[cluster] = [self.member(number) for number in numbers]
        return self._samples[cluster]

    def example_of(self, cluster: int | None) -> int | None:
        """The one of the lowest rank."""
        return self._told("SELECT id FROM reports WHERE cluster = ? ORDER BY rank LIMIT 1", cluster)

    def cluster_with(self, number: int) -> int | None:
        """The cluster a report lies in."""
        return self._told("SELECT cluster FROM reports WHERE id = ?", number)

    def joined(self, number: int) -> Joined:
        """Why a report is where it is."""
        (text,) = self._connection.execute("SELECT joined FROM reports WHERE id = ?", (number,)).fetchone()
        return joined_from_document(text) or Joined()

    def is_pinned(self, number: int) -> bool:
        """Whether an investigator put it where it is."""
        return bool(self._told("SELECT pinned FROM reports WHERE id = ?", number))

    # --- putting them somewhere -------------------------------------------------------------------------------

    def put(self, cluster: int, member: Member, joined: Joined) -> bool:
        """Lays a report into a cluster; whether its sample is another now."""
        self._keep(member)
        last = self._told(
            "SELECT rank FROM reports WHERE cluster = ? ORDER BY rank LIMIT 1 OFFSET ?", cluster, SAMPLE_COUNT - 1
        )
        self._connection.execute(
            "UPDATE reports SET cluster = ?, joined = ? WHERE id = ?",
            (cluster, json.dumps(to_document(joined), separators=(",", ":")), member.number),
        )
        in_sample = last is None or rank(member.report) < last
        if in_sample:
            self._samples.pop(cluster, None)
        return in_sample

    def take(self, cluster: int, member: Member) -> None:
        """Takes a report out of its cluster."""
        self._samples.pop(cluster, None)
        self._connection.execute("UPDATE reports SET cluster = NULL WHERE id = ?", (member.number,))

    def move(self, keep: int, gone: int) -> None:
        """Lays all of one cluster into another one."""
        self._samples.pop(keep, None)
        self._samples.pop(gone, None)
        self._connection.execute("UPDATE reports SET cluster = ? WHERE cluster = ?", (keep, gone))

    def pin(self, number: int, *, pinned: bool) -> None:
        """Keeps a report where an investigator put it, or does so no more."""
        self._connection.execute("UPDATE reports SET pinned = ? WHERE id = ?", (int(pinned), number))

    def clear(self) -> None:
        """Takes every report out of its cluster."""
        self._samples.clear()
        self._connection.execute("UPDATE reports SET cluster = NULL, joined = NULL WHERE cluster IS NOT NULL")

    # --- inside -----------------------------------------------------------------------------------------------

    def _numbers(self, sql: str, *values: object) -> list[int]:
        return [number for (number,) in self._connection.execute(sql, values)]

    def _told(self, sql: str, *values: object) -> int | None:
        """The one value that is asked for; None where there is no such report, too."""
        row: tuple[int | None] | None = self._connection.execute(sql, values).fetchone()
        return None if row is None else row[0]


def _member(row: tuple[Any, ...]) -> Member:
    number, sha256, index, mail_at, features = row
    at = instant_of_micros(mail_at)
    return Member(number, f"{sha256}/{index}", at, features_from_document(json.loads(features)))


def joined_from_document(text: str | None) -> Joined | None:
    """What `put` wrote beside a report."""
    if text is None:
        return None
    document = json.loads(text)
    others = tuple(NearMiss(**(one | {"kinds": tuple(one["kinds"])})) for one in document["others"])
    return Joined(document["agreed_count"], document["compared_count"], tuple(document["kinds"]), others)
