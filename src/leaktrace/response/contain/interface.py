"""What a way of containing somebody has to do, and what passes between it and whoever carries out a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from leaktrace.caserecords import ActionName, ContainmentState

TargetKind = Literal["principal", "seller"]
StepName = Literal["suspend", "end_sessions", "block_seller", "restore", "unblock_seller"]
UNDO_STEPS: frozenset[StepName] = frozenset({"restore", "unblock_seller"})


@dataclass(frozen=True, slots=True)
class Target:
    """One account in one system."""

    system: str
    """Its name in contain.toml."""
    kind: TargetKind
    subject: str
    """What events call it: a principal's pseudonym, or a seller."""
    account: str
    """What the system calls it; never written into an event."""

    def __repr__(self) -> str:
        return f"Target(system={self.system!r}, kind={self.kind!r}, subject={self.subject!r})"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account as it was before anybody touched it: what an undo goes back to."""

    system: str
    found: bool
    reference: str
    """What the system calls the account in its own addresses; empty where it was not found."""
    active: bool | None
    """Whether it could sign in or sell; null: the system does not say."""
    state: str
    """In the system's own word."""
    last_administrator: bool | None
    """Whether nobody else could administer the system afterwards; null: not known, which counts as yes."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What a call came to. That a system accepted it does not mean that it did it."""

    ok: bool
    detail: str
    """In words, without account, address or secret."""
    again: bool = False
    """Whether it may do to try once more: busy, unreachable."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading back showed."""

    active: bool | None
    """Whether the account is still able to act; null: it cannot be told."""
    detail: str
    verified: bool = True
    """False: the system has no way to read this back, and its word was taken."""


@dataclass(frozen=True, slots=True)
class Order:
    """Under which approval a call is made, and what goes with it."""

    case: str
    request: str
    reason: str
    statement: StatementOfReasons | None = None


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


class Connector(Protocol):
    """One way to one system. Converts every foreign error; answers `ResponseError` only where nothing can be done."""

    @property
    def system(self) -> str:
        """Its name in contain.toml."""

    def steps(self, kind: TargetKind, *, undo: bool) -> tuple[StepName, ...]:
        """What it would do, in order."""

    def before(self, target: Target) -> Snapshot:
        """The account as it is."""

    def act(self, step: StepName, target: Target, snapshot: Snapshot, order: Order) -> Acted:
        """Does one step; doing it twice is the same as doing it once."""

    def read_back(self, step: StepName, target: Target, snapshot: Snapshot) -> Reading | None:
        """How the account stands after that step; null where the system cannot show it."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One line of a plan."""

    system: str
    step: StepName
    account_sha256: str
    """Of the account's name: an approval is for this account, and the plan shows no name."""


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
    refusals: tuple[str, ...]
    """Why it must not be done; empty: it may be asked for."""
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


@dataclass(frozen=True, slots=True)
class SellerFacts:
    """What a case knows about a seller's mails: counts and days, no customer, no insider."""

    seller: str
    report_count: int
    customer_count: int
    decoy_hit_count: int
    first_mail_at: datetime | None
    last_mail_at: datetime | None
    seller_probability: str | None
    """As text; null: the seller was tied to the mails by hand."""
