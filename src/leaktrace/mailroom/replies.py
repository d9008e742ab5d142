"""Whether a reporter may be thanked by mail, and what the thanks say (RFC 3834). Pure: nothing is sent or kept here.

An automatic answer to another goes round for ever; one that goes to a forged sender is unwanted mail itself;
one that tells of the case leaks it. So whatever is in doubt is not answered, and the answer holds nothing of the
report: thanks, what happens next, and a reference that says nothing.

Checks, in this order:
 1. a new report or complaint that a person sent, not a machine's feedback report;
 2. not sent by a program, a list or in bulk (RFC 3834, section 2);
 3. a sender known by name who can take an answer, and the one in the envelope if that is known; not one whose domain
    says that such mail is forged;
 4. not an answer to one of ours;
 5. sent lately.
What the caller still owes: once per reporter and so many an hour (`acknowledged.py`), and writing down before sending.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from leaktrace.addresses import fold
from leaktrace.mailroom.inline import find_forward
from leaktrace.mailroom.labels import labels, plain
from leaktrace.mailroom.mailboxes import read_mailbox, read_mailboxes
from leaktrace.mailroom.mime import CeilingReached, Part, TextBudget, read_message
from leaktrace.mailroom.texts import body_texts
from leaktrace.mailroom.thanks import FALLBACK_LANGUAGE, language_for
from leaktrace.records import MessageRecord
from leaktrace.settings import Settings

OLDEST_DAYS = 7
"""An older report is not acknowledged: an old mailbox that is read in for the first time thanks nobody."""
REFERENCES_CEILING_COUNT = 20
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,240}@[!-;=?-~]{1,240}>")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
"""Addresses that every mail system takes as they are (RFC 5321, section 4.1.2, without quoted local parts)."""
_MACHINES = re.compile(
    r"(?:mailer-daemon|postmaster|root|daemon|www-data|nobody|majordomo|listserv|mailman|bounces?|returns?|"
    r"(?:do-?)?not?-?(?:reply|respond|answer)|(?:auto|system)-?(?:reply|mail|mailer|responder)|owner-.*|"
    r".*-(?:request|owner|relay|bounces?|return|noreply|no-reply)|abuse|feedback|fbl|complaints?)(?:[+=].*)?"
)
"""Local parts, without dots and underscores, of addresses behind which nobody reads (RFC 3834, section 2; RFC 2142)."""
_LIST_FIELDS = ("list-id", "list-post", "list-help", "list-subscribe", "list-unsubscribe", "list-owner", "mailing-list")
_BY_MACHINES = ("arf", "xarf")


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A reporter who may be thanked."""

    to: str
    language: str
    in_reply_to: str | None
    """Message-ID of the report, with its brackets."""
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declined:
    """Why a message is not answered."""

    reason: str


def judge_reply(
    raw: bytes,
    record: MessageRecord,
    *,
    settings: Settings,
    now: datetime,
    is_ours: Callable[[str], bool],
) -> Acknowledge | Declined:
    """Whether to thank for this message. `is_ours`: whether a Message-ID is that of an acknowledgement."""
    if record.kind not in ("report", "complaint"):
        return Declined(f"it is neither a report nor a complaint but of kind {record.kind}")
    if any(original.form in _BY_MACHINES for original in record.originals):
        return Declined("a machine sent it: a feedback report")
    try:
        message = read_message(raw, settings)
    except CeilingReached as reached:
        return Declined(str(reached))
    to = (record.reporter.address or "").strip()
    ids = _ids(message, "references")[-REFERENCES_CEILING_COUNT:]
    replied_to = _ids(message, "in-reply-to")
    own = _ids(message, "message-id")[:1]
    declined = (
        _by_a_program(message)
        or _in_bulk(message)
        or _cannot_take_answers(message, to, settings.acknowledge_from)
        or _disowned(record)
        or ("it answers an acknowledgement" if any(map(is_ours, [*ids, *replied_to])) else None)
        or _too_old(record, now)
    )
    if declined:
        return Declined(declined)
    return Acknowledge(to, _language(message, settings), own[0] if own else None, (*ids, *own))


def _by_a_program(message: Part) -> str | None:
    words = [re.split(r"[;(\s]", value.strip().lower(), maxsplit=1)[0] for value in message.texts("auto-submitted")]
    if any(word != "no" for word in words):
        return "a program sent it (Auto-Submitted)"
    if message.content_type == "multipart/report":
        return "a program sent it (multipart/report)"
    if any(_suppresses(value) for value in message.texts("x-auto-response-suppress")):
        return "its sender wants no automatic answers (X-Auto-Response-Suppress)"
    for name in ("x-autoreply", "x-autorespond", "x-autoresponder", "x-loop", "x-auto-reply-from"):
        if message.first(name) is not None:
            return "a program sent it or has seen it before"
    return None


def _suppresses(value: str) -> bool:
    return not {"all", "autoreply", "oof"}.isdisjoint(re.split(r"[,;\s]+", value.strip().lower()))


def _in_bulk(message: Part) -> str | None:
    if any(message.first(name) is not None for name in _LIST_FIELDS):
        return "it came by a mailing list"
    if any(value.strip().lower() not in ("", "normal", "first-class") for value in message.texts("precedence")):
        return "it was sent in bulk (Precedence)"
    return None


def _cannot_take_answers(message: Part, to: str, ourselves: str) -> str | None:
    """Why no answer goes to the sender. Only where From and the envelope agree is it known whom the answer reaches."""
    if not _ADDRESS.fullmatch(to) or not _is_only_sender(message, to):
        return "it has no sender who can be written to"
    local, _, _ = to.lower().rpartition("@")
    if _MACHINES.fullmatch(re.sub(r"[._]", "", local)) or _MACHINES.fullmatch(re.sub(r"[._]", "-", local)):
        return "its sender's address is one that nobody reads"
    if ourselves and fold(to) == fold(ourselves):
        return "it comes from our own address"
    for value in message.texts("return-path"):
        sender = read_mailbox(value).mailbox.address
        if sender is None:
            return "it has the null sender"
        if fold(sender) != fold(to):
            return "its envelope names another sender than its From field"
    return None


def _disowned(record: MessageRecord) -> str | None:
    disowned = record.arrival is not None and record.arrival.sender == "disowned"
    return "the domain of its sender says that it is forged (DMARC)" if disowned else None


def _is_only_sender(message: Part, to: str) -> bool:
    """Whether From says this address and no other, so that nobody is written to whom it only mentions."""
    value = message.unfolded("from") or ""
    found = read_mailboxes(value, encoded=True)
    plainly = "<" in value or value.strip().lower() == to.lower()
    return len(message.all_fields("from")) == 1 and len(found) == 1 and plainly and not found[0].name_contains_address


def _too_old(record: MessageRecord, now: datetime) -> str | None:
    if record.reported_at is not None and record.reported_at < now - timedelta(days=OLDEST_DAYS):
        return f"it is older than {OLDEST_DAYS} days"
    return None


def _ids(message: Part, name: str) -> list[str]:
    """Message-IDs in a field, in ASCII and of the form that RFC 5322 gives them; whatever else is there is dropped."""
    return _MESSAGE_ID.findall(message.unfolded(name) or "")


def _language(message: Part, settings: Settings) -> str:
    """The language of the reporter's mail client by its labels around the forward, else by the message's own fields.

    Labels that several languages share (De: is Spanish, French and Portuguese) leave it to the fields; the subject's
    prefix is asked last, because clients write Fwd in any language.
    """
    said = [
        language
        for name in ("content-language", "accept-language")
        for tag in re.split(r"[\s,;]+", message.text(name) or "")
        if (language := language_for(tag)) is not None
    ]
    shown = _served(_languages_of_labels(message, settings))
    if both := [language for language in said if language in shown]:
        return both[0]
    if len(shown) == 1:
        return shown.pop()
    prefixed = _served(_languages_of_prefix(message.text("subject") or ""))
    return said[0] if said else prefixed.pop() if len(prefixed) == 1 else FALLBACK_LANGUAGE


def _served(languages: frozenset[str]) -> set[str]:
    """Those of them that we write."""
    return {found for one in languages if (found := language_for(one)) is not None}


def _languages_of_labels(message: Part, settings: Settings) -> frozenset[str]:
    try:
        texts = body_texts(message, TextBudget(settings.text_ceiling_bytes))
    except CeilingReached:
        return frozenset()
    forward = find_forward(texts, message.text("subject"))
    return frozenset() if forward is None else forward.block.languages


def _languages_of_prefix(subject: str) -> frozenset[str]:
    word, colon, _ = plain(subject).replace("：", ":").partition(":")
    return labels().forward_prefixes.get(word.strip(), frozenset()) if colon else frozenset()
