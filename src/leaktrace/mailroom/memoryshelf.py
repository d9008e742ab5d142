"""A shelf that keeps all in memory: for grouping everything anew, and the reference for the mail book's shelf."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from leaktrace.mailroom.shelves import (
    BUCKET_CAP_COUNT,
    LARGEST_COUNT,
    MOST,
    SAMPLE_COUNT,
    Joined,
    Member,
    Span,
    is_close,
    purpose_of,
    rank,
    ranked_near,
    tokens_of,
)


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
