"""A case in memory, with the interfaces of the real one: approvals that are used once, a diary that keeps events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leaktrace.caserecords import (
    ActionName,
    ActionRequested,
    ApprovalPayload,
    Approved,
    CaseEvent,
    CaseHead,
    ExhibitStored,
    LogEntry,
    RecordedEvent,
    digest_of,
)
from leaktrace.cases import Request
from leaktrace.errors import ApprovalError
from leaktrace.response.bundle import BundledExhibit, BundleInput
from tests.response.made_cases import LOG_KEY, START, sign_as


@dataclass
class FakeApprovals:
    """Implements `caserecords.Approvals`: request -> digest of the parameters that two people approved."""

    approved: dict[str, str]
    used: list[str] = field(default_factory=list)

    def use(self, case: str, request: str, action: ActionName, target: str, parameters: Any) -> Approved:
        if self.approved.get(request) != digest_of(parameters) or request in self.used:
            raise ApprovalError(f"{request} does not allow this.", "Ask for it again.")
        self.used.append(request)
        head = CaseHead(case, 1, "0" * 64)
        payload = ApprovalPayload(
            case, request, action, target, digest_of(parameters), head, "ada", START, START, "because"
        )
        return Approved(payload, "ben", "0" * 64)


@dataclass
class FakeDiary:
    """Implements `caserecords.CaseDiary`."""

    events: list[CaseEvent] = field(default_factory=list)

    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        self.events.append(event)
        entry = LogEntry(len(self.events), case, type(event).__name__, START, "0" * 64)
        return RecordedEvent(entry, event, "ada", "0" * 64)

    def store_exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        raise NotImplementedError("handing over stores no exhibit")


@dataclass
class FakeDesk:
    """Implements `cli.bundle.BundleDesk` over one made case."""

    given: BundleInput
    approvals: FakeApprovals
    diary: FakeDiary = field(default_factory=FakeDiary)
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    def sign(self, content: bytes) -> bytes:
        return sign_as(LOG_KEY)(content)

    def gather(self, case: str, calibration: bytes | None = None) -> int:
        assert case == self.given.case
        return 0 if calibration is None else 1

    def ask(self, case: str, recipient: str, withheld: Mapping[str, str], why: str) -> Request:
        self.asked.append((case, recipient, dict(withheld), why))
        asked = ActionRequested("A-0003", "hand_over", recipient, "0" * 64, START, why)
        return Request(asked, "ada", START)

    def exhibits(self, case: str, request: str) -> tuple[BundledExhibit, ...]:
        assert (case, request) == (self.given.case, self.given.request)
        return self.given.exhibits

    def approved_request(self, case: str, recipient: str | None) -> tuple[str, str]:
        assert case == self.given.case
        assert recipient is None or recipient
        return self.given.request, self.given.recipient

    def bundle_input(self, case: str, request: str, recipient: str) -> BundleInput:
        assert (case, request, recipient) == (self.given.case, self.given.request, self.given.recipient)
        return self.given

    def now(self) -> datetime:
        return START
