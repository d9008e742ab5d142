"""Events of a case's course, and of who works on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leaktrace.caserecords.basics import CaseSource
from leaktrace.caserecords.people import Role


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case begins."""

    title: str
    source: CaseSource
    summary: str = ""
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class NoteAdded:
    """Somebody wrote something down; it is never changed, only added to."""

    text: str


@dataclass(frozen=True, slots=True)
class PersonAdmitted:
    """Somebody may work on this case in these roles."""

    person: str
    roles: tuple[Role, ...]


CONCERNED = "the case is about them, somebody above them or somebody below them"
"""Reason of a lock-out by the software. Which of the three it is would tell who the subject is; so would the name
beside it: screens for those who work on the case leave it out."""


@dataclass(frozen=True, slots=True)
class PersonLockedOut:
    """Explicit deny: beats any grant, now and later."""

    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class LegalHoldSet:
    """Customers of the case may not be forgotten, or may be again."""

    held: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CaseClosed:
    """The case ends; only reopening is left."""

    conclusion: Literal["source_found", "no_insider", "undecided", "error"]
    reason: str


@dataclass(frozen=True, slots=True)
class CaseReopened:
    """It goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class PersonEnrolled:
    """Somebody got a user name and a key (case `-`)."""

    person: str
    roles: tuple[Role, ...]
    key_id: str
    public_key: str
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Roles, activity or key of somebody changed (case `-`)."""

    person: str
    roles: tuple[Role, ...]
    active: bool
    key_id: str
    public_key: str
    reason: str
