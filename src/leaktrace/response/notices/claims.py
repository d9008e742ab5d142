"""One sender at a time: holds the outbox's lock, first settles what an earlier one left, keeps the journal.

The order of writing is the promise (ADR 0023): claim (committed, synced); attempt in the journal; DATA; answer in the
journal; the next turn commits answers and claims together, and only then empties the journal.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from leaktrace.errors import ResponseError
from leaktrace.response.notices.journal import Answer, Journal
from leaktrace.response.notices.outbox import Outbox
from leaktrace.response.notices.outboxrows import Batch, ClaimedNotice
from leaktrace.response.notices.outcomes import Outcome, interrupted, outcome_of
from leaktrace.response.notices.states import moved

JOURNAL = "outbox.journal"
LOCK = "outbox.lock"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Which start of the machine this is; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Claims:
    """What one sender holds of one batch. Get it from `claiming`."""

    def __init__(self, outbox: Outbox, batch: Batch, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._batch = batch
        self._journal = journal
        self._clock = clock
        self._outcomes: list[Outcome] = []
        self._held: dict[int, ClaimedNotice] = {}
        self._attempting: set[int] = set()
        self.recovered_unknown_count = 0

    def turn(self, count: int) -> tuple[ClaimedNotice, ...]:
        """Commits what was answered, then claims so many more; what was not attempted goes back."""
        now = self._clock()
        settled = {one.row for one in self._outcomes}
        released = [self._left(row, now) for row in self._held if row not in settled]
        claimed = self._outbox.turn(self._batch, [*self._outcomes, *released], count, now)
        self._outcomes, self._held, self._attempting = [], {one.row: one for one in claimed}, set()
        self._journal.clear()
        return claimed

    def attempt(self, notice: ClaimedNotice) -> None:
        """Must have returned before DATA is said. Raises: then the mail must not be sent."""
        self._journal.write(notice.row, Answer("attempt"), self._clock())
        self._attempting.add(notice.row)

    def answer(self, notice: ClaimedNotice, answer: Answer) -> Outcome:
        """What the relay said to that attempt."""
        now = self._clock()
        outcome = outcome_of(notice.row, answer, notice.attempt_count, now)
        self._outcomes.append(outcome)
        self._journal.write(notice.row, answer, now)
        return outcome

    def _left(self, row: int, now: datetime) -> Outcome:
        # Whoever interrupts the sender inside an attempt leaves a mail of which nobody knows.
        if row in self._attempting:
            return Outcome(row, moved("attempting", "unknown"), 1, "the sender ended during the attempt", now)
        return Outcome(row, moved("claimed", "planned"), 0, "", now)

    def suppress(self, notice: ClaimedNotice, reason: str) -> None:
        """Nobody writes to that person by mail."""
        self._outcomes.append(Outcome(notice.row, moved("claimed", "suppressed"), 0, reason, self._clock()))


@contextmanager
def claiming(
    outbox: Outbox, batch: Batch, clock: Callable[[], datetime], *, fsync_each: bool, boot: str | None = None
) -> Iterator[Claims]:
    """The one sender of an outbox; ResponseError while another is at work. At the end everything is committed."""
    this_boot = boot_id() if boot is None else boot
    fsync_each = fsync_each or not this_boot
    with (
        _alone(outbox.folder / LOCK),
        contextlib.closing(Journal(outbox.folder / JOURNAL, fsync_each=fsync_each)) as journal,
    ):
        unknown_count = _recover(outbox, journal, this_boot, clock())
        # Here, and not only when planning: another version may have been sent since, and under this lock none is now.
        outbox.leave_out_told(batch, clock())
        outbox.begin_run(batch, this_boot, fsync_each=fsync_each)
        claims = Claims(outbox, batch, journal, clock)
        claims.recovered_unknown_count = unknown_count
        try:
            yield claims
        finally:
            claims.turn(0)


def _recover(outbox: Outbox, journal: Journal, this_boot: str, now: datetime) -> int:
    claimed = outbox.claimed()
    records, whole = journal.records()
    trusted = whole and all(synced or (at == this_boot and at) for at, synced in outbox.runs_of_claimed())
    outcomes = interrupted(records, claimed, trusted=trusted, now=now)
    outbox.settle(outcomes)
    journal.clear()
    return sum(one.state == "unknown" for one in outcomes)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResponseError(
                "Another sender is at work on this outbox.", "Wait for it, or stop it: leaktrace notify stop."
            ) from error
        yield
    finally:
        os.close(handle)
