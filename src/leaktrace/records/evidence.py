"""What was seen outside: what a finding is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.records.basics import Grade

EvidenceKind = Literal["report", "listed", "decoy"]


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One thing seen outside: a customer's report, an entry of a list for sale, a decoy."""

    customer: str
    """The customer's id as ingested."""
    kind: EvidenceKind = "report"
    received_at: datetime | None = None
    """When the customer got the unwanted mail; `listed`: first offered; null on a decoy that stayed silent."""
    reported_at: datetime | None = None
    """When the customer complained; used where `received_at` is not known."""
    seller: str | None = None
    grade: Grade = "G2"
    reporter: str | None = None
    """Who told, as an opaque name; items with the same reporter count once."""
    source: str = ""
    """Where the item comes from: a message's SHA-256, or file and row."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one campaign."""

    items: tuple[EvidenceItem, ...]
    campaign: str
    seller: str | None = None
    seller_probability: float | None = None
