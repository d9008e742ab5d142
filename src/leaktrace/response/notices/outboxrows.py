"""What the outbox holds and answers, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leaktrace.response.notices.states import NoticeState, Reconciled


@dataclass(frozen=True, slots=True)
class PlannedNotice:
    """One person of the frozen list, before anybody is told."""

    person: str
    """Case pseudonym."""
    notice: str
    law: str
    language: str
    fields: tuple[str, ...]
    suppressed: str | None = None
    """Why not by mail; null: by mail."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One version of a notice to everybody on one frozen list."""

    number: int
    case: str
    version: str
    frozen_count: int
    planned_at: datetime
    document: dict[str, Any]
    """The plan as it is approved: exposure, facts, templates, sender."""
    approval: str | None = None
    parameters_sha256: str | None = None
    envelope_sha256: str | None = None
    canary_count: int = 0
    continued_at: datetime | None = None

    @property
    def told_again(self) -> bool:
        """Whether the plan says, and two people are asked to agree, that it goes to those too who were told already."""
        return bool(self.document.get("parameters", {}).get("again_because"))


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """One person's notice as the outbox keeps it."""

    version: str
    planned: PlannedNotice
    state: NoticeState
    changed_at: datetime
    """When the state became what it is."""


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice the sender holds now."""

    row: int
    person: str
    notice: str
    law: str
    language: str
    fields: tuple[str, ...]
    attempt_count: int


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody a mail did not reach, or may not have: to be told in another way, or looked at by a person."""

    person: str
    notice: str
    state: NoticeState
    reason: str


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a batch is."""

    case: str
    version: str
    sums: Reconciled
    approval: str | None
    canary_count: int
    continued: bool
    hard_bounce_count: int
    soft_bounce_count: int
    suppressed: dict[str, int] = field(default_factory=dict)
    """Reason -> people."""
    claimed_count: int = 0
    """Of those waiting: in the window of a sender that is at work, or was cut off. Some of them may have been told."""


def split_fields(fields: str) -> tuple[str, ...]:
    """The fields of a customer's record as the outbox writes them, `email;name`."""
    return tuple(filter(None, fields.split(";")))
