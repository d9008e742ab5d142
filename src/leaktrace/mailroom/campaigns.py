"""Which reports belong to one mailing. Pure; the answer depends on the set of reports, not on their order.

Two reports of one mailing agree in two kinds of evidence (`agreement`); a campaign is a group whose members agree with
each other and not only in a chain (`clustering`). Each report's `Join` keeps what put it there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leaktrace.mailroom.agreement import Kind, agreement
from leaktrace.mailroom.clustering import joined_by, place
from leaktrace.mailroom.features import Features
from leaktrace.mailroom.mailings import settle
from leaktrace.mailroom.memoryshelf import MemoryShelf
from leaktrace.mailroom.shelves import NEVER, SAMPLE_COUNT, Member, rank


@dataclass(frozen=True, slots=True)
class GroupableReport:
    """What grouping needs to know of one report."""

    report: str
    """Its id: the message's SHA-256, a slash, the index of the original in it."""
    mail_at: datetime | None
    customer: frozenset[bytes]
    """Keyed hashes (exact and folded) of the reporter's address, or of the original's recipients where nobody reported
    by name; two reports that share one are of one customer."""
    features: Features


@dataclass(frozen=True, slots=True)
class Join:
    """Why one report is in its campaign."""

    report: str
    agreed_count: int
    """Members that it agrees with, of `compared_count`."""
    compared_count: int
    kinds: tuple[Kind, ...]
    """What it shares with at least half of those it agrees with."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """One campaign."""

    campaign: str
    reports: tuple[str, ...]
    """Earliest mail first."""
    customer_count: int
    """Distinct customers; reports without any address count as one."""
    first_mail_at: datetime | None
    joins: tuple[Join, ...]
    """One for every report but the first."""


def group_reports(reports: Sequence[GroupableReport], known: Mapping[str, str]) -> tuple[Grouping, ...]:
    """The campaigns of these reports, most reports first. `known`: report id -> the campaign it had been given.

    A campaign keeps its id when mail is added; where two became one, the id with more reports (then the older) stays.
    """
    ordered = sorted(reports, key=lambda report: (report.mail_at or NEVER, report.report))
    shelf = MemoryShelf()
    settle(shelf, place(shelf, (Member(n, one.report, one.mail_at, one.features) for n, one in enumerate(ordered))))
    clusters = sorted([member.number for member in members] for members in shelf.campaigns().values())
    names = campaign_ids([report.report for report in ordered], clusters, known)
    groupings = [_grouping(ordered, members, name) for members, name in zip(clusters, names, strict=True)]
    return tuple(sorted(groupings, key=lambda g: (-len(g.reports), g.first_mail_at or NEVER, g.campaign)))


def _grouping(ordered: Sequence[GroupableReport], members: list[int], name: str) -> Grouping:
    sample = sorted(members, key=lambda i: rank(ordered[i].report))[:SAMPLE_COUNT]
    return Grouping(
        campaign=name,
        reports=tuple(ordered[i].report for i in members),
        customer_count=count_customers(ordered[i].customer for i in members),
        first_mail_at=ordered[members[0]].mail_at,
        joins=tuple(_join(ordered, i, [j for j in sample if j != i]) for i in members[1:]),
    )


def _join(ordered: Sequence[GroupableReport], member: int, others: list[int]) -> Join:
    told = joined_by([agreement(ordered[member].features, ordered[j].features) for j in others])
    return Join(ordered[member].report, told.agreed_count, told.compared_count, told.kinds)


def count_customers(customers: Iterable[frozenset[bytes]]) -> int:
    """How many different customers there are when those who share an address are one; nobody knows the nameless
    apart, so all of them together are one.
    """
    parent: dict[bytes, bytes] = {}

    def root(token: bytes) -> bytes:
        while parent.setdefault(token, token) != token:
            parent[token] = parent[parent[token]]
            token = parent[token]
        return token

    nameless = 0
    for tokens in customers:
        if not tokens:
            nameless = 1
            continue
        first, *rest = sorted(tokens)
        for token in rest:
            parent[root(token)] = root(first)
        root(first)
    return len({root(token) for token in list(parent)}) + nameless


# --- ids ------------------------------------------------------------------------------------------------------


def campaign_ids(ordered: Sequence[str], clusters: Sequence[Sequence[int]], known: Mapping[str, str]) -> list[str]:
    """The id of each cluster (places in `ordered`, the ids of reports in canonical order): the one that most of its
    reports had (`known`), each id once, else a new one from its first report.
    """
    counts: Counter[tuple[str, int]] = Counter()
    oldest: dict[str, int] = {}
    for number, members in enumerate(clusters):
        for position in members:
            name = known.get(ordered[position])
            if name is not None:
                counts[name, number] += 1
                oldest[name] = min(oldest.get(name, position), position)
    names: dict[int, str] = {}
    taken = set(known.values())
    given: set[str] = set()
    for (name, number), _ in sorted(counts.items(), key=lambda item: (-item[1], oldest[item[0][0]], item[0])):
        if number not in names and name not in given:
            names[number] = name
            given.add(name)
    for number, members in enumerate(clusters):
        if number not in names:
            names[number] = _new_id(ordered[members[0]], taken)
            taken.add(names[number])
    return [names[number] for number in range(len(clusters))]


def _new_id(first_report: str, taken: set[str]) -> str:
    attempt = 0
    while (name := name_from(first_report, attempt)) in taken:
        attempt += 1
    return name


def name_from(first_report: str, attempt: int = 0) -> str:
    """The id of a campaign whose earliest report is this; later attempts where it is taken."""
    salt = f"#{attempt}" if attempt else ""
    return "c-" + hashlib.sha256(f"{first_report}{salt}".encode()).hexdigest()[:8]
