"""Where clusters and campaigns lie while reports are grouped: the interface, and the one that keeps all in memory.

A cluster is one template (`clustering`); a campaign is one mailing, of one cluster or several (`mailings`). The mail
book has a shelf of its own (`bookshelf`); decisions are the same on both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Protocol

from leaktrace.mailroom.agreement import Kind
from leaktrace.mailroom.features import Features

SAMPLE_COUNT = 15
"""Members of a cluster that a report is compared with: those of the lowest rank."""
CANDIDATE_COUNT = 5
"""Clusters that a report is compared with: those that share most kinds of features with it."""
BUCKET_CAP_COUNT = 64
"""A feature that more clusters share than this finds nobody; it still counts as evidence."""
LARGEST_COUNT = 8
"""Clusters that speak for a campaign of many."""
NEVER = datetime.max.replace(tzinfo=UTC)
MOST = 2 / 3
"""Share of a cluster's mails that must be for one thing for the cluster to be for it."""
KINDS = (
    "sender", "name", "reply", "signer", "account", "contact", "product", "subject", "links", "text", "words", "look",
    "images", "pixel",
)  # fmt: skip
"""Of tokens: the last four bits of a token are a place in here."""
_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Member:
    """One report on a shelf."""

    number: int
    """Its number on this shelf."""
    report: str
    """Its id."""
    mail_at: datetime | None
    features: Features

    @property
    def order(self) -> tuple[datetime, str]:
        """The canonical order: earliest mail first, the undated last."""
        return (self.mail_at or NEVER, self.report)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """Another cluster that a report is like, without belonging there."""

    example: int
    """Number of one of its members."""
    agreed_count: int
    compared_count: int
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Why a report is where it is. Compared with nobody: it was the first."""

    agreed_count: int = 0
    compared_count: int = 0
    kinds: tuple[Kind, ...] = ()
    """What it shares with at least half of those it agrees with."""
    others: tuple[NearMiss, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """What a cluster is for, and when."""

    cluster: int
    purpose: str | None
    first_at: datetime | None
    last_at: datetime | None
    size: int


class Shelf(Protocol):
    """What grouping needs to know and to change. Cluster and campaign are numbers; a campaign's name is given later."""

    def tokens(self, member: Member) -> tuple[int, ...]:
        """Where a report meets others (`tokens_of`)."""

    def near(self, tokens: Iterable[int], exclude: int | None = None) -> list[int]:
        """At most `CANDIDATE_COUNT` clusters that share most with these tokens: by kinds, by tokens, then the older."""

    def sample(self, cluster: int) -> Sequence[Member]:
        """The `SAMPLE_COUNT` members of the lowest rank."""

    def size(self, cluster: int) -> int:
        """Members of a cluster; 0 for none such."""

    def new_cluster(self) -> int:
        """An empty cluster; later ones have greater numbers."""

    def put(self, cluster: int, member: Member, joined: Joined) -> bool:
        """Adds a report; whether the cluster's sample or its tokens are others now."""

    def take(self, cluster: int, member: Member) -> None:
        """Takes a report out; an empty cluster is gone."""

    def merge(self, keep: int, gone: int) -> None:
        """Moves all members of one cluster into another one."""

    def is_pinned(self, member: Member) -> bool:
        """Whether an investigator put it where it is."""

    def span(self, cluster: int) -> Span:
        """As it is now."""

    def settled(self, cluster: int) -> Span | None:
        """As it was when its campaign was last looked at; None before that."""

    def settle(self, span: Span) -> None:
        """Remembers it."""

    def close_to(self, span: Span, days: int) -> list[int]:
        """Other settled clusters for the same purpose no more than so many days away."""

    def campaign_of(self, cluster: int) -> int | None:
        """None for a cluster that is in none yet."""

    def clusters_of(self, campaign: int) -> list[int]:
        """Its clusters, the oldest first."""

    def campaign_sample(self, campaign: int) -> Sequence[Member]:
        """Two members of each of its `LARGEST_COUNT` largest clusters."""

    def new_campaign(self, clusters: Sequence[int]) -> int:
        """Puts clusters into a new campaign."""

    def enter(self, campaign: int, cluster: int) -> None:
        """Puts a cluster that is in none yet into a campaign."""

    def merge_campaigns(self, keep: int, gone: int) -> None:
        """Moves all clusters of a campaign into another one."""

    def standing(self, campaign: int) -> tuple[bool, int, int]:
        """(has a name already, reports, minus its age rank): the greater stays when two become one."""

    def are_apart(self, one: int, other: int) -> bool:
        """Whether an investigator has parted these two campaigns."""

    def bonds_of(self, campaign: int) -> list[tuple[int, int]]:
        """Pairs of its clusters that an investigator has put together."""


def rank(report: str) -> int:
    """A fixed pseudo-random order of report ids: who is in a sample does not depend on who came first."""
    return int.from_bytes(hashlib.sha256(report.encode()).digest()[:8], "big") >> 1


def tokens_of(features: Features, key: bytes = b"") -> tuple[int, ...]:
    """Where reports that may belong together meet: keyed 63-bit hashes of each feature and of bands of the sketches."""
    found = [f"sender {value}" for value in features.sender]
    found += [f"reply {value}" for value in features.reply]
    found += [f"links {value}" for value in features.links]
    found += [f"signer {value}" for value in features.signers]
    found += [f"account {value}" for value in features.accounts]
    found += [f"contact {value}" for value in features.contacts]
    found += [f"product {value}" for value in features.products]
    found += [f"images {value}" for value in features.images]
    found += [f"pixel {value}" for value in features.pixels]
    found += [f"subject {features.subject}"] if features.subject is not None else []
    found += [f"name {features.name}"] if features.name is not None else []
    # Bands short enough that two texts at 0.6 meet in one of them with a chance of about 0.99 (Leskovec, Rajaraman &
    # Ullman, Mining of Massive Datasets, 3.4). Looks agree from 0.8 on, which longer bands find.
    found += _bands("text", features.sketch, 4 if len(features.sketch) >= 96 else 3)
    found += _bands("words", features.words, 3)
    found += _bands("look", features.look, 8)
    keyed = hashlib.blake2b(digest_size=8, key=key)  # takes the key in once, not with each token
    return tuple(_token(text, keyed.copy()) for text in sorted(found))


def _bands(kind: str, sketch: tuple[int, ...], rows: int) -> list[str]:
    return [f"{kind} {at} {sketch[at : at + rows]}" for at in range(0, len(sketch) - rows + 1, rows)]


def _token(text: str, keyed: hashlib.blake2b) -> int:
    keyed.update(text.encode("utf-8", "replace"))
    digest = int.from_bytes(keyed.digest(), "big")
    return ((digest >> 5) << 4) | _KIND_NUMBERS[text.partition(" ")[0]]


def ranked_near(hits: Iterable[tuple[int, int]], exclude: int | None) -> list[int]:
    """The clusters of (token, cluster) hits that share most: by kinds, then by tokens, then the older."""
    kinds: dict[int, int] = {}
    counts: dict[int, int] = {}
    for token, cluster in hits:
        kinds[cluster] = kinds.get(cluster, 0) | 1 << (token & 15)
        counts[cluster] = counts.get(cluster, 0) + 1
    kinds.pop(exclude or -1, None)
    return nsmallest(
        CANDIDATE_COUNT, kinds, key=lambda cluster: (-kinds[cluster].bit_count(), -counts[cluster], cluster)
    )


def purpose_of(features: Features) -> str | None:
    """What one mail is for: where most of its links lead, else whom to call, else where to answer, else who sends it.

    One thing at most, so that no mail is for two campaigns. A freemail provider's domain is nobody's purpose.
    """
    if features.links:
        return features.lead
    for shown in (features.contacts, features.reply, features.sender):
        if shown:
            return min(shown) if len(shown) == 1 else None
    return None


def is_close(one: Span, other: Span, days: int) -> bool:
    """Whether no more than so many days lie between two spans; what has no time is close to nothing."""
    if one.first_at is None or one.last_at is None or other.first_at is None or other.last_at is None:
        return False
    gap = max(one.first_at, other.first_at) - min(one.last_at, other.last_at)
    return gap.total_seconds() <= days * 86400
