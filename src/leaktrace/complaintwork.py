"""Was a burst of openings the handling of complaints? What the log says beside the openings themselves.

Whoever handles complaints opens each record on a ticket of its own. Whoever opens a colleague's customers, and others,
to pass on the colleague's and look like a handler, has none, or the same one again.
"""

from __future__ import annotations

from collections.abc import Collection

from leaktrace.attribution import Judgement
from leaktrace.inquiry import Inquiry
from leaktrace.instants import instant_at
from leaktrace.ledger import Ledger
from leaktrace.records import Window

TICKET_SHARE = 0.8
"""So large a part of the reporting customers opened in the burst must have come with a ticket, each with its own."""


def worked_on_tickets(ledger: Ledger, inquiry: Inquiry, judgement: Judgement, principals: Collection[int]) -> set[int]:
    """Which of these principals (indices), set aside for a burst, opened the reporting customers on tickets."""
    found = set()
    for wave in judgement.set_aside:
        if wave.principal not in principals:
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
