"""What speaks against whom an action is about, for whoever asks for it or signs it."""

from __future__ import annotations

import json
from typing import Any

from leaktrace.caserecords import ActionName
from leaktrace.caserecords.against import NOTHING, against_by_checks, against_by_finding, unnamed_by_finding
from leaktrace.cases import CaseWork

_ABOUT_ALL_SUBJECTS: frozenset[ActionName] = frozenset({"hand_over", "publish_statement"})


def speaking_against(work: CaseWork, case: str, action: ActionName, target: str) -> tuple[str, ...]:
    """What is on record against the suspicion of each subject whom the action is about, or that nothing is.

    Empty where the action is about no account inside.
    """
    state = work.show(case)
    subjects = () if state.subjects is None else state.subjects.principals
    about = subjects if action in _ABOUT_ALL_SUBJECTS else (target,) if target.startswith("P-") else ()
    if not about:
        return ()
    finding: dict[str, Any] = {}
    if state.findings:
        finding = json.loads(work.read_exhibit(case, state.findings[-1].exhibit))
    told: list[str] = []
    for one in about:
        told += against_by_checks(one, state.checks)
        told += (*unnamed_by_finding(one, finding), *against_by_finding(one, finding)) if finding else ()
    return tuple(told) or (NOTHING,)
