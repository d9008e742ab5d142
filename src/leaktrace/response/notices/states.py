"""What one person's notice may be, and how it moves. Pure.

planned -> claimed -> attempting -> accepted | refused | retry | unknown; planned, claimed, retry -> suppressed.

`attempting` is written down before DATA (RFC 5321, section 4.1.1.4) and only an answer of the relay leads out of
it. Where no answer was read, nobody can say whether the mail went out: `unknown`, which no machine tries again. A
claim of exactly-once delivery would be false: SMTP has no such thing (RFC 1047).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from leaktrace.errors import ResponseError

NoticeState = Literal["planned", "claimed", "attempting", "accepted", "refused", "retry", "unknown", "suppressed"]
STATES: tuple[NoticeState, ...] = get_args(NoticeState)
MOVES: dict[NoticeState, frozenset[NoticeState]] = {
    "planned": frozenset({"claimed", "suppressed"}),
    "claimed": frozenset({"attempting", "planned", "retry", "suppressed", "unknown"}),
    "attempting": frozenset({"accepted", "refused", "retry", "unknown", "planned"}),
    "retry": frozenset({"claimed", "suppressed", "refused"}),
    "accepted": frozenset(),
    "refused": frozenset(),
    "unknown": frozenset(),
    "suppressed": frozenset(),
}
"""From -> to. Out of `attempting`, `planned` is only for what was provably not sent: no byte of the message left."""
WAITING: frozenset[NoticeState] = frozenset({"planned", "claimed", "attempting", "retry"})
FINAL: frozenset[NoticeState] = frozenset(state for state in STATES if not MOVES[state])

SuppressedReason = Literal[
    "below_certainty",
    "no_consent_to_mail",
    "told_by_other_version",
    "told_meanwhile",
    "no_address",
    "malformed_address",
    "address_needs_smtputf8",
    "sellers_own_domain",
]
"""Why nobody writes to that person by mail: each of them is on the list of those to be told in another way, unless
another version told them (`told_by_other_version` when planning, `told_meanwhile` since then)."""

RETRY_AFTER = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
"""Pauses after the first, second, ... temporary refusal. RFC 5321, section 4.5.4.1, asks for longer ones only of relays
that have many hosts to reach; ours is one, and it queues. After the last, the refusal stands."""


def moved(state: NoticeState, to: NoticeState) -> NoticeState:
    """The new state; ResponseError when nothing leads from one to the other."""
    if to not in MOVES[state]:
        raise ResponseError(
            f"A notice that is {state} cannot become {to}.",
            "Nothing was changed. An unknown or accepted notice is never sent again by a machine.",
        )
    return to


def next_try_at(attempt_count: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None: no more."""
    if not 1 <= attempt_count <= len(RETRY_AFTER):
        return None
    return now + RETRY_AFTER[attempt_count - 1]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Everybody on the frozen list, each in exactly one sum."""

    frozen_count: int
    accepted_count: int = 0
    refused_count: int = 0
    unknown_count: int = 0
    suppressed_count: int = 0
    waiting_count: int = 0

    def checked(self) -> Reconciled:
        """Itself; ResponseError when the sums do not add up: then somebody was forgotten or counted twice."""
        told = (
            self.accepted_count + self.refused_count + self.unknown_count + self.suppressed_count + self.waiting_count
        )
        if told != self.frozen_count:
            raise ResponseError(
                f"The outbox holds {told} notices, the frozen list {self.frozen_count} people.",
                "Do not send. Compare the outbox with the exposure list of the case; somebody changed one of them.",
            )
        return self


def reconcile(frozen_count: int, by_state: dict[NoticeState, int]) -> Reconciled:
    """Whether frozen = accepted + refused + unknown + suppressed + waiting; ResponseError when it does not hold."""
    return Reconciled(
        frozen_count,
        by_state.get("accepted", 0),
        by_state.get("refused", 0),
        by_state.get("unknown", 0),
        by_state.get("suppressed", 0),
        sum(by_state.get(state, 0) for state in WAITING),
    ).checked()
