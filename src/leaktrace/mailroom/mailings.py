"""Clusters that are one sender's mailing: the same mail in other words and languages, days apart.

Grouping by content keeps two templates of one mailing apart, as it must: wording is easily copied. What a mailing is
*for* is harder to fake in all its mails: where its links lead, else whom to call or answer, else who sends it
(`shelves.purpose_of`: one thing a mail at most). Clusters join when two thirds of the mails of both are for the same
thing and no more than some days lie between them. A few planted mails change what *they* are for, not what most mails
of a cluster are for; and mails that lead to two sellers alike are for neither, so they cannot bring the two together.

Many shops may lie under one domain. So two campaigns for one thing must share something else too: a third of the mails
of both show the same sender, name, mailbox to answer, signer, account, phone, article or picture, or have words in
common. It is asked of the campaigns, not of two clusters: one mail that is like both does not bring them together.

What an investigator has parted does not join again, and what was put together does not part, whatever the mails say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leaktrace.mailroom.agreement import similarity
from leaktrace.mailroom.clustering import Placed, unite
from leaktrace.mailroom.features import Features
from leaktrace.mailroom.shelves import NEVER, Member, Shelf, Span, is_close

GAP_DAYS = 7
"""Mailings of one sender further apart than this are two."""
WORDS_IN_COMMON = 0.3
"""Estimated Jaccard similarity of words: two letters of one language about other things have a tenth or two."""
_KIN = ("sender", "reply", "signers", "accounts", "contacts", "products", "images")
PARTS_CEILING_COUNT = 2_000
"""A campaign of more clusters is not looked at for parts that hang together no more; `campaigns --regroup` does."""


def settle(shelf: Shelf, placed: Placed) -> None:
    """Gives changed clusters their campaigns, and joins and parts campaigns where that follows."""
    spans = sorted((shelf.span(cluster) for cluster in placed.changed), key=_by_time)
    loose = {campaign for cluster in placed.joined if (campaign := shelf.campaign_of(cluster)) is not None}
    for span in spans:
        before, campaign = shelf.settled(span.cluster), shelf.campaign_of(span.cluster)
        shelf.settle(span)
        if campaign is None:
            shelf.new_campaign([span.cluster])
        elif before is not None and _lets_go(before, span):
            loose.add(campaign)
    for campaign in sorted(loose):
        part(shelf, campaign)
    for span in spans:
        for other in shelf.close_to(span, GAP_DAYS):
            _unite(shelf, span.cluster, other)


def _by_time(span: Span) -> tuple[datetime, int]:
    return (span.first_at or NEVER, span.cluster)


def _lets_go(before: Span, now: Span) -> bool:
    """Whether what held the cluster to another one may hold no more."""
    if before.purpose is None:
        return False
    shrank = before.first_at != now.first_at or before.last_at != now.last_at
    return before.purpose != now.purpose or (shrank and now.size < before.size)


def _unite(shelf: Shelf, one: int, other: int) -> None:
    first, second = shelf.campaign_of(one), shelf.campaign_of(other)
    if first is None or second is None or first == second or shelf.are_apart(first, second):
        return
    if _are_kin(shelf.campaign_sample(first), shelf.campaign_sample(second)):
        unite(shelf, first, second)


def _are_kin(ones: Sequence[Member], others: Sequence[Member]) -> bool:
    alike = sum(kin(one.features, other.features) for one in ones for other in others)
    return 3 * alike >= len(ones) * len(others)


def kin(one: Features, other: Features) -> bool:
    """Whether two mails that are for one thing share another thing as well; words in common are enough."""
    if any(a is not None and a == b for a, b in ((one.subject, other.subject), (one.name, other.name))):
        return True
    if any(getattr(one, name) & getattr(other, name) for name in _KIN):
        return True
    return any(
        bool(a and b) and similarity(a, b) >= WORDS_IN_COMMON
        for a, b in ((one.words, other.words), (one.sketch, other.sketch))
    )


def part(shelf: Shelf, campaign: int) -> None:
    """Parts a campaign whose clusters do not hang together any more; the part with most reports stays what it is."""
    clusters = shelf.clusters_of(campaign)
    if not 1 < len(clusters) <= PARTS_CEILING_COUNT:
        return
    parts = hanging_together([shelf.span(cluster) for cluster in clusters], shelf.bonds_of(campaign))
    parts.sort(key=lambda spans: (-sum(span.size for span in spans), _by_time(min(spans, key=_by_time))))
    for spans in parts[1:]:
        shelf.new_campaign([span.cluster for span in spans])


def hanging_together(spans: Sequence[Span], bonds: Sequence[tuple[int, int]]) -> list[list[Span]]:
    """The spans in groups, each joined by a common purpose within `GAP_DAYS` or by a bond of cluster numbers."""
    parent = {span.cluster: span.cluster for span in spans}

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in bonds:
        parent[root(other)] = root(one)
    by_purpose: dict[str, list[Span]] = {}
    for span in sorted(spans, key=_by_time):
        if span.purpose is not None and span.first_at is not None:
            by_purpose.setdefault(span.purpose, []).append(span)
    for alike in by_purpose.values():
        reach = alike[0]
        for span in alike[1:]:
            if is_close(reach, span, GAP_DAYS):
                parent[root(span.cluster)] = root(reach.cluster)
            if span.last_at is not None and (reach.last_at is None or span.last_at > reach.last_at):
                reach = span
    groups: dict[int, list[Span]] = {}
    for span in spans:
        groups.setdefault(root(span.cluster), []).append(span)
    return list(groups.values())
