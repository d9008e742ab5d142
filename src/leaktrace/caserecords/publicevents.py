"""Events of what is told to customers and to the public."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TranslationApproved:
    """A person approved exactly this text of a template."""

    request: str
    template: str
    language: str
    sha256: str


@dataclass(frozen=True, slots=True)
class NoticesPlanned:
    """A batch of notices: how many people, which version, from which frozen exposure list."""

    version: str
    exposure_sha256: str
    planned_count: int
    suppressed_count: int


@dataclass(frozen=True, slots=True)
class NoticesReconciled:
    """frozen = accepted + refused + unknown + suppressed + waiting."""

    version: str
    frozen_count: int
    accepted_count: int
    refused_count: int
    unknown_count: int
    suppressed_count: int
    waiting_count: int


@dataclass(frozen=True, slots=True)
class StatementDrafted:
    """A public statement was filled from the facts of the case; the text is exhibit `exhibit`."""

    exhibit: str
    sha256: str


@dataclass(frozen=True, slots=True)
class GateAnswered:
    """One condition of the publication gate, or a police hold, was set by a person."""

    gate: str
    answer: Literal["open", "held"]
    reason: str


@dataclass(frozen=True, slots=True)
class StatementPublished:
    """The statement was released for publication."""

    request: str
    sha256: str
