"""Clusters of reports that agree with each other: the algorithm under `campaigns`.

A report joins the cluster where it agrees with at least two thirds of the members; clusters whose members agree across
join; a member that does not fit the finished cluster goes out again. One mail that looks like two mailings can so be in
one of them but cannot pull them together: that would take more such mails than the mailing has reports.

Near-linear: a report is compared with a fixed-size sample of few clusters, found through shared features and through
LSH bands of the text sketch (Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3.4).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leaktrace.mailroom.agreement import Agreement, agreement, share_agreed
from leaktrace.mailroom.features import Features

JOIN_SHARE = 2 / 3
"""Share of the members of a cluster, among those that can tell, that a report must agree with."""
SAMPLE_COUNT = 15
"""Members of a cluster that a report is compared with: those with the smallest hash of their id."""
CANDIDATE_COUNT = 5
"""Clusters that a report is compared with: those that share most kinds of features with it."""
BUCKET_CAP_COUNT = 64
"""A feature that more clusters share than this finds nobody; it still counts as evidence."""
_ROUNDS = 4

Token = tuple[str, str | tuple[int, ...]]
"""(kind, value): where reports that may belong together meet."""


def clusters_of(reports: Sequence[tuple[str, Features]]) -> list[list[int]]:
    """Positions of the reports (id, features) that belong together, ascending; clusters by their first member.

    The order of the reports is part of the question: give them in a canonical one.
    """
    return _Clustering(reports).run()


def rank(report: str) -> bytes:
    """A fixed pseudo-random order of report ids: who is in a sample does not depend on who came first."""
    return hashlib.sha256(report.encode()).digest()


@dataclass(slots=True)
class _Cluster:
    members: list[int] = field(default_factory=list)
    sample: list[int] = field(default_factory=list)


class _Clustering:
    """One run over reports in canonical order; positions in that order stand for reports."""

    def __init__(self, reports: Sequence[tuple[str, Features]]) -> None:
        self._features = [features for _, features in reports]
        self._ranks = [rank(report) for report, _ in reports]
        self._tokens = [_tokens_of(features) for features in self._features]
        self._clusters: dict[int, _Cluster] = {}
        self._index: dict[Token, set[int]] = defaultdict(set)
        self._next = 0

    def run(self) -> list[list[int]]:
        """The members of each cluster, in canonical order; clusters by their first member."""
        for position in range(len(self._features)):
            self._place(position)
        for _ in range(_ROUNDS):
            merged = self._merge()
            misfits = self._eject()
            for position in misfits:
                self._place(position)
            if not merged and not misfits:
                break
        return sorted(sorted(cluster.members) for cluster in self._clusters.values())

    def _place(self, position: int) -> None:
        best = max(
            (
                (share, -number)
                for number in self._near(self._tokens[position])
                if (share := self._share(position, number))
            ),
            default=(0.0, 0),
        )
        if best[0] >= JOIN_SHARE:
            self._add(-best[1], position)
        else:
            self._clusters[self._next] = _Cluster()
            self._add(self._next, position)
            self._next += 1

    def _add(self, number: int, position: int) -> None:
        cluster = self._clusters[number]
        cluster.members.append(position)
        cluster.sample.append(position)
        if len(cluster.sample) > SAMPLE_COUNT:
            cluster.sample.remove(max(cluster.sample, key=lambda i: self._ranks[i]))
        for token in self._tokens[position]:
            self._index[token].add(number)

    def _near(self, tokens: Iterable[Token], exclude: int = -1) -> list[int]:
        """Clusters that share most with these tokens: by kinds, then by tokens, then the older."""
        kinds: dict[int, set[str]] = defaultdict(set)
        hits: Counter[int] = Counter()
        for token in tokens:
            numbers = self._index.get(token, set())
            if len(numbers) <= BUCKET_CAP_COUNT:
                for number in numbers:
                    kinds[number].add(token[0])
                    hits[number] += 1
        found = [number for number in kinds if number != exclude and number in self._clusters]
        return sorted(found, key=lambda number: (-len(kinds[number]), -hits[number], number))[:CANDIDATE_COUNT]

    def _share(self, position: int, number: int) -> float:
        others = [i for i in self._clusters[number].sample if i != position]
        return share_agreed([self._agreement(position, i) for i in others]) if others else 1.0

    def _agreement(self, one: int, other: int) -> Agreement:
        return agreement(self._features[one], self._features[other])

    def _merge(self) -> bool:
        """Joins clusters whose members agree across; whether any did."""
        merged = False
        for number in sorted(self._clusters):
            if number not in self._clusters:
                continue
            tokens = {token for i in self._clusters[number].sample for token in self._tokens[i]}
            for other in self._near(tokens, exclude=number):
                if self._across(number, other) >= JOIN_SHARE:
                    keep, gone = sorted((number, other))
                    for position in self._clusters.pop(gone).members:
                        self._add(keep, position)
                    merged = True
                    break
        return merged

    def _across(self, one: int, other: int) -> float:
        pairs = [(i, j) for i in self._clusters[one].sample for j in self._clusters[other].sample]
        return share_agreed([self._agreement(i, j) for i, j in pairs])

    def _eject(self) -> list[int]:
        """Takes out the worse half of the members that do not fit their finished cluster; they are placed anew."""
        out: list[int] = []
        for number in sorted(self._clusters):
            members = self._clusters[number].members
            shares = sorted((self._share(i, number), -i) for i in members) if len(members) > 2 else []
            failing = [-negative for share, negative in shares if share < JOIN_SHARE]
            if failing:
                misfits = failing[: (len(failing) + 1) // 2]
                self._rebuild(number, [i for i in members if i not in set(misfits)])
                out += misfits
        return sorted(out)

    def _rebuild(self, number: int, members: list[int]) -> None:
        # Tokens of those who left stay in the index: they find a candidate too many, never an agreement.
        self._clusters[number] = _Cluster()
        for position in members:
            self._add(number, position)


def _tokens_of(features: Features) -> list[Token]:
    tokens: list[Token] = [("sender", value) for value in sorted(features.sender)]
    tokens += [("reply", value) for value in sorted(features.reply)]
    tokens += [("links", value) for value in sorted(features.links)]
    tokens += [("signer", value) for value in sorted(features.signers)]
    tokens += [("subject", features.subject)] if features.subject is not None else []
    tokens += [("name", features.name)] if features.name is not None else []
    # Bands short enough that two texts at 0.6 meet in one of them with a chance of about 0.99.
    rows = 4 if len(features.sketch) >= 96 else 3
    for start in range(0, len(features.sketch) - rows + 1, rows):
        tokens.append(("text", (start, *features.sketch[start : start + rows])))
    return tokens
