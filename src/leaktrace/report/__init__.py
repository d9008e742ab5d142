"""Pictures and pages from a finding."""

from __future__ import annotations

from leaktrace.report.calibration import calibration_page, render_calibration
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
from leaktrace.report.page import finding_page
from leaktrace.report.terminal import render_finding

__all__ = [
    "calibration_page",
    "finding_page",
    "render_calibration",
    "render_campaigns",
    "render_demo",
    "render_finding",
    "render_findings",
    "render_ingest_preview",
    "render_ingest_report",
    "render_link",
    "render_mail_report",
    "render_stats",
]
