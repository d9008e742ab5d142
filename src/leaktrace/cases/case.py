"""What a case is at one moment: everything that its events, one after the other, made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from leaktrace.caserecords import (
    ActionName,
    ActionRequested,
    CaseHead,
    CaseSource,
    CaseState,
    CheckAnswered,
    ContainmentConfirmed,
    DutiesAssessed,
    ExhibitStored,
    ExposureFrozen,
    FindingAttached,
    GateAnswered,
    IdentityUnmasked,
    NoticesPlanned,
    NoticesReconciled,
    Role,
    StatementDrafted,
    SubjectSet,
    TranslationApproved,
)

RequestState = Literal["waiting", "approved", "refused", "used", "void"]
"""`void`: the case was closed while it waited; it can never be used."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request for what nobody does alone, and what became of it."""

    asked: ActionRequested
    requested_by: str
    requested_at: datetime
    state: RequestState = "waiting"
    decided_by: str | None = None
    """Who approved or refused."""
    envelope_sha256: str | None = None
    used_by: str | None = None

    @property
    def action(self) -> ActionName:
        """What it is for."""
        return self.asked.action

    def is_open(self, at: datetime) -> bool:
        """Whether it can still lead to the action."""
        return self.state in ("waiting", "approved") and at < self.asked.expires_at


@dataclass(frozen=True, slots=True)
class Case:
    """One incident as its events made it. `apply` in `cases.state` gives the next one; nothing is changed in place."""

    case: str
    """Opaque id, `K-…`."""
    title: str
    source: CaseSource
    opened_by: str
    opened_at: datetime
    last_at: datetime
    """Time of the last event."""
    summary: str = ""
    campaign: str | None = None
    state: CaseState = "open"
    conclusion: str | None = None
    event_count: int = 1
    admitted: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    """Person -> roles on this case."""
    locked_out: Mapping[str, str] = field(default_factory=dict)
    """Person -> why. Nobody comes back from here."""
    exhibits: Mapping[str, ExhibitStored] = field(default_factory=dict)
    findings: tuple[FindingAttached, ...] = ()
    subjects: SubjectSet | None = None
    ever_subjects: frozenset[str] = frozenset()
    """Every principal (pseudonym) the case was ever about: who was one stays locked out."""
    checks: Mapping[tuple[str, str], CheckAnswered] = field(default_factory=dict)
    """(subject, check) -> the last answer."""
    exposure: ExposureFrozen | None = None
    duties: DutiesAssessed | None = None
    requests: Mapping[str, Request] = field(default_factory=dict)
    translations: tuple[TranslationApproved, ...] = ()
    gates: Mapping[str, GateAnswered] = field(default_factory=dict)
    contained: Mapping[str, ContainmentConfirmed] = field(default_factory=dict)
    """Target -> what reading back showed last."""
    notices: Mapping[str, NoticesPlanned] = field(default_factory=dict)
    """Version -> the plan."""
    reconciled: Mapping[str, NoticesReconciled] = field(default_factory=dict)
    statement: StatementDrafted | None = None
    unmasked: tuple[IdentityUnmasked, ...] = ()
    held: bool = False
    """Legal hold."""

    def head(self, last_commitment: str) -> CaseHead:
        """What an approval names."""
        return CaseHead(self.case, self.event_count, last_commitment)

    def request(self, name: str) -> Request | None:
        """A request by its id."""
        return self.requests.get(name)

    def next_exhibit(self) -> str:
        """Id that the next exhibit gets."""
        return f"E-{len(self.exhibits) + 1:04d}"

    def next_request(self) -> str:
        """Id that the next request gets."""
        return f"A-{len(self.requests) + 1:04d}"
