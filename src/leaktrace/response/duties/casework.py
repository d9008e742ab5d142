"""Duties of a case: judged on its frozen exposure list, kept as an exhibit, written into its diary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from leaktrace.caserecords import (
    CaseDiary,
    DutiesAssessed,
    DutyAssessment,
    ExposureList,
    StartEvent,
    canonical,
)
from leaktrace.caserecords.evidenceevents import NO_RULE
from leaktrace.errors import ResponseError
from leaktrace.response.duties.facts import facts_from_exposure
from leaktrace.response.duties.judge import assess
from leaktrace.response.duties.model import Law


def assess_case(
    case: str,
    exposure: ExposureList,
    diary: CaseDiary,
    laws: Sequence[Law],
    now: datetime,
    *,
    fields_complete: bool | None,
    answers: Mapping[str, bool],
    moments: Mapping[StartEvent, datetime],
    exposure_sha256: str | None = None,
    markets: Sequence[str] = (),
) -> DutyAssessment:
    """Judges every rule on the case's exposure list and records what was answered on which facts."""
    if not exposure.rows:
        raise ResponseError(
            "Nobody is on the frozen exposure list: nobody inside is suspected, so it does not show whose data is out.",
            "That is no answer to any law. Write down what is known: leaktrace duties --facts FILE.",
        )
    # Rows exist only where somebody inside is named or in a set: that is what "insider" asks.
    known = {"insider": True, **answers}
    facts = facts_from_exposure(
        exposure,
        fields_complete=fields_complete,
        answers=known,
        moments=moments,
        exposure_sha256=exposure_sha256,
        markets=markets,
    )
    assessment = assess(facts, laws, now)
    content = canonical({"assessment": assessment, "facts": facts})
    exhibit = diary.store_exhibit(case, "document", "Duties assessed", content, "application/json")
    answered = {duty.rule: duty.answer for duty in assessment.duties}
    # In the event too, which is all that the case's own views and the bundle's chronicle read of it.
    answered |= {f"{NO_RULE}{one.residence}": "needs_a_human" for one in assessment.without_rule}
    diary.record(case, DutiesAssessed(exhibit.exhibit, assessment.rules_digest, answered))
    return assessment
