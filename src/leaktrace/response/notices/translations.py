"""A person approves a translation: exactly these bytes, by two people, as an event of the case."""

from __future__ import annotations

from typing import Any

from leaktrace.caserecords import Approvals, CaseDiary, RecordedEvent, TranslationApproved
from leaktrace.response.notices.templates import Template


def translation_parameters(template: Template) -> dict[str, Any]:
    """What two people agree to."""
    return {"template": template.law, "language": template.language, "sha256": template.sha256}


def approve_translation(
    case: str, request: str, template: Template, approvals: Approvals, diary: CaseDiary
) -> RecordedEvent:
    """Uses the approval `request` for this template and records it; ApprovalError where it is about another text."""
    approvals.use(case, request, "approve_translation", template.name, translation_parameters(template))
    return diary.record(case, TranslationApproved(request, template.law, template.language, template.sha256))
