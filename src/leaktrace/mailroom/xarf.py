"""X-ARF reports: v4 and v3 as JSON (`xarf_version`, or `ReporterInfo` and `Report`), the older ones as lines of text.

Networks write them about many things; only those about mail are reports here, the rest is labelled with what it is
about. The mail itself comes as a sample (base64 in the JSON, an attached message before); without one the report's own
fields speak, at grade G1.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from leaktrace.mailroom.attached import attached_messages, read_attached
from leaktrace.mailroom.dates import HEADER_LANGUAGES, UNKNOWN, sent_at, sent_window
from leaktrace.mailroom.mailboxes import clean_address
from leaktrace.mailroom.mime import Part, Source, TextBudget, looks_like_message, read_source, walk
from leaktrace.mailroom.transfer import covered_by
from leaktrace.records import FeedbackFacts, Mailbox, Original, Recipient
from leaktrace.settings import Settings

SAMPLE_CEILING_COUNT = 20
_ABOUT_MAIL = frozenset(
    ("spam", "fraud", "phishing", "bulk_messaging", "scam", "harassment", "malware-distribution", "spoofing")
)
_SENDER = ("smtp_from", "SmtpMailFromAddress", "Smtp-Mail-From-Address", "From")
_RECIPIENT = ("smtp_to", "SmtpRcptToAddress", "Smtp-Rcpt-To-Address", "To", "Reported-To")
_SUBJECT = ("subject", "SmtpMessageSubject", "Subject")
_MESSAGE_ID = ("message_id", "Message-ID")
_DATE = ("timestamp", "Date")
_SOURCE = ("source_identifier", "SourceIp", "Source")
_AGENT = ("User-Agent", "user_agent")


@dataclass(frozen=True, slots=True)
class XarfReport:
    """One report: its fields in one list, samples, and where its text lies."""

    version: str
    kind: str
    fields: dict[str, str]
    samples: tuple[bytes, ...]
    text: Source
    attached: tuple[Part, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is none of ours, where it is not about mail."""
        return f"an X-ARF report about something else than mail (type {self.kind[:40]})"

    def is_about_mail(self) -> bool:
        """Whether it says somebody got unwanted mail."""
        kind = self.kind.lower().rpartition("/")[2]
        return kind in _ABOUT_MAIL and bool(self.samples or self.attached or self._first(_SENDER))

    def originals(self, settings: Settings, budget: TextBudget, keys: Mapping[str, str] | None) -> tuple[Original, ...]:
        """The mails it is about; empty when it is about something else."""
        if not self.is_about_mail():
            return ()
        parts = [*self.attached, *self._samples(settings)]
        read = [read_attached(part, settings=settings, budget=budget, keys=keys, form="xarf") for part in parts]
        return tuple(self._completed(one) for one in read or [self._from_fields()])

    def _samples(self, settings: Settings) -> Iterator[Part]:
        whole = covered_by(self.text.locate(0, len(self.text.content)))
        for content in self.samples[:SAMPLE_CEILING_COUNT]:
            if looks_like_message(content):
                yield read_source(Source(content, whole), settings)

    def _first(self, names: tuple[str, ...]) -> str | None:
        return next((self.fields[name] for name in names if self.fields.get(name)), None)

    def _span(self, value: str) -> tuple[int, int]:
        """Where a value stands in the report's text, else the whole text."""
        at = self.text.content.find(value.encode("utf-8", "replace"))
        length = len(value.encode("utf-8", "replace")) if at >= 0 else len(self.text.content)
        return self.text.locate(max(at, 0), max(at, 0) + length)

    def _completed(self, original: Original) -> Original:
        address = clean_address(self._first(_RECIPIENT) or "")
        known = {(one.address or "").lower() for one in original.recipients}
        recipients, spans = original.recipients, dict(original.spans)
        if address is not None and address.lower() not in known:
            recipients = (*recipients, Recipient(address, None, "rcpt"))
            spans["rcpt"] = self._span(self._first(_RECIPIENT) or "")
        return replace(original, recipients=recipients, spans=spans, feedback=self._facts())

    def _facts(self) -> FeedbackFacts:
        rcpt = self._first(_RECIPIENT)
        return FeedbackFacts(
            type=self.kind.lower(),
            user_agent=self._first(_AGENT),
            version=self.version,
            original_rcpt_to=(rcpt,) if rcpt else (),
            source_ip=self._first(_SOURCE),
            arrival_at=sent_at(self._first(_DATE) or ""),
        )

    def _from_fields(self) -> Original:
        sender, subject, date = self._first(_SENDER), self._first(_SUBJECT), self._first(_DATE)
        message_id = (self._first(_MESSAGE_ID) or "").strip("<> ") or None
        named = {"sender": sender, "subject": subject, "sent_between": date, "message_id": message_id}
        spans = {name: self._span(value) for name, value in named.items() if value}
        address = clean_address(sender or "")
        return Original(
            form="xarf",
            grade="G1",
            grade_reason="the reporting network left the message out; what its report says of it",
            sender=Mailbox(address, self.fields.get("sender_name") or None),
            on_behalf_of=None,
            recipients=(),
            subject=subject,
            sent_between=sent_window(date, HEADER_LANGUAGES) if date else UNKNOWN,
            received_at=None,
            message_id=message_id,
            links=(),
            spans=spans,
            flags=() if address else ("no_sender_address",),
        )


def find_xarf(message: Part, budget: TextBudget) -> XarfReport | None:
    """The X-ARF report a message is; None for what is none."""
    declared = any(message.first(name) is not None for name in ("x-xarf", "x-arf"))
    for part in walk(message):
        if part.is_message or part.content_type.startswith("multipart/"):
            continue
        if part.content_type == "application/json" or part.filename.lower().endswith(".json"):
            found = _from_json(part, budget)
        elif declared and part.content_type == "text/plain":
            found = _from_lines(part, message, budget)
        else:
            found = None
        if found is not None:
            return found
    return None


def _from_json(part: Part, budget: TextBudget) -> XarfReport | None:
    text = part.decoded()
    budget.spend(len(text.content))
    try:
        document = json.loads(text.content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    if "xarf_version" in document:
        kind = f"{document.get('category', '')}/{document.get('type', '')}"
        return XarfReport(
            str(document["xarf_version"])[:20], kind, _texts(document), tuple(_payloads(document, "evidence")), text
        )
    report = document.get("Report")
    if isinstance(document.get("ReporterInfo"), dict) and isinstance(report, dict):
        kind = f"{report.get('ReportClass', '')}/{report.get('ReportType', '')}"
        payloads = (*_payloads(report, "Samples"), *_payloads(report, "Attachment"))
        return XarfReport(str(document.get("Version", "3"))[:20], kind, _texts(report), payloads, text)
    return None


def _texts(document: dict[str, Any]) -> dict[str, str]:
    return {str(name): value for name, value in document.items() if isinstance(value, str)}


def _payloads(document: dict[str, Any], name: str) -> Iterator[bytes]:
    """Samples that are whole messages."""
    listed = document.get(name)
    for one in listed[:SAMPLE_CEILING_COUNT] if isinstance(listed, list) else ():
        if not isinstance(one, dict):
            continue
        kind = str(one.get("content_type") or one.get("ContentType") or "").lower()
        payload = one.get("payload") or one.get("Payload") or one.get("Data")
        if not kind.startswith("message/") or not isinstance(payload, str):
            continue
        if one.get("Base64Encoded") is False:
            yield payload.encode("utf-8", "replace")
            continue
        try:
            yield base64.b64decode(payload, validate=False)
        except (binascii.Error, ValueError):
            continue


def _from_lines(part: Part, message: Part, budget: TextBudget) -> XarfReport | None:
    """The second part of a report before v3: lines of `Key: value`, the subset of YAML that these reports use."""
    text = part.decoded()
    budget.spend(len(text.content))
    fields: dict[str, str] = {}
    for line in text.content.decode("utf-8", "replace").splitlines()[:500]:
        name, colon, value = line.partition(":")
        if colon and name and name == name.strip() and " " not in name:
            fields.setdefault(name, value.strip().strip("'\""))
    if "Reported-From" not in fields or "Report-Type" not in fields:
        return None
    kind = f"{fields.get('Category', '')}/{fields['Report-Type']}"
    return XarfReport(fields.get("Version", "0.1"), kind, fields, (), text, tuple(attached_messages(message)))
