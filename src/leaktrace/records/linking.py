"""Are two incidents one?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from leaktrace.records.basics import Outcome
from leaktrace.records.document import to_json

LinkOutcome = Literal["one", "two", "undetermined"]
LinkTermName = Literal["sources", "seller", "sender", "customers"]


@dataclass(frozen=True, slots=True)
class LinkSide:
    """One of two campaigns that are compared."""

    campaign: str
    outcome: Outcome
    """What its own finding says."""
    seller: str | None
    seller_probability: float | None
    report_count: int
    customer_count: int
    first_mail_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkTerm:
    """What one kind of evidence says of whether two campaigns are one incident."""

    name: LinkTermName
    bits: float
    """Log2 Bayes factor: positive speaks for one incident, negative for two, zero says nothing."""
    sentence: str
    shared: tuple[str, ...] = ()
    """What both have and may be told: principals whom both findings name, the seller, domains."""
    figures: dict[str, float] = field(default_factory=dict)
    """The numbers that the bits come from."""
    capped: bool = False
    """Whether the bits would be more if this kind of evidence were believed without end."""


@dataclass(frozen=True, slots=True)
class LinkProvenance:
    """Enough for an opposing expert to compute it again."""

    version: str
    settings_digest: str
    field: str
    ledger_snapshot: str
    evidence_digests: dict[str, str]
    """Campaign -> SHA-256 of its evidence."""
    other_campaign_count: int
    """Campaigns of the workspace that chance was learned from."""
    others_digest: str
    """SHA-256 of what was learned from."""
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """Whether two campaigns are one incident. It accuses nobody."""

    schema: str
    a: LinkSide
    b: LinkSide
    outcome: LinkOutcome
    probability: float
    """That they are one incident."""
    prior: float
    """The same before any evidence."""
    terms: tuple[LinkTerm, ...]
    sentence: str
    provenance: LinkProvenance

    def to_json(self) -> str:
        """The answer as one JSON document, `leaktrace.link/1`."""
        return to_json(self)
