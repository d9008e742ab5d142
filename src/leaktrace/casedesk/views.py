"""What commands and pages show of a case: records whose attributes are the JSON keys. No id as ingested in any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leaktrace.caserecords import (
    CONCERNED,
    ContainmentConfirmed,
    DutiesAssessed,
    ExposureFrozen,
    FindingAttached,
    GateAnswered,
    NoticesReconciled,
    Person,
    PersonLockedOut,
    RecordedEvent,
    StatementDrafted,
    SubjectSet,
)
from leaktrace.caserecords.checks import speaking_for_another, unanswered
from leaktrace.cases import Case, Request
from leaktrace.eventwords import event_sentence
from leaktrace.records import to_document


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request for what nobody does alone."""

    request: str
    action: str
    target: str
    state: str
    """waiting, approved, refused, used, void, or expired."""
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    reason: str
    decided_by: str | None
    used_by: str | None
    parameters_sha256: str
    envelope_sha256: str | None


def request_view(request: Request, now: datetime) -> RequestView:
    """A request as it stands now."""
    asked = request.asked
    expired = request.state in ("waiting", "approved") and now >= asked.expires_at
    return RequestView(
        request=asked.request,
        action=asked.action,
        target=asked.target,
        state="expired" if expired else request.state,
        requested_by=request.requested_by,
        requested_at=request.requested_at,
        expires_at=asked.expires_at,
        reason=asked.reason,
        decided_by=request.decided_by,
        used_by=request.used_by,
        parameters_sha256=asked.parameters_sha256,
        envelope_sha256=request.envelope_sha256,
    )


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as it stands."""

    case: str
    title: str
    state: str
    source: str
    summary: str
    campaign: str | None
    opened_by: str
    opened_at: datetime
    conclusion: str | None
    event_count: int
    admitted: dict[str, tuple[str, ...]]
    locked_out: tuple[str, ...]
    """By a person. Whom the software locked out is not told: it would tell who the subject is."""
    concerned_count: int
    """How many the software locked out."""
    subjects: SubjectSet | None
    open_checks: dict[str, tuple[str, ...]]
    """Subject -> checks nobody answered yet."""
    speaking_for_another: dict[str, tuple[str, ...]]
    """Subject -> checks whose answer says that somebody else may be behind the account."""
    findings: tuple[FindingAttached, ...]
    exhibit_count: int
    exposure: ExposureFrozen | None
    duties: DutiesAssessed | None
    requests: tuple[RequestView, ...]
    contained: tuple[ContainmentConfirmed, ...]
    notices: tuple[NoticesReconciled, ...]
    gates: tuple[GateAnswered, ...]
    statement: StatementDrafted | None
    held: bool


def case_view(case: Case, now: datetime) -> CaseView:
    """The case for people and programs."""
    subjects = () if case.subjects is None else case.subjects.principals
    return CaseView(
        case=case.case,
        title=case.title,
        state=case.state,
        source=case.source,
        summary=case.summary,
        campaign=case.campaign,
        opened_by=case.opened_by,
        opened_at=case.opened_at,
        conclusion=case.conclusion,
        event_count=case.event_count,
        admitted=dict(case.admitted),
        locked_out=tuple(sorted(name for name, why in case.locked_out.items() if why != CONCERNED)),
        concerned_count=sum(why == CONCERNED for why in case.locked_out.values()),
        subjects=case.subjects,
        open_checks={one: unanswered(one, case.checks) for one in subjects},
        speaking_for_another={one: speaking_for_another(one, case.checks) for one in subjects},
        findings=case.findings,
        exhibit_count=len(case.exhibits),
        exposure=case.exposure,
        duties=case.duties,
        requests=tuple(request_view(one, now) for one in case.requests.values()),
        contained=tuple(case.contained.values()),
        notices=tuple(case.reconciled.values()),
        gates=tuple(case.gates.values()),
        statement=case.statement,
        held=case.held,
    )


@dataclass(frozen=True, slots=True)
class EventView:
    """One event. The salt that opens its commitment is not shown: it goes into bundles only."""

    index: int
    """Place in the custody log."""
    at: datetime
    actor: str
    kind: str
    sentence: str
    commitment: str
    event: dict[str, Any]


def event_view(recorded: RecordedEvent) -> EventView:
    """An event for people and programs; who was locked out as concerned is null."""
    event = to_document(recorded.event)
    if isinstance(recorded.event, PersonLockedOut) and recorded.event.reason == CONCERNED:
        event["person"] = None
    return EventView(
        index=recorded.entry.index,
        at=recorded.entry.at,
        actor=recorded.actor,
        kind=recorded.entry.kind,
        sentence=event_sentence(recorded.event),
        commitment=recorded.entry.commitment,
        event=event,
    )


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody who works with cases."""

    person: str
    roles: tuple[str, ...]
    active: bool
    key_id: str
    public_key: str
    principal: str | None


def person_view(person: Person) -> PersonView:
    """A person for people and programs."""
    return PersonView(
        person.name, tuple(sorted(person.roles)), person.active, person.key_id, person.public_key, person.principal
    )
