"""Pictures and pages from a finding."""

from __future__ import annotations

from leaktrace.report.calibration import calibration_page, render_calibration
from leaktrace.report.campaigns import render_campaign, render_campaign_decision
from leaktrace.report.casewords import render_timeline
from leaktrace.report.counts import (
    render_campaigns,
    render_findings,
    render_ingest_preview,
    render_ingest_report,
    render_mail_report,
    render_stats,
)
from leaktrace.report.demo import render_demo
from leaktrace.report.link import render_link
from leaktrace.report.messages import render_messages
from leaktrace.report.page import finding_page
from leaktrace.report.terminal import render_finding
from leaktrace.report.upkeep import (
    render_acts,
    render_check,
    render_compaction,
    render_erasure,
    render_holds,
    render_retention,
)

__all__ = [
    "calibration_page",
    "finding_page",
    "render_acts",
    "render_calibration",
    "render_campaign",
    "render_campaign_decision",
    "render_campaigns",
    "render_check",
    "render_compaction",
    "render_demo",
    "render_erasure",
    "render_finding",
    "render_findings",
    "render_holds",
    "render_ingest_preview",
    "render_ingest_report",
    "render_link",
    "render_mail_report",
    "render_messages",
    "render_retention",
    "render_stats",
    "render_timeline",
]
