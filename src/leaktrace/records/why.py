"""What people's screens and the page show beside the finding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leaktrace.records.basics import Grade, PrincipalKind


@dataclass(frozen=True, slots=True)
class ReportTerm:
    """What one report adds for one candidate."""

    report: str
    """A label that names no customer: `report 7`."""
    grade: Grade
    mail_at: datetime | None
    opened_at: datetime | None
    """When the candidate was first shown the field, in time; null: not in time or never."""
    expected_probability: float
    """Chance that this candidate had been shown such a customer's field, were nobody inside to blame."""
    weight_bits: float
    """Positive: speaks for; negative: speaks against."""
    other_cause: str | None = None
    """Why the report counts little, or as not shown: a contact, known elsewhere, reporter counted already, opened in a
    burst."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why one candidate stands where it stands."""

    principal: str
    team: str | None
    kind: PrincipalKind | None
    probability: float
    base_rate: float
    """Share of comparable customers this principal had been shown anyway."""
    team_mean_opened_count: float | None
    """How many of the reported customers colleagues of the same team had been shown, on average."""
    sentence: str
    against: tuple[str, ...]
    terms: tuple[ReportTerm, ...]
    noise: float = 0.0
    """Share of reports with another cause that the terms are reckoned at: its mean, were this principal the source."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that is not a person and competes: a team, a tool, a common cause."""

    label: str
    probability: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a page shows beside the finding; made in the same computation."""

    headline: str
    """The outcome in one sentence."""
    seller: str | None
    seller_name: str | None
    field: str
    why: tuple[Why, ...]
    alternatives: tuple[Alternative, ...]
    notes: tuple[str, ...]
    """Plain sentences: settings that mattered, what to do next."""
    mail_at: tuple[datetime, ...]
    """Times of the mails in evidence, for the timeline."""
