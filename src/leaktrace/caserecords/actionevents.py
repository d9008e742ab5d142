"""Events of what nobody does alone: asked for, approved, done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leaktrace.caserecords.basics import ActionName, ContainmentState


@dataclass(frozen=True, slots=True)
class ActionRequested:
    """Somebody asks for what nobody does alone."""

    request: str
    """`A-0001`, …"""
    action: ActionName
    target: str
    parameters_sha256: str
    expires_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ActionApproved:
    """A second person agreed; `envelope_sha256` is the DSSE envelope with both signatures."""

    request: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True)
class ApprovalJustified:
    """Why whoever approves does so, in their own words; stands right before their `ActionApproved`."""

    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActionRefused:
    """A second person said no."""

    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActionUsed:
    """The executor verified the approval and began; it cannot be used a second time."""

    request: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True)
class ContainmentStepDone:
    """One call to an outside system, with what it answered; secrets are never in it."""

    request: str
    target: str
    step: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ContainmentConfirmed:
    """What reading back showed."""

    request: str
    target: str
    state: ContainmentState
    detail: str


@dataclass(frozen=True, slots=True)
class IdentityUnmasked:
    """One pseudonym was opened for one person until then."""

    request: str
    pseudonym: str
    reader: str
    reason: str
    until_at: datetime
