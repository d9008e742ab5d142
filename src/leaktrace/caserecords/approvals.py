"""What two people sign, and what executors ask before they act and tell once they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leaktrace.caserecords.basics import ActionName
from leaktrace.caserecords.custody import CaseHead, RecordedEvent
from leaktrace.caserecords.events import CaseEvent
from leaktrace.caserecords.evidenceevents import ExhibitStored

APPROVAL_PAYLOAD_TYPE = "application/vnd.leaktrace.approval.v1+json"


@dataclass(frozen=True, slots=True)
class ApprovalPayload:
    """What two people sign (DSSE payload, canonical JSON of this record)."""

    case: str
    request: str
    action: ActionName
    target: str
    parameters_sha256: str
    """`digest_of` the exact parameters of the action: an executor computes it again from what it is about to do."""
    case_head: CaseHead
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    reason: str
    schema: str = "leaktrace.approval/1"


@dataclass(frozen=True, slots=True)
class Approved:
    """A verified approval: only `cases` makes one, after checking both signatures, people, target, expiry and use."""

    payload: ApprovalPayload
    approved_by: str
    envelope_sha256: str


class Approvals(Protocol):
    """What an executor in `response` asks before it acts."""

    def use(self, case: str, request: str, action: ActionName, target: str, parameters: Any) -> Approved:
        """Verifies the approval of `request` again and marks it used (event `ActionUsed`), or raises ApprovalError.

        `parameters`: exactly what is about to be done; its digest must be the one that was signed.
        """


class CaseDiary(Protocol):
    """Where an executor writes down what it does, before and after doing it."""

    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        """Appends one event, with its log entry in the same transaction; raises CaseError for an illegal move."""

    def store_exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        """Takes bytes into evidence (encrypted at rest) and records them."""
