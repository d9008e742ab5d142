"""Frozen records that cross rooms. Each field says its meaning and unit.

Times are aware UTC and end in `_at`; windows are half-open `[start, end)`; probabilities are in [0, 1];
`_bits` are log2. A record's attributes are its JSON keys, same names (`to_document`).

Customers and principals inside the ledger go by keyed 64-bit numbers (`CustomerKey`, `PrincipalKey`); the names
people wrote are in encrypted dictionaries and appear only at the edges.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leaktrace.errors import UsageError

CustomerKey = int
PrincipalKey = int
Keys = NDArray[np.uint64]
"""Keyed 64-bit hashes of customers or principals."""
Instants = NDArray[np.int64]
"""Microseconds since 1970-01-01T00:00Z."""

Grade = Literal["G0", "G1", "G2", "G3", "G4"]
EvidenceKind = Literal["report", "listed", "decoy"]
Outcome = Literal["named", "nobody", "undecided"]
UndecidedCode = Literal[
    "too_few_reports",
    "weak_grade",
    "indistinguishable",
    "no_contacts",
    "no_match_for_controls",
    "log_incomplete",
    "common_cause",
    "not_converged",
]
MessageKind = Literal["report", "complaint", "bounce", "autoreply", "other", "unreadable"]
OriginalForm = Literal["attachment", "inline-html", "inline-text", "arf", "xarf", "msg", "tnef"]
PrincipalKind = Literal["employee", "contractor", "service"]
CalibrationKind = Literal[
    "one_source",
    "chosen_part",
    "two_sources",
    "random_customers",
    "one_region",
    "most_active",
    "one_team",
    "with_source",
    "no_insider",
]
"""What is planted by `calibrate`; the last two are several kinds taken together."""

EVERY_FIELD = "*"
"""What a log writes for all fields of a record; it stands beside those that are known."""
TABLES = ("accesses", "contacts", "principals", "sellers", "customers", "known_elsewhere", "evidence")
"""Tables that `ingest` takes (DESIGN 4.1)."""


_SAME_IN_JSON = frozenset((str, int, float, bool, type(None)))


@functools.cache
def _field_names(kind: type) -> tuple[str, ...] | None:
    return tuple(one.name for one in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def to_document(record: Any) -> Any:
    """What JSON says of a record: its attributes by the same names, times as ISO 8601 in UTC."""
    kind: Any = type(record)
    if kind in _SAME_IN_JSON:
        return record
    if isinstance(record, list | tuple | set | frozenset):
        return [value if type(value) in _SAME_IN_JSON else to_document(value) for value in record]
    if (names := _field_names(kind)) is not None:
        values = [(name, getattr(record, name)) for name in names]
        return {name: value if type(value) in _SAME_IN_JSON else to_document(value) for name, value in values}
    if isinstance(record, datetime):
        return record.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(record, date):
        return record.isoformat()
    if isinstance(record, dict):
        return {str(key): to_document(value) for key, value in record.items()}
    if isinstance(record, np.generic):
        return record.item()
    return record


def to_json(record: Any, *, indent: int | None = 2) -> str:
    """One JSON document of a record or a list of records; refuses NaN, keeps every script readable."""
    return json.dumps(to_document(record), ensure_ascii=False, allow_nan=False, indent=indent)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time, `[start, end)`; null where that side is unknown."""

    start: datetime | None
    end: datetime | None


# --- the ledger -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of the rows of one `ingest`."""

    table: str
    accepted_count: int
    rejected_count: int
    already_ingested_count: int
    """Rows of files whose very bytes had been ingested before; they changed nothing."""
    rejects_file: str | None
    """Where the rejected rows are kept (0600), with row number and reason; null when there are none."""
    notes: tuple[str, ...] = ()
    """Sentences for people: columns that were ignored, and the like."""
    seconds: float = 0.0
    """How long it took."""
    rows_per_second: float = 0.0
    """Rows taken or rejected in that time."""
    batch_count: int | None = None
    """Batches committed; null where nothing was followed."""
    committed_line_count: int | None = None
    """Lines of the followed file or stream that are committed, by earlier runs too; null where nothing was followed."""


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row as it would be taken in; e-mail addresses are replaced by tokens."""

    file: str
    row: int
    """1-based number of the row, line or record in the file."""
    values: dict[str, str | None]
    """Column of the table -> what would be kept of it."""
    bulk: bool = False
    """A read that cannot be tied to customers."""


@dataclass(frozen=True, slots=True)
class PreviewReject:
    """One row that would be kept aside, and why."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class IngestPreview:
    """What an `ingest` would make of the first part of its files. Nothing was written."""

    table: str
    file_count: int
    accepted_count: int
    """Rows of the part that was read that would be taken, bulk reads among them."""
    bulk_count: int
    rejected_count: int
    passed_over_count: int
    """Records of a log that are no accesses."""
    is_whole: bool
    """Everything was read; else the counts are those of a part."""
    rows: tuple[PreviewRow, ...]
    """The first ten."""
    rejected: tuple[PreviewReject, ...]
    """The first ten."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerStats:
    """How much the ledger holds."""

    access_count: int
    customer_count: int
    """Distinct customers seen in accesses."""
    principal_count: int
    """Distinct principals seen in accesses."""
    segment_count: int
    rejected_count: int
    lake_bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class LedgerProblem:
    """One thing that is not as it was committed."""

    file: str
    """Relative to the ledger's folder; for counts of one ingested file, that file's name."""
    problem: str


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What checking every file of a ledger found."""

    problems: tuple[LedgerProblem, ...]
    """Empty: the ledger is whole."""
    segment_count: int
    dictionary_count: int
    row_count: int
    """Rows that were read and compared with the catalogue."""
    checked_bytes: int
    notes: tuple[str, ...] = ()
    """Sentences for people: what was taken away at the start, what could not be looked at."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What merging small segments came to. The rows are the same as before."""

    merged_count: int
    """Segments that gave way to larger ones."""
    written_count: int
    """Segments that took their place."""
    row_count: int
    """Rows that moved."""
    segment_count: int
    """Segments there are now."""
    waiting_count: int
    """Replaced files that somebody still reads; they go the next time the ledger is opened."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What building the index anew came to."""

    access_count: int
    """Accesses that are in it now."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What goes, or went, because it is older than what is kept."""

    table: str
    kept_from: str
    """First month that is kept, as YYYY-MM."""
    done: bool
    """False: it was only counted."""
    row_counts: dict[str, int]
    """Table -> rows that go."""
    name_count: int
    """Names in the dictionaries that no row has any more; 0 where it was only counted."""
    waiting_count: int
    """Replaced files that somebody still reads; they go the next time the ledger is opened."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What forgetting customers came to."""

    customer_count: int
    """Customers asked for; none of them comes back with a later file."""
    row_counts: dict[str, int]
    """Table -> rows that went."""
    name_count: int
    """Names that went out of the dictionaries."""
    waiting_count: int
    """Replaced files that somebody still reads; they go the next time the ledger is opened."""
    held_in: tuple[str, ...] = ()
    """Cases that still know any of the customers: what is evidence there is not erased."""
    unknown_count: int = 0
    """Of the customers asked for, those of whom there was no row: an id may have been mistyped."""


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Rows that nobody may erase while a case needs them."""

    case: str
    customer: str | None
    """Keyed number in hexadecimal; null: every customer."""
    at: str
    """ISO 8601 in UTC."""
    who: str


@dataclass(frozen=True, slots=True)
class LedgerAct:
    """One act of upkeep as it stands in the ledger's append-only record."""

    at: str
    """ISO 8601 in UTC."""
    who: str
    what: str
    """forget, retain, hold or release."""
    subject: str
    """The case of a hold; the table and month of a retention; empty for forget."""
    customer: str | None
    """Keyed number in hexadecimal; null where the act is not about one customer."""
    row_counts: dict[str, int]
    why: str


@dataclass(frozen=True, slots=True)
class LedgerActs:
    """Legal holds in force, and what was done to the ledger's rows."""

    holds: tuple[LegalHold, ...]
    acts: tuple[LedgerAct, ...]


@dataclass(frozen=True, slots=True)
class Exposures:
    """Who had been shown which customer's field in time: three columns of equal length, sorted by customer, principal.

    A pair is there once, with the first time in the window. Sorted so that equal questions give equal bytes.
    """

    principal: Keys
    customer: Keys
    first_shown_at: Instants


@dataclass(frozen=True, slots=True)
class AccessRows:
    """Accesses of some principals, every one of them: columns of equal length, by customer, time, principal, manner."""

    principal: Keys
    customer: Keys
    at: Instants
    manner: NDArray[np.int64]
    """Index into `manners`."""
    manners: tuple[tuple[str, str], ...]
    """(tool, fields shown joined by semicolons), sorted by their bytes; no tool is the empty text."""


@dataclass(frozen=True, slots=True)
class AccessOrigin:
    """One access with where it stands in the logs that were ingested."""

    principal: PrincipalKey
    customer: CustomerKey
    at: datetime
    fields: tuple[str, ...]
    tool: str | None
    reason: str | None
    """Ticket or order, as the log has it."""
    source_sha256: str
    """Of the log file that the row came from, as it was ingested."""
    source_row: int
    """1-based row in it."""


@dataclass(frozen=True, slots=True)
class ChannelUses:
    """By which tool or type of ticket which customer's field had been shown: columns of equal length, by customer."""

    labels: tuple[str, ...]
    customer: Keys
    channel: NDArray[np.int64]
    """Index into `labels`."""
    first_shown_at: Instants


@dataclass(frozen=True, slots=True)
class PrincipalFacts:
    """What the principals table says of one principal; null where it says nothing."""

    key: PrincipalKey
    name: str
    team: str | None = None
    site: str | None = None
    kind: PrincipalKind | None = None
    reports_to: str | None = None
    active_from: datetime | None = None
    active_to: datetime | None = None
    in_table: bool = False
    """False for a principal that only the log knows."""


@dataclass(frozen=True, slots=True)
class PersonLookup:
    """What one principal had been shown in a window: counts only, no customer."""

    principal: str
    team: str | None
    site: str | None
    kind: PrincipalKind | None
    window: Window
    fields: dict[str, int]
    """Field -> distinct customers for whom it was shown."""


@dataclass(frozen=True, slots=True)
class CustomerTable:
    """Attributes of customers, as columns of equal length; a null attribute is the empty string."""

    key: Keys
    region: tuple[str, ...]
    jurisdiction: tuple[str, ...]
    segment: tuple[str, ...]
    locale: tuple[str, ...]
    in_table: NDArray[np.bool_]
    """False for a customer that the customers table does not have."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Whole-log counts the model needs: how many distinct customers each principal was shown, and out of how many."""

    principal: Keys
    opened_count: NDArray[np.int64]
    """Distinct customers whose field the principal had been shown in the window."""
    customer_count: int
    """Customers there are: in the customers table or seen in accesses or contacts."""
    contacts_count: int
    """Rows in the contacts table; zero means that nobody told us who dealt with whom."""


@dataclass(frozen=True, slots=True)
class SellerFacts:
    """One row of the sellers table."""

    seller: str
    name: str
    domains: tuple[str, ...] = ()
    status: str | None = None
    links: tuple[str, ...] = ()
    """His shops: host and path, also below a domain that he shares with others."""
    products: tuple[str, ...] = ()
    """Ids of what he sells."""
    brands: tuple[str, ...] = ()
    """Names he trades under beside `name`."""
    reply_addresses: tuple[str, ...] = ()
    """Keyed hashes of the mailboxes he is known to write from or be answered at."""


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """Something the log cannot show, and where."""

    kind: Literal[
        "days_without_rows",
        "tool_stopped",
        "bulk_read",
        "clock_step",
        "unknown_principal",
        "log_starts_late",
        "log_ends_early",
        "no_accesses",
        "unknown_fields",
    ]
    tool: str | None
    window: Window
    count: int
    """Days, rows or principals, by kind."""
    sentence: str
    """One plain sentence; names no customer."""
    principals: tuple[str, ...] = ()
    """For bulk reads and principals without a row: who."""
    fields: tuple[str, ...] = ()
    """Fields shown, where known (bulk reads)."""
    serious: bool = True
    """Whether it can hide a source: then nobody may be cleared by this log."""


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """What the log can and cannot show for a window, and the verdict that allows."""

    window: Window
    first_access_at: datetime | None
    last_access_at: datetime | None
    access_count: int
    tools: tuple[str, ...]
    gaps: tuple[CoverageGap, ...]
    allows_nobody: bool
    """Whether "nobody inside" may be said at all."""
    allows_fields_statement: bool
    """Whether "only these fields" may be said at all."""
    sentence: str


# --- mail -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with a display name; the domain in lower case."""

    address: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address the original was sent to, and where it was seen."""

    address: str | None
    name: str | None
    role: Literal["to", "cc", "rcpt"]


@dataclass(frozen=True, slots=True)
class DkimResult:
    """What one DKIM signature says (RFC 6376); `covers` are the signed header fields."""

    domain: str
    selector: str
    result: Literal["pass", "fail", "no_key", "body_hash_mismatch", "unsupported", "error", "expired"]
    covers: tuple[str, ...]


SpfVerdict = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]
DmarcVerdict = Literal["pass", "fail", "none", "temperror", "permerror"]
DmarcPolicy = Literal["none", "quarantine", "reject"]
KnownBy = Literal["listener", "own_results"]


@dataclass(frozen=True, slots=True)
class SpfResult:
    """What a domain says of the client that handed a mail over in its name (RFC 7208, section 2.6)."""

    result: SpfVerdict
    domain: str
    """Of the envelope's sender; of the greeting where that is the null sender."""
    reason: str


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """Whether a mail meets what the domain in its From field asks for (RFC 7489)."""

    result: DmarcVerdict
    domain: str
    """In the From field; empty where that names none or several."""
    policy: DmarcPolicy | None
    """What the domain asks to be done with mail that fails; null where it publishes nothing, or nobody looked."""
    aligned: tuple[str, ...]
    """What vouches for that domain: `spf` and the domains of good DKIM signatures."""
    reason: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a message itself came to our mailbox, where that is known, and what follows for the sender in its From field.

    It is about whoever sent the message to us, never about the messages it carries.
    """

    known_by: KnownBy
    """The envelope as our listener was told it, or what our own border server wrote above the message."""
    spf: SpfResult | None
    """Null where our border server says nothing of it."""
    dmarc: DmarcResult | None
    sender: Literal["confirmed", "disowned", "unknown"]
    """`confirmed`: the domain in From vouches for the mail; `disowned`: it asks that such mail be not believed."""
    reason: str


@dataclass(frozen=True, slots=True)
class Authentication:
    """What could be checked about a message's genuineness."""

    dkim: tuple[DkimResult, ...] = ()
    arc_cv: Literal["none", "pass", "fail"] | None = None
    """Null where ARC was not evaluated (no keys), or an earlier hop had found the chain broken and ended it."""
    body_hash_matches: bool | None = None
    """Null where nothing is signed."""


@dataclass(frozen=True, slots=True)
class FeedbackFacts:
    """The fields of a feedback report (RFC 5965, section 3), those that may repeat as they were repeated."""

    type: str
    """`abuse` where the report does not say."""
    user_agent: str | None = None
    version: str | None = None
    original_rcpt_to: tuple[str, ...] = ()
    """As written: addresses, or the tokens of a report that was redacted (RFC 6590)."""
    reported_domains: tuple[str, ...] = ()
    reported_uris: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    source_ip: str | None = None
    arrival_at: datetime | None = None
    incidents: int | None = None
    """How many complaints the provider counted; null where it does not say."""


@dataclass(frozen=True, slots=True)
class Original:
    """One unwanted message as it was recovered from a complaint: one report (DESIGN 4.5)."""

    form: OriginalForm
    grade: Grade
    grade_reason: str
    sender: Mailbox
    on_behalf_of: Mailbox | None
    recipients: tuple[Recipient, ...]
    subject: str | None
    sent_between: Window
    """The sender's own claim; an interval, because clients write no zone."""
    received_at: datetime | None
    """From a trusted Received field only."""
    message_id: str | None
    links: tuple[str, ...]
    spans: dict[str, tuple[int, int]]
    """Field name -> half-open byte range in the raw message that covers the encoded value."""
    claims: tuple[Original, ...] = ()
    """Originals nested inside this one: what this message says somebody else wrote."""
    flags: tuple[str, ...] = ()
    authentication: Authentication = field(default_factory=Authentication)
    reply_to: str | None = None
    text_sketch: tuple[int, ...] = ()
    """MinHash of masked word shingles of the body, for campaigns; holds no words. Claims join none: most have none."""
    sent_by: Mailbox | None = None
    """The Sender field's mailbox where it is not the one in From; null otherwise."""
    feedback: FeedbackFacts | None = None
    """What a provider's feedback report says beside the message; null for other forms."""
    word_sketch: tuple[int, ...] = ()
    """The same of its single words: survives another wording."""
    look_sketch: tuple[int, ...] = ()
    """The same of the order of its HTML elements: all that a mail made of pictures shows."""
    marks: tuple[str, ...] = ()
    """`kind:value` of what else tells one mailing from another: phone, chat, product, account, pixel, image."""


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """What one message in the abuse mailbox is (DESIGN 4.5)."""

    schema: str
    file: str | None
    sha256: str
    kind: MessageKind
    reason: str | None
    status: str | None
    """RFC 3464 status of a bounce that has one."""
    reporter: Mailbox
    originals: tuple[Original, ...]
    authentication: Authentication
    reported_at: datetime | None = None
    """When the complaint itself was sent, by its own headers (topmost Received, else Date)."""
    size_bytes: int = 0
    arrival: Arrival | None = None
    """How the message itself came; null where nobody who is believed says so."""

    def to_json(self) -> str:
        """The record as one JSON document."""
        return to_json(self)


@dataclass(frozen=True, slots=True)
class MailReport:
    """What became of the messages of one `receive`."""

    message_count: int
    """Messages read, duplicates included."""
    report_count: int
    """Originals recovered from new messages."""
    duplicate_count: int
    """Messages that were here before, whatever way they came by."""
    unmatched_count: int
    """Reports whose customer is not known (yet)."""
    by_kind: dict[str, int]
    """New messages by kind."""
    rejected_count: int = 0
    """Messages kept aside, stored but not parsed."""
    rejects_file: str | None = None


SellerClue = Literal[
    "signed", "replayed", "from", "from-inline", "shop-link", "reply-address", "product", "reply-to", "link",
    "signer-unchecked", "name", "subject", "look-alike",
]  # fmt: skip
"""Kinds of evidence that a seller sent a mail."""


@dataclass(frozen=True, slots=True)
class SellerTerm:
    """One reason to think that a seller sent a campaign."""

    kind: SellerClue
    shown: str
    """The domain, shop or product that was seen; empty for a name or a mailbox."""
    original_count: int
    """Originals that show it."""
    reporter_share: float
    """Of the reporters' say; one person with many mailboxes has the say of few."""
    bits: float
    """What it adds to the seller's log2 odds."""
    ceiling_bits: float
    """What its kind can add at most."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The reports that belong to one sender's mailing."""

    campaign: str
    seller: str | None
    """Null: no seller could be tied to it."""
    seller_probability: float | None
    report_count: int
    customer_count: int
    first_mail_at: datetime | None
    seller_reason: str = ""
    """Which of the seller's own things were seen, or that none was."""
    seller_terms: tuple[SellerTerm, ...] = ()
    """What speaks for `seller`, strongest first. It says who sent it, not whom addresses were given to."""
    impersonated_seller: str | None = None
    """The seller whom somebody pretends to be; null: nothing shows that."""
    impersonation_reason: str = ""
    reporter_count: int = 0
    """Persons who told: all mailboxes that are seen to be one person's count once."""


@dataclass(frozen=True, slots=True)
class CampaignLikeness:
    """Another campaign that a report is like, without belonging to it."""

    campaign: str
    agreed_count: int
    compared_count: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignMember:
    """One report of a campaign, and why it is there."""

    report: str
    """Its id: SHA-256 of the complaint, a slash, the number of the original in it."""
    reporter: str | None
    """A pseudonym: the same for all mailboxes that are seen to be one person's."""
    mail_at: datetime | None
    form: OriginalForm
    grade: Grade
    template: int
    """Reports of one number are one template."""
    agreed_count: int
    """Reports of that template it agreed with when it came, of `compared_count`; 0 of 0: it was the first."""
    compared_count: int
    kinds: tuple[str, ...]
    """What it shares with at least half of them: sender, name, reply, signer, account, contact, product, subject,
    links, text, look, images, pixel."""
    is_placed_by_hand: bool
    also_like: tuple[CampaignLikeness, ...]


@dataclass(frozen=True, slots=True)
class CampaignDecision:
    """What an investigator decided about campaigns; it stays written."""

    number: int
    at: datetime
    who: str
    what: Literal["split", "merge", "undo"]
    campaign: str
    other: str | None
    """The campaign that a split made, or that a merge put into `campaign`."""
    report_count: int
    """Reports that a split took out."""
    why: str
    undoes: int | None
    holds: bool
    """Whether nobody took it back."""


@dataclass(frozen=True, slots=True)
class CampaignDetail:
    """One campaign, explained."""

    campaign: Campaign
    former_names: tuple[str, ...]
    """Of campaigns that became part of it."""
    members: tuple[CampaignMember, ...]
    """Earliest mail first."""
    decisions: tuple[CampaignDecision, ...]


# --- evidence and findings --------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A principal the finding weighed. Only those in `named` are suspected by anybody."""

    principal: str
    probability: float
    opened_count: int
    expected_opened_count: float
    weight_bits: float


@dataclass(frozen=True, slots=True)
class PrincipalSet:
    """Principals whom the evidence cannot tell apart."""

    principals: tuple[str, ...]
    probability: float
    needs_about_more_reports: int | None = None
    """To part the likeliest two; null where no number does, where it is not known, or where there is but one."""
    separated_by: str = ""
    """What would part them, in a sentence; empty where there is but one."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why no answer is given, and about how many more reports would give one (null: no number helps)."""

    code: UndecidedCode
    sentence: str
    needs_about_more_reports: int | None


@dataclass(frozen=True, slots=True)
class EvidenceSummary:
    """What the finding stands on."""

    report_count: int
    customer_count: int
    listed_count: int
    decoy_hit_count: int
    silent_decoy_count: int
    window: Window


@dataclass(frozen=True, slots=True)
class MailedEstimate:
    """How many customers were mailed; null where unknown."""

    low: int | None
    mid: int | None
    high: int | None


ExposureStatus = Literal["confirmed", "likely", "possible"]


@dataclass(frozen=True, slots=True)
class CallBack:
    """Customers drawn at random among those that the source had been shown, who were asked whether the mail came."""

    asked_count: int
    mailed_count: int
    """Of those asked."""

    def __post_init__(self) -> None:
        if not 0 <= self.mailed_count <= self.asked_count:
            raise UsageError(
                f"Of {self.asked_count} customers called back {self.mailed_count} cannot have had the mail.",
                "Give how many had it, then how many were asked: 12/40.",
            )


@dataclass(frozen=True, slots=True)
class ExposedCustomer:
    """One customer whose data the principals of a finding had been shown."""

    customer: str
    """The id as ingested."""
    status: ExposureStatus
    """`confirmed`: the mail is in evidence; `likely`: more than half of such customers were mailed, by the estimate."""
    first_shown_at: datetime
    """When the field in question was first shown in the window."""
    fields: tuple[str, ...]
    """All that were shown in the window, sorted."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Whose data: what the principals of a set had been shown."""

    customers_opened: int
    customers_confirmed: int
    customers_likely: int
    """Of the others, where the estimate says that more than half were mailed."""
    customers_possible: int
    """All the others."""
    mailed_estimate: MailedEstimate
    fields: dict[str, int]
    """Field -> distinct customers for whom it was shown."""


@dataclass(frozen=True, slots=True)
class MatchedOn:
    """What the controls were matched on, and how well."""

    attributes: tuple[str, ...]
    control_count: int
    reported_elsewhere_count: int
    """Controls who reported other campaigns: the best kind."""
    unmatched_report_count: int
    """Reports unlike any control."""
    overdispersion: float
    """Spread (log scale) of principals' counts beyond what the matched controls predict."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Enough for an opposing expert to compute it again."""

    version: str
    settings_digest: str
    campaign: str
    field: str
    ledger_snapshot: str
    evidence_digest: str
    settings: dict[str, Any]


PriorSource = Literal["setting", "learned", "file"]


@dataclass(frozen=True, slots=True)
class Prior:
    """What was believed of a campaign before its own reports were read."""

    insider_probability: float
    """Chance that the campaign has a source inside; shared out over `uniform_over` principals."""
    setting: float
    """The setting `insider_prior_probability`; learning goes no higher."""
    learned_from_campaigns: int
    """Other mail campaigns of this workspace that were weighed before and tell something."""
    share_low: float | None
    """Share of those with an insider, 95 % interval; null where there are none."""
    share_high: float | None
    other_causes_mean: float | None
    """Share of their reports that came of another cause than somebody inside; shown, not used. Null: none."""
    other_causes_low: float | None
    other_causes_high: float | None
    source: PriorSource
    uniform_over: int
    """Principals who had been shown the field at all in the window."""
    file_digest: str | None
    """SHA-256 of the file of weights, null without one."""
    file_weight_count: int
    """Weights of the file that are of one of these principals."""
    file_unknown_count: int
    """Weights of somebody else: they count nothing."""
    file_clipped_count: int
    """Weights that were bounded."""
    sentence: str


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """How many wrong names this workspace may be expected to have given, this finding included."""

    spent: float
    """Expected wrong names: over all persons ever named here, the chance that it was somebody else."""
    allowed: float
    """The setting `error_budget_names`, or what the naming threshold leaves to each person named, if that is more."""
    named_count: int
    """Persons ever named here."""
    look_count: int
    """Looks at this campaign: traces with other evidence than the one before."""
    sentence: str


# --- are two incidents one? -----------------------------------------------------------------------------------

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


# --- why: what people's screens and the page show beside the finding ------------------------------------------


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
    """Why the report counts little: a contact, known elsewhere, reporter counted already."""


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
class Finding:
    """The answer to one campaign (DESIGN 4.4)."""

    schema: str
    outcome: Outcome
    named: tuple[str, ...]
    naming_threshold: float
    no_insider_probability: float
    candidates: tuple[Candidate, ...]
    sets: tuple[PrincipalSet, ...]
    undecided: Undecided | None
    evidence: EvidenceSummary
    log_coverage: LogCoverage
    exposure: Exposure | None
    matched_on: MatchedOn
    provenance: Provenance
    source_count_probability: tuple[float, ...] = ()
    """Chance of none, one, two and three sources inside."""
    why: tuple[Why, ...] = ()
    """What speaks for and against the named, else the members of the sets, report by report."""
    alternatives: tuple[Alternative, ...] = ()
    prior: Prior | None = None
    """Null only where a finding was made without a workspace."""
    error_budget: ErrorBudget | None = field(default=None, compare=False)
    """Of the workspace, not of the campaign: another name given in between makes no other finding."""

    def to_json(self) -> str:
        """The finding as one JSON document, `leaktrace.finding/1`."""
        return to_json(self)


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


# --- calibration: how the finder does on this very log ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """What was said of the planted campaigns of one kind and size. Each campaign is in one of the four counts."""

    kind: CalibrationKind
    has_source: bool
    report_count: int | None
    """Reports in each campaign; null: all sizes together."""
    eligible_count: int | None
    """Principals who opened enough customers to be drawn as a source; null where there is none, or for all sizes."""
    campaign_count: int
    """Campaigns planted; fewer than asked where the log has no room for more."""
    named_rightly_count: int
    """A source is named, and nobody else."""
    named_wrongly_count: int
    """Somebody is named who is no source."""
    named_wrongly_upper_probability: float
    """Upper 95 % bound of the chance to name wrongly (Clopper and Pearson, one-sided); 1 where nothing was planted."""
    nobody_count: int
    undecided_count: int
    undecided_codes: dict[str, int]
    """Why undecided: code of the finding -> campaigns."""
    set_count: int
    """Campaigns with a source whose answer holds a set."""
    covered_count: int
    """Of those, campaigns in which a set holds a source."""
    median_set_size: float | None
    """Principals in the first set; null where there is no set."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Candidates whose probability lies in `[low, high)` (the last bin holds 1, too), and how many were right."""

    low: float
    high: float
    candidate_count: int
    mean_probability: float
    source_share: float
    """Of these candidates, the share that are planted sources."""


@dataclass(frozen=True, slots=True)
class TeamTies:
    """A team in which no evidence, or too little, tells some colleagues apart. Nobody is accused by that."""

    team: str | None
    """Null: principals of whom no team is known."""
    looked_at_count: int
    """Principals of the team who were drawn as a source at least once."""
    tied_count: int
    """Of those, principals with a colleague of the team who was shown nearly all of the same customers."""
    campaign_count: int
    """Planted campaigns of one source of the team with at least 20 reports."""
    set_count: int
    """Of those, campaigns whose answer is a set that holds the source and a colleague of the team."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often the finder names rightly and wrongly on campaigns planted into this log."""

    schema: str
    field: str
    seed: int
    noise_probability: float
    """Chance that a report of a planted leak comes from another list."""
    mail_at: datetime
    """The moment of every planted campaign's first mail."""
    mail_spread_seconds: int
    """Within so long after it every planted mail comes."""
    window: Window
    principal_count: int
    """Principals who were shown the field of a customer in the window."""
    customer_count: int
    naming_threshold: float
    contacts_pretended: bool
    """There is no contacts table: `trace` would name nobody; here it is as if there were one."""
    log_allows_nobody: bool
    log_sentence: str
    """What the log can and cannot show for the window."""
    rows: tuple[CalibrationRow, ...]
    """One for each kind and size."""
    pooled: tuple[CalibrationRow, ...]
    """Kinds taken together: one for each size, and one for all sizes."""
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float | None
    """Expected calibration error over all candidates; null where there are none."""
    calibration_error_above_half: float | None
    """The same over candidates above one half."""
    calibration_error_by_kind: dict[str, float]
    """Kind -> the same over its candidates above one half; kinds without such candidates are left out."""
    teams: tuple[TeamTies, ...]
    """Teams with ties, most ties first."""
    assumes: tuple[str, ...]
    does_not_show: tuple[str, ...]
    version: str
    ledger_snapshot: str
    settings_digest: str

    def to_json(self) -> str:
        """The calibration as one JSON document, `leaktrace.calibration/1`."""
        return to_json(self)


@dataclass(frozen=True, slots=True)
class SimulationTruth:
    """What `simulate` wrote to truth.json (DESIGN 4.3)."""

    scenario: str
    seed: int
    sources: tuple[str, ...]
    tied: tuple[str, ...]
    handlers: tuple[str, ...]
    seller: str
    mail_at: datetime
    leaked_customers: tuple[str, ...]
    mailed_customers: tuple[str, ...]
    reporting_customers: tuple[str, ...]
