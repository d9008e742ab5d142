"""Was a burst of openings the handling of complaints? What the log says beside the openings themselves.

Whoever handles complaints opens each record on a ticket of its own. Whoever opens a colleague's customers, and others,
to pass on the colleague's and look like a handler, has none, or the same one again. But who covers for a colleague has
tickets, too, and was shown all of the colleague's that were mailed; a handler missed some of them, as of all others.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from leaktrace.attribution import Judgement, Study
from leaktrace.instants import instant_at
from leaktrace.ledger import Ledger
from leaktrace.records import Window
from leaktrace.tracing.inquiry import Inquiry

TICKET_SHARE = 0.8
"""So large a part of the reporting customers opened in the burst must have come with a ticket, each with its own."""
ALIKE_CHANCE = 0.05
"""Who missed so few of the suspect's cases that chance brings it less often than this did not open all alike."""


def worked_on_tickets(ledger: Ledger, inquiry: Inquiry, judgement: Judgement, principals: Collection[int]) -> set[int]:
    """Which of these principals (indices), set aside for a burst, opened the reporting customers on tickets."""
    found = set()
    suspect = judgement.verdict.suspects[0][0] if judgement.verdict.suspects else -1
    for wave in judgement.set_aside:
        if wave.principal not in principals or not missed_alike(inquiry.study, wave.principal, suspect):
            continue
        first_mail = inquiry.question.window.end
        until = first_mail if wave.is_late else instant_at(wave.until + wave.trail)
        window = Window(instant_at(wave.since - wave.trail), until)
        key = inquiry.principal_keys[wave.principal]
        rows = ledger.access_origins([key], inquiry.case_keys.tolist(), window)
        ticket = {row.customer: row.reason for row in rows if row.reason is not None}
        opened = {row.customer for row in rows}
        if opened and min(len(ticket), len(set(ticket.values()))) >= TICKET_SHARE * len(opened):
            found.add(wave.principal)
    return found


def missed_alike(study: Study, principal: int, suspect: int) -> bool:
    """Whether somebody missed some of the cases that the suspect had been shown, and no fewer than of all cases by
    chance (hypergeometric). Not beside a suspect who had been shown less than half as many: then the question is who
    brought the mail to all the others.
    """
    mailed = np.array([case.mailed for case in study.cases], dtype=np.bool_)
    sure_at = np.array([case.sure_at for case in study.cases], dtype=np.int64)
    group = study.case_group
    in_time = mailed[group.pair_customer] & (group.pair_at < sure_at[group.pair_customer])
    own, theirs = (
        set(group.pair_customer[in_time & (group.pair_principal == who)].tolist()) for who in (suspect, principal)
    )
    count, missed, missed_own = int(mailed.sum()), int(mailed.sum()) - len(theirs), len(own - theirs)
    if missed_own == 0 or 2 * len(own) < len(theirs):
        return False
    ways = sum(math.comb(missed, i) * math.comb(count - missed, len(own) - i) for i in range(missed_own + 1))
    return ways / math.comb(count, len(own)) >= ALIKE_CHANCE
