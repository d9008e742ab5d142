"""Pictures and pages from a finding."""

from __future__ import annotations

from leaktrace.report.page import finding_page

__all__ = ["finding_page"]
