"""Events of what was taken into evidence, established, and handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leaktrace.caserecords.basics import DutyAnswer

NO_RULE = "no-rule-known-"
"""Begins the key under which an event of duties names a residence without a rule: no law's id begins so."""


@dataclass(frozen=True, slots=True)
class ExhibitStored:
    """Bytes were taken into evidence."""

    exhibit: str
    """`E-0001`, …"""
    kind: Literal["mail", "finding", "accesses", "exposure", "statement", "notice", "tip", "document", "other"]
    title: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class FindingAttached:
    """A finding became part of the case; its JSON is exhibit `exhibit`."""

    exhibit: str
    campaign: str
    outcome: str
    named: tuple[str, ...]
    """Case pseudonyms."""
    seller: str | None
    seller_probability: str | None
    """As text: floats have more than one spelling."""


@dataclass(frozen=True, slots=True)
class SubjectSet:
    """Who the case is about: pseudonyms of principals, and sellers."""

    principals: tuple[str, ...]
    sellers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """One line of the list 'the account is not the person'."""

    subject: str
    check: str
    answer: Literal["yes", "no", "unknown"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExposureFrozen:
    """The exposure list was fixed; it is exhibit `exhibit`."""

    exhibit: str
    sha256: str
    customer_count: int
    fields: dict[str, int]
    """Field -> customers."""
    only_email: Literal["yes", "no", "cannot_be_said"]


@dataclass(frozen=True, slots=True)
class DutiesAssessed:
    """Which laws were asked, on which facts; the answers are exhibit `exhibit`."""

    exhibit: str
    rules_digest: str
    answers: dict[str, DutyAnswer]
    """Rule id -> answer; `no-rule-known-XX`: persons live there, and no law of there was asked, as none is known."""

    def without_rule(self) -> tuple[str, ...]:
        """Residences of which no law is known; while there are any, the answers are not all that may be owed."""
        return tuple(one.removeprefix(NO_RULE) for one in self.answers if one.startswith(NO_RULE))


@dataclass(frozen=True, slots=True)
class BundleWritten:
    """Evidence was handed over."""

    request: str
    manifest_sha256: str
    exhibit_count: int
    recipient: str
