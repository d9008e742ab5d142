"""Frozen records of a case and of what follows from it; they cross the rooms `cases` and `response`.

People are named by the user name they sign in with; principals and customers go by case pseudonyms (`P-…`, `C-…`)
wherever a record may be read outside sealed evidence. Times are aware UTC.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

from leaktrace.errors import CaseError
from leaktrace.records import to_document

Role = Literal["investigator", "approver", "privacy_officer", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

ActionName = Literal[
    "contain_principal",
    "contain_seller",
    "undo_containment",
    "send_notices",
    "approve_translation",
    "publish_statement",
    "unmask",
    "hand_over",
    "forget",
    "retain",
    "split_campaign",
]
"""What nobody does alone: each needs an approval by a second person."""
ACTIONS: tuple[ActionName, ...] = get_args(ActionName)

CaseState = Literal["open", "closed"]
CaseSource = Literal["finding", "mail", "tip", "hand"]
ContainmentState = Literal["contained", "not_confirmed", "failed", "undone"]
Certainty = Literal["confirmed", "likely", "possible"]
DutyAnswer = Literal["yes", "no", "probably_yes", "probably_no", "needs_a_human"]


def canonical(document: Any) -> bytes:
    """The one spelling of a JSON document that is hashed and signed: sorted keys, no blanks, UTF-8.

    No floats inside: they have more than one spelling; write them as text.
    """
    return json.dumps(
        to_document(document), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode("utf-8")


def digest_of(document: Any) -> str:
    """SHA-256, in hex, of the canonical spelling."""
    return hashlib.sha256(canonical(document)).hexdigest()


# --- people -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works with cases."""

    name: str
    roles: frozenset[Role]
    key_id: str
    """SHA-256 of the raw Ed25519 public key, hex, first 16 characters: a hint, never a decision."""
    public_key: str
    """Raw Ed25519 public key, hex."""
    principal: str | None = None
    """The account of this person in the access log, when it has one: nobody works on their own case."""
    active: bool = True


# --- the custody log --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The state of a custody log: so many entries, with this root (RFC 6962, section 2.1)."""

    size: int
    root: str
    """Hex."""


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What an approval is about: the case as it stood. Events after it make a waiting approval void only where they
    touch its target (the executor decides).
    """

    case: str
    event_count: int
    last_commitment: str
    """Hex commitment of the case's last event."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One leaf of the custody log, as it is hashed: no personal data, only a salted commitment.

    Leaf bytes: the canonical JSON {"at":…,"case":…,"commitment":…,"index":…,"kind":…,"schema":"leaktrace.custody/1"}.
    Commitment: SHA-256(salt || canonical event document); the 32-byte salt is kept beside the event.
    """

    index: int
    case: str
    """The case's opaque id; `-` for what belongs to no case (people, keys)."""
    kind: str
    """Which event, by its class's name."""
    at: datetime
    commitment: str
    schema: str = "leaktrace.custody/1"

    def leaf(self) -> bytes:
        """The bytes whose RFC 6962 leaf hash is in the tree."""
        return canonical(self)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with its place in the custody log, and the salt that opens its commitment."""

    entry: LogEntry
    event: CaseEvent
    actor: str
    """Who did it: a person's user name."""
    salt: str
    """Hex, 32 bytes."""

    def document(self) -> dict[str, Any]:
        """What the commitment covers: {"actor", "at", "case", "event": {...}, "kind"}."""
        return event_document(self.event, self.actor, self.entry.case, self.entry.at)


def event_document(event: CaseEvent, actor: str, case: str, at: datetime) -> dict[str, Any]:
    """What the commitment of an event covers."""
    return {
        "actor": actor,
        "at": to_document(at),
        "case": case,
        "event": to_document(event),
        "kind": type(event).__name__,
    }


def commitment_of(document: dict[str, Any], salt: bytes) -> str:
    """SHA-256(salt || canonical document), hex."""
    return hashlib.sha256(salt + canonical(document)).hexdigest()


# --- events: the closed set -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case begins."""

    title: str
    source: CaseSource
    summary: str = ""
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class NoteAdded:
    """Somebody wrote something down; it is never changed, only added to."""

    text: str


@dataclass(frozen=True, slots=True)
class PersonAdmitted:
    """Somebody may work on this case in these roles."""

    person: str
    roles: tuple[Role, ...]


CONCERNED = "the case is about them, somebody above them or somebody below them"
"""Reason of a lock-out by the software. Which of the three it is would tell who the subject is; so would the name
beside it: screens for those who work on the case leave it out."""


@dataclass(frozen=True, slots=True)
class PersonLockedOut:
    """Explicit deny: beats any grant, now and later."""

    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExhibitStored:
    """Bytes were taken into evidence."""

    exhibit: str
    """`E-0001`, …"""
    kind: Literal["mail", "finding", "accesses", "exposure", "statement", "notice", "tip", "document", "other"]
    title: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class FindingAttached:
    """A finding became part of the case; its JSON is exhibit `exhibit`."""

    exhibit: str
    campaign: str
    outcome: str
    named: tuple[str, ...]
    """Case pseudonyms."""
    seller: str | None
    seller_probability: str | None
    """As text: floats have more than one spelling."""


@dataclass(frozen=True, slots=True)
class SubjectSet:
    """Who the case is about: pseudonyms of principals, and sellers."""

    principals: tuple[str, ...]
    sellers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """One line of the list 'the account is not the person'."""

    subject: str
    check: str
    answer: Literal["yes", "no", "unknown"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExposureFrozen:
    """The exposure list was fixed; it is exhibit `exhibit`."""

    exhibit: str
    sha256: str
    customer_count: int
    fields: dict[str, int]
    """Field -> customers."""
    only_email: Literal["yes", "no", "cannot_be_said"]


@dataclass(frozen=True, slots=True)
class DutiesAssessed:
    """Which laws were asked, on which facts; the answers are exhibit `exhibit`."""

    exhibit: str
    rules_digest: str
    answers: dict[str, DutyAnswer]
    """Rule id -> answer."""


@dataclass(frozen=True, slots=True)
class ActionRequested:
    """Somebody asks for what nobody does alone."""

    request: str
    """`A-0001`, …"""
    action: ActionName
    target: str
    parameters_sha256: str
    expires_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ActionApproved:
    """A second person agreed; `envelope_sha256` is the DSSE envelope with both signatures."""

    request: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True)
class ApprovalJustified:
    """Why whoever approves does so, in their own words; stands right before their `ActionApproved`."""

    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActionRefused:
    """A second person said no."""

    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActionUsed:
    """The executor verified the approval and began; it cannot be used a second time."""

    request: str
    envelope_sha256: str


@dataclass(frozen=True, slots=True)
class ContainmentStepDone:
    """One call to an outside system, with what it answered; secrets are never in it."""

    request: str
    target: str
    step: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ContainmentConfirmed:
    """What reading back showed."""

    request: str
    target: str
    state: ContainmentState
    detail: str


@dataclass(frozen=True, slots=True)
class IdentityUnmasked:
    """One pseudonym was opened for one person until then."""

    request: str
    pseudonym: str
    reader: str
    reason: str
    until_at: datetime


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


@dataclass(frozen=True, slots=True)
class LegalHoldSet:
    """Customers of the case may not be forgotten, or may be again."""

    held: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BundleWritten:
    """Evidence was handed over."""

    request: str
    manifest_sha256: str
    exhibit_count: int
    recipient: str


@dataclass(frozen=True, slots=True)
class CaseClosed:
    """The case ends; only reopening is left."""

    conclusion: Literal["source_found", "no_insider", "undecided", "error"]
    reason: str


@dataclass(frozen=True, slots=True)
class CaseReopened:
    """It goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class PersonEnrolled:
    """Somebody got a user name and a key (case `-`)."""

    person: str
    roles: tuple[Role, ...]
    key_id: str
    public_key: str
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Roles, activity or key of somebody changed (case `-`)."""

    person: str
    roles: tuple[Role, ...]
    active: bool
    key_id: str
    public_key: str
    reason: str


CaseEvent = (
    CaseOpened
    | NoteAdded
    | PersonAdmitted
    | PersonLockedOut
    | ExhibitStored
    | FindingAttached
    | SubjectSet
    | CheckAnswered
    | ExposureFrozen
    | DutiesAssessed
    | ActionRequested
    | ApprovalJustified
    | ActionApproved
    | ActionRefused
    | ActionUsed
    | ContainmentStepDone
    | ContainmentConfirmed
    | IdentityUnmasked
    | TranslationApproved
    | NoticesPlanned
    | NoticesReconciled
    | StatementDrafted
    | GateAnswered
    | StatementPublished
    | LegalHoldSet
    | BundleWritten
    | CaseClosed
    | CaseReopened
    | PersonEnrolled
    | PersonChanged
)
EVENT_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(CaseEvent)}


# --- approvals --------------------------------------------------------------------------------------------

APPROVAL_PAYLOAD_TYPE = "application/vnd.leaktrace.approval.v1+json"


@dataclass(frozen=True, slots=True)
class ApprovalPayload:
    """What two people sign (DSSE payload, canonical JSON of this record)."""

    case: str
    request: str
    action: ActionName
    target: str
    parameters_sha256: str
    """`digest_of` the exact parameters of the action: an executor computes it again from what it is about to do."""
    case_head: CaseHead
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    reason: str
    schema: str = "leaktrace.approval/1"


@dataclass(frozen=True, slots=True)
class Approved:
    """A verified approval: only `cases` makes one, after checking both signatures, people, target, expiry and use."""

    payload: ApprovalPayload
    approved_by: str
    envelope_sha256: str


class Approvals(Protocol):
    """What an executor in `response` asks before it acts."""

    def use(self, case: str, request: str, action: ActionName, target: str, parameters: Any) -> Approved:
        """Verifies the approval of `request` again and marks it used (event `ActionUsed`), or raises ApprovalError.

        `parameters`: exactly what is about to be done; its digest must be the one that was signed.
        """


class CaseDiary(Protocol):
    """Where an executor writes down what it does, before and after doing it."""

    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        """Appends one event, with its log entry in the same transaction; raises CaseError for an illegal move."""

    def record_all(self, case: str, events: tuple[CaseEvent, ...]) -> tuple[RecordedEvent, ...]:
        """Several at once, all or none."""

    def store_exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        """Takes bytes into evidence (encrypted at rest) and records them."""


# --- duties -----------------------------------------------------------------------------------------------

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
class DutyAssessment:
    """All duties of an incident, most urgent first."""

    assessed_at: datetime
    rules_digest: str
    duties: tuple[Duty, ...]
    strictest_for_unknown: tuple[str, ...]
    """Rules that only bind because a residence is not known, most urgent first."""
    notes: tuple[str, ...]
    exposure_sha256: str | None
    disclaimer: str
    schema: str = "leaktrace.duties/1"


# --- containment -----------------------------------------------------------------------------------------

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


# --- statements -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateCondition:
    """One condition of publication, and whether it is met."""

    gate: str
    text: str
    met: bool
    because: str


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether a statement may be published: only when every condition is met."""

    met: bool
    conditions: tuple[GateCondition, ...]
    policy_sha256: str


@dataclass(frozen=True, slots=True)
class StatementSentence:
    """One sentence of a statement, with the claims of the case it stands on."""

    sentence: str
    text: str
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """A statement as it was filled from the facts of a case."""

    case: str
    audience: str
    """`public`, or a residence whose law forbids some content (`US-MA`)."""
    titles: dict[str, str]
    sentences: dict[str, tuple[StatementSentence, ...]]
    """Language -> sentences in order."""
    left_out: tuple[str, ...]
    """Sentences that the facts do not bear, or that the audience's law forbids, with the reason."""
    exposure_sha256: str
    company: str
    contact: str
    schema: str = "leaktrace.statement/1"


@dataclass(frozen=True, slots=True)
class StatementState:
    """A drafted statement, where it is kept, and how the gate stands."""

    draft: StatementDraft
    exhibit: str
    sha256: str
    gate: GateVerdict
    parameters_sha256: str
    """What two people sign to publish it."""
    published: bool = False


# --- exposure ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """One customer of a frozen exposure list."""

    customer: str
    """The id as ingested: the list is sealed evidence."""
    certainty: Certainty
    fields: tuple[str, ...]
    """Fields that were shown, sorted."""
    first_shown_at: datetime
    jurisdiction: str | None
    """ISO 3166, or with subdivision (`US-CA`); null: not known."""
    locale: str | None
    access_count: int
    """Accesses behind it."""
    widened_by: tuple[str, ...] = ()
    """Fields the mail shows although the log does not: `name`, `order`, `phone`, …"""


EXPOSURE_SCHEMA = "leaktrace.exposure/1"


@dataclass(frozen=True, slots=True)
class ExposureList:
    """Whose data, which fields: fixed and hashed before anybody is told."""

    campaign: str
    finding_sha256: str
    frozen_at: datetime
    rows: tuple[ExposureRow, ...]
    """By customer id."""
    only_email: Literal["yes", "no", "cannot_be_said"]
    only_email_reason: str
    window_start_at: datetime | None
    window_end_at: datetime
    notes: tuple[str, ...] = ()
    fields_in_mail: dict[str, int] = field(default_factory=dict)
    """Field seen in the unwanted mails themselves -> mails that show it."""
    schema: str = EXPOSURE_SCHEMA

    def sha256(self) -> str:
        """Of the canonical document."""
        return digest_of(self)


def exposure_of(document: Mapping[str, Any]) -> ExposureList:
    """A list from its kept document, canonical JSON read back: the same list, with the same digest.

    CaseError where it is none.
    """
    if document.get("schema") != EXPOSURE_SCHEMA:
        raise CaseError("This is no exposure list.", "Freeze it anew: leaktrace case exposure CASE --freeze.")
    start = document["window_start_at"]
    return ExposureList(
        **{
            **document,
            "frozen_at": datetime.fromisoformat(document["frozen_at"]),
            "rows": tuple(_exposed(row) for row in document["rows"]),
            "window_start_at": None if start is None else datetime.fromisoformat(start),
            "window_end_at": datetime.fromisoformat(document["window_end_at"]),
            "notes": tuple(document["notes"]),
        }
    )


def _exposed(row: Mapping[str, Any]) -> ExposureRow:
    listed = {name: tuple(row[name]) for name in ("fields", "widened_by")}
    return ExposureRow(**{**row, **listed, "first_shown_at": datetime.fromisoformat(row["first_shown_at"])})
