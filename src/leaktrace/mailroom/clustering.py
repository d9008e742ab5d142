"""Clusters of reports that agree with each other: the algorithm under `campaigns`. Pure; a shelf keeps what it did.

A report joins the cluster where it agrees with at least two thirds of the members; clusters whose members agree across
join; a member that does not fit the finished cluster goes out again. One mail that looks like two mailings can so be in
one of them but cannot pull them together: that would take more such mails than the mailing has reports.

The cost of a report does not grow with the number of reports: it is compared with a fixed-size sample of few clusters,
found through shared features and through LSH bands of its sketches. Clusters join the smaller into the larger, so that
a report is moved at most log2(reports) times.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leaktrace.mailroom.agreement import Agreement, Rows, Sample, rows_of, share_agreed
from leaktrace.mailroom.shelves import Joined, Member, NearMiss, Shelf

JOIN_SHARE = 2 / 3
"""Share of the members of a cluster, among those that can tell, that a report must agree with."""
NEAR_MISS_SHARE = 1 / 3
"""From this share on a cluster that a report did not join is kept beside the join, as another possible label."""
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """What a run changed."""

    changed: frozenset[int]
    """Clusters that are others than before."""
    joined: frozenset[int]
    """Those of them that took in one of another campaign."""


def place(shelf: Shelf, fresh: Iterable[Member]) -> Placed:
    """Puts reports into clusters.

    The order of `fresh` is part of the question: give them in the canonical one (`Member.order`).
    """
    return _Placing(shelf).run(fresh)


def reconsider(shelf: Shelf, clusters: Iterable[int]) -> Placed:
    """Looks again whether these clusters join others."""
    placing = _Placing(shelf)
    placing.touched |= set(clusters)
    return placing.finish()


class _Placing:
    """One run."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.touched: set[int] = set()
        """Clusters whose sample or tokens are others: only they can join others now."""
        self._changed: set[int] = set()
        self._joined: set[int] = set()
        self._fresh: dict[int, dict[int, Member]] = defaultdict(dict)
        """Reports of this run by cluster: they and the sample are looked at when misfits go out."""
        self._samples: dict[int, tuple[Sequence[Member], Sample]] = {}

    def run(self, fresh: Iterable[Member]) -> Placed:
        for member in fresh:
            self._place(member)
        return self.finish()

    def finish(self) -> Placed:
        for _ in range(_ROUNDS):
            merged = self._merge()
            misfits = self._eject()
            for member in misfits:
                self._place(member)
            if not merged and not misfits:
                break
        changed = frozenset(cluster for cluster in self._changed | self.touched if self._shelf.size(cluster))
        return Placed(changed, changed & self._joined)

    def _place(self, member: Member) -> None:
        rows = rows_of(member.features)
        compared = [
            (share_agreed(agreements), -cluster, agreements)
            for cluster in self._shelf.near(self._shelf.tokens(member))
            if (agreements := self._agreements(member, rows, cluster))
        ]
        best = max(compared, key=lambda one: one[:2], default=(0.0, 0, []))
        joins = best[0] >= JOIN_SHARE
        others = tuple(
            self._near_miss(-number, agreements)
            for share, number, agreements in compared
            if share >= NEAR_MISS_SHARE and not (joins and number == best[1])
        )
        cluster = -best[1] if joins else self._shelf.new_cluster()
        joined = joined_by(best[2], others) if joins else Joined(others=others)
        if self._shelf.put(cluster, member, joined):
            self.touched.add(cluster)
        self._changed.add(cluster)
        self._fresh[cluster][member.number] = member

    def _agreements(self, member: Member, rows: Rows | None, cluster: int) -> list[Agreement]:
        members, sample = self._sample(cluster)
        found = sample.agreements(member.features, rows)
        return [one for one, other in zip(found, members, strict=True) if other.number != member.number]

    def _sample(self, cluster: int) -> tuple[Sequence[Member], Sample]:
        """The members that speak for a cluster, ready to be compared with: most stay the same from mail to mail."""
        members = self._shelf.sample(cluster)
        kept = self._samples.get(cluster)
        if kept is None or kept[0] != members:
            kept = self._samples[cluster] = (members, Sample([one.features for one in members]))
        return kept

    def _near_miss(self, cluster: int, agreements: list[Agreement]) -> NearMiss:
        told = joined_by(agreements)
        return NearMiss(self._shelf.sample(cluster)[0].number, told.agreed_count, told.compared_count, told.kinds)

    def _merge(self) -> bool:
        """Joins clusters whose members agree across; whether any did."""
        merged = False
        for cluster in sorted(self.touched):
            if not self._shelf.size(cluster):
                continue
            tokens = {token for one in self._shelf.sample(cluster) for token in self._shelf.tokens(one)}
            for other in self._shelf.near(sorted(tokens), exclude=cluster):
                if self._may_join(cluster, other) and self._across(cluster, other) >= JOIN_SHARE:
                    self._join(cluster, other)
                    merged = True
                    break
        return merged

    def _may_join(self, one: int, other: int) -> bool:
        campaigns = self._shelf.campaign_of(one), self._shelf.campaign_of(other)
        if campaigns[0] is None or campaigns[1] is None or campaigns[0] == campaigns[1]:
            return True
        return not self._shelf.are_apart(campaigns[0], campaigns[1])

    def _join(self, one: int, other: int) -> None:
        # The larger stays, so that few reports move; of two alike the older.
        keep, gone = sorted((one, other), key=lambda cluster: (-self._shelf.size(cluster), cluster))
        campaigns = self._shelf.campaign_of(keep), self._shelf.campaign_of(gone)
        if campaigns[0] is not None and campaigns[1] is not None and campaigns[0] != campaigns[1]:
            unite(self._shelf, campaigns[0], campaigns[1])
            self._joined.add(keep)
        self._shelf.merge(keep, gone)
        self._fresh[keep] |= self._fresh.pop(gone, {})
        self.touched.add(keep)
        self._changed.add(keep)

    def _across(self, one: int, other: int) -> float:
        _, sample = self._sample(other)
        pairs = [found for a in self._shelf.sample(one) for found in sample.agreements(a.features, rows_of(a.features))]
        return share_agreed(pairs)

    def _eject(self) -> list[Member]:
        """Takes out the worse half of the members that do not fit their finished cluster; they are placed anew."""
        out: list[Member] = []
        for cluster in sorted(self._changed | self.touched):
            if self._shelf.size(cluster) <= 2:
                continue
            looked_at = self._fresh[cluster] | {one.number: one for one in self._shelf.sample(cluster)}
            shares = [
                (share_agreed(self._agreements(one, rows_of(one.features), cluster)), one)
                for one in looked_at.values()
                if not self._shelf.is_pinned(one)
            ]
            failing = sorted((pair for pair in shares if pair[0] < JOIN_SHARE), key=lambda pair: pair[1].order)
            failing.reverse()
            failing.sort(key=lambda pair: pair[0])
            for _, member in failing[: (len(failing) + 1) // 2]:
                self._shelf.take(cluster, member)
                self._fresh[cluster].pop(member.number, None)
                self.touched.add(cluster)
                out.append(member)
        return sorted(out, key=lambda member: member.order)


def unite(shelf: Shelf, one: int, other: int) -> int:
    """Makes two campaigns one; returns which of them stays: one with a name, with more reports, the older."""
    keep, gone = sorted((one, other), key=shelf.standing, reverse=True)
    shelf.merge_campaigns(keep, gone)
    return keep


def joined_by(agreements: Sequence[Agreement], others: tuple[NearMiss, ...] = ()) -> Joined:
    """What the comparison with a sample says."""
    agreed = [found for found in agreements if found.joins]
    counts = Counter(kind for found in agreed for kind in found.kinds)
    kinds = tuple(sorted(kind for kind, count in counts.items() if 2 * count >= len(agreed)))
    return Joined(len(agreed), len(agreements), kinds, others)
