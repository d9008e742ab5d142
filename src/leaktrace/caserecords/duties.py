"""What laws ask after a leak: the facts they are asked on, their clocks, their answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from leaktrace.caserecords.basics import DutyAnswer

StartEvent = Literal["occurred", "noticed", "aware", "determined", "persons_told", "reported"]
"""From which moment a legal clock runs; laws choose different ones."""
START_EVENTS: tuple[StartEvent, ...] = get_args(StartEvent)
Told = Literal["authority", "persons", "record", "assessment"]
"""Who a duty is owed to: an authority, the persons concerned, or the own files."""


@dataclass(frozen=True, slots=True)
class ExposedGroup:
    """Persons of one residence whose same fields were shown: what laws ask about, without a single name."""

    residence: str | None
    """ISO 3166, or with subdivision (`US-CA`); null: not known."""
    fields: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class DutyFacts:
    """What the duties are judged on: counts per residence and fields, and what people answered."""

    groups: tuple[ExposedGroup, ...]
    fields_complete: bool | None
    """Whether the log shows every field that was seen; null or false: a field that is missing may still be out."""
    answers: dict[str, bool] = field(default_factory=dict)
    """Fact -> yes or no, as a person answered it; a fact that is not here is not known."""
    moments: dict[StartEvent, datetime] = field(default_factory=dict)
    exposure_sha256: str | None = None
    """The frozen exposure list the counts come from."""
    markets: tuple[str, ...] = ()
    """Where the company has customers: whoever's residence is not known lives in one of these; empty: anywhere."""


@dataclass(frozen=True, slots=True)
class FactUsed:
    """One fact an answer stands on."""

    fact: str
    value: str
    """As text: `yes`, `not known`, `501`, `12 to 512`."""
    because: str = ""
    """Where it was presumed rather than known: why."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A legal clock: when it began, when it ends, by which calendar."""

    start: StartEvent
    started_at: datetime | None
    """Null: that moment is not known, so the clock cannot be read."""
    clock: str
    """`72 hours`, `30 calendar days`, `3 business days (BR)`, or the law's own words where it has no number."""
    time_zone: str | None
    due_at: datetime | None
    hours_left: int | None
    """Whole hours, rounded down; negative when it is over."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What one rule of one law asks, or does not; never legal advice."""

    rule: str
    law: str
    article: str
    told: Told
    recipient: str
    asks: str
    answer: DutyAnswer
    needs_a_human: bool
    reasons: tuple[str, ...]
    facts_used: tuple[FactUsed, ...]
    residences: dict[str, int]
    """Persons this law covers, by residence."""
    unknown_residence_count: int
    """Persons whose residence is not known and whom this law may cover."""
    deadline: Deadline | None
    """Null where nothing is owed."""
    required_content: tuple[str, ...]
    forbidden_content: tuple[str, ...]
    channels: tuple[str, ...]
    source: str
    quotation: str
    """Empty where the law's text was not at hand."""
    text_at_hand: bool
    checked_on: str
    """When a lawyer checked the rule (ISO date); empty: nobody did."""
    valid_from: str
    valid_to: str
    stale: tuple[str, ...]
    """Why the rule may be out of date."""


@dataclass(frozen=True, slots=True)
class WithoutRule:
    """Persons of a residence of which no law is known here: whether anything is owed to them, nobody has asked yet."""

    residence: str
    count: int
    """Persons."""
    parts: tuple[str, ...]
    """Parts of it of which a law is known (`US-CA` of `US`); a person who lives in another part has none."""
    markets_only: bool
    """Whether the residence of these persons is not known and they may live there, because the company sells there."""
    sentence: str


@dataclass(frozen=True, slots=True)
class DutyAssessment:
    """All duties of an incident, most urgent first, and for whom no law was asked."""

    assessed_at: datetime
    rules_digest: str
    duties: tuple[Duty, ...]
    strictest_for_unknown: tuple[str, ...]
    """Rules that only bind because a residence is not known, most urgent first."""
    notes: tuple[str, ...]
    exposure_sha256: str | None
    disclaimer: str
    without_rule: tuple[WithoutRule, ...] = ()
    """Most persons first. While there is any, the duties above are not all that may be owed."""
    schema: str = "leaktrace.duties/1"
