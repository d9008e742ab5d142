"""What would be done against an account or a seller, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.caserecords.basics import ActionName, ContainmentState

StepName = Literal["suspend", "end_sessions", "block_seller", "restore", "unblock_seller"]


@dataclass(frozen=True, slots=True)
class StatementOfReasons:
    """Why a seller is blocked, as Art. 4 of Regulation 2019/1150 and Art. 17 of Regulation 2022/2065 ask."""

    seller: str
    decision: str
    territory: str
    duration: str
    facts: tuple[str, ...]
    origin: str
    """Whether a notice by somebody, or an own investigation, led to it."""
    automated_means: str
    contractual_ground: str
    legal_ground: str
    redress: tuple[str, ...]
    takes_effect_at: datetime
    schema: str = "leaktrace.statement-of-reasons/1"


@dataclass(frozen=True, slots=True)
class SellerTie:
    """How surely a campaign's mails are a seller's, and what two people say where that is not enough."""

    probability: str | None
    """As the finding's event has it; null: nobody computed it."""
    threshold: str
    """From here on nothing more is needed (setting `seller_block_threshold_probability`)."""
    justification: str | None
    """What else ties them, in words that the seller is told; null where the probability suffices."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One line of a plan."""

    system: str
    step: StepName
    account_mark: str
    """Keyed hash of the account's name: an approval is for this account, and nobody can try names against it."""


@dataclass(frozen=True, slots=True)
class ContainmentPlan:
    """What would be done, whom it needs, and what speaks against it."""

    case: str
    action: ActionName
    subject: str
    steps: tuple[PlannedStep, ...]
    confirm_within_seconds: int
    statement: StatementOfReasons | None
    undo_of: str | None
    """The request whose doing is undone."""
    tie: SellerTie | None
    """Of a seller to be blocked: how surely the mails are theirs."""
    against: tuple[str, ...]
    """What is on record against the suspicion of a subject inside, or that nothing is; it forbids nothing."""
    refusals: tuple[str, ...]
    """Why it must not be done; empty, and nothing in `not_yet`: it may be asked for."""
    not_yet: tuple[str, ...]
    """What the case lacks before it may be asked for, as checks that nobody answered."""
    warnings: tuple[str, ...]
    parameters_sha256: str
    """What two people sign; computed again before acting."""
    schema: str = "leaktrace.containment-plan/1"


@dataclass(frozen=True, slots=True)
class SystemOutcome:
    """How one system came out."""

    system: str
    state: ContainmentState
    detail: str


@dataclass(frozen=True, slots=True)
class ContainmentOutcome:
    """Contained, not confirmed, failed, or undone; and whether a person has to be called."""

    case: str
    request: str
    subject: str
    state: ContainmentState
    systems: tuple[SystemOutcome, ...]
    call: str | None
    """Whom to call now, and why; null: nobody."""
    schema: str = "leaktrace.containment-outcome/1"
