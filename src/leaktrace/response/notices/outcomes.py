"""What a journal adds up to: row of the outbox -> where it stands now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leaktrace.response.notices.journal import Answer, JournalRecord
from leaktrace.response.notices.states import NoticeState, moved, next_try_at

_LEADS_TO: dict[str, NoticeState] = {
    "accepted": "accepted",
    "refused": "refused",
    "retry": "retry",
    "unknown": "unknown",
    "not_sent": "planned",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a claimed notice stands after what happened to it."""

    row: int
    state: NoticeState
    attempt_count: int
    """Attempts made now: 0 where nothing of the message left."""
    reason: str
    at: datetime
    retry_at: datetime | None = None


def outcome_of(row: int, answer: Answer, earlier_attempt_count: int, at: datetime) -> Outcome:
    """Where the answer of the relay to one attempt leads; a temporary refusal after the last pause is a refusal."""
    state = moved("attempting", _LEADS_TO[answer.kind])
    if state == "planned":
        return Outcome(row, state, 0, "", at)
    if state != "retry":
        return Outcome(row, state, 1, answer.told(), at)
    again_at = next_try_at(earlier_attempt_count + 1, at)
    if again_at is None:
        return Outcome(row, "refused", 1, f"gave up after {answer.told()}".strip(), at)
    return Outcome(row, "retry", 1, answer.told(), at, again_at)


def interrupted(
    records: Iterable[JournalRecord], claimed: Mapping[int, int], *, trusted: bool, now: datetime
) -> tuple[Outcome, ...]:
    """Where everybody stands who was claimed when the sender ended without saying goodbye.

    `claimed`: row -> attempts before this claim. `trusted`: whether the journal is known to be whole. An attempt
    without an answer is unknown. Who was claimed and not attempted goes back to planned, or, where the journal may
    have lost its end, is unknown too: rather nobody told by a machine than somebody told twice.
    """
    last: dict[int, JournalRecord] = {}
    for record in records:
        last[record.row] = record
    return tuple(_one(row, attempts, last.get(row), trusted=trusted, now=now) for row, attempts in claimed.items())


def _one(row: int, attempts: int, last: JournalRecord | None, *, trusted: bool, now: datetime) -> Outcome:
    if last is not None and last.answer.kind == "attempt":
        return Outcome(row, moved("attempting", "unknown"), 1, "the sender ended during the attempt", now)
    if last is not None and (trusted or last.answer.kind != "not_sent"):
        return outcome_of(row, last.answer, attempts, last.at)
    if trusted:
        return Outcome(row, moved("claimed", "planned"), 0, "", now)
    return Outcome(row, moved("claimed", "unknown"), 0, "the machine stopped; its last records are lost", now)
