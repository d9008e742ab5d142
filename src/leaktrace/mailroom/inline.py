"""Forwards written into the text by a mail client, as originals of grade G1: the reporter's client says so, no more.

The outermost block is the forward; blocks further down are what its author claims somebody else wrote (`claims`).
Whether a block without a forward's own words is a forward or a reply, the subject's prefix decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from leaktrace.addresses import fold
from leaktrace.mailroom.blocklines import FORWARD_CUES, Block, Value, cue_before
from leaktrace.mailroom.blocks import find_block
from leaktrace.mailroom.dates import UNKNOWN, sent_window
from leaktrace.mailroom.disclaiming import without_sender
from leaktrace.mailroom.domains import listed
from leaktrace.mailroom.labels import Role, labels, subject_says, without_prefixes
from leaktrace.mailroom.links import links_of
from leaktrace.mailroom.mailboxes import (
    Found,
    clean_address,
    find_address,
    read_mailbox,
    read_mailboxes,
    without_addresses,
)
from leaktrace.mailroom.marks import BodyMarks, marks_of_text
from leaktrace.mailroom.mime import Part
from leaktrace.mailroom.texts import Text, is_quoted
from leaktrace.records import Mailbox, Original, OriginalForm, Recipient

CLAIM_CEILING_DEPTH = 8
"""Forwards of forwards are followed this deep."""

_ONE_MAILTO_AT_END = re.compile(r"[^\[]{0,1000}\[\s{0,3}mailto:[^\]]{1,400}\]\s{0,9}", re.IGNORECASE)
_QUOTED_LINES = re.compile(r"[\r\n]{0,8}(?:>[^\n]*+(?:\n|\Z)[\r\n]*+)++")
_CUE_NAMES = {
    "gmail_attr": "Gmail",
    "gmail_quote": "Gmail",
    "divrplyfwdmsg": "Outlook",
    "moz-forward-container": "Thunderbird",
    "moz-email-headers-table": "Thunderbird",
    "yahoo_quoted": "Yahoo",
    "cite": "Apple Mail",
}


UNCLEAR_FLAG = "unclear_which_forward"
_QUOTING_CUES = ("cite", "gmail_quote", "gmail_attr", "yahoo_quoted", "moz-cite-prefix")


@dataclass(frozen=True, slots=True)
class Forward:
    """The outermost forward of a message: the block and the text it stands in."""

    text: Text
    block: Block
    unclear: bool = False
    """The block is somebody's words about somebody, or the client's: nothing under it is quoted, and a client's own
    mark of a forward follows."""


def find_forward(texts: list[Text], subject: str | None) -> Forward | None:
    """The forward these texts (in the order of reading) hold, `subject` being the outer message's; None without one."""
    for text in texts:
        block = find_block(text, 0, subject)
        if block is None:
            continue
        if (below := _forward_below_quote(text, block, subject)) is not None:
            return Forward(text, below, unclear=True)
        if _may_be_prose(text, block) and subject_says(subject, block.languages) != "reply":
            below = find_block(text, block.end, subject)
            if below is not None and below.marker in ("forwarded", "original"):
                return Forward(text, block, unclear=True)
        return Forward(text, block) if _is_forward(text, block, subject) else None
    return None


def _forward_below_quote(text: Text, block: Block, subject: str | None) -> Block | None:
    """The forward that a reporter put below what they answer (`On 3 June Ann wrote:` and lines with `>`); null without
    one. It is theirs, for nothing before its mark is quoted; but what is quoted above it may be what they forward.
    """
    if text.kind != "plain" or block.shape != "attribution" or block.marker is not None:
        return None
    quoted = _QUOTED_LINES.match(text.text, block.end)
    below = find_block(text, quoted.end(), subject) if quoted is not None else None
    own = below is not None and below.marker == "forwarded" and not text.text.startswith((">", " >"), below.start)
    return below if own else None


def _may_be_prose(text: Text, block: Block) -> bool:
    """Whether `On 3 June Ann <ann@x.example> wrote:` may be the reporter's own words: nothing under it is quoted."""
    if block.shape != "attribution" or block.marker is not None:
        return False
    below = text.text[block.end :].lstrip()
    if below.startswith(">"):
        return False
    cues = {cue_before(text, at) for at in (block.start, len(text.text) - len(below))}
    return cues.isdisjoint(_QUOTING_CUES)


def _is_forward(text: Text, block: Block, subject: str | None) -> bool:
    says = subject_says(subject, block.languages)
    if block.marker == "forwarded":
        return not (says == "reply" and is_quoted(text, block.start))
    if block.shape in ("attribution", "unmarked-labels") or block.marker == "replied":
        return says == "forward"
    return says != "reply"


def read_forward(forward: Forward, outer: Part | None, form: OriginalForm | None = None) -> Original:
    """The original that a forward shows; its subject is the outer one's where the block never has one (attributions),
    or has none under a subject that says "forward".
    """
    found = _original(forward.text, forward.block, outer, 0)
    if forward.unclear:
        found = without_sender(found, UNCLEAR_FLAG)
    return found if form is None else replace(found, form=form)


def addresses_of(message: Part) -> frozenset[str]:
    """Whom a message is addressed to, folded."""
    fields = (message.unfolded(name) or "" for name in ("to", "cc"))
    found = (one.mailbox.address for field in fields for one in read_mailboxes(field, encoded=True))
    return frozenset(folded for address in found if address is not None and (folded := fold(address)) is not None)


def is_to_its_writer(message: Part, original: Original) -> bool:
    """Whether the forward in a message's text is by whoever the message goes to: our own question, answered."""
    sender = original.sender.address
    if sender is None:
        return False
    readers, domain = addresses_of(message), sender.rpartition("@")[2]
    reporter = read_mailbox(message.unfolded("from") or "", encoded=True).mailbox.address or ""
    shared = domain in listed("freemail") or reporter.endswith(f"@{domain}")
    return fold(sender) in readers or (not shared and any(one.endswith(f"@{domain}") for one in readers))


def is_of_a_mail_to_us(message: Part, forward: Forward, original: Original) -> bool:
    """Whether header lines in a text, that no program marked as a forward, tell of a mail to whoever gets the message
    itself: what a form on a web page sends, of who filled it in.
    """
    is_marked = forward.block.marker is not None or forward.block.cue is not None
    if is_marked or subject_says(message.text("subject"), forward.block.languages) is not None:
        return False
    shown = [fold(one.address) for one in original.recipients if one.address is not None]
    return bool(shown) and addresses_of(message).issuperset(one for one in shown if one is not None)


def claims_in(texts: list[Text], subject: str | None) -> tuple[Original, ...]:
    """What a message that was itself recovered claims to forward, or to answer, in its own text."""
    for text in texts:
        block = find_block(text, 0, subject)
        if block is not None:
            return (_original(text, block, None, 1),)
    return ()


def _original(text: Text, block: Block, outer: Part | None, depth: int) -> Original:
    spans: dict[str, tuple[int, int]] = {}
    flags: set[str] = set()
    sender, on_behalf_of = _sender(text, block, spans, flags)
    recipients = _recipients(text, block, spans, flags)
    subject = _subject(text, block, outer, spans)
    date = block.values.get("date")
    sent_between = UNKNOWN if date is None else sent_window(_date_text(block, date), block.languages)
    if date is not None and sent_between != UNKNOWN:
        spans["sent_between"] = text.span(date.start, date.end)
    reply_to = _reply_to(text, block, spans)
    if block.shape in ("unknown-labels", "unmarked-labels"):
        flags.add("unknown_labels")
    links = links_of([(text, block.end)])
    # What is claimed joins no campaign.
    traits = BodyMarks() if depth else marks_of_text(text, block.end, links)
    inner = find_block(text, block.end) if depth < CLAIM_CEILING_DEPTH else None
    return Original(
        form="inline-html" if text.kind == "html" else "inline-text",
        grade="G1",
        grade_reason=_grade_reason(block),
        sender=sender,
        on_behalf_of=on_behalf_of,
        recipients=recipients,
        subject=subject,
        sent_between=sent_between,
        received_at=None,
        message_id=None,
        links=links,
        spans=spans,
        claims=() if inner is None else (_original(text, inner, None, depth + 1),),
        flags=tuple(sorted(flags)),
        reply_to=reply_to,
        text_sketch=traits.text_sketch,
        word_sketch=traits.word_sketch,
        look_sketch=traits.look_sketch,
        marks=traits.marks,
    )


def _grade_reason(block: Block) -> str:
    client = _CUE_NAMES.get(block.cue or "")
    by = f" ({client}'s marks)" if client else ""
    return f"header lines written by the reporter's mail client{by}; nothing of the original message itself"


def _date_text(block: Block, date: Value) -> str:
    return without_addresses(date.text) if block.shape == "attribution" else date.text


def _sender(
    text: Text, block: Block, spans: dict[str, tuple[int, int]], flags: set[str]
) -> tuple[Mailbox, Mailbox | None]:
    value = block.values["from"]
    if value.end > value.start:
        spans["sender"] = text.span(value.start, value.end)
    # Outlook says so, and writes no line "Forwarded message"; programs that do say nothing of the kind: it is a name.
    is_marked = block.marker == "forwarded" or block.cue in FORWARD_CUES
    written, behalf = (value.text, None) if is_marked else split_on_behalf(value.text)
    linked = _linked_addresses(text, value)
    found = read_mailbox(written)
    if behalf is not None and linked and found.mailbox.address not in linked:
        # The client made links of addresses, and not of this one: all of it is a name.
        written, behalf, found = value.text, None, read_mailbox(value.text)
    mailbox = found.mailbox
    if behalf is None and len({one.mailbox.address for one in read_mailboxes(written) if one.mailbox.address}) > 1:
        flags.add("several_senders")
        mailbox = Mailbox(None, mailbox.name)  # as of a whole message with several (`attached.written_senders`)
    is_forged = found.name_contains_address
    if behalf is None and linked and mailbox.address not in linked:
        if mailbox.address is not None:
            # The client made the link, of the address; what it shows there may be a name that the sender chose.
            mailbox = Mailbox(linked[0] if len(linked) == 1 else None, found.mailbox.name or mailbox.address)
            is_forged = True
        elif len(linked) == 1 and not find_address(value.text):
            mailbox = Mailbox(linked[0], mailbox.name)
    if is_forged:
        flags.add("name_contains_address")
    if mailbox.address is None:
        flags.add("no_sender_address")
    if behalf is None:
        return mailbox, None
    flags.add("on_behalf_of")
    spans["on_behalf_of"] = spans["sender"]
    return mailbox, read_mailbox(behalf).mailbox


def split_on_behalf(written: str) -> tuple[str, str | None]:
    """`X on behalf of Y` as X and Y (None without it), in the languages of the tables.

    Outlook's plain text has the address of each in brackets: where X has none, all of it is one name.
    """
    for between, after in labels().on_behalf_around:
        head, found, tail = written.partition(between)
        if found and tail.rstrip().endswith(after) and find_address(head):
            return head.strip(), tail.rstrip().removesuffix(after).strip()
    if _ONE_MAILTO_AT_END.fullmatch(written):
        return written, None
    lowered = written.casefold()
    if len(lowered) != len(written):
        return written, None
    for phrase in labels().on_behalf_of:
        at = lowered.find(phrase)
        if at <= 0 or written.count('"', 0, at) % 2:  # inside quotes it is part of a name that the sender chose
            continue
        before, after = written[:at], written[at + len(phrase) :]
        apart = (before[-1] in " >)]" and after[:1] in " <") or not phrase.isascii()
        if apart and after.strip() and (find_address(before) or (len(phrase) > 4 and not find_address(written))):
            return before.strip(), after.strip()
    return written, None


def _linked_addresses(text: Text, value: Value) -> tuple[str, ...]:
    """The addresses that links in a value lead to, each once, as the client wrote them (RFC 6068, section 2)."""
    found = (
        clean_address(unquote(re.split(r"[?&]", link.target[7:])[0]))
        for link in (text.rendered.links if text.rendered is not None else ())
        if value.start - 1 <= link.text_at < value.end and link.target.lower().startswith("mailto:")
    )
    return tuple(dict.fromkeys(address for address in found if address is not None))


def _recipients(text: Text, block: Block, spans: dict[str, tuple[int, int]], flags: set[str]) -> tuple[Recipient, ...]:
    recipients: list[Recipient] = []
    roles: tuple[Role, ...] = ("to", "cc", "bcc")
    for role in roles:
        value = block.values.get(role)
        if value is None:
            continue
        found: list[Found] = read_mailboxes(value.text)
        if any(one.name_contains_address for one in found):
            flags.add("recipient_name_contains_address")
        linked = _linked_addresses(text, value)
        only = linked[0] if len(found) == len(linked) == 1 else None
        for one in found:
            address = only or one.mailbox.address
            # A client makes links of all addresses; one that leads nowhere is a name, by whoever wrote the mail.
            shown = address if not linked or address in linked else None
            name = one.mailbox.name or (address if shown is None else None)
            recipients.append(Recipient(shown, name, "to" if role == "to" else "cc"))
        if found:
            here = text.span(value.start, value.end)
            before = spans.get("recipients", here)
            spans["recipients"] = (min(before[0], here[0]), max(before[1], here[1]))
    return tuple(recipients)


def _subject(text: Text, block: Block, outer: Part | None, spans: dict[str, tuple[int, int]]) -> str | None:
    value = block.values.get("subject")
    if value is not None:
        spans["subject"] = text.span(value.start, value.end)
        return value.text
    field = outer.first("subject") if outer is not None else None
    if outer is None or field is None:
        return None
    if block.shape != "attribution" and subject_says(outer.text("subject"), block.languages) != "forward":
        return None  # the client wrote lines, and the mail had no subject or its line was not read; this one is new
    spans["subject"] = outer.span(field)
    return without_prefixes(outer.text("subject") or "")


def _reply_to(text: Text, block: Block, spans: dict[str, tuple[int, int]]) -> str | None:
    value = block.values.get("reply_to")
    address = clean_address(value.text) if value is not None else None
    if value is not None and address is not None:
        spans["reply_to"] = text.span(value.start, value.end)
    return address
