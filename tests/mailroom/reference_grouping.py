"""What grouping has to come to, whatever the order in which mail comes: everything at once, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leaktrace.mailroom.agreement import Kind, agreement
from leaktrace.mailroom.campaigns import campaign_ids
from leaktrace.mailroom.clustering import joined_by, place
from leaktrace.mailroom.features import Features
from leaktrace.mailroom.mailings import settle
from leaktrace.mailroom.memoryshelf import MemoryShelf
from leaktrace.mailroom.reports import StoredReport
from leaktrace.mailroom.shelves import NEVER, SAMPLE_COUNT, Member, rank


@dataclass(frozen=True, slots=True)
class GroupableReport:
    """What grouping needs to know of one report."""

    report: str
    """Its id: the message's SHA-256, a slash, the index of the original in it."""
    mail_at: datetime | None
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
        first_mail_at=ordered[members[0]].mail_at,
        joins=tuple(_join(ordered, i, [j for j in sample if j != i]) for i in members[1:]),
    )


def _join(ordered: Sequence[GroupableReport], member: int, others: list[int]) -> Join:
    told = joined_by([agreement(ordered[member].features, ordered[j].features) for j in others])
    return Join(ordered[member].report, told.agreed_count, told.compared_count, told.kinds)


def groupable(report: StoredReport) -> GroupableReport:
    """What grouping needs of a report in the book."""
    return GroupableReport(report.report, report.mail_at, report.features)
