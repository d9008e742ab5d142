"""What the mail book knows of a campaign's reports and decisions, as the records that people see."""

from __future__ import annotations

import hashlib

from leaktrace.mailroom import Decision, StoredJoin, StoredReport
from leaktrace.records import CampaignDecision, CampaignLikeness, CampaignMember


def member_of(report: StoredReport, join: StoredJoin) -> CampaignMember:
    """A report of a campaign, as people see it."""
    likes = [
        CampaignLikeness(name, one.agreed_count, one.compared_count, one.kinds)
        for one in join.joined.others
        if (name := join.others[one.example]) is not None and name != report.campaign
    ]
    return CampaignMember(
        report=report.report,
        reporter=None if report.person is None else hashlib.sha256(report.person).hexdigest()[:12],
        mail_at=report.mail_at,
        form=report.form,
        grade=report.grade,
        template=join.cluster,
        agreed_count=join.joined.agreed_count,
        compared_count=join.joined.compared_count,
        kinds=join.joined.kinds,
        is_placed_by_hand=join.is_pinned,
        also_like=tuple(likes),
    )


def decision_of(decision: Decision, *, holds: bool) -> CampaignDecision:
    """A decision, as people see it; `holds`: nobody took it back."""
    return CampaignDecision(
        number=decision.number,
        at=decision.at,
        who=decision.who,
        what=decision.what,
        campaign=decision.campaign,
        other=decision.other,
        report_count=len(decision.reports),
        why=decision.why,
        undoes=decision.undoes,
        holds=holds,
    )
