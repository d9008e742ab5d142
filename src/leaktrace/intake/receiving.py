"""From a way in to the book: each batch is committed, then settled, then answered, until it is time to stop.

Store, parse, commit, only then settle: a process that is killed anywhere leaves a message in its mailbox or in the
book, never in neither.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime

from leaktrace.errors import LeaktraceError
from leaktrace.folder import Opened
from leaktrace.intake.acknowledging import Acknowledger
from leaktrace.intake.mailflow import Committed, MailFlow, MailTally
from leaktrace.ledger import Progress
from leaktrace.mailroom.ways import (
    Batch,
    FollowAsked,
    ImapAsked,
    ListenAsked,
    Stop,
    Tell,
    WayAsked,
    WayIn,
)
from leaktrace.records import MailReport

Clock = Callable[[], datetime]


def open_way(asked: WayAsked, opened: Opened) -> WayIn:
    """The way in that was asked for. What speaks its protocol is loaded here: most commands need none of it."""
    match asked:
        case ImapAsked():
            from leaktrace.mailroom.ways.imap import ImapMailbox

            return ImapMailbox(asked, opened.path / "mail", opened.keyring, opened.settings)
        case ListenAsked():
            from leaktrace.mailroom.ways.listener import Listener

            return Listener(asked, opened.settings)
        case FollowAsked():
            from leaktrace.mailroom.ways.following import Following

            return Following(asked, opened.settings)


def receive_all(
    flow: MailFlow,
    way: WayIn,
    *,
    clock: Clock,
    stop: Stop,
    tell: Tell,
    acknowledger: Acknowledger | None = None,
    progress: Progress | None = None,
) -> MailReport:
    """Takes in what comes by this way until it ends.

    LeaktraceError where a batch cannot be committed, unless its sender keeps it and tries again.
    """
    tally = MailTally()
    with contextlib.closing(way.batches(stop=stop, tell=tell)) as batches:
        for batch in batches:
            committed = _commit(flow, batch, clock(), tell)
            if committed is None:
                continue
            batch.settle()
            tally.add(committed.added)
            if acknowledger is not None:
                acknowledger.answer(committed, tell)
            if progress is not None:
                progress("messages", tally.message_count, None)
    return flow.report_of(tally)


def _commit(flow: MailFlow, batch: Batch, now: datetime, tell: Tell) -> Committed | None:
    try:
        return flow.receive_messages(batch.messages, now=now)
    except LeaktraceError as error:
        if batch.refuse is None:
            raise
        batch.refuse()
        tell(str(error))
        return None
