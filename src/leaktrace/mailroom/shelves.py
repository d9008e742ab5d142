"""Where clusters and campaigns lie while reports are grouped: the interface, and the one that keeps all in memory.

A cluster is one template (`clustering`); a campaign is one mailing, of one cluster or several (`mailings`). The mail
book has a shelf of its own (`bookshelf`); decisions are the same on both.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    return tuple(_token(text, key) for text in sorted(found))


def _bands(kind: str, sketch: tuple[int, ...], rows: int) -> list[str]:
    return [f"{kind} {at} {sketch[at : at + rows]}" for at in range(0, len(sketch) - rows + 1, rows)]


def _token(text: str, key: bytes) -> int:
    digest = int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=key).digest(), "big")
    return ((digest >> 5) << 4) | KINDS.index(text.partition(" ")[0])


def ranked_near(hits: Iterable[tuple[int, int]], exclude: int | None) -> list[int]:
    """The clusters of (token, cluster) hits that share most: by kinds, then by tokens, then the older."""
    kinds: dict[int, set[int]] = defaultdict(set)
    counts: Counter[int] = Counter()
    for token, cluster in hits:
        kinds[cluster].add(token & 15)
        counts[cluster] += 1
    kinds.pop(exclude or -1, None)
    return sorted(kinds, key=lambda cluster: (-len(kinds[cluster]), -counts[cluster], cluster))[:CANDIDATE_COUNT]


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


# --- in memory --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Cluster:
    members: dict[int, Member] = field(default_factory=dict)
    sample: list[Member] = field(default_factory=list)
    campaign: int | None = None
    settled: Span | None = None


class MemoryShelf:
    """All in memory: for grouping everything anew, and the reference for the mail book's shelf."""

    def __init__(self) -> None:
        self.joins: dict[int, Joined] = {}
        self.pinned: set[int] = set()
        self.bonds: list[tuple[int, int]] = []
        """Pairs of members whose campaigns an investigator has put together."""
        self.parted: list[tuple[int, int]] = []
        """Pairs of members whose campaigns an investigator has parted."""
        self._clusters: dict[int, _Cluster] = {}
        self._campaigns: dict[int, set[int]] = {}
        self._index: dict[int, set[int]] = defaultdict(set)
        self._purposes: dict[str, set[int]] = defaultdict(set)
        self._tokens: dict[int, tuple[int, ...]] = {}
        self._ranks: dict[int, int] = {}
        self._where: dict[int, int] = {}
        self._next = 1
        self._next_campaign = 1

    def clusters(self) -> Iterator[int]:
        """All there are, the oldest first."""
        yield from sorted(self._clusters)

    def members(self, cluster: int) -> list[Member]:
        """All of a cluster."""
        return list(self._clusters[cluster].members.values())

    def campaigns(self) -> dict[int, list[Member]]:
        """Each campaign's members in canonical order."""
        found = {
            campaign: [member for cluster in clusters for member in self._clusters[cluster].members.values()]
            for campaign, clusters in self._campaigns.items()
        }
        return {campaign: sorted(members, key=lambda member: member.order) for campaign, members in found.items()}

    def cluster_of(self, number: int) -> int:
        """Where a report lies."""
        return self._where[number]

    def tokens(self, member: Member) -> tuple[int, ...]:
        """See `Shelf`."""
        if member.number not in self._tokens:
            self._tokens[member.number] = tokens_of(member.features)
        return self._tokens[member.number]

    def near(self, tokens: Iterable[int], exclude: int | None = None) -> list[int]:
        """See `Shelf`."""
        found = [(token, self._index.get(token, set())) for token in tokens]
        hits = [(token, one) for token, several in found if len(several) <= BUCKET_CAP_COUNT for one in several]
        return ranked_near([hit for hit in hits if hit[1] in self._clusters], exclude)

    def sample(self, cluster: int) -> Sequence[Member]:
        """See `Shelf`."""
        return self._clusters[cluster].sample

    def size(self, cluster: int) -> int:
        """See `Shelf`."""
        return len(self._clusters[cluster].members) if cluster in self._clusters else 0

    def new_cluster(self) -> int:
        """See `Shelf`."""
        self._clusters[self._next] = _Cluster()
        self._next += 1
        return self._next - 1

    def put(self, cluster: int, member: Member, joined: Joined) -> bool:
        """See `Shelf`."""
        self.joins[member.number] = joined
        return self._add(cluster, member)

    def take(self, cluster: int, member: Member) -> None:
        """See `Shelf`."""
        here = self._clusters[cluster]
        del here.members[member.number], self._where[member.number]
        # Its tokens stay in the index: they find a candidate too many, never an agreement.
        here.sample = sorted(here.members.values(), key=self._rank)[:SAMPLE_COUNT]
        if not here.members:
            self._drop(cluster)

    def merge(self, keep: int, gone: int) -> None:
        """See `Shelf`."""
        for member in self.members(gone):
            for token in self._tokens[member.number]:
                self._index[token].discard(gone)
            self._add(keep, member)
        self._drop(gone)

    def is_pinned(self, member: Member) -> bool:
        """See `Shelf`."""
        return member.number in self.pinned

    def span(self, cluster: int) -> Span:
        """See `Shelf`."""
        members = self._clusters[cluster].members.values()
        counts = Counter(purpose_of(member.features) for member in members)
        purpose = next((name for name, count in counts.items() if name and count >= MOST * len(members)), None)
        times = [member.mail_at for member in members if member.mail_at is not None]
        return Span(cluster, purpose, min(times, default=None), max(times, default=None), len(members))

    def settled(self, cluster: int) -> Span | None:
        """See `Shelf`."""
        return self._clusters[cluster].settled

    def settle(self, span: Span) -> None:
        """See `Shelf`."""
        self._unsettle(span.cluster)
        self._clusters[span.cluster].settled = span
        if span.purpose is not None:
            self._purposes[span.purpose].add(span.cluster)

    def _unsettle(self, cluster: int) -> None:
        before = self._clusters[cluster].settled
        if before is not None and before.purpose is not None:
            self._purposes[before.purpose].discard(cluster)

    def close_to(self, span: Span, days: int) -> list[int]:
        """See `Shelf`."""
        near = sorted(self._purposes.get(span.purpose, ())) if span.purpose is not None else []
        spans = [(number, self._clusters[number].settled) for number in near if number != span.cluster]
        return [number for number, one in spans if one is not None and is_close(span, one, days)]

    def campaign_of(self, cluster: int) -> int | None:
        """See `Shelf`."""
        return self._clusters[cluster].campaign

    def clusters_of(self, campaign: int) -> list[int]:
        """See `Shelf`."""
        return sorted(self._campaigns.get(campaign, ()))

    def campaign_sample(self, campaign: int) -> Sequence[Member]:
        """See `Shelf`."""
        largest = sorted(self._campaigns[campaign], key=lambda cluster: (-self.size(cluster), cluster))[:LARGEST_COUNT]
        return [member for cluster in largest for member in self.sample(cluster)[:2]]

    def new_campaign(self, clusters: Sequence[int]) -> int:
        """See `Shelf`."""
        campaign = self._next_campaign
        self._next_campaign += 1
        self._campaigns[campaign] = set()
        for cluster in clusters:
            if (before := self._clusters[cluster].campaign) is not None:
                self._leave(before, cluster)
            self.enter(campaign, cluster)
        return campaign

    def enter(self, campaign: int, cluster: int) -> None:
        """See `Shelf`."""
        self._clusters[cluster].campaign = campaign
        self._campaigns[campaign].add(cluster)

    def merge_campaigns(self, keep: int, gone: int) -> None:
        """See `Shelf`."""
        for cluster in self._campaigns.pop(gone):
            self.enter(keep, cluster)

    def standing(self, campaign: int) -> tuple[bool, int, int]:
        """See `Shelf`; nothing has a name here."""
        return False, sum(self.size(cluster) for cluster in self._campaigns[campaign]), -campaign

    def are_apart(self, one: int, other: int) -> bool:
        """See `Shelf`."""
        return any({one, other} == {self._campaign_at(a), self._campaign_at(b)} for a, b in self.parted)

    def bonds_of(self, campaign: int) -> list[tuple[int, int]]:
        """See `Shelf`."""
        pairs = [(self._where[a], self._where[b]) for a, b in self.bonds if a in self._where and b in self._where]
        own = self._campaigns[campaign]
        return [(a, b) for a, b in pairs if a in own and b in own]

    def _campaign_at(self, number: int) -> int | None:
        return self.campaign_of(self._where[number]) if number in self._where else None

    def _rank(self, member: Member) -> int:
        return self._ranks[member.number]

    def _add(self, cluster: int, member: Member) -> bool:
        here = self._clusters[cluster]
        if member.number not in self._ranks:
            self._ranks[member.number] = rank(member.report)
        here.members[member.number] = member
        self._where[member.number] = cluster
        before = list(here.sample)
        here.sample = sorted([*here.sample, member], key=self._rank)[:SAMPLE_COUNT]
        changed = before != here.sample
        for token in self.tokens(member):
            changed |= cluster not in self._index[token]
            self._index[token].add(cluster)
        return changed

    def _drop(self, cluster: int) -> None:
        self._unsettle(cluster)
        gone = self._clusters.pop(cluster)
        if gone.campaign is not None:
            self._leave(gone.campaign, cluster)

    def _leave(self, campaign: int, cluster: int) -> None:
        self._campaigns[campaign].discard(cluster)
        if not self._campaigns[campaign]:
            del self._campaigns[campaign]


def is_close(one: Span, other: Span, days: int) -> bool:
    """Whether no more than so many days lie between two spans; what has no time is close to nothing."""
    if one.first_at is None or one.last_at is None or other.first_at is None or other.last_at is None:
        return False
    gap = max(one.first_at, other.first_at) - min(one.last_at, other.last_at)
    return gap.total_seconds() <= days * 86400
