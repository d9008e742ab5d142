"""What a way of containing somebody has to do, and what passes between it and whoever carries out a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from leaktrace.caserecords import StatementOfReasons, StepName

TargetKind = Literal["principal", "seller"]


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
