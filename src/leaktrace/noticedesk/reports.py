"""What is said to notices and what they answer: records of `noticing`, as commands print them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from leaktrace.caserecords import Certainty, ExposureList
from leaktrace.response.notices import BatchStatus
from leaktrace.response.notices.facts import Measure, Safeguard
from leaktrace.response.notices.states import NoticeState

FIRST_VERSION = "1"


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a person says when planning; each is true or not said."""

    version: str = FIRST_VERSION
    noticed_on: date | None = None
    occurred_from: date | None = None
    """Null: the first day on which anybody's data on the exposure list were shown."""
    occurred_to: date | None = None
    measures: tuple[Measure, ...] = ()
    safeguards: tuple[Safeguard, ...] = ()
    least_certainty: Certainty = "possible"
    again_because: str = ""
    """Why whoever another version told is written to again; empty: they are left out."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What `notify plan` made, and what it still needs."""

    case: str
    version: str
    frozen_count: int
    planned_count: int
    suppressed: dict[str, int]
    by_template: dict[str, int]
    parameters: dict[str, Any]
    """What the approval must be about."""
    parameters_sha256: str
    templates_to_approve: tuple[str, ...]
    told_by_version: dict[str, int]
    """Version -> people on the list whom it reached or may have: left out, or written to again."""
    again_because: str
    """Why they are written to again; empty: they are left out."""
    no_entry: tuple[str, ...]
    """What the notices would say and the case has no entry of (`that the police was told`); approvers are shown it."""
    told_less_count: int = 0
    """Of those left out as told: people whom another version told of fewer fields than the list has now."""


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """One template as `notify templates` lists it."""

    law: str
    language: str
    sha256: str
    shipped: bool
    approved: bool


@dataclass(frozen=True, slots=True)
class TranslationDone:
    """A template's exact text, and whether it is approved now."""

    law: str
    language: str
    sha256: str
    approved: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What one person gets, and whether they got it."""

    person: str
    version: str
    reference: str
    """As it stands in the notice."""
    state: NoticeState
    state_at: datetime
    """Since when."""
    law: str
    language: str
    template_sha256: str
    approved: bool
    suppressed: str | None
    told_by: str | None
    """Another version that reached this person, or may have."""
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one run of the sender did."""

    reason: str
    attempted_count: int
    recovered_unknown_count: int
    """Attempts that an earlier, killed sender left without an answer."""
    status: BatchStatus


@dataclass(frozen=True, slots=True)
class BounceReport:
    """What was read from the bounce mailbox."""

    message_count: int = 0
    hard_count: int = 0
    soft_count: int = 0
    delivered_count: int = 0
    already_known_count: int = 0
    forged_count: int = 0
    other_count: int = 0


@dataclass(frozen=True, slots=True)
class FrozenList:
    """The exposure list of a case as it may be read without an approval: customers by pseudonym."""

    veiled: ExposureList
    sha256: str
    """Of the sealed list itself, which has the customers' ids: what was frozen and what two people agree to."""
