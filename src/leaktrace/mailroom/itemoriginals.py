"""Messages that Outlook kept as properties, as originals: grade G2 at most, G1 where the mail's own header is missing.

What the properties say, the reporter's mailbox program wrote. Transport headers are a copy of the real header, so the
sender is read from them; where the properties name another one, that is flagged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from leaktrace.mailroom.attached import read_attached
from leaktrace.mailroom.compound import NotCompoundError
from leaktrace.mailroom.inline import CLAIM_CEILING_DEPTH, claims_in
from leaktrace.mailroom.items import Attachment, Item, item_texts
from leaktrace.mailroom.links import links_of
from leaktrace.mailroom.mapi import (
    DELIVERED_AT,
    MESSAGE_ID,
    RECIPIENT,
    REPRESENTED,
    SENDER,
    SUBJECT,
    SUBMITTED_AT,
    TRANSPORT_HEADERS,
    UNICODE,
    Properties,
)
from leaktrace.mailroom.marks import BodyMarks, marks_of_texts
from leaktrace.mailroom.mime import Part, Source, TextBudget, looks_like_message, read_source
from leaktrace.mailroom.outlookmsg import read_msg
from leaktrace.mailroom.texts import Text
from leaktrace.records import Grade, Mailbox, Original, OriginalForm, Recipient, Window
from leaktrace.settings import Settings

_KNOWN = "G2", "kept by Outlook with a copy of its header; the body is Outlook's own writing of it"
_UNKNOWN = "G1", "kept by Outlook without its header: what the reporter's mailbox says of it, no more"
_DIFFERS = "G1", "kept by Outlook with a header that names another sender than Outlook's own fields"


class ItemReader:
    """Reads items of one complaint; holds what they share."""

    def __init__(self, settings: Settings, budget: TextBudget, keys: Mapping[str, str] | None) -> None:
        self._settings = settings
        self._budget = budget
        self._keys = keys

    def original(self, item: Item, form: OriginalForm, depth: int = 0) -> Original:
        """The original that an item is."""
        texts = item_texts(item, self._budget)
        header = _header_of(item.properties, self._settings)
        found = self._by_header(header, item, form) if header is not None else _by_properties(item, form)
        claims = self._claims(item, texts, form, depth) if depth < CLAIM_CEILING_DEPTH else ()
        links = links_of([(text, 0) for text in texts])
        traits = BodyMarks() if depth else marks_of_texts(texts, links, found.marks)  # claims join no campaign
        return replace(
            found,
            links=links,
            claims=(*found.claims, *claims),
            text_sketch=traits.text_sketch,
            word_sketch=traits.word_sketch,
            look_sketch=traits.look_sketch,
            marks=traits.marks,
        )

    def attachment(self, attachment: Attachment, form: OriginalForm, depth: int = 0) -> Original | None:
        """The original that an attachment is; None for what is no message."""
        if attachment.item is not None:
            return self.original(attachment.item, form, depth)
        source = attachment.source
        if source is None:
            return None
        with contextlib.suppress(NotCompoundError):  # what is no .msg may be a message as it is
            inner = read_msg(source, self._settings.message_ceiling_bytes)
            return self.original(inner, "tnef" if form == "tnef" else "msg", depth)
        if attachment.name.lower().endswith(".eml") and looks_like_message(source.content):
            message = read_source(source, self._settings)
            kept: OriginalForm = "tnef" if form == "tnef" else "attachment"
            return read_attached(
                message, settings=self._settings, budget=self._budget, keys=self._keys, form=kept, depth=depth
            )
        return None

    def _by_header(self, header: Part, item: Item, form: OriginalForm) -> Original:
        read = read_attached(
            header, settings=self._settings, budget=self._budget, keys=self._keys, form=form, headers_only=True
        )
        shown = item.properties.mailbox(REPRESENTED) or item.properties.mailbox(SENDER) or Mailbox(None, None)
        addresses = {(one.address or "").lower() for one in (shown, read.sender)}
        differs = len(addresses) == 2 and "" not in addresses
        grade, reason = _DIFFERS if differs else _KNOWN
        flags = tuple(sorted({*read.flags, "header_differs_from_properties"})) if differs else read.flags
        recipients, spans = read.recipients, dict(read.spans)
        if not recipients:
            recipients = _recipients(item)
            _note(spans, "recipients", _recipients_span(item))
        return replace(read, grade=_grade(grade), grade_reason=reason, flags=flags, recipients=recipients, spans=spans)

    def _claims(self, item: Item, texts: list[Text], form: OriginalForm, depth: int) -> tuple[Original, ...]:
        inside = [self.attachment(one, form, depth + 1) for one in item.attachments]
        written = claims_in(texts, item.properties.text(SUBJECT))
        return (*(one for one in inside if one is not None), *written)


def _grade(grade: str) -> Grade:
    return "G2" if grade == "G2" else "G1"


def _header_of(properties: Properties, settings: Settings) -> Part | None:
    """The transport headers as a message without a body; None where there are none to speak of."""
    value = properties.get(TRANSPORT_HEADERS)
    text = (properties.text(TRANSPORT_HEADERS) or "").lstrip("\r\n ")
    if value is None or "from:" not in text.lower():
        return None
    # A first line that names the item's class is not part of the header.
    lines = text.splitlines(keepends=True)
    content = "".join(line for line in lines if not line.startswith("Microsoft Mail Internet Headers")).encode()
    skipped = len((properties.text(TRANSPORT_HEADERS) or "").encode()) - len(content)
    width = 2 if value.kind == UNICODE else 1

    def locate(start: int, end: int) -> tuple[int, int]:
        first = len(content[:start].decode("utf-8", "replace")) + max(skipped, 0)
        last = len(content[:end].decode("utf-8", "replace")) + max(skipped, 0)
        return value.source.locate(first * width, last * width)

    header = read_source(Source(content, locate), settings)
    return header if header.first("from") is not None else None


def _by_properties(item: Item, form: OriginalForm) -> Original:
    properties = item.properties
    spans: dict[str, tuple[int, int]] = {}
    flags: set[str] = {"no_transport_headers"}
    represented, agent = properties.mailbox(REPRESENTED), properties.mailbox(SENDER)
    sender = represented or agent or Mailbox(None, None)
    person = REPRESENTED if represented is not None else SENDER
    _note(spans, "sender", properties.person_span(person))
    if sender.address is None:
        flags.add("no_sender_address")
    sent_by = None
    if represented is not None and agent is not None and agent.address not in (None, sender.address):
        flags.add("sender_field_differs")
        _note(spans, "sent_by", properties.person_span(SENDER))
        sent_by = agent
    recipients = _recipients(item)
    _note(spans, "recipients", _recipients_span(item))
    subject = properties.text(SUBJECT)
    if subject is not None:
        _note(spans, "subject", properties.span(SUBJECT))
    message_id = (properties.text(MESSAGE_ID) or "").strip().removeprefix("<").removesuffix(">") or None
    if message_id is not None:
        _note(spans, "message_id", properties.span(MESSAGE_ID))
    grade, reason = _UNKNOWN
    return Original(
        form=form,
        grade=_grade(grade),
        grade_reason=reason,
        sender=sender,
        on_behalf_of=None,
        recipients=recipients,
        subject=subject,
        sent_between=_sent_between(properties, spans),
        received_at=None,
        message_id=message_id,
        links=(),
        spans=spans,
        flags=tuple(sorted(flags)),
        sent_by=sent_by,
    )


def _note(spans: dict[str, tuple[int, int]], name: str, span: tuple[int, int] | None) -> None:
    if span is not None:
        spans[name] = span


def _recipients(item: Item) -> tuple[Recipient, ...]:
    found = (row.recipient() for row in item.recipients)
    return tuple(one for one in found if one is not None)


def _recipients_span(item: Item) -> tuple[int, int] | None:
    spans = [span for row in item.recipients if (span := row.person_span(RECIPIENT)) is not None]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def _sent_between(properties: Properties, spans: dict[str, tuple[int, int]]) -> Window:
    """The time of submission, else of delivery to the mailbox, to the second."""
    for tag in (SUBMITTED_AT, DELIVERED_AT):
        at = properties.at(tag)
        if at is not None:
            _note(spans, "sent_between", properties.span(tag))
            start = at.replace(microsecond=0)
            return Window(start, start + timedelta(seconds=1))
    return Window(None, None)
