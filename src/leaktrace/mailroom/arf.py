"""Feedback reports of mailbox providers (ARF, RFC 5965): `multipart/report; report-type=feedback-report`.

The original is the attached message, or its header alone. Repeated Original-Rcpt-To fields are all kept as recipients.
Authentication-failure reports (RFC 6591) and `not-spam` are no complaints. What a provider redacted (RFC 6590) stays
countable: the same token is the same recipient, whoever that is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from leaktrace.mailroom.attached import attached_messages, read_attached
from leaktrace.mailroom.dates import HEADER_LANGUAGES, UNKNOWN, sent_at, sent_window
from leaktrace.mailroom.headers import field_text
from leaktrace.mailroom.mailboxes import clean_address
from leaktrace.mailroom.mime import Part, Source, TextBudget, read_fields, walk
from leaktrace.records import FeedbackFacts, Mailbox, Original, Recipient
from leaktrace.settings import Settings

COMPLAINTS = frozenset(("abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "phishing", "complaint"))
"""Feedback types that say somebody complained (RFC 5965, section 7.3, and those met in use)."""
RECIPIENT_CEILING_COUNT = 1000
_HEADER_TYPES = ("text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers")
_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient")


@dataclass(frozen=True, slots=True)
class Feedback:
    """The machine-readable part of a feedback report: field name -> values with their raw ranges, repeats kept."""

    fields: dict[str, list[tuple[str, tuple[int, int]]]]

    @property
    def kind(self) -> str:
        """The Feedback-Type in lower case; `abuse` where the field is missing."""
        return (self.first("feedback-type") or "abuse").strip().lower()

    def first(self, name: str) -> str | None:
        """The first field of that name."""
        return next(iter(self.every(name)), None)

    def every(self, name: str) -> tuple[str, ...]:
        """All fields of that name, in their order."""
        return tuple(text.strip() for text, _ in self.fields.get(name, ())[:VALUE_CEILING_COUNT])

    def facts(self) -> FeedbackFacts:
        """What the report says beside the message."""
        incidents = self.first("incidents") or ""
        return FeedbackFacts(
            type=self.kind,
            user_agent=self.first("user-agent"),
            version=self.first("version"),
            original_rcpt_to=self.every("original-rcpt-to"),
            reported_domains=self.every("reported-domain"),
            reported_uris=self.every("reported-uri"),
            authentication_results=self.every("authentication-results"),
            source_ip=self.first("source-ip"),
            arrival_at=sent_at(self.first("arrival-date") or self.first("received-date") or ""),
            incidents=int(incidents) if incidents.isdecimal() and len(incidents) < 10 else None,
        )


_TOKEN = re.compile(r"(?:[A-Za-z0-9+/_-]{27}=|[A-Za-z0-9+/_-]{43}=|[0-9a-fA-F]{32,128})\Z")
"""What RFC 6590 puts in the place of a local part: a keyed hash in base64, or in hexadecimal digits."""
_BLANKED = re.compile(r"\W*(?:redacted|removed|hidden|x{3,}|\*{3,})\W*\Z", re.IGNORECASE)
VALUE_CEILING_COUNT = 200
"""Of each repeated field so many values are kept."""


def why_no_complaint(feedback: Feedback) -> str | None:
    """Why a feedback report is none of ours; None for a complaint."""
    if feedback.kind in COMPLAINTS:
        return None
    if feedback.kind == "auth-failure":
        failure = feedback.first("auth-failure") or "not said"
        return f"an authentication failure (auth-failure, RFC 6591: {failure[:40]}); nobody complained"
    return f"a feedback report that is no complaint (Feedback-Type: {feedback.kind[:40]})"


def find_feedback(message: Part) -> Feedback | None:
    """The feedback part of a report; None for what is no feedback report."""
    for part in walk(message):
        if part.content_type == "message/feedback-report":
            return Feedback(_fields_of(part.decoded()))
    return None


def _fields_of(source: Source) -> dict[str, list[tuple[str, tuple[int, int]]]]:
    """All fields of a block of header-like lines; blank lines between them do not end it."""
    found: dict[str, list[tuple[str, tuple[int, int]]]] = {}
    position, rounds = 0, 0
    while position < len(source.content) and rounds < 100:
        fields, after = read_fields(source.content, position, len(source.content))
        for field in fields:
            value = source.content[field.value_start : field.value_end]
            found.setdefault(field.name, []).append(
                (field_text(value), source.locate(field.value_start, field.value_end))
            )
        if after <= position:
            break
        position, rounds = after, rounds + 1
    return found


def read_feedback(
    message: Part, feedback: Feedback, *, settings: Settings, budget: TextBudget, keys: Mapping[str, str] | None
) -> tuple[Original, ...]:
    """The originals of a feedback report, with its recipients; of a redacted one what its own fields say."""
    originals = [
        read_attached(inner, settings=settings, budget=budget, keys=keys, form="arf")
        for inner in attached_messages(message)
    ]
    if not originals:
        originals = [
            read_attached(
                _header_as_message(part), settings=settings, budget=budget, keys=keys, form="arf", headers_only=True
            )
            for part in walk(message)
            if part.content_type in _HEADER_TYPES
        ]
    return tuple(_with_recipients(original, feedback) for original in originals or [_redacted(feedback)])


def _redacted(feedback: Feedback) -> Original:
    """What the feedback part says where the message itself was left out: the envelope sender and a time."""
    spans: dict[str, tuple[int, int]] = {}
    sender, sent_between = Mailbox(None, None), UNKNOWN
    for text, span in feedback.fields.get("original-mail-from", [])[:1]:
        sender = Mailbox(clean_address(text), None)
        spans["sender"] = span
    for text, span in (feedback.fields.get("arrival-date", []) + feedback.fields.get("received-date", []))[:1]:
        sent_between = sent_window(text, HEADER_LANGUAGES)
        spans["sent_between"] = span
    flags = ("redacted",) if sender.address else ("no_sender_address", "redacted")
    return Original(
        "arf", "G1", "the reporting provider left the message out; its envelope sender only", sender, None, (), None,
        sent_between, None, None, (), spans, (), flags,
    )  # fmt: skip


def _header_as_message(part: Part) -> Part:
    source = part.decoded()
    fields, body_start = read_fields(source.content, 0, len(source.content))
    trimmed = tuple(field._replace(value_start=_skip_blanks(source.content, field.value_start)) for field in fields)
    return Part(source, 0, body_start, len(source.content), trimmed, "text/plain", {}, "", "", "")


def _skip_blanks(content: bytes, start: int) -> int:
    while content[start : start + 1] in (b" ", b"\t"):
        start += 1
    return start


def _with_recipients(original: Original, feedback: Feedback) -> Original:
    known = {(one.address or "").lower() for one in original.recipients if one.role == "rcpt"}
    added: list[Recipient] = []
    spans = dict(original.spans)
    named = [pair for name in _RECIPIENT_FIELDS for pair in feedback.fields.get(name, [])]
    for text, span in named[:RECIPIENT_CEILING_COUNT]:
        recipient = _recipient(text)
        key = (recipient.address or recipient.name or "").lower() if recipient else ""
        if recipient is not None and key not in known:
            known.add(key)
            added.append(recipient)
            before = spans.get("rcpt", span)
            spans["rcpt"] = (min(before[0], span[0]), max(before[1], span[1]))
    flags = original.flags
    if any(len(feedback.fields.get(name, ())) > 1 for name in ("feedback-type", "user-agent", "version")):
        flags = tuple(sorted({*flags, "repeated_feedback_fields"}))
    if any(one.address is None for one in added):
        flags = tuple(sorted({*flags, "redacted_recipient"}))
    recipients = (*original.recipients, *added)
    return replace(original, recipients=recipients, spans=spans, flags=flags, feedback=feedback.facts())


def _recipient(text: str) -> Recipient | None:
    """Whom the report names: an address, or the token that stands for one; None for what tells nobody apart."""
    shown = text.strip().strip("<>").strip()
    local = shown.rpartition("@")[0] or shown
    if not shown or _BLANKED.match(local):
        return None
    if _TOKEN.match(local):
        return Recipient(None, shown, "rcpt")
    address = clean_address(text)
    return None if address is None else Recipient(address, None, "rcpt")
