"""The case room as notices meet it: approvals, diary, exposure, translations, in memory and in a file.

`FakeApprovals` keeps the promise of `caserecords.Approvals`: one use, only for the exact parameters, target and
action. `FakeDiary` keeps that of `CaseDiary`, without a custody log behind it. `FakeCases` implements
`noticeneeds.NoticeCase`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from leaktrace.caserecords import (
    ActionName,
    ApprovalPayload,
    Approved,
    CaseEvent,
    CaseHead,
    Certainty,
    ExhibitStored,
    ExposureList,
    ExposureRow,
    LogEntry,
    NoteAdded,
    NoticesPlanned,
    NoticesReconciled,
    RecordedEvent,
    TranslationApproved,
    commitment_of,
    digest_of,
    event_document,
)
from leaktrace.errors import ApprovalError, CaseError
from leaktrace.noticedesk.reports import FrozenList
from leaktrace.response.notices.facts import MEASURES, Measure

CASE = "case-7"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@dataclass
class FakeApprovals:
    """Approvals two people gave, by request."""

    given: dict[str, tuple[str, ActionName, str, str]] = field(default_factory=dict)
    """Request -> case, action, target, digest of the parameters."""
    used: set[str] = field(default_factory=set)

    def give(self, request: str, action: ActionName, target: str, parameters: Any, case: str = CASE) -> str:
        self.given[request] = (case, action, target, digest_of(parameters))
        return request

    def use(self, case: str, request: str, action: ActionName, target: str, parameters: Any) -> Approved:
        """See `caserecords.Approvals`."""
        if request not in self.given:
            raise ApprovalError(f"There is no approval {request}.", "Ask for one.")
        if self.given[request] != (case, action, target, digest_of(parameters)):
            raise ApprovalError(f"The approval {request} is not about this.", "Ask for another.")
        if request in self.used:
            raise ApprovalError(f"The approval {request} was used.", "Ask for another.")
        self.used.add(request)
        payload = ApprovalPayload(
            case, request, action, target, digest_of(parameters), CaseHead(case, 1, "00"), "ada", NOW,
            NOW + timedelta(days=1), "test",
        )  # fmt: skip
        return Approved(payload, "grace", digest_of(payload))


@dataclass
class FakeDiary:
    """Events in order."""

    events: list[CaseEvent] = field(default_factory=list)

    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        """See `caserecords.CaseDiary`."""
        self.events.append(event)
        salt = hashlib.sha256(str(len(self.events)).encode()).digest()
        commitment = commitment_of(event_document(event, "ada", case, NOW), salt)
        entry = LogEntry(len(self.events) - 1, case, type(event).__name__, NOW, commitment)
        return RecordedEvent(entry, event, "ada", salt.hex())

    def store_exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        """See `caserecords.CaseDiary`."""
        stored = ExhibitStored("E-0001", kind, title, hashlib.sha256(content).hexdigest(), len(content), media_type)  # type: ignore[arg-type]
        self.record(case, stored)
        return stored


@dataclass
class FakeCases:
    """One case with a frozen list."""

    frozen: ExposureList
    diary: FakeDiary
    approvals: FakeApprovals
    domains: frozenset[str] = frozenset()
    borne: frozenset[Measure] = frozenset(MEASURES)

    def require_reader(self, case: str) -> None:
        """See `noticeneeds.NoticeCase`; whoever works here may read."""
        self.exposure(case)

    def require_teller(self, case: str, kind: type[CaseEvent]) -> None:
        """See `noticeneeds.NoticeCase`; whoever works here may plan and send."""
        assert kind in (NoticesPlanned, NoticesReconciled)
        self.require_reader(case)

    def exposure(self, case: str) -> FrozenList:
        """See `noticeneeds.NoticeCase`."""
        if case != CASE:
            raise CaseError(f"There is no case {case}.", "See: leaktrace case list.")
        rows = tuple(replace(one, customer=self.pseudonym(case, one.customer)) for one in self.frozen.rows)
        return FrozenList(replace(self.frozen, rows=rows), self.frozen.sha256())

    def customer_named(self, case: str, customer: str, why: str) -> str:
        """See `noticeneeds.NoticeCase`."""
        if customer not in {one.customer for one in self.frozen.rows}:
            raise CaseError("No customer of this id is on a list.", "Ids are as they were ingested.")
        self.note(case, f"looked up: {why}")
        return self.pseudonym(case, customer)

    def customers(self, case: str, request: str) -> dict[str, str]:
        """See `noticeneeds.NoticeCase`."""
        if request not in self.approvals.used:
            raise ApprovalError(f"{request} is not being used.", "Ask for an approval.")
        return {self.pseudonym(case, one.customer): one.customer for one in self.frozen.rows}

    def pseudonym(self, case: str, customer: str) -> str:
        """`C-…` of a customer in this case."""
        return "C-" + hashlib.sha256(f"{case} {customer}".encode()).hexdigest()[:12]

    def translations(self, case: str) -> tuple[TranslationApproved, ...]:
        """See `noticeneeds.NoticeCase`."""
        self.exposure(case)
        return tuple(event for event in self.diary.events if isinstance(event, TranslationApproved))

    def measures_borne(self, case: str) -> frozenset[Measure]:
        """See `noticeneeds.NoticeCase`."""
        self.exposure(case)
        return self.borne

    def version_asked(self, case: str, request: str) -> str | None:
        """See `noticeneeds.NoticeCase`."""
        _, action, target, _ = self.approvals.given.get(request, (case, "", "", ""))
        return target if action == "send_notices" else None

    def note(self, case: str, text: str) -> None:
        """See `noticeneeds.NoticeCase`."""
        self.diary.record(case, NoteAdded(text))

    def sellers_domains(self, case: str) -> frozenset[str]:
        """See `noticeneeds.NoticeCase`."""
        self.exposure(case)
        return self.domains


def row(
    customer: str,
    *,
    jurisdiction: str | None = "DE",
    locale: str | None = "de",
    fields: tuple[str, ...] = ("email",),
    certainty: Certainty = "confirmed",
    widened_by: tuple[str, ...] = (),
) -> ExposureRow:
    """One customer of a list."""
    return ExposureRow(customer, certainty, fields, NOW - timedelta(days=60), jurisdiction, locale, 1, widened_by)


def exposure(rows: tuple[ExposureRow, ...]) -> ExposureList:
    """A frozen list."""
    return ExposureList(
        "c-1", "ab" * 32, NOW, rows, "yes", "the log shows it", NOW - timedelta(days=90), NOW - timedelta(days=10)
    )
