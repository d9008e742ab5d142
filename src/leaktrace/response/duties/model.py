"""What a rule file says, once it is read: a law, whom it covers, and its duties."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from leaktrace.caserecords import StartEvent, Told
from leaktrace.response.duties.syntax import Condition

ClockUnit = Literal["hours", "days", "business_days", "months", "words"]
CLOCK_UNITS: tuple[ClockUnit, ...] = get_args(ClockUnit)

Forbidden = Literal["nature_of_breach", "number_affected"]
FORBIDDEN: tuple[Forbidden, ...] = get_args(Forbidden)
"""What a law may forbid a notice to say; templates are checked for these."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How long a duty gives. `words` where the law has no number: its own words, and no date is computed."""

    unit: ClockUnit
    number: int = 0
    calendar: str = ""
    """For business days: a country of the `holidays` library, or with subdivision (`BR`, `US-CA`)."""
    words: str = ""

    def __str__(self) -> str:
        match self.unit:
            case "words":
                return self.words
            case "hours":
                return f"{self.number} hours"
            case "months":
                return f"{self.number} month{'s' if self.number != 1 else ''}"
            case "days":
                return f"{self.number} calendar days"
            case "business_days":
                return f"{self.number} business days ({self.calendar})"


@dataclass(frozen=True, slots=True)
class Presumption:
    """What is taken for true until a person answers: the law puts the burden there, or an authority said so."""

    fact: str
    value: bool
    when: Condition
    because: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One duty of a law."""

    id: str
    article: str
    told: Told
    recipient: str
    asks: str
    trigger: Condition
    start: StartEvent
    clock: Clock
    basis: str
    """Why the trigger reads as it does, in a sentence a lawyer can check."""
    presume: tuple[Presumption, ...]
    required_content: tuple[str, ...]
    forbidden_content: tuple[Forbidden, ...]
    channels: tuple[str, ...]
    quotation: str


@dataclass(frozen=True, slots=True)
class Law:
    """One law, its reach and its duties."""

    id: str
    law: str
    place: str
    """The country, state or union, in words."""
    residences: tuple[str, ...]
    """Residents of these are covered; `US` covers `US-CA` too."""
    covers: Condition
    """Asked of each group of persons: whether their fields are of the kind that the law protects."""
    time_zone: str
    """IANA name; days end at midnight there."""
    valid_from: date
    valid_to: date | None
    source: str
    text_at_hand: bool
    checked_on: date | None
    no_duty_found: bool
    rules: tuple[Rule, ...]
