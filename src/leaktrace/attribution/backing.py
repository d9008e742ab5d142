"""What backs a name, and what of it another path explains."""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.explanations import Posterior, Weighed
from leaktrace.attribution.queues import works_beside
from leaktrace.attribution.study import Study
from leaktrace.attribution.view import decoys


def beside_colleagues(late: Posterior, best: Weighed) -> float:
    """Chance that the principal is a source beside somebody who opens the same customers, as people of one team do."""
    if best.opened is None:
        return 0.0
    beside = works_beside(late.view, best.opened)
    return sum(
        group.probability
        for group in late.groups
        if best.principal in group.members
        and any(beside[member] for member in group.members if member != best.principal)
    )


def solid_reports(study: Study, late: Posterior, best: Weighed) -> int:
    """Independent reports of grade G2 or better that the principal had been shown and no other path explains. A list
    that nobody signed for is one: whoever makes it up makes up all of it.
    """
    reporters = set()
    for row, case_index in enumerate(late.view.mailed.tolist()):
        case = study.cases[case_index]
        if best.shown[row] and case.grade not in {"G0", "G1"} and not _other_path(study, late, row):
            of_list = case.kind == "listed" and bool(late.view.unsigned[row])
            reporters.add("" if of_list else case.reporter)
    return len(reporters)


def _other_path(study: Study, late: Posterior, row: int) -> bool:
    """Whether the sender may know this customer, or decoy, without anybody inside."""
    return bool(late.view.cases.contact[row]) or study.cases[int(late.view.mailed[row])].known_elsewhere


def decoy_hit(study: Study, late: Posterior, best: Weighed) -> bool:
    """Whether mail came to a decoy that the principal had been shown, and no other path explains it."""
    hits = np.flatnonzero(decoys(late.view) & best.shown)
    return any(not _other_path(study, late, row) for row in hits.tolist())
