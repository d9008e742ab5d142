"""Whole messages that a complaint carries as attachments, as originals.

How genuine each is said to be is judged in `grades`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from leaktrace.mailroom.authentication import Signed, check_signatures
from leaktrace.mailroom.disclaiming import without_sender
from leaktrace.mailroom.grades import grade_of
from leaktrace.mailroom.headers import unfolded
from leaktrace.mailroom.inline import CLAIM_CEILING_DEPTH, claims_in
from leaktrace.mailroom.links import links_of
from leaktrace.mailroom.mailboxes import clean_address, read_mailbox, read_mailboxes
from leaktrace.mailroom.marks import BodyMarks, marks_of_message
from leaktrace.mailroom.mime import Field, Part, TextBudget, walk
from leaktrace.mailroom.received import claimed_window, trusted_receipt
from leaktrace.mailroom.texts import Text, body_texts
from leaktrace.records import Authentication, Mailbox, Original, OriginalForm, Recipient
from leaktrace.settings import Settings

CLAIM_CEILING_COUNT = 200
"""Of more messages inside one that was recovered the first are told; it is flagged (`claims_left_out`)."""
SENDER_CEILING_COUNT = 10
"""Of more From fields, or of more senders in them, the first are told."""
_IDENTITY = ("from", "sender", "subject", "message-id", "received", "return-path")
Spans = dict[str, tuple[int, int]]


def attached_messages(message: Part) -> list[Part]:
    """Messages attached to this one, digests opened, in the order of the bytes; those inside them stay closed.

    What has none of the fields that make a message somebody's is left out.
    """
    inner = [part.children[0] for part in walk(message) if part.is_message]
    return [one for one in inner if is_somebodys(one)]


def is_somebodys(message: Part) -> bool:
    """Whether a message has any of the fields that make it somebody's."""
    return any(message.first(name) is not None for name in _IDENTITY)


def read_attached(
    message: Part,
    *,
    settings: Settings,
    budget: TextBudget,
    keys: Mapping[str, str] | None,
    form: OriginalForm = "attachment",
    headers_only: bool = False,
    depth: int = 0,
) -> Original:
    """The original that an attached message is; `headers_only`: a report gave its header without its body."""
    spans: Spans = {}
    flags: set[str] = set()
    sender = read_sender(message, spans, flags)
    sent_by = _sent_by(message, sender, spans, flags)
    recipients = _recipients(message, spans, flags)
    receipt = trusted_receipt(message, settings.trusted_receivers)
    if receipt is not None:
        spans["received_at"] = message.span(receipt[1])
    signed = (
        Signed(Authentication())
        if headers_only
        else check_signatures(message.whole(), keys, receipt[0] if receipt else None)
    )
    flags.update(signed.flags)
    texts = [] if headers_only else body_texts(message, budget)
    grade, grade_reason = grade_of(
        sender.address, signed, flags, believed=settings.believed_sealers, headers_only=headers_only
    )
    subject = message.text("subject")
    sent_between, links = claimed_window(message), links_of([(text, 0) for text in texts])
    traits = BodyMarks() if depth else marks_of_message(message, texts, links)  # claims join no campaign
    inner = attached_messages(message) if depth < CLAIM_CEILING_DEPTH else []
    if len(inner) > CLAIM_CEILING_COUNT:
        flags.add("claims_left_out")
    _note(message, "subject", "subject", spans, shown=subject is not None)
    _note(message, "date", "sent_between", spans, shown=sent_between.start is not None)
    found = Original(
        form=form,
        grade=grade,
        grade_reason=grade_reason,
        sender=sender,
        on_behalf_of=None,
        recipients=recipients,
        subject=subject,
        sent_between=sent_between,
        received_at=receipt[0] if receipt else None,
        message_id=_message_id(message, spans),
        links=links,
        spans=spans,
        claims=tuple(_claims(message, inner[:CLAIM_CEILING_COUNT], texts, settings, budget, keys, depth)),
        flags=tuple(sorted(flags)),
        authentication=signed.authentication,
        reply_to=_reply_to(message, spans),
        sent_by=sent_by,
        text_sketch=traits.text_sketch,
        word_sketch=traits.word_sketch,
        look_sketch=traits.look_sketch,
        marks=traits.marks,
    )
    return _one_sender(message, found)


def _one_sender(message: Part, found: Original) -> Original:
    """The original, and where its From fields name several mailboxes without a sender: each is a claim."""
    written = written_senders(message)
    if len(written) < 2:
        return found
    named = tuple(replace(found, sender=one, claims=()) for one in written[:SENDER_CEILING_COUNT])
    flag = "several_from_fields" if "several_from_fields" in found.flags else "several_senders"
    return replace(without_sender(found, flag), claims=(*named, *found.claims))


def written_senders(message: Part) -> list[Mailbox]:
    """The mailboxes that all its From fields name, each once.

    Where they are several nobody is claimed: one program may show what another one did not check. Who sends such
    a mail names somebody else beside themselves and is believed for their own domain; DMARC leaves it to receivers to
    refuse it (RFC 7489, section 6.6.1).
    """
    found: dict[str, Mailbox] = {}
    for text in _unfolded_all(message, "from")[:SENDER_CEILING_COUNT]:
        for one in read_mailboxes(text, encoded=True):
            if one.mailbox.address is not None:
                found.setdefault(one.mailbox.address.lower(), one.mailbox)
    return list(found.values())


def _claims(
    message: Part,
    attached: list[Part],
    texts: list[Text],
    settings: Settings,
    budget: TextBudget,
    keys: Mapping[str, str] | None,
    depth: int,
) -> Iterator[Original]:
    """Originals inside the original: attached to it or written into its text."""
    if depth >= CLAIM_CEILING_DEPTH:
        return
    for inner in attached:
        yield read_attached(inner, settings=settings, budget=budget, keys=keys, depth=depth + 1)
    yield from claims_in(texts, message.text("subject"))


def _note(message: Part, field_name: str, name: str, spans: Spans, *, shown: bool = True) -> Field | None:
    field = message.first(field_name)
    if field is not None and shown:
        spans[name] = message.span(field)
    return field


def read_sender(message: Part, spans: Spans, flags: set[str]) -> Mailbox:
    """Who the message says it is from; flags what a forger does there."""
    fields = message.all_fields("from")
    if len(fields) > 1:
        flags.add("several_from_fields")
    found = read_mailboxes(message.unfolded("from") or "", encoded=True)
    if len(found) > 1:
        flags.add("several_senders")
    if any(one.name_contains_address for one in found):
        flags.add("name_contains_address")
    if not found:
        flags.add("no_sender_address")
        return Mailbox(None, None)
    spans["sender"] = message.span(fields[0])
    mailbox = next((one.mailbox for one in found if one.mailbox.address), found[0].mailbox)
    if mailbox.address is None:
        flags.add("no_sender_address")
    return mailbox


def _sent_by(message: Part, sender: Mailbox, spans: Spans, flags: set[str]) -> Mailbox | None:
    """Who handed the message in for its author, by the Sender field (RFC 5322, section 3.6.2)."""
    agent = read_mailbox(message.unfolded("sender") or "", encoded=True).mailbox
    if agent.address is None or agent.address.lower() == (sender.address or "").lower():
        return None
    flags.add("sender_field_differs")
    _note(message, "sender", "sent_by", spans)
    return agent


def _recipients(message: Part, spans: Spans, flags: set[str]) -> tuple[Recipient, ...]:
    recipients: list[Recipient] = []
    covered: list[tuple[int, int]] = []
    for name in ("to", "cc"):
        for field, text in zip(message.all_fields(name), _unfolded_all(message, name), strict=True):
            found = read_mailboxes(text, encoded=True)
            if any(one.name_contains_address for one in found):
                flags.add("recipient_name_contains_address")
            recipients += [
                Recipient(one.mailbox.address, one.mailbox.name, "to" if name == "to" else "cc") for one in found
            ]
            if found:
                covered.append(message.span(field))
    for name in ("delivered-to", "x-original-to", "envelope-to", "x-hmxmroriginalrecipient"):
        known = {(one.address or "").lower() for one in recipients}
        for field in message.all_fields(name)[:10]:
            address = clean_address(message.value_of(field).decode("utf-8", "replace"))
            if address is not None and address.lower() not in known:
                recipients.append(Recipient(address, None, "rcpt"))
                covered.append(message.span(field))
                known.add(address.lower())
    if covered:
        spans["recipients"] = (min(start for start, _ in covered), max(end for _, end in covered))
    return tuple(recipients)


def _unfolded_all(message: Part, name: str) -> list[str]:
    return [unfolded(message.value_of(field), message.parameters.get("charset")) for field in message.all_fields(name)]


def _message_id(message: Part, spans: Spans) -> str | None:
    text = (message.text("message-id") or "").strip()
    inside = text[text.find("<") + 1 : text.rfind(">")] if "<" in text and ">" in text else text
    if not inside.strip():
        return None
    _note(message, "message-id", "message_id", spans)
    return inside.strip()


def _reply_to(message: Part, spans: Spans) -> str | None:
    found = read_mailboxes(message.unfolded("reply-to") or "", encoded=True)
    address = next((one.mailbox.address for one in found if one.mailbox.address), None)
    if address is not None:
        _note(message, "reply-to", "reply_to", spans)
    return address
