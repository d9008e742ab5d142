"""What a message in the abuse mailbox is, and the unwanted mails recovered from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from leaktrace.records.basics import Grade, Window
from leaktrace.records.document import to_json
from leaktrace.records.genuineness import Arrival, Authentication

MessageKind = Literal["report", "complaint", "bounce", "autoreply", "other", "unreadable"]
OriginalForm = Literal["attachment", "inline-html", "inline-text", "arf", "xarf", "msg", "tnef"]


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
    """Messages that bring nothing new: here before, whatever way they came by, or a complaint sent again."""
    unmatched_count: int
    """Reports whose customer is not known (yet)."""
    by_kind: dict[str, int]
    """New messages by kind."""
    rejected_count: int = 0
    """Messages kept aside, stored but not parsed."""
    rejects_file: str | None = None
    notes: tuple[str, ...] = ()
    """Sentences for people: files and folders in which there was no message."""
    resent_count: int = 0
    """Of the duplicates, those that are another mail with the same complaint: same reporter, time and reported mail."""
