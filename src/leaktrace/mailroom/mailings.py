"""Clusters that are one sender's mailing: the same mail in other words and languages, days apart.

Grouping by content keeps two templates of one mailing apart, as it must: wording is easily copied. What a mailing is
*for* is harder to fake in all its mails: where its links lead, else who sends it. Clusters join when most mails of both
are for the same domain (never a freemail provider's) and no more than some days lie between them. A few planted mails
change what *they* are for, not what most mails of a cluster are for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leaktrace.mailroom.features import Features

MOST = 2 / 3
"""Share of a cluster's mails that must be for a domain."""
GAP_DAYS = 7
"""Mailings of one sender further apart than this are two."""
_MAILBOX = "mailbox:"


@dataclass(frozen=True, slots=True)
class Dated:
    """What is needed of one report."""

    features: Features
    mail_at: datetime | None


def joined_mailings(reports: Sequence[Dated], clusters: list[list[int]]) -> list[list[int]]:
    """The clusters (positions of reports) with those of one mailing joined; by their first member, ascending."""
    by_domain: dict[str, list[int]] = {}
    for number, members in enumerate(clusters):
        for domain in _purpose(reports, members):
            by_domain.setdefault(domain, []).append(number)
    parent = list(range(len(clusters)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for numbers in by_domain.values():
        spans = sorted((*span, number) for number in numbers if (span := _span(reports, clusters[number])) is not None)
        if not spans:
            continue
        reach, current = spans[0][1], spans[0][2]
        for start, end, number in spans[1:]:
            if start - reach <= timedelta(days=GAP_DAYS):
                parent[root(number)] = root(current)
                reach = max(reach, end)
            else:
                reach = end
            current = number
    joined: dict[int, list[int]] = {}
    for number, members in enumerate(clusters):
        joined.setdefault(root(number), []).extend(members)
    return sorted(sorted(members) for members in joined.values())


def _purpose(reports: Sequence[Dated], members: list[int]) -> frozenset[str]:
    """Domains that most of a cluster's mails lead to; where mails show no links, those they are sent from."""
    counts: Counter[str] = Counter()
    for position in members:
        features = reports[position].features
        shown = features.links or features.reply or features.sender
        counts.update(domain for domain in shown if not domain.startswith(_MAILBOX))
    return frozenset(domain for domain, count in counts.items() if count >= MOST * len(members))


def _span(reports: Sequence[Dated], members: list[int]) -> tuple[datetime, datetime] | None:
    times = [at for position in members if (at := reports[position].mail_at) is not None]
    return (min(times), max(times)) if times else None
